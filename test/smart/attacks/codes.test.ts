/** The table of attacks on codes and refresh tokens: O5-O7, O22, O23, and races between whoever uses and whoever takes back. docs/security.md */
import { afterAll, beforeAll } from '@jest/globals';
import { together } from '../../support/house.ts';
import type { App } from '../authorization/authorization-house.ts';
import { formOf, pkce } from '../support/user-agent.ts';
import { type AttackedHouse, answered, FORM, openAttacked, redemption, scope, sent, toldOf } from './attacks-house.ts';

let house: AttackedHouse;
let other: App;
let secretive: App;
beforeAll(async () => {
  house = await openAttacked();
  other = await house.register({});
  secretive = await house.register({ token_endpoint_auth_method: 'client_secret_post' });
});
afterAll(() => house.stop());

type Form = Record<string, string>;
/** Redeems a fresh code with what is changed of the request. */
const redeemed = async (change: (form: Form, challenge: string) => Form = () => ({}), of?: App): Promise<string> => {
  const { code, verifier, challenge } = await house.code({}, of);
  const form = redemption(of ?? house.app, code, verifier);
  return toldOf(await house.token({ ...form, ...change(form, challenge) }));
};
const refreshForm = (refresh_token: string, more: Form = {}, of: App = house.app): Form => ({
  grant_type: 'refresh_token',
  refresh_token,
  client_id: of.clientId,
  client_secret: of.secret ?? '',
  ...more,
});
const refresh = async (token: string, more?: Form, of?: App) => house.token(refreshForm(token, more, of));
/** How many of them there are. */
const counted = (all: readonly string[]): string =>
  [...new Set(all)]
    .sort()
    .map((one) => `${all.filter((other) => other === one).length} x ${one}`)
    .join(', ');
const securityRows = async () => (await house.search('AuditEvent?subtype=security&_count=200')).length;

answered('A code that is used again', [
  [
    'O5',
    'by its own client',
    reused,
    '400 invalid_grant; access 401 login; refresh 400 invalid_grant; 1 security event',
  ],
  ['O5', 'after its refresh token was rotated', reusedLate, 'access 401 login; refresh 400 invalid_grant'],
  ['O5', 'by another client, without its verifier', reusedByOther, '400 invalid_grant'],
]);

answered('A code', [
  ['O6', 'as it should be', () => redeemed(), '200 ok'],
  ['O6', 'of another client', () => redeemed(() => ({ client_id: other.clientId })), '400 invalid_grant'],
  [
    'O6',
    'of another client with a secret',
    () => redeemed(() => ({ client_id: secretive.clientId, client_secret: secretive.secret! })),
    '400 invalid_grant',
  ],
  [
    'O6',
    'for another redirect_uri',
    () => redeemed(({ redirect_uri }) => ({ redirect_uri: `${redirect_uri}/` })),
    '400 invalid_grant',
  ],
  ['O6', 'without redirect_uri', () => redeemed(() => ({ redirect_uri: '' })), '400 invalid_request'],
  [
    'O6',
    'with a letter of another case',
    () => redeemed(({ code }) => ({ code: code!.toUpperCase() })),
    '400 invalid_grant',
  ],
  ['O6', 'with a blank after it', () => redeemed(({ code }) => ({ code: `${code} ` })), '400 invalid_grant'],
  ['O6', 'that is a name of every object', () => redeemed(() => ({ code: '__proto__' })), '400 invalid_grant'],
  ['O6', 'of fifty thousand letters', () => redeemed(() => ({ code: 'a'.repeat(50_000) })), '400 invalid_grant'],
  ['O6', 'given twice', () => twice('code'), '400 invalid_request'],
  ['O6', 'in the address beside the body', inAddress, '400 invalid_request'],
  ['O6', 'with the client given twice', () => twice('client_id'), '400 invalid_request'],
  [
    'O6',
    'for another resource',
    () => redeemed(() => ({ resource: 'https://other.example/fhir' })),
    '400 invalid_target',
  ],
  ['O6', 'for our resource, which is right', () => redeemed(() => ({ resource: `${house.url}/fhir` })), '200 ok'],
  ['O6', 'with more scope than was granted', moreScope, 'same'],
  ['O6', 'by another grant_type', () => redeemed(() => ({ grant_type: 'refresh_token' })), '400 invalid_request'],
  [
    'O6',
    'as a refresh token',
    () => redeemed(({ code }) => ({ grant_type: 'refresh_token', refresh_token: code! })),
    '400 invalid_grant',
  ],
  ['O6', 'by fifty who come at once', fifty, '1 x 200 ok, 49 x 400 invalid_grant'],
  ['O6', 'by twenty of two clients at once', twoClients, 'its own at most once, the other never'],
  [
    'O6',
    'of a user who was disabled meanwhile',
    () => overtaken(() => house.ask('PATCH', '/admin/users/house', { disabled: true })),
    '400 invalid_grant',
  ],
  ['O6', 'of an app that its user has ended meanwhile', endedMeanwhile, '400 invalid_grant'],
  [
    'O6',
    'of an app whose registration was narrowed meanwhile',
    narrowedMeanwhile,
    'launch/patient openid patient/Patient.rs',
  ],
  ['O6', 'of an app that has to prove itself now', provingNow, '401 invalid_client'],
  ['O6', 'while its client is disabled', disabledMeanwhile, 'no token that opens'],
]);

answered('A verifier', [
  ['O7', 'missing', () => redeemed(() => ({ code_verifier: '' })), '400 invalid_grant'],
  ['O7', 'blank', blank, '400 invalid_grant'],
  ['O7', 'of blanks', () => redeemed(() => ({ code_verifier: ' '.repeat(43) })), '400 invalid_grant'],
  ['O7', 'of another request', () => redeemed(() => ({ code_verifier: pkce().verifier })), '400 invalid_grant'],
  [
    'O7',
    'that is the challenge (plain)',
    () => redeemed((_form, challenge) => ({ code_verifier: challenge })),
    '400 invalid_grant',
  ],
  [
    'O7',
    'in another case',
    () => redeemed(({ code_verifier }) => ({ code_verifier: code_verifier!.toUpperCase() })),
    '400 invalid_grant',
  ],
  [
    'O7',
    'cut short',
    () => redeemed(({ code_verifier }) => ({ code_verifier: code_verifier!.slice(0, 42) })),
    '400 invalid_grant',
  ],
  [
    'O7',
    'missing, of a client with a secret',
    () => redeemed(() => ({ code_verifier: '' }), secretive),
    '400 invalid_grant',
  ],
  [
    'O7',
    'with a method at the token endpoint',
    () => redeemed((_form, challenge) => ({ code_verifier: challenge, code_challenge_method: 'plain' })),
    '400 invalid_grant',
  ],
  ['O7', 'given twice', () => twice('code_verifier'), '400 invalid_request'],
]);

answered('A refresh token', [
  [
    'O22',
    'of another client',
    async () => toldOf(await refresh((await house.tokens()).refresh_token, {}, other)),
    '400 invalid_grant',
  ],
  ['O22', 'of another client leaves its own at work', otherClient, '400 invalid_grant, then 200 ok'],
  ['O22', 'by two tabs at once, within the grace', tabs, '5 x 200 ok'],
  [
    'O22',
    'of a client with a secret, without it',
    async () =>
      toldOf(await refresh((await house.tokens({}, secretive)).refresh_token, { client_secret: '' }, secretive)),
    '401 invalid_client',
  ],
  [
    'O22',
    'given twice',
    async () => {
      const { refresh_token } = await house.tokens();
      return raw(`${new URLSearchParams(refreshForm(refresh_token))}&refresh_token=x`);
    },
    '400 invalid_request',
  ],
  ['O22', 'while its grant is revoked', revokedMeanwhile, 'nothing of it opens'],
  ['O22', 'while its user takes the app’s rights back', consentTaken, 'nothing of it opens'],
  ['O22', 'while its user is disabled', userDisabled, 'nothing of it opens'],
  ['O22', 'that was revoked as an access token', hinted, '400 invalid_grant'],
  ['O23', 'for more scope', () => wider(`${scope} user/*.cruds`), '400 invalid_scope'],
  ['O23', 'for a wildcard of what it has', () => wider('patient/*.rs'), '400 invalid_scope'],
  ['O23', 'for more letters', () => wider('patient/Patient.cruds'), '400 invalid_scope'],
  [
    'O23',
    'for the same without its query',
    async () => {
      const { refresh_token } = await house.tokens({
        scope: 'offline_access launch/patient patient/Observation.rs?category=laboratory',
      });
      return toldOf(await refresh(refresh_token, { scope: 'patient/Observation.rs' }));
    },
    '400 invalid_scope',
  ],
  ['O23', 'for what was ticked off', () => wider('patient/Condition.rs'), '400 invalid_scope'],
  ['O23', 'for less, and then for all again: less was asked, not granted', lessThenAll, '200 ok, then 200 ok'],
]);

async function reused(): Promise<string> {
  const { code, verifier } = await house.code();
  const form = redemption(house.app, code, verifier);
  const { body } = await house.token(form);
  const before = await securityRows();
  const again = toldOf(await house.token(form));
  const access = await house.reading(body.access_token);
  const later = toldOf(await refresh(body.refresh_token));
  return `${again}; access ${access}; refresh ${later}; ${(await securityRows()) - before} security event`;
}
async function reusedLate(): Promise<string> {
  const { code, verifier } = await house.code();
  const form = redemption(house.app, code, verifier);
  const { body } = await house.token(form);
  const { body: next } = await refresh(body.refresh_token);
  await house.token(form);
  return `access ${await house.reading(next.access_token)}; refresh ${toldOf(await refresh(next.refresh_token))}`;
}
async function reusedByOther(): Promise<string> {
  const { code, verifier } = await house.code();
  await house.token(redemption(house.app, code, verifier));
  return toldOf(await house.token(redemption(other, code, '')));
}
const raw = async (body: string, path = '/oauth/token') =>
  toldOf(await sent(`${house.url}${path}`, { method: 'POST', headers: { 'content-type': FORM }, body }));
async function twice(member: string): Promise<string> {
  const { code, verifier } = await house.code();
  const form = new URLSearchParams(redemption(house.app, code, verifier));
  form.append(member, form.get(member)!);
  return raw(form.toString());
}
async function blank(): Promise<string> {
  const { code, verifier } = await house.code();
  const form = new URLSearchParams({ ...redemption(house.app, code, verifier), code_verifier: '' });
  form.delete('client_secret');
  return raw(form.toString());
}
async function inAddress(): Promise<string> {
  const { code, verifier } = await house.code();
  const form = new URLSearchParams(redemption(house.app, code, verifier));
  return raw(form.toString(), `/oauth/token?code=${code}`);
}
async function moreScope(): Promise<string> {
  const { code, verifier } = await house.code();
  const answer = await house.token({ ...redemption(house.app, code, verifier), scope: `${scope} user/*.cruds` });
  return answer.status !== 200 ? toldOf(answer) : answer.body.scope === scope ? 'same' : answer.body.scope;
}
async function fifty(): Promise<string> {
  const { code, verifier } = await house.code();
  return counted(await together(50, async () => toldOf(await house.token(redemption(house.app, code, verifier)))));
}
async function twoClients(): Promise<string> {
  const { code, verifier } = await house.code();
  const answers = await together(20, (i) => house.token(redemption(i % 2 ? house.app : other, code, verifier)));
  const [own, foreign] = [1, 0].map(
    (rest) => answers.filter(({ status }, i) => i % 2 === rest && status === 200).length,
  );
  return `its own ${own! <= 1 ? 'at most once' : `${own} times`}, the other ${foreign === 0 ? 'never' : `${foreign} times`}`;
}
let serial = 0;
async function overtaken(meanwhile: (app: App, name: string) => Promise<unknown>): Promise<string> {
  const name = `Overtaken ${++serial}.`;
  const app = await house.register({ client_name: name });
  const { code, verifier } = await house.code({}, app);
  await meanwhile(app, name);
  const told = toldOf(await house.token(redemption(app, code, verifier)));
  await house.ask('PATCH', '/admin/users/house', { disabled: false });
  return told;
}
async function endOnPage(name: string): Promise<void> {
  const page = await house.browser.get('/oauth/account/apps');
  const card = page.text.slice(page.text.indexOf(name));
  const { action, fields } = formOf({ ...page, text: card }, '/account/apps');
  fields.set('client', /name="client" value="([^"]+)"/.exec(card)![1]!);
  const { status } = await house.browser.post(action, fields);
  if (status >= 400) throw new Error(`the page refuses: ${status}`);
}
async function endedMeanwhile(): Promise<string> {
  // Whoever was disabled has to sign in anew.
  await house.code();
  return overtaken((_app, name) => endOnPage(name));
}
const changed = async ({ clientId }: App, change: object) => {
  const { body } = await house.ask('GET', `/admin/clients/${clientId}`);
  return house.ask('PUT', `/admin/clients/${clientId}`, { ...body, ...change });
};
async function narrowedMeanwhile(): Promise<string> {
  const app = await house.register({});
  const { code, verifier } = await house.code({ scope: 'openid launch/patient patient/*.rs user/*.rs' }, app);
  await changed(app, { scope: 'openid launch/patient patient/Patient.rs' });
  const { body } = await house.token(redemption(app, code, verifier));
  return body.scope.split(' ').sort().join(' ');
}
function provingNow(): Promise<string> {
  return overtaken((app) => changed(app, { token_endpoint_auth_method: 'client_secret_post' }));
}
async function disabledMeanwhile(): Promise<string> {
  const gone = await house.register({});
  const { code, verifier } = await house.code({}, gone);
  const [answer] = await Promise.all([
    house.token(redemption(gone, code, verifier)),
    house.ask('POST', `/admin/clients/${gone.clientId}/disable`),
  ]);
  const opens = answer.status === 200 && (await house.reading(answer.body.access_token)) === '200 ok';
  return opens ? 'a token that opens' : 'no token that opens';
}
async function otherClient(): Promise<string> {
  const { refresh_token } = await house.tokens();
  return `${toldOf(await refresh(refresh_token, {}, other))}, then ${toldOf(await refresh(refresh_token))}`;
}
async function tabs(): Promise<string> {
  const { refresh_token } = await house.tokens();
  return counted(await together(5, async () => toldOf(await refresh(refresh_token))));
}
/** Refreshes at once with what takes the grant back: whatever they got opens nothing afterwards. */
async function against(takeBack: () => Promise<unknown>, token: string, of: App = house.app): Promise<string> {
  const first = await refresh(token, {}, of);
  if (first.status !== 200) return `no refresh to begin with: ${first.text}`;
  const asked = together(10, async (i) => {
    await new Promise((go) => setTimeout(go, i * 2));
    return refresh(first.body.refresh_token, {}, of);
  });
  await takeBack();
  for (const { status, body } of [first, ...(await asked)]) {
    if (status !== 200) continue;
    if ((await house.reading(body.access_token)) === '200 ok') return 'an access token opens';
    if ((await refresh(body.refresh_token, {}, of)).status === 200) return 'a refresh token opens';
  }
  return 'nothing of it opens';
}
async function revokedMeanwhile(): Promise<string> {
  const { refresh_token } = await house.tokens();
  const form = { token: refresh_token, client_id: house.app.clientId };
  return against(() => house.token(form, {}, '/oauth/revoke'), refresh_token);
}
async function consentTaken(): Promise<string> {
  const app = await house.register({ client_name: 'Taken back' });
  const { refresh_token } = await house.tokens({}, app);
  const told = await against(() => endOnPage('Taken back'), refresh_token, app);
  return (await isListed('Taken back')) ? `${told}, but it is still listed` : told;
}
async function isListed(name: string): Promise<boolean> {
  return (await house.browser.get('/oauth/account/apps')).text.includes(name);
}
async function userDisabled(): Promise<string> {
  const { refresh_token } = await house.tokens();
  const told = await against(() => house.ask('PATCH', '/admin/users/house', { disabled: true }), refresh_token);
  await house.ask('PATCH', '/admin/users/house', { disabled: false });
  return told;
}
async function hinted(): Promise<string> {
  const { refresh_token } = await house.tokens();
  const form = { token: refresh_token, token_type_hint: 'access_token', client_id: house.app.clientId };
  await house.token(form, {}, '/oauth/revoke');
  return toldOf(await refresh(refresh_token));
}
async function wider(asked: string): Promise<string> {
  return toldOf(await refresh((await house.tokens()).refresh_token, { scope: asked }));
}
async function lessThenAll(): Promise<string> {
  const { refresh_token } = await house.tokens();
  const less = await refresh(refresh_token, { scope: 'openid offline_access patient/Patient.rs launch/patient' });
  return `${toldOf(less)}, then ${toldOf(await refresh(less.body.refresh_token, { scope }))}`;
}
