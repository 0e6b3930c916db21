/** O8 to O14: assertions of clients, right and wrong; what is wrong by its form costs no cryptography. */
import { createHmac, type KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../../../src/smart/clients/client.ts';
import { isSignedBy, readJwt } from '../../../src/smart/clients/verify-jwt.ts';
import { together } from '../../support/house.ts';
import { quickest } from '../../support/quickest.ts';
import {
  backend,
  type ClientsHouse,
  claims,
  ec,
  formOf,
  jwkOf,
  none,
  openClientsHouse,
  rsa,
  seed,
  signed,
  tokenUrl,
} from './clients-house.ts';

/** What expires by the clock of a database does so at no test's word. */
const onOurClock = process.env['WATCHFIRE_TEST_STORE'] === 'mongodb' ? it.skip : it;

let house: ClientsHouse;
let client: Client;
let id: string;
const rsaKey = rsa();
const ecKey = ec();
const p256Key = ec('P-256');
const stranger = rsa();
/** Each attempt from a place of its own, so that no hold is in the way. */
let place = 0;
const somewhere = () => `198.51.100.${++place % 250}-${place}`;

beforeAll(async () => {
  house = await openClientsHouse();
  const keys = [
    jwkOf(rsaKey.publicKey, { kid: 'one', alg: 'RS384', use: 'sig' }),
    jwkOf(ecKey.publicKey, { kid: 'two' }),
    jwkOf(p256Key.publicKey, { kid: 'three' }),
  ];
  ({ client } = await house.clients.register(backend({ jwks: { keys } }), none));
  id = client.clientId;
});
afterAll(() => house.stop());

const check = (form: object, url = tokenUrl) => house.checkAssertion(form, url, somewhere());
const assertion = (more: object = {}, header: object = {}) =>
  signed(claims(house, id, more), rsaKey.privateKey, 'RS384', header);
const reasonOf = async (form: object, url = tokenUrl): Promise<string> => {
  try {
    await check(form, url);
    return 'none';
  } catch (error: any) {
    expect(error).toMatchObject({ error: 'invalid_client', status: 401 });
    return error.reason;
  }
};
const part = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
/** With a header that no library would write, rightly signed all the same. */
const handmade = (header: object | string, payload: object | string, key: KeyObject = rsaKey.privateKey): string => {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${sign('sha384', Buffer.from(text), key).toString('base64url')}`;
};
const header = { alg: 'RS384', kid: 'one', typ: 'JWT' };
const seconds = () => Math.floor(house.runtime.now() / 1_000);

describe('An assertion that is in order', () => {
  it('proves its client by RS384 and by ES384', async () => {
    expect(await check(formOf(assertion()))).toEqual(client);
    const byEc = signed(claims(house, id), ecKey.privateKey, 'ES384', { kid: 'two' });
    expect(await check(formOf(byEc))).toEqual(client);
  });

  it('may name its audience in a list of one, its client beside itself, and no type', async () => {
    await check(formOf(assertion({ aud: [tokenUrl] }), { client_id: id }));
    await check(formOf(handmade({ alg: 'RS384', kid: 'one' }, claims(house, id))));
    await check(formOf(assertion({ iat: seconds(), nbf: seconds(), exp: seconds() + 300 })));
  });

  it('may come from a clock that is half a minute off', async () => {
    await check(formOf(assertion({ iat: seconds() + 29, exp: seconds() + 329 })));
    await check(formOf(assertion({ exp: seconds() - 29 })));
  });

  it('may bring keys along that are not looked at', async () => {
    const jwk = jwkOf(stranger.publicKey);
    await check(formOf(assertion({}, { jwk, x5u: 'https://evil.example/', x5c: ['AAAA'] })));
  });
});

describe('An assertion is refused', () => {
  const cases: readonly (readonly [name: string, form: () => object, reason: string])[] = [
    ['that is missing', () => formOf(undefined), 'missing'],
    ['that is a list', () => formOf([assertion()]), 'missing'],
    ['of another type', () => formOf(assertion(), { client_assertion_type: 'x' }), 'type wrong'],
    ['for another client_id', () => formOf(assertion(), { client_id: 'x' }), 'client_id other than iss'],
    ['in four parts', () => formOf(`${assertion()}.x`), 'not in three parts'],
    ['in two parts', () => formOf(assertion().split('.').slice(0, 2).join('.')), 'not in three parts'],
    ['without a signature', () => formOf(assertion().replace(/[^.]*$/, '')), 'not signed'],
    ['of 10 MB', () => formOf(`${assertion()}${'A'.repeat(10_000_000)}`), 'too long'],
    ['of 9 KB', () => formOf(assertion({ more: 'x'.repeat(6_000) })), 'too long'],
    ['with padding', () => formOf(`${assertion()}=`), 'not base64url'],
    ['in another base64', () => formOf(assertion().replace('.', '+.')), 'not base64url'],
    [
      'with a member twice',
      () => formOf(handmade(header, JSON.stringify(claims(house, id)).replace('{', '{"aud":"x",'))),
      'not strict JSON',
    ],
    [
      'with a header member twice',
      () => formOf(handmade('{"alg":"RS384","alg":"RS384","kid":"one"}', claims(house, id))),
      'not strict JSON',
    ],
    [
      'with the prototype as a member',
      () => formOf(handmade('{"alg":"RS384","kid":"one","__proto__":{}}', claims(house, id))),
      'not strict JSON',
    ],
    ['that is no object', () => formOf(handmade(header, '"text"')), 'not strict JSON'],
    ['that is a list of claims', () => formOf(handmade(header, '[]')), 'not strict JSON'],
    ['with alg none', () => formOf(handmade({ ...header, alg: 'none' }, claims(house, id))), 'alg not permitted'],
    ['with alg nOnE', () => formOf(handmade({ ...header, alg: 'nOnE' }, claims(house, id))), 'alg not permitted'],
    [
      'with a list of algs',
      () => formOf(handmade({ ...header, alg: ['RS384'] }, claims(house, id))),
      'alg not permitted',
    ],
    ['with RS256', () => formOf(signed(claims(house, id), rsaKey.privateKey, 'RS256')), 'alg not permitted'],
    ['with PS384', () => formOf(signed(claims(house, id), rsaKey.privateKey, 'PS384')), 'alg not permitted'],
    [
      'with ES256',
      () => formOf(signed(claims(house, id), p256Key.privateKey, 'ES256', { kid: 'three' })),
      'alg not permitted',
    ],
    ['with HS384 over the public key', () => formOf(byPublicKey()), 'alg not permitted'],
    ['with crit', () => formOf(handmade({ ...header, crit: ['exp'] }, claims(house, id))), 'crit or b64'],
    [
      'with an unencoded payload',
      () => formOf(handmade({ ...header, b64: false, crit: ['b64'] }, claims(house, id))),
      'crit or b64',
    ],
    ['that is an access token', () => formOf(assertion({}, { typ: 'at+jwt' })), 'typ other than JWT'],
    ['without kid', () => formOf(handmade({ alg: 'RS384' }, claims(house, id))), 'kid malformed'],
    ['with a kid of 10 KB', () => formOf(assertion({}, { kid: 'k'.repeat(201) })), 'kid malformed'],
    ['with a number for kid', () => formOf(handmade({ ...header, kid: 1 }, claims(house, id))), 'kid malformed'],
    ['with __proto__ for kid', () => formOf(assertion({}, { kid: '__proto__' })), 'kid unknown'],
    ['with constructor for kid', () => formOf(assertion({}, { kid: 'constructor' })), 'kid unknown'],
    ['with a path for kid', () => formOf(assertion({}, { kid: '../../etc/passwd' })), 'kid unknown'],
    ['with SQL for kid', () => formOf(assertion({}, { kid: "' OR 1=1 --" })), 'kid unknown'],
    ['with the kid of a key of another kind', () => formOf(assertion({}, { kid: 'two' })), 'alg not the key’s'],
    [
      'with the kid of a key on another curve',
      () => formOf(signed(claims(house, id), ecKey.privateKey, 'ES384', { kid: 'three' })),
      'kid unknown',
    ],
    ['with a zero signature', () => formOf(assertion().replace(/[^.]*$/, 'A'.repeat(342))), 'signature wrong'],
    [
      'with a zero signature of a curve',
      () =>
        formOf(signed(claims(house, id), ecKey.privateKey, 'ES384', { kid: 'two' }).replace(/[^.]*$/, 'A'.repeat(128))),
      'signature wrong',
    ],
    ['signed by a stranger', () => formOf(signed(claims(house, id), stranger.privateKey)), 'signature wrong'],
    [
      'signed by a key that it brings',
      () => formOf(signed(claims(house, id), stranger.privateKey, 'RS384', { jwk: jwkOf(stranger.publicKey) })),
      'signature wrong',
    ],
    [
      'whose claims were changed',
      () => formOf(assertion().replace(/\.[^.]*\./, `.${part(claims(house, id))}.`)),
      'signature wrong',
    ],
    [
      'with a jku where none is registered',
      () => formOf(assertion({}, { jku: 'https://evil.example/jwks' })),
      'jku foreign',
    ],
    [
      'of nobody',
      () => formOf(signed(claims(house, '00000000-0000-7000-8000-000000000000'), rsaKey.privateKey)),
      'client unknown',
    ],
    ['whose iss is not its sub', () => formOf(assertion({ sub: 'x' })), 'iss other than sub'],
    ['without iss', () => formOf(assertion({ iss: undefined, sub: undefined })), 'iss other than sub'],
    ['with the issuer for its audience', () => formOf(assertion({ aud: 'https://fhir.example.org' })), 'aud wrong'],
    ['with http for https', () => formOf(assertion({ aud: tokenUrl.replace('https', 'http') })), 'aud wrong'],
    ['with a slash more', () => formOf(assertion({ aud: `${tokenUrl}/` })), 'aud wrong'],
    ['with two audiences', () => formOf(assertion({ aud: [tokenUrl, 'https://other.example.org'] })), 'aud wrong'],
    ['with the same audience twice', () => formOf(assertion({ aud: [tokenUrl, tokenUrl] })), 'aud wrong'],
    ['with an audience in a list in a list', () => formOf(assertion({ aud: [[tokenUrl]] })), 'aud wrong'],
    ['without an audience', () => formOf(assertion({ aud: undefined })), 'aud wrong'],
    ['without exp', () => formOf(assertion({ exp: undefined })), 'exp missing or malformed'],
    ['with exp as text', () => formOf(assertion({ exp: String(seconds() + 60) })), 'exp missing or malformed'],
    ['that has expired', () => formOf(assertion({ exp: seconds() - 31 })), 'expired'],
    ['that lives six minutes', () => formOf(assertion({ exp: seconds() + 360 })), 'exp too far ahead'],
    [
      'that says itself that it lives longer than five',
      () => formOf(assertion({ iat: seconds() - 10, exp: seconds() + 291 })),
      'exp too far ahead',
    ],
    ['that lives for ever', () => formOf(assertion({ exp: 1e300 })), 'exp too far ahead'],
    ['of the future', () => formOf(assertion({ iat: seconds() + 31 })), 'iat in the future'],
    ['with iat as text', () => formOf(assertion({ iat: 'now' })), 'iat malformed'],
    ['that is not good yet', () => formOf(assertion({ nbf: seconds() + 31 })), 'nbf in the future'],
    ['without jti', () => formOf(assertion({ jti: undefined })), 'jti missing or malformed'],
    ['with an empty jti', () => formOf(assertion({ jti: '' })), 'jti missing or malformed'],
    ['with a jti of 201 characters', () => formOf(assertion({ jti: 'j'.repeat(201) })), 'jti missing or malformed'],
    ['with a number for jti', () => formOf(assertion({ jti: 7 })), 'jti missing or malformed'],
  ];
  const byPublicKey = () => {
    const text = `${part({ ...header, alg: 'HS384' })}.${part(claims(house, id))}`;
    const pem = rsaKey.publicKey.export({ type: 'spki', format: 'pem' });
    return `${text}.${createHmac('sha384', pem).update(text).digest('base64url')}`;
  };

  it.each(cases)('%s', async (_, form, reason) => {
    expect(await reasonOf(form())).toBe(`assertion: ${reason}`);
  });

  it('for the token URL of another server', async () => {
    expect(await reasonOf(formOf(assertion()), 'https://other.example.org/oauth/token')).toBe('assertion: aud wrong');
  });

  it('of a client that is registered for a secret, or was disabled', async () => {
    const { client: other } = await house.clients.register(seed(), none);
    const form = () => formOf(signed(claims(house, other.clientId), rsaKey.privateKey));
    expect(await reasonOf(form())).toBe('assertion: method not registered');
    await house.clients.disable(other.clientId, none);
    expect(await reasonOf(form())).toBe('assertion: client unknown');
  });

  it('with an algorithm other than the registered one', async () => {
    const keys = [jwkOf(rsaKey.publicKey, { kid: 'one' }), jwkOf(ecKey.publicKey, { kid: 'two' })];
    const asked = backend({ jwks: { keys }, token_endpoint_auth_signing_alg: 'ES384' });
    const { client: strict } = await house.clients.register(asked, none);
    expect(await reasonOf(formOf(signed(claims(house, strict.clientId), rsaKey.privateKey)))).toBe(
      'assertion: alg not registered',
    );
    await check(formOf(signed(claims(house, strict.clientId), ecKey.privateKey, 'ES384', { kid: 'two' })));
  });

  it('in less than 5 ms where its form is wrong', async () => {
    const costly = cases.filter(([, , reason]) => reason !== 'signature wrong').map(([, form]) => form());
    const took = await quickest(5, async () => {
      const started = performance.now();
      for (const form of costly) await reasonOf(form);
      return (performance.now() - started) / costly.length;
    });
    expect(took).toBeLessThan(5);
  });
});

describe('A signature', () => {
  it('counts by the one algorithm of its key, whatever else the key could do', () => {
    const own = { key: rsaKey.publicKey, alg: 'RS384' } as const;
    const by = (algorithm: 'RS384' | 'RS256' | 'PS384') => readJwt(signed({}, rsaKey.privateKey, algorithm));
    expect(isSignedBy(by('RS384'), own)).toBe(true);
    expect(isSignedBy(by('RS256'), own)).toBe(false);
    expect(isSignedBy(by('PS384'), own)).toBe(false);
    expect(isSignedBy(by('RS384'), { key: stranger.publicKey, alg: 'RS384' })).toBe(false);
  });
});

describe('An assertion is good once', () => {
  it('of fifty at the same time one gets through', async () => {
    const form = formOf(assertion());
    const reasons = await together(50, () => reasonOf(form));
    expect(reasons.filter((reason) => reason === 'none')).toHaveLength(1);
    expect(reasons.filter((reason) => reason === 'assertion: jti replayed')).toHaveLength(49);
  });

  it('on another server too, and after a restart', async () => {
    const form = formOf(assertion());
    await check(form);
    const replayed = { reason: 'assertion: jti replayed' };
    const other = await house.another();
    await expect(other.checkAssertion(form, tokenUrl, somewhere())).rejects.toMatchObject(replayed);
    const anew = await house.restarted();
    await expect(anew.checkAssertion(form, tokenUrl, somewhere())).rejects.toMatchObject(replayed);
    Object.assign(house, anew);
  });

  onOurClock('for as long as it could be brought again, and its jti is forgotten afterwards', async () => {
    const form = formOf(assertion({ jti: 'kept', exp: seconds() + 300 }));
    await check(form);
    house.pass(329_000);
    expect(await reasonOf(form)).toBe('assertion: jti replayed');
    house.pass(1_000);
    expect(await reasonOf(form)).toBe('assertion: expired');
    house.pass(60_000);
    await check(formOf(assertion({ jti: 'kept' })));
  });

  it('and the same jti of another client is another', async () => {
    const keys = [jwkOf(rsaKey.publicKey, { kid: 'one' })];
    const { client: other } = await house.clients.register(backend({ jwks: { keys } }), none);
    await check(formOf(assertion({ jti: 'same' })));
    await check(formOf(signed(claims(house, other.clientId, { jti: 'same' }), rsaKey.privateKey)));
  });
});

describe('Whoever fails with assertions', () => {
  const held = (form: object, source: string) =>
    house.checkAssertion(form, tokenUrl, source).catch((error) => error.status);

  it('is held after ten a minute before anything is computed, and nobody else is', async () => {
    const wrong = () => formOf(signed(claims(house, id), stranger.privateKey));
    const statuses: unknown[] = [];
    for (let at = 0; at < 12; at++) statuses.push(await held(wrong(), '192.0.2.7'));
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect(await held(formOf(assertion()), '192.0.2.7')).toBe(429);
    expect(await held(formOf(assertion()), '192.0.2.8')).toEqual(client);
    house.pass(60_000);
    expect(await held(formOf(assertion()), '192.0.2.7')).toEqual(client);
  });

  it('is held also where all come at the same moment', async () => {
    const forms = Array.from({ length: 40 }, () => formOf(signed(claims(house, id), stranger.privateKey)));
    const statuses = await Promise.all(forms.map((form) => held(form, '192.0.2.9')));
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
  });
});
