/** `_contained` and `_containedType` over HTTP. https://hl7.org/fhir/R4/search.html#contained */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
/** Authorization of a device that is assigned to `carl`. */
let device: Record<string, string>;

const name = (family: string, given: string) => [{ family, given: [given] }];
const observation = (id: string, contained: readonly any[], more: object = {}) => ({
  resourceType: 'Observation',
  id,
  contained,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: '#p1' },
  ...(contained.length > 1 && { focus: contained.slice(1).map((one) => ({ reference: `#${one.id}` })) }),
  ...more,
});
const resources: readonly any[] = [
  { resourceType: 'Patient', id: 'ada', name: name('Byron', 'Ada'), gender: 'female' },
  { resourceType: 'Patient', id: 'bob', name: name('Baker', 'Bob'), gender: 'male' },
  observation('one', [{ resourceType: 'Patient', id: 'p1', name: name('Byron', 'George'), gender: 'male' }]),
  observation('two', [
    { resourceType: 'Patient', id: 'p1', name: name('Byron', 'Anne'), gender: 'female', birthDate: '1817-01-12' },
    { resourceType: 'Patient', id: 'p2', name: name('Baker', 'George'), gender: 'male' },
  ]),
  observation('none', [{ resourceType: 'Group', id: 'p1', type: 'person', actual: true }]),
  {
    resourceType: 'Patient',
    id: 'carl',
    contained: [{ resourceType: 'Patient', id: 'twin', name: name('Byron', 'Otto'), gender: 'male' }],
    name: name('Byron', 'Carl'),
    gender: 'male',
    link: [{ other: { reference: '#twin' }, type: 'seealso' }],
  },
  {
    resourceType: 'Location',
    id: 'ward',
    contained: [{ resourceType: 'Location', id: 'house', position: { latitude: 52.5, longitude: 13.4 } }],
    partOf: { reference: '#house' },
  },
  {
    resourceType: 'RiskAssessment',
    id: 'risk',
    contained: [
      {
        resourceType: 'Observation',
        id: 'o1',
        status: 'final',
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
        subject: { reference: 'Patient/ada' },
        effectiveDateTime: '2026-01-01',
        valueQuantity: { value: 1.5, unit: 'g', system: 'http://unitsofmeasure.org', code: 'g' },
      },
    ],
    status: 'final',
    subject: { reference: 'Patient/bob' },
    basis: [{ reference: '#o1' }],
  },
  {
    resourceType: 'MedicationRequest',
    id: 'mixed',
    contained: [
      {
        resourceType: 'Medication',
        id: 'med1',
        code: { text: 'own mixture' },
        ingredient: [{ itemCodeableConcept: { coding: [{ system: 'urn:drugs', code: 'abc' }] } }],
      },
      { resourceType: 'Practitioner', id: 'doc', name: name('Moreau', 'Ines'), gender: 'female' },
      { resourceType: 'Practitioner', id: 'nurse', name: name('Keller', 'Jo'), gender: 'male', active: true },
    ],
    status: 'active',
    intent: 'order',
    medicationReference: { reference: '#med1' },
    subject: { reference: 'Patient/ada' },
    requester: { reference: '#doc' },
    performer: { reference: '#nurse' },
  },
  {
    resourceType: 'EpisodeOfCare',
    id: 'care',
    contained: [{ resourceType: 'Practitioner', id: 'doc', name: name('Moreau', 'Luc') }],
    status: 'active',
    patient: { reference: 'Patient/ada' },
    careManager: { reference: '#doc' },
  },
  { resourceType: 'Medication', id: 'stock', ingredient: [{ itemCodeableConcept: { coding: [{ code: 'abc' }] } }] },
  {
    resourceType: 'MedicationRequest',
    id: 'plain',
    status: 'active',
    intent: 'order',
    medicationReference: { reference: 'Medication/stock' },
    subject: { reference: 'Patient/bob' },
  },
];

beforeAll(async () => {
  house = await openHouse();
  for (const resource of resources)
    expect([resource.id, (await house.update(resource)).status]).toEqual([resource.id, 201]);
  await house.update({
    resourceType: 'Device',
    id: 'd1',
    identifier: [{ system: 'urn:device', value: 'D1' }],
    patient: { reference: 'Patient/carl' },
  });
  const key = await house.deviceKey('D1', { permissions: ['can_write_vitals', 'can_read_patient'] });
  device = { authorization: `Bearer ${key}` };
});
afterAll(() => house.stop());

const urlsIn = ({ status, body }: Answer): string[] => {
  expect([status, body.issue]).toEqual([200, undefined]);
  return (body.entry ?? [])
    .filter(({ search }: any) => search.mode === 'match')
    .map(({ fullUrl }: any) => fullUrl.replace(`${house.url}/fhir/`, ''))
    .sort();
};
const found = async (query: string) => urlsIn(await house.read(query));

describe('A search for contained resources', () => {
  it.each([
    ['by default only what stands alone', 'Patient?name=byron', ['Patient/ada', 'Patient/carl']],
    ['the same when that is said', 'Patient?name=byron&_contained=false', ['Patient/ada', 'Patient/carl']],
    [
      'containers of any type',
      'Patient?name=byron&_contained=true',
      ['Observation/one', 'Observation/two', 'Patient/carl'],
    ],
    ['one that fulfils all conditions', 'Patient?family=byron&given=george&_contained=true', ['Observation/one']],
    [
      'what lacks a value',
      'Patient?birthdate:missing=true&family=byron&_contained=true',
      ['Observation/one', 'Patient/carl'],
    ],
    ['what does not have a value', 'Patient?gender:not=male&_contained=true', ['Observation/two']],
    ['by its local id', 'Patient?_id=p2,twin&_contained=true', ['Observation/two', 'Patient/carl']],
    [
      'by a filter',
      'Patient?_filter=family eq byron and (given eq otto or birthdate lt 1900)&_contained=true',
      ['Observation/two', 'Patient/carl'],
    ],
    ['any of the type', 'Patient?_contained=true', ['Observation/one', 'Observation/two', 'Patient/carl']],
    ['by a date', 'Patient?birthdate=1817&_contained=true', ['Observation/two']],
    ['by a place', 'Location?near=52.5|13.41|10|km&_contained=true', ['Location/ward']],
    ['by a place elsewhere', 'Location?near=48.1|11.5|10|km&_contained=true', []],
    [
      'by quantity, reference and code',
      'Observation?value-quantity=1500|http://unitsofmeasure.org|mg&patient=ada&code=8867-4&date=2026&_contained=true',
      ['RiskAssessment/risk'],
    ],
    ['by a quantity in its own unit', 'Observation?value-quantity=1.5||g&_contained=true', ['RiskAssessment/risk']],
    ['nothing of the type', 'Practitioner?name=byron&_contained=true', []],
    [
      'both',
      'Patient?name=byron&_contained=both',
      ['Observation/one', 'Observation/two', 'Patient/ada', 'Patient/carl'],
    ],
    [
      'the contained ones',
      'Patient?name=byron&_contained=true&_containedType=contained',
      ['Observation/one#p1', 'Observation/two#p1', 'Patient/carl#twin'],
    ],
    [
      'both, the contained by themselves',
      'Patient?family=byron&gender=male&_contained=both&_containedType=contained',
      ['Observation/one#p1', 'Patient/carl', 'Patient/carl#twin'],
    ],
    [
      'several of one container',
      'Patient?_contained=true&_containedType=contained&_id=p1,p2',
      ['Observation/one#p1', 'Observation/two#p1', 'Observation/two#p2'],
    ],
  ])('finds %s', async (_what, query, urls) => {
    expect(await found(encodeURI(query))).toEqual(urls);
  });

  it('shows the container whole, and the contained resource as it stands in it', async () => {
    const [container] = (await house.read('Patient?birthdate=1817&_contained=true')).body.entry;
    expect(container).toMatchObject({ fullUrl: `${house.url}/fhir/Observation/two`, search: { mode: 'match' } });
    expect(container.resource.contained).toHaveLength(2);
    const [inner] = (await house.read('Patient?birthdate=1817&_contained=true&_containedType=contained')).body.entry;
    expect(inner).toEqual({
      fullUrl: `${house.url}/fhir/Observation/two#p1`,
      resource: resources[3].contained[0],
      search: { mode: 'match' },
    });
    const short = await house.read('Patient?birthdate=1817&_contained=true&_containedType=contained&_elements=gender');
    expect(short.body.entry[0].resource).toMatchObject({ id: 'p1', gender: 'female' });
    expect(short.body.entry[0].resource).not.toHaveProperty('birthDate');
  });

  it('counts, pages and sorts by the containers', async () => {
    const query = 'Patient?name=byron&_contained=both&_sort=-_id';
    const { body } = await house.read(`${query}&_count=3&_total=accurate`);
    expect([body.total, body.entry.map(({ resource }: any) => resource.id)]).toEqual([4, ['two', 'one', 'carl']]);
    const next = body.link.find(({ relation }: any) => relation === 'next').url;
    expect((await house.ask('GET', next)).body.entry.map(({ resource }: any) => resource.id)).toEqual(['ada']);
    expect((await house.read(`${query}&_summary=count`)).body.total).toBe(4);
    expect(await found('Patient?name=byron&_contained=true&_sort=_lastUpdated')).toHaveLength(3);
  });

  it('shows no more contained resources on a page than asked for, unless one container has more, and each once', async () => {
    const all = await found('Patient?_contained=both&_containedType=contained&_count=100');
    for (const order of ['_id', '-_lastUpdated', '']) {
      for (const count of [1, 2, 3, 4]) {
        const pages: string[][] = [];
        let url: string | undefined = `Patient?_contained=both&_containedType=contained&_count=${count}`;
        let back: string | undefined;
        if (order !== '') url += `&_sort=${order}`;
        url = `/fhir/${url}`;
        while (url !== undefined) {
          const answer = await house.ask('GET', url);
          pages.push(urlsIn(answer));
          const link = (relation: string) => answer.body.link.find((one: any) => one.relation === relation)?.url;
          [url, back] = [link('next'), link('previous')];
        }
        expect(pages.flat().sort()).toEqual(all);
        for (const page of pages) {
          const containers = new Set(page.map((one) => one.split('#')[0]));
          expect(page.length <= count || containers.size === 1).toBe(true);
        }
        const backwards: string[] = [...pages.at(-1)!];
        while (back !== undefined) {
          const answer = await house.ask('GET', back);
          backwards.push(...urlsIn(answer));
          back = answer.body.link.find((one: any) => one.relation === 'previous')?.url;
        }
        expect([order, count, backwards.sort()]).toEqual([order, count, all]);
      }
    }
  });

  it('no longer finds what an update took out', async () => {
    const inner = { resourceType: 'Patient', id: 'p1', name: name('Fleeting', 'Fay') };
    const kept = { resourceType: 'Observation', id: 'changing', status: 'final', code: { text: 'x' } };
    await house.update({ ...kept, contained: [inner], subject: { reference: '#p1' } });
    expect(await found('Patient?name=fleeting&_contained=true')).toEqual(['Observation/changing']);
    await house.update(kept);
    expect(await found('Patient?name=fleeting&_contained=true')).toEqual([]);
  });

  it('finds by POST and inside a batch too', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const posted = await house.ask('POST', '/fhir/Patient/_search', 'given=otto&_contained=true', headers);
    expect(urlsIn(posted)).toEqual(['Patient/carl']);
    const request = { method: 'GET', url: 'Patient?given=otto&_contained=true&_containedType=contained' };
    const batch = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry: [{ request }] });
    expect(batch.body.entry[0].resource.entry[0].resource.id).toBe('twin');
  });

  it('finds only in containers that the caller may find', async () => {
    const asked = async (query: string) => urlsIn(await house.read(query, device));
    expect(await asked('Patient?name=byron&_contained=true')).toEqual(['Patient/carl']);
    expect(await asked('Patient?name=byron&_contained=both')).toEqual(['Patient/carl']);
    expect(await asked('Patient?given=george&_contained=both')).toEqual([]);
    expect(await asked('Patient?_contained=true&_containedType=contained')).toEqual(['Patient/carl#twin']);
    expect((await house.read('Patient?_contained=both&_total=accurate', device)).body.total).toBe(1);
  });

  it.each([
    [
      'a token',
      'MedicationRequest?medication.ingredient-code=abc',
      ['MedicationRequest/mixed', 'MedicationRequest/plain'],
    ],
    [
      'a token with a system',
      'MedicationRequest?medication.ingredient-code=urn:drugs|abc',
      ['MedicationRequest/mixed'],
    ],
    ['several values', 'MedicationRequest?medication.ingredient-code=x,urn:drugs|abc', ['MedicationRequest/mixed']],
    ['a string', 'MedicationRequest?requester:Practitioner.family=moreau', ['MedicationRequest/mixed']],
    ['what another reference leads to', 'MedicationRequest?requester:Practitioner.family=keller', []],
    ['what it does not have', 'MedicationRequest?requester:Practitioner.gender:not=male', ['MedicationRequest/mixed']],
    ['what it has', 'MedicationRequest?requester:Practitioner.gender:not=female', []],
    ['what it lacks', 'MedicationRequest?requester:Practitioner.active:missing=true', ['MedicationRequest/mixed']],
    ['what only another lacks', 'MedicationRequest?intended-performer:Practitioner.active:missing=true', []],
    ['a filter', 'MedicationRequest?_filter=requester:Practitioner.family eq moreau', ['MedicationRequest/mixed']],
    ['a narrowed parameter', 'Observation?patient.given=anne', ['Observation/two']],
    ['a parameter of one type', 'EpisodeOfCare?care-manager.family=moreau', ['EpisodeOfCare/care']],
    ['any type of target', 'Observation?subject.given=anne', ['Observation/two']],
    ['another type', 'Observation?subject:Group.type=person', ['Observation/none']],
    ['no local id', 'Observation?subject:Patient._id=p1', []],
    [
      '_has before it',
      'Patient?_has:MedicationRequest:subject:medication.ingredient-code=abc',
      ['Patient/ada', 'Patient/bob'],
    ],
  ])('is followed by a chain to %s', async (_what, query, urls) => {
    expect(await found(encodeURI(query))).toEqual(urls);
  });

  it.each([
    ['Observation?subject:Patient.name=x&_contained=true', 'subject:Patient.name'],
    ['Patient?_has:Observation:patient:code=x&_contained=true', '_has'],
    ['Patient?_text=x&_contained=both', '_text'],
    ['Patient?_content=x&_contained=true', '_content'],
    ['Patient?_list=x&_contained=true', '_list'],
    ['Patient?_lastUpdated=2026&_contained=true', '_lastUpdated'],
    ['Patient?_lastUpdated:missing=true&_contained=true', '_lastUpdated'],
    ['Patient?_filter=_lastUpdated%20pr%20true&_contained=true', '_filter'],
    ['Observation?component-code-value-quantity=x$1&_contained=true', 'component-code-value-quantity'],
    ['Patient?_sort=name&_contained=true', '_sort'],
    ['Patient?_include=Patient:organization&_contained=true', '_include'],
    ['Patient?_revinclude=Observation:subject&_contained=both', '_include'],
    ['Patient?_elements=name&_contained=true', '_elements'],
    ['Patient?_total=accurate&_contained=true&_containedType=contained', '_total'],
    ['Patient?_summary=count&_contained=true&_containedType=contained', '_total'],
    ['?_type=Patient&_contained=true', '_contained'],
    ['Patient/ada/Observation?_contained=true', '_contained'],
    ['AuditEvent?_contained=true', '_contained'],
    ['Patient?_contained=yes', '_contained'],
    ['Patient?_contained=true&_containedType=all', '_containedType'],
  ])('refuses %s with 400', async (query, parameter) => {
    const { status, body } = await house.read(query);
    expect([status, body.issue?.[0].diagnostics]).toEqual([400, expect.stringContaining(parameter)]);
  });

  it('refuses it in a conditional', async () => {
    const { status } = await house.create(
      { resourceType: 'Patient' },
      { 'If-None-Exist': 'name=nobody&_contained=true' },
    );
    expect(status).toBe(400);
  });
});
