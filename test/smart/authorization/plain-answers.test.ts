/** What is refused at the doors of the authorization server is refused in words that help, and its keys may be remembered. https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorizeUrl, formOf, pkce, throughPages, tokenRequest, userAgent } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let house: AuthorizationHouse;
let app: App;
beforeAll(async () => {
  house = await openAuthorizationHouse();
  app = await house.register({});
});
afterAll(() => house.stop());

describe('The doors of the authorization server', () => {
  it('say to who signs in that the app was opened for somebody else, and let that one go on with the same launch', async () => {
    await house.update({ resourceType: 'Practitioner', id: 'wilson' });
    const wilson = { login: 'wilson', password: 'another horse 8 with a stapler' };
    await house.ask('POST', '/admin/users', { ...wilson, fhirUser: 'Practitioner/wilson', roles: ['physician'] });
    const asked = { client_id: app.clientId, user: 'house', patient: house.patientId };
    const { body } = await house.ask('POST', '/admin/launches', asked);
    const more = { launch: body.launch };
    const agent = userAgent(house.url);
    const start = authorizeUrl(
      house.url,
      { ...app, scope: 'openid launch patient/Patient.rs', more },
      pkce().challenge,
    );
    const first = await agent.follow(await agent.get(start));
    expect(first.text).not.toContain('role="alert"');
    const { action, fields } = formOf(first, '/login');
    fields.set('login', wilson.login);
    fields.set('password', wilson.password);
    const told = await agent.follow(await agent.post(action, fields));

    expect(told.text).toMatch(/role="alert"[^>]*>[^<]*opened for house[^<]*signed in as wilson/);
    const callback = await throughPages(agent, told.url, house.doctor);
    expect(callback.searchParams.has('code')).toBe(true);
  });

  it('tell an app that it may not ask for itself, whether it can prove itself or not', async () => {
    const form = { grant_type: 'client_credentials', scope: 'system/*.rs' };
    const confidential = await house.register({ token_endpoint_auth_method: 'client_secret_post' });
    const answers = [
      await tokenRequest(house.url, { ...form, client_id: app.clientId }),
      await tokenRequest(house.url, { ...form, client_id: confidential.clientId, client_secret: confidential.secret! }),
    ];

    expect(answers.map(({ status, body }) => `${status} ${body.error}`)).toEqual([
      '400 unauthorized_client',
      '400 unauthorized_client',
    ]);
  });

  it.each(['token', 'introspect', 'revoke'])('take nothing but POST at %s', async (door) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await fetch(`${house.url}/oauth/${door}`, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
      expect(((await answer.json()) as any).error).toBe('invalid_request');
    }
  });

  it('publish keys that may be remembered for five minutes, each with its algorithm', async () => {
    const answer = await fetch(`${house.url}/oauth/jwks`);
    const { keys } = (await answer.json()) as any;

    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
    expect(new Set(keys.map(({ alg }: any) => alg))).toEqual(new Set(['RS256', 'RS384', 'ES384']));
    expect(new Set(keys.map(({ kid }: any) => kid)).size).toBe(keys.length);
  });
});
