/** What is remembered of a device's key outlives neither the key nor what was done to it on this server. O36 and O37 of promises.md. */
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { noAccess } from '../../src/smart/access.ts';
import { issueKey, revokeKey } from '../../src/smart/device-keys.ts';
import { createIdentify } from '../../src/smart/identify.ts';
import { openStore } from '../../src/store/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';

const device = { type: 'Device', id: 'd' };
const opened: Store[] = [];
afterAll(async () => {
  for (const store of opened) await store.close();
});

/** Milliseconds that the clock, which stands, was set on. */
let ahead = 0;
const began = Date.now();
const runtime = { ...systemRuntime, now: () => began + ahead };
let store: Store;
/** A look-up of private state ends when this has. */
let pause: Promise<void> | undefined;
let identifying: ReturnType<typeof createIdentify>;
beforeEach(async () => {
  ahead = 0;
  pause = undefined;
  store = await openStore({ file: ':memory:', runtime: systemRuntime });
  opened.push(store);
  const paused: Store = {
    ...store,
    async get(kind, keys) {
      const found = await store.get(kind, keys);
      await pause;
      return found;
    },
  };
  identifying = createIdentify({ store: paused, runtime, adminToken: 'a'.repeat(43), deviceAccess: () => noAccess });
});

async function keyFor(days?: number): Promise<{ key: string; prefix: string }> {
  const { key, kept, changes } = issueKey({ device, deviceId: 'D', keyName: 'key', expiresInDays: days }, runtime);
  await store.commit(changes);
  return { key, prefix: kept.prefix };
}
const who = (key: string) =>
  identifying.identify(`Bearer ${key}`).then(
    (caller) => caller.who,
    (error) => error.reason,
  );

describe('A key of a device', () => {
  it('that was looked up a moment ago opens nothing once it is over', async () => {
    const { key } = await keyFor(1);
    ahead = 86_399_000;
    expect(await who(key)).toBe('Device/d');
    ahead = 86_401_000;
    expect(await who(key)).toBe('key expired');
  });

  it('that is revoked while it is looked up is not remembered as it was', async () => {
    const { key, prefix } = await keyFor();
    let goOn!: () => void;
    pause = new Promise((resolve) => (goOn = resolve));
    const slow = who(key);
    await store.commit(await revokeKey(store, prefix, runtime.now()));
    identifying.forget();
    goOn();
    await slow;
    expect(await who(key)).toBe('key revoked');
  });
});
