/** The two sides that bench/access.ts holds against each other: what a token of the bench opens, and that the open house opens to its one token alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { grantedToken, type Proof, registerBackend } from '../../bench/backend.ts';
import { type Connection, openConnection } from '../../bench/client.ts';
import { type Contestant, startServerProcess } from '../../bench/contestants.ts';
import { asking } from '../../bench/world.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const patient = { resourceType: 'Patient', name: [{ family: 'Chalmers' }] };

describe('a backend service of the bench', () => {
  let house: TestHouse;
  let connection: Connection;
  beforeAll(async () => {
    house = await openHouse();
    connection = openConnection(house.url);
  });
  afterAll(async () => {
    connection.close();
    await house.stop();
  });

  it.each<Proof>(['RS384', 'ES384', 'secret'])('is given a token by %s that creates and searches', async (proof) => {
    const backend = await registerBackend(house.url, house.adminToken, proof, 'system/*.cruds');
    const ask = asking(`${house.url}/fhir`, await grantedToken(connection, backend));
    expect(await connection.send(ask.post('Patient', patient))).toMatchObject({ status: 201 });
    const found = await connection.send(ask.get('Patient?family=Chalmers'));
    expect(JSON.parse(found.body).entry.length).toBeGreaterThan(0);
  });

  it('is refused with an assertion that it has used', async () => {
    const backend = await registerBackend(house.url, house.adminToken, 'RS384', 'system/*.rs');
    const request = backend.request();
    expect(await connection.send(request)).toMatchObject({ status: 200 });
    expect(await connection.send(request)).toMatchObject({ status: 401 });
  });
});

describe('the open house', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-open-house-'));
  const word = 'a'.repeat(43);
  let server: Contestant;
  let connection: Connection;
  beforeAll(async () => {
    const other = { entry: ['bench/open-house.ts', word], called: 'open house' };
    server = await startServerProcess(folder, 'strict', undefined, other);
    connection = openConnection(server.base);
  });
  afterAll(async () => {
    connection.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it('lets its one token do everything, the audit log included', async () => {
    const ask = asking(server.base, word);
    expect(await connection.send(ask.post('Patient', patient))).toMatchObject({ status: 201 });
    expect(await connection.send(ask.get('AuditEvent?_count=1'))).toMatchObject({ status: 200 });
  });

  it.each([
    ['another token', 'b'.repeat(43)],
    ['no token', ''],
  ])('refuses %s as the house does', async (_what, token) => {
    expect(await connection.send(asking(server.base, token).get('Patient'))).toMatchObject({ status: 401 });
  });

  it('lets the administrator prepare and read back', async () => {
    expect(await connection.send(asking(server.base, server.token).get('Patient'))).toMatchObject({ status: 200 });
  });
});
