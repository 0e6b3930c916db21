/** One sitting: floors and the server side by side, round after round, and what share of the floor the server reaches. `npm run bench:run -- --help` */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Contestant, startFloorProcess, startServerProcess } from './contestants.ts';
import { type Footprint, measureFootprint, secondStart } from './footprint.ts';
import { type Figure, measure } from './measure.ts';
import { OPERATIONS, operationNamed, table } from './report.ts';
import { LIMITS, type Pair, type Verdict, verdict } from './targets.ts';
import { settle, type World } from './world.ts';

const HELP = `Measures the server in its production profile beside the floors and writes bench/results/<date>.json.

  npm run bench:run -- [options]

  --rounds N         rounds over all operations (default 3)
  --duration S       measured seconds per operation, round and process (default 2)
  --warmup S         seconds before them (default 0.7)
  --concurrency N    connections (default 16)
  --ops a,b,...      operations (default: all)
  --audit a,b        audit modes: strict, prompt (default: both)
  --footprint N      Observations for memory, disk and second start (default 100000; 0 leaves this out)
  --folder PATH      scratch data, emptied first; on the disk that is to be measured (default data/bench/run)
  --out FILE         results (default bench/results/<date>.json)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    duration: { type: 'string', default: '2' },
    warmup: { type: 'string', default: '0.7' },
    concurrency: { type: 'string', default: '16' },
    ops: { type: 'string', default: OPERATIONS.map(({ name }) => name).join(',') },
    audit: { type: 'string', default: 'strict,prompt' },
    footprint: { type: 'string', default: '100000' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'run') },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}

type Mode = 'strict' | 'prompt';
const modes = given.audit.split(',').filter((mode): mode is Mode => mode === 'strict' || mode === 'prompt');
const operations = given.ops.split(',').map((name) => {
  const operation = operationNamed(name);
  if (!operation) throw new Error(`there is no operation "${name}"`);
  return operation;
});
const load = {
  concurrency: Number(given.concurrency),
  seconds: Number(given.duration),
  warmUp: Number(given.warmup),
  seed: 1,
};
const started = new Date();
const running: Contestant[] = [];
const tell = (line: string) => console.error(line);

async function keep(starting: Promise<Contestant>): Promise<Contestant> {
  const contestant = await starting;
  running.push(contestant);
  tell(`${contestant.name}: ready after ${contestant.readyMilliseconds} ms`);
  return contestant;
}

async function filled(contestant: Contestant): Promise<World> {
  const nonce = started.getTime().toString(36);
  const { base, token } = contestant;
  const world = await settle({ base, token, seed: 1, concurrency: load.concurrency, patients: 60, hours: 60, nonce });
  const { resources, seconds } = world.seeding;
  tell(`${contestant.name}: filled, ${Math.round(resources / seconds)} resources/s`);
  return world;
}

interface Match {
  readonly mode: Mode;
  readonly server: Contestant;
  readonly floor: Contestant;
  readonly serverWorld: World;
  readonly floorWorld: World;
  readonly pairs: Map<string, Pair[]>;
}

/** Server and floor of one audit mode: a floor notes reads only where the server answers them after their audit row is on disk. */
async function matchOf(mode: Mode): Promise<Match> {
  const floor = await keep(startFloorProcess(given.folder, 'sqlite', mode === 'strict' ? 'strict' : 'none'));
  const server = await keep(startServerProcess(given.folder, mode));
  const [floorWorld, serverWorld] = [await filled(floor), await filled(server)];
  return { mode, server, floor, serverWorld, floorWorld, pairs: new Map() };
}

async function figure(
  operation: (typeof operations)[number],
  world: World,
  { name, pid }: Contestant,
): Promise<Figure> {
  const measured = await measure(operation, world, { ...load, pids: [pid] });
  const { perSecond, p50, p99, serverMicroseconds, complaints } = measured;
  tell(
    `  ${operation.name.padEnd(12)} ${name.padEnd(20)} ${perSecond}/s p50 ${p50} p99 ${p99} ms, ${serverMicroseconds} us ${complaints.join('; ')}`,
  );
  return measured;
}

async function rounds(matches: readonly Match[]): Promise<void> {
  for (let round = 1; round <= Number(given.rounds); round++) {
    tell(`round ${round}`);
    for (const operation of operations) {
      for (const { server, floor, serverWorld, floorWorld, pairs } of matches) {
        // Whoever goes first changes from round to round: the second finds a warmer machine.
        const first = round % 2 ? await figure(operation, floorWorld, floor) : undefined;
        const served = await figure(operation, serverWorld, server);
        const floored = first ?? (await figure(operation, floorWorld, floor));
        pairs.set(operation.name, [...(pairs.get(operation.name) ?? []), { server: served, floor: floored }]);
      }
    }
  }
}

async function bareFigures(): Promise<Figure[]> {
  const bare = await keep(startFloorProcess(given.folder, 'bare', 'none'));
  const plan = { base: bare.base, token: '', seed: 1, concurrency: 0, patients: 0, hours: 24, nonce: 'bare' };
  const world = await settle(plan);
  const figures = [
    await figure(operationNamed('bare')!, world, bare),
    await figure(operationNamed('bare-post')!, world, bare),
  ];
  world.close();
  return figures;
}

const percent = (share: number) => `${Math.round(share * 1000) / 10} %`;

function verdictTable(mode: Mode, verdicts: readonly Verdict[]): string {
  const heads = [
    'operation',
    'req/s',
    'p50 / p99 ms',
    'CPU us',
    'floor req/s',
    'floor CPU us',
    'share of floor',
    'target',
    'met',
    'CPU multiple',
    'wrong',
  ];
  const lines = verdicts.map((v) => [
    v.operation,
    v.serverPerSecond,
    `${v.p50} / ${v.p99}`,
    v.serverMicroseconds,
    v.floorPerSecond,
    v.floorMicroseconds,
    percent(v.share),
    percent(v.target),
    v.met ? 'yes' : 'no',
    v.cpuMultiple,
    v.wrong,
  ]);
  return `### Audit of reads: ${mode}\n\n${table(heads, lines)}`;
}

function footprintTable(f: Footprint): string {
  const line = (what: string, value: number, limit: number, unit: string) => [
    what,
    `${value} ${unit}`,
    `${limit} ${unit}`,
    value <= limit ? 'yes' : 'no',
  ];
  return `### Footprint with ${f.observations} Observations\n\n${table(
    ['what', 'measured', 'limit', 'met'],
    [
      line('process start to ready, second start', secondStart(f), LIMITS.readyMilliseconds, 'ms'),
      line('resident memory straight after the last Observation', f.resident.all, LIMITS.residentMegabytes, 'MB'),
      line('resident memory ten quiet seconds later', f.residentWhenQuiet.all, LIMITS.residentMegabytes, 'MB'),
      line('disk per Observation without audit rows', f.bytesPerObservation, LIMITS.bytesPerObservation, 'bytes'),
      ['audit rows per Observation', `${f.auditBytesPerObservation} bytes`, '-', '-'],
      ['first start, empty folder', `${f.firstReadyMilliseconds} ms`, '-', '-'],
      ['filled through transactions of 100', `${f.seededPerSecond} resources/s`, '-', '-'],
    ],
  )}`;
}

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
try {
  const bare = await bareFigures();
  const matches: Match[] = [];
  for (const mode of modes) matches.push(await matchOf(mode));
  await rounds(matches);
  for (const contestant of running.splice(0)) await contestant.stop();
  const footprint = Number(given.footprint)
    ? await measureFootprint(join(given.folder, 'full'), Number(given.footprint))
    : undefined;

  const results = matches.map(({ mode, pairs }) => ({
    mode,
    verdicts: [...pairs].map(([operation, rounds]) => verdict(operation, rounds)),
    rounds: Object.fromEntries(pairs),
  }));
  const machine = { node: process.version, cores: availableParallelism(), cpu: cpus()[0]?.model };
  const out = given.out ?? join(root, 'bench', 'results', `${started.toISOString().slice(0, 10)}.json`);
  mkdirSync(dirname(out), { recursive: true });
  const report = {
    when: started.toISOString(),
    machine,
    load: { ...load, rounds: Number(given.rounds) },
    bare,
    results,
    footprint,
  };
  writeFileSync(out, `${JSON.stringify(report, undefined, 1)}\n`);

  const [got, posted] = bare;
  console.log(
    `Bare node:http: GET ${got!.perSecond}/s, ${got!.serverMicroseconds} us; POST ${posted!.perSecond}/s, ${posted!.serverMicroseconds} us\n`,
  );
  for (const { mode, verdicts } of results) console.log(`${verdictTable(mode, verdicts)}\n`);
  if (footprint) console.log(footprintTable(footprint));
  tell(`written to ${out}`);
} finally {
  for (const contestant of running) await contestant.stop();
}
