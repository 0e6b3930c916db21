/** What the settings of the vault do to the start of the server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { openHouse } from '../support/house.ts';

const folder = mkdtempSync(join(tmpdir(), 'watchfire-vault-start-'));
afterAll(() => rmSync(folder, { recursive: true }));
const body = { client_id: 'demo', client_secret: 'demo-secret', environment: 'sandbox' };

it('a SECRET_KEY of less than 32 bytes stops the start (0-137)', async () => {
  await expect(openHouse({ store: 'sqlite', vaultKey: 'your-secret-key' })).rejects.toThrow('has less than 32 bytes');
});

it('an environment or address of a maker that is none stops the start with the name of its setting (0-140)', async () => {
  for (const [name, value] of [
    ['MEDTRONIC_ENVIRONMENT', 'staging'],
    ['MEDTRONIC_BASE_URL', 'ftp://medtronic.example'],
  ] as const)
    await expect(openHouse({ store: 'sqlite', makers: { [name]: value } })).rejects.toThrow(name);
});

it('production without a key serves, but stores no credential and says what to set (0-011)', async () => {
  const house = await openHouse({ store: 'sqlite', profile: 'production', adminToken: 'T'.repeat(40) });
  const { status, body: outcome } = await house.ask('POST', '/cardiac/credentials/medtronic', body);
  expect([status, outcome.issue[0].diagnostics]).toEqual([422, expect.stringContaining('set WATCHFIRE_VAULT_KEY')]);
  expect((await house.read('Endpoint/maker-medtronic-sandbox')).status).toBe(404);
  await house.stop();
});

it('CREDENTIAL_STORAGE_PATH is taken over before anybody asks (0-138)', async () => {
  // Made with Python's cryptography 48: Fernet(key).encrypt(json.dumps({"medtronic": {"client_id": "demo", "client_secret": "s"}}))
  const vaultKey = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
  const token =
    'gAAAAABrC4VdweXN92aDTdeFhkX2lNOLLU41AVzCl6-a9vgDvFM6TrkopGFdbGs9sRgJNdNYbja1g0P30NZa2CHXuZOtx3n4cDXz_06PHsksWJurIuCNEZ3FaWdWjTr9TYl_VYhdyAoYb8GXu5i3aDncY7VLYmKj2g==';
  const credentialStoragePath = join(folder, 'credentials');
  writeFileSync(credentialStoragePath, token, { mode: 0o600 });
  const house = await openHouse({ store: 'sqlite', vaultKey, credentialStoragePath });
  const { body: list } = await house.ask('GET', '/admin/credentials');
  expect(list.credentials).toMatchObject([
    { manufacturer: 'medtronic', environment: 'production', stored_by: 'System/take-over' },
  ]);
  await house.stop();
});
