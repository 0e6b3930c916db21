/** A token says what its data are used for: as the app is registered, as the launch says, or as the user's role has it. http://terminology.hl7.org/CodeSystem/v3-ActReason */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { purposeOf } from '../../../src/smart/purposes.ts';
import { actor, consent } from '../consents/consent-house.ts';
import { codeFlow, tokenRequest } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const nurse = { login: 'jackie', password: 'a nurse with 9 staplers' };
let house: AuthorizationHouse;
let secret: string;
beforeAll(async () => {
  house = await openAuthorizationHouse();
  await house.update({ resourceType: 'Practitioner', id: 'jackie' });
  const fhirUser = 'Practitioner/jackie';
  await house.ask('POST', '/admin/users', { ...nurse, fhirUser, roles: ['nurse'] });
  await house.create({
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: `Patient/${house.patientId}` },
    participant: [{ member: { reference: fhirUser } }],
  });
  const labelled = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'kept back' },
    subject: { reference: `Patient/${house.patientId}` },
    meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }] },
  };
  secret = (await house.create(labelled)).body.id;
});
afterAll(() => house.stop());

const purposes = (...codes: string[]) => ({ purpose_of_use: codes });
async function tokenBy(app: App, launch?: object): Promise<string> {
  const more: Record<string, string> = {};
  if (launch) {
    const asked = { client_id: app.clientId, user: 'jackie', patient: house.patientId, ...launch };
    const { status, text, body } = await house.ask('POST', '/admin/launches', asked);
    if (status !== 201) throw new Error(text);
    more.launch = body.launch;
  }
  const scope = `openid ${launch ? 'launch' : 'launch/patient'} patient/Patient.rs patient/Observation.rs`;
  const { body } = await codeFlow(house.url, { ...app, scope, more }, { ...nurse, patient: house.patientId });
  return body.access_token;
}
const opens = async (token: string, path = `Observation/${secret}`) =>
  (await house.read(path, { authorization: `Bearer ${token}` })).status;

describe('A purpose of use', () => {
  it('is told by role where nobody says otherwise', () => {
    const registered = (purposesOfUse?: readonly string[]) => ({ purposesOfUse });
    expect(
      ['nurse', 'physician', 'cardiologist', 'patient', 'service', 'administrator'].map((role) =>
        purposeOf(registered(), [role]),
      ),
    ).toEqual(['TREAT', 'TREAT', 'TREAT', 'PATRQT', undefined, undefined]);
    expect(purposeOf(registered(['HRESCH', 'TREAT']), ['nurse'])).toBe('HRESCH');
    expect(purposeOf(registered(['HRESCH', 'TREAT']), ['nurse'], 'TREAT')).toBe('TREAT');
  });

  it('of a launch opens what a policy keeps for it, and nothing else does', async () => {
    const app = await house.register(purposes('TREAT', 'ETREAT'));

    expect(await opens(await tokenBy(app))).toBe(404);
    expect(await opens(await tokenBy(app, {}))).toBe(404);
    expect(await opens(await tokenBy(app, { purposeOfUse: 'ETREAT' }))).toBe(200);
  });

  it('of a launch is one that the app is registered for', async () => {
    const asked = { user: 'jackie', patient: house.patientId, purposeOfUse: 'ETREAT' };
    for (const metadata of [{}, purposes('TREAT')]) {
      const { clientId } = await house.register(metadata);
      const { status, body } = await house.ask('POST', '/admin/launches', { client_id: clientId, ...asked });
      expect([status, body.issue[0].diagnostics]).toEqual([400, expect.stringContaining('purposeOfUse')]);
    }
  });

  it('that the registration loses ends the tokens that had it', async () => {
    const app = await house.register(purposes('TREAT', 'ETREAT'));
    const token = await tokenBy(app, { purposeOfUse: 'ETREAT' });
    expect(await opens(token)).toBe(200);
    const { body } = await house.ask('GET', `/admin/clients/${app.clientId}`);
    expect(body.purpose_of_use).toEqual(['TREAT', 'ETREAT']);
    await house.ask('PUT', `/admin/clients/${app.clientId}`, { ...body, purpose_of_use: ['TREAT'] });

    expect(await opens(token)).toBe(401);
  });

  it('meets the Consents that speak of it', async () => {
    const path = `Patient/${house.patientId}`;
    const treating = await tokenBy(await house.register({}));
    const researching = await tokenBy(await house.register(purposes('HRESCH')));
    expect([await opens(treating, path), await opens(researching, path)]).toEqual([200, 200]);
    const given = { patient: { reference: path } };
    const research = [{ system: ACT_REASON, code: 'HRESCH' }];
    await house.update(
      consent('no-research', { type: 'deny', purpose: research, actor: [actor('Practitioner/jackie')] }, given),
    );

    expect([await opens(treating, path), await opens(researching, path)]).toEqual([200, 404]);
    await house.remove('Consent/no-research');
  });

  it('that a client by itself was not registered for meets every denial by purpose', async () => {
    const path = `Patient/${house.patientId}`;
    const alone = async (more: object) => {
      const metadata = { grant_types: ['client_credentials'], redirect_uris: [], scope: 'system/*.rs' };
      const { clientId, secret: password } = await house.register({
        ...metadata,
        token_endpoint_auth_method: 'client_secret_post',
        ...more,
      });
      const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: password! };
      return (await tokenRequest(house.url, form)).body.access_token;
    };
    const tokens = [await alone({}), await alone(purposes('HPAYMT')), await alone(purposes('HRESCH'))];
    const given = { patient: { reference: path } };
    await house.update(
      consent('no-research', { type: 'deny', purpose: [{ system: ACT_REASON, code: 'HRESCH' }] }, given),
    );

    expect(await Promise.all(tokens.map((token) => opens(token, path)))).toEqual([404, 200, 404]);
    await house.remove('Consent/no-research');
  });

  it('is registered by code and by the administrator, and is no other word', async () => {
    const asked = {
      client_name: 'x',
      redirect_uris: ['https://a.example.com/'],
      token_endpoint_auth_method: 'none',
      scope: 'openid',
    };
    for (const purpose_of_use of ['TREAT', ['treat'], [`${ACT_REASON}|TREAT`], [7], [], ['TREAT', 'TREAT']]) {
      const { status, body } = await house.ask('POST', '/admin/clients', { ...asked, purpose_of_use });
      expect([status, body.error]).toEqual([400, 'invalid_client_metadata']);
    }
  });
});
