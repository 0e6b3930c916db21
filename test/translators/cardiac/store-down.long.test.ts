/** The status while the store is gone: it says so, and is well again afterwards (0-029, 0-107). On MongoDB, whose server can be ended by itself. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { type ReplicaSet, startReplicaSet } from '../../support/mongod.ts';
import { until } from '../../support/until.ts';

let set: ReplicaSet;
let house: TestHouse;

beforeAll(async () => {
  set = await startReplicaSet({ members: 1 });
  const client = new MongoClient(set.uri);
  const { version } = await client.db('admin').command({ buildInfo: 1 });
  await client.close();
  house = await openHouse({ store: set.uri, mongodbAcceptRelease: version });
}, 60_000);
afterAll(async () => {
  await house.stop();
  await set.stop();
}, 60_000);

describe('The status', () => {
  it('says that the store is gone, in the time that the store takes to notice, and that it is back', async () => {
    const status = () => house.ask('GET', '/cardiac/status');
    expect((await status()).body).toMatchObject({ status: 'ok', database: 'up' });
    await set.members[0]!.kill('SIGKILL');
    const down = await status();
    expect([down.status, down.body.status, down.body.database]).toEqual([503, 'down', 'down']);
    expect((await house.ask('GET', '/health/live')).status).toBe(200);
    await set.members[0]!.restart();
    await until(async () => (await status()).body.database === 'up', 60);
  }, 120_000);
});
