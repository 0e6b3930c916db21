/** Several servers of one store and one inbox: one reads, another takes over, and a command beside none waits for nobody. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Config, readConfig } from '../../../src/config.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { type House, startHouse } from '../../../src/server.ts';
import { type TestStore, testStore } from '../../support/test-store.ts';
import { minutes, people, single } from './inbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'watchfire-servers-'));
const [inbox, archive] = [join(folder, 'inbox'), join(folder, 'archive')];
const runtime = { ...systemRuntime, now: () => Date.now() + 10_000 };
let store: TestStore;

const start = (name: string, more: Partial<Config> = {}, isBrief = false): Promise<House> => {
  const { drop: _drop, ...engine } = store;
  const config: Config = {
    ...readConfig({}),
    port: 0,
    logLevel: 'silent',
    drainSeconds: 2,
    iotInbox: inbox,
    iotArchive: archive,
    ...more,
    ...engine,
    data: join(folder, name),
  };
  return startHouse(config, { runtime, isBrief });
};

async function ask({ url, adminToken }: House, method: string, path: string, body?: object): Promise<any> {
  const type = path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json';
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': type };
  return (await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) })).json();
}
async function processed(house: House): Promise<any> {
  let run = await ask(house, 'POST', '/admin/iot-files/runs', {});
  while (['waiting', 'running'].includes(run.state)) {
    await systemRuntime.sleep(50);
    run = await ask(house, 'GET', `/admin/iot-files/runs/${run.run}`);
  }
  return run;
}
const counted = async (house: House) => (await ask(house, 'GET', '/fhir/Observation?_summary=count')).total;
const drop = (from: number, count: number): void => {
  for (let i = from; i < from + count; i++)
    writeFileSync(join(inbox, `s${i}.json`), JSON.stringify(single(i % 2 ? 'DEV001' : 'DEV002', i)));
};
async function emptied(): Promise<boolean> {
  for (let waited = 0; waited < 80_000; waited += 100) {
    if (readdirSync(inbox).length === 0) return true;
    await systemRuntime.sleep(100);
  }
  return false;
}
const twice = async (house: House, from: number, count: number) => {
  const { entry = [] } = await ask(
    house,
    'GET',
    `/fhir/Observation?date=ge${minutes(from)}&date=lt${minutes(from + count)}&_count=1000`,
  );
  return entry.filter(({ resource }: any) => resource.meta.versionId !== '1').length;
};

beforeAll(async () => {
  store = await testStore('mongodb');
}, 60_000);
afterAll(async () => {
  await store?.drop();
  rmSync(folder, { recursive: true, force: true });
});

describe('Two servers with one inbox', () => {
  it('take in every file once, also when the one that reads is gone (P11)', async () => {
    const first = await start('a');
    const second = await start('b');
    await ask(first, 'POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry: people });
    drop(0, 300);
    expect(await emptied()).toBe(true);
    expect([await counted(first), await twice(first, 0, 300)]).toEqual([300, 0]);

    drop(300, 300);
    await first.stop();
    expect(await emptied()).toBe(true);
    expect([await counted(second), await twice(second, 0, 600)]).toEqual([600, 0]);
    await second.stop();
  }, 240_000);

  it('leave it to a command where none of them runs (2-053)', async () => {
    drop(600, 50);
    const brief = await start('c', {}, true);
    expect(await processed(brief)).toMatchObject({ state: 'done', processed: 50, vitals: 50, archived: 50 });
    await brief.stop();
  }, 120_000);

  it('are not disturbed by a command beside them: it says who reads (2-055)', async () => {
    const server = await start('a');
    // Until it is the one that reads.
    drop(650, 1);
    expect(await emptied()).toBe(true);
    const brief = await start('c', {}, true);
    expect(await processed(brief)).toMatchObject({
      state: 'refused',
      error: 'another server of this store reads the inbox',
    });
    await brief.stop();
    await server.stop();
  }, 240_000);
});
