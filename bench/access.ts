/** Issue 7: what a SMART token and the policies cost, beside the same house with an Access that permits everything. `node_modules/.bin/node bench/access.ts --help` */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Contestant, startServerProcess } from './contestants.ts';
import { type Figure, faulty, measure } from './measure.ts';
import type { Operation } from './operation.ts';
import { operationNamed, table } from './report.ts';
import { type Pair, verdict } from './targets.ts';
import { nurse, type Speaker, service } from './voices.ts';
import { asking, settle, type World } from './world.ts';

const HELP = `Starts two servers on SQLite in their production profile and asks both the same, round after round: one as shipped, with an
access token, the other (open-house.ts) with one that opens everything and is not looked up.

  --rounds N         rounds over all operations (default 3)
  --seconds S        measured seconds per operation, round and server (default 2)
  --warmup S         seconds before them (default 0.7)
  --concurrency N    connections (default 16)
  --ops a,b,...      operations (default: as the table has them; of the nurse those that read)
  --as WHO           service: a backend service with system/*.cruds (default)
                     nurse: a nurse's user token, through sign-in and consent; figures are recorded, there is nothing to reach
  --quick            one round of half a second, 12 patients
  --profile FOLDER   both servers write CPU profiles there when they stop
  --folder PATH      scratch data, emptied first (default data/bench/access)
  --out FILE         every round as JSON

Ends with status 1 when an answer was wrong or a write could not be read back.`;

const ALL = 'read,vread,search,include,token,create,update,cond-create,transaction,delete';
const READING = 'read,vread,search,include,token';
/** Least share of the open house's requests per second. */
const TARGET = 0.9;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    warmup: { type: 'string', default: '0.7' },
    concurrency: { type: 'string', default: '16' },
    ops: { type: 'string' },
    as: { type: 'string', default: 'service' },
    quick: { type: 'boolean', default: false },
    profile: { type: 'string' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'access') },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const isNurse = given.as === 'nurse';
const operations = (given.ops ?? (isNurse ? READING : ALL)).split(',').map((name) => {
  const operation = operationNamed(name);
  if (!operation) throw new Error(`there is no operation "${name}"`);
  return operation;
});
const rounds = given.quick ? 1 : Number(given.rounds);
const load = {
  concurrency: Number(given.concurrency),
  seconds: given.quick ? 0.5 : Number(given.seconds),
  warmUp: given.quick ? 0.3 : Number(given.warmup),
  seed: 1,
};

/** A world whose server is asked by the administrator while something is prepared or read back, and by the token while it is measured. */
interface Side {
  readonly server: Contestant;
  readonly world: World;
  readonly speaker: Speaker;
  speakWith(token: string): void;
}

async function sideOf(server: Contestant, speakerOf: (world: World) => Promise<Speaker>): Promise<Side> {
  const { base, token } = server;
  const patients = given.quick ? 12 : 60;
  const plan = { base, token, seed: 1, concurrency: load.concurrency, patients, hours: 60, nonce: 'access' };
  const settled = await settle(plan);
  let { ask } = settled;
  const world: World = {
    ...settled,
    get ask() {
      return ask;
    },
  };
  const speaker = await speakerOf(world);
  return { server, world, speaker, speakWith: (word) => (ask = asking(base, word)) };
}

async function figure(operation: Operation, { server, world, speaker, speakWith }: Side): Promise<Figure> {
  // Short-lived tokens are renewed between figures.
  const token = await speaker.token();
  const voiced: Operation = {
    ...operation,
    async begin(...asked) {
      speakWith(server.token);
      const running = await operation.begin(...asked);
      speakWith(token);
      return {
        ...running,
        ...(running.verify && {
          verify() {
            speakWith(server.token);
            return running.verify!();
          },
        }),
      };
    },
  };
  const measured = await measure(voiced, world, { ...load, pids: [server.pid] });
  const { perSecond, p50, p99, serverMicroseconds, complaints } = measured;
  console.error(
    `  ${operation.name.padEnd(12)} ${server.name.padEnd(26)} ${perSecond}/s p50 ${p50} p99 ${p99} ms, ${serverMicroseconds} us ${complaints.join('; ')}`,
  );
  return measured;
}

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const running: Contestant[] = [];
const pairs = new Map<string, Pair[]>();
try {
  const started = async (starting: Promise<Contestant>) => {
    const contestant = await starting;
    running.push(contestant);
    return contestant;
  };
  const profiling = (name: string) =>
    given.profile ? ['--cpu-prof', `--cpu-prof-dir=${join(given.profile, name)}`] : [];
  const flags = { flags: profiling('shipped') };
  const shipped = await started(startServerProcess(given.folder, 'strict', undefined, flags));
  // As long as a token of ours.
  const word = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
  const entry = ['bench/open-house.ts', word];
  const other = { entry, called: 'open house', flags: profiling('open') };
  const open = await started(startServerProcess(given.folder, 'strict', undefined, other));
  // The same is stored on both sides, whoever asks for it.
  const speakerOf = isNurse ? nurse : service;
  const guarded = await sideOf(shipped, (world) => speakerOf(shipped, world));
  const free = await sideOf(open, async (world) => {
    await speakerOf(open, world);
    return { token: async () => word };
  });
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round}`);
    for (const operation of operations) {
      // Whoever goes first changes from round to round: the second finds a warmer machine.
      const first = round % 2 ? await figure(operation, free) : undefined;
      const server = await figure(operation, guarded);
      const floor = first ?? (await figure(operation, free));
      pairs.set(operation.name, [...(pairs.get(operation.name) ?? []), { server, floor }]);
    }
  }
  guarded.world.close();
  free.world.close();
} finally {
  for (const contestant of running) await contestant.stop();
  rmSync(given.folder, { recursive: true, force: true });
}

const verdicts = [...pairs].map(([operation, of]) => ({ ...verdict(operation, of, TARGET), rounds: of }));
const others = (of: readonly Pair[]) =>
  Math.max(...of.flatMap(({ server, floor }) => [server, floor].map(({ cores }) => cores.others ?? 0)));
const heads = ['operation', 'with token req/s', 'CPU us', 'open req/s', 'CPU us', 'share', 'to reach', 'met'];
const lines = verdicts.map((v) => [
  v.operation,
  v.serverPerSecond,
  v.serverMicroseconds,
  v.floorPerSecond,
  v.floorMicroseconds,
  v.share,
  isNurse ? '-' : TARGET,
  isNurse ? '-' : v.met ? 'yes' : 'no',
  v.cpuMultiple,
  others(v.rounds),
  v.wrong,
]);
console.log(table([...heads, 'CPU multiple', 'other cores', 'wrong'], lines));
if (given.out) {
  const machine = { node: process.version, cores: availableParallelism(), cpu: cpus()[0]?.model };
  const report = { when: new Date().toISOString(), as: given.as, machine, load: { ...load, rounds }, verdicts };
  writeFileSync(given.out, `${JSON.stringify(report, undefined, 1)}\n`);
}
process.exitCode = [...pairs.values()].flat().some(({ server, floor }) => faulty(server) || faulty(floor)) ? 1 : 0;
