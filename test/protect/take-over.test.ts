import { createCipheriv, createHmac, hash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../src/config.ts';
import { takeOver } from '../../src/protect/take-over.ts';
import { createVault } from '../../src/protect/vault.ts';
import { openKeyRing } from '../../src/protect/vault-keys.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'watchfire-fernet-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fernetKey = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const known = ['boston-scientific', 'medtronic'];
const old = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'sandbox' as const };

/** As the earlier system made them. */
function fernet(plain: unknown, key: Uint8Array = Buffer.from(fernetKey, 'base64url')): string {
  const iv = systemRuntime.random(16);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const text = typeof plain === 'string' ? plain : JSON.stringify(plain);
  const head = Buffer.concat([Buffer.from([0x80, 0, 0, 0, 0, 0x65, 0, 0, 0]), iv, cipher.update(text), cipher.final()]);
  const mac = createHmac('sha256', key.subarray(0, 16)).update(head).digest();
  return Buffer.concat([head, mac]).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

let store: Store | undefined;
afterEach(async () => {
  await store?.close();
  store = undefined;
});

async function housed(path: string, vaultKey = fernetKey) {
  store ??= await openSqliteStore({ file: ':memory:', runtime: systemRuntime });
  const ring = openKeyRing({ vaultKey, vaultKeyFile: undefined, profile: 'development', data: folder }, systemRuntime);
  const vault = createVault({ store, runtime: systemRuntime, ring });
  const warned: string[] = [];
  const log = { info: () => undefined, warn: (event: string) => void warned.push(event) };
  const take = () => takeOver({ path, texts: ring.texts, known, vault, store: store!, log });
  return { vault, take, warned };
}

function placed(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

describe('Credentials that an earlier system encrypted with Fernet', () => {
  const word = 'a-word-of-the-earlier-system-that-was-no-key';
  it.each([
    ['one token with all makers in it', fernet({ boston_scientific: old }), fernetKey],
    ['JSON with a token for each maker', JSON.stringify({ boston_scientific: fernet(old) }), fernetKey],
    [
      'JSON with a token for each member',
      JSON.stringify({
        boston_scientific: { ...old, client_secret: fernet('demo-secret'), api_key: fernet('demo-key') },
      }),
      fernetKey,
    ],
    ['a token under the SHA-256 of a word', fernet({ boston_scientific: old }, hash('sha256', word, 'buffer')), word],
  ])('are taken over once, encrypted anew: %s (0-008, 0-138)', async (_name, text, key) => {
    const { vault, take } = await housed(placed('credentials', text), key);
    expect(await take()).toBe(1);
    expect(await vault.open('boston-scientific', 'sandbox')).toEqual(old);
    await vault.remove('boston-scientific', 'sandbox');
    expect(await take()).toBe(0);
    expect(await vault.open('boston-scientific', 'sandbox')).toBeUndefined();
  });

  it('are taken over from a folder with a file for each maker', async () => {
    const path = join(folder, 'many');
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, 'boston_scientific.enc'), fernet(old), { mode: 0o600 });
    const { environment: _none, ...rest } = old;
    writeFileSync(join(path, 'medtronic.json'), fernet(rest), { mode: 0o600 });
    const { vault, take } = await housed(path);
    expect(await take()).toBe(2);
    expect(await vault.open('medtronic', 'production')).toMatchObject(rest);
  });

  it('never replace what was stored since, and those of a stranger are left', async () => {
    const { vault, take, warned } = await housed(placed('both', fernet({ boston_scientific: old, acme: old })));
    await vault.put('boston-scientific', { ...old, client_secret: 'newer' }, { by: 'Client/admin', overlap: 0 });
    expect(await take()).toBe(0);
    expect((await vault.open('boston-scientific', 'sandbox'))?.client_secret).toBe('newer');
    expect(warned).toEqual(['credentials of a maker that is not known are left']);
  });

  it('stop the start where others may read the file, and where the key does not open it or it was changed (0-138)', async () => {
    const readable = placed('readable', fernet({ medtronic: old }));
    chmodSync(readable, 0o644);
    await expect((await housed(readable)).take()).rejects.toThrow(/^CREDENTIAL_STORAGE_PATH: .* make it 0600$/);
    const token = fernet({ medtronic: old });
    const changed = `${token.slice(0, 60)}${token[60] === 'A' ? 'B' : 'A'}${token.slice(61)}`;
    for (const [text, sentence] of [
      [changed, 'the configured key does not open'],
      ['no token', 'is neither a Fernet token nor JSON'],
      [fernet({ medtronic: { client_id: 'demo' } }), 'a credential needs client_secret'],
    ] as const) {
      const refused = (await housed(placed('broken', text))).take();
      await expect(refused).rejects.toThrow(ConfigError);
      await expect(refused).rejects.toThrow(sentence);
    }
    await expect((await housed(placed('whole', token), '')).take()).rejects.toThrow(
      'set WATCHFIRE_VAULT_KEY (or SECRET_KEY) to the key',
    );
  });

  it('may be gone: then there is nothing to take over', async () => {
    const { take, warned } = await housed(join(folder, 'none'));
    expect([await take(), warned]).toEqual([0, ['no credentials to take over: nothing is at CREDENTIAL_STORAGE_PATH']]);
  });
});
