/** O8, O17, O26, O27, I51 on the running server: clients that ask for tokens, are held, disabled, let in; pages that call. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { app, backend, formOf, jwkOf, rsa, seed, signed } from './clients-house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ registration: 'approval' });
});
afterAll(() => house.stop());

const anybody = { authorization: '' };
const registered = async (asked: object): Promise<any> => (await house.ask('POST', '/admin/clients', asked)).body;
const tokenFor = (client_id: string, client_secret: string, more: object = {}) =>
  house.ask('POST', '/oauth/token', { grant_type: 'client_credentials', client_id, client_secret, ...more }, anybody);
const reading = (token: string) =>
  house.ask('GET', '/fhir/Patient?_count=1', undefined, { authorization: `Bearer ${token}` });
const newest = async () => (await house.ask('GET', '/fhir/AuditEvent?_sort=-date&_count=1')).body.entry[0].resource;

describe('A client that is disabled', () => {
  it('gets no token, and its tokens open nothing from that moment; enabled, they open again', async () => {
    const { client_id, client_secret } = await registered(seed());
    const { body } = await tokenFor(client_id, client_secret);
    expect((await reading(body.access_token)).status).toBe(200);

    await house.ask('POST', `/admin/clients/${client_id}/disable`);
    const refused = await reading(body.access_token);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('invalid_token');
    expect(await tokenFor(client_id, client_secret)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });

    await house.ask('POST', `/admin/clients/${client_id}/enable`);
    expect((await reading(body.access_token)).status).toBe(200);
    await house.ask('DELETE', `/admin/clients/${client_id}`);
    expect((await reading(body.access_token)).status).toBe(401);
  });
});

describe('A secret that is renewed', () => {
  it('opens beside the one before it for as long as was said', async () => {
    const { client_id, client_secret } = await registered(seed());
    const { body } = await house.ask('POST', `/admin/clients/${client_id}/secret`, { overlap_seconds: 60 });
    expect((await tokenFor(client_id, client_secret)).status).toBe(200);
    expect((await tokenFor(client_id, body.client_secret)).status).toBe(200);
    const { body: last } = await house.ask('POST', `/admin/clients/${client_id}/secret`, { overlap_seconds: 0 });
    for (const before of [client_secret, body.client_secret])
      expect((await tokenFor(client_id, before)).status).toBe(401);
    expect((await tokenFor(client_id, last.client_secret)).status).toBe(200);
  });
});

describe('Whoever guesses at a secret', () => {
  it('waits after ten a minute, also with the right one, and no other client does', async () => {
    const [guessed, other] = [await registered(seed()), await registered(seed())];
    for (let at = 0; at < 10; at++) expect((await tokenFor(guessed.client_id, `guess ${at}`)).status).toBe(401);
    const held = await tokenFor(guessed.client_id, guessed.client_secret);
    expect(held.status).toBe(429);
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await tokenFor(other.client_id, other.client_secret)).status).toBe(200);
  });
});

describe('An assertion', () => {
  const key = rsa();
  const assertionOf = (clientId: string) => {
    const exp = Math.floor(Date.now() / 1_000) + 240;
    const claims = { iss: clientId, sub: clientId, aud: `${house.url}/oauth/token`, exp, jti: `${clientId}-${exp}` };
    return signed(claims, key.privateKey);
  };
  const proven = (assertion: string) => {
    const form = { grant_type: 'client_credentials', scope: 'system/Observation.rs', ...formOf(assertion) };
    const body = new URLSearchParams(form as Record<string, string>).toString();
    return house.ask('POST', '/oauth/token', body, { ...anybody, 'content-type': 'application/x-www-form-urlencoded' });
  };

  it('gives a token once; afterwards the trail says why not, and names the client', async () => {
    const keys = [jwkOf(key.publicKey, { kid: 'one' })];
    const { client_id } = await registered(backend({ jwks: { keys } }));
    const assertion = assertionOf(client_id);
    expect(await proven(assertion)).toMatchObject({ status: 200, body: { scope: 'system/Observation.rs' } });
    expect(await proven(assertion)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const event = await newest();
    expect(event.outcomeDesc).toBe('401 assertion: jti replayed');
    expect(JSON.stringify(event.entity)).toContain(`Client/${client_id}`);
  });
});

describe('POST /oauth/register', () => {
  const register = (asked: unknown) => house.ask('POST', '/oauth/register', asked, anybody);

  it('makes a client that may nothing until the administrator lets it in', async () => {
    const { status, body, headers } = await register(backend({ roles: ['administrator'] }));
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: 'pending', roles: ['service'], client_secret_expires_at: 0 });
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await tokenFor(body.client_id, body.client_secret)).status).toBe(401);

    await house.ask('POST', `/admin/clients/${body.client_id}/approve`);
    expect((await tokenFor(body.client_id, body.client_secret, { scope: 'system/Observation.rs' })).status).toBe(400);
    const form = `grant_type=client_credentials&scope=system/Observation.rs&client_id=${body.client_id}&client_secret=${body.client_secret}`;
    const urlencoded = { ...anybody, 'content-type': 'application/x-www-form-urlencoded' };
    expect((await house.ask('POST', '/oauth/token', form, urlencoded)).status).toBe(200);
  });

  it.each([
    ['invalid_redirect_uri', app({ redirect_uris: ['javascript:alert(1)'] })],
    [
      'invalid_redirect_uri',
      app({ token_endpoint_auth_method: 'client_secret_basic', redirect_uris: ['http://localhost/'] }),
    ],
    ['invalid_client_metadata', backend({ jwks_uri: 'https://169.254.169.254/' })],
  ])('refuses with %s', async (error, asked) => {
    expect(await register(asked)).toMatchObject({ status: 400, body: { error } });
    expect((await newest()).outcomeDesc).toBe('400 value');
  });

  it('lets ten a minute come from one source', async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 12; at++) statuses.push((await register(app())).status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2);
    expect(statuses.at(-1)).toBe(429);
  });

  it('is not there by default', async () => {
    const closed = await openHouse();
    expect((await closed.ask('POST', '/oauth/register', app(), anybody)).status).toBe(404);
    await closed.stop();
  });
});

describe('A page in a browser', () => {
  const origin = 'https://charts.example.org';
  const call = (method: string, path: string, from: string, headers: Record<string, string> = {}) =>
    fetch(`${house.url}${path}`, { method, headers: { origin: from, ...headers } });
  const preflight = (path: string, from: string) =>
    call('OPTIONS', path, from, { 'access-control-request-method': 'POST' });
  const allowed = ({ headers }: Response) => headers.get('access-control-allow-origin');

  it('of a registered app reaches FHIR, token and discovery, of any other only discovery, which tells everybody', async () => {
    const { client_id } = await registered(app({ redirect_uris: [`${origin}/callback`] }));
    for (const path of ['/fhir', '/fhir/Patient', '/fhir/metadata', '/oauth/token']) {
      for (const [from, told] of [
        [origin, origin],
        ['https://evil.example', null],
        ['null', null],
      ] as const) {
        const asked = await preflight(path, from);
        expect([path, from, allowed(asked)]).toEqual([path, from, told]);
        expect([path, from, allowed(await call('POST', path, from))]).toEqual([path, from, told]);
        expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
      }
      expect((await preflight(path, origin)).status).toBe(204);
    }
    expect(allowed(await call('GET', '/fhir/.well-known/smart-configuration', origin))).toMatch(
      /^(\*|https:\/\/charts\.example\.org)$/,
    );
    await house.ask('POST', `/admin/clients/${client_id}/disable`);
    expect(allowed(await preflight('/fhir/Patient', origin))).toBeNull();
  });

  it('may read ETag and Location of what it wrote, also of what was refused', async () => {
    await registered(app({ redirect_uris: [`${origin}/callback`] }));
    const headers = { authorization: `Bearer ${house.adminToken}`, 'content-type': 'application/fhir+json' };
    const made = await fetch(`${house.url}/fhir/Patient`, {
      method: 'POST',
      headers: { ...headers, origin },
      body: '{"resourceType":"Patient"}',
    });
    expect(made.status).toBe(201);
    expect(allowed(made)).toBe(origin);
    expect(made.headers.get('access-control-expose-headers')).toContain('ETag');
    expect(made.headers.get('vary')).toContain('Origin');
    const refused = await call('GET', '/fhir/Patient/none', origin, { authorization: 'Bearer nonsense' });
    expect([refused.status, allowed(refused)]).toEqual([401, origin]);
  });

  it('may not administer, whoever it is', async () => {
    expect(allowed(await preflight('/admin/clients', origin))).toBeNull();
    expect(allowed(await preflight('/oauth/introspect', origin))).toBeNull();
  });
});
