/** POST /cardiac/credentials/{manufacturer} on the running server, and what is told of it afterwards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { printCredentials, removeCredential, rotateKey, setCredential } from '../../src/commands/credentials.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const planted = { secret: 'planted-secret-7Gq2ZbT9', key: 'planted-key-Xw81LmPd' };
const body = {
  client_id: 'planted-id-demo',
  client_secret: planted.secret,
  api_key: planted.key,
  environment: 'production',
};
const path = '/cardiac/credentials/boston_scientific';

let house: TestHouse;

beforeAll(async () => {
  house = await openHouse({
    store: 'sqlite',
    makers: { BOSTON_SCIENTIFIC_BASE_URL: 'https://api.example.org/v1' },
  });
});
afterAll(() => house.stop());

const everyFile = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((one) =>
    one.isFile() ? [join(one.parentPath, one.name)] : [],
  );

describe('The credential of a maker', () => {
  it('is stored as our customer sends it, answered with 201 and shown by nothing (0-017)', async () => {
    const { status, body: answer, text } = await house.ask('POST', path, body);
    expect(status).toBe(201);
    expect(answer).toMatchObject({
      success: true,
      manufacturer: 'boston-scientific',
      environment: 'production',
      endpoint: 'Endpoint/maker-boston-scientific-production',
      previous_valid_until: null,
    });
    const endpoint = await house.read(answer.endpoint);
    expect(endpoint.body).toMatchObject({ status: 'active', address: 'https://api.example.org/v1' });
    const list = await house.ask('GET', '/admin/credentials');
    expect(list.body.credentials).toMatchObject([
      { manufacturer: 'boston-scientific', members: ['client_id', 'client_secret', 'api_key'] },
    ]);
    const events = await house.ask('GET', '/fhir/AuditEvent?_count=100');
    expect(events.text).toContain('cardiac-credentials');
    const history = await house.ask('GET', `/fhir/${answer.endpoint}/_history`);
    for (const shown of [text, endpoint.text, list.text, events.text, history.text])
      for (const word of ['planted', 'demo']) expect(shown).not.toContain(word);
    const row = events.body.entry.find(({ resource }: any) => resource.subtype[0].code === 'cardiac-credentials');
    expect(row.resource).toMatchObject({ action: 'C', outcome: '0' });
    expect(row.resource.entity.some(({ what }: any) => what.reference === answer.endpoint)).toBe(true);
  });

  it('is stored by the administrator alone: others get 403, nobody 401 (0-017)', async () => {
    await house.create({ resourceType: 'Device', identifier: [{ system: 'urn:x', value: 'DEV1' }] });
    const key = await house.deviceKey('DEV1');
    const asDevice = await house.ask('POST', path, body, { authorization: `Bearer ${key}` });
    expect([asDevice.status, asDevice.body.issue[0].code]).toEqual([403, 'forbidden']);
    expect((await house.ask('POST', path, body, { authorization: '' })).status).toBe(401);
  });

  it.each([
    [{ ...body, client_id: undefined }, 'client_id', 'required'],
    [{ ...body, client_id: 7 }, 'client_id', 'value'],
    [{ ...body, environment: 'staging' }, 'environment', 'value'],
    [{ ...body, environment: undefined }, 'environment', 'required'],
    [{ client_id: 'x', environment: 'sandbox' }, 'client_secret', 'required'],
    [{ ...body, client_secret: 'line\nbreak' }, 'client_secret', 'value'],
    [{ ...body, password: 'x' }, 'password', 'value'],
    [{ ...body, overlap_minutes: -1 }, 'overlap_minutes', 'value'],
  ])('is refused with 400 and the path of what is wrong (0-018) %#', async (sent, expression, code) => {
    const { status, body: outcome, text } = await house.ask('POST', path, sent);
    expect(status).toBe(400);
    expect(outcome).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code, expression: [expression] }] });
    expect(text).not.toContain('planted');
  });

  it('of a maker that nobody knows is refused with 404 and the list of those that are (0-028)', async () => {
    const { status, body: outcome } = await house.ask('POST', '/cardiac/credentials/acme', body);
    expect(status).toBe(404);
    expect(outcome.issue[0].diagnostics).toMatch(/known are .*boston-scientific.*medtronic/);
  });

  it('can be changed and removed from the command line, and its secrets never stand among the arguments', async () => {
    const config: Config = { ...readConfig({}), data: house.dataFolder };
    const lines: string[] = [];
    const print = (line: string) => lines.push(line);
    const piped = Readable.from([`${planted.secret}-2\n${planted.key}-2\n`]);
    const options = { clientId: 'planted-id-demo', environment: 'production', overlap: 30 };
    await setCredential(config, 'boston-scientific', options, print, piped);
    await setCredential(config, 'medtronic', { ...options, environment: 'sandbox' }, print, Readable.from(['s\n']));
    await printCredentials(config, print);
    expect(lines.filter((line) => line.startsWith('boston'))[0]).toMatch(
      /^boston-scientific {2}production {2}client_id\+client_secret\+api_key .* by Client\/admin {2}under key-[0-9a-f]{12} {2}the one before until /,
    );
    await rotateKey(config, print);
    expect(lines.at(-1)).toMatch(/^0 credentials .*, 2 were already/);
    await removeCredential(config, 'medtronic', 'sandbox', print);
    await expect(removeCredential(config, 'medtronic', 'sandbox', print)).rejects.toThrow('no credential');
    expect((await house.read('Endpoint/maker-medtronic-sandbox')).body.status).toBe('off');
    expect(lines.join('\n')).not.toContain('planted');
  });

  it('stands in no file of the data folder in clear (0-002)', async () => {
    await house.restart();
    await house.ask('POST', path, { ...body, client_id: 'planted-id-again' });
    const files = everyFile(house.dataFolder);
    expect(files.some((file) => file.endsWith('-wal'))).toBe(true);
    const found = files.filter((file) => readFileSync(file).includes('planted'));
    expect(found).toEqual([]);
  });
});
