/** The most used search shapes over Synthea-like patients, at two sizes: time, matches and plan of each. `node bench/shapes.ts --help` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Connection, openConnection } from './client.ts';
import { type Contestant, startServerProcess } from './contestants.ts';
import { quantile, rounded } from './measure.ts';
import { type Shape, type Subject, shapes } from './shapes-list.ts';
import { seeded, sources } from './shapes-seed.ts';
import { patientOf, type Source } from './synthea.ts';

const HELP = `Measures about 30 search shapes on the server in its production profile, one connection, page of 20.

  node bench/shapes.ts [options]

  --sizes A,B        Observations, 1000 to a patient (default 100000,1000000); each size is seeded once and kept
  --only TEXT        shapes whose name holds this
  --seconds S        at most so long for each shape (default 2)
  --requests N       at most so many for each shape (default 300)
  --folder PATH      where the stores lie (default data/bench/shapes)
  --out FILE         figures (default bench/results/<date>-shapes.json)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100000,1000000' },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '2' },
    requests: { type: 'string', default: '300' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'shapes') },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}

const observationsEach = 1000;
const subjectsAsked = 40;
const warmUp = 40;

/** What the server says of the first page of the example. */
interface Plan {
  readonly considered: readonly string[];
  readonly ways: readonly string[];
  /** Rows looked at. */
  readonly looked?: number;
  readonly milliseconds?: number;
  /** Lines of SQLite's plans that read a table or subquery from end to end. */
  readonly scans: readonly string[];
}

export interface ShapeFigure {
  readonly shape: string;
  readonly kind: Shape['kind'];
  /** An example of the request, without the base. */
  readonly example: string;
  readonly status: number;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  /** Means of a page. */
  readonly matches: number;
  readonly included: number;
  readonly total?: number;
  readonly plan?: Plan;
}

const tell = (line: string): void => console.error(line);

/** Patients spread over all that are stored. */
function subjectsOf(from: readonly Source[], patients: number): readonly Subject[] {
  const step = Math.max(1, Math.floor(patients / subjectsAsked));
  return Array.from({ length: Math.min(subjectsAsked, patients) }, (_, i) => {
    const resources = patientOf(from, i * step, observationsEach);
    return { patient: resources.find(({ resourceType }) => resourceType === 'Patient')!, resources };
  });
}

async function measured(
  { name, kind, ask }: Shape,
  subjects: readonly Subject[],
  { connection, headers, path }: { connection: Connection; headers: string; path: string },
): Promise<ShapeFigure> {
  const asked = subjects.map((subject, n) => ask(subject, n)).filter((one) => one !== undefined);
  const get = (query: string) => connection.send({ method: 'GET', path: `${path}/${query}`, headers });
  const times: number[] = [];
  let [status, matches, included, total]: [number, number, number, number | undefined] = [0, 0, 0, undefined];
  const until = performance.now() + Number(given.seconds) * 1000;
  for (let n = 0; n < Number(given.requests) + warmUp && performance.now() < until; n++) {
    const started = performance.now();
    const answer = await get(asked[n % asked.length]!);
    const took = performance.now() - started;
    status = answer.status;
    if (status !== 200) break;
    if (n < warmUp && performance.now() < until - Number(given.seconds) * 500) continue;
    times.push(took);
    const bundle = JSON.parse(answer.body);
    for (const { search } of bundle.entry ?? []) search.mode === 'match' ? matches++ : included++;
    total = bundle.total;
  }
  times.sort((a, b) => a - b);
  return {
    shape: name,
    kind,
    example: asked[0]!,
    status,
    requests: times.length,
    p50: rounded(quantile(times, 0.5), 2),
    p99: rounded(quantile(times, 0.99), 2),
    matches: rounded(matches / (times.length || 1), 1),
    included: rounded(included / (times.length || 1), 1),
    total,
    plan: status === 200 ? await planOf(asked[0]!, get) : undefined,
  };
}

/** How the server says it found them, where it tells. */
async function planOf(query: string, get: (query: string) => Promise<{ status: number; body: string }>) {
  const { status, body } = await get(`$explain-search?query=${encodeURIComponent(query)}`);
  return status === 200 ? planIn(JSON.parse(body)) : undefined;
}

function planIn({ parameter }: { parameter: readonly any[] }): Plan {
  const named = (name: string, of: readonly any[] = parameter) => of.filter((one) => one.name === name);
  const held = (one: any): any => one?.[Object.keys(one).find((key) => key.startsWith('value'))!];
  const line = ({ part }: any): string => part.map((one: any) => `${one.name} ${held(one)}`).join(', ');
  const lines: string[] = named('statement').flatMap(({ part }) => named('plan', part).map(held));
  return {
    considered: named('considered').map(line),
    ways: named('way').map(line),
    looked: held(named('looked')[0]),
    milliseconds: held(named('milliseconds')[0]),
    scans: [...new Set(lines.filter((one) => one.startsWith('SCAN')))],
  };
}

async function sitting(size: number, from: readonly Source[]): Promise<readonly ShapeFigure[]> {
  const patients = Math.ceil(size / observationsEach);
  const folder = join(given.folder, String(size));
  mkdirSync(folder, { recursive: true });
  tell(`${size} Observations of ${patients} patients`);
  const started = performance.now();
  const written = await seeded(join(folder, 'server-prompt'), from, { patients, observationsEach, tell });
  if (written > 0) tell(`  seeded ${written} resources in ${Math.round((performance.now() - started) / 1000)} s`);
  const server: Contestant = await startServerProcess(folder, 'prompt');
  const connection = openConnection(server.base);
  try {
    const subjects = subjectsOf(from, patients);
    const headers = `Authorization: Bearer ${server.token}\r\nPrefer: handling=strict\r\n`;
    const { pathname: path } = new URL(server.base);
    const figures: ShapeFigure[] = [];
    for (const shape of shapes.filter(({ name }) => name.includes(given.only))) {
      const figure = await measured(shape, subjects, { connection, headers, path });
      figures.push(figure);
      const { p50, p99, matches, included, total, status } = figure;
      tell(
        `  ${shape.name.padEnd(74)} ${status === 200 ? `p50 ${p50} p99 ${p99} ms, ${matches} matches, ${included} included${total === undefined ? '' : `, total ${total}`}` : `answered ${status}`}`,
      );
    }
    return figures;
  } finally {
    connection.close();
    await server.stop();
  }
}

const sizes = given.sizes.split(',').map(Number);
const from = sources();
const sittings = new Map<number, readonly ShapeFigure[]>();
for (const size of sizes) sittings.set(size, await sitting(size, from));

/** One row for each shape: p50 / p99 of every size, and how many times the first its last p50 is. */
function table(): string {
  const rows = [...sittings.values()][0]!.map(({ shape }, i) => {
    const figures = [...sittings.values()].map((figures) => figures[i]!);
    const cells = figures.map(({ status, p50, p99 }) => (status === 200 ? `${p50} / ${p99}` : `${status}`));
    const [first, last] = [figures[0]!, figures.at(-1)!];
    const times = first.status === 200 && last.status === 200 ? rounded(last.p50 / first.p50, 2) : '-';
    return `| ${shape} | ${cells.join(' | ')} | ${times} | ${last.matches} + ${last.included} | ${last.plan?.looked ?? '-'} |`;
  });
  const heads = sizes.map((size) => `${size.toLocaleString('en')} p50 / p99 ms`);
  return [
    `| shape | ${heads.join(' | ')} | ratio | matches + included of a page | looked at |`,
    `|---|${sizes.map(() => '---:|').join('')}---:|---:|---:|`,
    ...rows,
  ].join('\n');
}

console.log(table());
const when = new Date().toISOString();
const out = given.out ?? join(root, 'bench', 'results', `${when.slice(0, 10)}-shapes.json`);
mkdirSync(dirname(out), { recursive: true });
const machine = { node: process.version, cores: availableParallelism(), cpu: cpus()[0]?.model };
writeFileSync(
  out,
  `${JSON.stringify({ when, machine, sizes, sittings: Object.fromEntries(sittings) }, undefined, 1)}\n`,
);
tell(`written to ${out}`);
const wrong = [...sittings.values()].flat().filter(({ status }) => status !== 200);
if (wrong.length > 0) process.exitCode = 1;
