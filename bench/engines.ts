/** One sitting of both engines: the server on its own file and on a replica set, each beside its floor, operation after operation. `node bench/engines.ts --help` */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheSize, startReplicaSet } from '../test/support/mongod.ts';
import { type Contestant, startFloorProcess, startMongoFloorProcess, startServerProcess } from './contestants.ts';
import { type EngineRound, engineTable, standing } from './engines-table.ts';
import { type Figure, measure } from './measure.ts';
import { OPERATIONS, operationNamed } from './report.ts';
import { settle, type World } from './world.ts';

const HELP = `Measures the server on both engines, each beside its floor, and writes bench/results/<date>-engines.json.
The MongoDB is a replica set of its own on this machine, started for the sitting.

  node bench/engines.ts [options]

  --rounds N         rounds over all operations (default 3)
  --duration S       measured seconds per operation, round and process (default 2)
  --warmup S         seconds before them (default 0.7)
  --rest S           seconds between filling and measuring, in which the MongoDB engine puts to use what it learned (default 25)
  --concurrency N    connections (default 16)
  --ops a,b,...      operations (default: all)
  --audit MODE       strict or prompt (default strict)
  --floor same|least whether the MongoDB floor writes the guards and places that the server writes (default same)
  --only mongodb     leaves the embedded engine and its floor out
  --members N        of the replica set, 3 or 1 (default 3)
  --patients N       with 60 hours of five readings each (default 60)
  --quick            one round of 1 s with 15 patients: whether it works, not how fast it is
  --folder PATH      scratch data, emptied first (default data/bench/engines)
  --out FILE         results (default bench/results/<date>-engines.json; - for none)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string' },
    duration: { type: 'string' },
    warmup: { type: 'string' },
    rest: { type: 'string', default: '25' },
    concurrency: { type: 'string', default: '16' },
    ops: { type: 'string', default: OPERATIONS.map(({ name }) => name).join(',') },
    audit: { type: 'string', default: 'strict' },
    floor: { type: 'string', default: 'same' },
    only: { type: 'string' },
    members: { type: 'string', default: '3' },
    patients: { type: 'string' },
    quick: { type: 'boolean', default: false },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'engines') },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}

const operations = given.ops.split(',').map((name) => {
  const operation = operationNamed(name);
  if (!operation) throw new Error(`there is no operation "${name}"`);
  return operation;
});
const audit = given.audit === 'prompt' ? 'prompt' : 'strict';
const likeness = given.floor === 'least' ? 'least' : 'same';
const rounds = Number(given.rounds ?? (given.quick ? 1 : 3));
const patients = Number(given.patients ?? (given.quick ? 15 : 60));
const load = {
  concurrency: Number(given.concurrency),
  seconds: Number(given.duration ?? (given.quick ? 1 : 2)),
  warmUp: Number(given.warmup ?? (given.quick ? 0.4 : 0.7)),
  seed: 1,
};
const started = new Date();
const tell = (line: string) => console.error(line);

type Seat = keyof EngineRound;
interface Seated {
  readonly seat: Seat;
  readonly contestant: Contestant;
  readonly world: World;
}
const running: Contestant[] = [];

async function seated(seat: Seat, starting: Promise<Contestant>): Promise<Seated> {
  const contestant = await starting;
  running.push(contestant);
  const { base, token } = contestant;
  const nonce = started.getTime().toString(36);
  const world = await settle({ base, token, seed: 1, concurrency: load.concurrency, patients, hours: 60, nonce });
  const { resources, seconds } = world.seeding;
  tell(
    `${contestant.name}: ready after ${contestant.readyMilliseconds} ms, filled, ${Math.round(resources / seconds)} resources/s`,
  );
  return { seat, contestant, world };
}

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
// The members do not keep this process alive by themselves.
const awake = setInterval(() => {}, 1_000_000);
const set = await startReplicaSet({
  members: given.members === '1' ? 1 : 3,
  // As the members of docker-compose.yml have it. With the small caches of the tests pages are written out all the time.
  words: [cacheSize, '1'],
});
try {
  const members = set.members.map(({ pid }) => pid);
  const seats: Seated[] = [];
  if (given.only !== 'mongodb') {
    const floor = audit === 'strict' ? 'strict' : 'none';
    seats.push(await seated('sqliteFloor', startFloorProcess(given.folder, 'sqlite', floor)));
    seats.push(await seated('sqlite', startServerProcess(given.folder, audit)));
  }
  seats.push(await seated('mongodbFloor', startMongoFloorProcess(given.folder, set.freshUri(), audit, likeness)));
  seats.push(await seated('mongodb', startServerProcess(given.folder, audit, set.freshUri())));

  await new Promise((resolve) => setTimeout(resolve, 1_000 * Number(given.rest)));
  const measured = new Map<string, EngineRound[]>();
  for (let round = 1; round <= rounds; round++) {
    tell(`round ${round}`);
    for (const operation of operations) {
      const figures: { [S in Seat]?: Figure } = {};
      // Whoever goes first changes from round to round.
      for (const { seat, contestant, world } of round % 2 ? seats : seats.toReversed()) {
        const beside = seat.startsWith('mongodb') ? { beside: members } : {};
        const figure = await measure(operation, world, { ...load, ...beside, pids: [contestant.pid] });
        figures[seat] = figure;
        const { perSecond, p50, p99, serverMicroseconds, besideMicroseconds, cores, complaints } = figure;
        const cpu = [serverMicroseconds, besideMicroseconds].filter((us) => us !== undefined).join(' + ');
        tell(
          `  ${operation.name.padEnd(12)} ${contestant.name.padEnd(28)} ${perSecond}/s p50 ${p50} p99 ${p99} ms, ${cpu} us, others ${cores.others} ${complaints.join('; ')}`,
        );
      }
      measured.set(operation.name, [...(measured.get(operation.name) ?? []), figures]);
    }
  }

  const standings = [...measured].map(([operation, figures]) => standing(operation, figures));
  console.log(
    `### Both engines, audit of reads: ${audit}, round trips of the MongoDB floor: ${likeness}\n\n${engineTable(standings)}`,
  );
  if (given.out !== '-') {
    const out = given.out ?? join(root, 'bench', 'results', `${started.toISOString().slice(0, 10)}-engines.json`);
    mkdirSync(dirname(out), { recursive: true });
    const machine = { node: process.version, cores: availableParallelism(), cpu: cpus()[0]?.model };
    const report = {
      when: started.toISOString(),
      machine,
      load: { ...load, rounds, patients },
      audit,
      likeness,
      standings,
    };
    writeFileSync(out, `${JSON.stringify({ ...report, rounds: Object.fromEntries(measured) }, undefined, 1)}\n`);
    tell(`written to ${out}`);
  }
} finally {
  for (const contestant of running) await contestant.stop();
  await set.stop();
  clearInterval(awake);
}
