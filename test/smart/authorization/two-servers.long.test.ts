/** Two servers of one database: a code, an assertion, a launch is used once on whichever; what is taken back on one is refused on the other within five seconds. O5, O6, O10, O17 and O29 of promises.md. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { freePorts } from '../../support/free-ports.ts';
import { openHouse, type TestHouse, together } from '../../support/house.ts';
import { testStore } from '../../support/test-store.ts';
import { until } from '../../support/until.ts';
import { authorizeUrl, codeFlow, pkce, redeem, throughPages, tokenRequest, userAgent } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let drop: () => Promise<void>;
let house: AuthorizationHouse;
let other: TestHouse;
/** The first is what the world calls both. */
let urls: readonly [string, string];
let app: App;
beforeAll(async () => {
  const shared = await testStore('mongodb');
  drop = shared.drop;
  const { store, mongodbAcceptRelease } = shared;
  const [port, second] = (await freePorts(2)) as [number, number];
  house = await openAuthorizationHouse({ store, mongodbAcceptRelease, port });
  other = await openHouse({
    store,
    mongodbAcceptRelease,
    port: second,
    baseUrl: house.url,
    adminToken: house.adminToken,
  });
  urls = [house.url, `http://127.0.0.1:${second}`];
  app = await house.register({});
}, 120_000);
afterAll(async () => {
  await other?.stop();
  await house?.stop();
  await drop?.();
});

const scope = 'openid launch/patient patient/Patient.rs offline_access';
const read = async (url: string, token: string) =>
  (await fetch(`${url}/fhir/Patient/${house.patientId}`, { headers: { authorization: `Bearer ${token}` } })).status;
/** After how many milliseconds the last was asked that was still answered: how long an answer takes is another thing. */
const until401 = async (url: string, token: string) => {
  const start = performance.now();
  let last = 0;
  for (let asked = 0; asked < 20_000; await new Promise((go) => setTimeout(go, 50))) {
    asked = performance.now() - start;
    if ((await read(url, token)) === 401) return last;
    last = asked;
  }
  return Number.POSITIVE_INFINITY;
};

describe('Two servers of one database', () => {
  it('redeem a code once between them, and know each other’s tokens', async () => {
    const { verifier, challenge } = pkce();
    const asked = { ...app, scope };
    const callback = await throughPages(userAgent(urls[0]), authorizeUrl(urls[0], asked, challenge), house.doctor);
    const code = callback.searchParams.get('code')!;
    const answers = await together(50, (i) => redeem(urls[i % 2]!, app, code, verifier));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect([...new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.error))]).toEqual([
      'invalid_grant',
    ]);
    const { body } = await codeFlow(urls[0], asked, house.doctor);
    expect([await read(urls[0], body.access_token), await read(urls[1], body.access_token)]).toEqual([200, 200]);
  });

  it('refuse within five seconds what was taken back on the other', async () => {
    const one = await codeFlow(urls[0], { ...app, scope }, house.doctor);
    expect(await read(urls[1], one.body.access_token)).toBe(200);
    await tokenRequest(urls[0], { token: one.body.refresh_token, client_id: app.clientId }, {}, '/oauth/revoke');
    expect(await read(urls[0], one.body.access_token)).toBe(401);
    expect(await until401(urls[1], one.body.access_token)).toBeLessThan(5_500);

    const disabled = await house.register({});
    const two = await codeFlow(urls[0], { ...disabled, scope }, house.doctor);
    expect(await read(urls[1], two.body.access_token)).toBe(200);
    await house.ask('POST', `/admin/clients/${disabled.clientId}/disable`);
    expect(await read(urls[0], two.body.access_token)).toBe(401);
    expect(await until401(urls[1], two.body.access_token)).toBeLessThan(5_500);
  });

  it('take an assertion once between them', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS384', use: 'sig' }] };
    const backend = await house.register({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'system/Patient.rs',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
    });
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'RS384', kid: 'k', typ: 'JWT' })
      .setIssuer(backend.clientId)
      .setSubject(backend.clientId)
      .setAudience(`${house.url}/oauth/token`)
      .setExpirationTime('4m')
      .sign(privateKey);
    const form = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    };
    // Below ten failures, after which the source would be held.
    const answers = await together(8, (i) => tokenRequest(urls[i % 2]!, form));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401, 401, 401]);
  });

  it('sign with the same keys, before and after a rotation', async () => {
    const kids = async (url: string) =>
      ((await (await fetch(`${url}/oauth/jwks`)).json()) as { keys: { kid: string }[] }).keys
        .map(({ kid }) => kid)
        .sort();
    expect(await kids(urls[1])).toEqual(await kids(urls[0]));
    await house.ask('POST', '/admin/signing-keys/rotate');
    await until(async () => (await kids(urls[1])).length === 9);

    expect(await kids(urls[0])).toHaveLength(9);
    expect(await kids(urls[1])).toEqual(await kids(urls[0]));
  });
});
