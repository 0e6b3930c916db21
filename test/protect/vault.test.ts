import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../src/config.ts';
import { guardedClient } from '../../src/outbound/guarded-client.ts';
import type { Credentials } from '../../src/outbound/maker.ts';
import { environmentOf } from '../../src/protect/maker-settings.ts';
import { outsideKey } from '../../src/protect/outside-key.ts';
import { createVault, type Vault } from '../../src/protect/vault.ts';
import { type KeySettings, openKeyRing } from '../../src/protect/vault-keys.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'watchfire-vault-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

const [one, other] = ['1', '2'].map((digit) => digit.repeat(64)) as [string, string];
const settings: KeySettings = { vaultKey: one, vaultKeyFile: undefined, profile: 'development', data: folder };
const demo: Credentials = { client_id: 'demo', client_secret: 's', api_key: 'k', environment: 'sandbox' };
const options = { by: 'Client/admin', overlap: 0 };

const stores: Store[] = [];
const open = async (): Promise<Store> => {
  const store = await openSqliteStore({ file: ':memory:', runtime: systemRuntime });
  stores.push(store);
  return store;
};
afterAll(() => Promise.all(stores.map((store) => store.close())));

const vaultOn = (store: Store, asked: Partial<KeySettings> = {}, runtime: Runtime = systemRuntime): Vault =>
  createVault({ store, runtime, ring: openKeyRing({ ...settings, ...asked }, runtime) });

describe('The vault', () => {
  it('gives back what was put in, and keeps none of it in clear (0-002)', async () => {
    const store = await open();
    const vault = vaultOn(store);
    const planted = { ...demo, client_id: 'planted-id', client_secret: 'planted-secret', api_key: 'planted-key' };
    await vault.put('boston-scientific', planted, options);
    expect(await vault.open('boston-scientific', 'sandbox')).toEqual(planted);
    expect(await vault.open('boston-scientific', 'production')).toBeUndefined();
    expect(JSON.stringify([await store.list('credential', '', 10), await vault.list()])).not.toContain('planted');
  });

  it('keeps a credential shut in another store, for another maker, in another environment, or changed by a bit', async () => {
    const [store, stranger] = [await open(), await open()];
    const vault = vaultOn(store);
    await vault.put('medtronic', demo, options);
    await vaultOn(stranger).put('abbott', demo, options);
    const [kept] = await store.list('credential', '', 1);
    const row = kept!.value;
    const place = (to: Store, value: object, key: string) => to.commit([{ op: 'put', kind: 'credential', key, value }]);
    const shut = { code: 'business-rule', message: expect.stringContaining('does not open') };

    await place(stranger, row, 'medtronic/sandbox');
    await expect(vaultOn(stranger).open('medtronic', 'sandbox')).rejects.toMatchObject(shut);
    await place(store, { ...row, maker: 'abbott' }, 'abbott/sandbox');
    await expect(vault.open('abbott', 'sandbox')).rejects.toMatchObject(shut);
    await place(store, { ...row, environment: 'production' }, 'medtronic/production');
    await expect(vault.open('medtronic', 'production')).rejects.toMatchObject(shut);
    for (const member of ['sealed', 'wrapped']) {
      const bytes = Buffer.from(row.entries[0][member], 'base64url');
      bytes[20]! ^= 1;
      const entries = [{ ...row.entries[0], [member]: bytes.toString('base64url') }];
      await place(store, { ...row, entries }, 'medtronic/sandbox');
      await expect(vault.open('medtronic', 'sandbox')).rejects.toMatchObject(shut);
    }
    await place(store, row, 'medtronic/sandbox');
    expect(await vault.open('medtronic', 'sandbox')).toEqual(demo);
  });

  it('keeps the credential before valid beside a new one for as long as was asked (0-020)', async () => {
    let now = systemRuntime.now();
    const vault = vaultOn(await open(), {}, { ...systemRuntime, now: () => now });
    const keys = async () => (await vault.valid('abbott', 'sandbox')).map(({ api_key }) => api_key);
    await vault.put('abbott', demo, options);
    await vault.put('abbott', { ...demo, api_key: 'k2' }, { ...options, overlap: 600_000 });
    expect((await vault.open('abbott', 'sandbox'))?.api_key).toBe('k2');
    expect(await keys()).toEqual(['k2', 'k']);
    expect((await vault.list())[0]!.previousUntil).toBe(now + 600_000);
    now += 600_000;
    expect(await keys()).toEqual(['k2']);
    await vault.put('abbott', { ...demo, api_key: 'k3' }, options);
    expect(await keys()).toEqual(['k3']);
  });

  it('keeps the environments of a maker apart, and tells the newest (0-021, 0-140)', async () => {
    let now = 1_000_000;
    const vault = vaultOn(await open(), {}, { ...systemRuntime, now: () => now++ });
    expect(await environmentOf('biotronik', {}, vault)).toBeUndefined();
    await vault.put('biotronik', demo, options);
    await vault.put('biotronik', { ...demo, environment: 'production', client_secret: 'p' }, options);
    expect(await environmentOf('biotronik', {}, vault)).toBe('production');
    expect((await vault.open('biotronik', 'sandbox'))?.client_secret).toBe('s');
    await vault.put('biotronik', demo, options);
    expect(await environmentOf('biotronik', {}, vault)).toBe('sandbox');
    expect(await environmentOf('biotronik', { BIOTRONIK_ENVIRONMENT: 'Production' }, vault)).toBe('production');
    await expect(environmentOf('biotronik', { BIOTRONIK_ENVIRONMENT: 'test' }, vault)).rejects.toThrow(
      'BIOTRONIK_ENVIRONMENT must be one of sandbox, production',
    );
    expect([await vault.remove('biotronik', 'sandbox'), await vault.remove('biotronik', 'sandbox')]).toEqual([
      true,
      false,
    ]);
    expect(await vault.open('biotronik', 'sandbox')).toBeUndefined();
  });

  it('changes its key while it is used; a change that was stopped goes on, and the old key is not needed any more', async () => {
    const store = await open();
    const old = vaultOn(store);
    for (const maker of ['a', 'b', 'c']) await old.put(maker, { ...demo, client_id: maker }, options);
    await old.put('c', { ...demo, client_id: 'c2' }, { ...options, overlap: 600_000 });
    const both = vaultOn(store, { vaultKey: `${other},${one}` });
    expect((await both.open('a', 'sandbox'))?.client_id).toBe('a');
    let commits = 0;
    const dying: Store = Object.assign(Object.create(store), {
      get: store.get,
      list: store.list,
      commit: (changes: any) => (++commits > 1 ? Promise.reject(new Error('died')) : store.commit(changes)),
    });
    await expect(vaultOn(dying, { vaultKey: `${other},${one}` }).rotateKey()).rejects.toThrow('died');
    expect(await both.rotateKey()).toEqual({ rewrapped: 2, already: 1 });
    expect(await both.rotateKey()).toEqual({ rewrapped: 0, already: 3 });
    const alone = vaultOn(store, { vaultKey: other });
    expect((await alone.valid('c', 'sandbox')).map(({ client_id }) => client_id)).toEqual(['c2', 'c']);
    await expect(old.open('a', 'sandbox')).rejects.toThrow(
      /under key-[0-9a-f]{12}, a key that this server does not have/,
    );
  });

  it('passes over a credential whose key is lost as soon as another is stored, and names it', async () => {
    const store = await open();
    await vaultOn(store).put('a', demo, options);
    const vault = vaultOn(store, { vaultKey: other });
    await expect(vault.valid('a', 'sandbox')).rejects.toMatchObject({
      code: 'business-rule',
      message: expect.stringContaining('cannot be opened with this key'),
    });
    const [before] = await vault.list();
    expect(before!.lost).toEqual([{ created: before!.created, key: before!.key }]);

    await vault.put('a', { ...demo, client_id: 'next' }, { ...options, overlap: 3_600_000 });

    expect((await vault.valid('a', 'sandbox')).map(({ client_id }) => client_id)).toEqual(['next']);
    expect((await vault.list())[0]!.lost).toEqual(before!.lost);
    expect(await vault.rotateKey()).toEqual({ rewrapped: 0, already: 1 });
    // With both keys nothing was lost at all.
    const both = vaultOn(store, { vaultKey: `${other},${one}` });
    expect((await both.valid('a', 'sandbox')).map(({ client_id }) => client_id)).toEqual(['next', 'demo']);
    expect((await both.list())[0]!.lost).toEqual([]);
  });

  it('loses no credential that two servers store at once', async () => {
    const store = await open();
    const put = (client_id: string) =>
      vaultOn(store).put('a', { ...demo, client_id }, { ...options, overlap: 600_000 });
    await Promise.all([put('one'), put('two')]);
    const valid = await vaultOn(store).valid('a', 'sandbox');
    expect(valid.map(({ client_id }) => client_id).sort()).toEqual(['one', 'two']);
  });
});

describe('The key of the vault', () => {
  it.each(['too short', 'your-secret-key', '0123456789012345678901234567890'])(
    'is refused below 32 bytes with a sentence that does not tell it (0-137): %s',
    (vaultKey) => {
      const read = () => openKeyRing({ ...settings, vaultKey }, systemRuntime);
      expect(read).toThrow(ConfigError);
      expect(read).toThrow(/^WATCHFIRE_VAULT_KEY \(or SECRET_KEY\) has less than 32 bytes: make one/);
      expect(read).not.toThrow(vaultKey);
    },
  );

  it('is refused where it is one of an example, and taken as base64, hexadecimal or a long word', async () => {
    const ring = (vaultKey: string) => openKeyRing({ ...settings, vaultKey }, systemRuntime);
    expect(() => ring('your-super-secret-key-at-least-32-bytes')).toThrow('is one of an example');
    const sameTwice = [ring(one), ring(Buffer.from(one, 'hex').toString('base64'))];
    const names = await Promise.all(
      [...sameTwice, ring('a long word that nobody else has thought of')].map(({ first }) => first!.name()),
    );
    expect(names[0]).toBe(names[1]);
    expect(names[2]).not.toBe(names[0]);
  });

  it('is read from a file that its owner alone may read (0-137)', async () => {
    const file = at('key-file');
    writeFileSync(file, `${one}\n${other}\n`, { mode: 0o644 });
    const ring = () => openKeyRing({ ...settings, vaultKey: undefined, vaultKeyFile: file }, systemRuntime);
    chmodSync(file, 0o640);
    expect(ring).toThrow(/^WATCHFIRE_VAULT_KEY_FILE: .* may be read by others \(mode 0640\); make it 0600$/);
    chmodSync(file, 0o600);
    expect(ring().all).toHaveLength(2);
    writeFileSync(file, 'short');
    expect(ring).toThrow('WATCHFIRE_VAULT_KEY_FILE has less than 32 bytes');
    expect(() => openKeyRing({ ...settings, vaultKeyFile: at('none') }, systemRuntime)).toThrow('(ENOENT)');
  });

  it('is made in development, readable by its owner alone, and stays; in production nothing is stored without one', async () => {
    const data = mkdtempSync(join(folder, 'data-'));
    const store = await open();
    const own = { vaultKey: undefined, data };
    await vaultOn(store, own).put('a', demo, options);
    expect(statSync(join(data, 'vault-key')).mode & 0o777).toBe(0o600);
    expect(await vaultOn(store, own).open('a', 'sandbox')).toEqual(demo);
    const bare = vaultOn(await open(), { ...own, data: at('nowhere'), profile: 'production' });
    await expect(bare.put('a', demo, options)).rejects.toMatchObject({
      code: 'business-rule',
      message: expect.stringMatching(/^no credential can be stored: in the production profile set WATCHFIRE_VAULT_KEY/),
    });
    // Grown up: what development stored is taken along to the key of production.
    const grown = vaultOn(store, { data, vaultKey: one, profile: 'production' });
    expect(await grown.rotateKey()).toEqual({ rewrapped: 1, already: 0 });
    rmSync(join(data, 'vault-key'));
    expect(await vaultOn(store, { data, vaultKey: one, profile: 'production' }).open('a', 'sandbox')).toEqual(demo);
  });
});

describe('A key service', () => {
  /** Wraps by hiding keys behind numbers; knows the contract of docs/credentials.md. */
  let server: Server;
  const hidden = new Map<string, { key: string; context: string }>();
  const asked: string[] = [];
  let current = 'kms-1';
  const token = 'key-service-token';

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      asked.push(`${request.method} ${request.url}`);
      const answer = (status: number, body: object) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      };
      if (request.headers.authorization !== `Bearer ${token}`) return answer(401, {});
      if (request.url === '/keys/key') return answer(200, { key_id: current });
      const { key, wrapped, context } = JSON.parse(text);
      if (request.url === '/keys/wrap') {
        const name = `${current}/${hidden.size}`;
        hidden.set(name, { key, context: JSON.stringify(context) });
        return answer(200, { wrapped: name, key_id: current });
      }
      const found = hidden.get(wrapped);
      return found?.context === JSON.stringify(context) ? answer(200, { key: found.key }) : answer(400, {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('wraps and unwraps; a credential moves to it from a key of ours, and its own key may change', async () => {
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = guardedClient({ allow: [host], runtime: systemRuntime });
    const store = await open();
    const vaultWith = (shown: string, vaultKey: string | undefined) => {
      const service = outsideKey({ url: `http://${host}/keys`, token: shown, client });
      const ring = openKeyRing(
        { ...settings, vaultKey, profile: 'production', data: at('none') },
        systemRuntime,
        service,
      );
      return createVault({ store, runtime: systemRuntime, ring });
    };
    await vaultOn(store).put('a', demo, options);
    const moving = vaultWith(token, one);
    expect(await moving.open('a', 'sandbox')).toEqual(demo);
    expect(await moving.rotateKey()).toEqual({ rewrapped: 1, already: 0 });
    const outside = vaultWith(token, undefined);
    expect(await outside.open('a', 'sandbox')).toEqual(demo);
    expect((await outside.list())[0]!.key).toBe('service:kms-1');
    current = 'kms-2';
    expect(await outside.rotateKey()).toEqual({ rewrapped: 1, already: 0 });
    expect(await outside.rotateKey()).toEqual({ rewrapped: 0, already: 1 });
    expect(await outside.open('a', 'sandbox')).toEqual(demo);
    await outside.put('b', demo, options);
    expect([...new Set(asked)]).toEqual(['GET /keys/key', 'POST /keys/wrap', 'POST /keys/unwrap']);
    await expect(vaultWith('wrong', undefined).open('a', 'sandbox')).rejects.toMatchObject({
      code: 'transient',
      message: 'the key service refused /unwrap (401)',
    });
    await client.close();
  });
});
