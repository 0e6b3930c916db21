/** `_summary` and `_elements`: what they leave, in searches and reads; and that no part is stored in place of the whole. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;

const narrative = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">60 bpm</div>' };
const observation = `{"resourceType":"Observation","id":"o","text":${JSON.stringify(narrative)},"extension":[{"url":"http://example.org/x","valueDecimal":1.50}],"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","extension":[{"url":"http://example.org/y","valueCode":"a"}]}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-01","valueQuantity":{"value":98.00,"unit":"bpm"},"note":[{"text":"calm"}],"component":[{"code":{"text":"part"},"valueInteger":3,"interpretation":[{"text":"low"}]}]}`;

beforeAll(async () => {
  house = await openHouse();
  await house.update({
    resourceType: 'Patient',
    id: 'p',
    text: narrative,
    name: [{ family: 'Ångström', given: ['Ada'] }],
    contact: [{ name: { family: 'B' } }],
  });
  expect((await house.ask('PUT', '/fhir/Observation/o', observation)).status).toBe(201);
});
afterAll(() => house.stop());

const membersOf = (resource: any) => Object.keys(resource).filter((name) => name !== 'meta');
const matchOf = ({ body }: Answer) => body.entry[0].resource;
const isTagged = ({ meta }: any) =>
  JSON.stringify(meta.tag) ===
  '[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]';

const ofObservation = ['resourceType', 'id', 'status', 'code'];
const forms: readonly (readonly [query: string, members: readonly string[]])[] = [
  ['_summary=text', [...ofObservation, 'text']],
  [
    '_summary=data',
    [...ofObservation, 'extension', 'subject', 'effectiveDateTime', 'valueQuantity', 'note', 'component'],
  ],
  ['_summary=true', [...ofObservation, 'subject', 'effectiveDateTime', 'valueQuantity', 'component']],
  ['_elements=note', [...ofObservation, 'note']],
  ['_elements=note,subject', [...ofObservation, 'note', 'subject']],
  ['_elements=value', [...ofObservation, 'valueQuantity']],
  ['_elements=value[x]', [...ofObservation, 'valueQuantity']],
  ['_elements=valueQuantity', [...ofObservation, 'valueQuantity']],
  ['_elements=valueString', ofObservation],
  ['_elements=note&_elements=text', [...ofObservation, 'note', 'text']],
  ['_elements=note,subject&_summary=true', [...ofObservation, 'subject']],
];

describe('A short form', () => {
  it.each(forms)('by %s has %s, in a search, a read and a read of a version', async (query, members) => {
    const found = await house.read(`Observation?_id=o&${query}`);
    expect([found.status, membersOf(matchOf(found)).sort()]).toEqual([200, [...members].sort()]);
    expect(isTagged(matchOf(found))).toBe(true);
    expect(matchOf(found).meta.versionId).toBe('1');
    for (const address of ['Observation/o', 'Observation/o/_history/1']) {
      const read = await house.read(`${address}?${query}`);
      expect([address, read.status, read.body]).toEqual([address, 200, matchOf(found)]);
      expect(read.headers.get('etag')).toBe('W/"1"');
    }
  });

  it('keeps the digits of decimals', async () => {
    expect((await house.read('Observation?_elements=value')).text).toContain('"value":98.00');
    expect((await house.read('Observation/o?_summary=data')).text).toContain('"valueDecimal":1.50');
  });

  it('as a summary leaves out of datatypes and parts what is no summary of them', async () => {
    const { body } = await house.read('Observation/o?_summary=true');
    expect(body.code).toEqual({ coding: [{ system: 'http://loinc.org', code: '8867-4' }] });
    expect(body.component).toEqual([{ code: { text: 'part' }, valueInteger: 3 }]);
    expect(membersOf((await house.read('Patient/p?_summary=true')).body)).toEqual(['resourceType', 'id', 'name']);
  });

  it('is the whole, untagged, for _summary=false', async () => {
    const whole = await house.read('Observation/o');
    expect((await house.read('Observation/o?_summary=false')).text).toBe(whole.text);
    expect(matchOf(await house.read('Observation?_id=o&_summary=false'))).toEqual(whole.body);
    expect(whole.body.meta.tag).toBeUndefined();
  });

  it('by _elements is that of the matches, by _summary that of what is included too', async () => {
    const includedBy = async (query: string) =>
      (await house.read(`Observation?_include=Observation:subject&${query}`)).body.entry[1].resource;
    expect(await includedBy('_elements=note')).toEqual((await house.read('Patient/p')).body);
    expect(membersOf(await includedBy('_summary=data'))).toEqual(['resourceType', 'id', 'name', 'contact']);
  });

  it('is of an entry of a Bundle too', async () => {
    const entry = ['Observation/o?_elements=note', 'Observation?_elements=note'].map((url) => ({
      request: { method: 'GET', url },
    }));
    for (const type of ['batch', 'transaction']) {
      const { body } = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type, entry });
      const [read, found] = body.entry.map(({ resource }: any) => resource);
      expect(membersOf(read).sort()).toEqual([...ofObservation, 'note'].sort());
      expect(found.entry[0].resource).toEqual(read);
    }
  });

  it('is not sent to those who have the version already', async () => {
    const unchanged = await house.read('Observation/o?_summary=true', { 'if-none-match': 'W/"1"' });
    expect([unchanged.status, unchanged.text]).toEqual([304, '']);
  });

  it('is of the server’s own AuditEvents too', async () => {
    const [{ id }] = await house.search('AuditEvent?_count=1000&action=U');
    for (const answer of [
      (await house.read(`AuditEvent/${id}?_elements=action`)).body,
      matchOf(await house.read(`AuditEvent?_id=${id}&_elements=action`)),
    ]) {
      expect(isTagged(answer)).toBe(true);
      expect(Object.keys(answer)).toEqual(expect.arrayContaining(['id', 'action', 'type', 'agent']));
      expect(answer.entity).toBeUndefined();
    }
  });

  it.each(['_summary=count', '_summary=short', '_elements=colour', '_elements=', '_elements=name.family'])(
    'is refused of a read where it cannot be: %s',
    async (query) => {
      const { status, body } = await house.read(`Patient/p?${query}`);
      expect([status, body.issue[0].diagnostics]).toEqual([400, expect.stringContaining(query.split('=')[0]!)]);
    },
  );
});

describe('The count alone', () => {
  it('is a total without resources, and says which parameters it passed over', async () => {
    const { body } = await house.read('Observation?_summary=count');
    expect([body.total, body.entry]).toEqual([1, undefined]);
    const lenient = await house.read('Observation?_summary=count&colour=red');
    expect(lenient.body.entry.map(({ search }: any) => search.mode)).toEqual(['outcome']);
  });
});

describe('A part', () => {
  it('is not stored in place of the whole, by no kind of update', async () => {
    const { body } = await house.read('Patient/p?_elements=name');
    const put = await house.update(body);
    expect([put.status, put.body.issue[0].expression]).toEqual([422, ['Patient.meta.tag']]);
    expect(put.body.issue[0].diagnostics).toContain('SUBSETTED');
    const conditional = await house.ask('PUT', '/fhir/Patient?_id=p', body);
    const inBundle = await house.transaction([{ resource: body, request: { method: 'PUT', url: 'Patient/p' } }]);
    expect([conditional.status, inBundle.status]).toEqual([422, 422]);
    expect((await house.read('Patient/p')).body.meta.versionId).toBe('1');
  });
});
