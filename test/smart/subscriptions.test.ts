/** Backend services and clinicians look after their own Subscriptions, and see nobody else's. capability/access/README.md */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { until } from '../support/until.ts';
import { type AuthorizationHouse, openAuthorizationHouse, redirectUri } from './authorization/authorization-house.ts';
import { codeFlow, type SignIn, tokenRequest } from './support/user-agent.ts';

const canonical = 'https://hospital.example.org/fhir';
const ownerUrl = `${canonical}/StructureDefinition/subscription-owner`;
const password = 'correct horse 7 battery staple';

interface Notified {
  readonly url: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}
interface Who {
  readonly who: string;
  readonly clientId: string;
  readonly secret?: string;
  readonly as: { readonly authorization: string };
}

let receiver: Server;
let endpoint: string;
let house: AuthorizationHouse;
let got: Notified[] = [];

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ url: request.url!, body, headers: request.headers });
    response.writeHead(200).end();
  });
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const { port } = receiver.address() as AddressInfo;
  endpoint = `http://127.0.0.1:${port}`;
  house = await openAuthorizationHouse({ outboundAllow: [`127.0.0.1:${port}`], canonical });
});
afterAll(async () => {
  await house.stop();
  receiver.closeAllConnections();
  await new Promise((go) => receiver.close(go));
});
beforeEach(() => {
  got = [];
});

async function service(scope = 'system/*.cruds'): Promise<Who> {
  const app = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/*.cruds',
    roles: ['service'],
    token_endpoint_auth_method: 'client_secret_post',
  });
  return { ...app, ...(await tokenOf(app, scope)), who: `Client/${app.clientId}` };
}
async function tokenOf({ clientId, secret }: { clientId: string; secret?: string }, scope: string) {
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret!, scope };
  const { body } = await tokenRequest(house.url, form);
  return { as: { authorization: `Bearer ${body.access_token}` } };
}

/** Signed in to an app of its own. */
async function clinician(signIn: SignIn, who: string, scope: string): Promise<Who> {
  const { clientId } = await house.register({ scope });
  const { body } = await codeFlow(house.url, { clientId, redirectUri, scope }, signIn);
  if (body.access_token === undefined) throw new Error(JSON.stringify(body));
  return { clientId, who, as: { authorization: `Bearer ${body.access_token}` } };
}
async function nurse(): Promise<Who> {
  const { body } = await house.create({ resourceType: 'Practitioner', name: [{ family: 'Espinosa' }] });
  const login = `nurse-${body.id}`;
  const who = `Practitioner/${body.id}`;
  await house.ask('POST', '/admin/users', { login, password, fhirUser: who, roles: ['nurse'] });
  const team = await house.create({
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: `Patient/${house.patientId}` },
    participant: [{ member: { reference: who } }],
  });
  expect(team.status).toBe(201);
  return clinician({ login, password }, who, 'openid fhirUser user/*.cruds');
}

const subscription = (more: object = {}) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'a test',
  criteria: 'Flag?status=active',
  channel: { type: 'rest-hook', endpoint, payload: 'application/fhir+json' },
  ...more,
});
const flag = (of: string) => ({
  resourceType: 'Flag',
  status: 'active',
  code: { text: 'x' },
  subject: { reference: `Patient/${of}` },
});
async function made(resource: object): Promise<string> {
  const { status, text, body } = await house.create(resource);
  if (status !== 201) throw new Error(text);
  return body.id;
}

const put = (at: string, resource: object, { as }: Pick<Who, 'as'>) => house.ask('PUT', `/fhir/${at}`, resource, as);
const to = (path: string) => ({ channel: { ...subscription().channel, endpoint: `${endpoint}${path}` } });
const notified = (path: string) =>
  until(async () => got.find(({ url }) => url.endsWith(path))).then(({ body }) => JSON.parse(body));
const isActive = (id: string) => until(async () => (await house.read(`Subscription/${id}`)).body.status === 'active');
async function subscribed({ as }: Who, more?: object): Promise<string> {
  const { status, text, body } = await house.create(subscription(more), as);
  if (status !== 201) throw new Error(text);
  await isActive(body.id);
  return body.id;
}
const ownersOf = ({ extension = [] }: any) => extension.filter(({ url }: any) => url.endsWith('subscription-owner'));
const ofClient = (who: string) => ({
  url: ownerUrl,
  valueReference: { identifier: { system: `${canonical}/sid/client`, value: who } },
});
const found = async ({ as }: Pick<Who, 'as'>, query = '') =>
  ((await house.ask('GET', `/fhir/Subscription${query}`, undefined, as)).body.entry ?? []).map(
    ({ resource }: any) => resource.id,
  );

describe('A backend service', () => {
  it('makes a Subscription and is notified of what it may see', async () => {
    const ehr = await service();
    const id = await subscribed(ehr);
    const seen = await made(flag(house.patientId));
    expect(await notified(`/Flag/${seen}`)).toMatchObject({ id: seen, code: { text: 'x' } });
    expect((await house.read(`Subscription/${id}`, ehr.as)).body.channel.endpoint).toBe(endpoint);
  });

  it('sees, finds, changes and ends its own, and no other: those are as if they were not there', async () => {
    const [mine, others] = [await service(), await service()];
    const id = await subscribed(mine);
    const foreign = await subscribed(others);
    const at = `Subscription/${foreign}`;
    const missing = await house.read('Subscription/nothing', mine.as);

    const read = await house.read(at, mine.as);
    expect([read.status, read.text.replaceAll(foreign, 'nothing')]).toEqual([404, missing.text]);
    expect((await house.read(`${at}/_history/1`, mine.as)).status).toBe(404);
    expect((await house.read(`${at}/_history`, mine.as)).status).toBe(404);
    const { status, text, body } = await house.read(at);
    expect([status, text.length > 0]).toEqual([200, true]);
    expect((await put(at, { ...body, status: 'off' }, mine)).status).toBe(404);
    expect((await house.remove(at, mine.as)).status).toBe(404);
    expect(await found(mine)).toEqual([id]);
    expect(await found(mine, `?owner:identifier=${others.who}`)).toEqual([]);
    expect(await found(mine, `?_id=${foreign}`)).toEqual([]);
    expect(
      await found({ as: { authorization: `Bearer ${house.adminToken}` } }, `?owner:identifier=${mine.who}`),
    ).toEqual([id]);

    const own = (await house.read(`Subscription/${id}`, mine.as)).body;
    const changed = await put(`Subscription/${id}`, { ...own, reason: 'another' }, mine);
    expect([changed.status, changed.body.reason]).toEqual([200, 'another']);
    expect((await house.remove(`Subscription/${id}`, mine.as)).status).toBeLessThan(300);
    expect((await house.read(`Subscription/${id}`, mine.as)).status).not.toBe(200);
    await made(flag(house.patientId));
    expect((await house.read(at, others.as)).status).toBe(200);
  });

  it('says in vain whose a Subscription is: the server writes it, and an update keeps it', async () => {
    const [mine, others] = [await service(), await service()];
    const label = { url: 'https://ehr.example.org/label', valueDecimal: 1 };
    const claims = [
      { url: ownerUrl, valueString: 'Client/admin' },
      label,
      ofClient(others.who),
      { ...ofClient(others.who), url: 'https://elsewhere.example.org/StructureDefinition/subscription-owner' },
    ];
    const id = await subscribed(mine, { extension: claims });
    const stored = (await house.read(`Subscription/${id}`, mine.as)).body;
    expect(stored.extension).toEqual([ofClient(mine.who), label]);
    expect(await found(others)).toEqual([]);

    for (const extension of [[ofClient(others.who)], [label], undefined]) {
      const updated = await put(`Subscription/${id}`, { ...stored, extension }, mine);
      expect([updated.status, ownersOf(updated.body)]).toEqual([200, [ofClient(mine.who)]]);
    }
    const byAdmin = await house.update({ ...stored, extension: [ofClient('Client/admin')] });
    expect(ownersOf(byAdmin.body)).toEqual([ofClient(mine.who)]);
    expect((await house.read(`Subscription/${id}`, mine.as)).status).toBe(200);
  });

  it('makes and changes it in a transaction, and in none that of another', async () => {
    const [mine, others] = [await service(), await service()];
    const foreign = await subscribed(others);
    const sent = { ...subscription(), extension: [ofClient(others.who)] };
    const entry = (method: string, url: string, resource: object) => ({ resource, request: { method, url } });
    const answer = await house.transaction([entry('POST', 'Subscription', sent)], mine.as);
    expect([answer.status, answer.body.entry?.[0].response.status.slice(0, 3)]).toEqual([200, '201']);
    const [id] = await found(mine);
    const changed = { ...subscription(), id, reason: 'in a transaction' };
    expect((await house.transaction([entry('PUT', `Subscription/${id}`, changed)], mine.as)).status).toBe(200);
    expect((await house.read(`Subscription/${id}`, mine.as)).body).toMatchObject({
      reason: 'in a transaction',
      extension: [ofClient(mine.who)],
    });
    const stolen = { ...subscription(), id: foreign, extension: [ofClient(mine.who)] };
    expect((await house.transaction([entry('PUT', `Subscription/${foreign}`, stolen)], mine.as)).status).toBe(404);
    const chosen = { ...subscription(), id: 'of-my-choosing' };
    expect((await put('Subscription/of-my-choosing', chosen, mine)).status).toBe(404);
  });

  it('gets back what it sent, byte for byte, but for what the server writes', async () => {
    const { as, who } = await service();
    const sent = JSON.stringify(
      subscription({ status: 'off', extension: [{ url: 'https://ehr.example.org/weight', valueDecimal: '#' }] }),
    ).replace('"#"', '98.00');
    const response = await fetch(`${house.url}/fhir/Subscription`, {
      method: 'POST',
      headers: { ...as, 'content-type': 'application/fhir+json' },
      body: sent,
    });
    const text = await response.text();
    const owner = JSON.stringify(ofClient(who));
    expect(text.replace(/"id":"[^"]*","meta":\{[^}]*\},/, '').replace(`,${owner}`, '')).toBe(sent);
  });

  it('watches only what it may read, now and with each change', async () => {
    const ehr = await service('system/Subscription.cruds system/Flag.rs');
    expect((await house.create(subscription({ criteria: 'Observation?code=a' }), ehr.as)).status).toBe(403);
    expect((await house.create(subscription({ criteria: 'Consent' }), ehr.as)).status).toBe(403);
    const id = await subscribed(ehr);
    const own = (await house.read(`Subscription/${id}`, ehr.as)).body;
    expect((await put(`Subscription/${id}`, { ...own, criteria: 'Observation' }, ehr)).status).toBe(403);
    const reader = await service('system/Subscription.rs system/Flag.rs');
    expect((await house.create(subscription(), reader.as)).status).toBe(403);
  });

  it('is notified no more when it was disabled', async () => {
    const [mine, witness] = [await service(), await service()];
    await subscribed(mine, to('/mine'));
    await subscribed(witness, to('/witness'));
    const first = await made(flag(house.patientId));
    await notified(`/mine/Flag/${first}`);
    await house.ask('POST', `/admin/clients/${mine.clientId}/disable`);
    const second = await made(flag(house.patientId));
    await notified(`/witness/Flag/${second}`);
    const third = await made(flag(house.patientId));
    await notified(`/witness/Flag/${third}`);
    expect(got.map(({ url }) => url).filter((url) => url.startsWith('/mine/'))).toEqual([`/mine/Flag/${first}`]);
  });
});

describe('The secret of a Subscription', () => {
  const ask = (id: string, { as }: Pick<Who, 'as'>, secret?: string) =>
    house.ask(
      'POST',
      `/fhir/Subscription/${id}/$secret`,
      { resourceType: 'Parameters', ...(secret && { parameter: [{ name: 'secret', valueString: secret }] }) },
      as,
    );

  it('is set and renewed by its owner, shown once, and signs what comes', async () => {
    const ehr = await service();
    const id = await subscribed(ehr, to('/signed'));
    const renewed = await ask(id, ehr);
    expect([renewed.status, renewed.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const fresh = renewed.body.parameter[0].valueString;
    const given = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
    expect((await ask(id, ehr, given)).body.parameter).toEqual([{ name: 'secret', valueString: given }]);
    const seen = await made(flag(house.patientId));
    await notified(`/signed/Flag/${seen}`);
    const { body, headers } = got.find(({ url }) => url === `/signed/Flag/${seen}`)!;
    for (const secret of [fresh, given]) {
      expect(() => new Webhook(secret).verify(body, headers as Record<string, string>)).not.toThrow();
    }
    const { text } = await house.read(`Subscription/${id}`);
    expect(text).not.toContain('whsec_');
  });

  it('is nobody else’s: refused with 404 like that of none, and without the right to change it with 403', async () => {
    const [mine, others] = [await service(), await service()];
    const id = await subscribed(others);
    const foreign = await ask(id, mine);
    const missing = await ask('nothing', mine);
    expect([foreign.status, foreign.text.replaceAll(id, 'nothing')]).toEqual([404, missing.text]);
    const reader = await tokenOf(others, 'system/Subscription.rs');
    expect((await ask(id, reader)).status).toBe(403);
    expect((await ask(id, others, 'whsec_short')).status).toBe(422);
    expect((await house.ask('GET', `/fhir/Subscription/${id}/$secret`, undefined, others.as)).status).toBe(405);
    await house.remove(`Subscription/${id}`, others.as);
    expect((await ask(id, others)).status).toBe(404);
  });

  it('stands in no audit row', async () => {
    const ehr = await service();
    const id = await subscribed(ehr);
    const given = `whsec_${Buffer.alloc(32, 6).toString('base64')}`;
    expect((await ask(id, ehr, given)).status).toBe(200);
    expect((await ask(id, ehr, `${given}-odd`)).status).toBe(422);
    const { text, body } = await house.read(`AuditEvent?entity=Subscription/${id}&_count=100`);
    expect(body.entry.length).toBeGreaterThan(2);
    const queries = [...text.matchAll(/"query":"([^"]*)"/g)].map(([, coded]) => atob(coded!));
    expect(queries.join(' ')).toContain(`Subscription/${id} $secret?secret=***`);
    expect(queries.join(' ') + text).not.toContain(given.slice(0, 20));
  });
});

describe('A token with fewer scopes', () => {
  it('does not make use of what its client was granted before: a change lowers what is seen to its own', async () => {
    const app = await house.register({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'system/*.cruds system/Flag.rs?status=inactive',
      roles: ['service'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    const wide = await tokenOf(app, 'system/*.cruds');
    const narrow = await tokenOf(app, 'system/Subscription.cruds system/Flag.rs?status=inactive');
    const kept = await house.create(subscription({ criteria: 'Flag', ...to('/wide') }), wide.as);
    const changed = await house.create(subscription({ criteria: 'Flag', ...to('/wide-too') }), wide.as);
    await isActive(kept.body.id);
    await isActive(changed.body.id);
    const own = (await house.read(`Subscription/${changed.body.id}`, narrow.as)).body;
    const moved = await put(`Subscription/${own.id}`, { ...own, ...to('/narrow') }, { as: narrow.as });
    expect(moved.status).toBe(200);

    const active = await made(flag(house.patientId));
    await notified(`/wide/Flag/${active}`);
    const inactive = await made({ ...flag(house.patientId), status: 'inactive' });
    await notified(`/narrow/Flag/${inactive}`);
    expect(got.map(({ url }) => url)).not.toContain(`/narrow/Flag/${active}`);
  });
});

describe('A clinician', () => {
  it('subscribes to what is about the patients of the own teams, and sees no other Subscription', async () => {
    const [one, other] = [await nurse(), await nurse()];
    const stranger = await made({ resourceType: 'Patient', name: [{ family: 'Stranger' }] });
    const id = await subscribed(one, to('/nurse'));
    const stored = (await house.read(`Subscription/${id}`, one.as)).body;
    expect(stored.extension).toEqual([{ url: ownerUrl, valueReference: { reference: one.who } }]);
    expect(await found(one, `?owner=${one.who}`)).toEqual([id]);
    expect(await found(other)).toEqual([]);
    expect((await house.read(`Subscription/${id}`, other.as)).status).toBe(404);

    const hidden = await made(flag(stranger));
    const seen = await made(flag(house.patientId));
    expect((await notified(`/nurse/Flag/${seen}`)).subject.reference).toBe(`Patient/${house.patientId}`);
    expect(got.map(({ url }) => url)).not.toContain(`/nurse/Flag/${hidden}`);

    expect((await put(`Subscription/${id}`, { ...stored, status: 'off' }, other)).status).toBe(404);
    expect((await put(`Subscription/${id}`, { ...stored, status: 'off' }, one)).status).toBe(200);
    expect((await house.remove(`Subscription/${id}`, one.as)).status).toBeLessThan(300);
  });

  it('who is a physician does the same', async () => {
    const me = (await house.ask('GET', '/admin/users/house')).body.fhirUser;
    const physician = await clinician(house.doctor, me, 'openid fhirUser user/*.cruds');
    const id = await subscribed(physician);
    expect(await found(physician)).toEqual([id]);
    expect((await house.remove(`Subscription/${id}`, physician.as)).status).toBeLessThan(300);
  });

  it('needs the scope for it', async () => {
    const { body } = await house.create({ resourceType: 'Practitioner' });
    const login = `reader-${body.id}`;
    const who = `Practitioner/${body.id}`;
    await house.ask('POST', '/admin/users', { login, password, fhirUser: who, roles: ['physician'] });
    const reader = await clinician({ login, password }, who, 'openid fhirUser user/Flag.rs');
    expect((await house.create(subscription(), reader.as)).status).toBe(403);
  });
});

describe("The administrator's Subscription", () => {
  it('belongs to Client/admin, and is nobody else’s', async () => {
    const { body } = await house.create(subscription());
    expect(body.extension).toEqual([ofClient('Client/admin')]);
    expect((await house.read(`Subscription/${body.id}`, (await service()).as)).status).toBe(404);
  });
});
