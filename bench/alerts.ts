/** Issue 9: from a device's post to the signed webhook of those who must act, and to the screens that are open. `node_modules/.bin/node bench/alerts.ts --help` */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { openConnection } from './client.ts';
import { startServerProcess } from './contestants.ts';
import { quantile, rounded } from './measure.ts';
import { busySeconds, processSeconds } from './processes.ts';
import { asking, demand, plant, spread, urn } from './world.ts';

const HELP = `Posts single readings at a fixed rate, some critical, to a server in its production profile on the embedded engine.

  --rate N          readings a second, each started on time whether or not earlier ones are answered (default 500)
  --seconds S       how long (default 30), after --warm-up S at the same rate (default 15)
  --devices N       each with a patient (default 250)
  --every N         of a device's readings one in so many is critical (default 100)
  --streams N       open on /events with the topics of the dashboard (default 200; 250 at most)
  --connections N   to the device door (default 64)
  --profile PATH    the server writes CPU profiles there
  --out FILE        also write the figures as JSON
  --folder PATH     scratch data, emptied first (default data/bench/alerts)

To reach: p99 under 100 ms from post to webhook, under 1000 ms from post to every stream.`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '30' },
    'warm-up': { type: 'string', default: '15' },
    devices: { type: 'string', default: '250' },
    every: { type: 'string', default: '100' },
    streams: { type: 'string', default: '200' },
    connections: { type: 'string', default: '64' },
    profile: { type: 'string' },
    out: { type: 'string' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'alerts') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
const rate = Number(given.rate);
const devices = Number(given.devices);
const every = Number(given.every);
const warming = rate * Number(given['warm-up']);
const posts = warming + rate * Number(given.seconds);
const DAY = 86_400_000;
const begin = Math.floor((Date.now() - 20 * DAY) / 1_000) * 1_000;
const load = loadavg()[0]!;

/** When a Flag was heard of, of performance.now(): once by webhook, and by every stream. */
const byWebhook = new Map<string, number>();
const byStream = new Map<string, number[]>();
/** Which post a Flag tells of: its patient and the time of the reading. */
const postOf = new Map<string, string>();
const faults: string[] = [];

const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const webhook = new Webhook(secret);
const receiver = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const at = performance.now();
    response.writeHead(200).end();
    try {
      const body = Buffer.concat(chunks).toString('utf8');
      webhook.verify(body, request.headers as Record<string, string>, { jsonParse: false });
      const id = JSON.parse(body).about.slice('Flag/'.length);
      if (!byWebhook.has(id)) byWebhook.set(id, at);
    } catch (error) {
      faults.push(`a call could not be believed: ${error}`);
    }
  });
});
await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const server = await startServerProcess(given.folder, 'strict', undefined, {
  flags: given.profile ? ['--cpu-prof', `--cpu-prof-dir=${given.profile}`] : [],
  settings: {
    WATCHFIRE_OUTBOUND_ALLOW: host,
    WATCHFIRE_ALERT_INBOX: `http://${host}/inbox`,
    WATCHFIRE_ALERT_WEBHOOK_SECRET: secret,
  },
});
const { token } = server;
const ask = asking(server.base, token);
const patients: string[] = [];
const keys: string[] = [];
await spread(server.base, devices, async (n, connection) => {
  const identifier = (value: string) => [{ system: 'https://example.org/fhir/sid/device', value }];
  const [patient] = await plant({ ask }, connection, [
    { resourceType: 'Patient', birthDate: '1960-01-01' },
    { resourceType: 'Device', status: 'active', identifier: identifier(`alert-${n}`), patient: { reference: urn(1) } },
  ]);
  patients[n] = `Patient/${patient}`;
  const made = await demand(connection, ask.door(`/admin/devices/alert-${n}/keys`, { key_name: 'bench' }), 201);
  keys[n] = made.json.key;
});

const origin = new URL('/', server.base);
const ALERT = /"topic":"device-alert","reference":"Flag\/([^"]+)"/g;

/** Only the first is read in full: 200 that are would measure this process. */
function openStream(isFirst: boolean): Promise<() => void> {
  const url = new URL('/events?topics=device-alert,device-alert-resolved,task-assigned', origin);
  return new Promise((go, fail) => {
    const request = get(url, { agent: false, headers: { authorization: `Bearer ${token}` } }, (response) => {
      if (response.statusCode !== 200) fail(new Error(`a stream was answered ${response.statusCode}`));
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const at = performance.now();
        text += chunk;
        const end = text.lastIndexOf('\n\n');
        if (end < 0) return;
        const whole = text.slice(0, end);
        text = text.slice(end);
        for (const [, id] of whole.matchAll(ALERT)) {
          const heard = byStream.get(id!) ?? [];
          byStream.set(id!, heard);
          heard.push(at);
        }
        if (!isFirst) return;
        for (const line of whole.split('\n')) {
          if (!line.startsWith('data: {"topic":"device-alert",')) continue;
          const { resource } = JSON.parse(line.slice('data: '.length));
          if (resource?.resourceType === 'Flag')
            postOf.set(resource.id, `${resource.subject.reference} ${Date.parse(resource.period.start)}`);
        }
      });
      response.on('error', () => undefined);
      go(() => request.destroy());
    });
    request.on('error', fail);
  });
}
const closers = await Promise.all(Array.from({ length: Number(given.streams) }, (_, i) => openStream(i === 0)));

const free = Array.from({ length: Number(given.connections) }, () => openConnection(server.base));
/** When the post began that says something critical, and when it was answered. */
const posted = new Map<string, { readonly began: number; readonly isMeasured: boolean }>();
const answered: number[] = [];

async function post(i: number): Promise<void> {
  const began = performance.now();
  const device = i % devices;
  const turn = Math.floor(i / devices);
  const at = begin + turn * 60_000;
  // Two normal readings end an episode: the next critical one opens another.
  const isCritical = (turn + device) % every === 0;
  if (isCritical) posted.set(`${patients[device]} ${at}`, { began, isMeasured: i >= warming });
  while (free.length === 0) await new Promise((go) => setImmediate(go));
  const connection = free.pop()!;
  const reading = {
    device_id: `alert-${device}`,
    timestamp: new Date(at).toISOString(),
    heart_rate: isCritical ? 150 : 70 + (turn % 10),
    blood_pressure_systolic: 110 + (turn % 5),
    blood_pressure_diastolic: 70,
  };
  const { status, body } = await connection.send(ask.door('/api/iot/vitals/', reading, keys[device]));
  free.push(connection);
  if (i >= warming) answered.push(performance.now() - began);
  if (status !== 201) faults.push(`a post was answered ${status}: ${body}`);
}

const [busy, own, mine] = [busySeconds(), processSeconds([server.pid]), process.cpuUsage()];
const running: Promise<void>[] = [];
const started = performance.now();
for (let i = 0; i < posts; i++) {
  const due = started + (i * 1_000) / rate;
  while (performance.now() < due) await new Promise((go) => setTimeout(go, 1));
  running.push(post(i));
}
await Promise.all(running);
const seconds = (performance.now() - started) / 1_000;
const used = processSeconds([server.pid]) - own;
const driver = process.cpuUsage(mine);
const cores = {
  server: rounded(used / seconds, 2),
  driver: rounded((driver.user + driver.system) / 1e6 / seconds, 2),
  others: rounded((busySeconds() - busy - used - (driver.user + driver.system) / 1e6) / seconds, 2),
};
const isAllHeard = () =>
  byWebhook.size >= posted.size &&
  byStream.size >= posted.size &&
  [...byStream.values()].every(({ length }) => length >= closers.length);
for (const end = performance.now() + 20_000; !isAllHeard() && performance.now() < end; )
  await new Promise((go) => setTimeout(go, 20));

const delays = (heard: Iterable<readonly [string, number]>): number[] =>
  [...heard]
    .flatMap(([id, at]) => {
      const then = posted.get(postOf.get(id) ?? '');
      if (then === undefined) faults.push(`Flag/${id} tells of no post`);
      return then?.isMeasured ? [at - then.began] : [];
    })
    .sort((a, b) => a - b);
const figure = (all: readonly number[]) => ({
  count: all.length,
  p50: rounded(quantile(all, 0.5), 1),
  p99: rounded(quantile(all, 0.99), 1),
  highest: rounded(all.at(-1) ?? 0, 1),
});
const toWebhook = delays(byWebhook);
const toStreams = delays([...byStream].flatMap(([id, all]) => all.map((at) => [id, at] as const)));
const measured = [...posted.values()].filter(({ isMeasured }) => isMeasured).length;
if (toWebhook.length !== measured) faults.push(`${toWebhook.length} webhooks for ${measured} alerts`);
if (toStreams.length !== measured * closers.length) faults.push(`${toStreams.length} events for ${measured} alerts`);
const figures = {
  date: new Date().toISOString(),
  load: rounded(load, 2),
  readingsPerSecond: rounded(posts / seconds, 0),
  streams: closers.length,
  alerts: measured,
  post: figure(answered.sort((a, b) => a - b)),
  postToWebhook: figure(toWebhook),
  postToStreams: figure(toStreams),
  cores,
  faults: [...new Set(faults)].slice(0, 5),
};
console.log(JSON.stringify(figures, undefined, 2));
if (given.out) writeFileSync(given.out, `${JSON.stringify(figures, undefined, 2)}\n`);
for (const close of closers) close();
for (const connection of free) connection.close();
await server.stop();
receiver.closeAllConnections();
receiver.close();
const isMet = figures.postToWebhook.p99 < 100 && figures.postToStreams.p99 < 1_000;
process.exit(faults.length === 0 && isMet ? 0 : 1);
