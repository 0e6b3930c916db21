/** Issue 7: how long it takes to find one client of 100,000 and one device key of 1,000,000. `node_modules/.bin/node bench/lookups.ts --help` */
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openEngine } from '../src/open-engine.ts';
import { systemRuntime } from '../src/runtime.ts';
import { kinds } from '../src/smart/clients/client.ts';
import { openClients } from '../src/smart/clients/open.ts';
import { issueKey, verifyKey } from '../src/smart/device-keys.ts';
import type { Change } from '../src/store/store.ts';
import { quantile, rounded } from './measure.ts';

const HELP = `Fills a store of its own with clients and device keys, opens it anew, and looks single ones up, one after another.

  --clients N     (default 100000)
  --keys N        (default 1000000)
  --looks N       of each kind, at random (default 20000)
  --store URI     sqlite, or a mongodb:// URI whose database is filled (default sqlite)
  --folder PATH   scratch data, emptied first (default data/bench/lookups)`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    clients: { type: 'string', default: '100000' },
    keys: { type: 'string', default: '1000000' },
    looks: { type: 'string', default: '20000' },
    store: { type: 'string', default: 'sqlite' },
    folder: { type: 'string', default: join(root, 'data', 'bench', 'lookups') },
    help: { type: 'boolean', default: false },
  },
});
if (given.help) {
  console.log(HELP);
  process.exit(0);
}
/** Milliseconds that a look-up may take. */
const LIMIT = 1;
const AT_ONCE = 1_000;

const log = { warn: console.error, error: console.error };
const config = { store: given.store, data: given.folder, mongodbAcceptRelease: undefined };
const open = async () => (await openEngine({ config, runtime: systemRuntime, log, onCommit: () => undefined })).engine;
const outbound = { send: () => Promise.reject(new Error('no network here')), check: () => undefined };
const roomOf = (store: Awaited<ReturnType<typeof open>>) =>
  openClients({ store, runtime: systemRuntime, client: outbound, roles: ['service'] });

/** Commits what `make` gives, a thousand at a time. */
async function fill(
  store: Awaited<ReturnType<typeof open>>,
  count: number,
  make: () => readonly Change[],
): Promise<number> {
  const started = performance.now();
  for (let done = 0; done < count; done += AT_ONCE)
    await store.commit(Array.from({ length: Math.min(AT_ONCE, count - done) }, make).flat());
  return (performance.now() - started) / 1_000;
}

async function timed(count: number, look: (at: number) => Promise<boolean>) {
  const times: number[] = [];
  let wrong = 0;
  for (let at = 0; at < count; at++) {
    const started = performance.now();
    if (!(await look(at))) wrong++;
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => quantile(times, share));
  return { p50: p50!, p99: p99!, p999: p999!, most: times.at(-1)!, wrong };
}

rmSync(given.folder, { recursive: true, force: true });
mkdirSync(given.folder, { recursive: true });
const [clients, keys, looks] = [given.clients, given.keys, given.looks].map(Number) as [number, number, number];

const ids: string[] = [];
const issued: string[] = [];
const every = (count: number) => Math.max(1, Math.floor(count / looks));
const first = await open();
// One through the registry itself; the others are as it keeps them.
const { client: pattern } = await roomOf(first).clients.register(
  {
    client_name: 'Growth chart',
    redirect_uris: ['https://app.example.org/callback'],
    scope: 'launch launch/patient openid fhirUser offline_access patient/Observation.rs patient/Patient.r',
  },
  () => [],
);
let made = 0;
const clientSeconds = await fill(first, clients, () => {
  const [one, two, three] = [8, 4, 12].map((digits) =>
    Buffer.from(systemRuntime.random(6)).toString('hex').slice(0, digits),
  );
  const clientId = `${one}-${two}-7000-8000-${three}`;
  if (made++ % every(clients) === 0) ids.push(clientId);
  return [
    { op: 'put', kind: kinds.client, key: clientId, value: { ...pattern, clientId } },
    { op: 'put', kind: kinds.origin, key: `https://app${made}.example.org ${clientId}`, value: {} },
  ];
});
made = 0;
const keySeconds = await fill(first, keys, () => {
  const asked = { device: { type: 'Device', id: `device-${made}` }, deviceId: `DEV${made}`, keyName: 'Primary' };
  const { key, changes } = issueKey(asked, systemRuntime);
  if (made++ % every(keys) === 0) issued.push(key);
  return changes;
});
await first.close();

const store = await open();
const room = roomOf(store);
const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
const rows = {
  'client by client_id, not remembered': await timed(looks, async () => {
    const id = any(ids);
    return (await store.get(kinds.client, [id]))[0]?.value.clientId === id;
  }),
  'client by client_id, as tokens ask': await timed(looks, async () => {
    const id = any(ids);
    return (await room.clients.find(id))?.clientId === id;
  }),
  'client that there is not': await timed(looks, async (at) => {
    const id = `ffffffff-ffff-7000-8000-${String(at).padStart(12, '0')}`;
    return (await room.clients.find(id)) === undefined;
  }),
  'origin of a page': await timed(looks, async () =>
    room.clients.isOrigin(`https://app${1 + Math.floor(Math.random() * clients)}.example.org`),
  ),
  'device key, with its hash': await timed(looks, async () => {
    const key = any(issued);
    return !('refused' in (await verifyKey(store, key, Date.now())));
  }),
  'device key that there is not': await timed(looks, async () => {
    const key = `wfk_${Buffer.from(systemRuntime.random(4)).toString('hex')}_${'A'.repeat(43)}`;
    return 'refused' in (await verifyKey(store, key, Date.now()));
  }),
};
await store.close();

console.log(`${clients} clients in ${rounded(clientSeconds, 1)} s, ${keys} device keys in ${rounded(keySeconds, 1)} s`);
if (given.store === 'sqlite') {
  const bytes = statSync(join(given.folder, 'watchfire.db')).size;
  console.log(`store ${Math.round(bytes / 1e6)} MB; server memory ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
}
console.log('| look-up | p50 us | p99 us | p99.9 us | most us | wrong |\n|---|---:|---:|---:|---:|---:|');
for (const [name, { p50, p99, p999, most, wrong }] of Object.entries(rows)) {
  const micros = [p50, p99, p999, most].map((milliseconds) => Math.round(milliseconds * 1_000));
  console.log(`| ${name} | ${micros.join(' | ')} | ${wrong} |`);
}
const isMet = Object.values(rows).every(({ p99, wrong }) => p99 < LIMIT && wrong === 0);
console.log(isMet ? `p99 of each is below ${LIMIT} ms` : `NOT MET: p99 below ${LIMIT} ms and nothing wrong`);
rmSync(given.folder, { recursive: true, force: true });
process.exitCode = isMet ? 0 : 1;
