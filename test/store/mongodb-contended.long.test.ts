/** What becomes of a group of writes on MongoDB while somebody else holds what one of them needs. */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type ClientSession, MongoClient } from 'mongodb';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type ReplicaSet, startReplicaSet } from '../support/mongod.ts';
import { until } from '../support/until.ts';
import { key, refusal, save } from './drafts.ts';

describeOnMongod('Writes on MongoDB that meet what another holds', () => {
  let admin: MongoClient;
  let session: ClientSession;
  let set: ReplicaSet;
  const running: Engine[] = [];

  /** A store where `Patient/held` is there, and a way to hold it: every transaction that writes it fails until it is let go. */
  const openHolding = async (runtime: Runtime = systemRuntime) => {
    const uri = set.freshUri();
    const store = await openMongoStore({ uri, runtime, acceptRelease: '6.0.5' });
    running.push(store);
    await store.commit([save('Patient/held')]);
    session.startTransaction();
    const { resource } = collectionsOf(admin.db(databaseOf(uri)));
    await resource.updateOne({ _id: 'Patient/held' }, { $set: { w: 'somebody' } as never }, { session });
    return store;
  };
  const letGo = () => session.abortTransaction();

  beforeAll(async () => {
    set = await startReplicaSet({ members: 1, words: ['--setParameter', 'enableTestCommands=1'] });
    admin = await new MongoClient(set.uri).connect();
    session = admin.startSession();
  }, 60_000);
  afterEach(async () => {
    if (session.inTransaction()) await letGo();
    for (const store of running.splice(0)) await store.close();
  });
  afterAll(async () => {
    await session?.endSession();
    await admin?.close();
    await set?.stop();
  }, 60_000);

  it('keep nobody waiting who came with them, but for those of the same key', async () => {
    const store = await openHolding();
    const told: string[] = [];
    const commit = async (name: string, ...references: string[]) => {
      const written = await store.commit(references.map((reference) => save(reference)));
      told.push(name);
      return written.map(({ versionId }) => versionId);
    };
    const held = commit('held', 'Patient/held', 'Task/shared');
    const behind = commit('behind', 'Task/shared', 'Task/last');
    const last = commit('last', 'Task/last');
    await Promise.all(Array.from({ length: 100 }, (_, i) => commit('other', `Patient/${i}`)));

    expect(new Set(told)).toEqual(new Set(['other']));
    await letGo();
    expect(await Promise.all([held, behind, last])).toEqual([[2, 1], [2, 1], [2]]);
    expect(told.slice(100)).toEqual(['held', 'behind', 'last']);
  }, 90_000);

  it('are told at their time that nothing is stored, also those behind one that gets no reply', async () => {
    const store = await openHolding();
    const began = performance.now();
    const told = Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.commit([save('Patient/held'), save(`Task/${i}`)]).catch((error) => error),
      ),
    );
    // They go one by one by then.
    await systemRuntime.sleep(1_000);
    const data = { failCommands: ['find'], blockConnection: true, blockTimeMS: 26_000, appName: 'watchfire' };
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
    const answers = await told;

    // At 13 s, and long before the reply.
    expect(performance.now() - began).toBeLessThan(24_000);
    for (const answer of answers) expect(answer).toMatchObject({ code: 'transient', status: 503 });
    for (const { message } of answers) expect(message).toMatch(/nothing of it is stored/);
    await letGo();
    // Once the reply is there that was waited for.
    await until(async () => (await refusal(store.commit([save('Patient/held')]))) === 'fulfilled', 60);
    expect(await store.read([key('Patient/held'), key('Task/0')])).toMatchObject([{ versionId: 2 }, undefined]);
  }, 120_000);

  it('are not told that nothing is stored by a timer that fires too early, while there is time for another try', async () => {
    // Of those who wait 13 s for a write, less what has passed of them.
    const early = (ms: number) => (ms > 10_000 && ms < 13_000 ? 1 : ms);
    const store = await openHolding({
      ...systemRuntime,
      sleep: (ms, signal) => systemRuntime.sleep(early(ms), signal),
    });
    const answer = refusal(store.commit([save('Patient/held')]));
    await systemRuntime.sleep(1_500);
    await letGo();
    expect(await answer).toBe('fulfilled');
    expect(await store.read([key('Patient/held')])).toMatchObject([{ versionId: 2 }]);
  }, 90_000);
});
