/** The replica sets of the tests are real ones, and leave nothing behind. */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { describeOnMongod } from './describe-mongod.ts';
import { type ReplicaSet, sharedReplicaSet, startReplicaSet } from './mongod.ts';
import { isAlive } from './run-folder.ts';

const clients: MongoClient[] = [];
const connect = (uri: string) => {
  const client = new MongoClient(uri);
  clients.push(client);
  return client;
};
const closeAll = () => Promise.all(clients.splice(0).map((client) => client.close()));

describeOnMongod('The shared replica set', () => {
  afterAll(closeAll);

  it('is one for all who ask, with a database for each', async () => {
    const [one, other] = await Promise.all([sharedReplicaSet(), sharedReplicaSet()]);
    const partsOf = (uri: string) => /^mongodb:\/\/(127\.0\.0\.1:\d+(?:,127\.0\.0\.1:\d+){2})\/(\w+)\?/.exec(uri)!;
    expect(partsOf(one.uri)[1]).toBe(partsOf(other.uri)[1]);
    const databases = [one.uri, one.freshUri(), other.uri, other.freshUri()].map((uri) => partsOf(uri)[2]);
    expect(new Set(databases).size).toBe(4);
  }, 60_000);

  it('has transactions and change streams', async () => {
    const client = connect((await sharedReplicaSet()).uri);
    const letters = client.db().collection<{ _id: number }>('letters');
    await letters.insertOne({ _id: 0 });
    const seen = letters.watch();
    const next = seen.next();
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await letters.insertOne({ _id: 1 }, { session });
        await letters.insertOne({ _id: 2 }, { session });
      }),
    );
    expect(await next).toMatchObject({ operationType: 'insert', documentKey: { _id: 1 } });
    expect(await seen.next()).toMatchObject({ documentKey: { _id: 2 } });
    await seen.close();
  }, 60_000);

  it.each([1, 3] as const)(
    'refuses what no index answers, with %s members',
    async (members) => {
      const letters = connect((await sharedReplicaSet({ members })).uri)
        .db()
        .collection('letters');
      await letters.insertOne({ a: 1 });
      await expect(letters.findOne({ a: 1 })).rejects.toThrow(/notablescan/);
    },
    60_000,
  );
});

describeOnMongod('A replica set of its own', () => {
  let set: ReplicaSet;
  beforeAll(async () => {
    set = await startReplicaSet({ electionTimeoutMillis: 1_000 });
  }, 60_000);
  afterAll(async () => {
    await closeAll();
    await set?.stop();
  });

  it('elects another primary when the first is killed, and takes the first back', async () => {
    const client = connect(set.uri);
    const numbers = client.db().collection<{ _id: number }>('numbers');
    await numbers.insertOne({ _id: 1 }, { writeConcern: { w: 'majority', j: true } });
    const first = await set.primary();
    await first.kill('SIGKILL');
    expect(first.isRunning).toBe(false);

    const second = await set.primary();
    expect(second.port).not.toBe(first.port);
    await numbers.insertOne({ _id: 2 }, { writeConcern: { w: 'majority', j: true } });
    expect(await numbers.countDocuments()).toBe(2);

    await first.restart();
    await numbers.insertOne({ _id: 3 }, { writeConcern: { w: 3 } });
  }, 60_000);

  it('leaves no process and no data when it is stopped', async () => {
    const one = await startReplicaSet({ members: 1 });
    const [member] = one.members;
    const { pid } = member!;
    expect(isAlive(pid)).toBe(true);
    const client = new MongoClient(one.uri);
    const { parsed } = await client.db('admin').command({ getCmdLineOpts: 1 });
    await client.close();
    expect(existsSync(parsed.storage.dbPath)).toBe(true);
    expect(parsed.net).toMatchObject({ bindIp: '127.0.0.1', compression: { compressors: 'disabled' } });

    await one.stop();

    expect(isAlive(pid)).toBe(false);
    expect(existsSync(parsed.storage.dbPath)).toBe(false);
  }, 60_000);
});
