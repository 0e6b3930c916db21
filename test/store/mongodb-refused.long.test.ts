/** What callers and operators are told when MongoDB refuses a write: a member that is told to refuse it (failCommand). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type ReplicaSet, startReplicaSet } from '../support/mongod.ts';
import { auditRow, key, save } from './drafts.ts';

describeOnMongod('A write that MongoDB refuses', () => {
  let set: ReplicaSet;
  let admin: MongoClient;
  let store: Engine;
  const logged: string[] = [];
  beforeAll(async () => {
    set = await startReplicaSet({ members: 1, words: ['--setParameter', 'enableTestCommands=1'] });
    admin = await new MongoClient(set.uri).connect();
    store = await openMongoStore({
      uri: set.uri,
      runtime: systemRuntime,
      acceptRelease: '6.0.5',
      log: (sentence, error) => logged.push(`${error === undefined ? 'warn' : 'error'}: ${sentence}`),
    });
  }, 60_000);
  afterAll(async () => {
    await store?.close();
    await admin?.close();
    await set?.stop();
  });

  /** What the next such command is answered with, and what a caller and the operator are told then. */
  const refused = async (command: string, errorCode: number, commit: () => Promise<unknown>) => {
    logged.length = 0;
    // The store itself updates its sign of life now and then, which is in a collection of its own.
    const namespace = command === 'update' && { namespace: `${databaseOf(set.uri)}.writer` };
    const data = { failCommands: [command], errorCode, appName: 'watchfire', ...namespace };
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
    const { status, code, headers, message } = await commit().then(
      () => ({ message: 'stored' }) as any,
      (error) => error,
    );
    return { status, code, headers, message, logged: [...logged] };
  };

  it.each([
    ['insert', 388, 'TransactionTooLargeForCache'],
    ['update', 257, 'TransactionTooLarge'],
    ['commitTransaction', 257, 'TransactionTooLarge'],
  ])('at its %s with %i (%s) is not tried again: it is to be sent in smaller parts', async (command, code, name) => {
    const told = await refused(command, code, () => store.commit([save('Patient/1'), save('Patient/2')]));
    expect(told).toMatchObject({ status: 413, code: 'too-costly', headers: {} });
    expect(told.message).toMatch(/nothing of it is stored. Send it in smaller bundles, or give MongoDB a larger cache/);
    expect(told.logged).toEqual([expect.stringMatching(new RegExp(`^warn: .*MongoDB error ${code} \\(${name}\\)`))]);
    expect(await store.read([key('Patient/1')])).toEqual([undefined]);
  });

  it.each([
    ['a transaction', () => [save('Patient/3')]],
    ['a row', () => [{ op: 'append', log: 'audit', row: auditRow({ at: 1 }) } as const]],
  ])(
    'for a reason that nobody foresaw, %s, is told to the operator by name and to callers without a number',
    async (_, changes) => {
      const told = await refused('insert', 13_435 + 1_000_000, () => store.commit(changes()));
      expect(told).toMatchObject({ status: 503, code: 'transient', headers: { 'Retry-After': '1' } });
      expect(told.message).toMatch(/^The database refused to store this/);
      expect(told.message).not.toMatch(/\d/);
      expect(told.logged).toEqual([
        expect.stringMatching(/^error: The database refused a write: MongoDB error 1013435 \(/),
      ]);
    },
  );

  /** Each try is stored, but no majority acknowledges it: the second of the driver's own tries comes without a label. */
  const unacknowledged = async (times: number) => {
    const data = {
      failCommands: ['insert'],
      writeConcernError: { code: 91, errmsg: 'Replication is being shut down', errorLabels: ['RetryableWriteError'] },
      appName: 'watchfire',
    };
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: { times }, data });
  };
  const append = (at: number) => store.commit([{ op: 'append', log: 'audit', row: auditRow({ at }) }]);
  const rows = async (at: number) => (await store.audit({ count: 100 })).filter((row) => row.at === at).length;

  it('or does not acknowledge, a row, is sent again until it does, and stands there once', async () => {
    await unacknowledged(4);
    await append(7);
    expect(await rows(7)).toBe(1);
  });

  it('or never acknowledges, a row, is not said to be stored, nor not to be', async () => {
    await unacknowledged(1_000_000);
    try {
      const told = await append(8).catch((error) => error);
      expect(told).toMatchObject({ status: 503, message: expect.stringMatching(/outcome of this write is unknown/) });
    } finally {
      await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
    }
    expect(await rows(8)).toBe(1);
  }, 90_000);
});
