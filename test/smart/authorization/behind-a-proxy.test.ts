/** A server that the world calls by another name than it listens at: everything it says is in the configured name, cookies are for https alone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../../support/free-ports.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { pkce } from '../support/user-agent.ts';

const url = 'https://fhir.example.org';
let house: TestHouse;
let at: string;
beforeAll(async () => {
  const port = await freePort();
  at = `http://127.0.0.1:${port}`;
  house = await openHouse({ port, baseUrl: url });
});
afterAll(() => house.stop());

describe('A server behind a proxy', () => {
  it('names itself as it is configured, whatever a request claims', async () => {
    const claimed = {
      host: 'evil.example.com',
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example.com',
    };
    for (const path of ['/.well-known/openid-configuration', '/fhir/.well-known/smart-configuration']) {
      const { body, text } = await house.ask('GET', at + path, undefined, claimed);
      expect(body).toMatchObject({ issuer: url, token_endpoint: `${url}/oauth/token`, jwks_uri: `${url}/oauth/jwks` });
      expect(text).not.toMatch(/evil|127\.0\.0\.1|HS256/);
    }
  });

  it('gives cookies to https alone, and sends nobody elsewhere', async () => {
    const { body: app } = await house.ask('POST', `${at}/admin/clients`, {
      client_name: 'An app',
      redirect_uris: ['https://app.example.com/callback'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
      scope: 'openid',
    });
    const asked = {
      response_type: 'code',
      client_id: app.client_id,
      redirect_uri: 'https://app.example.com/callback',
      scope: 'openid',
      state: 'abcdefgh',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    };
    const response = await fetch(`${at}/oauth/authorize?${new URLSearchParams(asked)}`, { redirect: 'manual' });

    expect([response.status, response.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/oauth\/interaction\//),
    ]);
    const cookies = response.headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(1);
    for (const cookie of cookies) expect(cookie.toLowerCase()).toMatch(/; secure.*httponly|httponly.*; secure/);
  });
});
