/** O26: what a client may be registered as; what is refused, in the words of RFC 7591. */
import { createPrivateKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { classOf, readMetadata } from '../../../src/smart/clients/metadata.ts';
import { OAuthRefusal } from '../../../src/smart/clients/refused.ts';
import { app, backend, ec, jwkOf, rsa, seed } from './clients-house.ts';

const check = (url: string) => (url.startsWith('https://keys.example.org/') ? undefined : new Error('not there'));
const read = (asked: object, isStranger = false) => readMetadata(asked as any, { check, isStranger });
function refusalOf(asked: object, isStranger = false): readonly [string, string] {
  try {
    read(asked, isStranger);
  } catch (error) {
    if (error instanceof OAuthRefusal) return [error.error, error.message];
    throw error;
  }
  return ['none', ''];
}

describe('A client that is registered', () => {
  it('is an app with a secret by default, as the RFC says', () => {
    const { client_name, redirect_uris } = app();
    expect(read({ client_name, redirect_uris, scope: 'openid' })).toEqual({
      client_name,
      redirect_uris,
      scope: 'openid',
      application_type: 'web',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
  });

  it.each([
    ['app', app()],
    ['backend', backend()],
    ['device', seed()],
    ['device', seed({ scope: 'alerts' })],
    ['backend', backend({ scope: 'device_data system/Flag.rs' })],
    [
      'app',
      app({
        token_endpoint_auth_method: 'client_secret_post',
        grant_types: ['authorization_code', 'client_credentials'],
      }),
    ],
  ])('is of the class %s by its grants and scopes', (expected, asked) => {
    expect(classOf(read(asked))).toBe(expected);
  });

  it('gets the grant to come back later with the scope for it, and drops what nobody understands', () => {
    const metadata = read(
      app({ scope: 'offline_access', software_statement: 'x', request_object_signing_alg: 'none' }),
    );
    expect(metadata.grant_types).toEqual(['authorization_code', 'refresh_token']);
    expect(Object.keys(metadata)).not.toEqual(expect.arrayContaining(['software_statement']));
    expect(Object.keys(metadata)).not.toEqual(expect.arrayContaining(['request_object_signing_alg']));
  });

  it('authenticates by its keys where it brings some', () => {
    const jwks = { keys: [jwkOf(rsa().publicKey, { kid: 'one' })] };
    expect(read(backend({ jwks })).token_endpoint_auth_method).toBe('private_key_jwt');
    expect(read(backend({ jwks_uri: 'https://keys.example.org/jwks' })).jwks_uri).toBe('https://keys.example.org/jwks');
  });

  it.each([
    'https://app.example.org',
    'https://app.example.org/callback?a=b',
    'https://app.example.org:8443/',
    'http://localhost:3000/callback',
    'http://127.0.0.1/callback',
    'http://[::1]:3000/callback',
    'com.example.app:/callback',
    'com.example.app://callback',
  ])('may be sent back to %s', (uri) => {
    expect(read(app({ redirect_uris: [uri] })).redirect_uris).toEqual([uri]);
  });
});

describe('A redirect URI is refused', () => {
  it.each([
    ['javascript:alert(1)'],
    ['data:text/html,x'],
    ['vbscript:x'],
    ['file:///etc/passwd'],
    ['myapp:/callback'],
    ['com.example.app:'],
    ['http://app.example.org/callback'],
    ['http://localhost.example.org/'],
    ['http://127.0.0.1.example.org/'],
    ['http://10.0.0.1/'],
    ['https://app.example.org/#fragment'],
    ['https://app.example.org/#'],
    ['https://*.example.org/'],
    ['https://app.example.org/*'],
    ['https://user@app.example.org/'],
    ['https://app.example.org/a/../b'],
    ['https://APP.example.org/'],
    ['https://app.example.org:443/'],
    ['https://app.example.org/a b'],
    ['https://app.example.org\\@evil.example/'],
    ['https://app.example.org/\u00e4'],
    ['//app.example.org/'],
    ['/callback'],
    [''],
    [7],
    [`https://app.example.org/${'a'.repeat(2_000)}`],
  ])('where it is %s', (uri) => {
    expect(refusalOf(app({ redirect_uris: ['https://app.example.org/', uri] }))[0]).toBe('invalid_redirect_uri');
  });

  it.each([
    ['none for an app', app({ redirect_uris: [] }), false],
    ['one for a backend', backend({ redirect_uris: ['https://app.example.org/'] }), false],
    ['no list', app({ redirect_uris: 'https://app.example.org/' }), false],
    [
      'more than 50',
      app({ redirect_uris: Array.from({ length: 51 }, (_, at) => `https://app.example.org/${at}`) }),
      false,
    ],
    ['a scheme of its own for a web app', app({ application_type: 'web', redirect_uris: ['com.example:/x'] }), false],
    [
      'the loopback for a stranger with a secret',
      app({ token_endpoint_auth_method: 'client_secret_basic', redirect_uris: ['http://localhost/'] }),
      true,
    ],
  ])('where there is %s', (_, asked, isStranger) => {
    expect(refusalOf(asked, isStranger)[0]).toBe('invalid_redirect_uri');
  });
});

describe('Metadata is refused', () => {
  const good = jwkOf(rsa().publicKey, { kid: 'one' });
  const onP384 = jwkOf(ec().publicKey, { kid: 'two' });
  const withKeys = (...keys: readonly unknown[]) => backend({ jwks: { keys } });

  it.each([
    ['without a name', app({ client_name: undefined }), 'client_name'],
    ['with a name that turns text round', app({ client_name: 'evil\u202etxt' }), 'client_name'],
    ['with a name of two lines', app({ client_name: 'a\nb' }), 'client_name'],
    ['without scopes', app({ scope: undefined }), 'scope'],
    ['with a scope that is none', app({ scope: 'openid patient/Nothing.rs' }), 'scope'],
    ['with rights out of order', app({ scope: 'patient/Observation.sr' }), 'scope'],
    ['with a system scope for a public client', app({ scope: 'system/Patient.rs' }), 'scope'],
    [
      'with a system scope and no grant for it',
      app({ token_endpoint_auth_method: 'client_secret_post', scope: 'system/*.rs' }),
      'scope',
    ],
    [
      'with client_credentials for a public client',
      backend({ token_endpoint_auth_method: 'none' }),
      'client_credentials',
    ],
    ['with a grant that is not offered', app({ grant_types: ['implicit'] }), 'grant_types'],
    ['with the password grant', app({ grant_types: ['authorization_code', 'password'] }), 'grant_types'],
    ['with refresh_token alone', app({ grant_types: ['refresh_token'] }), 'grant_types'],
    ['with a response type that is not offered', app({ response_types: ['token'] }), 'response_types'],
    [
      'with a shared key for assertions',
      app({ token_endpoint_auth_method: 'client_secret_jwt' }),
      'token_endpoint_auth_method',
    ],
    ['with HS256 for ID tokens', app({ id_token_signed_response_alg: 'HS256' }), 'id_token_signed_response_alg'],
    ['with alg none for ID tokens', app({ id_token_signed_response_alg: 'none' }), 'id_token_signed_response_alg'],
    [
      'with RS256 for assertions',
      backend({ jwks: { keys: [good] }, token_endpoint_auth_signing_alg: 'RS256' }),
      'token_endpoint_auth_signing_alg',
    ],
    ['with a script for its logo', app({ logo_uri: 'javascript:alert(1)' }), 'logo_uri'],
    ['with a plain http page', app({ policy_uri: 'http://app.example.org/' }), 'policy_uri'],
    ['with keys in two places', backend({ jwks: { keys: [good] }, jwks_uri: 'https://keys.example.org/x' }), 'both'],
    ['with keys at a forbidden place', backend({ jwks_uri: 'http://169.254.169.254/' }), 'jwks_uri'],
    [
      'with keys beside a secret',
      backend({ token_endpoint_auth_method: 'client_secret_basic', jwks: { keys: [good] } }),
      'private_key_jwt',
    ],
    [
      'with a way to authenticate by keys and none',
      backend({ token_endpoint_auth_method: 'private_key_jwt' }),
      'private_key_jwt',
    ],
    ['with a private RSA key', withKeys(jwkOf(rsa().privateKey, { kid: 'one' })), 'private'],
    ['with a private EC key beside a good one', withKeys(good, jwkOf(ec().privateKey, { kid: 'x' })), 'private'],
    ['with a symmetric key', withKeys(good, { kty: 'oct', k: 'AAAA', kid: 'x' }), 'symmetric'],
    ['with RSA below 2048 bits', withKeys(jwkOf(rsa(1_024).publicKey, { kid: 'one' })), '2048'],
    ['with the curve P-521', withKeys(jwkOf(ec('P-521').publicKey, { kid: 'one' })), 'P-384'],
    ['with a key for nothing that is used here', withKeys(jwkOf(ec('P-256').publicKey, { kid: 'one' })), 'ES384'],
    ['with a key without kid alone', withKeys(jwkOf(rsa().publicKey)), 'kid'],
    ['with two keys of one kid', withKeys(good, { ...onP384, kid: 'one' }), 'one kid'],
    ['with a key that is none', withKeys({ kty: 'EC', crv: 'P-384', x: 'AAAA', y: 'AAAA', kid: 'one' }), 'well-formed'],
    ['with an exponent that costs', withKeys({ ...good, e: Buffer.alloc(200, 255).toString('base64url') }), 'exponent'],
    ['with 51 keys', withKeys(...Array.from({ length: 51 }, (_, at) => ({ ...good, kid: `k${at}` }))), '50'],
    ['with no list of keys', backend({ jwks: [] }), 'list of keys'],
  ])('%s', (_, asked, said) => {
    const [error, sentence] = refusalOf(asked);
    expect(error).toBe('invalid_client_metadata');
    expect(sentence).toContain(said);
  });

  it('and a private key is told by none of its members in the sentence', () => {
    const jwk = jwkOf(rsa().privateKey, { kid: 'one' });
    expect(createPrivateKey({ key: jwk, format: 'jwk' }).type).toBe('private');
    expect(refusalOf(withKeys(jwk))[1]).not.toContain(jwk.d.slice(0, 12));
  });
});
