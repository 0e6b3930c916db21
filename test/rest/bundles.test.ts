import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const patient = (more: object = {}) => ({ resourceType: 'Patient', ...more });
const post = (resource: any, more: object = {}) => ({
  resource,
  request: { method: 'POST', url: resource.resourceType, ...more },
});
const observation = (subject: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference: subject },
  ...more,
});
const uuid = (n: number) => `urn:uuid:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

describe('transaction', () => {
  it('resolves urn:uuid references both ways and stores all in one commit', async () => {
    const answer = await house.transaction([
      { fullUrl: uuid(1), ...post(patient({ link: [{ other: { reference: uuid(2) }, type: 'seealso' }] })) },
      { fullUrl: uuid(2), ...post(patient({ link: [{ other: { reference: uuid(1) }, type: 'seealso' }] })) },
      { fullUrl: uuid(3), ...post(observation(uuid(1))) },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.body.type).toBe('transaction-response');
    const [one, two, three] = answer.body.entry.map((entry: any) =>
      entry.response.location.replace(/.*fhir\//, '').replace(/\/_history.*/, ''),
    );
    expect((await house.read(one)).body.link[0].other.reference).toBe(two);
    expect((await house.read(two)).body.link[0].other.reference).toBe(one);
    expect((await house.read(three)).body.subject.reference).toBe(one);
  });

  it('stores nothing when one entry is wrong, wherever it stands, and names it', async () => {
    for (const at of [0, 1, 2]) {
      const entries = [0, 1, 2].map((i) => ({
        resource: patient({ id: `atom-${i}`, ...(i === at ? { gender: 'banana' } : {}) }),
        request: { method: 'PUT', url: `Patient/atom-${i}` },
      }));
      const answer = await house.transaction(entries);
      expect(answer.status).toBe(422);
      expect(answer.body.issue[0].expression[0]).toContain(`Bundle.entry[${at}].resource`);
    }
    for (const i of [0, 1, 2]) expect((await house.read(`Patient/atom-${i}`)).status).toBe(404);
  });

  it('works off deletes, creates, updates and then reads', async () => {
    await house.update(patient({ id: 'old-1' }));
    const answer = await house.transaction([
      { request: { method: 'GET', url: 'Patient/new-1' } },
      { resource: patient({ id: 'new-1' }), request: { method: 'PUT', url: 'Patient/new-1' } },
      post(patient()),
      { request: { method: 'DELETE', url: 'Patient/old-1' } },
    ]);
    expect(answer.body.entry.map((entry: any) => entry.response.status.slice(0, 3))).toEqual([
      '200',
      '201',
      '201',
      '204',
    ]);
    expect(answer.body.entry[0].resource.id).toBe('new-1');
    expect((await house.read('Patient/old-1')).status).toBe(410);
  });

  it('creates conditionally, and lets references find by criterion', async () => {
    const known = patient({ identifier: [{ system: 'urn:t', value: '1' }] });
    const entries = [
      { fullUrl: uuid(9), ...post(known, { ifNoneExist: 'identifier=urn:t|1' }) },
      post(observation(uuid(9))),
    ];
    const first = await house.transaction(entries);
    expect(first.body.entry[0].response.status).toMatch(/^201/);
    const second = await house.transaction(entries);
    expect(second.body.entry[0].response.status).toMatch(/^200/);
    expect(await house.search('Patient?identifier=urn:t|1')).toHaveLength(1);
    const byCriterion = await house.transaction([post(observation('Patient?identifier=urn:t|1'))], {
      prefer: 'return=representation',
    });
    const [{ id }] = await house.search('Patient?identifier=urn:t|1');
    expect(byCriterion.body.entry[0].resource.subject.reference).toBe(`Patient/${id}`);
    expect((await house.transaction([post(observation('Patient?identifier=urn:t|none'))])).status).toBe(422);
  });

  it('refuses the same resource twice, a foreign address, a missing target and a stale ifMatch, storing nothing', async () => {
    const put = (id: string, more: object = {}) => ({
      resource: patient({ id }),
      request: { method: 'PUT', url: `Patient/${id}`, ...more },
    });
    await house.update(patient({ id: 'here' }));
    const cases = [
      [put('twice'), put('twice')],
      [put('twice'), { request: { method: 'DELETE', url: 'Patient/twice' } }],
      [put('twice'), post(patient(), { url: 'http://elsewhere.example/fhir/Patient' })],
      [put('twice'), post(observation(uuid(77)))],
      [put('twice'), { ...put('spoof'), fullUrl: `${house.url}/fhir/Patient/other` }],
    ];
    for (const entries of cases) expect((await house.transaction(entries)).status).toBe(400);
    expect((await house.transaction([put('twice'), put('here', { ifMatch: 'W/"9"' })])).status).toBe(412);
    expect((await house.read('Patient/twice')).status).toBe(404);
  });
});

describe('batch', () => {
  it('answers each entry on its own', async () => {
    const bundle = {
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        post(patient({ id: 'ignored' })),
        post(patient({ gender: 'banana' })),
        { request: { method: 'GET', url: 'Patient/none' } },
        { request: { method: 'GET', url: 'Patient?_count=1' } },
        { request: { method: 'PATCH', url: 'Patient/1' } },
      ],
    };
    const answer = await house.ask('POST', '/fhir', bundle);
    expect(answer.body.type).toBe('batch-response');
    expect(answer.body.entry.map((entry: any) => entry.response.status.slice(0, 3))).toEqual([
      '201',
      '422',
      '404',
      '200',
      '405',
    ]);
    expect(answer.body.entry[1].response.outcome.resourceType).toBe('OperationOutcome');
    expect(answer.body.entry[3].resource.type).toBe('searchset');
  });

  it('is listed in the order of its entries, however many are worked on at the same time', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `in-order-${(i * 37) % 50}`);
    const put = (id: string) => ({
      resource: { resourceType: 'Basic', id, code: { text: 'x' } },
      request: { method: 'PUT', url: `Basic/${id}` },
    });
    await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry: ids.map(put) });
    expect((await house.search('Basic?_count=100')).map(({ id }) => id)).toEqual(ids);
  });
});

describe('an entry', () => {
  it('keeps question marks in its query, so that a criterion is never cut short', async () => {
    const known = patient({ identifier: [{ system: 'http://x.example/?a', value: '1' }] });
    await house.create(known);
    const criterion = 'Patient?identifier=http://x.example/?a|1';
    const [, query] = criterion.split('Patient?');
    const answer = await house.transaction([
      { resource: { ...known, active: true }, request: { method: 'PUT', url: criterion } },
      { request: { method: 'GET', url: criterion } },
    ]);
    expect(answer.body.entry[0].response.status).toMatch(/^200/);
    expect(answer.body.entry[1].resource.entry).toHaveLength(1);
    expect((await house.search(`Patient?${query}`))[0].active).toBe(true);
  });

  it('does not take an empty condition for none', async () => {
    for (const ifNoneExist of ['', '?', ' '])
      expect([ifNoneExist, (await house.transaction([post(patient(), { ifNoneExist })])).status]).toEqual([
        ifNoneExist,
        400,
      ]);
  });

  it('shows what a POST _search in a batch finds', async () => {
    await house.update(patient({ id: 'found-1' }));
    const entry = [{ request: { method: 'POST', url: 'Patient/_search?_id=found-1' } }];
    const answer = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry });
    expect(answer.body.entry[0].resource.entry[0].resource.id).toBe('found-1');
  });

  it.each(['Patient/_search', 'Patient/_search?_id=found-1', '_search?_type=Patient'])(
    'refuses a form in an entry for %s and does not pass it over',
    async (url) => {
      const form = { resourceType: 'Parameters', parameter: [{ name: '_id', valueString: 'found-1' }] };
      const entry = [{ request: { method: 'POST', url }, resource: form }];
      const refusal = {
        issue: [{ code: 'invalid', diagnostics: expect.stringContaining('Bundle.entry[0].resource') }],
      };
      const batch = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry });
      expect(batch.body.entry[0].response).toMatchObject({ status: '400 Bad Request', outcome: refusal });
      const transaction = await house.transaction(entry);
      expect([transaction.status, transaction.body]).toMatchObject([400, refusal]);
    },
  );

  it('cannot do in a transaction what is not offered outside one', async () => {
    const event = {
      resourceType: 'AuditEvent',
      type: { code: 'rest' },
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ requestor: true }],
      source: { observer: { display: 'x' } },
    };
    const { body } = await house.create(event);
    const changed = { resource: { ...event, id: body.id }, request: { method: 'PUT', url: `AuditEvent/${body.id}` } };
    const removed = { request: { method: 'DELETE', url: `AuditEvent/${body.id}` } };
    for (const entry of [changed, removed]) {
      const { status, headers } = await house.transaction([entry]);
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    expect((await house.read(`AuditEvent/${body.id}`)).text).toBe(JSON.stringify(body));
  });

  it('that reads what is not there, or asks a search nobody understands, stores nothing', async () => {
    const put = { resource: patient({ id: 'unread' }), request: { method: 'PUT', url: 'Patient/unread' } };
    for (const [url, status] of [
      ['Patient/nobody', 404],
      ['Patient?birthdate=soon', 400],
    ] as const) {
      expect([url, (await house.transaction([put, { request: { method: 'GET', url } }])).status]).toEqual([
        url,
        status,
      ]);
      expect((await house.read('Patient/unread')).status).toBe(404);
    }
  });
});

describe('references', () => {
  it('are checked where the operator wants that', async () => {
    const strict = await openHouse({ references: 'checked' });
    try {
      expect((await strict.create(observation('Patient/none'))).status).toBe(422);
      await strict.update(patient({ id: 'there' }));
      expect((await strict.create(observation('Patient/there'))).status).toBe(201);
      expect(
        (await strict.transaction([{ fullUrl: uuid(1), ...post(patient()) }, post(observation(uuid(1)))])).status,
      ).toBe(200);
      await strict.remove('Patient/there');
      expect((await strict.create(observation('Patient/there'))).status).toBe(422);
    } finally {
      await strict.stop();
    }
  });
});

describe('references to this server by its whole address', () => {
  it('mean the same resource: they are found, judged, assigned and checked, and come back as sent', async () => {
    await house.update(patient({ id: 'whole', birthDate: '1950-01-01' }));
    const subject = { reference: `${house.url}/fhir/Patient/whole` };
    const pulse = {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject,
      effectiveDateTime: new Date().toISOString(),
      valueQuantity: { value: 200, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' },
    };
    const { body } = await house.create(pulse);
    expect(body.subject).toEqual(subject);
    for (const query of ['patient=whole', 'subject=Patient/whole', `subject=${subject.reference}`]) {
      expect((await house.search(`Observation?${query}`)).map(({ id }) => id)).toEqual([body.id]);
    }
    expect(await house.search('Flag?patient=whole&status=active')).toHaveLength(1);
    const again = await house.create(pulse, { 'if-none-exist': 'patient=whole' });
    expect([again.status, again.body.id]).toEqual([200, body.id]);
    await house.update({ resourceType: 'Device', id: 'whole-d', patient: subject });
    expect(await house.search('DeviceUseStatement?device=whole-d&patient=whole')).toHaveLength(1);
  });
});

describe('conditional references in a transaction', () => {
  const known = (value: string) => patient({ identifier: [{ system: 'urn:c', value }] });

  it('find what the same transaction creates, since that comes first', async () => {
    const entries = [post(observation('Patient?identifier=urn:c|new')), post(known('new'))];
    const answer = await house.transaction(entries, { prefer: 'return=representation' });
    expect(answer.status).toBe(200);
    const [first, second] = answer.body.entry;
    expect(first.resource.subject.reference).toBe(`Patient/${second.resource.id}`);
  });

  it('are refused where the transaction makes them ambiguous, or takes away what they meant', async () => {
    const { body } = await house.create(known('old'));
    const link = post(observation('Patient?identifier=urn:c|old'));
    expect((await house.transaction([link, post(known('old'))])).status).toBe(412);
    const removal = { request: { method: 'DELETE', url: `Patient/${body.id}` } };
    expect((await house.transaction([link, removal])).status).toBe(422);
    expect((await house.transaction([link])).status).toBe(200);
  });
});
