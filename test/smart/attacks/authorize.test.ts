/** The table of attacks at the authorization endpoint and its pages: O1-O4, O20, O24, O25. docs/security.md */
import { afterAll, beforeAll } from '@jest/globals';
import { type App, redirectUri } from '../authorization/authorization-house.ts';
import { authorizeUrl, formOf, type Page, pkce, userAgent } from '../support/user-agent.ts';
import {
  type AttackedHouse,
  answered,
  endOf,
  FORM,
  openAttacked,
  type Row,
  redemption,
  scope,
  sent,
} from './attacks-house.ts';

let house: AttackedHouse;
let native: App;
let loopbackPage: App;
/** Another client with the same address. */
let other: App;
beforeAll(async () => {
  house = await openAttacked();
  const there = 'http://127.0.0.1/callback';
  native = { ...(await house.register({ application_type: 'native', redirect_uris: [there] })), redirectUri: there };
  loopbackPage = { ...(await house.register({ redirect_uris: [there] })), redirectUri: there };
  other = await house.register({});
  await house.code();
});
afterAll(() => house.stop());

const page = '400 page';
const at = (uri: string, of?: () => App) => () => house.authorize({ redirect_uri: uri }, of?.());
/** By the bytes of the query. */
const raw = async (change: (query: string) => string): Promise<string> => {
  const [path, query = ''] = authorizeUrl(house.url, { ...house.app, scope }, pkce().challenge).split('?');
  return endOf(await userAgent(house.url).get(`${path}?${change(query)}`));
};
const variants: Readonly<Record<string, string>> = {
  'a prefix of it': redirectUri.slice(0, -1),
  'a suffix more': `${redirectUri}more`,
  'a step more': `${redirectUri}/more`,
  'a slash more': `${redirectUri}/`,
  'another case of its path': redirectUri.replace('callback', 'Callback'),
  'another case of its host': redirectUri.replace('app.', 'App.'),
  'another case of its scheme': redirectUri.replace('https', 'HTTPS'),
  'http for https': redirectUri.replace('https', 'http'),
  'a port': redirectUri.replace('.com', '.com:8443'),
  'the port that it has anyway': redirectUri.replace('.com', '.com:443'),
  'dots in its path': redirectUri.replace('/callback', '/x/../callback'),
  'written dots in its path': redirectUri.replace('/callback', '/x/%2e%2e/callback'),
  'a letter as an escape': redirectUri.replace('callback', '%63allback'),
  'a query': `${redirectUri}?next=https://evil.example`,
  'an empty query': `${redirectUri}?`,
  'a fragment': `${redirectUri}#a`,
  'an empty fragment': `${redirectUri}#`,
  'a user': redirectUri.replace('https://', 'https://app.example.com@evil.example/'),
  'a dot after its host': redirectUri.replace('.com', '.com.'),
  'its host as a part of another': redirectUri.replace('.com', '.com.evil.example'),
  'a backslash': redirectUri.replace('/callback', '\\@evil.example/callback'),
  'a blank before it': ` ${redirectUri}`,
  'a line break after it': `${redirectUri}\r\nSet-Cookie: a=b`,
  'letters that look alike': redirectUri.replace('app', 'аpp'),
  'full-width letters': redirectUri.replace('app', 'ａｐｐ'),
  'a script': 'javascript:alert(1)//callback',
  'a page in its address': 'data:text/html,callback',
  'no scheme': '//app.example.com/callback',
  'another place': 'https://evil.example/callback',
  'a list': `["${redirectUri}"]`,
  'sixty thousand characters': `${redirectUri}?${'a'.repeat(60_000)}`.slice(0, 7_000),
};

answered('A redirect URI that is not the registered one', [
  ...Object.entries(variants).map(([attack, uri]): Row => ['O1', attack, at(uri), page]),
  ['O1', 'none', () => house.authorize({ redirect_uri: '' }), page],
  ['O1', 'two of them', () => raw((query) => `${query}&redirect_uri=https://evil.example`), page],
  ['O1', 'the same twice', () => raw((query) => `${query}&redirect_uri=${encodeURIComponent(redirectUri)}`), page],
  ['O1', 'as an array of a form', () => raw((query) => query.replace('redirect_uri=', 'redirect_uri[]=')), page],
  ['O1', 'a page’s other loopback port', at('http://127.0.0.1:5104/callback', () => loopbackPage), page],
  ['O1', 'a native app’s other port, which is its own', at('http://127.0.0.1:51004/callback', () => native), 'sign-in'],
  ['O1', 'a native app’s other port and path', at('http://127.0.0.1:51004/callback/x', () => native), page],
  ['O1', 'a native app’s port and query', at('http://127.0.0.1:51004/callback?a=b', () => native), page],
  [
    'O1',
    'a native app’s port, by another name of the loopback',
    at('http://localhost:51004/callback', () => native),
    page,
  ],
  ['O1', 'a native app’s port as a user', at('http://127.0.0.1:51004@evil.example/callback', () => native), page],
  ['O1', 'a native app’s port that there is not', at('http://127.0.0.1:65536/callback', () => native), page],
  ['O1', 'a native app’s port with a nought before it', at('http://127.0.0.1:051004/callback', () => native), page],
  ['O1', 'a native app’s port and https', at('https://127.0.0.1:51004/callback', () => native), page],
]);

answered('A client that is not registered', [
  ['O2', 'an id that nobody has', () => house.authorize({ client_id: '01234567-89ab-7def-8123-456789abcdef' }), page],
  ['O2', 'no id', () => house.authorize({ client_id: '' }), page],
  ['O2', 'its id in capitals', () => house.authorize({ client_id: house.app.clientId.toUpperCase() }), page],
  ['O2', 'two ids', () => raw((query) => `${query}&client_id=portal`), page],
  ['O2', 'a path', () => house.authorize({ client_id: '../../etc/passwd' }), page],
  ['O2', 'a name of every object', () => house.authorize({ client_id: '__proto__' }), page],
  ['O2', 'seven thousand characters', () => house.authorize({ client_id: 'a'.repeat(7_000) }), page],
  ['O2', 'a URL to fetch it from', () => house.authorize({ client_id: 'https://evil.example/client.json' }), page],
  [
    'O2',
    'a script, which the page does not repeat',
    reflected({ client_id: '<script>alert(1)</script>' }),
    '400 nothing repeated',
  ],
  ['O2', 'one that was disabled', disabledClient, page],
]);

answered('A challenge that is none', [
  ['O3', 'missing', () => house.authorize({ code_challenge: '' }), 'back invalid_request'],
  ['O3', 'plain', () => house.authorize({ code_challenge_method: 'plain' }), 'back invalid_request'],
  [
    'O3',
    'without its method, which would mean plain',
    () => house.authorize({ code_challenge_method: '' }),
    'back invalid_request',
  ],
  ['O3', 'a method in small letters', () => house.authorize({ code_challenge_method: 's256' }), 'back invalid_request'],
  ['O3', 'short', () => house.authorize({ code_challenge: 'abc' }), 'back invalid_request'],
  ['O3', 'a letter short', () => house.authorize({ code_challenge: 'a'.repeat(42) }), 'back invalid_request'],
  [
    'O3',
    'with signs that none has',
    () => house.authorize({ code_challenge: `${'a'.repeat(42)}=` }),
    'back invalid_request',
  ],
  ['O3', 'two of them', () => raw((query) => `${query}&code_challenge=${'a'.repeat(43)}`), 'back invalid_request'],
  ['O3', 'two methods', () => raw((query) => `${query}&code_challenge_method=plain`), 'back invalid_request'],
]);

answered('A request that asks for what it may not', [
  ['O4', 'without state', () => house.authorize({ state: '' }), 'back invalid_request'],
  ['O4', 'response_type=token', () => house.authorize({ response_type: 'token' }), 'back unsupported_response_type'],
  [
    'O4',
    'response_type=code token',
    () => house.authorize({ response_type: 'code token' }),
    'back unsupported_response_type',
  ],
  [
    'O4',
    'response_type=id_token',
    () => house.authorize({ response_type: 'id_token', nonce: 'n' }),
    'back unsupported_response_type',
  ],
  ['O4', 'response_type=none', () => house.authorize({ response_type: 'none' }), 'back unsupported_response_type'],
  ['O4', 'no response_type', () => house.authorize({ response_type: '' }), 'back invalid_request'],
  ['O4', 'unknown scopes alone', () => house.authorize({ scope: 'nonsense' }), 'back invalid_scope'],
  ['O4', 'no scope', () => house.authorize({ scope: '' }), 'back invalid_scope'],
  ['O4', 'aud missing', () => house.authorize({ aud: '' }), 'back invalid_request'],
  ['O4', 'aud of another server', () => house.authorize({ aud: 'https://other.example/fhir' }), 'back invalid_request'],
  ['O4', 'aud with a slash', () => house.authorize({ aud: `${house.url}/fhir/` }), 'back invalid_request'],
  ['O4', 'aud in capitals', () => house.authorize({ aud: `${house.url}/FHIR` }), 'back invalid_request'],
  ['O4', 'aud without its path', () => house.authorize({ aud: house.url }), 'back invalid_request'],
  ['O4', 'aud of the host that the Host header names', spoofed, 'back invalid_request'],
  ['O4', 'two aud', () => raw((query) => `${query}&aud=https%3A%2F%2Fother.example%2Ffhir`), 'back invalid_request'],
  [
    'O4',
    'a foreign resource beside a right aud',
    () => house.authorize({ resource: 'https://other.example/fhir' }),
    'back invalid_target',
  ],
  [
    'O4',
    'a right resource beside a foreign aud',
    () => house.authorize({ aud: 'https://other.example/fhir', resource: `${house.url}/fhir` }),
    'back invalid_request',
  ],
  [
    'O4',
    'a resource in place of aud',
    () => house.authorize({ aud: '', resource: `${house.url}/fhir` }),
    'back invalid_request',
  ],
  ['O4', 'two scopes', () => raw((query) => `${query}&scope=openid`), 'back invalid_request'],
  ['O4', 'response_mode=form_post', posted, 'invalid_request in a form without a code'],
  [
    'O4',
    'response_mode=web_message',
    () => house.authorize({ response_mode: 'web_message' }),
    'back unsupported_response_mode',
  ],
  ['O4', 'prompt=none', () => house.authorize({ prompt: 'none' }), 'back login_required'],
  ['O4', 'prompt=none and consent', () => house.authorize({ prompt: 'none consent' }), 'back invalid_request'],
  [
    'O4',
    'a request object',
    () => house.authorize({ request: 'eyJhbGciOiJub25lIn0.e30.' }),
    'back request_not_supported',
  ],
  [
    'O4',
    'a request object by URL',
    () => house.authorize({ request_uri: 'https://evil.example/request' }),
    'back request_uri_not_supported',
  ],
  [
    'O4',
    'a client that brings itself along',
    () => house.authorize({ registration: '{"redirect_uris":["https://evil.example"]}' }),
    'back registration_not_supported',
  ],
  [
    'O4',
    'an id_token_hint of somebody',
    () => house.authorize({ id_token_hint: 'eyJhbGciOiJub25lIn0.e30.' }),
    'back invalid_request',
  ],
  ['O4', 'a max_age that is none', () => house.authorize({ max_age: '-1' }), 'back invalid_request'],
  [
    'O4',
    'claims that nobody offers, which are passed over',
    () => house.authorize({ claims: '{"id_token":{"email":{"essential":true}}}' }),
    'sign-in',
  ],
  ['O4', 'HEAD, which asks nothing', head, 'nothing'],
  ['O4', 'a method in a header', overridden, 'back invalid_request'],
  ['O4', 'a body with other parameters than its address', bodyAndAddress, page],
]);

answered('A launch', [
  [
    'O20',
    'that was never made',
    () => house.authorize({ scope: 'launch openid', launch: 'forged' }),
    'back invalid_request',
  ],
  ['O20', 'without its scope gives no context', contextless, 'none'],
  ['O20', 'that is missing', () => house.authorize({ scope: 'launch openid' }), 'back invalid_request'],
  [
    'O20',
    'of another client',
    async () => house.authorize({ scope: 'launch openid', launch: await launched() }, other),
    'back invalid_request',
  ],
  ['O20', 'that was used', usedLaunch, 'sign-in, then back invalid_request'],
  [
    'O20',
    'that is given twice',
    async () => {
      const launch = await launched();
      return raw((query) => `${query}&launch=${launch}&launch=${launch}`);
    },
    'back invalid_request',
  ],
  ['O20', 'of another user than the one who signed in', foreignLaunch, 'stays at the sign-in'],
]);

answered('An answer', [
  ['O24', 'that is an error names its server', async () => issOf(await location({ scope: 'nonsense' })), 'ours'],
  [
    'O24',
    'that is a code names its server',
    async () => issOf((await house.code({ scope: 'openid' })).callback.href),
    'ours',
  ],
  [
    'O24',
    'of discovery goes by no Host header, and by no X-Forwarded-Host',
    () =>
      discovered({
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-port': '444',
        forwarded: 'host=evil.example;proto=https',
      }),
    'ours',
  ],
  [
    'O24',
    'with a state that is a script holds it as text alone',
    async () => new URL(await location({ scope: 'nonsense', state: '"><script>' })).searchParams.get('state')!,
    '"><script>',
  ],
  [
    'O24',
    'with a state of two lines is one line',
    async () =>
      (await location({ scope: 'nonsense', state: 'a\r\nSet-Cookie: b=c' })).includes('\n') ? 'two lines' : 'one line',
    'one line',
  ],
]);

answered('The pages', [
  ['O25', 'with a login_hint that is markup', hinted, 'text'],
  [
    'O25',
    'of a sign-in that there is not',
    () => pageAt('/oauth/interaction/%3Cscript%3Ealert(1)%3C%2Fscript%3E'),
    'nothing repeated',
  ],
  [
    'O25',
    'of an authorization that there is not',
    () => pageAt('/oauth/authorize/%3Cscript%3Ealert(1)%3C%2Fscript%3E'),
    'nothing repeated',
  ],
  ['O25', 'consent without its token', () => consentBy(({ fields }) => fields.delete('csrf')), '403'],
  [
    'O25',
    'consent with the token of another browser',
    () => consentBy(({ fields }) => fields.set('csrf', 'A'.repeat(fields.get('csrf')!.length))),
    '403',
  ],
  [
    'O25',
    'consent from another site',
    () => consentBy(() => undefined, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }),
    '403',
  ],
  [
    'O25',
    'consent from a page without an origin',
    () => consentBy(() => undefined, { origin: 'null', 'sec-fetch-site': 'cross-site' }),
    '403',
  ],
  [
    'O25',
    'consent to more than was asked',
    () => consentBy(({ fields }) => fields.append('scope', 'user/*.cruds')),
    'granted: openid',
  ],
  ['O25', 'consent by a browser that did not begin it', stolenConsent, '403'],
  ['O25', 'that lead on, in another browser', stolenResume, '400 page'],
  ['O25', 'in a frame', framed, "frame-ancestors 'none', DENY"],
  ['O25', 'with a name that is a script', scripted, 'text'],
  [
    'O25',
    'with a logo of another place',
    () => consentPage().then(({ text }) => (text.includes('evil.example') ? 'fetched' : 'not there')),
    'not there',
  ],
  [
    'O25',
    'with an error_uri to go on to',
    reflected({ client_id: 'x', error_uri: 'https://evil.example/', error: 'x' }),
    '400 nothing repeated',
  ],
  [
    'O25',
    'with words to repeat',
    reflected({ client_id: 'x', error_description: 'evil.example', login_hint: 'evil.example' }),
    '400 nothing repeated',
  ],
  ['O25', 'that end a session and lead elsewhere', ended, 'leads nowhere'],
  ['O25', 'with a session that another gave (fixation)', fixed, 'another cookie'],
  ['O25', 'that scripts of others would read', foreignScript, 'no word of CORS'],
]);

// What the rows do that takes more than a line.

async function posted(): Promise<string> {
  const { text } = await userAgent(house.url).get(addressed({ response_mode: 'form_post' }));
  const error = /name="error" value="([^"]*)"/.exec(text)?.[1];
  return `${error} in a form ${text.includes('name="code"') ? 'with' : 'without'} a code`;
}
const launched = async (user = 'house') =>
  (await house.ask('POST', '/admin/launches', { client_id: house.app.clientId, user, patient: house.patientId })).body
    .launch;

function reflected(more: Record<string, string>) {
  return async () => {
    const { status, text } = await userAgent(house.url).get(
      authorizeUrl(house.url, { ...house.app, scope, more }, pkce().challenge),
    );
    return `${status} ${/<script>alert|evil\.example/.test(text) ? text : 'nothing repeated'}`;
  };
}
async function disabledClient(): Promise<string> {
  const gone = await house.register({});
  await house.ask('POST', `/admin/clients/${gone.clientId}/disable`);
  return house.authorize({}, gone);
}
async function location(more: Record<string, string>): Promise<string> {
  const url = authorizeUrl(house.url, { ...house.app, scope, more }, pkce().challenge);
  return (await userAgent(house.url).get(url)).location!;
}
const issOf = (url: string) => (new URL(url).searchParams.get('iss') === house.url ? 'ours' : url);
const asPage = ({ status, headers, text }: { status: number; headers: Headers; text: string }): Page => ({
  status,
  headers,
  text,
  url: '',
  location: headers.get('location') ?? undefined,
});
const addressed = (more: Record<string, string> = {}) =>
  authorizeUrl(house.url, { ...house.app, scope, more }, pkce().challenge);

async function spoofed(): Promise<string> {
  const headers = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  };
  const answer = await sent(addressed({ aud: 'https://evil.example/fhir' }), { headers });
  return endOf(asPage(answer));
}
async function head(): Promise<string> {
  const { status, headers } = await sent(addressed(), { method: 'HEAD' });
  return headers.get('location')?.includes('code=') ? 'a code' : status < 500 ? 'nothing' : String(status);
}
async function overridden(): Promise<string> {
  const headers = { 'x-http-method-override': 'POST', 'x-method-override': 'POST' };
  return endOf(asPage(await sent(addressed({ state: '' }), { headers })));
}
async function bodyAndAddress(): Promise<string> {
  const body = new URL(addressed({ redirect_uri: 'https://evil.example' })).search.slice(1);
  return endOf(asPage(await sent(addressed(), { method: 'POST', headers: { 'content-type': FORM }, body })));
}
async function discovered(headers: Record<string, string>): Promise<string> {
  for (const path of [
    '/.well-known/openid-configuration',
    '/fhir/.well-known/smart-configuration',
    '/fhir/metadata',
    '/oauth/jwks',
  ]) {
    const { text } = await sent(`${house.url}${path}`, { headers });
    if (/evil|:444|https:\/\/127/.test(text)) return `${path}: ${text}`;
  }
  return 'ours';
}
async function pageAt(path: string): Promise<string> {
  const { text, headers } = await sent(`${house.url}${path}`, { headers: { accept: 'text/html' } });
  return /<script>alert/.test(text) || /alert/.test(headers.get('location') ?? '') ? text : 'nothing repeated';
}
async function hinted(): Promise<string> {
  const agent = userAgent(house.url);
  const login_hint = '"><script>alert(1)</script><input value="';
  const { text } = await agent.follow(await agent.get(addressed({ login_hint })));
  return text.includes('name="password"') && !text.includes('<script>alert') ? 'text' : text;
}
async function contextless(): Promise<string> {
  const got = await house.tokens({ scope: 'openid user/Patient.rs', more: { launch: await launched() } });
  return got.patient ?? 'none';
}
async function usedLaunch(): Promise<string> {
  const more = { scope: 'launch openid', launch: await launched() };
  return `${await house.authorize(more)}, then ${await house.authorize(more)}`;
}
async function foreignLaunch(): Promise<string> {
  const fhirUser = 'Practitioner/cuddy';
  await house.update({ resourceType: 'Practitioner', id: 'cuddy' });
  await house.create({
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: `Patient/${house.patientId}` },
    participant: [{ member: { reference: fhirUser } }],
  });
  await house.ask('POST', '/admin/users', {
    login: 'cuddy',
    password: 'a stapler and 9 horses',
    fhirUser,
    roles: ['nurse'],
  });
  const more = { scope: 'launch openid', launch: await launched('cuddy') };
  const shown = await house.browser.follow(await house.browser.get(addressed(more)));
  return shown.text.includes('name="password"') ? 'stays at the sign-in' : shown.text.slice(0, 300);
}

const known = pkce();
const consentPage = async (of: App = house.app): Promise<Page> => {
  const url = authorizeUrl(house.url, { ...of, scope: 'openid' }, known.challenge);
  return house.browser.follow(await house.browser.get(url));
};
async function consentBy(
  change: (form: ReturnType<typeof formOf>) => void,
  headers?: Record<string, string>,
): Promise<string> {
  const form = formOf(await consentPage(), '/consent');
  form.fields.set('decision', 'allow');
  change(form);
  const told = await house.browser.post(form.action, form.fields, headers);
  if (told.status >= 400) return String(told.status);
  const { location: to } = await house.browser.follow(told);
  const code = new URL(to!).searchParams.get('code');
  return code ? `granted: ${await grantedTo(code)}` : endOf(told);
}
async function grantedTo(code: string): Promise<string> {
  return (await house.token(redemption(house.app, code, known.verifier))).body.scope;
}
async function stolenConsent(): Promise<string> {
  const { action, fields } = formOf(await consentPage(), '/consent');
  fields.set('decision', 'allow');
  return String((await userAgent(house.url).post(action, fields)).status);
}
/** Who sees where a browser is sent on to gets no code by going there. */
async function stolenResume(): Promise<string> {
  const { action, fields } = formOf(await consentPage(), '/consent');
  fields.set('decision', 'allow');
  const told = await house.browser.post(action, fields);
  return endOf(await userAgent(house.url).get(told.location!));
}
async function framed(): Promise<string> {
  const { headers } = await consentPage();
  const policy = headers.get('content-security-policy') ?? '';
  return `${/frame-ancestors 'none'/.exec(policy)?.[0]}, ${headers.get('x-frame-options')}`;
}
async function scripted(): Promise<string> {
  const client_name = '<img src=x onerror=alert(1)>"\'&<script>alert(2)</script>';
  const { text } = await consentPage(await house.register({ client_name, logo_uri: 'https://evil.example/logo.png' }));
  return /<script>alert|<img src=x|evil\.example/.test(text) ? 'markup' : 'text';
}
async function ended(): Promise<string> {
  const to = encodeURIComponent('https://evil.example/');
  const ways = ['/oauth/end', '/oauth/session/end', '/oauth/logout', '/oauth/account/sign-out'];
  for (const way of ways) {
    const told = await sent(`${house.url}${way}?post_logout_redirect_uri=${to}&next=${to}&return=${to}`);
    if (/evil\.example/.test(`${told.headers.get('location')} ${told.text}`))
      return `${way}: ${told.headers.get('location')}`;
  }
  return 'leads nowhere';
}
async function fixed(): Promise<string> {
  const agent = userAgent(house.url);
  const planted = 'A'.repeat(43);
  (agent.cookies as Map<string, object>).set('watchfire /', { value: planted, path: '/' });
  const start = await agent.follow(await agent.get(addressed({ scope: 'openid' })));
  const { action, fields } = formOf(start, '/login');
  fields.set('login', house.doctor.login);
  fields.set('password', house.doctor.password);
  await agent.follow(await agent.post(action, fields));
  return agent.cookies.get('watchfire /')?.value === planted ? 'the same cookie' : 'another cookie';
}
async function foreignScript(): Promise<string> {
  for (const [method, path] of [
    ['GET', '/oauth/authorize'],
    ['OPTIONS', '/oauth/authorize'],
    ['GET', '/oauth/account/apps'],
  ] as const) {
    const told = await sent(`${house.url}${path}`, {
      method,
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'GET' },
    });
    if ([...told.headers.keys()].some((name) => name.startsWith('access-control-'))) return `${method} ${path}`;
  }
  return 'no word of CORS';
}
