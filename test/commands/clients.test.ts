/** `watchfire clients`: what an operator types and reads, against a running server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  changeClient,
  createClient,
  deleteClient,
  printClient,
  printClients,
  rotateSecret,
} from '../../src/commands/clients.ts';
import { readConfig } from '../../src/config.ts';
import { app, jwkOf, rsa } from '../smart/clients/clients-house.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

/** What a command printed. */
async function printed(command: (config: any, print: (line: string) => void) => Promise<void>): Promise<string> {
  const lines: string[] = [];
  await command({ ...readConfig({}), data: house.dataFolder }, (line) => lines.push(line));
  return lines.join('\n');
}
const create = (options: object) => printed((config, print) => createClient(config, options, print));
const idIn = (text: string) => /Client id: (\S+)/.exec(text)![1]!;

describe('watchfire clients', () => {
  it('prints a secret once, and again only when it is renewed', async () => {
    const made = await create({ name: 'Dashboard', scope: 'device_data patient_data alerts' });
    const secret = /Client secret: (wfs_\S+)/.exec(made)![1]!;
    const id = idIn(made);
    expect(await printed((config, print) => printClient(config, id, print))).not.toContain(secret);
    const renewed = await printed((config, print) => rotateSecret(config, id, 0, print));
    expect(renewed).toMatch(/Client secret: wfs_\S+/);
    expect(renewed).not.toContain(secret);
    expect(renewed).toContain('opens nothing any more');
  });

  it('registers from files too, and the options go over them', async () => {
    const [metadata, jwks] = ['metadata.json', 'jwks.json'].map((name) => join(house.dataFolder, name)) as [
      string,
      string,
    ];
    writeFileSync(metadata, JSON.stringify({ client_name: 'From a file', scope: 'system/Patient.r' }));
    writeFileSync(jwks, JSON.stringify({ keys: [jwkOf(rsa().publicKey, { kid: 'one' })] }));
    const id = idIn(await create({ metadata, jwks, name: 'Renamed', grants: ['client_credentials'] }));
    const shown = JSON.parse(await printed((config, print) => printClient(config, id, print)));
    expect(shown).toMatchObject({ client_name: 'Renamed', token_endpoint_auth_method: 'private_key_jwt' });
    await expect(create({ metadata: join(house.dataFolder, 'none.json') })).rejects.toThrow('is not there');
  });

  it('lists, disables, enables and deletes', async () => {
    const id = idIn(
      await create({
        metadata: undefined,
        name: 'App',
        scope: app().scope,
        auth: 'none',
        redirect: app().redirect_uris,
      }),
    );
    const change = (deed: 'disable' | 'enable') => printed((config, print) => changeClient(config, id, deed, print));
    const list = () => printed(printClients);
    expect(await list()).toContain(`${id}  active  app  none  App`);
    expect(await change('disable')).toBe(`${id} is disabled`);
    expect(await list()).toContain(`${id}  disabled  app`);
    expect(await change('enable')).toBe(`${id} is active`);
    expect(await printed((config, print) => deleteClient(config, id, print))).toBe(`${id} is deleted`);
    expect(await list()).not.toContain(id);
  });

  it('ends with the sentence of a refusal', async () => {
    await expect(create({ name: 'App', scope: 'openid', redirect: ['javascript:alert(1)'] })).rejects.toThrow(
      /^redirect_uris\[0\] must be https/,
    );
    await expect(printed((config, print) => changeClient(config, 'none', 'disable', print))).rejects.toThrow(
      'no client has this client_id',
    );
  });
});
