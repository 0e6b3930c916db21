import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { printActivity } from '../../src/commands/keys.ts';
import { readConfig } from '../../src/config.ts';
import { openHouse, type TestHouse, together } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const codesOf = (event: any) => [event.subtype[0].code, event.action, event.outcomeDesc];
const requestOf = (event: any) => event.entity[0].what.identifier?.value;
const references = (event: any) => event.entity.flatMap(({ what }: any) => what?.reference ?? []);

/** The events that the requests with this X-Request-Id left, oldest first. */
async function eventsOf(requestId: string, from: TestHouse = house): Promise<any[]> {
  const { body } = await from.read('AuditEvent?_count=200');
  return body.entry
    .map(({ resource }: any) => resource)
    .filter((event: any) => requestOf(event) === requestId)
    .reverse();
}

const event = (recorded: string, more: object = {}) => ({
  resourceType: 'AuditEvent',
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110106' },
  recorded,
  agent: [{ requestor: true, who: { display: 'an archive' } }],
  source: { observer: { display: 'an archive' } },
  ...more,
});

describe('the trail', () => {
  it('is searched by what was asked for, also through an operation, and by the interaction', async () => {
    const { id } = (await house.create({ resourceType: 'Patient' })).body;
    await house.read(`Patient/${id}`);
    await house.read(`Patient/${id}/$everything`);
    await house.read(`Patient/${id}1`);
    await house.read(`Observation?patient=${id}`);
    const found = async (query: string) =>
      (await house.search(`AuditEvent?${query}`)).map(({ subtype }) => subtype[0].code).reverse();
    const about = await found(`entity=Patient/${id}`);
    expect(about.slice(0, 3)).toEqual(['create', 'read', 'operation']);
    expect(await found(`entity=Patient/${id}&subtype=read`)).toEqual(['read']);
    expect(await found(`entity=Patient/${id}&subtype=http://hl7.org/fhir/restful-interaction|read`)).toEqual(['read']);
    expect(await found(`entity=Patient/${id}&subtype=urn:other|read`)).toEqual([]);
    const all = (await house.search('AuditEvent?_count=200')).filter((event) =>
      references(event).includes(`Patient/${id}`),
    );
    expect(about).toHaveLength(all.length);
  });
});

describe('every interaction', () => {
  it('leaves one event, done or refused', async () => {
    const asked = async (id: string, method: string, path: string, body?: unknown, headers: object = {}) => {
      const { status } = await house.ask(method, `/fhir/${path}`, body, { 'x-request-id': id, ...headers });
      const events = await eventsOf(id);
      expect([id, events.length]).toEqual([id, 1]);
      expect(events[0].outcomeDesc.slice(0, 3)).toBe(String(status));
      return codesOf(events[0]);
    };
    const patient = { resourceType: 'Patient', id: 'a1' };
    expect(await asked('create', 'POST', 'Patient', { resourceType: 'Patient' })).toEqual(['create', 'C', '201']);
    expect(await asked('update', 'PUT', 'Patient/a1', patient)).toEqual(['update', 'U', '201']);
    expect(await asked('read', 'GET', 'Patient/a1')).toEqual(['read', 'R', '200']);
    expect(await asked('unchanged', 'GET', 'Patient/a1', undefined, { 'if-none-match': 'W/"1"' })).toEqual([
      'read',
      'R',
      '304',
    ]);
    expect(await asked('vread', 'GET', 'Patient/a1/_history/1')).toEqual(['vread', 'R', '200']);
    expect(await asked('history', 'GET', 'Patient/a1/_history')).toEqual(['history-instance', 'R', '200']);
    expect(await asked('search', 'GET', 'Patient?name=x')).toEqual(['search-type', 'E', '200']);
    expect(await asked('delete', 'DELETE', 'Patient/a1')).toEqual(['delete', 'D', '204']);
    expect(await asked('again', 'DELETE', 'Patient/a1')).toEqual(['delete', 'D', '204']);
    expect(await asked('gone', 'GET', 'Patient/a1')).toEqual(['read', 'R', '410 deleted']);
    expect(await asked('missing', 'GET', 'Patient/a2')).toEqual(['read', 'R', '404 not-found']);
    expect(await asked('invalid', 'POST', 'Patient', { resourceType: 'Patient', gender: 'x' })).toEqual([
      'create',
      'C',
      '422 code-invalid',
    ]);
    expect(await asked('stale', 'PUT', 'Patient/a3', { ...patient, id: 'a3' }, { 'if-match': 'W/"7"' })).toEqual([
      'update',
      'U',
      '412 conflict',
    ]);
    expect(await asked('not-offered', 'DELETE', 'AuditEvent/trail-1')).toEqual(['delete', 'D', '405 not-supported']);
    expect(await asked('nobody', 'GET', 'Patient/a1', undefined, { authorization: '' })).toEqual([
      'read',
      'R',
      '401 login',
    ]);
    const stranger = { authorization: 'Bearer x' };
    const malformed = '401 key malformed';
    expect(await asked('stranger', 'GET', 'Patient/a1', undefined, stranger)).toEqual(['read', 'R', malformed]);
    expect(await asked('stranger-searches', 'GET', 'Patient?name=x', undefined, stranger)).toEqual([
      'search-type',
      'E',
      malformed,
    ]);
    expect(await asked('stranger-writes', 'PUT', 'Patient/a1', {}, stranger)).toEqual(['update', 'U', malformed]);
    expect(await asked('stranger-lost', 'GET', 'Nothing/a1', undefined, stranger)).toEqual(['fhir', 'E', malformed]);
    expect(await asked('no-json', 'PUT', 'Patient/a1', '{')).toEqual(['update', 'U', '400 structure']);
    expect((await house.search('AuditEvent?patient=Patient/a1')).map(requestOf)).toEqual(
      expect.arrayContaining(['stranger', 'stranger-writes', 'no-json']),
    );
    expect(await asked('metadata', 'GET', 'metadata')).toEqual(['capabilities', 'R', '200']);
  });

  it('leaves one for a batch and one for each of its entries, one for a transaction', async () => {
    const entry = [
      { resource: { resourceType: 'Patient', id: 'b1' }, request: { method: 'PUT', url: 'Patient/b1' } },
      { request: { method: 'GET', url: 'Patient/nobody' } },
      { request: { method: 'GET', url: 'Patient?name=x' } },
    ];
    await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry }, { 'x-request-id': 'batch' });
    expect((await eventsOf('batch')).map(codesOf).sort()).toEqual([
      ['batch', 'E', '200'],
      ['read', 'R', '404 not-found'],
      ['search-type', 'E', '200'],
      ['update', 'U', '201'],
    ]);
    await house.transaction(
      ['b2', 'b3'].map((id) => ({
        resource: { resourceType: 'Patient', id },
        request: { method: 'PUT', url: `Patient/${id}` },
      })),
      { 'x-request-id': 'transaction' },
    );
    const [transaction, ...others] = await eventsOf('transaction');
    expect([codesOf(transaction), others]).toEqual([['transaction', 'E', '200'], []]);
    expect(references(transaction)).toEqual(expect.arrayContaining(['Patient/b2', 'Patient/b3']));
    await house.transaction([entry[0], { resource: {}, request: { method: 'PUT', url: 'Patient/b4' } }], {
      'x-request-id': 'refused',
    });
    expect((await eventsOf('refused')).map(codesOf)).toEqual([['transaction', 'E', '400 structure']]);
  });

  it('leaves one for each key that is made, listed or revoked, and for what the device door refuses', async () => {
    await house.update({ resourceType: 'Device', id: 'kd', identifier: [{ system: 'urn:d', value: 'KD1' }] });
    const made = await house.ask('POST', '/admin/devices/KD1/keys', {}, { 'x-request-id': 'key-made' });
    await house.ask('GET', '/admin/keys', undefined, { 'x-request-id': 'key-listed' });
    for (const id of ['key-revoked', 'key-revoked-again'])
      await house.ask('DELETE', `/admin/keys/${made.body.prefix}`, undefined, { 'x-request-id': id });
    await house.ask('GET', '/admin/keys', undefined, { 'x-request-id': 'key-refused', authorization: '' });
    const revoked = { 'x-request-id': 'iot-refused', authorization: `Bearer ${made.body.key}` };
    await house.ask('GET', '/api/iot/status', undefined, revoked);
    for (const [id, ...codes] of [
      ['key-made', 'admin-key-create', 'C', '201'],
      ['key-listed', 'admin-key-list', 'R', '200'],
      ['key-revoked', 'admin-key-revoke', 'D', '200'],
      ['key-revoked-again', 'admin-key-revoke', 'D', '200'],
      ['key-refused', 'admin', 'E', '401 login'],
      ['iot-refused', 'iot-vitals', 'E', '401 key revoked'],
    ] as const)
      expect([id, (await eventsOf(id)).map(codesOf)]).toEqual([id, [codes]]);
    expect(references((await eventsOf('key-made'))[0])).toEqual(['Device/kd']);
  });

  it('is told in a resource that R4 allows, with who, what and for whom', async () => {
    await house.create({ resourceType: 'Patient' });
    await house.create({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/w1' },
    });
    await house.update({ resourceType: 'Patient', id: 'w1' }, { 'x-request-id': 'who' });
    const [who] = await eventsOf('who');
    expect(who.agent[0]).toMatchObject({ name: 'Client/admin', requestor: true });
    expect(references(who)).toEqual(['Patient/w1', 'Patient/w1']); // as what was changed, and as whose it is
    expect(who.meta.profile[0]).toMatch(/IHE\.BasicAudit\.PatientUpdate$/);
    const { body } = await house.read('AuditEvent?_count=200');
    for (const { resource } of body.entry) {
      const { id, meta: _meta, ...copy } = resource;
      expect([id, (await house.create(copy)).status]).toEqual([id, 201]);
    }
  });
});

describe('the trail', () => {
  it('is read by id and searched by _id, date, patient, agent and action', async () => {
    const began = new Date().toISOString();
    await house.update({ resourceType: 'Patient', id: 's1' }, { 'x-request-id': 's1-update' });
    await house.read('Patient/s1', { 'x-request-id': 's1-read' });
    await house.read('Patient/s1', { 'x-request-id': 's1-refused', authorization: '' });
    const found = async (query: string) => (await house.search(`AuditEvent?${query}`)).map(requestOf);
    expect(await found(`patient=Patient/s1&date=ge${began}`)).toEqual(['s1-refused', 's1-read', 's1-update']);
    expect(await found('patient=Patient/s1&action=U')).toEqual(['s1-update']);
    expect(await found('patient=s1&action=R,C&date=gt2020-01-01')).toEqual(['s1-refused', 's1-read']);
    expect(await found(`patient=Patient/s1&date=lt${began}`)).toEqual([]);
    expect(await found('patient=Patient/s1&agent-name=Client/admin')).toEqual(['s1-read', 's1-update']);
    expect(await found('patient=Patient/s1&agent=Client/admin')).toEqual(['s1-read', 's1-update']);
    expect(await found('patient=Patient/s1&agent=anonymous')).toEqual(['s1-refused']);
    expect(await found('patient=Patient/s1&agent=anonymous,Client/admin&_count=1')).toEqual([
      's1-refused',
      's1-read',
      's1-update',
    ]);
    expect(await found('patient=Patient/s1&agent=Device/anonymous,System/notifier')).toEqual([]);
    const [newest] = await eventsOf('s1-read');
    expect(await found(`_id=${newest.id}`)).toEqual(['s1-read']);
    expect((await house.read(`AuditEvent/${newest.id}`)).body).toEqual(newest);
    expect((await house.read(`AuditEvent/${newest.id}`, { 'if-none-match': 'W/"1"' })).status).toBe(304);
    expect((await house.read('AuditEvent/trail-999999')).status).toBe(404);
    const device = { resourceType: 'Device', id: 'sd', identifier: [{ system: 'urn:d', value: 'SD1' }] };
    await house.update(device);
    const key = await house.deviceKey('SD1');
    await house.read('Patient/s1', { 'x-request-id': 's1-device', authorization: `Bearer ${key}` });
    expect(await found('agent=Device/sd')).toEqual(['s1-device']);
    expect(await found('patient=Patient/s1&agent=Device/sd&action=R')).toEqual(['s1-device']);
  });

  it('names the parameters that it ignores, refuses what it cannot do, and includes what events refer to', async () => {
    const { body } = await house.read('AuditEvent?color=red&_count=1');
    expect(body.entry.at(-1)).toMatchObject({ search: { mode: 'outcome' } });
    expect(body.entry.at(-1).resource.issue[0].diagnostics).toContain("'color'");
    for (const query of ['_sort=date', '_count=0', '_summary=count', '_total=accurate', 'patient.name=x'])
      expect([query, (await house.read(`AuditEvent?${query}`)).status]).toEqual([query, 400]);
    const included = async (query: string) =>
      (await house.read(`AuditEvent?${query}`)).body.entry
        .filter(({ search }: any) => search.mode === 'include')
        .map(({ resource }: any) => resource.id);
    expect(await included('patient=Patient/s1&_include=AuditEvent:patient')).toEqual(['s1']);
    for (const base of ['', `${house.url}/fhir/`]) {
      const who = { reference: `${base}Device/sd` };
      const created = await house.create(event('2026-01-01T00:00:00Z', { agent: [{ requestor: true, who }] }));
      expect([base, await included(`_id=${created.body.id}&_include=AuditEvent:agent`)]).toEqual([base, ['sd']]);
    }
    expect(await included('patient=Patient/s1&_include=AuditEvent:*')).toContain('s1');
    for (const query of [
      '_include:iterate=AuditEvent:patient',
      '_revinclude=Provenance:target',
      'patient:Patient.name=x',
      '_has:Provenance:target:agent=x',
      '_list=x',
    ])
      expect([query, (await house.read(`AuditEvent?${query}`)).body.issue?.[0].code]).toEqual([query, 'not-supported']);
  });

  it('cannot be changed or deleted, alone or in a Bundle, nor can the events that clients created', async () => {
    const { body } = await house.create(event('2026-01-01T00:00:00Z'));
    const [own] = await house.search('AuditEvent?action=C');
    for (const { id } of [body, own]) {
      const changed = { ...event('2026-01-02T00:00:00Z'), id };
      const before = (await house.read(`AuditEvent/${id}`)).text;
      expect((await house.update(changed)).status).toBe(405);
      expect((await house.remove(`AuditEvent/${id}`)).status).toBe(405);
      expect((await house.remove(`AuditEvent?_id=${id}`)).status).toBe(405);
      for (const request of [
        { method: 'PUT', url: `AuditEvent/${id}` },
        { method: 'DELETE', url: `AuditEvent/${id}` },
      ]) {
        const entry = [{ resource: request.method === 'PUT' ? changed : undefined, request }];
        expect((await house.transaction(entry)).status).toBe(405);
        const batch = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry });
        expect(batch.body.entry[0].response.status).toMatch(/^405/);
      }
      expect((await house.read(`AuditEvent/${id}`)).text).toBe(before);
    }
  });

  it('pages through rows and created events as one list, newest first, each once, while others write', async () => {
    const other = await openHouse();
    try {
      // Second and millisecond precision in one second, and events before, between and after the rows.
      const at = [
        '2020-01-01T00:00:00Z',
        '2020-01-01T00:00:00.500Z',
        '2020-01-01T00:00:00.250Z',
        '2100-01-01T00:00:00Z',
      ];
      for (const recorded of at) await other.create(event(recorded));
      for (let i = 0; i < 7; i++) await other.read(`Patient/p${i}`);
      await other.create(event(new Date().toISOString()));
      const expected = await other.search('AuditEvent?_count=1000');
      for (const count of [1, 2, 3, 5]) {
        const ids: string[] = [];
        const recorded: string[] = [];
        let next = `/fhir/AuditEvent?_count=${count}`;
        while (next) {
          const { body } = await other.ask('GET', next);
          for (const { resource } of body.entry) {
            ids.push(resource.id);
            recorded.push(resource.recorded);
          }
          expect(body.entry.length).toBeLessThanOrEqual(count);
          next = body.link.find(({ relation }: any) => relation === 'next')?.url;
          await other.read('Patient/meanwhile');
        }
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).toEqual(expect.arrayContaining(expected.map(({ id }: any) => id)));
        const old = recorded.filter((text) => text.startsWith('2020'));
        expect(recorded.slice(-old.length)).toEqual(old);
        expect(recorded[0]).toBe('2100-01-01T00:00:00Z');
      }
    } finally {
      await other.stop();
    }
  });
});

describe('paging back', () => {
  const link = (body: any, relation: string): string | undefined =>
    body.link.find((one: any) => one.relation === relation)?.url;
  const idsOf = ({ entry = [] }: any): string[] => entry.map(({ resource }: any) => resource.id);
  /** Created events before, among and after the rows that come, some at the same time. */
  const around = [-9e8, -9e8, -8e8, -1, 0, 1, 2, 9e8];
  const after = [9e8, 9e8, 8e8, 7e8];
  const withRows = async (created: number, rows: number, when: readonly number[]): Promise<TestHouse> => {
    const other = await openHouse();
    const times = when.map((away) => new Date(Date.now() + away).toISOString());
    for (let i = 0; i < Math.max(created, rows); i++) {
      if (i < created) await other.create(event(times[i % times.length]!));
      if (i < rows) await other.read(`Patient/p${i}`);
    }
    return other;
  };

  it.each([
    [8, 12, 1, '', around],
    [8, 12, 3, '', around],
    [0, 9, 2, '', around],
    [17, 0, 2, '', around],
    [17, 0, 7, '', around],
    [1, 5, 1, '', around],
    [6, 12, 2, '&action=R', around],
    [9, 0, 2, '&type=110106', around],
    [8, 8, 3, '&type=110106,rest', around],
    [6, 5, 2, '', after],
    [7, 5, 2, '', after],
    [7, 9, 5, '', after],
    [3, 9, 4, '', after],
  ])(
    'shows the same pages, of %i created events and %i reads by %i, while others write: %s',
    async (created, rows, count, query, when) => {
      const other = await withRows(created, rows, when);
      const page = async (url: string) => {
        await other.read('Patient/meanwhile');
        return (await other.ask('GET', url)).body;
      };
      try {
        const pages: any[] = [];
        for (let next: string | undefined = `/fhir/AuditEvent?_count=${count}${query}`; next; ) {
          pages.push(await page(next));
          next = link(pages.at(-1), 'next');
        }
        expect(pages.length).toBeGreaterThan(2);
        expect(link(pages[0], 'previous')).toBeUndefined();
        let at = pages.at(-1);
        const back: string[][] = [idsOf(at)];
        for (let previous = link(at, 'previous'); previous && back.length <= pages.length; ) {
          at = await page(previous);
          back.unshift(idsOf(at));
          expect(idsOf(await page(link(at, 'next')!))).toEqual(back[1]);
          previous = link(at, 'previous');
        }
        expect(back).toEqual(pages.map(idsOf));
      } finally {
        await other.stop();
      }
    },
  );

  it('goes over a long stretch of rows that are not asked for', async () => {
    const other = await openHouse();
    try {
      await other.update({ resourceType: 'Patient', id: 'rare' });
      await Promise.all(Array.from({ length: 700 }, (_, i) => other.read(`Patient/common${i}`)));
      await other.update({ resourceType: 'Patient', id: 'rare', active: true });
      const first = (await other.ask('GET', '/fhir/AuditEvent?action=C,U&_count=1')).body;
      const second = (await other.ask('GET', link(first, 'next')!)).body;
      expect(idsOf(second)).not.toEqual(idsOf(first));
      const again = (await other.ask('GET', link(second, 'previous')!)).body;
      expect([idsOf(again), link(again, 'previous')]).toEqual([idsOf(first), undefined]);
    } finally {
      await other.stop();
    }
  }, 60_000);
});

describe('what the trail does not do', () => {
  it.each([
    ['_sort=date', '_sort'],
    ['_sort=-date,action', '_sort'],
    ['_count=0', '_count'],
    ['_summary=count', '_summary'],
    ['_summary=data&_count=0', '_count'],
    ['_total=accurate', '_total'],
    ['_total=estimate', '_total'],
    ['patient.name=x', 'patient.name'],
    ['action=R&patient:Patient.birthdate=1980', 'patient:Patient.birthdate'],
    ['_has:Provenance:target:agent=x', '_has:Provenance:target:agent'],
    ['_list=x', '_list'],
    ['_filter=action eq R or patient[name eq x].gender eq male', '_filter'],
    ['_revinclude=Provenance:target', '_revinclude'],
    ['_include:iterate=AuditEvent:patient', '_include:iterate'],
    ['_text=x', '_text'],
    ['_content=x', '_content'],
    ['_contained=true', '_contained'],
  ])('is refused, and named: %s', async (query, name) => {
    for (const prefer of ['', 'handling=strict', 'handling=lenient']) {
      const { status, body } = await house.read(`AuditEvent?${query}`, { prefer });
      expect([prefer, status, body.issue?.[0]]).toEqual([
        prefer,
        400,
        expect.objectContaining({ code: 'not-supported', expression: [`http.${name}`] }),
      ]);
      expect(body.issue[0].diagnostics).toContain(`'${name}'`);
    }
  });

  it('says of _text and _content that an AuditEvent has none, and passes over what nobody knows unless that is strict', async () => {
    const told = async (query: string, prefer: string) => (await house.read(`AuditEvent?${query}`, { prefer })).body;
    expect((await told('_text=x', '')).issue[0].diagnostics).toContain('not supported on AuditEvent');
    expect((await told('colour=red', 'handling=strict')).issue[0].expression).toEqual(['http.colour']);
    const { entry } = await told('colour=red&_count=1', 'handling=lenient');
    expect(entry.at(-1).resource.issue[0].expression).toEqual(['http.colour']);
  });

  it('refuses a value that is none, with the parameter that has it', async () => {
    for (const [query, name] of [
      ['date=xx', 'date'],
      ['agent=a b', 'agent'],
      ['_filter=date gt 2020-99', '_filter'],
    ] as const) {
      const { status, body } = await house.read(`AuditEvent?${query}`);
      expect([status, body.issue[0].expression]).toEqual([400, [`http.${name}`]]);
    }
    const filtered = await house.search('AuditEvent?_filter=action eq R and not (agent-name co nobody)');
    expect(new Set(filtered.map(({ action }) => action))).toEqual(new Set(['R']));
  });
});

describe('what a device key did', () => {
  it('is listed by its prefix, newest first, also what was refused, and shown in the AuditEvents', async () => {
    await house.update({ resourceType: 'Patient', id: 'kp' });
    await house.update({
      resourceType: 'Device',
      id: 'act',
      identifier: [{ system: 'urn:d', value: 'ACT1' }],
      patient: { reference: 'Patient/kp' },
    });
    const keyed = async () => {
      const made = await house.ask('POST', '/admin/devices/ACT1/keys', { permissions: ['can_read_patient'] });
      return { prefix: made.body.prefix, authorization: `Bearer ${made.body.key}` };
    };
    const [{ prefix, authorization }, other] = [await keyed(), await keyed()];
    const activityOf = async (of: string, query = '') =>
      (await house.ask('GET', `/admin/keys/${of}/activity${query}`)).body.activity;
    expect(await activityOf(prefix)).toEqual([]);

    await house.read('Patient/kp', { authorization, 'x-request-id': 'key-read' });
    await house.read('Patient/kp', { authorization: other.authorization });
    await house.ask('GET', '/api/iot/status', undefined, { authorization });
    await house.ask('POST', '/api/iot/vitals', {}, { authorization });
    const wrong = { authorization: `${authorization.slice(0, -8)}AAAAAAAA`, 'x-request-id': 'key-wrong' };
    await house.ask('GET', '/api/iot/status', undefined, wrong);
    await house.ask('DELETE', `/admin/keys/${prefix}`);
    await house.read('Patient/kp', { authorization });

    const activity = await activityOf(prefix);
    expect(activity.map(({ status, error }: any) => [status, error])).toEqual([
      [401, 'key revoked'],
      [401, 'key wrong'],
      [403, 'no permission'],
      [200, null],
      [200, null],
    ]);
    expect(activity[4]).toEqual({
      at: expect.stringMatching(/^20\d\d-.*Z$/),
      interaction: 'read',
      status: 200,
      address: '127.0.0.1',
      error: null,
    });
    expect(await activityOf(prefix, '?count=2')).toEqual(activity.slice(0, 2));
    expect(await activityOf(other.prefix)).toHaveLength(1);

    const lines: string[] = [];
    await printActivity({ ...readConfig({}), data: house.dataFolder }, prefix, 2, (line) => lines.push(line));
    expect(lines).toEqual(
      activity
        .slice(0, 2)
        .map(({ at, address, interaction, status, error }: any) =>
          [at, address, interaction, status, error].join('  '),
        ),
    );

    const identifier = { system: expect.stringMatching(/\/sid\/api-key$/), value: prefix };
    const [read] = await eventsOf('key-read');
    expect(read.agent[0].who).toEqual({ reference: 'Device/act', identifier });
    expect((await eventsOf('key-wrong'))[0].agent[0]).toMatchObject({ who: { identifier }, name: 'anonymous' });
  });

  it('is told to the administrator alone, of keys that there are, in a number that can be', async () => {
    const key = await house.deviceKey('ACT1');
    const path = `/admin/keys/${key.slice(0, 12)}/activity`;
    const device = { authorization: `Bearer ${key}` };
    expect((await house.ask('GET', path)).status).toBe(200);
    expect((await house.ask('GET', path, undefined, device)).status).toBe(403);
    expect((await house.ask('GET', '/admin/keys/wfk_nokey000/activity')).status).toBe(404);
    for (const count of ['0', '1001', 'x', ''])
      expect([count, (await house.ask('GET', `${path}?count=${count}`)).status]).toEqual([count, 400]);
  });
});

describe('a read', () => {
  it('is on record before its answer leaves where that is strict, and within 100 ms where it is prompt', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `read-${i}`);
    for (const auditReads of ['strict', 'prompt'] as const) {
      const other = await openHouse({ auditReads });
      try {
        await together(20, (i) => other.read(`Patient/${i}`, { 'x-request-id': ids[i]! }));
        const answered = performance.now();
        const seen = async () => new Set((await other.search('AuditEvent?action=R&_count=100')).map(requestOf));
        let found = await seen();
        if (auditReads === 'prompt')
          while (!ids.every((id) => found.has(id)) && performance.now() - answered < 10_000) found = await seen();
        expect(ids.filter((id) => !found.has(id))).toEqual([]);
      } finally {
        await other.stop();
      }
    }
  });

  it('keeps its row over a stop right after it, also where that is prompt', async () => {
    const other = await openHouse({ auditReads: 'prompt' });
    try {
      await other.read('Patient/last', { 'x-request-id': 'last' });
      await other.restart();
      expect(await eventsOf('last', other)).toHaveLength(1);
    } finally {
      await other.stop();
    }
  });
});
