/** Clients at the token endpoint and beside it: who they are, what they get for themselves, what they learn of tokens. O8, O16-O18, O28 and O30 of promises.md. https://www.rfc-editor.org/rfc/rfc6749 */
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { codeFlow, tokenRequest } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let house: AuthorizationHouse;
let device: App;
let backend: App;
let key: KeyObject;
beforeAll(async () => {
  house = await openAuthorizationHouse();
  const byItself = { grant_types: ['client_credentials'], redirect_uris: [] };
  device = await house.register({
    ...byItself,
    scope: 'device_data patient_data alerts',
    token_endpoint_auth_method: 'client_secret_post',
  });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  key = privateKey;
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES384', use: 'sig' }] };
  backend = await house.register({
    ...byItself,
    scope: 'system/Patient.rs system/Observation.rs',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks,
  });
});
afterAll(() => house.stop());

const ask = (form: Record<string, string>, headers: Record<string, string> = {}, path?: string) =>
  tokenRequest(house.url, form, headers, path);
const basic = ({ clientId, secret }: App) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const forItself = { grant_type: 'client_credentials' };
const own = ({ clientId, secret = '' }: App) => ({ client_id: clientId, client_secret: secret });
const assertion = () =>
  new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES384', kid: 'k1', typ: 'JWT' })
    .setIssuer(backend.clientId)
    .setSubject(backend.clientId)
    .setAudience(`${house.url}/oauth/token`)
    .setIssuedAt()
    .setExpirationTime('4m')
    .sign(key);
const signed = async () => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertion(),
});

describe('A client by itself', () => {
  it('gets a short token for its key, and for an hour as a device client', async () => {
    const byKey = await ask({ ...forItself, scope: 'system/Patient.rs', ...(await signed()) });
    const bySecret = await ask({ ...forItself, ...own(device) });

    expect(byKey.body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'system/Patient.rs' });
    expect(bySecret.body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 3_600,
      scope: 'device_data patient_data alerts',
    });
    for (const { body, headers } of [byKey, bySecret]) {
      expect(body.refresh_token).toBeUndefined();
      expect(headers.get('cache-control')).toBe('no-store');
      expect((await house.ask('GET', '/fhir/Patient', undefined, bearer(body.access_token))).status).toBe(200);
      expect((await house.ask('GET', '/fhir/Practitioner', undefined, bearer(body.access_token))).status).toBe(403);
    }
  });

  it('is in the trail once for each token, and once for each refusal', async () => {
    const rows = async () => (await house.search('AuditEvent?subtype=oauth-token&_count=100')).length;
    const before = await rows();
    await ask({ ...forItself, ...own(device) });
    await ask({ ...forItself, ...own(device), client_secret: 'wrong' });
    await ask({ ...forItself, ...own(device), scope: 'system/Patient.rs' });

    expect((await rows()) - before).toBe(3);
  });

  it('may say so in JSON as a device client, and as no other', async () => {
    const json = (app: App) =>
      house.ask(
        'POST',
        '/oauth/token',
        { ...forItself, ...own(app), scope: 'device_data alerts' },
        { authorization: '' },
      );
    const other = await house.register({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'system/Patient.rs',
      token_endpoint_auth_method: 'client_secret_post',
    });

    expect((await json(device)).body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 3_600,
      scope: 'device_data alerts',
    });
    expect((await json(other)).body).toMatchObject({ error: 'invalid_request' });
  });

  it('is granted no more than it is registered for', async () => {
    const told = await ask({ ...forItself, scope: 'system/*.cruds', ...(await signed()) });
    const nothing = await ask({ ...forItself, scope: 'system/Medication.rs', ...(await signed()) });

    expect(told.body.scope.split(' ').sort()).toEqual(['system/Observation.rs', 'system/Patient.rs']);
    expect([nothing.status, nothing.body.error]).toEqual([400, 'invalid_scope']);
  });

  it('is no app: a public one gets nothing for itself', async () => {
    const app = await house.register({});
    const { status, body } = await ask({ ...forItself, client_id: app.clientId });

    expect([status, body.error]).toEqual([400, expect.stringMatching(/^(invalid_request|unauthorized_client)$/)]);
  });
});

describe('A client that proves nothing, or something else', () => {
  it.each<[string, () => Promise<[Record<string, string>, Record<string, string>?]>]>([
    ['nothing', async () => [{ client_id: device.clientId }]],
    ['no name', async () => [{}]],
    ['a wrong secret', async () => [{ ...own(device), client_secret: 'wrong' }]],
    ['an unknown name', async () => [{ client_id: 'nobody', client_secret: 'x' }]],
    ['the secret in both places', async () => [own(device), basic(device)]],
    ['a broken header', async () => [{}, { authorization: 'Basic !!!' }]],
    ['the administrator’s token', async () => [{}, bearer(house.adminToken)]],
    ['a secret instead of its key', async () => [{ client_id: backend.clientId, client_secret: 'guessed' }]],
    ['no proof instead of its key', async () => [{ client_id: backend.clientId }]],
    ['an assertion and a secret', async () => [{ ...own(device), ...(await signed()) }]],
    ['two names', async () => [{ client_id: backend.clientId }, basic(device)]],
  ])('by %s is refused with invalid_client', async (_name, proof) => {
    const [form, headers] = await proof();
    const { status, body } = await ask({ ...forItself, ...form }, headers);

    expect([status, body.error]).toEqual([401, 'invalid_client']);
  });

  it('is told how where it used Basic', async () => {
    const { headers } = await ask(forItself, basic({ ...device, secret: 'wrong' }));

    expect(headers.get('www-authenticate')).toMatch(/^Basic /);
  });

  it('is held after ten wrong secrets, while others and the owner elsewhere are not', async () => {
    const guessed = await house.register({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'system/Patient.rs',
      token_endpoint_auth_method: 'client_secret_basic',
    });
    for (let i = 0; i < 10; i++) await ask({ ...forItself, client_id: guessed.clientId, client_secret: `guess ${i}` });
    const held = await ask(forItself, basic(guessed));

    expect([held.status, held.headers.get('retry-after')]).toEqual([429, expect.stringMatching(/^\d+$/)]);
    expect((await ask({ ...forItself, ...own(device) })).status).toBe(200);
  });
});

describe('A device key', () => {
  it('that is guessed is held after ten attempts; other keys are not', async () => {
    for (const id of ['a', 'b'])
      await house.create({
        resourceType: 'Device',
        identifier: [{ system: 'https://example.org/devices', value: id }],
      });
    const [guessed, other] = [await house.deviceKey('a'), await house.deviceKey('b')];
    const status = async (key: string) =>
      (await house.ask('GET', '/fhir/metadata', undefined, { authorization: `Bearer ${key}` })).status;
    const wrong = guessed.slice(0, -10) + 'x'.repeat(10);
    const answers = [];
    for (let i = 0; i < 11; i++) answers.push(await status(wrong));

    expect(answers).toEqual([...Array(10).fill(401), 429]);
    expect(await status(other)).toBe(200);
  });
});

describe('The token endpoint', () => {
  it('takes forms without anything in the address, each parameter once', async () => {
    const raw = (body: string, type: string, query = '') =>
      fetch(`${house.url}/oauth/token${query}`, { method: 'POST', body, headers: { 'content-type': type } });
    const form = new URLSearchParams({ ...forItself, ...own(device) }).toString();
    const answers = [
      await raw(form, 'text/plain'),
      await raw(form, 'application/x-www-form-urlencoded', '?grant_type=client_credentials'),
      await raw(`${form}&scope=alerts&scope=alerts`, 'application/x-www-form-urlencoded'),
      await raw('{"grant_type":1}', 'application/json'),
    ];

    for (const answer of answers)
      expect([answer.status, ((await answer.json()) as any).error]).toEqual([400, 'invalid_request']);
    expect((await raw('x'.repeat(70_000), 'application/x-www-form-urlencoded')).status).toBe(413);
    expect((await fetch(`${house.url}/oauth/token`)).status).toBe(405);
  });

  it('knows three grants', async () => {
    for (const grant_type of ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code'])
      expect((await ask({ grant_type, ...own(device) })).body.error).toBe('unsupported_grant_type');
  });

  it.each(['/oauth/token', '/oauth/jwks', '/.well-known/openid-configuration'])(
    'lets pages of registered apps read the answer of %s, and no others',
    async (path) => {
      await house.register({});
      const isToken = path === '/oauth/token';
      const asked = async (origin: string) => {
        const init = isToken ? { method: 'POST', body: new URLSearchParams({ client_id: 'x' }) } : {};
        const { headers } = await fetch(house.url + path, { ...init, headers: { origin } });
        return headers.get('access-control-allow-origin');
      };

      expect(await asked('https://app.example.com')).toBe('https://app.example.com');
      for (const origin of ['https://evil.example.com', 'https://app.example.com.evil.example', 'null'])
        expect(await asked(origin)).toBeNull();
    },
  );

  it('believes no proxy that nobody configured', async () => {
    const spoofed = { 'x-forwarded-host': 'evil.example.com', 'x-forwarded-proto': 'https' };
    const told = await fetch(`${house.url}/.well-known/openid-configuration`, { headers: spoofed });

    expect(await told.text()).not.toContain('evil.example.com');
  });
});

describe('A token', () => {
  it('is introspected by the client that it was given to, and by the administrator', async () => {
    const app = await house.register({ token_endpoint_auth_method: 'client_secret_basic' });
    const scope = 'openid fhirUser launch/patient patient/Patient.rs offline_access';
    const { body } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    const introspect = (token: string, headers: Record<string, string>) => ask({ token }, headers, '/oauth/introspect');

    const told = await introspect(body.access_token, basic(app));
    expect(told.body).toMatchObject({
      active: true,
      client_id: app.clientId,
      scope,
      patient: house.patientId,
      iss: house.url,
    });
    expect(told.body.fhirUser).toMatch(new RegExp(`^${house.url}/fhir/Practitioner/`));
    expect(told.body.exp - told.body.iat).toBe(900);
    expect((await introspect(body.access_token, bearer(house.adminToken))).body).toEqual(told.body);
    expect((await introspect(body.refresh_token, basic(app))).body).toMatchObject({
      active: true,
      client_id: app.clientId,
    });
    expect((await ask({ token: body.access_token, ...own(device) }, {}, '/oauth/introspect')).body).toEqual({
      active: false,
    });
    expect((await introspect('nonsense', basic(app))).body).toEqual({ active: false });
  });

  it('is introspected by nobody else', async () => {
    const app = await house.register({});
    const { body } = await ask({ ...forItself, ...own(device) });
    const asked = { token: body.access_token };

    expect((await ask(asked, {}, '/oauth/introspect')).status).toBe(401);
    expect((await ask({ ...asked, client_id: app.clientId }, {}, '/oauth/introspect')).status).toBe(401);
    expect((await ask(asked, bearer(body.access_token), '/oauth/introspect')).status).toBe(401);
  });

  it('is ended by its client, at once and with all that came of the same grant; by no other', async () => {
    const app = await house.register({});
    const other = await house.register({});
    const scope = 'launch/patient patient/Patient.rs offline_access';
    const { body } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    const revoke = (token: string, { clientId }: App) => ask({ token, client_id: clientId }, {}, '/oauth/revoke');
    const status = async () => (await house.read(`Patient/${house.patientId}`, bearer(body.access_token))).status;

    expect((await revoke(body.refresh_token, other)).status).toBe(200);
    expect((await revoke('nonsense', other)).status).toBe(200);
    expect(await status()).toBe(200);
    expect((await revoke(body.refresh_token, app)).status).toBe(200);
    expect(await status()).toBe(401);
  });

  it('of a client by itself is ended alone', async () => {
    const [one, two] = [await ask({ ...forItself, ...own(device) }), await ask({ ...forItself, ...own(device) })];
    await ask({ token: one.body.access_token, ...own(device) }, {}, '/oauth/revoke');
    const status = async ({ body }: typeof one) =>
      (await house.ask('GET', '/fhir/Patient', undefined, bearer(body.access_token))).status;

    expect([await status(one), await status(two)]).toEqual([401, 200]);
  });

  it('dies with its client and its user, and says invalid_token', async () => {
    const app = await house.register({});
    const scope = 'launch/patient patient/Patient.rs offline_access';
    const read = (token: string) => house.read(`Patient/${house.patientId}`, bearer(token));
    const { body } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    expect((await read(body.access_token)).status).toBe(200);

    await house.ask('POST', `/admin/clients/${app.clientId}/disable`);
    const refused = await read(body.access_token);
    expect([refused.status, refused.body.issue[0].code]).toEqual([401, 'login']);
    expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
    const refreshed = await ask({
      grant_type: 'refresh_token',
      refresh_token: body.refresh_token,
      client_id: app.clientId,
    });
    expect([refreshed.status, refreshed.body.error]).toEqual([401, 'invalid_client']);

    await house.ask('POST', `/admin/clients/${app.clientId}/enable`);
    expect((await read(body.access_token)).status).toBe(200);
    expect((await house.ask('PATCH', '/admin/users/house', { disabled: true })).status).toBe(200);
    expect((await read(body.access_token)).status).toBe(401);
    const again = await ask({
      grant_type: 'refresh_token',
      refresh_token: body.refresh_token,
      client_id: app.clientId,
    });
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant']);
    expect((await house.ask('PATCH', '/admin/users/house', { disabled: false })).status).toBe(200);
    expect((await read(body.access_token)).status).toBe(401);
  });

  it('stands in one Authorization header, whatever the case of bearer, and never in the address', async () => {
    const { body } = await ask({ ...forItself, ...own(device) });
    const token: string = body.access_token;

    expect((await house.ask('GET', '/fhir/Patient', undefined, { authorization: `bearer ${token}` })).status).toBe(200);
    expect(
      (await house.ask('GET', `/fhir/Patient?access_token=${token}`, undefined, { authorization: '' })).status,
    ).toBe(400);
    expect(
      (await house.ask('GET', '/fhir/Patient', undefined, { authorization: '', cookie: `access_token=${token}` }))
        .status,
    ).toBe(401);
    const trail = JSON.stringify(await house.search('AuditEvent?_count=100'));
    expect(trail).not.toContain(token);
  });
});
