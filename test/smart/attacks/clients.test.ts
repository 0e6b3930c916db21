/** The table of attacks by which somebody would be a client: O8-O15, O27, O38, I41, against the token endpoint. docs/security.md */
import { createHmac, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { assertionType } from '../../../src/smart/clients/assertion.ts';
import { together } from '../../support/house.ts';
import type { App } from '../authorization/authorization-house.ts';
import { ec, jwkOf, rsa, signed } from '../clients/clients-house.ts';
import { type AttackedHouse, answered, bearer, FORM, openAttacked, sent, toldOf } from './attacks-house.ts';

let house: AttackedHouse;
let backend: App;
let byUrl: App;
let ofSecret: App;
let strict: App;
let doubled: string;
const rsaKey = rsa();
const ecKey = ec();
const p256 = ec('P-256');
const stranger = rsa();
/** Keys by URL, and what else lies beside them. */
let keys: Server;
let fetched: string[] = [];
let keysAt: string;

type Form = Record<string, string>;
const seconds = () => Math.floor(Date.now() / 1_000);
const part = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const header = { alg: 'RS384', kid: 'one', typ: 'JWT' };
let serial = 0;
const claims = (more: object = {}, of = backend) => ({
  iss: of.clientId,
  sub: of.clientId,
  aud: `${house.url}/oauth/token`,
  exp: seconds() + 240,
  jti: `attack-${++serial}`,
  ...more,
});
/** Rightly signed, whatever stands in it. */
const handmade = (head: object | string, payload: object | string, key: KeyObject = rsaKey.privateKey): string => {
  const text = `${part(head)}.${part(payload)}`;
  return `${text}.${sign('sha384', Buffer.from(text), key).toString('base64url')}`;
};
const assertion = (more: object = {}, head: object = {}, of?: App) =>
  signed(claims(more, of), rsaKey.privateKey, 'RS384', head);

/** Each attempt from an address of its own, so that no hold is in the way. */
const elsewhere = () => `127.${1 + (++serial % 250)}.${1 + (Math.floor(serial / 250) % 250)}.7`;
const forItself = { grant_type: 'client_credentials' };
const ask = (form: Form, { from = elsewhere(), headers = {} }: { from?: string; headers?: Form } = {}) =>
  sent(`${house.url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': FORM, ...headers },
    body: new URLSearchParams({ ...forItself, ...form }).toString(),
    from,
  });
const proof = (client_assertion: string, more: Form = {}): Form => ({
  client_assertion,
  client_assertion_type: assertionType,
  ...more,
});
const by = async (text: string, more?: Form): Promise<string> => {
  const requestId = `attack-${++serial}`;
  const answer = await ask(proof(text, more), { headers: { 'x-request-id': requestId } });
  return answer.status === 200 ? '200 ok' : `${toldOf(answer)}, ${await reasonOf(requestId)}`;
};
/** What the trail says and the answer does not. */
async function reasonOf(requestId: string): Promise<string> {
  const { body } = await house.ask('GET', '/fhir/AuditEvent?subtype=oauth-token&_count=5');
  const rows = (body.entry ?? []).map(({ resource }: any) => resource);
  return (
    rows.find((row: any) => JSON.stringify(row).includes(`"${requestId}"`))?.outcomeDesc?.replace(/^\d+ /, '') ??
    'not in the trail'
  );
}
const refused = (reason: string) => `401 invalid_client, assertion: ${reason}`;

beforeAll(async () => {
  keys = createServer((request, response) => {
    fetched.push(request.url!);
    if (request.url === '/moved') return void response.writeHead(302, { location: '/jwks' }).end();
    if (request.url === '/slow') return;
    if (request.url === '/endless') return void response.writeHead(200).end(`{"keys":[${'"",'.repeat(40_000)}""]}`);
    const one = jwkOf(rsaKey.publicKey, { kid: 'one' });
    const sets: Record<string, unknown> = {
      '/jwks': { keys: [one] },
      '/many': { keys: Array.from({ length: 51 }, (_, i) => ({ ...one, kid: `k${i}` })) },
      '/private': { keys: [jwkOf(rsaKey.privateKey, { kid: 'one' })] },
      '/symmetric': { keys: [one, { kty: 'oct', k: 'c2VjcmV0', kid: 'two' }] },
      '/twins': { keys: [one, jwkOf(stranger.publicKey, { kid: 'one' })] },
      '/ever': { keys: [one] },
    };
    const set = sets[request.url!];
    if (!set) return void response.writeHead(500).end();
    const caching = request.url === '/ever' ? 'max-age=315360000' : 'max-age=0';
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': caching }).end(JSON.stringify(set));
  });
  await new Promise<void>((listening) => keys.listen(0, '127.0.0.1', listening));
  const { port } = keys.address() as AddressInfo;
  keysAt = `http://127.0.0.1:${port}`;
  house = await openAttacked({ outboundAllow: [`127.0.0.1:${port}`] });
  const byItself = { grant_types: ['client_credentials'], redirect_uris: [], scope: 'system/Patient.rs' };
  const byKey = { ...byItself, token_endpoint_auth_method: 'private_key_jwt' };
  const jwks = {
    keys: [
      jwkOf(rsaKey.publicKey, { kid: 'one', alg: 'RS384', use: 'sig' }),
      jwkOf(ecKey.publicKey, { kid: 'two' }),
      jwkOf(p256.publicKey, { kid: 'three' }),
    ],
  };
  backend = await house.register({ ...byKey, jwks });
  strict = await house.register({ ...byKey, jwks, token_endpoint_auth_signing_alg: 'ES384' });
  byUrl = await house.register({ ...byKey, jwks_uri: `${keysAt}/jwks` });
  ofSecret = await house.register({ ...byItself, token_endpoint_auth_method: 'client_secret_post' });
  const twins = { keys: [jwks.keys[0], { ...jwkOf(stranger.publicKey, { kid: 'one' }) }] };
  doubled = toldOf(
    await house.ask('POST', '/admin/clients', {
      client_name: 'Twins',
      ...byKey,
      redirect_uris: undefined,
      jwks: twins,
    }),
  );
});
afterAll(async () => {
  await house.stop();
  keys.closeAllConnections();
  keys.close();
});

const own = () => ({ client_id: ofSecret.clientId, client_secret: ofSecret.secret! });
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const told = async (form: Form, headers?: Form) => toldOf(await ask(form, headers ? { headers } : {}));

answered('A client', [
  ['O8', 'that is who it says', () => told(own()), '200 ok'],
  ['O8', 'without proof', () => told({ client_id: ofSecret.clientId }), '401 invalid_client'],
  ['O8', 'without a name', () => told({}), '401 invalid_client'],
  ['O8', 'with a wrong secret', () => told({ ...own(), client_secret: 'wrong' }), '401 invalid_client'],
  ['O8', 'with an empty secret', () => told({ ...own(), client_secret: '' }), '401 invalid_client'],
  [
    'O8',
    'with its secret in other case',
    () => told({ ...own(), client_secret: ofSecret.secret!.toUpperCase() }),
    '401 invalid_client',
  ],
  [
    'O8',
    'with the hash of its secret',
    () => told({ ...own(), client_secret: createHmac('sha256', '').update(ofSecret.secret!).digest('hex') }),
    '401 invalid_client',
  ],
  [
    'O8',
    'with its secret in both places',
    () => told(own(), basic(ofSecret.clientId, ofSecret.secret!)),
    '401 invalid_client',
  ],
  [
    'O8',
    'with two names',
    () => told({ client_id: backend.clientId }, basic(ofSecret.clientId, ofSecret.secret!)),
    '401 invalid_client',
  ],
  ['O8', 'with a secret and an assertion', () => told({ ...own(), ...proof(assertion()) }), '401 invalid_client'],
  [
    'O8',
    'with a secret in place of its key',
    () => told({ client_id: backend.clientId, client_secret: 'guessed' }),
    '401 invalid_client',
  ],
  ['O8', 'with nothing in place of its key', () => told({ client_id: backend.clientId }), '401 invalid_client'],
  ['O8', 'with a key in place of its secret', () => by(assertion({}, {}, ofSecret)), refused('method not registered')],
  ['O8', 'with the administrator’s token', () => told({}, bearer(house.adminToken)), '401 invalid_client'],
  [
    'O8',
    'that is public, with a secret',
    () => told({ client_id: house.app.clientId, client_secret: 'x' }),
    '401 invalid_client',
  ],
  [
    'O8',
    'with a certificate in a header (O35)',
    () => told({ client_id: backend.clientId }, { 'x-client-cert': 'x', 'x-ssl-client-verify': 'SUCCESS' }),
    '401 invalid_client',
  ],
  [
    'O8',
    'that is public, for itself',
    () => told({ client_id: house.app.clientId }),
    /^400 (invalid_request|unauthorized_client|invalid_scope)$/,
  ],
  [
    'O8',
    'that is public, with a secret of its own making',
    () => told({ client_id: house.app.clientId, client_secret: '' }),
    '401 invalid_client',
  ],
  [
    'O8',
    'in JSON with a member twice',
    () =>
      inJson(
        `{"grant_type":"client_credentials","client_id":"${ofSecret.clientId}","client_id":"x","client_secret":"x"}`,
      ),
    '400 invalid_request',
  ],
  [
    'O8',
    'in JSON with a list',
    () => inJson(`{"grant_type":["client_credentials"],"client_id":"x"}`),
    '400 invalid_request',
  ],
  [
    'O8',
    'in JSON, which is for device clients',
    () => inJson(JSON.stringify({ ...forItself, ...own() })),
    '400 invalid_request',
  ],
  ['O8', 'in a header that is given twice', twoHeaders, /^40[01] invalid_(request|client)$/],
]);

const pem = () => rsaKey.publicKey.export({ type: 'spki', format: 'pem' });
const byPublicKey = () => {
  const text = `${part({ ...header, alg: 'HS384' })}.${part(claims())}`;
  return `${text}.${createHmac('sha384', pem()).update(text).digest('base64url')}`;
};
answered('The form of an assertion', [
  ['O9', 'as it should be', () => by(assertion()), '200 ok'],
  ['O9', 'alg none', () => by(`${part({ ...header, alg: 'none' })}.${part(claims())}.`), refused('not signed')],
  [
    'O9',
    'alg None, with a signature',
    () => by(handmade({ ...header, alg: 'None' }, claims())),
    refused('alg not permitted'),
  ],
  ['O9', 'HS256', () => by(handmade({ ...header, alg: 'HS256' }, claims())), refused('alg not permitted')],
  ['O9', 'HS384 over the public key', () => by(byPublicKey()), refused('alg not permitted')],
  [
    'O9',
    'RS256, which is not listed',
    () => by(signed(claims(), rsaKey.privateKey, 'RS256')),
    refused('alg not permitted'),
  ],
  ['O9', 'PS384', () => by(signed(claims(), rsaKey.privateKey, 'PS384')), refused('alg not permitted')],
  [
    'O9',
    'an alg that is a list',
    () => by(handmade({ ...header, alg: ['RS384'] }, claims())),
    refused('alg not permitted'),
  ],
  [
    'O9',
    'the wrong curve',
    () => by(handmade({ alg: 'ES384', kid: 'three' }, claims(), p256.privateKey)),
    refused('kid unknown'),
  ],
  [
    'O9',
    'the alg of another key',
    () => by(handmade({ alg: 'ES384', kid: 'one' }, claims())),
    refused('alg not the key’s'),
  ],
  ['O9', 'another alg than is registered', () => by(assertion({}, {}, strict)), refused('alg not registered')],
  [
    'O9',
    'an RSA key of 1024 bits',
    () => registerWith({ keys: [jwkOf(rsa(1_024).publicKey, { kid: 'one' })] }),
    '400 invalid_client_metadata',
  ],
  ['O9', 'a zero signature', () => by(assertion().replace(/[^.]*$/, 'A'.repeat(342))), refused('signature wrong')],
  [
    'O9',
    'a zero signature of a curve',
    () => by(signed(claims(), ecKey.privateKey, 'ES384', { kid: 'two' }).replace(/[^.]*$/, 'A'.repeat(128))),
    refused('signature wrong'),
  ],
  ['O9', 'the signature of a stranger', () => by(signed(claims(), stranger.privateKey)), refused('signature wrong')],
  ['O9', 'an unknown crit', () => by(handmade({ ...header, crit: ['exp'] }, claims())), refused('crit or b64')],
  ['O9', 'b64 false', () => by(handmade({ ...header, b64: false, crit: ['b64'] }, claims())), refused('crit or b64')],
  ['O9', 'four parts', () => by(`${assertion()}.x`), refused('not in three parts')],
  ['O9', 'five parts, encrypted', () => by(`${assertion()}.x.y`), refused('not in three parts')],
  ['O9', 'padding', () => by(`${assertion()}=`), refused('not base64url')],
  [
    'O9',
    'a member twice',
    () => by(handmade(header, JSON.stringify(claims()).replace('{', '{"aud":"x",'))),
    refused('not strict JSON'),
  ],
  ['O9', 'nine KB', () => by(assertion({ more: 'x'.repeat(6_000) })), refused('too long')],
  [
    'O9',
    '10 MB',
    async () => String((await house.token({ ...forItself, ...proof('A'.repeat(10_000_000)) })).status),
    '413',
  ],
  ['O9', 'all of these take no time', quick, 'less than 5 ms each'],
  [
    'O9',
    'another type of assertion',
    () => by(assertion(), { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }),
    refused('type wrong'),
  ],
  [
    'O9',
    'a grant of its own: jwt-bearer',
    async () =>
      toldOf(
        await ask({ ...own(), grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertion() }),
      ),
    '400 unsupported_grant_type',
  ],
]);

answered('What an assertion claims', [
  ['O10', 'no exp', () => by(assertion({ exp: undefined })), refused('exp missing or malformed')],
  ['O10', 'exp in six minutes', () => by(assertion({ exp: seconds() + 360 })), refused('exp too far ahead')],
  ['O10', 'exp never', () => by(assertion({ exp: 1e300 })), refused('exp too far ahead')],
  ['O10', 'exp as text', () => by(assertion({ exp: String(seconds() + 60) })), refused('exp missing or malformed')],
  ['O10', 'exp of the past', () => by(assertion({ exp: seconds() - 40 })), refused('expired')],
  ['O10', 'iat of the future', () => by(assertion({ iat: seconds() + 60 })), refused('iat in the future')],
  ['O10', 'nbf of the future', () => by(assertion({ nbf: seconds() + 60 })), refused('nbf in the future')],
  ['O10', 'no jti', () => by(assertion({ jti: undefined })), refused('jti missing or malformed')],
  ['O10', 'a jti of 10 KB', () => by(assertion({ jti: 'j'.repeat(10_000) })), refused('too long')],
  ['O10', 'a jti of 201 letters', () => by(assertion({ jti: 'j'.repeat(201) })), refused('jti missing or malformed')],
  ['O10', 'a jti that is an object', () => by(assertion({ jti: { a: 1 } })), refused('jti missing or malformed')],
  ['O10', 'a jti that was used', replayed, `200 ok, then ${refused('jti replayed')}`],
  ['O10', 'a jti by fifty at once', fiftyAtOnce, '1 of 50'],
  ['O11', 'aud is the issuer', () => by(assertion({ aud: house.url })), refused('aud wrong')],
  ['O11', 'aud is the FHIR base', () => by(assertion({ aud: `${house.url}/fhir` })), refused('aud wrong')],
  [
    'O11',
    'aud with more beside it',
    () => by(assertion({ aud: [`${house.url}/oauth/token`, 'https://other.example'] })),
    refused('aud wrong'),
  ],
  [
    'O11',
    'aud twice the same',
    () => by(assertion({ aud: [`${house.url}/oauth/token`, `${house.url}/oauth/token`] })),
    refused('aud wrong'),
  ],
  ['O11', 'aud in a list of one', () => by(assertion({ aud: [`${house.url}/oauth/token`] })), '200 ok'],
  [
    'O11',
    'aud of another server',
    () => by(assertion({ aud: 'https://other.example/oauth/token' })),
    refused('aud wrong'),
  ],
  [
    'O11',
    'aud with https for http',
    () => by(assertion({ aud: `${house.url.replace('http', 'https')}/oauth/token` })),
    refused('aud wrong'),
  ],
  ['O11', 'aud with a slash', () => by(assertion({ aud: `${house.url}/oauth/token/` })), refused('aud wrong')],
  ['O11', 'aud in capitals', () => by(assertion({ aud: `${house.url}/oauth/TOKEN` })), refused('aud wrong')],
  [
    'O11',
    'aud by another name of the host',
    () => by(assertion({ aud: `${house.url.replace('127.0.0.1', 'localhost')}/oauth/token` })),
    refused('aud wrong'),
  ],
  ['O11', 'aud of the host that a header names', spoofedAudience, refused('aud wrong')],
  ['O12', 'iss is not sub', () => by(assertion({ sub: 'x' })), refused('iss other than sub')],
  ['O12', 'sub is another client', () => by(assertion({ sub: ofSecret.clientId })), refused('iss other than sub')],
  [
    'O12',
    'client_id is another',
    () => by(assertion(), { client_id: ofSecret.clientId }),
    refused('client_id other than iss'),
  ],
  ['O12', 'no iss', () => by(assertion({ iss: undefined, sub: undefined })), refused('iss other than sub')],
  [
    'O12',
    'iss is a list',
    () => by(assertion({ iss: [backend.clientId], sub: [backend.clientId] })),
    refused('iss other than sub'),
  ],
  ['O12', 'iss is nobody', () => by(assertion({ iss: 'nobody', sub: 'nobody' })), refused('client unknown')],
]);

const withKid = (kid: unknown) => () => by(handmade({ ...header, kid }, claims()));
answered('Which key an assertion means', [
  ['O13', 'kid as a path', withKid('../../../etc/passwd'), refused('kid unknown')],
  ['O13', 'kid as SQL', withKid("' OR 1=1 --"), refused('kid unknown')],
  ['O13', 'kid as __proto__', withKid('__proto__'), refused('kid unknown')],
  ['O13', 'kid as constructor', withKid('constructor'), refused('kid unknown')],
  ['O13', 'kid of 10 KB', withKid('k'.repeat(10_000)), refused('too long')],
  ['O13', 'kid as a number', withKid(1), refused('kid malformed')],
  ['O13', 'no kid', withKid(undefined), refused('kid malformed')],
  ['O13', 'kid unknown, by URL: asked for once in five minutes', unknownKids, 'asked once more'],
  ['O13', 'two keys of one kid cannot be registered', async () => doubled, '400 invalid_client_metadata'],
  ['O13', 'two keys of one kid by URL open nothing', () => byKeysAt('/twins'), /^401 invalid_client/],
  ['O14', 'jku where none is registered', () => by(assertion({}, { jku: `${keysAt}/jwks` })), refused('jku foreign')],
  [
    'O14',
    'jku with a letter more than registered',
    () => by(assertion({}, { jku: `${keysAt}/jwks?` }, byUrl)),
    refused('jku foreign'),
  ],
  ['O14', 'jku as it is registered', () => by(assertion({}, { jku: `${keysAt}/jwks` }, byUrl)), '200 ok'],
  [
    'O14',
    'a key of its own in jwk',
    () => by(signed(claims(), stranger.privateKey, 'RS384', { jwk: jwkOf(stranger.publicKey) } as object)),
    refused('signature wrong'),
  ],
  [
    'O14',
    'a chain of its own in x5c',
    () => by(signed(claims(), stranger.privateKey, 'RS384', { x5c: ['AAAA'], x5u: `${keysAt}/x5u` } as object)),
    refused('signature wrong'),
  ],
  [
    'O14',
    'nothing of what it names was fetched',
    async () => fetched.filter((url) => !url.startsWith('/jwks') && url.startsWith('/x5')).join() || 'nothing',
    'nothing',
  ],
]);

answered('A key set by URL', [
  ['O15', 'that is elsewhere now (redirect)', () => byKeysAt('/moved'), /^401 invalid_client/],
  ['O15', 'that is longer than 64 KiB', () => byKeysAt('/endless'), /^401 invalid_client/],
  ['O15', 'of 51 keys', () => byKeysAt('/many'), /^401 invalid_client/],
  ['O15', 'with a private key', () => byKeysAt('/private'), /^401 invalid_client/],
  ['O15', 'with a symmetric key', () => byKeysAt('/symmetric'), /^401 invalid_client/],
  ['O15', 'that breaks', () => byKeysAt('/broken'), /^401 invalid_client/],
  ['O15', 'that may not be kept (max-age=0) is fetched once for twenty', () => fetchedFor('/jwks'), 'once'],

  ['I41', 'key set in the house', () => registerAt('http://127.0.0.1:1/jwks'), '400 invalid_client_metadata'],
  [
    'I41',
    'key set at the cloud’s address',
    () => registerAt('http://169.254.169.254/latest/meta-data'),
    '400 invalid_client_metadata',
  ],
  ['I41', 'key set in a file', () => registerAt('file:///etc/passwd'), '400 invalid_client_metadata'],
  ['I41', 'key set of a private network', () => registerAt('https://10.0.0.1/jwks'), '400 invalid_client_metadata'],
  [
    'I41',
    'key set by a number for an address',
    () => registerAt('http://2130706433/jwks'),
    '400 invalid_client_metadata',
  ],
  ['I41', 'key set with a password', () => registerAt('https://a:b@example.com/jwks'), '400 invalid_client_metadata'],
  [
    'I41',
    'what else a client may name: logo, policy, sectors, sign-out, requests',
    namedElsewhere,
    '201 ok, nobody came',
  ],
  [
    'I41',
    'canonical, attachment, fullUrl and a reference to a server that waits for them',
    dereferenced,
    'nobody came',
  ],
]);

answered('Whoever guesses', [
  ['O27', 'at a secret is held after ten, from there', held, '10 x 401, then 429 with Retry-After'],
  ['O27', 'holds up nobody else: the client itself from elsewhere', () => told(own()), '200 ok'],
  ['O27', 'from the same place does not hold up another client there', neighbour, '200 ok'],
  ['O27', 'names other addresses for himself (X-Forwarded-For)', forwardedFor, '429'],
  ['O27', 'at a device key is held too', heldKeys, '10 x 401, then 429'],
  ['O38', 'with forged signatures is held before any is computed', flood, '10 x 401, then 429, 0 computed'],
]);

async function twoHeaders(): Promise<string> {
  const { authorization } = basic(ofSecret.clientId, ofSecret.secret!);
  const body = new URLSearchParams(forItself).toString();
  const headers = [
    'Host',
    new URL(house.url).host,
    'Content-Type',
    FORM,
    'Content-Length',
    String(body.length),
    'Authorization',
    'Basic eDp5',
    'Authorization',
    authorization,
  ];
  return toldOf(await sent(`${house.url}/oauth/token`, { method: 'POST', headers, body }));
}
async function inJson(body: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  return toldOf(await sent(`${house.url}/oauth/token`, { method: 'POST', headers, body, from: elsewhere() }));
}
const registerWith = async (jwks: object): Promise<string> =>
  toldOf(
    await house.ask('POST', '/admin/clients', {
      client_name: 'x',
      scope: 'system/Patient.rs',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
    }),
  );
const registerAt = async (jwks_uri: string): Promise<string> =>
  toldOf(
    await house.ask('POST', '/admin/clients', {
      client_name: 'x',
      scope: 'system/Patient.rs',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri,
    }),
  );
async function quick(): Promise<string> {
  const wrong = Array.from({ length: 9 }, () => `${assertion()}.x`);
  const timed = async (form: Form, from: string) => {
    const started = performance.now();
    await ask(form, { from });
    return performance.now() - started;
  };
  const [place, beside] = [elsewhere(), elsewhere()];
  const [times, bare]: [number[], number[]] = [[], []];
  for (const text of wrong) {
    bare.push(await timed({}, beside));
    times.push(await timed(proof(text), place));
  }
  // Without HTTP and the trail, which whoever proves nothing costs too; the fastest count, since others use the machine.
  return Math.min(...times) - Math.min(...bare) < 5 ? 'less than 5 ms each' : `${times}, without a proof ${bare}`;
}
async function replayed(): Promise<string> {
  const text = assertion();
  return `${await by(text)}, then ${await by(text)}`;
}
async function fiftyAtOnce(): Promise<string> {
  const text = assertion();
  const answers = await together(50, () => ask(proof(text)));
  return `${answers.filter(({ status }) => status === 200).length} of 50`;
}
async function spoofedAudience(): Promise<string> {
  const requestId = `attack-${++serial}`;
  const text = assertion({ aud: 'https://evil.example/oauth/token' });
  const headers = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    host: 'evil.example',
    'x-request-id': requestId,
  };
  return `${toldOf(await ask(proof(text), { headers }))}, ${await reasonOf(requestId)}`;
}
async function unknownKids(): Promise<string> {
  await by(assertion({}, {}, byUrl));
  fetched = [];
  for (let i = 0; i < 5; i++) await by(signed(claims({}, byUrl), rsaKey.privateKey, 'RS384', { kid: `unknown-${i}` }));
  return fetched.length === 1 ? 'asked once more' : `asked ${fetched.length} times`;
}
async function byKeysAt(path: string): Promise<string> {
  const of = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${keysAt}${path}`,
  });
  return by(assertion({}, {}, of));
}
async function fetchedFor(path: string): Promise<string> {
  const of = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${keysAt}${path}`,
  });
  fetched = [];
  await together(20, () => ask(proof(assertion({}, {}, of))));
  return fetched.length === 1 ? 'once' : `${fetched.length} times`;
}
async function namedElsewhere(): Promise<string> {
  fetched = [];
  const at = (path: string) => `${keysAt}/${path}`;
  const uris = {
    logo_uri: at('logo'),
    policy_uri: at('policy'),
    tos_uri: at('tos'),
    client_uri: at('client'),
    initiate_login_uri: at('login'),
  };
  const others = {
    sector_identifier_uri: at('sector'),
    backchannel_logout_uri: at('out'),
    frontchannel_logout_uri: at('out'),
    request_uris: [at('request')],
  };
  const asked = {
    client_name: 'x',
    redirect_uris: ['https://app.example.com/callback'],
    scope: 'openid',
    token_endpoint_auth_method: 'none',
    ...uris,
    ...others,
  };
  const made = await house.ask('POST', '/admin/clients', asked);
  const of = { clientId: made.body?.client_id, redirectUri: 'https://app.example.com/callback' };
  await house.code({ scope: 'openid' }, of);
  return `${toldOf(made).replace('200', '201')}, ${fetched.length === 0 ? 'nobody came' : fetched.join()}`;
}
async function dereferenced(): Promise<string> {
  fetched = [];
  const at = (path: string) => `${keysAt}/${path}`;
  await house.create({
    resourceType: 'Patient',
    meta: { profile: [at('profile')] },
    photo: [{ url: at('photo') }],
    managingOrganization: { reference: at('Organization/1') },
  });
  await house.create({
    resourceType: 'DocumentReference',
    status: 'current',
    content: [{ attachment: { url: at('attachment') } }],
  });
  await house.create({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: at('system'), code: 'x' }] },
    instantiatesCanonical: at('canonical'),
  });
  await house.create({
    resourceType: 'Questionnaire',
    status: 'draft',
    url: at('Questionnaire/q'),
    item: [{ linkId: '1', type: 'choice', answerValueSet: at('ValueSet/v') }],
  });
  await house.transaction([
    { fullUrl: at('Patient/1'), resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
  ]);
  for (const path of [
    `Observation?code:in=${at('ValueSet/v')}`,
    `Patient?organization=${at('Organization/1')}`,
    `Patient?_profile=${at('profile')}`,
  ])
    await house.ask('GET', `/fhir/${path}`);
  return fetched.length === 0 ? 'nobody came' : fetched.join();
}
async function held(): Promise<string> {
  const from = '127.9.9.1';
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) statuses.push((await ask({ ...own(), client_secret: `guess ${i}` }, { from })).status);
  const { status, headers } = await ask(own(), { from });
  return `${statuses.filter((one) => one === 401).length} x 401, then ${status} with ${headers.has('retry-after') ? 'Retry-After' : 'nothing'}`;
}
async function neighbour(): Promise<string> {
  return toldOf(await ask(proof(assertion()), { from: '127.9.9.1' }));
}
async function forwardedFor(): Promise<string> {
  const headers = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7', 'x-real-ip': '203.0.113.7' };
  return String((await ask(own(), { from: '127.9.9.1', headers })).status);
}
async function heldKeys(): Promise<string> {
  const statuses: number[] = [];
  for (let i = 0; i < 11; i++) {
    const key = `wfk_abcdefgh_${String(i).padStart(43, 'x')}`;
    statuses.push((await sent(`${house.url}/fhir/Patient`, { headers: bearer(key), from: '127.9.9.2' })).status);
  }
  return `${statuses.slice(0, 10).filter((one) => one === 401).length} x 401, then ${statuses[10]}`;
}
async function flood(): Promise<string> {
  const from = '127.9.9.3';
  const forged = () => signed(claims(), stranger.privateKey);
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) statuses.push((await ask(proof(forged()), { from })).status);
  const before = (await house.search('AuditEvent?subtype=oauth-token&_count=200')).filter(isJudged).length;
  const later = await together(20, () => ask(proof(forged()), { from }));
  expect(new Set(later.map(({ status }) => status))).toEqual(new Set([429]));
  const after = (await house.search('AuditEvent?subtype=oauth-token&_count=200')).filter(isJudged).length;
  return `${statuses.filter((one) => one === 401).length} x 401, then 429, ${after - before} computed`;
}
const isJudged = ({ outcomeDesc = '' }: any) => outcomeDesc.includes('signature wrong');
