import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;

beforeAll(async () => {
  house = await openHouse();
  for (const resource of resources)
    expect([resource.id, (await house.update(resource)).status]).toEqual([resource.id, 201]);
});
afterAll(() => house.stop());

const observation = (id: string, day: number, value: number, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/ada' },
  effectiveDateTime: `2026-01-0${day}T10:00:00Z`,
  valueQuantity: { value, unit: 'bpm', system: 'http://unitsofmeasure.org', code: '/min' },
  ...more,
});
const resources: readonly any[] = [
  {
    resourceType: 'Patient',
    id: 'ada',
    identifier: [{ system: 'urn:mrn', value: 'A|1' }],
    name: [{ family: 'Ångström', given: ['Ada'] }],
    gender: 'female',
    birthDate: '1950-03-02',
    generalPractitioner: [{ reference: 'Practitioner/gp' }],
  },
  { resourceType: 'Patient', id: 'bob', name: [{ family: 'Baker' }], gender: 'male', birthDate: '1960-03' },
  { resourceType: 'Practitioner', id: 'gp', active: true },
  observation('o1', 1, 60),
  observation('o2', 2, 70, { status: 'amended' }),
  observation('o3', 3, 80, { subject: { reference: 'Patient/bob' } }),
  {
    resourceType: 'RiskAssessment',
    id: 'r1',
    status: 'final',
    subject: { reference: 'Patient/ada' },
    prediction: [{ probabilityDecimal: 0.25 }],
  },
  { resourceType: 'ValueSet', id: 'v1', url: 'http://example.org/vs/1', status: 'active' },
];

const get = (query: string, headers?: Record<string, string>) => house.read(query, headers);
const entriesOf = ({ body }: Answer, mode = 'match'): any[] =>
  (body.entry ?? []).filter(({ search }: any) => search.mode === mode).map(({ resource }: any) => resource);
const idsOf = (answer: Answer, mode?: string): string[] => entriesOf(answer, mode).map(({ id }) => id);
const linkOf = ({ body }: Answer, relation: string): string | undefined =>
  body.link.find((link: any) => link.relation === relation)?.url;

describe('A search', () => {
  it.each([
    ['token', 'Patient?gender=female', ['ada']],
    ['token with system', 'Patient?identifier=urn:mrn%7CA%5C%7C1', ['ada']],
    ['token :not', 'Patient?gender:not=female', ['bob']],
    ['string, without accents and case', 'Patient?family=ANGS', ['ada']],
    ['string :exact', 'Patient?family:exact=Baker', ['bob']],
    ['string :contains', 'Patient?family:contains=ake', ['bob']],
    ['date', 'Patient?birthdate=1950-03', ['ada']],
    ['date with prefix', 'Patient?birthdate=gt1955', ['bob']],
    ['date as a range', 'Observation?date=ge2026-01-02&date=lt2026-01-03', ['o2']],
    ['reference', 'Observation?subject=Patient/bob', ['o3']],
    ['reference by bare id', 'Observation?patient=bob', ['o3']],
    ['quantity', 'Observation?value-quantity=gt65||/min', ['o2', 'o3']],
    ['quantity in another unit', 'Observation?value-quantity=1.00|http://unitsofmeasure.org|/s', ['o1']],
    ['number', 'RiskAssessment?probability=0.25', ['r1']],
    ['uri', 'ValueSet?url=http://example.org/vs/1', ['v1']],
    ['_id', 'Patient?_id=ada,none', ['ada']],
    ['_lastUpdated', 'Practitioner?_lastUpdated=ge2020', ['gp']],
    ['AND', 'Observation?status=final&subject=Patient/ada', ['o1']],
    ['OR', 'Observation?status=final,amended&patient=ada', ['o1', 'o2']],
    [':missing', 'Patient?general-practitioner:missing=true', ['bob']],
  ])('by %s finds over HTTP what it names: %s', async (_kind, query, ids) => {
    const answer = await get(query);
    expect([answer.status, idsOf(answer).sort()]).toEqual([200, ids]);
    expect(answer.body.type).toBe('searchset');
    for (const { fullUrl, resource } of answer.body.entry)
      expect(fullUrl).toBe(`${house.url}/fhir/${resource.resourceType}/${resource.id}`);
    const [type, parameters] = [query.slice(0, query.indexOf('?')), query.slice(query.indexOf('?') + 1)];
    const posted = await house.ask('POST', `/fhir/${type}/_search`, parameters.replaceAll('+', '%2B'), {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect([posted.status, idsOf(posted).sort()]).toEqual([200, ids]);
    expect(linkOf(posted, 'self')).toBe(linkOf(answer, 'self'));
  });

  it('takes parameters from the address and the form of a POST together', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const both = await house.ask('POST', '/fhir/Observation/_search?status=final', 'patient=ada', form);
    expect(idsOf(both)).toEqual(['o1']);
    expect(linkOf(both, 'self')).toBe(`${house.url}/fhir/Observation?status=final&patient=ada`);
    const again = await house.ask('POST', '/fhir/Observation/_search?status=final', 'status=amended', form);
    expect(again.body.entry).toBeUndefined();
    expect((await house.ask('POST', '/fhir/Observation/_search', '_format=xml', form)).status).toBe(406);
    expect((await house.ask('POST', '/fhir/Observation/_search', { patient: 'ada' })).status).toBe(415);
  });

  it('says of a broken escape whether it stands in the address or in the form', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const told = async (address: string, body: string) =>
      (await house.ask('POST', `/fhir/Observation/_search${address}`, body, form)).body.issue[0].diagnostics;
    expect(await told('?code=%zz', '')).toContain('address');
    expect(await told('', 'code=%zz')).toContain('form');
  });

  it('has in its links the count that was used', async () => {
    const links = (await get('Observation?_count=5000')).body.link.map(({ url }: any) => url);
    expect(links).toEqual([`${house.url}/fhir/Observation?_count=1000`]);
  });

  it.each([
    ['_sort=secret', '_sort'],
    ['_sort=_id,-secret', '_sort'],
    ['_filter=secret eq x', '_filter'],
    ['_include=Patient:secret', '_include'],
    ['_include=secret:x', '_include'],
    ['_elements=secret', '_elements'],
    ['_summary=secret', '_summary'],
    ['birthdate=secret', 'birthdate'],
    ['organization.name:loud=x', 'organization.name:loud'],
    ['link.birthdate=secret', 'link.birthdate'],
    ['gender:exact=secret', 'gender:exact'],
  ])('refuses %s without its value, and names the parameter as the place', async (query, name) => {
    const { status, body } = await get(`Patient?${query}`);
    expect([status, body.issue[0].expression]).toEqual([400, [`http.${name}`]]);
    expect(body.issue[0].diagnostics.replaceAll(name, '')).not.toContain('secret');
  });

  it('says of a type that is none where it stands', async () => {
    const { status, body } = await house.ask('GET', '/fhir?_type=Patient,Secret');
    expect([status, body.issue[0].expression]).toEqual([400, ['http._type']]);
    expect(body.issue[0].diagnostics).toMatch(/value 2 /);
    expect(body.issue[0].diagnostics).not.toContain('Secret');
  });

  it('sorts, up and down and by several keys', async () => {
    expect(idsOf(await get('Observation?_sort=date'))).toEqual(['o1', 'o2', 'o3']);
    expect(idsOf(await get('Observation?_sort=-date'))).toEqual(['o3', 'o2', 'o1']);
    expect(idsOf(await get('Patient?_sort=family'))).toEqual(['ada', 'bob']);
    expect(idsOf(await get('Patient?_sort=-birthdate,_id'))).toEqual(['bob', 'ada']);
  });

  it('includes one step, once each, marked as such, and only with what is on the page', async () => {
    const answer = await get('Observation?_include=Observation:subject&_sort=date');
    expect(idsOf(answer)).toEqual(['o1', 'o2', 'o3']);
    expect(idsOf(answer, 'include').sort()).toEqual(['ada', 'bob']);
    const first = await get('Observation?_include=Observation:subject:Patient&_sort=date&_count=1');
    expect([idsOf(first), idsOf(first, 'include')]).toEqual([['o1'], ['ada']]);
    expect(idsOf(await get('Observation?_include=Observation:subject:Group'), 'include')).toEqual([]);
  });

  it('includes with :iterate=* what the included refer to, of whatever type', async () => {
    const once = await get('RiskAssessment?_include=*');
    expect(idsOf(once, 'include')).toEqual(['ada']);
    const all = await get('RiskAssessment?_include:iterate=*');
    expect(idsOf(all, 'include')).toEqual(['ada', 'gp']);
  });

  it('gives totals where they are wanted, and no entries for _count=0 and _summary=count', async () => {
    for (const query of ['_count=0', '_summary=count']) {
      const { body } = await get(`Observation?${query}`);
      expect([query, body.total, body.entry]).toEqual([query, 3, undefined]);
    }
    const sizes = ['5000', '99999999999', '-1'].map(async (size) => (await get(`Observation?_count=${size}`)).status);
    expect(await Promise.all(sizes)).toEqual([200, 200, 400]);
    const { body } = await get('Observation?_total=accurate&_count=1');
    expect([body.total, body.entry.length]).toEqual([3, 1]);
    const none = await get('Observation?status=unknown');
    expect([none.status, none.body.entry]).toEqual([200, undefined]);
  });

  it('names the parameters that it ignores, leaves them out of its self link, and refuses them where that is wanted', async () => {
    const lenient = await get('Patient?color=red&gender=male');
    expect(idsOf(lenient)).toEqual(['bob']);
    expect(linkOf(lenient, 'self')).toBe(`${house.url}/fhir/Patient?gender=male`);
    const [outcome] = entriesOf(lenient, 'outcome');
    expect(outcome.issue[0]).toMatchObject({ severity: 'warning', code: 'not-supported' });
    expect(outcome.issue[0].diagnostics).toContain("'color'");
    const strict = await get('Patient?color=red&gender=male', { prefer: 'handling=strict' });
    expect([strict.status, strict.body.issue[0].diagnostics]).toEqual([400, expect.stringContaining("'color'")]);
  });

  it.each([
    ['a chain', 'Observation', 'colour.name=x'],
    ['a chain with a type', 'Observation', 'colour:Patient.name=x'],
    ['a chain without a value', 'Observation', 'colour.name='],
    ['the last step of a chain', 'Observation', 'patient.colour=red'],
    ['the last step of a chain to many types', 'Observation', 'subject.colour=red'],
    ['a step between', 'Observation', 'patient.colour.name=x'],
    ['the reference of a _has', 'Patient', '_has:Observation:colour:code=x'],
    ['the end of a _has', 'Patient', '_has:Observation:patient:colour=red'],
    ['a _has within a chain', 'Observation', 'patient._has:Observation:patient:colour=red'],
    ['a name with a modifier', 'Patient', 'colour:exact=red'],
  ])('passes over %s that nobody knows, and says so: %s?%s', async (_what, type, query) => {
    const name = query.split('=')[0]!;
    const [lenient, all] = [await get(`${type}?${query}&_sort=_id`), await get(`${type}?_sort=_id`)];
    expect(idsOf(lenient)).toEqual(idsOf(all));
    expect(linkOf(lenient, 'self')).toBe(linkOf(all, 'self'));
    expect(entriesOf(lenient, 'outcome')[0].issue).toEqual([
      expect.objectContaining({ severity: 'warning', diagnostics: expect.stringContaining(`'${name}'`) }),
    ]);
    const strict = await get(`${type}?${query}`, { prefer: 'handling=strict' });
    expect([strict.status, strict.body.issue[0].diagnostics]).toEqual([400, expect.stringContaining(`'${name}'`)]);
  });

  it.each([
    ['a filter by what nobody knows', 'Patient?_filter=colour eq red', 'character 1 '],
    ['a filter by a chain to what nobody knows', 'Observation?_filter=patient.colour eq red', 'character 1 '],
    ['a filter by a chain of what nobody knows', 'Observation?_filter=colour.name eq red', 'character 1 '],
    ['a filter with a date that is none', 'Patient?_filter=birthdate eq soon', '_filter'],
    ['a filter whose brackets do not end', 'Patient?_filter=link[name eq x', '_filter'],
    [
      'a filter with a date in brackets that is none',
      'Patient?_filter=link:Patient[birthdate eq x].name eq y',
      '_filter',
    ],
    ['a filter by a value set that nobody knows', 'Patient?_filter=gender in http://a.example/none', '_filter'],
    ['a chain to a date that is none', 'Observation?patient.birthdate=soon', "'patient.birthdate'"],
    ['a chain to many types with a value that is none', 'Observation?subject.birthdate=soon', "'subject.birthdate'"],
    ['a chain without a value', 'Observation?patient.name=', 'patient.name'],
    [
      'a _has with a date that is none',
      'Patient?_has:Observation:patient:date=soon',
      "'_has:Observation:patient:date'",
    ],
    ['a _has of a type that is none', 'Patient?_has:Colour:patient:code=x', '_has:Colour'],
    ['a chain to a type that is none', 'Observation?subject:Colour.name=x', 'subject:Colour'],
    ['a date that is none beside what nobody knows', 'Patient?colour=red&birthdate=soon', 'birthdate'],
    ['a chain over what is no reference', 'Observation?code.name=x', 'code.name'],
    ['a chain of more steps than three', 'Observation?subject:Patient.organization.partof.partof.name=x', 'subject'],
    ['_has of a reference that never leads here', 'Patient?_has:Observation:device:code=x', '_has'],
    ['_query', 'Patient?_query=x', '_query'],
    ['_revinclude of everything', 'Patient?_revinclude=*', '_revinclude'],
    ['_revinclude of what never refers here', 'Patient?_revinclude=Observation:device', '_revinclude'],
    ['_include of another type', 'Observation?_include=Patient:general-practitioner', '_include'],
    ['_elements that the type does not have', 'Patient?_elements=colour', '_elements'],
    ['a _summary that is none', 'Patient?_summary=short', '_summary'],
    ['_summary of text beside an include', 'Observation?_summary=text&_include=*', '_summary'],
    ['an unknown modifier', 'Patient?gender:loud=male', 'gender:loud'],
    ['a composite that is none', 'Observation?code-value-quantity=x', 'code-value-quantity'],
    ['a sort by what the type does not have', 'Patient?_sort=colour', '_sort'],
    ['a date that is none', 'Patient?birthdate=soon', 'birthdate'],
    ['a number that is none', 'RiskAssessment?probability=high', 'probability'],
    ['a count that is none', 'Patient?_count=-1', '_count'],
    ['a total that is none', 'Patient?_total=some', '_total'],
    ['an empty value', 'Patient?name=', 'name'],
  ])('refuses %s with 400 and names the parameter: %s', async (_what, query, name) => {
    const { status, body } = await get(query);
    expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
    expect(body.issue[0].diagnostics).toContain(name);
  });

  it('of an unknown type finds no address', async () => {
    expect((await get('Patiend?name=x')).status).toBe(404);
  });

  it('answers HEAD with the head that GET has', async () => {
    const [head, whole] = [await house.ask('HEAD', '/fhir/Patient?gender=male'), await get('Patient?gender=male')];
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(whole.headers.get('content-length'));
    expect((await house.ask('HEAD', '/fhir/Patient?birthdate=soon')).status).toBe(400);
  });
});
