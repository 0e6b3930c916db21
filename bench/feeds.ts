/** How many readings a second come in by each way, on both engines, beside what a FHIR create takes. `node bench/feeds.ts --help` */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../test/support/free-ports.ts';
import { cacheSize, startReplicaSet } from '../test/support/mongod.ts';
import { type Contestant, startFloorProcess, startServerProcess } from './contestants.ts';
import { type Seat, WAYS } from './feed-ways.ts';
import { faulty, measure } from './measure.ts';
import { busySeconds, processSeconds } from './processes.ts';
import { operationNamed, table } from './report.ts';
import { settle } from './world.ts';

const HELP = `Measures readings a second (heart rate and blood pressure: 2 Observations) by each way in.

  node bench/feeds.ts [options]

  --seconds N        of each way (default 5)
  --concurrency N    connections (default 16)
  --ways a,b,...     of create, iot-reading, iot-batch, mqtt, file, mllp, poll (default: all)
  --mongodb          also on a replica set that it starts
  --profile PATH     the server writes CPU profiles there
  --folder PATH      scratch data, emptied first (default data/bench/feeds)

To reach, embedded, on two cores that nobody else uses: batches at 2,500 readings/s; single readings at half of create.`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '16' },
    ways: { type: 'string', default: 'create,iot-reading,iot-batch,mqtt,file,mllp,poll' },
    mongodb: { type: 'boolean', default: false },
    profile: { type: 'string' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'feeds') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const seconds = Number(given.seconds);
const concurrency = Number(given.concurrency);
const wanted = new Set(given.ways.split(','));
/** Readings carried by one request; `create` is one Observation and stands beside them. */
const requests = { create: 1, 'iot-reading': 1, 'iot-batch': 100 } as const;

interface Line {
  readonly who: string;
  readonly way: string;
  readonly perSecond: number;
  /** Microseconds of CPU of the server for each reading. */
  readonly cpu: number;
  readonly others: number;
  readonly fault: string;
}

async function sit(contestant: Contestant, seatOf?: Omit<Seat, 'world' | 'token'>): Promise<readonly Line[]> {
  const { base, token, pid, name: who } = contestant;
  const world = await settle({ base, token, seed: 1, concurrency, patients: 4, hours: 24, nonce: 'feeds' });
  const lines: Line[] = [];
  for (const [operation, readings] of Object.entries(requests)) {
    if (!wanted.has(operation)) continue;
    const load = { concurrency, seconds, warmUp: 1, seed: 1, pids: [pid] };
    const figure = await measure(operationNamed(operation)!, world, load);
    const cpu = Math.round((figure.serverMicroseconds ?? 0) / readings);
    const fault = faulty(figure) ? figure.complaints.join('; ') || 'not read back' : '';
    lines.push({
      who,
      way: operation,
      perSecond: figure.perSecond * readings,
      cpu,
      others: figure.cores.others ?? 0,
      fault,
    });
  }
  for (const way of seatOf ? WAYS.filter(({ code }) => wanted.has(code)) : []) {
    const [busy, own, mine] = [busySeconds(), processSeconds([pid]), process.cpuUsage()];
    const outcome = await way.run({ world, token, ...seatOf! }, seconds);
    const used = processSeconds([pid]) - own;
    const driver = process.cpuUsage(mine);
    const others = (busySeconds() - busy - used - (driver.user + driver.system) / 1e6) / outcome.seconds;
    const perSecond = outcome.readings / outcome.seconds;
    lines.push({ who, way: way.name, perSecond, cpu: (used / outcome.readings) * 1e6, others, fault: '' });
  }
  world.close();
  return lines;
}

/** A maker of implants in a process of its own: two days of 24 patients and of those that are written. */
function startMaker(port: number): ChildProcess {
  const { WATCHFIRE_PROFILE: _production, ...env } = process.env;
  const flags = ['--port', `${port}`, '--devices', '24', '--per-minute', '1000000'];
  const args = ['bin/watchfire.mjs', 'simulate', 'boston-scientific', ...flags];
  return spawn(process.execPath, args, { cwd: root, env, stdio: 'ignore' });
}

async function server(uri?: string): Promise<readonly Line[]> {
  const [mqttPort, mllpPort, makerPort] = [await freePort(), await freePort(), await freePort()];
  const maker = startMaker(makerPort);
  const inbox = join(given.folder, uri ? 'inbox-mongodb' : 'inbox');
  const settings = {
    WATCHFIRE_MQTT_PORT: `${mqttPort}`,
    WATCHFIRE_MLLP_PORT: `${mllpPort}`,
    BOSTON_SCIENTIFIC_BASE_URL: `http://127.0.0.1:${makerPort}`,
    WATCHFIRE_POLL_SECONDS: '1',
    WATCHFIRE_VAULT_KEY: randomBytes(32).toString('base64'),
    IOT_INBOX_DIR: inbox,
    IOT_ARCHIVE_DIR: `${inbox}-archive`,
  };
  const flags = given.profile ? ['--cpu-prof', `--cpu-prof-dir=${given.profile}`] : [];
  const contestant = await startServerProcess(given.folder, 'strict', uri, { settings, flags });
  return sit(contestant, { inbox, mqttPort, mllpPort }).finally(async () => {
    maker.kill('SIGTERM');
    await contestant.stop();
  });
}

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const lines: Line[] = [];
const floor = await startFloorProcess(given.folder, 'sqlite', 'strict');
lines.push(...(await sit(floor).finally(() => floor.stop())), ...(await server()));
if (given.mongodb) {
  // The members do not keep this process alive by themselves.
  const awake = setInterval(() => {}, 1_000_000);
  const set = await startReplicaSet({ members: 3, words: [cacheSize, '1'] });
  lines.push(...(await server(set.freshUri()).finally(() => set.stop())));
  clearInterval(awake);
}
const rows = lines.map(({ who, way, perSecond, cpu, others, fault }) => [
  who,
  way,
  Math.round(perSecond),
  Math.round(cpu),
  others.toFixed(1),
  fault || '-',
]);
console.log(table(['who', 'way', 'readings/s', 'server CPU us/reading', 'other cores', 'fault'], rows));
process.exit(lines.some(({ fault }) => fault !== '') ? 1 : 0);
