/** What a server that was silent for long, and those who took it for dead, still promise. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type Document, MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type SharedSet, sharedReplicaSet } from '../support/mongod.ts';
import { auditRow, refusal, save } from './drafts.ts';

describeOnMongod('A server that is taken for dead on MongoDB', () => {
  let set: SharedSet;
  let admin: MongoClient;
  const dropped: string[] = [];
  const running: Engine[] = [];
  const fresh = () => {
    const uri = set.freshUri();
    dropped.push(databaseOf(uri));
    return { uri, collections: collectionsOf(admin.db(databaseOf(uri))) };
  };
  const open = async (uri: string): Promise<Engine> => {
    const store = await openMongoStore({ uri, runtime: systemRuntime, acceptRelease: '6.0.5' });
    running.push(store);
    return store;
  };
  beforeAll(async () => {
    set = await sharedReplicaSet({ members: 1 });
    admin = await new MongoClient(set.uri, { writeConcern: { w: 'majority' } }).connect();
  }, 60_000);
  afterEach(async () => {
    for (const store of running.splice(0)) await store.close();
  });
  afterAll(async () => {
    for (const name of dropped) await admin.db(name).dropDatabase();
    await admin.close();
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
    let isOver = false;
    const killing = (async () => {
      for (let n = 0; !isOver; await sleep(n++ % 40)) await admin.db('admin').command({ killSessions: sessions });
    })();
    const answers = [];
    for (let round = 0; round < 20; round++) {
      const much = Array.from({ length: 400 }, (_, i) => save(`Task/${round}-${i}`));
      answers.push(await refusal(store.commit(much)));
    }
    isOver = true;
    await killing;
    expect(new Set(answers)).toEqual(new Set(['fulfilled']));
  }, 60_000);
});
