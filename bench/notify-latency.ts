/** P10: from the 2xx of a write to its receipt by a subscriber, at a fixed rate of writes. `node_modules/.bin/node bench/notify-latency.ts --help` */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort } from '../test/support/free-ports.ts';
import { openConnection } from './client.ts';
import { quantile, rounded } from './measure.ts';

const HELP = `Starts the server in its production profile and a receiver, and writes Observations at a fixed rate.

  --rate N           writes a second, started on time whether or not earlier ones are answered (default 1000)
  --seconds S        how long (default 10)
  --subscriptions N  each watches for one code of N (default 50)
  --connections N    to the server (default 64)
  --folder PATH      scratch data, emptied first (default data/bench/notify)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    subscriptions: { type: 'string', default: '50' },
    connections: { type: 'string', default: '64' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'notify') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}

async function startServer() {
  const own = await freePort();
  const token = randomBytes(24).toString('hex');
  const child = spawn(process.execPath, ['bin/watchfire.mjs', 'serve'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      WATCHFIRE_PROFILE: 'production',
      WATCHFIRE_ADMIN_TOKEN: token,
      WATCHFIRE_DATA: given.folder,
      WATCHFIRE_PORT: `${own}`,
      WATCHFIRE_OUTBOUND_ALLOW: `127.0.0.1:${port}`,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const base = `http://127.0.0.1:${own}`;
  const isReady = () =>
    fetch(`${base}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error('the server did not start');
    await new Promise((go) => setTimeout(go, 50));
  }
  const stop = () =>
    new Promise<void>((go) => {
      child.once('exit', () => go());
      child.kill('SIGTERM');
    });
  return { base, token, stop };
}

const SYSTEM = 'http://example.org/bench-codes';
const rate = Number(given.rate);
const writes = rate * Number(given.seconds);
const subscriptions = Number(given.subscriptions);

/** When a resource came in at the receiver, by its id. */
const receipts = new Map<string, number>();
const receiver = createServer((request, response) => {
  const id = request.url!.slice(request.url!.lastIndexOf('/') + 1);
  receipts.set(id, performance.now());
  request.resume().on('end', () => response.writeHead(200).end());
});
await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
const { port } = receiver.address() as AddressInfo;

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const server = await startServer();
const headers = `Authorization: Bearer ${server.token}\r\nContent-Type: application/fhir+json\r\n`;
const free = Array.from({ length: Number(given.connections) }, () => openConnection(server.base));

async function create(type: string, resource: object): Promise<string> {
  while (free.length === 0) await new Promise((go) => setImmediate(go));
  const connection = free.pop()!;
  const { status, body } = await connection.send({
    method: 'POST',
    path: `/fhir/${type}`,
    headers,
    body: JSON.stringify({ resourceType: type, ...resource }),
  });
  free.push(connection);
  if (status !== 201) throw new Error(`${type}: ${status} ${body}`);
  return JSON.parse(body).id;
}

const until = async (isSo: () => boolean, seconds: number): Promise<boolean> => {
  for (const end = performance.now() + seconds * 1_000; !isSo(); ) {
    if (performance.now() > end) return false;
    await new Promise((go) => setTimeout(go, 10));
  }
  return true;
};

for (let i = 0; i < subscriptions; i++) {
  await create('Subscription', {
    status: 'requested',
    reason: 'bench',
    criteria: `Observation?code=${SYSTEM}|code-${i}`,
    channel: { type: 'rest-hook', endpoint: `http://127.0.0.1:${port}/fhir`, payload: 'application/fhir+json' },
  });
}

const acknowledged = new Map<string, number>();
const observation = (i: number) => ({
  status: 'final',
  code: { coding: [{ system: SYSTEM, code: `code-${i % subscriptions}` }] },
  subject: { reference: `Patient/p${i % 997}` },
  effectiveDateTime: '2026-11-24T16:00:00Z',
  valueQuantity: { value: i, unit: '1' },
});
const running: Promise<void>[] = [];
const begin = performance.now();
for (let i = 0; i < writes; i++) {
  const due = begin + (i * 1_000) / rate;
  while (performance.now() < due) await new Promise((go) => setTimeout(go, 1));
  running.push(
    create('Observation', observation(i)).then((id) => {
      acknowledged.set(id, performance.now());
    }),
  );
}
await Promise.all(running);
const seconds = (performance.now() - begin) / 1_000;
const isComplete = await until(() => [...acknowledged.keys()].every((id) => receipts.has(id)), 60);

// A receipt can come before its acknowledgement is read: both are on their way at once.
const delays = [...acknowledged]
  .flatMap(([id, at]) => (receipts.has(id) ? [Math.max(0, receipts.get(id)! - at)] : []))
  .sort((a, b) => a - b);
console.log(
  JSON.stringify({
    writes,
    writesPerSecond: rounded(writes / seconds, 0),
    received: delays.length,
    isComplete,
    p50: rounded(quantile(delays, 0.5), 1),
    p99: rounded(quantile(delays, 0.99), 1),
    highest: rounded(delays[delays.length - 1] ?? 0, 1),
  }),
);
for (const connection of free) connection.close();
await server.stop();
receiver.closeAllConnections();
receiver.close();
