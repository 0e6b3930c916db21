/** Readings a second through the inbox, in files of one and of many. `node_modules/.bin/node bench/file-drop.ts --help` */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../test/support/free-ports.ts';

const HELP = `Starts the server in its production profile with an inbox, drops files and has them taken in.

  --readings N   of each round: heart rate and blood pressure, 2 Observations (default 5000)
  --devices N    that they are of (default 50)
  --store URI    WATCHFIRE_STORE (default sqlite)
  --folder PATH  scratch data, emptied first (default data/bench/file-drop)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    readings: { type: 'string', default: '5000' },
    devices: { type: 'string', default: '50' },
    store: { type: 'string', default: 'sqlite' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'file-drop') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}

const [readings, devices] = [Number(given.readings), Number(given.devices)];
const [inbox, aside] = [join(given.folder, 'inbox'), join(given.folder, 'aside')];
const token = randomBytes(24).toString('hex');
const port = await freePort();
rmSync(given.folder, { recursive: true, force: true });
for (const folder of [inbox, aside]) mkdirSync(folder, { recursive: true });
const server = spawn(process.execPath, ['--max-semi-space-size=4', 'bin/watchfire.mjs', 'serve'], {
  cwd: root,
  env: {
    PATH: process.env['PATH'],
    WATCHFIRE_PROFILE: 'production',
    WATCHFIRE_ADMIN_TOKEN: token,
    WATCHFIRE_STORE: given.store,
    WATCHFIRE_DATA: join(given.folder, 'data'),
    WATCHFIRE_PORT: `${port}`,
    IOT_INBOX_DIR: inbox,
    IOT_ARCHIVE_DIR: join(given.folder, 'archive'),
    WATCHFIRE_IOT_WATCH: 'false',
    LOG_LEVEL: 'warn',
  },
  stdio: ['ignore', 'ignore', 'inherit'],
});
const pause = (ms: number) => new Promise((go) => setTimeout(go, ms));

async function ask(method: string, path: string, body?: unknown): Promise<any> {
  const type = path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json';
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
  return response.json();
}

let minute = 0;
const reading = () => ({
  timestamp: new Date(Date.UTC(2026, 0, 1) + minute++ * 60_000).toISOString(),
  heart_rate: 72,
  blood_pressure_systolic: 120,
  blood_pressure_diastolic: 80,
});

/** Drops `readings` in files of so many each, and says how many a second were taken in. */
async function round(each: number): Promise<number> {
  const files = readings / each;
  for (let i = 0; i < files; i++) {
    const device_id = `D${i % devices}`;
    const content = each === 1 ? reading() : { readings: Array.from({ length: each }, reading) };
    writeFileSync(join(aside, `${i}.json`), JSON.stringify({ device_id, ...content }));
  }
  for (let i = 0; i < files; i++) renameSync(join(aside, `${i}.json`), join(inbox, `${each}_${i}.json`));
  await pause(2_500); // until they are quiet
  const begun = performance.now();
  let run = await ask('POST', '/admin/iot-files/runs', {});
  while (run.state === 'waiting' || run.state === 'running') {
    await pause(10);
    run = await ask('GET', `/admin/iot-files/runs/${run.run}`);
  }
  if (run.archived !== files || run.vitals !== 2 * readings) throw new Error(`not all: ${JSON.stringify(run)}`);
  return Math.round((readings * 1_000) / (performance.now() - begun));
}

try {
  for (let waited = 0; waited < 30_000; waited += 100) {
    if (
      await fetch(`http://127.0.0.1:${port}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break;
    await pause(100);
  }
  const entry = Array.from({ length: devices }, (_, i) => [
    { resourceType: 'Patient', id: `p${i}` },
    { resourceType: 'Device', id: `d${i}`, identifier: [{ value: `D${i}` }], patient: { reference: `Patient/p${i}` } },
  ])
    .flat()
    .map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
  await ask('POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry });
  await round(1); // warm
  for (const each of [1, 100]) console.log(`${each} in a file: ${await round(each)} readings/s`);
} finally {
  server.kill('SIGTERM');
}
