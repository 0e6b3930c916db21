/** How long what the authorization server gives out lives, and what outlives a restart: by a clock of the test. O6, O20, O22 and O29 of promises.md. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { systemRuntime } from '../../../src/runtime.ts';
import { freePort } from '../../support/free-ports.ts';
import { type HouseOptions, together } from '../../support/house.ts';
import { authorizeUrl, codeFlow, pkce, tokenRequest, userAgent } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let house: AuthorizationHouse;
afterEach(() => house.stop());

/** What is kept expires by the store's clock, which in a database is nobody's to move. */
const byOurClock = process.env['WATCHFIRE_TEST_STORE'] === 'mongodb' ? it.skip : it;

/** Seconds that the house is ahead. */
let ahead = 0;
async function open(settings: HouseOptions = {}): Promise<App> {
  ahead = 0;
  const runtime = { ...systemRuntime, now: () => Date.now() + ahead * 1_000 };
  house = await openAuthorizationHouse({ runtime, ...settings });
  return house.register({});
}
const scope = 'openid launch/patient patient/Patient.rs offline_access';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const read = async (token: string) => (await house.read(`Patient/${house.patientId}`, bearer(token))).status;
const refresh = (token: string, { clientId }: App) =>
  tokenRequest(house.url, { grant_type: 'refresh_token', refresh_token: token, client_id: clientId });

describe('The authorization server', () => {
  byOurClock('forgets an access token after its time, and a refresh token when its grant ends', async () => {
    const app = await open();
    const { body } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    ahead = 890;
    expect(await read(body.access_token)).toBe(200);
    ahead = 901;
    expect(await read(body.access_token)).toBe(401);
    const next = await refresh(body.refresh_token, app);
    expect(next.status).toBe(200);
    ahead = 90 * 86_400 + 1;
    expect((await refresh(next.body.refresh_token, app)).body.error).toBe('invalid_grant');
  });

  byOurClock('takes a refresh token that is used again after half a minute for stolen', async () => {
    const app = await open();
    const { body } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    const next = await refresh(body.refresh_token, app);
    ahead = 20;
    expect((await refresh(body.refresh_token, app)).status).toBe(200);
    ahead = 40;
    expect(await read(next.body.access_token)).toBe(200);
    expect((await refresh(body.refresh_token, app)).body.error).toBe('invalid_grant');

    expect(await read(next.body.access_token)).toBe(401);
    expect((await refresh(next.body.refresh_token, app)).body.error).toBe('invalid_grant');
    const rows = await house.search('AuditEvent?subtype=security');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows[0])).toContain('refresh token used again');
  });

  byOurClock('opens no launch after five minutes', async () => {
    const app = await open();
    const asked = { client_id: app.clientId, user: 'house', patient: house.patientId };
    const { body } = await house.ask('POST', '/admin/launches', asked);
    ahead = 301;
    const url = authorizeUrl(house.url, { ...app, scope: 'launch', more: { launch: body.launch } }, pkce().challenge);

    expect((await userAgent(house.url).get(url)).location).toContain('error=invalid_request');
  });

  it('goes on after a restart with tokens, refresh tokens and keys of before', async () => {
    // The issuer has a port, which has to be the same after a restart.
    const app = await open({ port: await freePort() });
    const { body } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    const keys = await (await fetch(`${house.url}/oauth/jwks`)).json();
    const kept = JSON.stringify(keys);
    await house.restart();

    expect(JSON.stringify(await (await fetch(`${house.url}/oauth/jwks`)).json())).toBe(kept);
    expect((await refresh(body.refresh_token, app)).status).toBe(200);
  });

  it('rotates its keys while people sign in: nothing fails, and what was signed before is still verified', async () => {
    const app = await open();
    const jwks = async () =>
      ((await (await fetch(`${house.url}/oauth/jwks`)).json()) as { keys: { kid: string }[] }).keys;
    const kids = async () => (await jwks()).map(({ kid }) => kid);
    const before = await kids();
    const flows = together(6, () => codeFlow(house.url, { ...app, scope: 'openid' }, house.doctor));
    const rotated = await house.ask('POST', '/admin/signing-keys/rotate');
    const answers = await flows;
    const { body: last } = await codeFlow(house.url, { ...app, scope: 'openid' }, house.doctor);

    expect(before).toHaveLength(6);
    expect(rotated.body.keys.map(({ role }: any) => role).sort()).toEqual([
      'next',
      'next',
      'next',
      'past',
      'past',
      'past',
      'signs',
      'signs',
      'signs',
    ]);
    expect(await kids()).toEqual(expect.arrayContaining(before));
    const remote = createRemoteJWKSet(new URL(`${house.url}/oauth/jwks`));
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      await expect(jwtVerify(body.id_token, remote)).resolves.toBeDefined();
    }
    // The next key of before signs: whoever had the old list knew it.
    expect(before).toContain(decodeProtectedHeader(last.id_token).kid);
    ahead = 3_601;
    expect(await kids()).toHaveLength(6);
  });

  it('rotates its keys by itself after ninety days', async () => {
    await open();
    const kids = async () =>
      ((await (await fetch(`${house.url}/oauth/jwks`)).json()) as { keys: { kid: string }[] }).keys.map(
        ({ kid }) => kid,
      );
    const before = await kids();
    ahead = 91 * 86_400;

    expect(await kids()).toEqual(expect.arrayContaining(before));
    expect(await kids()).toHaveLength(9);
  });

  it('keeps no secret of what it gave out', async () => {
    const app = await open();
    const { body, code } = await codeFlow(house.url, { ...app, scope }, house.doctor);
    const { readFileSync, readdirSync } = await import('node:fs');
    const files = readdirSync(house.dataFolder).filter((name) => name.startsWith('watchfire.db'));
    const bytes = Buffer.concat(files.map((name) => readFileSync(`${house.dataFolder}/${name}`)));

    if (bytes.length === 0) return;
    expect(bytes.includes('An app')).toBe(true);
    for (const secret of [body.access_token, body.refresh_token, code]) expect(bytes.includes(secret)).toBe(false);
  });
});

describe('Without an authorization server', () => {
  it('nothing is there, and the administrator’s token and device keys still open', async () => {
    const { openHouse } = await import('../../support/house.ts');
    const plain = await openHouse({ oauth: false });
    house = { ...plain } as AuthorizationHouse;

    for (const path of ['/oauth/authorize', '/oauth/jwks', '/.well-known/openid-configuration', '/oauth/account/apps'])
      expect((await plain.ask('GET', path)).status).toBe(404);
    expect((await tokenRequest(plain.url, {})).status).toBe(404);
    expect((await plain.ask('GET', '/fhir/Patient')).status).toBe(200);
    expect((await plain.ask('GET', '/fhir/Patient', undefined, bearer('a'.repeat(43)))).status).toBe(401);
  });
});
