/** openid-client, unmodified, against this server: discovery, code flow, refresh, a key of its own, introspection, revocation. https://github.com/panva/openid-client */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import { throughPages, userAgent } from '../support/user-agent.ts';
import { type AuthorizationHouse, openAuthorizationHouse, redirectUri } from './authorization-house.ts';

let house: AuthorizationHouse;
beforeAll(async () => {
  house = await openAuthorizationHouse();
});
afterAll(() => house.stop());

const discovered = (clientId: string, metadata?: Partial<client.ClientMetadata>, auth?: client.ClientAuth) =>
  client.discovery(new URL(house.url), clientId, metadata, auth, { execute: [client.allowInsecureRequests] });
const read = async (token: string) =>
  (await house.read(`Patient/${house.patientId}`, { authorization: `Bearer ${token}` })).status;

async function signedIn(config: client.Configuration) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid fhirUser launch/patient patient/Patient.rs offline_access',
    aud: `${house.url}/fhir`,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  const callback = await throughPages(userAgent(house.url), url.href, house.doctor);
  // Checks state, iss, nonce, the ID token and its signature by itself.
  return client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
}

describe('openid-client', () => {
  it('signs a user in as a public app, refreshes and revokes', async () => {
    const app = await house.register({});
    const config = await discovered(app.clientId, undefined, client.None());
    client.enableNonRepudiationChecks(config);
    const tokens = await signedIn(config);

    expect([tokens.patient, tokens.claims()?.sub, await read(tokens.access_token)]).toEqual([
      house.patientId,
      'house',
      200,
    ]);
    const next = await client.refreshTokenGrant(config, tokens.refresh_token!);
    expect(await read(next.access_token)).toBe(200);
    await client.tokenRevocation(config, next.refresh_token!);
    expect(await read(next.access_token)).toBe(401);
  });

  it('signs a user in as an app with a secret, and introspects', async () => {
    const app = await house.register({ token_endpoint_auth_method: 'client_secret_basic' });
    const config = await discovered(app.clientId, undefined, client.ClientSecretBasic(app.secret));
    const tokens = await signedIn(config);

    expect(await client.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      patient: house.patientId,
    });
  });

  it.each(['RS384', 'ES384'])(
    'proves itself by a key (%s), with the token URL as audience, as an app and as a backend',
    async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg, use: 'sig' }] };
      const auth = client.PrivateKeyJwt(
        { key: privateKey, kid: 'k1' },
        {
          [client.modifyAssertion]: (_header, payload) => {
            payload.aud = `${house.url}/oauth/token`;
          },
        },
      );
      const byKey = { token_endpoint_auth_method: 'private_key_jwt', jwks };
      const app = await house.register(byKey);
      expect((await signedIn(await discovered(app.clientId, undefined, auth))).patient).toBe(house.patientId);

      const itself = { grant_types: ['client_credentials'], redirect_uris: [], scope: 'system/Patient.rs' };
      const backend = await house.register({ ...byKey, ...itself });
      const tokens = await client.clientCredentialsGrant(await discovered(backend.clientId, undefined, auth), {
        scope: 'system/*.rs',
      });
      expect([tokens.scope, tokens.expires_in, await read(tokens.access_token)]).toEqual([
        'system/Patient.rs',
        300,
        200,
      ]);

      // What it says by itself, the issuer, is not what SMART asks for.
      const asIs = client.PrivateKeyJwt({ key: privateKey, kid: 'k1' });
      await expect(
        client.clientCredentialsGrant(await discovered(backend.clientId, undefined, asIs)),
      ).rejects.toMatchObject({ error: 'invalid_client', status: 401 });
    },
  );
});
