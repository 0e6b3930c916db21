/** Each letter of a scope opens its own interactions and no others, and a query holds for what is written before and after. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { tokenRequest } from '../support/user-agent.ts';

let house: TestHouse;
let serial = 0;

beforeAll(async () => {
  house = await openHouse();
  await house.update({ resourceType: 'Patient', id: 'p' });
});
afterAll(() => house?.stop());

const observation = (category: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  category: [{ coding: [{ code: category }] }],
  code: { text: 'x' },
  subject: { reference: 'Patient/p' },
  ...more,
});

/** A backend client's token; what it asks with it. */
async function holder(scope: string) {
  const { body: client } = await house.ask('POST', '/admin/clients', {
    client_name: scope.slice(0, 100),
    scope,
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'client_secret_post',
  });
  const { client_id, client_secret } = client;
  const { body } = await tokenRequest(house.url, { grant_type: 'client_credentials', client_id, client_secret, scope });
  expect(body.scope).toBe(scope);
  return (method: string, path: string, sent?: unknown, headers: Record<string, string> = {}) =>
    house.ask(method, `/fhir${path}`, sent, { authorization: `Bearer ${body.access_token}`, ...headers });
}

/** A stored Observation of its own for each question. */
async function stored(category = 'laboratory'): Promise<any> {
  const identifier = [{ system: 'urn:test', value: `${++serial}` }];
  return (await house.create(observation(category, { identifier }))).body;
}

describe('A right', () => {
  const entry = (method: string, url: string, resource?: object) => ({
    resourceType: 'Bundle',
    type: 'batch',
    entry: [
      {
        request: { method, url },
        ...(resource && { resource, fullUrl: 'urn:uuid:5f0c5f0e-2f6f-4c0a-9d8c-0d0c7f6a1b11' }),
      },
    ],
  });
  const statusIn = ({ status, body }: any): number =>
    status === 200 && body.resourceType === 'Bundle' && body.type === 'batch-response'
      ? Number(body.entry[0].response.status.slice(0, 3))
      : status;

  /** What it asks, and the letters without any of which it is refused. */
  const asked: readonly [string, string, (one: any) => [string, string, unknown?, Record<string, string>?]][] = [
    ['a read', 'r', ({ id }) => ['GET', `/Observation/${id}`]],
    ['a version', 'r', ({ id }) => ['GET', `/Observation/${id}/_history/1`]],
    ['the history of one', 'r', ({ id }) => ['GET', `/Observation/${id}/_history`]],
    ['a search', 's', () => ['GET', '/Observation?status=final']],
    ['a search in a compartment', 's', () => ['GET', '/Patient/p/Observation']],
    ['a creation', 'c', () => ['POST', '/Observation', observation('laboratory')]],
    ['an update', 'u', (one) => ['PUT', `/Observation/${one.id}`, { ...one, status: 'amended' }]],
    [
      'an update that creates',
      'cu',
      () => ['PUT', `/Observation/new-${++serial}`, observation('laboratory', { id: `new-${serial}` })],
    ],
    ['a deletion', 'd', ({ id }) => ['DELETE', `/Observation/${id}`]],
    [
      'a creation unless there is one',
      'cs',
      ({ identifier: [{ value }] }) => [
        'POST',
        '/Observation',
        observation('laboratory'),
        { 'if-none-exist': `identifier=urn:test|${value}` },
      ],
    ],
    ['a read in a batch', 'r', ({ id }) => ['POST', '', entry('GET', `Observation/${id}`)]],
    ['a search in a batch', 's', () => ['POST', '', entry('GET', 'Observation?status=final')]],
    ['a creation in a batch', 'c', () => ['POST', '', entry('POST', 'Observation', observation('laboratory'))]],
    ['a deletion in a batch', 'd', ({ id }) => ['POST', '', entry('DELETE', `Observation/${id}`)]],
  ];

  it.each([...'cruds'])('%s opens what it is for, and without it that is refused with 403', async (right) => {
    const others = [...'cruds'].filter((one) => one !== right).join('');
    const without = await holder(`system/Observation.${others} system/Patient.rs`);
    const alone = await holder(`system/Observation.${right} system/Patient.rs`);
    for (const [what, needed, request] of asked) {
      const refused = statusIn(await without(...request(await stored())));
      expect([what, needed.includes(right), refused === 403]).toEqual([
        what,
        needed.includes(right),
        needed.includes(right),
      ]);
      const status = statusIn(await alone(...request(await stored())));
      expect([what, needed === right, status < 300]).toEqual([what, needed === right, needed === right]);
    }
  });

  it('that is missing is named in the challenge', async () => {
    const ask = await holder('system/Observation.s');
    const { id } = await stored();
    const { status, headers, body } = await ask('GET', `/Observation/${id}`);
    expect([status, body.issue[0].code]).toEqual([403, 'forbidden']);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer .*error="insufficient_scope"/);
  });
});

describe('A type outside every scope', () => {
  it.each([
    'Observation?subject:Patient.name=x',
    'Observation?patient.active:not=true',
    'Observation?_has:Provenance:target:agent=Device/1',
    'Observation?_list=mine',
    'Observation?encounter.service-provider.name=x',
  ])('is not asked through another: %s is refused with 403 (insufficient_scope)', async (path) => {
    const ask = await holder('system/Observation.rs system/Encounter.rs');
    const { status, headers, body } = await ask('GET', `/${path}`);
    expect([status, body.issue[0].code]).toEqual([403, 'forbidden']);
    expect(headers.get('www-authenticate')).toMatch(/error="insufficient_scope", scope="system\/\w+\.s"/);
    const batch = await ask('POST', '', {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ request: { method: 'GET', url: path } }],
    });
    expect(batch.body.entry[0].response.status).toMatch(/^403/);
  });

  it.each([
    'not (patient.name co "x" or status eq registered)',
    'patient.name co "x" or status eq registered',
    'patient.name co "x" or encounter.status eq finished',
    'not (subject.identifier eq x)',
  ])('is asked through nothing that stands beside it: _filter=%s', async (filter) => {
    const ask = await holder('system/Observation.rds system/Encounter.rs system/Device.rs');
    const query = `/Observation?_filter=${encodeURIComponent(filter)}`;
    expect((await ask('GET', query)).status).toBe(403);
    expect((await ask('DELETE', query)).status).toBe(403);
  });

  it('is left out of a chain that may go through one of several', async () => {
    const ask = await holder('system/Observation.rs system/Device.rs');
    expect((await ask('GET', '/Observation?subject.identifier=x')).status).toBe(200);
  });
});

describe('A query in a scope', () => {
  it('leaves no id to choose: what is hidden and what is free are answered alike, also where every create is open', async () => {
    const ask = await holder('system/Observation.c system/Observation.rus?category=laboratory');
    const free = `free-${serial}`;
    const bundle = (type: string, entry: object) => ({ resourceType: 'Bundle', type, entry: [entry] });
    const put = (id: string, body = { ...observation('laboratory'), id }) =>
      [
        () => ask('PUT', `/Observation/${id}`, body),
        () => ask('PUT', `/Observation/${id}`, body, { 'if-none-match': '*' }),
        () => ask('PUT', `/Observation/${id}`, body, { 'if-match': 'W/"1"' }),
        () => ask('PUT', '/Observation?identifier=urn:test|none', body),
        ...['batch', 'transaction'].flatMap((type) =>
          [`Observation/${id}`, 'Observation?identifier=urn:test|none'].map(
            (url) => () => ask('POST', '', bundle(type, { request: { method: 'PUT', url }, resource: body })),
          ),
        ),
      ] as const;
    const foreign = await stored('survey');
    const own = await stored();
    const told = async (id: string) =>
      Promise.all(
        put(id).map((asked) => asked().then(({ status, text }) => `${status} ${text.replaceAll(id, '{id}')}`)),
      );
    const hidden = await told(foreign.id);
    expect(hidden).toEqual(await told(free));
    for (const [i, answer] of hidden.entries()) expect([i, answer]).toEqual([i, expect.stringContaining('404')]);
    expect((await house.read(`Observation/${free}`)).status).toBe(404);
    expect((await house.read(`Observation/${foreign.id}`)).body.meta.versionId).toBe('1');
    expect((await put(own.id)[0]!()).status).toBe(200);
    expect((await ask('POST', '/Observation', observation('survey'))).status).toBe(201);
    const boundless = await holder('system/Observation.cru');
    expect((await boundless('PUT', '/Observation/chosen', { ...observation('survey'), id: 'chosen' })).status).toBe(
      201,
    );
  });

  it('holds for what is written, as it was and as it is to be', async () => {
    const ask = await holder('system/Observation.cruds?category=laboratory');
    const own = await stored();
    const foreign = await stored('survey');
    const moved = { ...own, category: [{ coding: [{ code: 'survey' }] }] };
    const taken = { ...foreign, category: [{ coding: [{ code: 'laboratory' }] }] };
    expect((await ask('POST', '/Observation', observation('laboratory'))).status).toBe(201);
    expect((await ask('POST', '/Observation', observation('survey'))).status).toBe(403);
    expect((await ask('PUT', `/Observation/${own.id}`, moved)).status).toBe(403);
    expect((await ask('PUT', `/Observation/${foreign.id}`, taken)).status).toBe(404);
    const changing = await holder('system/Observation.rud?category=laboratory');
    for (const [method, sent] of [['GET'], ['PUT', taken], ['DELETE']] as const) {
      const hidden = await changing(method, `/Observation/${foreign.id}`, sent);
      const missing = await changing(method, '/Observation/missing', sent && { ...sent, id: 'missing' });
      expect([method, hidden.status]).toEqual([method, 404]);
      expect([method, hidden.status, hidden.text.replaceAll(foreign.id, 'missing')]).toEqual([
        method,
        missing.status,
        missing.text,
      ]);
    }
    expect((await ask('PUT', `/Observation/${own.id}`, { ...own, status: 'amended' })).status).toBe(200);
    expect((await house.read(`Observation/${foreign.id}`)).body.meta.versionId).toBe('1');
  });

  it('is asked of contained, sorted, counted and included resources too', async () => {
    const ask = await holder('system/Observation.rs?category=laboratory system/Patient.rs');
    await stored('survey');
    const meant = await house.search('Observation?category=laboratory');
    const { body: counted } = await ask('GET', '/Observation?_summary=count');
    expect(counted.total).toBe(meant.length);
    const { body: back } = await ask('GET', '/Patient?_revinclude=Observation:subject&_count=1');
    const seen = back.entry
      .filter(({ search }: any) => search.mode === 'include')
      .map(({ resource }: any) => resource.id);
    expect(seen.sort()).toEqual(meant.map(({ id }) => id).sort());
    const { body: chained } = await ask('GET', '/Patient?_has:Observation:subject:category=survey');
    expect(chained.entry ?? []).toEqual([]);
  });

  it('by the time of the last change or by id holds for reading as for searching', async () => {
    const { id } = await stored();
    for (const [query, status] of [
      ['_lastUpdated=ge2020-01-01', 200],
      ['_lastUpdated=lt2020-01-01', 404],
      [`_id=${id}`, 200],
      ['_id=other', 404],
      ['_id:not=other', 200],
      ['code:text=x', 200],
      ['code:text=y', 404],
      ['subject=Patient/p', 200],
      ['subject=Patient/q', 404],
      ['value-quantity:missing=true', 200],
      ['value-quantity:missing=false', 404],
    ] as const) {
      const ask = await holder(`system/Observation.rs?${query}`);
      const read = (await ask('GET', `/Observation/${id}`)).status;
      const found = ((await ask('GET', `/Observation?_id=${id}`)).body.entry ?? []).length;
      expect([query, read, found]).toEqual([query, status, status === 200 ? 1 : 0]);
    }
  });
});
