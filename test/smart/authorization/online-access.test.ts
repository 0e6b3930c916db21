/** `online_access` lasts as long as its user is signed in at the browser that consented, and no longer. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-a-refresh-token */
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { codeFlow, formOf, tokenRequest, type UserAgent, userAgent } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let house: AuthorizationHouse;
let app: App;
/** Seconds that the house is ahead. */
let ahead = 0;
beforeEach(async () => {
  ahead = 0;
  if (house) return;
  house = await openAuthorizationHouse({ runtime: { ...systemRuntime, now: () => Date.now() + ahead * 1_000 } });
  app = await house.register({});
});
afterAll(() => house.stop());
/** What is kept expires by the store's clock, which in a database is nobody's to move. */
const byOurClock = process.env['WATCHFIRE_TEST_STORE'] === 'mongodb' ? it.skip : it;

const read = async (token: string) =>
  (await house.read(`Patient/${house.patientId}`, { authorization: `Bearer ${token}` })).status;
const refresh = (refresh_token: string) =>
  tokenRequest(house.url, { grant_type: 'refresh_token', refresh_token, client_id: app.clientId });
const granted = async (agent: UserAgent, lasting: string) => {
  const scope = `openid launch/patient patient/Patient.rs ${lasting}`;
  return (await codeFlow(house.url, { ...app, scope }, house.doctor, agent)).body;
};
async function leave(agent: UserAgent) {
  const { action, fields } = formOf(await agent.get('/oauth/account/apps'), '/sign-out');
  expect((await agent.post(action, fields)).status).toBe(200);
}
const introspected = async (token: string) =>
  (await tokenRequest(house.url, { token }, { authorization: `Bearer ${house.adminToken}` }, '/oauth/introspect')).body
    .active;

describe('Online access', () => {
  it('ends with the sign-out of its browser, at once, and that of others does not end it', async () => {
    const [agent, other] = [userAgent(house.url), userAgent(house.url)];
    const here = await granted(agent, 'online_access');
    const elsewhere = await granted(other, 'online_access');
    const lasting = await granted(agent, 'offline_access');
    const fresh = (await refresh(here.refresh_token)).body;
    expect([await read(here.access_token), await read(fresh.access_token)]).toEqual([200, 200]);
    await leave(agent);

    expect([await read(here.access_token), await read(fresh.access_token)]).toEqual([401, 401]);
    expect((await refresh(fresh.refresh_token)).body.error).toBe('invalid_grant');
    expect(await introspected(fresh.refresh_token)).toBe(false);
    expect([await read(elsewhere.access_token), await read(lasting.access_token)]).toEqual([200, 200]);
    expect((await refresh(elsewhere.refresh_token)).status).toBe(200);
    expect((await refresh(lasting.refresh_token)).status).toBe(200);
  });

  it('is no app of the account any more once it has ended', async () => {
    const agent = userAgent(house.url);
    const { clientId } = await house.register({ client_name: 'Online only' });
    const scope = 'openid patient/Patient.rs launch/patient online_access';
    await codeFlow(house.url, { clientId, redirectUri: app.redirectUri, scope }, house.doctor, agent);
    expect((await agent.get('/oauth/account/apps')).text).toContain('Online only');
    await leave(agent);
    const again = userAgent(house.url);
    await granted(again, 'online_access');

    expect((await again.get('/oauth/account/apps')).text).not.toContain('Online only');
  });

  byOurClock('ends when nobody comes back within the rest that a session has', async () => {
    const { access_token, refresh_token } = await granted(userAgent(house.url), 'online_access');
    ahead = 880;
    expect(await read(access_token)).toBe(200);
    ahead = 905;

    expect((await refresh(refresh_token)).body.error).toBe('invalid_grant');
  });

  byOurClock('goes on while its app refreshes in time, to the end of the session and no further', async () => {
    const agent = userAgent(house.url);
    let { access_token, refresh_token } = await granted(agent, 'online_access');
    for (ahead = 800; ahead < 43_200; ahead += 800) {
      const { status, body } = await refresh(refresh_token);
      expect([ahead, status]).toEqual([ahead, 200]);
      ({ access_token, refresh_token } = body);
    }
    ahead = 43_205;

    expect([await read(access_token), (await refresh(refresh_token)).body.error]).toEqual([401, 'invalid_grant']);
  });
});
