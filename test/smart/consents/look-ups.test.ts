/** Nobody is let in on Consents that were not looked up: O36 of promises.md. Several rooms on one store stand for several servers. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { extract } from '../../../src/search/extract.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { createConsents } from '../../../src/smart/consents/room.ts';
import type { Engine } from '../../../src/store/engine.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../../src/store/store.ts';
import { everybody } from '../policies/world.ts';
import { action, actor, consent } from './consent-house.ts';

const nurse = everybody['nurse']!;
const base = 'http://127.0.0.1/fhir';
let clock = Date.UTC(2026, 5, 1);
const runtime = { ...systemRuntime, now: () => clock };
let store: Engine;
beforeEach(async () => {
  store = await openSqliteStore({ file: ':memory:', runtime, indexVersion: INDEX_VERSION });
});
afterEach(() => store.close());

/** A server of the store; `broken` stands for a store that cannot be asked. */
function server(engine: Engine = store) {
  let changes = 0;
  const room = createConsents({ store: engine, base, runtime, mode: 'deny-list' });
  const writing = room.watch(engine, () => changes++);
  const key = (id: string) => ({ type: 'Consent', id });
  return {
    narrow: async (type = 'Condition') => (await room.narrow(nurse, type, 'r')) !== undefined,
    changes: () => changes,
    async write(...resources: readonly any[]) {
      await writing.commit(
        resources.map((resource): Change => {
          const text = JSON.stringify(resource);
          const gapped = [`${text.slice(0, -1)},"meta":{`, '}}'] as const;
          const index = extract(resource);
          return { op: 'write', key: key(resource.id), method: 'PUT', text: gapped, index, expect: 'any' };
        }),
      );
    },
    remove: (id: string) =>
      writing.commit([
        { op: 'write', key: key(id), method: 'DELETE', index: extract({ resourceType: 'Consent' }), expect: 'any' },
      ]),
  };
}

describe('A Consent', () => {
  it('counts at once on every server that looks, as do its changes and its end', async () => {
    const [one, other] = [server(), server()];
    expect([await one.narrow(), await other.narrow()]).toEqual([false, false]);
    await one.write(consent('one', { type: 'deny' }));
    expect([one.changes(), other.changes()]).toEqual([1, 0]);
    expect([await one.narrow(), await other.narrow()]).toEqual([true, true]);
    await other.write(consent('one', { type: 'deny', actor: [actor('Practitioner/other')] }));
    expect([await one.narrow(), await other.narrow()]).toEqual([false, false]);
    await other.write(consent('one', { type: 'deny', action: [action('access')] }));
    expect([await one.narrow(), await other.narrow()]).toEqual([true, true]);
    await other.remove('one');
    expect([await one.narrow(), await other.narrow()]).toEqual([false, false]);
    await one.write(consent('one', { type: 'deny' }));
    await one.write(consent('two', { type: 'permit' }));
    expect([await one.narrow(), await other.narrow()]).toEqual([true, true]);
  });

  it('that was deleted while nobody looked for long is over all the same', async () => {
    const [one, other] = [server(), server()];
    await one.write(consent('one', { type: 'deny' }));
    expect(await other.narrow()).toBe(true);
    await one.remove('one');
    clock += 2 * 3_600_000;
    expect(await other.narrow()).toBe(false);
  });

  it('that cannot be looked up lets nobody in, and is looked up again', async () => {
    let isBroken = false;
    const failing: Engine = {
      ...store,
      get: (kind, keys) => (isBroken ? Promise.reject(new Error('no store')) : store.get(kind, keys)),
    };
    const one = server(failing);
    expect(await one.narrow()).toBe(false);
    isBroken = true;
    await expect(one.narrow()).rejects.toThrow('no store');
    await expect(one.narrow()).rejects.toThrow('no store');
    isBroken = false;
    expect(await one.narrow()).toBe(false);
  });

  it('that is written while another look-up is under way is not missed by whoever asks afterwards', async () => {
    const underWay = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    let isSlow = true;
    const slow: Engine = {
      ...store,
      async search(query, after, signal) {
        const page = await store.search(query, after, signal);
        if (isSlow && query.type === 'Consent') {
          underWay.resolve();
          await released.promise;
        }
        return page;
      },
    };
    const one = server(slow);
    const before = one.narrow();
    await underWay.promise;
    await server().write(consent('one', { type: 'deny' }));
    isSlow = false;
    const afterwards = one.narrow();
    released.resolve();
    expect([await before, await afterwards]).toEqual([false, true]);
  });

  it.each([1_000, 1_001])('of %i different rules', async (count) => {
    const one = server();
    const data = (i: number) => [{ meaning: 'instance', reference: { reference: `Condition/${i}` } }];
    await one.write(...Array.from({ length: count }, (_, i) => consent(`c${i}`, { type: 'deny', data: data(i) })));
    if (count > 1_000)
      await expect(one.narrow()).rejects.toThrow('more than 1000 different Consents are about this caller');
    else expect(await one.narrow()).toBe(true);
  });
});
