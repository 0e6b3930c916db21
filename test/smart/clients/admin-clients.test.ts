/** The administrator's routes for clients over HTTP: RFC 7591 in and out, secrets once, a row of the audit log for each. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { app, backend, jwkOf, rsa, seed } from './clients-house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const post = (path: string, body?: unknown, headers?: Record<string, string>) => house.ask('POST', path, body, headers);
const registered = async (asked: object): Promise<any> => {
  const { status, body } = await post('/admin/clients', asked);
  expect(status).toBe(201);
  return body;
};
/** Of the trail, newest first: what was done, how it ended, to which client. */
async function rows(count: number): Promise<readonly (readonly [string, string, string | undefined])[]> {
  const { body } = await house.ask('GET', `/fhir/AuditEvent?_sort=-date&_count=${count}`);
  return body.entry.map(({ resource }: any) => [
    resource.subtype[0].code,
    resource.outcomeDesc,
    resource.entity.find(({ what }: any) => what?.identifier?.value?.startsWith('Client/'))?.what.identifier.value,
  ]);
}

describe('POST /admin/clients', () => {
  it('answers a secret once, where there is one', async () => {
    const made = await registered(seed());
    expect(made).toMatchObject({
      client_class: 'device',
      status: 'active',
      client_secret_expires_at: 0,
      roles: ['service'],
    });
    expect(made.client_secret).toMatch(/^wfs_[\w-]{43}$/);
    expect(made.client_id_issued_at).toBeCloseTo(Date.now() / 1_000, -2);

    const { text } = await house.ask('GET', `/admin/clients/${made.client_id}`);
    expect(text).not.toContain('client_secret"');
    expect(text).not.toContain(made.client_secret);
    const keys = { keys: [jwkOf(rsa().publicKey, { kid: 'one' })] };
    expect((await registered(backend({ jwks: keys }))).client_secret).toBeUndefined();
    expect((await registered(app())).client_secret).toBeUndefined();
  });

  it.each([
    ['invalid_redirect_uri', app({ redirect_uris: ['javascript:alert(1)'] }), /redirect_uris\[0\]/],
    ['invalid_client_metadata', app({ scope: 'everything' }), /scope/],
    ['invalid_client_metadata', backend({ jwks_uri: 'https://169.254.169.254/' }), /jwks_uri/],
  ])('refuses in the words of RFC 7591: %s', async (error, asked, sentence) => {
    const { status, body } = await post('/admin/clients', asked);
    expect(status).toBe(400);
    expect(body).toEqual({ error, error_description: expect.stringMatching(sentence) });
    expect((await rows(1))[0]).toEqual(['admin-client-create', expect.stringMatching(/^400/), undefined]);
  });

  it('is for the administrator alone', async () => {
    for (const [authorization, status] of [
      ['', 401],
      ['Bearer wfk_abcdefgh_x', 401],
    ] as const)
      expect((await post('/admin/clients', seed(), { authorization })).status).toBe(status);
    await house.create({ resourceType: 'Device', identifier: [{ system: 'urn:x', value: 'D1' }] });
    const key = await house.deviceKey('D1');
    expect((await post('/admin/clients', seed(), { authorization: `Bearer ${key}` })).status).toBe(403);
    expect((await house.ask('GET', '/admin/clients', undefined, { authorization: `Bearer ${key}` })).status).toBe(403);
  });

  it('wants JSON with each member once', async () => {
    const twice = '{"client_name":"a","client_name":"b","scope":"alerts"}';
    expect((await post('/admin/clients', twice)).status).toBe(400);
    expect((await post('/admin/clients', 'client_name=a', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('/admin/clients', `{"client_name":"${'a'.repeat(70_000)}"}`)).status).toBe(413);
  });
});

describe('A registered client', () => {
  it('is listed, changed, renewed, disabled, enabled and deleted, each with its row', async () => {
    const { client_id, client_secret } = await registered(seed());
    const path = `/admin/clients/${client_id}`;

    const { body: changed } = await house.ask('PUT', path, seed({ client_name: 'Renamed' }));
    expect(changed).toMatchObject({ client_id, client_name: 'Renamed' });
    expect(changed.client_secret).toBeUndefined();
    const { body: renewed } = await post(`${path}/secret`, { overlap_seconds: 60 });
    expect(renewed).toMatchObject({ client_id, client_secret_expires_at: 0 });
    expect(renewed.client_secret).not.toBe(client_secret);
    expect(Date.parse(renewed.previous_secret_until)).toBeGreaterThan(Date.now());
    expect((await post(`${path}/disable`)).body).toMatchObject({ client_id, status: 'disabled' });
    expect((await post(`${path}/enable`)).body).toMatchObject({ client_id, status: 'active' });
    expect((await house.ask('GET', path)).body).toMatchObject({ client_name: 'Renamed', status: 'active' });
    expect((await house.ask('DELETE', path)).body).toEqual({ client_id, deleted: true });
    expect((await house.ask('GET', path)).status).toBe(404);

    const named = `Client/${client_id}`;
    expect((await rows(8)).slice(1).map(([code, , target]) => [code, target])).toEqual([
      ['admin-client-delete', named],
      ['admin-client-read', named],
      ['admin-client-enable', named],
      ['admin-client-disable', named],
      ['admin-client-secret', named],
      ['admin-client-update', named],
      ['admin-client-create', named],
    ]);
  });

  it.each(['GET', 'PUT', 'DELETE'])('that is none is not found: %s', async (method) => {
    const asked = method === 'PUT' ? seed() : undefined;
    for (const id of ['00000000-0000-7000-8000-000000000000', '__proto__', 'admin', '%2e%2e'])
      expect((await house.ask(method, `/admin/clients/${id}`, asked)).status).toBe(404);
  });

  it('stands in pages of the list, in the order of registration', async () => {
    for (let at = 0; at < 5; at++) {
      await registered(seed({ client_name: `Listed ${at}` }));
      // Ids tell the order by the millisecond.
      await new Promise((go) => setTimeout(go, 2));
    }
    const names: string[] = [];
    let pages = 0;
    for (let next: string | null = '/admin/clients?count=2'; next !== null; pages++) {
      const { body } = await house.ask('GET', next);
      expect(body.clients.length).toBeLessThanOrEqual(2);
      names.push(...body.clients.map(({ client_name }: any) => client_name));
      next = body.next;
    }
    // Behind them stands the portal, which every server has.
    expect(names.filter((name) => name !== 'Watchfire portal').slice(-5)).toEqual([
      'Listed 0',
      'Listed 1',
      'Listed 2',
      'Listed 3',
      'Listed 4',
    ]);
    expect(pages).toBe(Math.ceil(names.length / 2));
    expect((await house.ask('GET', '/admin/clients?count=0')).status).toBe(400);
  });

  it('outlives a restart', async () => {
    const { client_id } = await registered(app());
    await house.restart();
    expect((await house.ask('GET', `/admin/clients/${client_id}`)).body).toMatchObject({ status: 'active' });
  });

  it('is no resource: FHIR reaches nothing of it', async () => {
    for (const path of ['/fhir/oauth-client', '/fhir/Client', '/fhir/oauth-client/_history'])
      expect([400, 404]).toContain((await house.ask('GET', path)).status);
  });
});
