/** Each capability that SMART discovery names is seen at work, and none is named that is not. https://hl7.org/fhir/smart-app-launch/conformance.html#capabilities */
import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type App,
  type AuthorizationHouse,
  everything,
  openAuthorizationHouse,
} from '../smart/authorization/authorization-house.ts';
import { authorizeUrl, codeFlow, pkce, throughPages, tokenRequest, userAgent } from '../smart/support/user-agent.ts';

let house: AuthorizationHouse;
let encounterId: string;
let app: App;

beforeAll(async () => {
  house = await openAuthorizationHouse();
  const encounter = {
    resourceType: 'Encounter',
    status: 'in-progress',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject: { reference: `Patient/${house.patientId}` },
  };
  encounterId = (await house.create(encounter)).body.id;
  app = await house.register({});
});
afterAll(() => house?.stopAll());

const claimsOf = (idToken: string) => JSON.parse(Buffer.from(idToken.split('.')[1]!, 'base64url').toString());

/** By private_key_jwt. */
function assertion(clientId: string, key: KeyObject, alg: 'RS384' | 'ES384'): Record<string, string> {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: `${house.url}/oauth/token`,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
  };
  const signed = `${part({ alg, kid: alg, typ: 'JWT' })}.${part(claims)}`;
  const signature = sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature}`,
  };
}

/** Has an EHR open the app; what the token says. */
async function opened(): Promise<any> {
  const asked = { client_id: app.clientId, user: house.doctor.login, patient: house.patientId, encounter: encounterId };
  const { body } = await house.ask('POST', '/admin/launches', { ...asked, intent: 'reconcile' });
  const scope = 'openid launch patient/*.rs';
  return (await codeFlow(house.url, { ...app, scope, more: { launch: body.launch } }, house.doctor)).body;
}

const alone = (scope: string, of: App = app) =>
  codeFlow(house.url, { ...of, scope }, { ...house.doctor, encounter: encounterId });

describe('The capabilities of discovery', () => {
  it('are those that are seen at work', async () => {
    const { body: discovery } = await house.ask('GET', '/fhir/.well-known/smart-configuration');
    const byEhr = await opened();
    const all = 'openid fhirUser launch/patient launch/encounter offline_access patient/*.rs user/Patient.read';
    const byItself = (await alone(all)).body;
    const online = (await alone('online_access launch/patient patient/Patient.read')).body;
    const secretly = await house.register({ token_endpoint_auth_method: 'client_secret_basic' });
    const style = await fetch(byItself.smart_style_url);

    const { challenge, verifier } = pkce();
    const form = new URL(authorizeUrl(house.url, { ...app, scope: 'openid' }, challenge)).searchParams;
    const posted = await fetch(`${house.url}/oauth/authorize`, { method: 'POST', body: form, redirect: 'manual' });

    const basic = {
      authorization: `Basic ${Buffer.from(`${secretly.clientId}:${secretly.secret}`).toString('base64')}`,
    };
    const back = await throughPages(
      userAgent(house.url),
      authorizeUrl(house.url, { ...secretly, scope: 'openid' }, challenge),
      house.doctor,
    );
    const code = back.searchParams.get('code')!;
    const redeeming = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: secretly.redirectUri,
      code_verifier: verifier,
    };
    const bySecret = await tokenRequest(house.url, redeeming, basic);

    const seen: Readonly<Record<string, boolean>> = {
      'launch-ehr': byEhr.access_token !== undefined && byEhr.intent === 'reconcile',
      'launch-standalone': byItself.access_token !== undefined,
      'authorize-post': /\/oauth\/interaction\//.test(posted.headers.get('location') ?? ''),
      'client-public': app.secret === undefined && byItself.access_token !== undefined,
      'client-confidential-symmetric': bySecret.status === 200,
      'client-confidential-asymmetric': (await byKeys()).every((status) => status === 200),
      'sso-openid-connect': claimsOf(byItself.id_token).fhirUser.startsWith(`${house.url}/fhir/Practitioner/`),
      'context-banner': byEhr.need_patient_banner === true,
      'context-style': style.status === 200 && typeof (await style.json()) === 'object',
      'context-ehr-patient': byEhr.patient === house.patientId,
      'context-ehr-encounter': byEhr.encounter === encounterId,
      'context-standalone-patient': byItself.patient === house.patientId,
      'context-standalone-encounter': byItself.encounter === encounterId,
      'permission-offline': byItself.refresh_token !== undefined,
      'permission-online': online.refresh_token !== undefined,
      'permission-patient': (await reads(online, `Patient/${house.patientId}`)) === 200,
      'permission-user': (await reads(byItself, `Patient/${house.patientId}`)) === 200,
      'permission-v1': online.scope.split(' ').includes('patient/Patient.read'),
      'permission-v2': byItself.scope.split(' ').includes('patient/*.rs'),
    };
    expect(Object.keys(seen).filter((name) => !seen[name])).toEqual([]);
    expect([...discovery.capabilities].sort()).toEqual(Object.keys(seen).sort());
  }, 30_000);

  const reads = async ({ access_token }: any, reference: string) =>
    (await house.read(reference, { authorization: `Bearer ${access_token}` })).status;

  /** With both algorithms, by code and by itself. */
  async function byKeys(): Promise<readonly number[]> {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const named = (key: KeyObject, alg: string): JsonWebKey => ({ ...key.export({ format: 'jwk' }), kid: alg, alg });
    const { clientId, redirectUri } = await house.register({
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [named(rsa.publicKey, 'RS384'), named(ec.publicKey, 'ES384')] },
      scope: `${everything} system/Patient.rs`,
    });
    const { challenge, verifier } = pkce();
    const asked = authorizeUrl(house.url, { clientId, redirectUri, scope: 'openid' }, challenge);
    const back = await throughPages(userAgent(house.url), asked, house.doctor);
    const code = back.searchParams.get('code')!;
    const answers = [
      await tokenRequest(house.url, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        ...assertion(clientId, rsa.privateKey, 'RS384'),
      }),
      await tokenRequest(house.url, {
        grant_type: 'client_credentials',
        scope: 'system/Patient.rs',
        ...assertion(clientId, ec.privateKey, 'ES384'),
      }),
    ];
    return answers.map(({ status }) => status);
  }
});
