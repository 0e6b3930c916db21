/** The OAuth of the simulated makers. RFC 6749, RFC 7523; domain.md 2.11 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type MakerVisit, visit } from './maker-client.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
let maker: MakerVisit;
beforeAll(async () => {
  maker = await visit({ publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString() });
});
afterAll(() => maker.simulator.stop());

const good = { grant_type: 'client_credentials', client_id: 'demo', client_secret: 'demo-secret' };
const key = { 'X-API-Key': 'demo-key' };
const json = (fields: object, headers: Record<string, string> = key, place = '') =>
  maker.ask(`${place}/oauth/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(fields),
  });
const form = (fields: Record<string, string>, headers: Record<string, string> = key) =>
  maker.ask('/oauth/token', { method: 'POST', headers, body: new URLSearchParams(fields) });
const withToken = (path: string, token: string, headers: Record<string, string> = key) =>
  maker.ask(path, { headers: { Authorization: `Bearer ${token}`, ...headers } });

describe('A token of a simulated maker', () => {
  it('is given for the secret in JSON, in a form, and in an Authorization header (0-070)', async () => {
    const basic = { ...key, Authorization: `Basic ${Buffer.from('demo:demo-secret').toString('base64')}` };
    const answers = [await json(good), await form(good), await form({ grant_type: 'client_credentials' }, basic)];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'device_data patient_data alerts' });
      expect(body.refresh_token).toBeTruthy();
      expect((await withToken('/patients', body.access_token)).status).toBe(200);
    }
  });

  it.each([
    ['a wrong secret', { ...good, client_secret: 'x' }, key, 401, 'invalid_client'],
    ['an unknown client', { ...good, client_id: 'x' }, key, 401, 'invalid_client'],
    ['no key of the API', good, {}, 401, 'invalid_client'],
    ['a scope that there is not', { ...good, scope: 'alerts all' }, key, 400, 'invalid_scope'],
    ['another grant', { ...good, grant_type: 'password' }, key, 400, 'unsupported_grant_type'],
    [
      'an unknown refresh token',
      { ...good, grant_type: 'refresh_token', refresh_token: 'x' },
      key,
      400,
      'invalid_grant',
    ],
  ])('is refused for %s (0-070)', async (_, fields, headers, status, error) => {
    const answer = await json(fields, headers as Record<string, string>);
    expect([answer.status, answer.body.error]).toEqual([status, error]);
    expect(answer.body.error_description).toBeTruthy();
  });

  it('has the scopes that were asked for, and no others (0-070)', async () => {
    const { body } = await json({ ...good, scope: 'alerts' });
    expect(body.scope).toBe('alerts');
    const refused = await withToken('/patients', body.access_token);
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope');
    expect((await withToken('/devices/BSX-000011/alerts', body.access_token)).status).toBe(200);
  });

  it('is refused by the other environment (0-140)', async () => {
    const { body } = await json(good, key, '/sandbox');
    const refused = await withToken('/patients', body.access_token);
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_token']);
    expect((await withToken('/sandbox/patients', body.access_token)).status).toBe(200);
  });

  it('goes with the key of the API', async () => {
    const { body } = await json(good);
    expect((await withToken('/patients', body.access_token, {})).status).toBe(403);
  });

  it('is refreshed once', async () => {
    const first = (await json(good)).body.refresh_token;
    const refresh = { ...good, grant_type: 'refresh_token', refresh_token: first };
    expect((await json(refresh)).status).toBe(200);
    expect((await json(refresh)).body.error).toBe('invalid_grant');
  });

  it('ends after an hour', async () => {
    const began = maker.clock.now();
    const { body } = await json(good);
    maker.clock.set(began + 3_599_000);
    expect((await withToken('/patients', body.access_token)).status).toBe(200);
    maker.clock.set(began + 3_600_000);
    const late = await withToken('/patients', body.access_token);
    expect(late.status).toBe(401);
    expect(late.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    maker.clock.set(began);
  });

  it('is given once for an assertion that the known key signed, and for no other', async () => {
    const now = maker.clock.now() / 1_000;
    const assertion = (jti: string, by = privateKey, exp = now + 60) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const aud = `${maker.simulator.url}/oauth/token`;
      const text = `${part({ alg: 'ES384' })}.${part({ iss: 'demo', sub: 'demo', aud, exp, jti })}`;
      const signature = sign('sha384', Buffer.from(text), { key: by, dsaEncoding: 'ieee-p1363' });
      return {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `${text}.${signature.toString('base64url')}`,
      };
    };
    const once = assertion('1');
    const given = await form(once, {});
    expect(given.status).toBe(200);
    expect((await withToken('/patients', given.body.access_token, {})).status).toBe(200);
    expect((await form(once, {})).status).toBe(401);
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    expect((await form(assertion('2', other), {})).status).toBe(401);
    expect((await form(assertion('3', privateKey, now - 1), {})).status).toBe(401);
  });
});

describe('A maker that goes by the key alone', () => {
  it('asks for no token', async () => {
    const plain = await visit({ auth: 'api-key' });
    try {
      expect((await plain.ask('/patients', { headers: key })).status).toBe(200);
      expect((await plain.ask('/patients')).status).toBe(401);
    } finally {
      await plain.simulator.stop();
    }
  });
});
