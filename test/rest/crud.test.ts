import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const patient = (more: object = {}) => ({
  resourceType: 'Patient',
  name: [{ family: 'Larsen', given: ['Ingrid'] }],
  ...more,
});

describe('create and read', () => {
  it('answers 201 with Location, ETag and the resource, and reads it back', async () => {
    const created = await house.create(patient());
    expect(created.status).toBe(201);
    expect(created.headers.get('etag')).toBe('W/"1"');
    expect(created.headers.get('content-type')).toBe('application/fhir+json; charset=utf-8');
    expect(created.headers.get('location')).toBe(`${house.url}/fhir/Patient/${created.body.id}/_history/1`);
    const read = await house.read(`Patient/${created.body.id}`);
    expect(read.status).toBe(200);
    expect(read.text).toBe(created.text);
    expect(Date.parse(read.headers.get('last-modified')!)).toBe(
      Math.floor(Date.parse(read.body.meta.lastUpdated) / 1000) * 1000,
    );
  });

  it('keeps member order, number text, escapes and the members of meta that are not its own', async () => {
    const sent = `{ "resourceType":"Observation", "valueQuantity":{"value":98.0,"unit":"%"},
      "status":"final", "meta":{"tag":[{"code":"a\\u00e9\\/"}],"versionId":"77"}, "code":{"text":"caf\\u00e9 \\ud83d\\ude00 é"}, "subject":{"reference":"Patient/1"}}`;
    const created = await house.ask('POST', '/fhir/Observation', sent);
    expect(created.status).toBe(201);
    const { id, meta } = created.body;
    expect(created.text).toBe(
      `{"resourceType":"Observation","id":"${id}","valueQuantity":{"value":98.0,"unit":"%"},"status":"final",` +
        `"meta":{"versionId":"1","lastUpdated":"${meta.lastUpdated}","tag":[{"code":"a\\u00e9\\/"}]},` +
        '"code":{"text":"caf\\u00e9 \\ud83d\\ude00 é"},"subject":{"reference":"Patient/1"}}',
    );
    expect((await house.read(`Observation/${id}`)).text).toBe(created.text);
  });

  it('answers 404 to an id that was never there and to a type that FHIR does not know', async () => {
    const missing = await house.read('Patient/none');
    expect([missing.status, missing.body.issue[0].code]).toEqual([404, 'not-found']);
    const unknown = await house.ask('GET', '/fhir/Patiend/1');
    expect([unknown.status, unknown.body.resourceType]).toEqual([404, 'OperationOutcome']);
  });

  it('refuses parameters that would shape what is read and that no read takes, and passes over those that nobody knows', async () => {
    const { body } = await house.create(patient());
    const [event] = await house.search('AuditEvent?_count=1000&action=C');
    for (const path of [`Patient/${body.id}`, `Patient/${body.id}/_history/1`, `AuditEvent/${event.id}`]) {
      for (const name of ['_include', '_contained', '_sort', '_count']) {
        const refused = await house.read(`${path}?${name}=true`);
        expect([path, name, refused.status]).toEqual([path, name, 400]);
        expect(refused.body.issue[0]).toMatchObject({ code: 'not-supported' });
        expect(refused.body.issue[0].diagnostics).toContain(name);
      }
      const whole = await house.read(`${path}?_format=json&_pretty=true&_summary=false&color=red`);
      expect([path, whole.status]).toEqual([path, 200]);
    }
    const request = { method: 'GET', url: `Patient/${body.id}?_include=*` };
    const batch = { resourceType: 'Bundle', type: 'batch', entry: [{ request }] };
    expect((await house.ask('POST', '/fhir', batch)).body.entry[0].response.status).toMatch(/^400/);
    const write = { resource: patient({ id: 'unwritten' }), request: { method: 'PUT', url: 'Patient/unwritten' } };
    expect((await house.transaction([write, { request }])).status).toBe(400);
    expect((await house.read('Patient/unwritten')).status).toBe(404);
  });

  it('gives back what Prefer asks for', async () => {
    const minimal = await house.create(patient(), { prefer: 'return=minimal' });
    expect([minimal.status, minimal.text]).toEqual([201, '']);
    const outcome = await house.create(patient(), { prefer: 'return=OperationOutcome' });
    expect(outcome.body.resourceType).toBe('OperationOutcome');
    expect((await house.create(patient(), { prefer: 'return=representation' })).body.resourceType).toBe('Patient');
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    const { body } = await house.create(patient());
    const head = await house.ask('HEAD', `/fhir/Patient/${body.id}`);
    expect([head.status, head.headers.get('etag'), head.text]).toEqual([200, 'W/"1"', '']);
  });
});

describe('the CapabilityStatement', () => {
  it('names its own base, whatever a client calls the server', async () => {
    const other = house.url.replace('127.0.0.1', 'localhost');
    const { body } = await house.ask('GET', `${other}/fhir/metadata`);
    expect(body.implementation.url).toBe(`${house.url}/fhir`);
    const page = await house.ask('GET', `${other}/fhir/Patient?_count=1`);
    expect(page.body.link[0].url).toContain(`${house.url}/fhir/Patient`);
  });
});

describe('a method that an address does not take', () => {
  it('is answered with 405 and those that it takes', async () => {
    for (const [method, path, allow] of [
      ['PUT', '', 'POST, GET, HEAD'],
      ['PATCH', 'Patient/1', 'GET, HEAD, PUT, DELETE'],
      ['DELETE', 'AuditEvent/1', 'GET, HEAD'],
      ['PUT', 'AuditEvent', 'GET, HEAD, POST'],
      ['GET', 'Patient/_history', ''],
      ['DELETE', 'Patient/1/_history', 'GET, HEAD'],
    ] as const) {
      const body = method === 'PATCH' || method === 'PUT' ? patient() : undefined;
      const { status, headers } = await house.ask(method, `/fhir/${path}`, body);
      expect([method, path, status, headers.get('allow')]).toEqual([method, path, 405, allow]);
    }
  });
});

describe('update and delete', () => {
  it('numbers versions 1, 2, 3 over update, delete and undelete, and tells 410 from 404', async () => {
    const id = 'life-1';
    expect((await house.update(patient({ id }))).status).toBe(201);
    expect((await house.update(patient({ id, active: true }))).status).toBe(200);
    const removed = await house.remove(`Patient/${id}`);
    expect([removed.status, removed.headers.get('etag')]).toEqual([204, 'W/"3"']);
    const gone = await house.read(`Patient/${id}`);
    expect([gone.status, gone.body.issue[0].code]).toEqual([410, 'deleted']);
    expect((await house.remove(`Patient/${id}`)).status).toBe(204);
    const back = await house.update(patient({ id, active: false }));
    expect([back.status, back.headers.get('etag')]).toEqual([201, 'W/"4"']);
    const history = await house.read(`Patient/${id}/_history`);
    expect(history.body.total).toBe(4);
    expect(history.body.entry.map((entry: any) => [entry.request.method, entry.response.etag])).toEqual([
      ['PUT', 'W/"4"'],
      ['DELETE', 'W/"3"'],
      ['PUT', 'W/"2"'],
      ['PUT', 'W/"1"'],
    ]);
    expect(history.body.entry.map((entry: any) => entry.response.status)).toEqual([
      '201 Created',
      '204 No Content',
      '200 OK',
      '201 Created',
    ]);
    expect((await house.read(`Patient/${id}/_history/2`)).body.active).toBe(true);
    expect((await house.read(`Patient/${id}/_history/3`)).status).toBe(410);
    expect((await house.read(`Patient/${id}/_history/9`)).status).toBe(404);
  });

  it('pages through a long history', async () => {
    for (let i = 0; i < 5; i++) await house.update(patient({ id: 'long-1', multipleBirthInteger: i }));
    const first = await house.read('Patient/long-1/_history?_count=2');
    expect(first.body.entry.map((entry: any) => entry.resource.meta.versionId)).toEqual(['5', '4']);
    const next = first.body.link.find((link: any) => link.relation === 'next').url;
    expect((await house.ask('GET', next)).body.entry.map((entry: any) => entry.resource.meta.versionId)).toEqual([
      '3',
      '2',
    ]);
  });

  it('has an empty history since a time when nothing was written, and none where nothing ever was', async () => {
    await house.update(patient({ id: 'calm-1' }));
    const since = '_since=2100-01-01T00:00:00Z';
    const calm = await house.read(`Patient/calm-1/_history?${since}`);
    expect([calm.status, calm.body.type, calm.body.total, calm.body.entry]).toEqual([200, 'history', 0, undefined]);
    await house.remove('Patient/calm-1');
    expect((await house.read(`Patient/calm-1/_history?${since}`)).status).toBe(200);
    expect((await house.read(`Patient/never-1/_history?${since}`)).status).toBe(404);
  });

  it('refuses a body whose id or type is not that of the URL', async () => {
    expect((await house.ask('PUT', '/fhir/Patient/a', patient({ id: 'b' }))).status).toBe(400);
    expect((await house.ask('PUT', '/fhir/Patient/a', patient())).status).toBe(400);
    expect((await house.ask('POST', '/fhir/Observation', patient())).status).toBe(400);
  });

  it('refuses a stale If-Match with 412 and leaves no trace', async () => {
    await house.update(patient({ id: 'match-1' }));
    expect((await house.update(patient({ id: 'match-1', active: true }), { 'if-match': 'W/"1"' })).status).toBe(200);
    const stale = await house.update(patient({ id: 'match-1', active: false }), { 'if-match': 'W/"1"' });
    expect([stale.status, stale.body.issue[0].code]).toEqual([412, 'conflict']);
    expect((await house.remove('Patient/match-1', { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await house.read('Patient/match-1/_history')).body.total).toBe(2);
    expect((await house.update(patient({ id: 'match-2' }), { 'if-match': 'W/"1"' })).status).toBe(412);
  });

  it('loses no increment of 16 writers who read, add one and write with If-Match', async () => {
    await house.update(patient({ id: 'counter', multipleBirthInteger: 0 }));
    const accepted = await together(16, async () => {
      let done = 0;
      while (done < 5) {
        const { body, headers } = await house.read('Patient/counter');
        const next = { ...body, multipleBirthInteger: body.multipleBirthInteger + 1 };
        const { status } = await house.update(next, { 'if-match': headers.get('etag')! });
        expect([200, 412]).toContain(status);
        if (status === 200) done++;
      }
      return done;
    });
    const { body } = await house.read('Patient/counter');
    expect(body.multipleBirthInteger).toBe(accepted.reduce((sum, n) => sum + n, 0));
    expect(body.meta.versionId).toBe(String(body.multipleBirthInteger + 1));
  });
});

describe('conditional requests', () => {
  it('answers 304 to If-None-Match and If-Modified-Since of an unchanged resource', async () => {
    const { body, headers } = await house.create(patient());
    const at = `Patient/${body.id}`;
    expect((await house.read(at, { 'if-none-match': 'W/"1"' })).status).toBe(304);
    expect((await house.read(at, { 'if-none-match': 'W/"2"' })).status).toBe(200);
    const list = await house.read(at, { 'if-none-match': 'W/"1", W/"2"' });
    expect([list.status, list.body.issue[0].diagnostics]).toEqual([400, expect.stringContaining('If-None-Match')]);
    expect((await house.read(at, { 'if-modified-since': headers.get('last-modified')! })).status).toBe(304);
    expect((await house.read(at, { 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' })).status).toBe(200);
    expect((await house.read(at, { 'if-modified-since': 'no date' })).status).toBe(200); // RFC 9110: ignored
  });

  it('creates one patient however many ask at once', async () => {
    const one = patient({ identifier: [{ system: 'urn:mrn', value: 'A1' }] });
    const answers = await together(32, () => house.create(one, { 'if-none-exist': 'identifier=urn:mrn|A1' }));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(31).fill(200), 201]);
    expect(await house.search('Patient?identifier=urn:mrn|A1')).toHaveLength(1);
  });

  it('refuses If-None-Exist that several match, that is empty, or that has an unknown parameter', async () => {
    const twin = patient({ identifier: [{ system: 'urn:mrn', value: 'twin' }] });
    await house.create(twin);
    await house.create(twin);
    const several = await house.create(twin, { 'if-none-exist': 'identifier=urn:mrn|twin' });
    expect([several.status, several.body.issue[0].code]).toEqual([412, 'multiple-matches']);
    expect((await house.create(twin, { 'if-none-exist': '?' })).status).toBe(400);
    expect((await house.create(twin, { 'if-none-exist': 'color=red' })).status).toBe(400);
  });

  it('updates and deletes by a criterion that names one', async () => {
    const by = 'identifier=urn:mrn%7Ccond-1';
    const body = patient({ identifier: [{ system: 'urn:mrn', value: 'cond-1' }] });
    const created = await house.ask('PUT', `/fhir/Patient?${by}`, body);
    expect(created.status).toBe(201);
    const updated = await house.ask('PUT', `/fhir/Patient?${by}`, { ...body, active: true });
    expect([updated.status, updated.body.id, updated.body.meta.versionId]).toEqual([200, created.body.id, '2']);
    expect((await house.ask('DELETE', `/fhir/Patient?${by}`)).status).toBe(204);
    expect((await house.read(`Patient/${created.body.id}`)).status).toBe(410);
    expect((await house.ask('DELETE', '/fhir/Patient?')).status).toBe(400);
  });
});

describe('who may', () => {
  it('lets nobody read or write without a token, but the CapabilityStatement', async () => {
    const none = { authorization: '' };
    for (const [method, path] of [
      ['GET', '/fhir/Patient'],
      ['GET', '/fhir/Patient/1'],
      ['POST', '/fhir/Patient'],
      ['POST', '/fhir'],
      ['DELETE', '/fhir/Patient/1'],
    ] as const) {
      const { status, body } = await house.ask(method, path, method === 'POST' ? patient() : undefined, none);
      expect([path, [400, 401].includes(status), body.resourceType]).toEqual([path, true, 'OperationOutcome']);
    }
    const statement = await house.ask('GET', '/fhir/metadata', undefined, none);
    expect([statement.status, statement.body.resourceType]).toEqual([200, 'CapabilityStatement']);
    expect((await house.ask('GET', '/fhir/Patient/1', undefined, { authorization: 'Bearer wrong' })).status).toBe(401);
  });
});
