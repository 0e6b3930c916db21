/** One write reads each resource once, however many of its parts ask for it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withIdentity } from '../../src/fhir/json.ts';
import { remembered } from '../../src/interactions/remembered.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { noEntries } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Look } from '../../src/store/store.ts';

let store: Engine;
const patient = (id: string) => ({ type: 'Patient', id });

beforeAll(async () => {
  store = await openSqliteStore({ file: ':memory:', runtime: systemRuntime });
  for (const id of ['ada', 'bob']) {
    const text = withIdentity(JSON.stringify({ resourceType: 'Patient', id }), id);
    await store.commit([{ op: 'write', key: patient(id), method: 'PUT', text, index: noEntries, expect: 'absent' }]);
  }
});
afterAll(() => store.close());

describe('What a write remembers', () => {
  it('is read once, also where it is asked for twice at the same time, and is not there when it is not', async () => {
    const asked: string[] = [];
    const counted: Look = {
      ...store,
      read: (keys) => {
        asked.push(...keys.map(({ id }) => id));
        return store.read(keys);
      },
    };
    const look = remembered(counted);
    const idsOf = async (...ids: readonly string[]) =>
      (await look.read(ids.map(patient))).map((found) => found?.key.id);
    expect(await Promise.all([idsOf('ada'), idsOf('ada', 'nobody')])).toEqual([['ada'], ['ada', undefined]]);
    expect(await idsOf('nobody', 'bob', 'ada', 'bob')).toEqual([undefined, 'bob', 'ada', 'bob']);
    expect(asked).toEqual(['ada', 'nobody', 'bob']);
  });

  it('is asked of kept values once too, each kind by itself', async () => {
    await store.commit([{ op: 'put', kind: 'alarm', key: 'a', value: 1 }]);
    const asked: string[] = [];
    const look = remembered({
      ...store,
      get: (kind, keys) => {
        asked.push(...keys.map((key) => `${kind} ${key}`));
        return store.get(kind, keys);
      },
    });
    const valuesOf = async (kind: string, ...keys: readonly string[]) =>
      (await look.get(kind, keys)).map((kept) => kept?.value);
    expect(await Promise.all([valuesOf('alarm', 'a', 'b'), valuesOf('alarm', 'b', 'a')])).toEqual([
      [1, undefined],
      [undefined, 1],
    ]);
    expect(await valuesOf('cursor', 'a')).toEqual([undefined]);
    expect(asked).toEqual(['alarm a', 'alarm b', 'cursor a']);
  });
});
