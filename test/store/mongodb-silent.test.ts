/** What a server that was silent for long, and those who took it for dead, still promise. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type Document, MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { createLook } from '../../src/store/mongodb/abandoned.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { register } from '../../src/store/mongodb/registration.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { stampsOf } from '../../src/store/mongodb/stamps.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { noScans, type ReplicaSet, startReplicaSet } from '../support/mongod.ts';
import { auditRow, refusal, save } from './drafts.ts';

describeOnMongod('A server that is taken for dead on MongoDB', () => {
  let set: ReplicaSet;
  let admin: MongoClient;
  const running: Engine[] = [];
  const fresh = () => {
    const uri = set.freshUri();
    return { uri, collections: collectionsOf(admin.db(databaseOf(uri))) };
  };
  const open = async (uri: string): Promise<Engine> => {
    const store = await openMongoStore({ uri, runtime: systemRuntime, acceptRelease: '6.0.5' });
    running.push(store);
    return store;
  };
  beforeAll(async () => {
    set = await startReplicaSet({ members: 1, words: [...noScans, '--setParameter', 'enableTestCommands=1'] });
    admin = await new MongoClient(set.uri, { writeConcern: { w: 'majority' } }).connect();
  }, 60_000);
  afterEach(async () => {
    for (const store of running.splice(0)) await store.close();
  });
  afterAll(async () => {
    await admin?.close();
    await set?.stop();
  }, 60_000);

  it('loses no audit row to whoever took its number, though both give the same sequences', async () => {
    const { uri, collections } = fresh();
    const one = await open(uri);
    await collections.server.updateOne({ _id: 0 }, [{ $set: { seen: { $subtract: ['$$NOW', 61_000] } } }]);
    const other = await open(uri);
    expect(await collections.server.countDocuments()).toBe(1);
    const append = (store: Engine, requestId: string) =>
      store.commit([{ op: 'append', log: 'audit', row: auditRow({ requestId }) }]).then(() => requestId);
    const stored: string[] = [];
    for (let round = 0; round < 20; round++) {
      const names = Array.from({ length: 20 }, (_, i) => `${round}-${i}`);
      stored.push(
        ...(await Promise.all(names.flatMap((name) => [append(one, `a${name}`), append(other, `b${name}`)]))),
      );
    }
    const rows = await collections.audit.find().toArray();
    expect(rows.map(({ requestId }) => requestId).sort()).toEqual(stored.sort());
  }, 60_000);

  it('tries again what was killed under it', async () => {
    const { uri, collections } = fresh();
    const store = await open(uri);
    let sessions: Document[] = [];
    while (sessions.length === 0) {
      sessions = ((await collections.server.findOne({ _id: 0 }))?.sessions ?? []).map((id) => ({ id }));
      await sleep(20);
    }
    // Each insertion takes so long that it is under way when its session is killed.
    const data = {
      failCommands: ['insert', 'bulkWrite'],
      blockConnection: true,
      blockTimeMS: 500,
      appName: 'watchfire',
    };
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 2 }, data });
    const answer = refusal(store.commit([save('Task/1')]));
    await sleep(150);
    await admin.db('admin').command({ killSessions: sessions });
    expect(await answer).toBe('fulfilled');
  }, 60_000);

  it('gives no number once another may have its own, until the database has heard of it again', async () => {
    const { collections } = fresh();
    let ticks = 0;
    let beats = 0;
    const stop = new AbortController();
    const once = { ...systemRuntime, sleep: async () => (++beats > 1 ? stop.abort() : undefined) };
    const registration = await register(admin, collections, once, () => ticks);
    const stamps = stampsOf(registration, systemRuntime.now);
    ticks += 49_000;
    const before = stamps.next();
    ticks += 2_000;
    expect(() => stamps.next()).toThrow(
      expect.objectContaining({ code: 'transient', status: 503, headers: { 'Retry-After': '5' } }),
    );
    await registration.beat(stop.signal);
    expect(stamps.next()).toBeGreaterThan(before);
  });

  it('has its transactions ended after two looks, also when it was taken for dead before and lived', async () => {
    const { collections } = fresh();
    const look = createLook({ client: admin, collections, boot: 'mine' });
    const session = admin.startSession();
    const begin = async (text: string) => {
      session.startTransaction();
      await collections.fact.updateOne({ _id: 'a' }, { $set: { value: text } }, { session });
    };
    const heard = (ago: number) =>
      collections.server.updateOne(
        { _id: 1 },
        [{ $set: { boot: 'theirs', sessions: [session.id!.id], seen: { $subtract: ['$$NOW', ago] } } }],
        { upsert: true },
      );
    const isEnded = () =>
      session.commitTransaction().then(
        () => false,
        () => true,
      );
    await collections.fact.insertOne({ _id: 'a', value: '' });
    for (const life of ['first', 'second']) {
      await heard(16_000);
      await begin(`${life} a`);
      await look();
      await heard(0);
      await look();
      await heard(16_000);
      await look();
      expect([life, await isEnded()]).toEqual([life, false]);
      await begin(`${life} b`);
      await look();
      expect([life, await isEnded()]).toEqual([life, true]);
      await heard(0);
      await look();
    }
    await session.endSession();
  });

  it('does not name its sessions as those of whoever took its number', async () => {
    const { uri, collections } = fresh();
    await open(uri);
    await collections.server.updateOne({ _id: 0 }, { $set: { boot: 'another' }, $unset: { sessions: '' } });
    // Longer than from one look to the next.
    await sleep(5_500);
    const found = await collections.server.findOne({ _id: 0, boot: 'another' });
    expect(found).not.toBeNull();
    expect(found?.sessions).toBeUndefined();
  });
});
