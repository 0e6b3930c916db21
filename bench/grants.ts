/** Issue 7: how many backend services a second are given a token. Assertions are signed beforehand. `node_modules/.bin/node bench/grants.ts --help` */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Proof, registerBackend, tokenFault } from './backend.ts';
import { startServerProcess } from './contestants.ts';
import { type Figure, faulty, measure, rounded } from './measure.ts';
import { type Operation, sampleOf } from './operation.ts';
import { table } from './report.ts';
import { median } from './targets.ts';
import { asking, demand, settle, type World } from './world.ts';

const HELP = `Starts a server on SQLite and asks its token endpoint with client credentials.

  --rounds N         rounds over all proofs (default 3)
  --seconds S        measured seconds per proof and round (default 3)
  --concurrency N    connections (default 16)
  --proofs a,b       RS384, ES384, secret (default: all)
  --most N           assertions signed per second measured; what is faster runs dry early (default 1500)
  --quick            one round of a second
  --profile FOLDER   the server writes a CPU profile there when it stops
  --folder PATH      scratch data, emptied first (default data/bench/grants)
  --out FILE         the figures as JSON

Ends with status 1 when an answer was wrong, or a token opened nothing, or an assertion was good twice.`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '16' },
    proofs: { type: 'string', default: 'RS384,ES384,secret' },
    most: { type: 'string', default: '1500' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'grants') },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
/** Grants a second with RS384. */
const TARGET = 500;
const WARM_UP = 0.5;
const SCOPE = 'system/*.cruds';
const SAMPLE = 20;

const isProof = (name: string): name is Proof => ['RS384', 'ES384', 'secret'].includes(name);
const proofs = given.proofs.split(',').filter(isProof);
const rounds = given.quick ? 1 : Number(given.rounds);
const seconds = given.quick ? 1 : Number(given.seconds);

async function grantsBy(proof: Proof, adminToken: string, origin: string): Promise<Operation> {
  const backend = await registerBackend(origin, adminToken, proof, SCOPE);
  return {
    name: proof,
    checks: '200, an opaque token and the scope; a sample of tokens reads, and the first proof is refused again',
    units: 1,
    begin(world, during) {
      const count = Math.ceil((during + WARM_UP) * Number(given.most));
      const signed = Array.from({ length: count }, () => backend.request());
      const tokens: string[] = [];
      let at = 0;
      return {
        next: () => {
          // A secret is good as often as it is asked.
          const request = proof === 'secret' ? signed[at++ % count] : signed[at++];
          return (
            request && {
              request,
              judge(answer, json) {
                const fault = tokenFault(answer, json, SCOPE);
                if (fault === undefined) tokens.push(json.access_token);
                return fault;
              },
            }
          );
        },
        async verify() {
          if (new Set(tokens).size !== tokens.length) throw new Error('a token was given twice');
          for (const token of sampleOf(tokens, SAMPLE))
            await demand(world.aside, asking(world.base, token).get('Patient?_count=1'), 200);
          if (proof !== 'secret') await demand(world.aside, signed[0]!, 401);
        },
      };
    },
  };
}

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const flags = given.profile ? ['--cpu-prof', `--cpu-prof-dir=${given.profile}`] : [];
const server = await startServerProcess(given.folder, 'strict', undefined, { flags });
const figures: Figure[] = [];
try {
  const { base, token, pid } = server;
  const plan = { base, token, seed: 1, concurrency: 0, patients: 0, hours: 24, nonce: 'grants' };
  const world: World = await settle(plan);
  const load = { concurrency: Number(given.concurrency), seconds, warmUp: WARM_UP, seed: 1, pids: [pid] };
  const operations: Operation[] = [];
  for (const proof of proofs) operations.push(await grantsBy(proof, token, new URL(base).origin));
  // The first grant of all loads the authorization server, and code that was never run is slow: this is of no interest here.
  for (const operation of operations) await measure(operation, world, { ...load, seconds: 0.5 });
  for (let round = 0; round < rounds; round++)
    for (const operation of operations) {
      const figure = await measure(operation, world, load);
      figures.push(figure);
      const { perSecond, p50, p99, serverMicroseconds, complaints } = figure;
      console.error(
        `${operation.name.padEnd(7)} ${perSecond}/s p50 ${p50} p99 ${p99} ms, ${serverMicroseconds} us ${complaints.join('; ')}`,
      );
    }
  world.close();
} finally {
  await server.stop();
  rmSync(given.folder, { recursive: true, force: true });
}

const lines = proofs.map((proof) => {
  const own = figures.filter(({ operation }) => operation === proof);
  const of = (pick: (figure: Figure) => number, digits = 0) => rounded(median(own.map(pick)), digits);
  const perSecond = of((figure) => figure.perSecond);
  return [
    proof,
    perSecond,
    `${of(({ p50 }) => p50, 1)} / ${of(({ p99 }) => p99, 1)}`,
    of(({ serverMicroseconds }) => serverMicroseconds ?? 0),
    of(({ cores }) => cores.others ?? 0, 2),
    own.reduce((sum, { wrong }) => sum + wrong, 0),
    proof === 'RS384' ? TARGET : '-',
    proof === 'RS384' ? (perSecond >= TARGET && !own.some(faulty) ? 'yes' : 'no') : '-',
  ];
});
const heads = ['proof', 'grants/s', 'p50 / p99 ms', 'CPU us', 'other cores', 'wrong', 'to reach', 'met'];
console.log(table(heads, lines));
if (given.out) {
  const machine = { node: process.version, cores: availableParallelism(), cpu: cpus()[0]?.model };
  const report = { when: new Date().toISOString(), machine, rounds, seconds, figures };
  writeFileSync(given.out, `${JSON.stringify(report, undefined, 1)}\n`);
}
process.exitCode = figures.some(faulty) ? 1 : 0;
