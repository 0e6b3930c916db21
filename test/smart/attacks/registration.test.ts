/** The table of attacks by registering: O26. docs/security.md */
import { afterAll, beforeAll } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../../support/house.ts';
import { redirectUri } from '../authorization/authorization-house.ts';
import { type AttackedHouse, answered, openAttacked, type Row, sent, toldOf } from './attacks-house.ts';

let house: AttackedHouse;
let closed: TestHouse;
beforeAll(async () => {
  house = await openAttacked({ registration: 'approval' });
  closed = await openHouse();
});
afterAll(async () => {
  await house.stop();
  await closed.stop();
});

let serial = 0;
const register = (more: object, { url = house.url, headers = {} }: { url?: string; headers?: object } = {}) => {
  const body = JSON.stringify({
    client_name: 'A stranger',
    redirect_uris: ['https://stranger.example/callback'],
    token_endpoint_auth_method: 'none',
    scope: 'openid patient/Patient.rs',
    ...more,
  });
  const from = `127.7.${1 + Math.floor(++serial / 8)}.1`;
  return sent(`${url}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    from,
  });
};
const told = async (more: object) => toldOf(await register(more));
const uri =
  (...redirect_uris: unknown[]) =>
  () =>
    told({ redirect_uris });
const secret = (address: string) => () =>
  told({ redirect_uris: [address], token_endpoint_auth_method: 'client_secret_basic' });
const badUri = '400 invalid_redirect_uri';
const badData = '400 invalid_client_metadata';

const addresses: Readonly<Record<string, unknown>> = {
  'a script': 'javascript:alert(1)',
  'a script in capitals': 'JaVaScRiPt:alert(1)',
  'a page in its address': 'data:text/html,x',
  'a file': 'file:///etc/passwd',
  'a blob': 'blob:https://stranger.example/x',
  'the browser’s own': 'about:blank',
  'a scheme of one word': 'myapp:/callback',
  'http to elsewhere': 'http://stranger.example/callback',
  'a wildcard of hosts': 'https://*.stranger.example/callback',
  'a wildcard of paths': 'https://stranger.example/*',
  'a fragment': 'https://stranger.example/callback#a',
  'a user': 'https://good.example@evil.example/callback',
  'dots in its path': 'https://stranger.example/a/../callback',
  'a line break': 'https://stranger.example/callback\r\nx',
  'a backslash': 'https://stranger.example\\@evil.example',
  'letters that look alike': 'https://аpp.example.com/callback',
  'a number for an address, to the loopback': 'http://2130706433/callback',
  'another spelling of the loopback': 'http://127.1/callback',
  'no text': 7,
  nothing: '',
  'a relative one': '/callback',
};

answered('A redirect URI that is registered', [
  ...Object.entries(addresses).map(([attack, address]): Row => ['O26', attack, uri(address), badUri]),
  [
    'O26',
    'fifty-one of them',
    () => told({ redirect_uris: Array.from({ length: 51 }, (_, i) => `https://stranger.example/${i}`) }),
    badUri,
  ],
  ['O26', 'none', uri(), badUri],
  ['O26', 'the loopback of a client with a secret', secret('http://127.0.0.1/callback'), badUri],
  ['O26', 'localhost of a client with a secret', secret('http://localhost:8080/callback'), badUri],
  ['O26', 'a scheme of its own, of a client with a secret', secret('com.example.app:/callback'), badUri],
]);

answered('What a stranger registers', [
  ['O26', 'off by default', async () => toldOf(await register({}, { url: closed.url })), /^404/],
  ['O26', 'waits for approval: it may ask nobody', pending, '201 ok, then 400 page'],
  ['O26', 'waits for approval: its secret opens nothing', pendingSecret, '201 ok, then 401 invalid_client'],
  ['O26', 'approves itself', () => told({ approved: true, disabled: false }).then(pendingAll), 'waits'],
  ['O26', 'names a role', () => roleOf({ roles: ['administrator'] }), 'service'],
  ['O26', 'chooses its client_id', chosenId, 'another id'],
  ['O26', 'asks for system scopes without a secret', () => told({ scope: 'system/*.cruds' }), badData],
  ['O26', 'asks for a scope that there is not', () => told({ scope: 'nonsense' }), badData],
  ['O26', 'asks for the implicit grant', () => told({ grant_types: ['implicit'] }), badData],
  ['O26', 'asks for a password grant', () => told({ grant_types: ['password'] }), badData],
  ['O26', 'asks for tokens by redirect', () => told({ response_types: ['token'] }), badData],
  ['O26', 'has a name of two lines', () => told({ client_name: 'Good\nEvil' }), badData],
  ['O26', 'has a name that turns text round', () => told({ client_name: 'Good\u202Elive' }), badData],
  ['O26', 'has no name', () => told({ client_name: '' }), badData],
  ['O26', 'has a logo that is a script', () => told({ logo_uri: 'javascript:alert(1)' }), badData],
  [
    'O26',
    'has private keys',
    () =>
      told({
        jwks: { keys: [{ kty: 'EC', crv: 'P-384', x: 'x', y: 'y', d: 'd', kid: 'k' }] },
        token_endpoint_auth_method: 'private_key_jwt',
      }),
    badData,
  ],
  [
    'O26',
    'has keys in the house',
    () =>
      told({
        jwks_uri: 'http://169.254.169.254/jwks',
        token_endpoint_auth_method: 'private_key_jwt',
        redirect_uris: ['https://stranger.example/x'],
      }),
    badData,
  ],
  [
    'O26',
    'brings a software statement',
    () => told({ software_statement: 'eyJhbGciOiJub25lIn0.e30.' }),
    /^(201 ok|400 invalid_(client_metadata|software_statement))$/,
  ],
  [
    'O26',
    'changes the prototype of everything',
    () => told({ ['__proto__']: { approved: true }, constructor: { prototype: { approved: true } } }).then(pendingAll),
    'waits',
  ],
  ['O26', 'of two MB', () => told({ client_name: 'x'.repeat(2_000_000) }).catch(() => 'cut off'), /^(413 .*|cut off)$/],
  [
    'O26',
    'as a form',
    async () =>
      toldOf(
        await sent(`${house.url}/oauth/register`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: 'client_name=x',
        }),
      ),
    /^4(00|15)/,
  ],
  [
    'O26',
    'reads another client',
    async () => String((await sent(`${house.url}/oauth/register/${house.app.clientId}`)).status),
    /^40[145]$/,
  ],
  ['O26', 'eleven in a minute from one place', spam, '10 x 201, then 429'],
]);

async function pending(): Promise<string> {
  const answer = await register({ redirect_uris: [redirectUri] });
  return `${toldOf(answer)}, then ${await house.authorize({}, { clientId: answer.body.client_id, redirectUri })}`;
}
async function pendingSecret(): Promise<string> {
  const answer = await register({
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs',
  });
  const { client_id, client_secret } = answer.body;
  return `${toldOf(answer)}, then ${toldOf(await house.token({ grant_type: 'client_credentials', client_id, client_secret }))}`;
}
/** Whether every stranger still waits. */
async function pendingAll(): Promise<string> {
  const { body } = await house.ask('GET', '/admin/clients?count=500');
  const strangers = body.clients.filter(({ client_name }: any) => client_name === 'A stranger');
  return strangers.length > 0 && strangers.every(({ status }: any) => status === 'pending') ? 'waits' : 'approved';
}
async function roleOf(more: object): Promise<string> {
  const { body } = await register(more);
  return (await house.ask('GET', `/admin/clients/${body.client_id}`)).body.roles.join();
}
async function chosenId(): Promise<string> {
  const { body } = await register({ client_id: house.app.clientId, client_secret: 'mine' });
  return body.client_id === house.app.clientId ? 'its own' : 'another id';
}
async function spam(): Promise<string> {
  const body = JSON.stringify({
    client_name: 'Spam',
    redirect_uris: ['https://spam.example/x'],
    token_endpoint_auth_method: 'none',
    scope: 'openid',
  });
  const ask = () =>
    sent(`${house.url}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': `10.0.0.${++serial % 250}` },
      body,
      from: '127.7.250.1',
    });
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) statuses.push((await ask()).status);
  const later = await together(3, async () => (await ask()).status);
  return `${statuses.filter((one) => one === 201).length} x 201, then ${[...new Set(later)]}`;
}
