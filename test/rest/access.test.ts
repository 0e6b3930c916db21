import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
/** Authorization of a key of device `mine` with both permissions, with one, and of another device. */
const as: Record<'both' | 'writer' | 'reader' | 'other' | 'unassigned', Record<string, string>> = {} as never;

const device = (id: string, patient?: string) => ({
  resourceType: 'Device',
  id,
  identifier: [{ system: 'urn:device', value: id.toUpperCase() }],
  ...(patient && { patient: { reference: patient } }),
});
const reading = (of: string, subject: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  device: { reference: of },
  subject: { reference: subject },
  ...more,
});
const patientOf = (id: string) => ({
  resourceType: 'Patient',
  id,
  active: true,
  managingOrganization: { reference: 'Organization/org' },
  link: [{ other: { reference: id === 'p1' ? 'Patient/p2' : 'Patient/p1' }, type: 'seealso' }],
});

beforeAll(async () => {
  house = await openHouse();
  await house.update({ resourceType: 'Organization', id: 'org', name: 'A clinic' });
  for (const id of ['p1', 'p2']) await house.update(patientOf(id));
  await house.update(device('mine', 'Patient/p1'));
  await house.update(device('theirs', 'Patient/p2'));
  await house.update(device('spare'));
  await house.update(reading('Device/mine', 'Patient/p1', { id: 'my-own' }));
  await house.update(reading('Device/theirs', 'Patient/p2', { id: 'not-mine' }));
  await house.update(reading('Device/mine', 'Patient/p2', { id: 'of-another-patient' }));
  await house.update(reading('Device/theirs', 'Patient/p1', { id: 'of-another-device' }));
  const key = async (id: string, ...permissions: string[]) => ({
    authorization: `Bearer ${await house.deviceKey(id, { permissions })}`,
  });
  as.both = await key('MINE', 'can_write_vitals', 'can_read_patient');
  as.writer = await key('MINE', 'can_write_vitals');
  as.reader = await key('MINE', 'can_read_patient');
  as.other = await key('THEIRS', 'can_write_vitals', 'can_read_patient');
  as.unassigned = await key('SPARE', 'can_write_vitals', 'can_read_patient');
});
afterAll(() => house.stop());

const get = (path: string, who: Record<string, string>) => house.read(path, who);
const idsIn = ({ body }: Answer, mode = 'match') =>
  (body.entry ?? []).filter((entry: any) => entry.search.mode === mode).map((entry: any) => entry.resource.id);
const batchOf = (entry: readonly object[], who: Record<string, string>) =>
  house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry }, who);
const statusesIn = ({ body }: Answer) => body.entry.map(({ response }: any) => Number.parseInt(response.status, 10));
const everything = [
  'Patient',
  'Observation',
  'Device',
  'Organization',
  'AuditEvent',
  'Flag',
  'DetectedIssue',
  'Subscription',
  'DeviceUseStatement',
];

describe('A device that may read its patient', () => {
  it('reads that Patient as the administrator does, and no other (2-085)', async () => {
    const own = await get('Patient/p1', as.reader);
    expect([own.status, own.text]).toEqual([200, (await house.read('Patient/p1')).text]);
    const foreign = await get('Patient/p2', as.reader);
    const missing = await get('Patient/p3', as.reader);
    expect([foreign.status, missing.status]).toEqual([404, 404]);
    expect(foreign.text.replaceAll('p2', 'p3')).toBe(missing.text); // a foreign one is as one that is not there
    expect(foreign.headers.get('etag')).toBeNull();
    const refused = await get('Patient/p1', as.writer);
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="watchfire", error="insufficient_scope"');
    expect((await get('Patient/p1', as.unassigned)).status).toBe(403);
  });

  it('finds that Patient alone, whatever it asks, and no include leads further', async () => {
    for (const query of [
      '',
      '?_id=p1,p2',
      '?active=true',
      '?active:not=false',
      '?_id:not=p1',
      '?_count=1',
      '?_sort=-_lastUpdated',
    ]) {
      const all: string[] = idsIn(await house.read(`Patient${query}`));
      const found: string[] = idsIn(await get(`Patient${query}`, as.reader));
      const byName = ['?_count=1', '?_sort=-_lastUpdated'].includes(query) ? ['p1'] : all.filter((id) => id === 'p1');
      expect([query, found]).toEqual([query, byName]);
    }
    expect((await get('Patient?_total=accurate', as.reader)).body.total).toBe(1);
    expect((await get('Patient?_count=0', as.reader)).body.total).toBe(1);
    const include = '?_include=Patient:organization&_include=Patient:link';
    expect(idsIn(await house.read(`Patient${include}&_id=p1`), 'include').sort()).toEqual(['org', 'p2']);
    expect(idsIn(await get(`Patient${include}`, as.reader), 'include')).toEqual([]);
    const searched = await house.ask('POST', '/fhir/Patient/_search', '_id=p1,p2', {
      'content-type': 'application/x-www-form-urlencoded',
      ...as.reader,
    });
    expect(idsIn(searched)).toEqual(['p1']);
  });

  it('opens nothing else: no other type, no version, no history, no trail', async () => {
    for (const path of [
      ...everything.filter((type) => type !== 'Patient'),
      'Patient/p1/_history/1',
      'Patient/p1/_history',
      'Observation/my-own',
      'Observation/my-own/_history',
      'Device/mine',
      'AuditEvent/trail-1',
      'Organization/org',
    ]) {
      for (const who of [as.reader, as.both, as.writer])
        expect([path, (await get(path, who)).status]).toEqual([path, 403]);
    }
    for (const path of ['/admin/keys', '/admin/store', '/metrics'])
      expect([path, (await house.ask('GET', path, undefined, as.both)).status]).toEqual([path, 403]);
  });

  it('reads as much in a batch or transaction as alone', async () => {
    const paths = ['Patient/p1', 'Patient/p2', 'Patient', 'Observation/my-own', 'Observation', 'Patient/p1/_history'];
    const entry = paths.map((url) => ({ request: { method: 'GET', url } }));
    const answer = await batchOf(entry, as.both);
    expect(statusesIn(answer)).toEqual([200, 404, 200, 403, 403, 403]);
    expect(answer.body.entry[2].resource.entry.map(({ resource }: any) => resource.id)).toEqual(['p1']);
    for (const [i, alone] of [200, 404, 200, 403, 403, 403].entries())
      expect([paths[i], (await house.transaction([entry[i]], as.both)).status]).toEqual([paths[i], alone]);
  });

  it('ends with the assignment', async () => {
    await house.update(device('moves', 'Patient/p1'));
    const key = { authorization: `Bearer ${await house.deviceKey('MOVES', { permissions: ['can_read_patient'] })}` };
    expect((await get('Patient/p1', key)).status).toBe(200);
    await house.update(device('moves', 'Patient/p2'));
    expect([(await get('Patient/p1', key)).status, (await get('Patient/p2', key)).status]).toEqual([404, 200]);
    await house.update(device('moves'));
    expect((await get('Patient/p2', key)).status).toBe(403);
  });
});

describe('A device that may write vitals', () => {
  it('writes its own readings about its patient or itself, and changes them (2-085)', async () => {
    for (const subject of ['Patient/p1', 'Device/mine']) {
      const created = await house.create(reading('Device/mine', subject), as.writer);
      expect([subject, created.status]).toEqual([subject, 201]);
      const changed = { ...created.body, status: 'amended' };
      expect((await house.update(changed, { ...as.writer, 'if-match': 'W/"1"' })).status).toBe(200);
      expect((await house.read(`Observation/${created.body.id}`)).body.status).toBe('amended');
    }
    expect((await house.create(reading('Device/mine', 'Patient/p1'), as.reader)).status).toBe(403);
  });

  it('writes nothing in the name of another device, about another patient, or of another type', async () => {
    const refused = [
      reading('Device/theirs', 'Patient/p1'),
      reading('Device/theirs', 'Patient/p2'),
      reading('Device/mine', 'Patient/p2'),
      reading('Device/mine', 'Device/theirs'),
      reading('Device/mine', `${house.url}/fhir/Patient/p2`),
      reading('Device/mine', 'http://elsewhere.example/fhir/Patient/p1'),
      { ...reading('Device/mine', 'Patient/p1'), device: undefined },
      { ...reading('Device/mine', 'Patient/p1'), subject: undefined },
      { resourceType: 'Patient' },
      { ...device('mine', 'Patient/p2'), id: undefined },
      { resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: 'Patient/p1' } },
    ];
    const before = await Promise.all(everything.map(async (type) => (await house.search(type)).length));
    for (const resource of refused) {
      const url = resource.resourceType;
      const { status, body } = await house.create(resource, as.both);
      expect(status).toBe(403);
      // Named by its type: the id that it would have been given tells nothing.
      expect(body.issue[0].diagnostics).toMatch(
        new RegExp(
          `^(create of ${url} is not permitted|a new ${url} like this one may not be written) with these rights$`,
        ),
      );
      expect([403, 404]).toContain((await house.update({ ...resource, id: 'new-one' }, as.both)).status);
      const entry = [{ resource, request: { method: 'POST', url } }];
      expect((await house.transaction(entry, as.both)).status).toBe(403);
      expect(statusesIn(await batchOf(entry, as.both))).toEqual([403]);
    }
    const after = await Promise.all(everything.map(async (type) => (await house.search(type)).length));
    const [auditBefore, auditAfter] = [before, after].map(
      (counts) => counts.splice(everything.indexOf('AuditEvent'), 1)[0]!,
    );
    expect(after).toEqual(before);
    expect(auditAfter! - auditBefore!).toBeGreaterThanOrEqual(refused.length * 4);
  });

  it('changes no reading of others, and learns nothing of them, not even their version', async () => {
    for (const id of ['not-mine', 'of-another-patient', 'of-another-device']) {
      const before = (await house.read(`Observation/${id}`)).text;
      const mine = reading('Device/mine', 'Patient/p1', { id });
      const texts = new Set<string>();
      const conditions: Record<string, string>[] = [
        {},
        { 'if-match': 'W/"1"' },
        { 'if-match': 'W/"7"' },
        { 'if-none-match': '*' },
      ];
      for (const condition of conditions) {
        const answer = await house.update(mine, { ...as.writer, ...condition });
        texts.add(`${answer.status} ${answer.text}`);
        const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = condition;
        const entry = [{ resource: mine, request: { method: 'PUT', url: `Observation/${id}`, ifMatch, ifNoneMatch } }];
        const refused = await house.transaction(entry, as.writer);
        expect([404, 412]).toContain(refused.status);
        expect(refused.text).not.toMatch(/version (?![17] of If-Match)/);
      }
      expect([...texts]).toEqual([expect.stringMatching(/^404 /)]);
      expect((await house.remove(`Observation/${id}`, as.writer)).status).toBe(403);
      expect((await house.read(`Observation/${id}`)).text).toBe(before);
    }
  });

  it('is refused conditions that it may not search by, instead of always creating anew', async () => {
    const identifier = [{ system: 'urn:r', value: '1' }];
    const mine = reading('Device/mine', 'Patient/p1', { identifier });
    expect((await house.create(mine, { ...as.both, 'if-none-exist': 'identifier=urn:r|1' })).status).toBe(403);
    expect((await house.ask('PUT', '/fhir/Observation?identifier=urn:r|1', mine, as.both)).status).toBe(403);
    const request = { method: 'POST', url: 'Observation' };
    const conditional = { resource: mine, request: { ...request, ifNoneExist: 'identifier=urn:r|1' } };
    expect((await house.transaction([conditional], as.both)).status).toBe(403);
    const pointing = { resource: reading('Device/mine', 'Patient?active=true'), request };
    expect((await house.transaction([pointing], as.writer)).status).toBe(403);
    expect((await house.transaction([pointing], as.both)).status).toBe(200); // its own patient is all that it finds
    expect(await house.search('Observation?identifier=urn:r|1')).toEqual([]);
  });

  it('stores a transaction whole or not at all, and a batch as far as it may', async () => {
    const identifier = [{ system: 'urn:r', value: 'mixed' }];
    const entry = ['Device/mine', 'Device/theirs'].map((device) => ({
      resource: reading(device, 'Patient/p1', { identifier }),
      request: { method: 'POST', url: 'Observation' },
    }));
    expect((await house.transaction(entry, as.writer)).status).toBe(403);
    expect(await house.search('Observation?identifier=urn:r|mixed')).toEqual([]);
    expect(statusesIn(await batchOf(entry, as.writer))).toEqual([201, 403]);
    expect(await house.search('Observation?identifier=urn:r|mixed')).toHaveLength(1);
  });

  it('takes no id of its own choosing, which might be that of a reading to come', async () => {
    const resource = { ...reading('Device/mine', 'Patient/p1'), id: 'chosen' };
    expect((await house.ask('PUT', '/fhir/Observation/chosen', resource, as.writer)).status).toBe(404);
    const entry = [{ resource, request: { method: 'PUT', url: 'Observation/chosen' } }];
    expect((await house.transaction(entry, as.writer)).status).toBe(404);
    expect((await house.read('Observation/chosen')).status).toBe(404);
  });
});
