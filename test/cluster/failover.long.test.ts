/** Promises P1, P4, P5 and P8 on a replica set whose primary is killed every 20 s under load from two servers. https://www.mongodb.com/docs/manual/core/replica-set-elections/ */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { type Ledger, openLedger, say, settleAll } from '../crash/ledger.ts';
import { type Client, openClient, openCounters, WATCHED } from '../crash/operations.ts';
import { type Receiver, startReceiver } from '../crash/receiver.ts';
import * as verdict from '../crash/verdict.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type ReplicaSet, startReplicaSet } from '../support/mongod.ts';
import { type Reply, type ServerProcess, startServer } from '../support/process.ts';

const SECONDS = Number(process.env['WATCHFIRE_TEST_SECONDS'] ?? 180);
const KILL_EVERY = 20_000;
/** A killed member is started again after so long. */
const DOWN = 4_000;
const CLIENTS = 12;
const PROBE_EVERY = 250;
/** What is to be reached, ms without a write that is acknowledged, where nobody else uses the machine: after most of the kills. */
const UNAVAILABLE = 15_000;
/** Ms after any of them: an election that did not come about takes another 10 s. */
const MOST_UNAVAILABLE = 45_000;
/** The longest that anybody waits for an answer: the patience of the writer, which is 13 s, and a busy machine. */
const PATIENCE = 30_000;
/** What says that nothing is stored: the writer, and what a write looks for before. */
const NOTHING = /nothing of it is stored|others kept changing|changing its primary|condition of a write took too long/;

describeOnMongod('Two servers on a replica set whose primary is killed every 20 s', () => {
  const folders: string[] = [];
  const ledger: Ledger = openLedger();
  const clients: Client[] = [];
  const figures = { refusedUnknown: 0, refusedNotStored: 0, refusedReads: 0, longestWait: 0 };
  /** Names of operations whose caller was told that nothing of them is stored. */
  const notStored = new Set<string>();
  /** Moments (ms) of kills, and of acknowledgements of probes by server. */
  const kills: number[] = [];
  /** Ms that the set took to have another primary. */
  const elections: number[] = [];
  const probes: { readonly server: number; readonly sent: number; readonly done: number }[] = [];
  let set: ReplicaSet;
  let uri: string;
  let admin: MongoClient;
  let receiver: Receiver;
  let servers: ServerProcess[];
  let isOver = false;

  const start = () => {
    const data = mkdtempSync(join(tmpdir(), 'watchfire-failover-'));
    folders.push(data);
    return startServer(data, {
      WATCHFIRE_STORE: uri,
      WATCHFIRE_MONGODB_ACCEPT_RELEASE: '6.0.5',
      WATCHFIRE_ADMIN_TOKEN: 'the-same-token-for-both',
      WATCHFIRE_OUTBOUND_ALLOW: receiver.host,
    });
  };

  /** What a 503 promises is noted; to the client it is a request that nobody answered. */
  function note(method: string, body: unknown, { status, text, headers }: Reply): void {
    if (status !== 503) return;
    if (headers['retry-after'] === undefined) ledger.faults.push(`503 without Retry-After: ${text}`);
    if (method === 'GET') figures.refusedReads++;
    else if (NOTHING.test(text)) {
      figures.refusedNotStored++;
      for (const [name] of String(body).matchAll(/op-\d+(?=")/g)) notStored.add(name);
    } else if (text.includes('outcome of this write is unknown')) figures.refusedUnknown++;
    else ledger.faults.push(`an unexpected 503: ${text}`);
    throw new Error('nobody answered');
  }

  /** A server whose 503 are answers that did not come. Its name changes with time, and with it what many create once. */
  const hasty = (server: ServerProcess): ServerProcess => ({
    ...server,
    get pid() {
      return Math.floor(performance.now() / 2_000);
    },
    async ask(method, path, body, headers) {
      const begun = performance.now();
      const reply = await server.ask(method, path, body, headers);
      const waited = performance.now() - begun;
      figures.longestWait = Math.max(figures.longestWait, waited);
      if (waited > PATIENCE) ledger.faults.push(`${method} ${path} answered ${reply.status} after ${waited} ms`);
      note(method, body, reply);
      return reply;
    },
  });

  /** The same who asks until there is an answer; for questions, and for what may be repeated. */
  const patient = (server: ServerProcess): ServerProcess => ({
    ...server,
    async ask(...request) {
      for (;;) {
        const reply = await server.ask(...request);
        if (reply.status !== 503) return reply;
        await sleep(250);
      }
    },
  });

  async function expectRight(method: string, path: string, body: object): Promise<any> {
    const reply = await servers[0]!.ask(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.body;
  }

  async function act(client: Client, own: Ledger, server: ServerProcess): Promise<void> {
    const chance = Math.random();
    if (chance < 0.2) return client.createOnce(server);
    if (chance < 0.35) return client.transact(server);
    if (chance < 0.5) return client.create(server);
    if (chance < 0.65) return client.update(server);
    if (chance < 0.7) return client.remove(server);
    if (chance < 0.85) return client.count(server);
    const query = chance < 0.93 ? `Observation?code=${WATCHED}&_sort=-_lastUpdated&_count=5` : 'Basic?_count=3';
    const reply = await say(own, server, ['GET', `/fhir/${query}`]);
    if (reply && !(reply.status === 200 && reply.body.type === 'searchset'))
      own.faults.push(`${query} answered ${reply.status} ${reply.text}`);
  }

  /** One client after another request, on either server; what it does not know it finds out before it goes on. */
  async function load(client: Client, own: Ledger): Promise<void> {
    while (!isOver) {
      const server = servers[Math.random() < 0.5 ? 0 : 1]!;
      await act(client, own, hasty(server));
      if (own.unsure.length === 0) continue;
      // Once a write is acknowledged by the new primary, all that it took over is settled.
      const barrier = { resourceType: 'Basic', id: 'barrier', code: { text: ledger.name() } };
      await patient(server).ask('PUT', '/fhir/Basic/barrier', barrier);
      await settleAll(own, patient(server));
    }
  }

  /** Small writes at short intervals, whatever became of those before: how long nobody's is acknowledged. */
  async function probe(at: number): Promise<void> {
    const under: Promise<void>[] = [];
    for (let n = 0; !isOver; n++) {
      const sent = performance.now();
      // Each its own: writes of the same resource wait for one another.
      const id = `probe-${at}-${n}`;
      const body = { resourceType: 'Basic', id, code: { text: 'probe' } };
      const asked = servers[at]!.ask('PUT', `/fhir/Basic/${id}`, body).then(({ status }) => {
        if (status < 300) probes.push({ server: at, sent, done: performance.now() });
      });
      under.push(asked);
      await sleep(PROBE_EVERY);
    }
    await Promise.all(under);
  }

  async function killPrimaries(): Promise<void> {
    const until = performance.now() + SECONDS * 1_000;
    for (let next = performance.now() + 5_000; next < until; next += KILL_EVERY) {
      await sleep(Math.max(0, next - performance.now()));
      const primary = await set.primary();
      await primary.kill('SIGKILL');
      const killed = performance.now();
      kills.push(killed);
      const electing = set.primary().then(() => elections.push(Math.round(performance.now() - killed)));
      await sleep(DOWN);
      await primary.restart();
      await electing;
    }
    await sleep(Math.max(0, until - performance.now()));
    isOver = true;
  }

  beforeAll(async () => {
    [set, receiver] = await Promise.all([startReplicaSet(), startReceiver()]);
    uri = set.freshUri();
    admin = await new MongoClient(uri).connect();
    servers = [await start(), await start()];
    await openCounters(ledger, servers[0]!, ['counter-0', 'counter-1', 'counter-2', 'counter-3']);
    const criteria = `Observation?code=${WATCHED}`;
    const channel = { type: 'rest-hook', endpoint: `${receiver.url}/watched`, payload: 'application/fhir+json' };
    const subscription = { resourceType: 'Subscription', id: 'watched', reason: 'failover', criteria, channel };
    await expectRight('PUT', '/fhir/Subscription/watched', { ...subscription, status: 'off' });
    receiver.trust('watched', (await expectRight('POST', '/admin/subscriptions/watched/secret', {})).secret);
    await expectRight('PUT', '/fhir/Subscription/watched', { ...subscription, status: 'requested' });
    while ((await servers[1]!.ask('GET', '/fhir/Subscription/watched')).body.status !== 'active') await sleep(50);

    // Each client has open questions of its own; all the rest they share.
    const loads = Array.from({ length: CLIENTS }, () => {
      const own = { ...ledger, unsure: [] };
      const client = openClient(own, Math.random);
      clients.push(client);
      return load(client, own);
    });
    await Promise.all([...loads, probe(0), probe(1), killPrimaries()]);
  }, 600_000);

  afterAll(async () => {
    process.stderr.write(
      `failover: ${kills.length} kills, ${JSON.stringify(ledger.figures)}, ${JSON.stringify(figures)}, ` +
        `${receiver.heard('watched').length} notifications, ${receiver.figures.repeated} repeated; ` +
        `ms to the next primary: ${elections.join(' ')}; ms without an acknowledged write after each kill: ${servers.map((_, at) => gaps(at).join(' ')).join(' | ')}\n`,
    );
    await Promise.all(servers.map((server) => server.kill('SIGKILL')));
    await Promise.all([receiver.close(), admin.close()]);
    await set.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** From each kill to the first acknowledgement of what the server was asked afterwards. */
  const gaps = (at: number): readonly number[] =>
    kills.map((killed) => {
      const later = probes.filter(({ server, sent }) => server === at && sent > killed);
      return Math.round(Math.min(...later.map(({ done }) => done)) - killed);
    });

  it('lost the primary often enough, and answered nothing wrong on the way', () => {
    expect(ledger.faults).toEqual([]);
    expect(kills.length).toBeGreaterThanOrEqual(Math.floor(SECONDS / 30));
    expect(ledger.figures.acknowledged).toBeGreaterThan(kills.length * 25);
  });

  it('acknowledges writes again within 15 s of most kills, and soon after the others', () => {
    const all = [...gaps(0), ...gaps(1)].sort((a, b) => a - b);
    expect(all[all.length >> 1]).toBeLessThanOrEqual(UNAVAILABLE);
    expect(all.at(-1)).toBeLessThanOrEqual(MOST_UNAVAILABLE);
  });

  it('has lost no acknowledged write, and no version', async () => {
    for (const server of servers) expect(await verdict.writtenFaults(server, ledger)).toEqual([]);
  });

  it('has counted every acknowledged update once', async () => {
    expect(await verdict.counterFaults(servers[0]!, ledger)).toEqual([]);
  });

  it('has created once what was to be created once', async () => {
    expect(ledger.conditionals.size).toBeGreaterThan(0);
    expect(await verdict.conditionalFaults(servers[1]!, ledger)).toEqual([]);
  });

  it('holds nothing of a transaction that it refused, nor of what it said is not stored', async () => {
    expect(ledger.refused.length).toBeGreaterThan(0);
    expect(await verdict.refusedFaults(servers[0]!, ledger)).toEqual([]);
    const database = admin.db(databaseOf(uri));
    const stored: string[] = [];
    for (const name of ['resource', 'version']) {
      for await (const { b } of database.collection(name).find({ b: { $exists: true } })) {
        for (const [found] of b.toString('utf8').matchAll(/op-\d+(?=")/g)) if (notStored.has(found)) stored.push(found);
      }
    }
    expect(stored).toEqual([]);
  });

  it('has notified every version that is watched, in order and without gaps', async () => {
    const due = clients.reduce((sum, { log }) => sum + log.length, 0);
    await receiver.until('watched', due);
    expect(receiver.faults).toEqual([]);
    expect(verdict.notificationFaults(ledger, clients, receiver.heard('watched'))).toEqual([]);
    expect(receiver.heard('watched')).toHaveLength(due);
    expect((await servers[0]!.ask('GET', '/fhir/Subscription/watched')).body.status).toBe('active');
  });

  it('has an audit row for each request that was answered', async () => {
    const audit = admin.db(databaseOf(uri)).collection('audit');
    const missing = async () => {
      const rows = new Set(
        await audit
          .find()
          .map(({ requestId }) => requestId)
          .toArray(),
      );
      return ledger.answered.filter((name) => !rows.has(name));
    };
    // Rows of reads are stored soon after the answer.
    for (let tries = 0; tries < 120 && (await missing()).length > 0; tries++) await sleep(250);
    expect(await missing()).toEqual([]);
  });
});
