/** The table of attacks with tokens, scopes, context and device keys: O16-O19, O21, O28-O30, O36, O37, I54. docs/security.md */
import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { readConfig } from '../../../src/config.ts';
import { together } from '../../support/house.ts';
import type { App } from '../authorization/authorization-house.ts';
import { authorizeUrl, codeFlow, formOf, pkce, type SignIn, throughPages, userAgent } from '../support/user-agent.ts';
import {
  type AttackedHouse,
  answered,
  bearer,
  FORM,
  openAttacked,
  redemption,
  scope,
  sent,
  toldOf,
} from './attacks-house.ts';

let house: AttackedHouse;
let backend: App;
let backendToken: string;
let tokens: any;
let patientUser: SignIn;
let key: string;
let strangerId: string;
const password = 'a stapler and 9 horses';

beforeAll(async () => {
  house = await openAttacked();
  backend = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs system/Observation.cruds?category=laboratory',
    token_endpoint_auth_method: 'client_secret_post',
  });
  backendToken = (await itself()).body.access_token;
  tokens = await house.tokens({ scope: `${scope} user/Patient.rs` });
  const user = { login: 'chalmers', password, fhirUser: `Patient/${house.patientId}`, roles: ['patient'] };
  await house.ask('POST', '/admin/users', user);
  patientUser = { login: 'chalmers', password, patient: house.patientId };
  strangerId = (await house.create({ resourceType: 'Patient', name: [{ family: 'Stranger' }] })).body.id;
  for (const subject of [house.patientId, strangerId]) await house.create(observation(subject));
  await house.create({
    resourceType: 'Device',
    identifier: [{ system: 'urn:device', value: 'dev-1' }],
    status: 'active',
    patient: { reference: `Patient/${house.patientId}` },
  });
  key = await house.deviceKey('dev-1', { key_name: 'k', permissions: ['can_read_patient', 'can_write_vitals'] });
});
afterAll(() => house.stop());

type Form = Record<string, string>;
const observation = (subject: string, category = 'laboratory') => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  category: [{ coding: [{ code: category }] }],
  subject: { reference: `Patient/${subject}` },
});
const own = (of: App): Form => ({ client_id: of.clientId, client_secret: of.secret ?? '' });
const itself = (more: Form = {}) => house.token({ grant_type: 'client_credentials', ...own(backend), ...more });
const get = async (path: string, token: string) =>
  toldOf(await house.ask('GET', `/fhir/${path}`, undefined, bearer(token)));
const patients =
  (headers: Record<string, string>, path = '/fhir/Patient') =>
  async () =>
    toldOf(await sent(`${house.url}${path}`, { headers }));
const jwt = (head: object, payload: object, secret: string) => {
  const text = [head, payload].map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};
const login = '401 login';

answered('What is no access token', [
  ['O16', 'an ID token', () => house.reading(tokens.id_token), login],
  ['O16', 'a refresh token', () => house.reading(tokens.refresh_token), login],
  ['O16', 'a code', async () => house.reading((await house.code()).code), login],
  [
    'O16',
    'the SHA-256 under which a token is kept',
    () => house.reading(createHash('sha256').update(tokens.access_token).digest('hex')),
    login,
  ],
  [
    'O16',
    'the same in base64url, of a token’s length',
    () => house.reading(createHash('sha256').update(tokens.access_token).digest('base64url')),
    login,
  ],
  ['O16', 'a client secret', () => house.reading(backend.secret!), login],
  [
    'O16',
    'an assertion',
    () => house.reading(jwt({ alg: 'RS384', kid: 'one' }, { iss: backend.clientId, sub: backend.clientId }, 'x')),
    login,
  ],
  ['O16', 'a token of another audience: asked without aud', identityToken, login],
  [
    'O16',
    'a token signed by another server',
    () =>
      house.reading(
        jwt(
          { alg: 'HS256', typ: 'at+jwt' },
          { iss: house.url, aud: `${house.url}/fhir`, scope: 'system/*.cruds' },
          'x',
        ),
      ),
    login,
  ],
  ['O16', 'an access token as a refresh token', () => refreshed(tokens.access_token), '400 invalid_grant'],
  [
    'O16',
    'an access token as a code',
    async () => toldOf(await house.token(redemption(house.app, tokens.access_token, 'a'.repeat(43)))),
    '400 invalid_grant',
  ],
  [
    'O16',
    'an access token at the administrator’s doors',
    async () => toldOf(await house.ask('GET', '/admin/clients', undefined, bearer(tokens.access_token))),
    '403 forbidden',
  ],
  [
    'O16',
    'one that is asked for the resource of another server',
    async () => toldOf(await itself({ resource: 'https://other.example/fhir' })),
    '400 invalid_target',
  ],
  [
    'O16',
    'one that is asked for with a foreign aud, which means nothing there',
    async () => get('Patient', (await itself({ aud: 'https://other.example/fhir' })).body.access_token),
    '200 ok',
  ],
  [
    'O16',
    'a launch handle',
    async () =>
      house.reading(
        (await house.ask('POST', '/admin/launches', { client_id: house.app.clientId, user: 'house' })).body.launch,
      ),
    login,
  ],
]);

answered('A token that is good no more', [
  ['O17', 'is told so in its header', challenge, 'Bearer realm="watchfire", error="invalid_token"'],
  [
    'O17',
    'revoked',
    () =>
      ended(({ access_token }, { clientId }) =>
        house.token({ token: access_token, client_id: clientId }, {}, '/oauth/revoke'),
      ),
    '200 ok, then 401 login',
  ],
  [
    'O17',
    'its client disabled',
    () => ended((_tokens, app) => house.ask('POST', `/admin/clients/${app.clientId}/disable`)),
    '200 ok, then 401 login',
  ],
  [
    'O17',
    'its client deleted',
    () => ended((_tokens, app) => house.ask('DELETE', `/admin/clients/${app.clientId}`)),
    '200 ok, then 401 login',
  ],
  [
    'O17',
    'its user disabled',
    () => endedUser({ disabled: true }, { disabled: false }),
    '200 ok, then 401 login, and never again',
  ],
  [
    'O17',
    'its user with another password',
    () => endedUser({ password: 'a horse and 9 staplers' }, { password: house.doctor.password }),
    '200 ok, then 401 login, and never again',
  ],
  ['O17', 'its user signed out everywhere', signedOut, '200 ok, then 401 login'],
  [
    'O17',
    'its registration narrowed',
    () => ended(narrowedTo('launch/patient patient/Observation.rs')),
    '200 ok, then 403 forbidden',
  ],
  ['O17', 'its registration narrowed, of a client by itself', narrowedItself, '200 ok, then 401 login'],
  [
    'O17',
    'its user without a role',
    () => endedUser({ roles: [] }, { roles: ['physician'] }),
    '200 ok, then 401 login, and never again',
  ],
]);

answered('A token in the wrong place', [
  ['O18', 'the address', () => patients({}, `/fhir/Patient?access_token=${backendToken}`)(), '400 invalid'],
  [
    'O18',
    'the address, beside a header',
    () => patients(bearer(backendToken), `/fhir/Patient?access_token=${backendToken}`)(),
    '400 invalid',
  ],
  [
    'O18',
    'the address, with an escape',
    () => patients({}, `/fhir/Patient?access%5Ftoken=${backendToken}`)(),
    '400 invalid',
  ],
  [
    'O18',
    'the address of another door',
    () => patients({}, `/admin/clients?access_token=${house.adminToken}`)(),
    '400 invalid',
  ],
  ['O18', 'two headers', twoHeaders, '400 invalid'],
  [
    'O18',
    'two in one header',
    () => patients({ authorization: `Bearer ${backendToken}, Bearer ${backendToken}` })(),
    login,
  ],
  [
    'O18',
    'bearer in small letters, which is right',
    () => patients({ authorization: `bearer ${backendToken}` })(),
    '200 ok',
  ],
  [
    'O18',
    'BEARER in capitals, which is right',
    () => patients({ authorization: `BEARER ${backendToken}` })(),
    '200 ok',
  ],
  ['O18', 'another word', () => patients({ authorization: `Token ${backendToken}` })(), login],
  ['O18', 'no word', () => patients({ authorization: backendToken })(), login],
  [
    'O18',
    'Basic',
    () =>
      patients({ authorization: `Basic ${Buffer.from(`${backend.clientId}:${backend.secret}`).toString('base64')}` })(),
    login,
  ],
  ['O18', 'a cookie', () => patients({ cookie: `access_token=${backendToken}; watchfire=${backendToken}` })(), login],
  [
    'O18',
    'a header of its own',
    () => patients({ 'x-access-token': backendToken, 'x-authorization': `Bearer ${backendToken}` })(),
    login,
  ],
  ['O18', 'a form', inForm, login],
  ['O18', 'the session of a browser, at the FHIR door', sessionAtFhir, login],
  ['O18', 'a letter more', () => house.reading(`${backendToken}A`), login],
  ['O18', 'a null character after it', () => house.reading(`${backendToken}%00`), login],
  ['O18', 'none of it is in the trail', inTrail, 'not there'],
]);

const asked = async (words: string) => {
  const { code, verifier, callback } = await house.code({ scope: `openid launch/patient ${words}` });
  if (!code) return callback.searchParams.get('error')!;
  const { body } = await house.token(redemption(house.app, code, verifier));
  return (
    body.scope
      .split(' ')
      .filter((word: string) => !/^(openid|launch\/patient)$/.test(word))
      .sort()
      .join(' ') || 'nothing'
  );
};
const byItself = (words: string) => async () => {
  const { status, body } = await itself({ scope: words });
  return status === 200 ? body.scope : `${status} ${body.error}`;
};
answered('A scope', [
  ['O19', 'of SMART 1: patient/*.*, as far as it is registered', () => asked('patient/*.*'), 'patient/*.read'],
  ['O19', 'out of order', () => asked('patient/Patient.sr'), 'nothing'],
  ['O19', 'with a letter twice', () => asked('patient/Patient.rr'), 'nothing'],
  ['O19', 'with a letter that there is not', () => asked('patient/Patient.rx'), 'nothing'],
  ['O19', 'in capitals', () => asked('patient/Patient.RS PATIENT/Patient.rs'), 'nothing'],
  [
    'O19',
    'of no type',
    () => asked('patient/Nothing.rs patient/.rs patient/__proto__.rs patient/constructor.rs'),
    'nothing',
  ],
  [
    'O19',
    'with a query that a resource cannot tell',
    () => asked('patient/Observation.rs?category=x&code:in=http://v'),
    'nothing',
  ],
  ['O19', 'with a query that there is not', () => asked('patient/Observation.rs?unknown=x'), 'nothing'],
  [
    'O19',
    'with a query that includes',
    () => asked('patient/Observation.rs?_include=Observation:subject patient/Observation.rs?_revinclude=*'),
    'nothing',
  ],
  ['O19', 'with a query of every type', () => asked('patient/*.rs?_tag=x'), 'nothing'],
  ['O19', 'with an empty query', () => asked('patient/Observation.rs?'), 'nothing'],
  [
    'O19',
    'with a query, as it was asked',
    () => asked('patient/Observation.rs?category=laboratory'),
    'patient/Observation.rs?category=laboratory',
  ],
  [
    'O19',
    'without the query that is registered',
    byItself('system/Observation.cruds'),
    'system/Observation.cruds?category=laboratory',
  ],
  [
    'O19',
    'with another value than is registered: both hold, which is nothing',
    byItself('system/Observation.rs?category=survey'),
    'system/Observation.rs?category=laboratory&category=survey',
  ],
  [
    'O19',
    'with more values than are registered: both hold',
    byItself('system/Observation.rs?category=laboratory,survey'),
    'system/Observation.rs?category=laboratory&category=laboratory,survey',
  ],
  [
    'O19',
    'wider by a wildcard',
    byItself('system/*.cruds'),
    'system/Observation.cruds?category=laboratory system/Patient.rs',
  ],
  ['O19', 'a widened one opens no more than is registered', widened, '200 ok, 403 forbidden, 0 foreign'],
  ['O19', 'of the system for a public client', () => asked('system/Patient.rs system/*.cruds'), 'nothing'],
  ['O19', 'of a device client for an app', () => asked('device_data patient_data alerts'), 'nothing'],
  ['O19', 'of a user, by a patient', byPatient, 'openid launch/patient patient/Patient.rs'],
  ['O19', 'of a user, by a patient alone', () => byPatientAlone('user/Patient.rs'), 'invalid_scope'],
  ['O19', 'of a user for a client by itself', byItself('user/Patient.rs'), '400 invalid_scope'],
  [
    'O19',
    'of twenty thousand letters',
    byItself(`system/Patient.rs ${'system/Observation.rs?category='.padEnd(20_000, 'a')}`),
    'system/Patient.rs',
  ],
  [
    'O19',
    'of three thousand words',
    byItself(`${Array.from({ length: 3_000 }, (_, i) => `system/X${i}.rs`).join(' ')}`),
    '400 invalid_scope',
  ],
  ['O19', 'with signs that none has', byItself('system/Patient.rs"\\'), '400 invalid_scope'],
  ['O21', 'of a patient, for a client by itself', byItself('patient/Patient.rs'), '400 invalid_scope'],
]);

answered('The patient in context', [
  [
    'O21',
    'named by a parameter of the request',
    () => contextOf({ patient: strangerId, 'launch/patient': strangerId }),
    'chosen',
  ],
  ['O21', 'named by a parameter at the token endpoint', tokenParameter, 'chosen'],
  ['O21', 'chosen in the form, whom the user may not see', chosenForeign, 'stays at the choice'],
  ['O21', 'and another by its id', async () => get(`Patient/${strangerId}`, await contextToken()), '404 not-found'],
  ['O21', 'and another by a search', async () => foundBy(`Observation?patient=${strangerId}`), '0 foreign'],
  ['O21', 'and another by a chain', async () => foundBy('Observation?patient.name=Stranger'), '0 foreign'],
  ['O21', 'and another by its compartment', async () => foundBy(`Patient/${strangerId}/Observation`), '0 foreign'],
  [
    'O21',
    'and another by a header',
    async () => foundBy('Patient', { 'x-patient': strangerId, 'x-fhir-patient': strangerId }),
    '0 foreign',
  ],
  [
    'O21',
    'and another by an id in capitals or an escape',
    async () => get(`Patient/%${strangerId.charCodeAt(0).toString(16)}${strangerId.slice(1)}`, await contextToken()),
    '400 invalid',
  ],
]);

answered('What others learn of a token', [
  ['O28', 'introspection by nobody', () => introspected(tokens.access_token, {}), '401 invalid_client'],
  [
    'O28',
    'introspection by a public client',
    () => introspected(tokens.access_token, { client_id: house.app.clientId }),
    '401 invalid_client',
  ],
  [
    'O28',
    'introspection with the token itself',
    async () =>
      toldOf(await house.token({ token: tokens.access_token }, bearer(tokens.access_token), '/oauth/introspect')),
    '401 invalid_client',
  ],
  ['O28', 'introspection by another client', () => introspected(tokens.access_token, own(backend)), 'inactive'],
  ['O28', 'introspection of no token', () => introspected('nonsense', own(backend)), 'inactive'],
  ['O28', 'introspection of a device key', () => introspected(key, own(backend)), 'inactive'],
  ['O28', 'introspection of the administrator’s token', () => introspected(house.adminToken, own(backend)), 'inactive'],
  ['O28', 'introspection by its own', () => introspected(backendToken, own(backend)), 'active'],
  ['O28', 'revocation by another client', revokedByOther, '200 ok, then 200 ok'],
  [
    'O28',
    'revocation by nobody',
    async () => toldOf(await house.token({ token: tokens.access_token }, {}, '/oauth/revoke')),
    '401 invalid_client',
  ],
  [
    'O28',
    'revocation of no token',
    async () => toldOf(await house.token({ token: 'nonsense', ...own(backend) }, {}, '/oauth/revoke')),
    '200 ok',
  ],
  [
    'O29',
    'the keys are public keys',
    async () =>
      (await keys()).every((one) => !['d', 'p', 'q', 'k'].some((member) => member in one)) ? 'public' : 'private',
    'public',
  ],
  [
    'O29',
    'two live keys for each way to sign, before and after a rotation under load',
    rotated,
    'no flow failed, old tokens still verified',
  ],
  [
    'O29',
    'rotated by somebody',
    async () => toldOf(await house.ask('POST', '/admin/signing-keys/rotate', undefined, bearer(tokens.access_token))),
    '403 forbidden',
  ],
]);

const shared = 'your-super-secret-key';
answered('A shared secret', [
  [
    'O30',
    'signs no token that is believed',
    () => house.reading(jwt({ alg: 'HS256' }, { sub: 'admin', role: 'admin', scope: 'device_data' }, shared)),
    login,
  ],
  [
    'O30',
    'signs nothing that discovery offers',
    async () =>
      JSON.stringify((await house.ask('GET', '/.well-known/openid-configuration')).body).includes('HS256')
        ? 'offered'
        : 'not offered',
    'not offered',
  ],
  [
    'O30',
    'signs no ID token',
    async () =>
      toldOf(
        await house.ask('POST', '/admin/clients', {
          client_name: 'x',
          redirect_uris: ['https://x.example'],
          scope: 'openid',
          id_token_signed_response_alg: 'HS256',
        }),
      ),
    '400 invalid_client_metadata',
  ],
  ['O30', 'of an example stops the start', started(`${shared}-of-32-characters-and-more`), /one of an example/],
  ['O30', 'of less than 32 characters stops the start', started('guessable'), /at least 32 characters/],
]);

answered('Rights that change while they are used', [
  ['O36', 'a token used by fifty while it is revoked opens for nobody afterwards', whileRevoked, '0 late of 20 rounds'],
  ['O36', 'a client that is disabled and enabled while it is used', whileDisabled, '0 late of 10 rounds'],
  ['O36', 'a role that is taken while its token is remembered', roleTaken, '200 ok, then 401 login'],
]);

answered('A device key', [
  ['O37', 'as it should be', () => get(`Patient/${house.patientId}`, key), '200 ok'],
  ['O37', 'with another secret behind its prefix', () => get('Patient', `${key.slice(0, 13)}${'x'.repeat(43)}`), login],
  ['O37', 'with a letter of another case', () => get('Patient', key.toUpperCase()), login],
  ['O37', 'of a prefix alone', () => get('Patient', key.slice(0, 12)), login],
  ['O37', 'unknown', () => get('Patient', `wfk_zzzzzzzz_${'x'.repeat(43)}`), login],
  ['O37', 'that is a path', () => get('Patient', 'wfk_../../../_x'), login],
  ['O37', 'for another patient', () => get(`Patient/${strangerId}`, key), '404 not-found'],
  [
    'O37',
    'for another patient’s readings',
    async () => toldOf(await house.create(observation(strangerId), bearer(key))),
    '403 forbidden',
  ],
  ['O37', 'revoked while it is remembered', revokedKey, '200 ok, then 401 login'],
  ['O37', 'all that is wrong is told in the same words', keyWords, '1 answer'],
  [
    'O37',
    'at the token endpoint',
    async () => toldOf(await house.token({ grant_type: 'client_credentials' }, bearer(key))),
    '401 invalid_client',
  ],
]);

answered('Words that would tell', [
  ['I54', 'whether a login exists', loginWords, '1 answer'],
  ['I54', 'whether a client exists', clientWords, '1 answer'],
  [
    'I54',
    'whether a resource exists: 200 pairs of a foreign and a missing id, read, versioned, changed and deleted',
    foreignIds,
    '1 answer each',
  ],
  ['I54', 'whether a grant exists: tokens and codes of others', grantWords, '1 answer'],
]);

async function identityToken(): Promise<string> {
  return house.reading((await house.tokens({ scope: 'openid fhirUser', more: { aud: '' } })).access_token);
}
const refreshForm = (refresh_token: string): Form => ({
  grant_type: 'refresh_token',
  refresh_token,
  client_id: house.app.clientId,
});
const refreshed = async (token: string) => toldOf(await house.token(refreshForm(token)));
async function challenge(): Promise<string> {
  const { headers } = await house.read('Patient/x', bearer('a'.repeat(43)));
  return headers.get('www-authenticate')!;
}
async function ended(end: (tokens: any, app: App) => Promise<unknown>): Promise<string> {
  const app = await house.register({ scope });
  const got = await house.tokens({}, app);
  const before = await house.reading(got.access_token);
  await end(got, app);
  return `${before}, then ${await house.reading(got.access_token)}`;
}
const narrowedTo =
  (words: string) =>
  async (_tokens: any, { clientId }: App) => {
    const { body } = await house.ask('GET', `/admin/clients/${clientId}`);
    return house.ask('PUT', `/admin/clients/${clientId}`, { ...body, scope: words });
  };
async function narrowedItself(): Promise<string> {
  const of = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs system/Observation.rs',
    token_endpoint_auth_method: 'client_secret_post',
  });
  const { body } = await house.token({ grant_type: 'client_credentials', ...own(of) });
  const before = await get('Patient', body.access_token);
  await narrowedTo('system/Observation.rs')(undefined, of);
  return `${before}, then ${await get('Patient', body.access_token)}`;
}
let serial = 0;
/** A user of its own, with the browser in which it signed in. */
async function somebody(): Promise<{ login: string; token: string }> {
  const login = `doctor-${++serial}`;
  await house.ask('POST', '/admin/users', {
    login,
    password: house.doctor.password,
    fhirUser: (await house.ask('GET', '/admin/users/house')).body.fhirUser.replace(/^.*\/fhir\//, ''),
    roles: ['physician'],
  });
  const { verifier, challenge: asked } = pkce();
  const url = authorizeUrl(house.url, { ...house.app, scope }, asked);
  const callback = await throughPages(userAgent(house.url), url, { ...house.doctor, login });
  const { body } = await house.token(redemption(house.app, callback.searchParams.get('code')!, verifier));
  return { login, token: body.access_token };
}
async function endedUser(change: object, back: object): Promise<string> {
  const { login, token } = await somebody();
  const before = await house.reading(token);
  const changed = await house.ask('PATCH', `/admin/users/${login}`, change);
  if (changed.status >= 400) return toldOf(changed);
  const after = await house.reading(token);
  await house.ask('PATCH', `/admin/users/${login}`, back);
  return `${before}, then ${after}, and ${(await house.reading(token)) === '200 ok' ? 'again' : 'never again'}`;
}
async function signedOut(): Promise<string> {
  const { login, token } = await somebody();
  const before = await house.reading(token);
  await house.ask('DELETE', `/admin/users/${login}/sessions`);
  return `${before}, then ${await house.reading(token)}`;
}
async function roleTaken(): Promise<string> {
  const { login, token } = await somebody();
  const before = await house.reading(token);
  await house.ask('PATCH', `/admin/users/${login}`, { roles: ['tester'] });
  return `${before}, then ${await house.reading(token)}`;
}
async function twoHeaders(): Promise<string> {
  const headers = [
    'Host',
    new URL(house.url).host,
    'Authorization',
    `Bearer ${backendToken}`,
    'authorization',
    'Bearer x',
  ];
  return toldOf(await sent(`${house.url}/fhir/Patient`, { headers }));
}
async function inForm(): Promise<string> {
  const body = new URLSearchParams({ access_token: backendToken, _count: '1' }).toString();
  return toldOf(
    await sent(`${house.url}/fhir/Patient/_search`, { method: 'POST', headers: { 'content-type': FORM }, body }),
  );
}
async function sessionAtFhir(): Promise<string> {
  await house.code({ scope: 'openid' });
  const cookie = [...house.browser.cookies].map(([name, { value }]) => `${name.split(' ')[0]}=${value}`).join('; ');
  return toldOf(await sent(`${house.url}/fhir/Patient`, { headers: { cookie } }));
}
async function inTrail(): Promise<string> {
  const { text } = await house.ask('GET', '/fhir/AuditEvent?_count=500');
  return [backendToken, tokens.access_token, tokens.refresh_token, key, backend.secret!].some((one) =>
    text.includes(one),
  )
    ? 'there'
    : 'not there';
}
async function widened(): Promise<string> {
  const { body } = await itself({ scope: 'system/*.cruds' });
  await house.create(observation(strangerId, 'survey'));
  const found = await house.ask('GET', '/fhir/Observation?_count=100', undefined, bearer(body.access_token));
  const foreign = found.body.entry.filter(
    ({ resource }: any) => resource.category?.[0].coding[0].code !== 'laboratory',
  );
  return `${await get('Patient', body.access_token)}, ${await get('Condition', body.access_token)}, ${foreign.length} foreign`;
}
async function patientCallback(words: string) {
  const { verifier, challenge: asked } = pkce();
  const url = authorizeUrl(house.url, { ...house.app, scope: words }, asked);
  return { verifier, callback: await throughPages(userAgent(house.url), url, patientUser) };
}
async function byPatient(): Promise<string> {
  const { verifier, callback } = await patientCallback(
    'openid launch/patient patient/Patient.rs user/*.cruds user/Patient.rs',
  );
  return (await house.token(redemption(house.app, callback.searchParams.get('code')!, verifier))).body.scope;
}
async function byPatientAlone(words: string): Promise<string> {
  return (await patientCallback(words)).callback.searchParams.get('error')!;
}
async function contextOf(more: Form): Promise<string> {
  const { patient } = await house.tokens({ more });
  return patient === house.patientId ? 'chosen' : patient;
}
async function tokenParameter(): Promise<string> {
  const { code, verifier } = await house.code();
  const { body } = await house.token({
    ...redemption(house.app, code, verifier),
    patient: strangerId,
    sub: 'admin',
    aud: 'x',
  });
  return body.patient === house.patientId ? 'chosen' : body.patient;
}
const contextToken = async () => (await house.tokens()).access_token;
async function foundBy(path: string, headers: Form = {}): Promise<string> {
  const { body } = await house.ask('GET', `/fhir/${path}`, undefined, { ...bearer(await contextToken()), ...headers });
  return `${(body.entry ?? []).filter(({ resource }: any) => JSON.stringify(resource).includes(strangerId)).length} foreign`;
}
/** A patient who would choose another patient. */
async function chosenForeign(): Promise<string> {
  const agent = userAgent(house.url);
  const start = authorizeUrl(house.url, { ...house.app, scope }, pkce().challenge);
  const page = await agent.follow(await agent.get(start));
  const { action, fields } = formOf(page, '/login');
  fields.set('login', patientUser.login);
  fields.set('password', patientUser.password);
  const next = await agent.follow(await agent.post(action, fields));
  const consent = formOf(next, '/consent');
  consent.fields.set('patient', strangerId);
  consent.fields.set('decision', 'allow');
  const told = await agent.follow(await agent.post(consent.action, consent.fields));
  if (told.location === undefined) return 'stays at the choice';
  return new URL(told.location).searchParams.has('code') ? `CODE for ${strangerId}` : 'back access_denied';
}
async function introspected(token: string, form: Form): Promise<string> {
  const answer = await house.token({ token, ...form }, {}, '/oauth/introspect');
  if (answer.status !== 200) return toldOf(answer);
  return answer.body.active ? 'active' : JSON.stringify(answer.body) === '{"active":false}' ? 'inactive' : answer.text;
}
async function revokedByOther(): Promise<string> {
  const answer = await house.token({ token: tokens.access_token, ...own(backend) }, {}, '/oauth/revoke');
  return `${toldOf(answer)}, then ${await house.reading(tokens.access_token)}`;
}
const keys = async (): Promise<any[]> => (await house.ask('GET', '/oauth/jwks')).body.keys;
async function rotated(): Promise<string> {
  const before = (await keys()).map(({ kid }) => kid);
  const flows = together(4, () => codeFlow(house.url, { ...house.app, scope: 'openid' }, house.doctor));
  await house.ask('POST', '/admin/signing-keys/rotate');
  const failed = (await flows).filter(({ body }) => body.id_token === undefined).length;
  const after = (await keys()).map(({ kid }) => kid);
  return failed === 0 && before.every((kid) => after.includes(kid))
    ? 'no flow failed, old tokens still verified'
    : `${failed} failed, ${after}`;
}
function started(adminToken: string) {
  return async () => {
    try {
      readConfig({ WATCHFIRE_PROFILE: 'production', WATCHFIRE_ADMIN_TOKEN: adminToken });
      return 'started';
    } catch (error) {
      return (error as Error).message;
    }
  };
}
/** How many got through who asked after it was taken back. */
async function late(
  rounds: number,
  token: () => Promise<string>,
  takeBack: (token: string) => Promise<unknown>,
): Promise<string> {
  let through = 0;
  for (let round = 0; round < rounds; round++) {
    const one = await token();
    let isBack = false;
    const asking = together(25, async (i) => {
      await new Promise((go) => setTimeout(go, i % 7));
      const wasBack = isBack;
      if ((await get('Patient', one)) === '200 ok' && wasBack) through++;
    });
    await takeBack(one);
    isBack = true;
    await asking;
    if ((await get('Patient', one)) === '200 ok') through++;
  }
  return `${through} late of ${rounds} rounds`;
}
async function whileRevoked(): Promise<string> {
  const token = async () => (await itself()).body.access_token;
  return late(20, token, (one) => house.token({ token: one, ...own(backend) }, {}, '/oauth/revoke'));
}
async function whileDisabled(): Promise<string> {
  const of = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs',
    token_endpoint_auth_method: 'client_secret_post',
  });
  const token = async () => {
    await house.ask('POST', `/admin/clients/${of.clientId}/enable`);
    return (await house.token({ grant_type: 'client_credentials', ...own(of) })).body.access_token;
  };
  return late(10, token, () => house.ask('POST', `/admin/clients/${of.clientId}/disable`));
}
async function revokedKey(): Promise<string> {
  const one = await house.deviceKey('dev-1', { key_name: 'gone', permissions: ['can_read_patient'] });
  const before = await get(`Patient/${house.patientId}`, one);
  await house.ask('DELETE', `/admin/keys/${one.slice(0, 12)}`);
  return `${before}, then ${await get(`Patient/${house.patientId}`, one)}`;
}
async function sameWords(
  asks: readonly (() => Promise<{ status: number; text: string; headers: Headers }>)[],
): Promise<string> {
  const all = new Set<string>();
  for (const work of asks) {
    const { status, text, headers } = await work();
    all.add(
      `${status} ${text} ${headers.get('www-authenticate')} ${[...headers.keys()].filter((name) => !/^(date|x-request-id)$/.test(name))}`,
    );
  }
  return `${all.size} answer${all.size === 1 ? '' : 's'}`;
}
function keyWords(): Promise<string> {
  return sameWords(
    [`${key.slice(0, 13)}${'y'.repeat(43)}`, `wfk_yyyyyyyy_${'x'.repeat(43)}`, 'wfk_', 'x', 'a'.repeat(43)].map(
      (one) => () => house.ask('GET', '/fhir/Patient', undefined, bearer(one)),
    ),
  );
}
function clientWords(): Promise<string> {
  return sameWords(
    [backend.clientId, 'nobody', house.app.clientId, '01234567-89ab-7def-8123-456789abcdef'].map(
      (client_id) => () => house.token({ grant_type: 'client_credentials', client_id, client_secret: 'wrong' }),
    ),
  );
}
async function grantWords(): Promise<string> {
  const { refresh_token } = await house.tokens();
  const other = await house.register({});
  return sameWords(
    [refresh_token, 'a'.repeat(43), tokens.id_token, '__proto__'].map(
      (token) => () => house.token({ ...refreshForm(token), client_id: other.clientId }),
    ),
  );
}
async function loginWords(): Promise<string> {
  const tried = async (login: string) => {
    const agent = userAgent(house.url);
    const page = await agent.follow(
      await agent.get(authorizeUrl(house.url, { ...house.app, scope: 'openid' }, pkce().challenge)),
    );
    const { action, fields } = formOf(page, '/login');
    fields.set('login', login);
    fields.set('password', 'wrong horse 7 battery staple');
    const { status, text } = await agent.post(action, fields);
    return `${status} ${text.replaceAll(login, '{login}').replace(/value="[^"]{40,}"|\/interaction\/[^/"]+/g, '')}`;
  };
  const all = new Set([await tried('house'), await tried('nobody-at-all'), await tried('chalmers')]);
  return `${all.size} answer${all.size === 1 ? '' : 's'}`;
}
async function foreignIds(): Promise<string> {
  const token = backendToken;
  const { body: foreign } = await house.create(observation(strangerId, 'survey'));
  const ways: readonly ((id: string) => Promise<{ status: number; text: string; headers: Headers }>)[] = [
    (id) => house.ask('GET', `/fhir/Observation/${id}`, undefined, bearer(token)),
    (id) => house.ask('HEAD', `/fhir/Observation/${id}`, undefined, bearer(token)),
    (id) => house.ask('GET', `/fhir/Observation/${id}/_history/1`, undefined, bearer(token)),
    (id) => house.ask('GET', `/fhir/Observation/${id}/_history`, undefined, bearer(token)),
    (id) => house.ask('PUT', `/fhir/Observation/${id}`, { ...observation(strangerId), id }, bearer(token)),
    (id) => house.ask('DELETE', `/fhir/Observation/${id}`, undefined, bearer(token)),
  ];
  for (const [way, work] of ways.entries()) {
    const told = new Set<string>();
    for (let i = 0; i < 17; i++) {
      const missing = `${foreign.id.slice(0, -4)}${String(i).padStart(4, '0')}`;
      for (const id of [foreign.id, missing]) {
        const { status, text, headers } = await work(id);
        told.add(`${status} ${text.replaceAll(id, '{id}')} ${[...headers.keys()].sort().join()}`);
      }
    }
    if (told.size !== 1 || ![...told][0]!.startsWith('404')) return `${way}: ${[...told].join('\n')}`;
  }
  return '1 answer each';
}
