/** Scopes asked of the running server: what is granted is echoed and opens no more (O19, O21, O23). https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from '../authorization/authorization-house.ts';
import { codeFlow, type SignIn, tokenRequest } from '../support/user-agent.ts';

const sorted = (scope: string) => scope.split(' ').sort().join(' ');
const password = 'correct horse 7 battery staple';

let house: AuthorizationHouse;
let strangerId: string;
let patientUser: SignIn;

const observation = (patient: string, category: string, code = '8867-4') => ({
  resourceType: 'Observation',
  status: 'final',
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: category }] }],
  code: { coding: [{ system: 'http://loinc.org', code }] },
  subject: { reference: `Patient/${patient}` },
});

beforeAll(async () => {
  house = await openAuthorizationHouse();
  strangerId = (await house.create({ resourceType: 'Patient', name: [{ family: 'Stranger' }] })).body.id;
  // The doctor treats both: what keeps them apart is the scope alone.
  const [doctor] = await house.search('Practitioner?family=House');
  const team = {
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: `Patient/${strangerId}` },
    participant: [{ member: { reference: `Practitioner/${doctor.id}` } }],
  };
  expect((await house.create(team)).status).toBe(201);
  for (const [patient, category] of [
    [house.patientId, 'laboratory'],
    [house.patientId, 'survey'],
    [strangerId, 'laboratory'],
  ] as const)
    expect((await house.create(observation(patient, category))).status).toBe(201);
  const user = { login: 'chalmers', password, fhirUser: `Patient/${house.patientId}`, roles: ['patient'] };
  expect((await house.ask('POST', '/admin/users', user)).status).toBe(201);
  patientUser = { login: 'chalmers', password, patient: house.patientId };
});
afterAll(() => house?.stopAll());

const asked = async (app: App, scope: string, signIn: SignIn = house.doctor, more: Record<string, string> = {}) =>
  codeFlow(house.url, { ...app, scope, more }, signIn);
const as = (token: string) => ({ authorization: `Bearer ${token}` });
const tokenFor = async (scope: string, signIn?: SignIn): Promise<string> => {
  const app = await house.register({ scope });
  const { body } = await asked(app, scope, signIn);
  expect(sorted(body.scope)).toBe(sorted(scope));
  return body.access_token;
};
const statusOf = async (token: string, method: string, path: string, body?: object) =>
  (await house.ask(method, path, body, as(token))).status;

describe('An app', () => {
  it('is granted what it may have of what it asks for, and told so in the answer and by introspection', async () => {
    const app = await house.register({
      scope: 'openid launch/patient patient/*.rs patient/Observation.c user/Patient.r',
      token_endpoint_auth_method: 'client_secret_post',
    });
    const { status, body } = await asked(
      app,
      [
        'openid launch/patient fhirUser',
        'patient/*.*', // no more than is registered: reading, and creating Observations
        'patient/Condition.sr', // out of order
        'patient/Observation.rs?category=laboratory&code:in=http://vs.example/a', // cannot be told from the resource
        'patient/Observation.rs?category=laboratory&unknown=x',
        'patient/*.rs?_tag=x',
        'user/*.cruds', // no more than is registered: one Patient
        'system/Patient.rs device_data',
      ].join(' '),
    );
    expect(status).toBe(200);
    expect(sorted(body.scope)).toBe('launch/patient openid patient/*.read patient/Observation.c user/Patient.r');
    const form = { token: body.access_token, client_id: app.clientId, client_secret: app.secret! };
    const told = await tokenRequest(house.url, form, {}, '/oauth/introspect');
    expect(told.body).toMatchObject({ active: true, scope: body.scope });
    const token = body.access_token;
    expect(await statusOf(token, 'GET', `/fhir/Patient/${house.patientId}`)).toBe(200);
    expect(await statusOf(token, 'GET', '/fhir/Condition?code=x')).toBe(200);
    expect(await statusOf(token, 'DELETE', `/fhir/Patient/${house.patientId}`)).toBe(403);
    expect(await statusOf(token, 'POST', '/fhir/Condition', { resourceType: 'Condition' })).toBe(403);
    const created = await house.create(observation(house.patientId, 'survey', '1'), as(token));
    expect(created.status).toBe(201);
    const foreign = await house.create(observation(strangerId, 'survey', '1'), as(token));
    expect(foreign.status).toBe(403);
  });

  it('is refused where nothing of it can be granted', async () => {
    const app = await house.register({ scope: 'patient/Patient.rs' });
    const url = new URL(`${house.url}/oauth/authorize`);
    const form = {
      response_type: 'code',
      client_id: app.clientId,
      redirect_uri: app.redirectUri,
      state: 'abcdefgh',
      aud: `${house.url}/fhir`,
    };
    for (const scope of ['patient/Patient.sr', 'system/Patient.rs', 'patient/Observation.rs', 'user/Patient.rs']) {
      url.search = `${new URLSearchParams({ ...form, scope, code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })}`;
      const { headers } = await fetch(url, { redirect: 'manual' });
      const back = new URL(headers.get('location')!);
      expect([scope, back.origin, back.searchParams.get('error')]).toEqual([
        scope,
        'https://app.example.com',
        'invalid_scope',
      ]);
    }
  });

  it('may ask by POST as well as by GET', async () => {
    const app = await house.register({});
    const form = {
      response_type: 'code',
      client_id: app.clientId,
      redirect_uri: app.redirectUri,
      state: 'abcdefgh',
      aud: `${house.url}/fhir`,
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    };
    const posted = await fetch(`${house.url}/oauth/authorize`, {
      method: 'POST',
      body: new URLSearchParams(form),
      redirect: 'manual',
    });
    expect(posted.headers.get('location')).toMatch(/\/oauth\/interaction\/[^/]+$/);
  });

  it('with a query in its scope finds what a search with it finds, and reads nothing else', async () => {
    const token = await tokenFor('launch/patient patient/Observation.rs?category=laboratory');
    const seen = await house.ask('GET', '/fhir/Observation', undefined, as(token));
    const meant = await house.search(`Observation?patient=${house.patientId}&category=laboratory`);
    expect(meant).toHaveLength(1);
    expect(seen.body.entry.map(({ resource }: any) => resource.id)).toEqual(meant.map(({ id }) => id));
    const [survey] = await house.search(`Observation?patient=${house.patientId}&category=survey`);
    expect(await statusOf(token, 'GET', `/fhir/Observation/${survey.id}`)).toBe(404);
    expect(await statusOf(token, 'GET', `/fhir/Observation/${meant[0].id}`)).toBe(200);
    expect(await statusOf(token, 'GET', '/fhir/Patient')).toBe(403);
  });

  it('is granted no scopes of a user by a patient, and told so', async () => {
    const app = await house.register({ scope: 'openid user/*.cruds launch/patient patient/*.rs' });
    await expect(asked(app, 'user/*.cruds', patientUser)).rejects.toThrow('error=invalid_scope');
    const { body } = await asked(app, 'openid user/*.cruds launch/patient patient/*.rs', patientUser);
    expect(sorted(body.scope)).toBe('launch/patient openid patient/*.rs');
    const token = body.access_token;
    expect(await statusOf(token, 'GET', `/fhir/Patient/${house.patientId}`)).toBe(200);
    expect(await statusOf(token, 'GET', `/fhir/Patient/${strangerId}`)).toBe(404);
    const found = await house.ask('GET', '/fhir/Observation?category=laboratory', undefined, as(token));
    expect(found.body.entry.map(({ resource }: any) => resource.subject.reference)).toEqual([
      `Patient/${house.patientId}`,
    ]);
    expect(await statusOf(token, 'DELETE', `/fhir/Patient/${house.patientId}`)).toBe(403);
  });
});

describe('The patient in context', () => {
  it('is the one that was chosen, whatever parameters say', async () => {
    const app = await house.register({ scope: 'launch/patient patient/*.rs' });
    const more = { patient: strangerId, 'launch/patient': strangerId };
    const { body } = await asked(app, 'launch/patient patient/*.rs', house.doctor, more);
    expect(body.patient).toBe(house.patientId);
    const token = body.access_token;
    expect(await statusOf(token, 'GET', `/fhir/Patient/${strangerId}`)).toBe(404);
    const ofUser = await tokenFor('user/Patient.rs');
    expect(await statusOf(ofUser, 'GET', `/fhir/Patient/${strangerId}`)).toBe(200);
    for (const path of [
      `Observation?patient=${strangerId}`,
      `Patient/${strangerId}/Observation`,
      `Patient?_id=${strangerId}`,
    ]) {
      const { status, body: bundle } = await house.ask('GET', `/fhir/${path}`, undefined, as(token));
      expect([path, status, bundle.entry ?? []]).toEqual([path, 200, []]);
    }
  });

  it('is nobody for a client by itself, which gets no scope of a patient', async () => {
    const app = await house.register({
      scope: 'patient/Patient.rs user/Patient.rs system/Observation.rs',
      grant_types: ['client_credentials'],
      redirect_uris: undefined,
      token_endpoint_auth_method: 'client_secret_post',
    });
    const form = { grant_type: 'client_credentials', client_id: app.clientId, client_secret: app.secret! };
    const refused = await tokenRequest(house.url, { ...form, scope: 'patient/Patient.rs user/Patient.rs' });
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_scope']);
    const { body } = await tokenRequest(house.url, { ...form, scope: 'patient/Patient.rs system/Observation.rs' });
    expect(body.scope).toBe('system/Observation.rs');
    expect(await statusOf(body.access_token, 'GET', `/fhir/Patient/${house.patientId}`)).toBe(403);
  });
});

describe('A registration that is changed to fewer scopes', () => {
  it('narrows what users granted before: the token at once, what a refresh gives, what introspection says', async () => {
    const registered = {
      scope: 'offline_access launch/patient patient/*.rs',
      token_endpoint_auth_method: 'client_secret_post',
    };
    const app = await house.register(registered);
    const { body } = await asked(app, registered.scope);
    const own = { client_id: app.clientId, client_secret: app.secret! };
    const all = async (token: string) => [
      await statusOf(token, 'GET', `/fhir/Patient/${house.patientId}`),
      await statusOf(token, 'GET', '/fhir/Observation?category=survey'),
    ];
    expect(await all(body.access_token)).toEqual([200, 200]);
    const { body: before } = await house.ask('GET', `/admin/clients/${app.clientId}`);
    const fewer = { ...before, scope: 'offline_access launch/patient patient/Observation.rs' };
    expect((await house.ask('PUT', `/admin/clients/${app.clientId}`, fewer)).status).toBe(200);

    expect(await all(body.access_token)).toEqual([403, 200]);
    const told = await tokenRequest(house.url, { token: body.access_token, ...own }, {}, '/oauth/introspect');
    expect(sorted(told.body.scope)).toBe('launch/patient offline_access patient/Observation.rs');
    const refresh = { grant_type: 'refresh_token', refresh_token: body.refresh_token, ...own };
    const next = await tokenRequest(house.url, refresh);
    expect([next.status, sorted(next.body.scope)]).toEqual([
      200,
      'launch/patient offline_access patient/Observation.rs',
    ]);
    expect(await all(next.body.access_token)).toEqual([403, 200]);
  });
});

describe('A refresh', () => {
  it('may ask for less, and never for more than was granted', async () => {
    const app = await house.register({ scope: 'offline_access launch/patient patient/*.rs' });
    const scope = 'offline_access launch/patient patient/Observation.rs patient/Patient.rs';
    let { body } = await asked(app, scope);
    expect(sorted(body.scope)).toBe(sorted(scope));
    const refresh = (refresh_token: string, more: Record<string, string>) =>
      tokenRequest(house.url, { grant_type: 'refresh_token', client_id: app.clientId, refresh_token, ...more });
    for (const more of [
      'patient/*.rs',
      `${scope} patient/Condition.rs`,
      'patient/Observation.cruds',
      'user/Patient.rs',
    ]) {
      const refused = await refresh(body.refresh_token, { scope: more });
      expect([more, refused.status, refused.body.error]).toEqual([more, 400, 'invalid_scope']);
    }
    const less = await refresh(body.refresh_token, { scope: 'patient/Observation.rs' });
    expect([less.status, less.body.scope]).toEqual([200, 'patient/Observation.rs']);
    expect(await statusOf(less.body.access_token, 'GET', `/fhir/Patient/${house.patientId}`)).toBe(403);
    expect(await statusOf(less.body.access_token, 'GET', '/fhir/Observation')).toBe(200);
    body = (await refresh(less.body.refresh_token, {})).body;
    expect(sorted(body.scope)).toBe(sorted(scope));
  });
});

describe('A device client of the seed', () => {
  it('asks in JSON, gets its words echoed for an hour, reads and cannot write', async () => {
    const words = 'device_data patient_data alerts';
    const { clientId: client_id, secret: client_secret } = await house.register({
      scope: words,
      grant_types: ['client_credentials'],
      redirect_uris: undefined,
      token_endpoint_auth_method: 'client_secret_post',
    });
    const form = { grant_type: 'client_credentials', client_id, client_secret, scope: words };
    const { status, body } = await house.ask('POST', '/oauth/token', form, { authorization: '' });
    expect([status, body.token_type, body.expires_in, body.scope]).toEqual([200, 'Bearer', 3600, words]);
    expect(body).not.toHaveProperty('refresh_token');
    expect(await statusOf(body.access_token, 'GET', '/fhir/Observation')).toBe(200);
    expect(await statusOf(body.access_token, 'GET', `/fhir/Patient/${house.patientId}`)).toBe(200);
    expect(await statusOf(body.access_token, 'GET', '/fhir/Flag')).toBe(200);
    expect(await statusOf(body.access_token, 'GET', '/fhir/Condition')).toBe(403);
    expect((await house.create(observation(house.patientId, 'survey'), as(body.access_token))).status).toBe(403);
    const one = await house.ask('POST', '/oauth/token', { ...form, scope: 'alerts' }, { authorization: '' });
    expect(one.body.scope).toBe('alerts');
    expect(await statusOf(one.body.access_token, 'GET', '/fhir/Observation')).toBe(403);
  });
});
