/** The table of attacks that come late, or again after a restart: rows of O6, O10, O15, O17, O20, O22, O29, O37, by a clock of the test. docs/security.md */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { assertionType } from '../../../src/smart/clients/assertion.ts';
import { freePort } from '../../support/free-ports.ts';
import type { App } from '../authorization/authorization-house.ts';
import { jwkOf, rsa, signed } from '../clients/clients-house.ts';
import { type AttackedHouse, answered, bearer, openAttacked, type Row, redemption, toldOf } from './attacks-house.ts';

let house: AttackedHouse;
let backend: App;
let byUrl: App;
let keys: Server;
let fetched = 0;
/** Seconds that the house is ahead of us. */
let ahead = 0;
const key = rsa();

beforeAll(async () => {
  keys = createServer((_request, response) => {
    fetched++;
    const set = { keys: [jwkOf(key.publicKey, { kid: 'one' })] };
    response.writeHead(200, { 'cache-control': 'max-age=315360000' }).end(JSON.stringify(set));
  });
  await new Promise<void>((listening) => keys.listen(0, '127.0.0.1', listening));
  const { port } = keys.address() as AddressInfo;
  const runtime = { ...systemRuntime, now: () => Date.now() + ahead * 1_000 };
  house = await openAttacked({ runtime, port: await freePort(), outboundAllow: [`127.0.0.1:${port}`] });
  const byKey = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/Patient.rs',
    token_endpoint_auth_method: 'private_key_jwt',
  };
  backend = await house.register({ ...byKey, jwks: { keys: [jwkOf(key.publicKey, { kid: 'one' })] } });
  byUrl = await house.register({ ...byKey, jwks_uri: `http://127.0.0.1:${port}/jwks` });
  await house.create({
    resourceType: 'Device',
    identifier: [{ system: 'urn:device', value: 'dev-1' }],
    status: 'active',
    patient: { reference: `Patient/${house.patientId}` },
  });
});
afterAll(async () => {
  await house.stop();
  keys.closeAllConnections();
  keys.close();
});

let serial = 0;
const now = () => Math.floor(Date.now() / 1_000) + ahead;
const assertion = (of = backend, more: object = {}) => {
  const told = {
    iss: of.clientId,
    sub: of.clientId,
    aud: `${house.url}/oauth/token`,
    exp: now() + 300,
    jti: `late-${++serial}`,
    ...more,
  };
  return signed(told, key.privateKey);
};
const by = async (client_assertion: string) =>
  toldOf(
    await house.token({ grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion }),
  );
const refresh = async (refresh_token: string) =>
  house.token({ grant_type: 'refresh_token', refresh_token, client_id: house.app.clientId });
const within = async (seconds: number, work: () => Promise<string>): Promise<string> => {
  ahead += seconds;
  return work();
};

/** Each begins at our own time: what oidc-provider dates, it dates by that. */
const late = (rows: readonly Row[]): readonly Row[] =>
  rows.map(([number, attack, work, answer]) => [
    number,
    attack,
    () => {
      ahead = 0;
      return work();
    },
    answer,
  ]);
const rows: readonly Row[] = [
  ['O6', 'a code after 61 seconds', lateCode, '400 invalid_grant'],
  [
    'O10',
    'a jti again, as long as its assertion lives and when it is over',
    againLater,
    '200 ok, then 401 invalid_client, then 401 invalid_client',
  ],
  ['O10', 'a jti again, after a restart', afterRestart, '200 ok, then 401 invalid_client'],
  ['O15', 'keys that are to be kept for ten years are kept for a day', keptForYears, 'fetched 1, then 1, then 2'],
  ['O17', 'an access token after its time', lateToken, '200 ok, then 401 login'],
  ['O20', 'a launch after five minutes', lateLaunch, 'back invalid_request'],
  [
    'O22',
    'a refresh token again after half a minute',
    stolen,
    '200 ok, then 400 invalid_grant, family 401 login and 400 invalid_grant, 1 security event',
  ],
  ['O29', 'keys that signed before are gone when no token of theirs lives', rotatedAway, '6, then 9, then 6'],
  ['O37', 'a device key after its days', lateKey, '200 ok, then 401 login'],
  ['O17', 'a refresh token after its grant', lateGrant, '400 invalid_grant'],
];
// What is kept expires by the store's clock, which in a database is nobody's to move.
if (process.env['WATCHFIRE_TEST_STORE'] !== 'mongodb') answered('Whoever comes late', late(rows));
else
  answered(
    'Whoever comes again',
    rows.filter(([, attack]) => attack.includes('restart')),
  );

async function lateCode(): Promise<string> {
  const { code, verifier } = await house.code();
  return within(61, async () => toldOf(await house.token(redemption(house.app, code, verifier))));
}
async function againLater(): Promise<string> {
  const text = assertion();
  const first = await by(text);
  const second = await within(320, () => by(text));
  return `${first}, then ${second}, then ${await within(60, () => by(text))}`;
}
async function afterRestart(): Promise<string> {
  const text = assertion();
  const first = await by(text);
  await house.restart();
  return `${first}, then ${await by(text)}`;
}
async function keptForYears(): Promise<string> {
  const asked = async (seconds: number) =>
    within(seconds, async () => `${(await by(assertion(byUrl))).slice(0, 0)}${fetched}`);
  return `fetched ${await asked(0)}, then ${await asked(86_000)}, then ${await asked(1_000)}`;
}
async function lateToken(): Promise<string> {
  const { access_token } = await house.tokens();
  const before = await within(890, () => house.reading(access_token));
  return `${before}, then ${await within(11, () => house.reading(access_token))}`;
}
async function lateGrant(): Promise<string> {
  const { refresh_token } = await house.tokens();
  return within(90 * 86_400 + 1, async () => toldOf(await refresh(refresh_token)));
}
async function lateLaunch(): Promise<string> {
  const asked = { client_id: house.app.clientId, user: 'house', patient: house.patientId };
  const { body } = await house.ask('POST', '/admin/launches', asked);
  return within(301, () => house.authorize({ scope: 'launch openid', launch: body.launch }));
}
async function stolen(): Promise<string> {
  const { refresh_token } = await house.tokens();
  const next = await refresh(refresh_token);
  const events = async () => (await house.search('AuditEvent?subtype=security')).length;
  const before = await events();
  const inGrace = await within(20, async () => toldOf(await refresh(refresh_token)));
  const late = await within(20, async () => toldOf(await refresh(refresh_token)));
  const family = `${await house.reading(next.body.access_token)} and ${toldOf(await refresh(next.body.refresh_token))}`;
  return `${inGrace}, then ${late}, family ${family}, ${(await events()) - before} security event`;
}
async function rotatedAway(): Promise<string> {
  const count = async () => (await house.ask('GET', '/oauth/jwks')).body.keys.length;
  // What was due by the clock of the rows before is done first.
  await count();
  await within(3_601, async () => '');
  const before = await count();
  await house.ask('POST', '/admin/signing-keys/rotate');
  const after = await count();
  await within(3_601, async () => '');
  return `${before}, then ${after}, then ${await count()}`;
}
async function lateKey(): Promise<string> {
  const one = await house.deviceKey('dev-1', {
    key_name: 'short',
    expires_in_days: 1,
    permissions: ['can_read_patient'],
  });
  const read = async () => toldOf(await house.read(`Patient/${house.patientId}`, bearer(one)));
  const before = await read();
  return `${before}, then ${await within(86_401, read)}`;
}
