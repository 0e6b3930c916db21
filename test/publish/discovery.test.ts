/** Discovery, the OpenID configuration and the CapabilityStatement say the same, and the server does what they say. https://hl7.org/fhir/smart-app-launch/conformance.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { oauthRoutes } from '../../src/publish/oauth-routes.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const nobody = { authorization: '' };
const asForm = { ...nobody, 'content-type': 'application/x-www-form-urlencoded' };
const discovery = '/fhir/.well-known/smart-configuration';

const urisOf = ({ rest: [{ security }] }: any): Record<string, string> =>
  Object.fromEntries((security.extension?.[0].extension ?? []).map(({ url, valueUri }: any) => [url, valueUri]));

describe('A server with an authorization server', () => {
  let house: TestHouse;
  let smart: any;
  let openId: any;
  let statement: any;

  beforeAll(async () => {
    house = await openHouse();
    smart = (await house.ask('GET', discovery, undefined, nobody)).body;
    openId = (await house.ask('GET', '/.well-known/openid-configuration', undefined, nobody)).body;
    statement = (await house.ask('GET', '/fhir/metadata', undefined, nobody)).body;
  });
  afterAll(() => house?.stop());

  const pathOf = (url: string): string => {
    expect(url.startsWith(`${house.url}/`)).toBe(true);
    return url.slice(house.url.length);
  };

  it('is discovered without a token, and by the pages of registered apps alone', async () => {
    const app = 'https://app.example';
    await house.ask('POST', '/admin/clients', {
      client_name: 'App',
      scope: 'patient/Patient.rs',
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
      redirect_uris: [`${app}/back`],
    });
    for (const [origin, allowed] of [
      [app, app],
      ['https://nobody.example', null],
      ['null', null],
    ] as const) {
      const headers = { ...nobody, origin };
      const found = await house.ask('GET', discovery, undefined, headers);
      expect(found.status).toBe(200);
      expect(found.headers.get('content-type')).toMatch(/^application\/json\b/);
      expect([origin, found.headers.get('access-control-allow-origin')]).toEqual([origin, allowed]);
      expect(found.headers.get('access-control-allow-credentials')).toBeNull();
      const asked = { ...headers, 'access-control-request-method': 'GET', 'access-control-request-headers': 'accept' };
      const before = await house.ask('OPTIONS', discovery, undefined, asked);
      expect(before.status).toBe(204);
      expect([origin, before.headers.get('access-control-allow-origin')]).toEqual([origin, allowed]);
    }
    const head = await house.ask('HEAD', discovery, undefined, nobody);
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await house.ask('POST', discovery, {}, nobody)).status).toBeGreaterThanOrEqual(400);
  });

  it('says of itself the same in SMART, in OpenID and in its CapabilityStatement', () => {
    expect(smart.issuer).toBe(house.url);
    const ofBoth = Object.keys(smart).filter((name) => name in openId);
    expect(ofBoth).toEqual(
      expect.arrayContaining([
        'issuer',
        'jwks_uri',
        'authorization_endpoint',
        'token_endpoint',
        'introspection_endpoint',
      ]),
    );
    const inOrder = (value: unknown) => (Array.isArray(value) ? [...value].sort() : value);
    for (const name of ofBoth) expect([name, inOrder(openId[name])]).toEqual([name, inOrder(smart[name])]);
    expect(urisOf(statement)).toEqual({
      authorize: smart.authorization_endpoint,
      token: smart.token_endpoint,
      introspect: smart.introspection_endpoint,
      revoke: smart.revocation_endpoint,
      manage: smart.management_endpoint,
    });
    expect(smart.code_challenge_methods_supported).toEqual(['S256']);
  });

  it('answers at every address that it names, and at those that are documented', async () => {
    const named = Object.entries<string>(smart).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name));
    expect(named.length).toBeGreaterThanOrEqual(6);
    for (const [name, url] of named) {
      const found = await fetch(url, { redirect: 'manual', method: /token|intro|revoc/.test(name) ? 'POST' : 'GET' });
      expect([name, found.status === 404 || found.status >= 500]).toEqual([name, false]);
    }
    for (const { method, path } of oauthRoutes) {
      const found = await fetch(house.url + path, { redirect: 'manual', method: method.toUpperCase() });
      expect([method, path, found.status === 404 || found.status >= 500]).toEqual([method, path, false]);
    }
  });

  it('takes the grants that it names and no others', async () => {
    const errorOf = async (grant: string) => {
      const sent = `grant_type=${encodeURIComponent(grant)}&client_id=${client.client_id}&client_secret=${client.client_secret}`;
      return (await house.ask('POST', pathOf(smart.token_endpoint), sent, asForm)).body.error;
    };
    const scope = 'openid offline_access system/Patient.rs';
    const { body: client } = await house.ask('POST', '/admin/clients', {
      client_name: 'All grants',
      scope,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      redirect_uris: ['https://app.example/back'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    for (const grant of smart.grant_types_supported)
      expect([grant, await errorOf(grant)]).not.toEqual([grant, 'unsupported_grant_type']);
    for (const grant of [
      'password',
      'implicit',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'urn:ietf:params:oauth:grant-type:device_code',
    ])
      expect([grant, await errorOf(grant)]).toEqual([grant, 'unsupported_grant_type']);
  });

  it('grants every scope that it names for a client by itself, to one that is registered for it', async () => {
    const ofSystem = smart.scopes_supported.filter((scope: string) => /^system\/|^[a-z]+_data$|^alerts$/.test(scope));
    expect(ofSystem.length).toBeGreaterThan(5);
    const { body: client } = await house.ask('POST', '/admin/clients', {
      client_name: 'All scopes',
      scope: ofSystem.join(' '),
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    const answer = await house.ask(
      'POST',
      pathOf(smart.token_endpoint),
      `${new URLSearchParams({ grant_type: 'client_credentials', client_id: client.client_id, client_secret: client.client_secret, scope: ofSystem.join(' ') })}`,
      asForm,
    );
    expect([answer.status, answer.body.scope.split(' ').sort()]).toEqual([200, [...ofSystem].sort()]);
  });

  it('says nothing of registration, and has none, as long as it is off', async () => {
    expect(smart).not.toHaveProperty('registration_endpoint');
    expect(openId).not.toHaveProperty('registration_endpoint');
    expect((await house.ask('POST', '/oauth/register', {}, nobody)).status).toBe(404);
  });
});

describe('A server where apps register by themselves', () => {
  it('says where in all three places, and answers there', async () => {
    const house = await openHouse({ registration: 'approval' });
    try {
      const url = `${house.url}/oauth/register`;
      expect((await house.ask('GET', discovery, undefined, nobody)).body.registration_endpoint).toBe(url);
      const openId = await house.ask('GET', '/.well-known/openid-configuration', undefined, nobody);
      expect(openId.body.registration_endpoint).toBe(url);
      expect(urisOf((await house.ask('GET', '/fhir/metadata', undefined, nobody)).body).register).toBe(url);
      expect((await house.ask('POST', '/oauth/register', {}, nobody)).body.error).toBe('invalid_client_metadata');
    } finally {
      await house.stop();
    }
  });
});

describe('A server without an authorization server', () => {
  it('has none of its addresses and speaks of none', async () => {
    const house = await openHouse({ oauth: false });
    try {
      for (const { method, path } of oauthRoutes)
        expect([path, (await house.ask(method.toUpperCase(), path, undefined, nobody)).status]).toEqual([path, 404]);
      const { body } = await house.ask('GET', '/fhir/metadata', undefined, nobody);
      expect(JSON.stringify(body.rest[0].security)).not.toMatch(/smart|oauth/i);
      expect((await house.ask('GET', '/openapi.json')).text).not.toMatch(/oauth|smart-configuration/i);
    } finally {
      await house.stop();
    }
  });
});
