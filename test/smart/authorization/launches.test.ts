/** A launch is for a patient whom its user may see, and says what is wrong with it when it is made. https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLaunch } from '../../../src/commands/launches.ts';
import { readConfig } from '../../../src/config.ts';
import { authorizeUrl, formOf, pkce, throughPages, userAgent } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let house: AuthorizationHouse;
let app: App;
let backend: App;
const ids = { stranger: '', own: '', foreign: '' };
beforeAll(async () => {
  house = await openAuthorizationHouse();
  app = await house.register({});
  backend = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: undefined,
    scope: 'system/*.rs',
    token_endpoint_auth_method: 'client_secret_post',
  });
  const made = async (resource: object) => (await house.create(resource)).body.id as string;
  const visit = (patient: string) => ({
    resourceType: 'Encounter',
    status: 'in-progress',
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    subject: { reference: `Patient/${patient}` },
  });
  ids.stranger = await made({ resourceType: 'Patient', name: [{ family: 'Hidden' }] });
  ids.own = await made(visit(house.patientId));
  ids.foreign = await made(visit(ids.stranger));
});
afterAll(() => house.stop());

const launched = (more: object) =>
  house.ask('POST', '/admin/launches', { client_id: app.clientId, user: 'house', patient: house.patientId, ...more });

describe('A launch', () => {
  it.each([
    ['a patient that does not exist', () => ({ patient: 'nobody' }), 'patient'],
    ['a patient whom the user may not see', () => ({ patient: ids.stranger }), 'patient'],
    ['an encounter that does not exist', () => ({ encounter: 'e1' }), 'encounter'],
    ['an encounter of another patient', () => ({ encounter: ids.foreign }), 'encounter'],
    ['an encounter without its patient', () => ({ patient: undefined, encounter: ids.own }), 'encounter'],
    ['a member that there is not', () => ({ patientt: 'x' }), 'patientt'],
    ['a client that no user signs in to', () => ({ client_id: backend.clientId }), 'client_id'],
    ['a patient by another type', () => ({ patient: `Group/${house.patientId}` }), 'patient'],
  ])('with %s is not made, and told why', async (_what, more, member) => {
    const { status, body } = await launched(more());

    expect(status).toBe(400);
    expect(body.issue[0].diagnostics).toContain(member);
  });

  it('for a patient whom the user looks after, and an encounter of the same, is made', async () => {
    expect((await launched({ encounter: `Encounter/${ids.own}`, patient: `Patient/${house.patientId}` })).status).toBe(
      201,
    );
  });

  it('is refused on the command line in the same words', async () => {
    const config = { ...readConfig({}), data: house.dataFolder, adminToken: house.adminToken };
    const options = { client: app.clientId, user: 'house', patient: ids.stranger };

    await expect(createLaunch(config, options, () => undefined)).rejects.toThrow('patient');
  });

  it('whose patient is hidden from the user by the time of the sign-in ends on a page, never in a token', async () => {
    const patient = (await house.create({ resourceType: 'Patient' })).body.id;
    const team = (participant?: object[]) => ({
      resourceType: 'CareTeam',
      status: 'active',
      subject: { reference: `Patient/${patient}` },
      participant,
    });
    const doctor = (await house.ask('GET', '/admin/users/house')).body.fhirUser;
    const { body: kept } = await house.create(team([{ member: { reference: doctor } }]));
    const start = async () => {
      const { status, body } = await launched({ patient });
      expect(status).toBe(201);
      const scope = 'openid launch patient/Patient.rs';
      return authorizeUrl(house.url, { ...app, scope, more: { launch: body.launch } }, pkce().challenge);
    };
    const agent = userAgent(house.url);
    const first = await start();
    const consented = await consentPage(agent, first);
    const second = await start();
    expect((await house.update({ ...team(), id: kept.id })).status).toBe(200);
    const posted = await agent.post(...allowed(consented));

    expect([posted.status, posted.location]).toEqual([403, undefined]);
    expect(posted.text).toContain('may not see');
    await expect(throughPages(userAgent(house.url), second, house.doctor)).rejects.toThrow('(403)');
  });
});

async function consentPage(agent: ReturnType<typeof userAgent>, start: string) {
  const signIn = await agent.follow(await agent.get(start));
  const { action, fields } = formOf(signIn, '/login');
  fields.set('login', house.doctor.login);
  fields.set('password', house.doctor.password);
  return agent.follow(await agent.post(action, fields));
}

function allowed(page: Awaited<ReturnType<typeof consentPage>>): [string, URLSearchParams] {
  const { action, fields } = formOf(page, '/consent');
  fields.set('decision', 'allow');
  return [action, fields];
}
