/** Search parameters become a query, and the query finds what R4 says. https://hl7.org/fhir/R4/search.html */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Problem } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/references.ts';
import { extract } from '../../src/search/extract.ts';
import { matches } from '../../src/search/match.ts';
import { parseSearch, type SearchOptions } from '../../src/search/parse.ts';
import type { SortKey } from '../../src/search/query.ts';
import { refused } from './refused.ts';

const strict: SearchOptions = { strict: true };
const parse = (type: string, query: string, options = strict) =>
  parseSearch(type, [...new URLSearchParams(query.replaceAll('+', '%2B'))], options);
const finds = (resource: Resource, query: string, options = strict): boolean =>
  matches(
    parse(resource.resourceType, query, options).query,
    extract(resource),
    { type: resource.resourceType, id: resource.id ?? '1' },
    Date.UTC(2026, 10, 24),
  );
const refusal = (type: string, query: string, options = strict): Problem => refused(() => parse(type, query, options));

const observation = (more: object): Resource => ({
  resourceType: 'Observation',
  id: '1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/1' },
  ...more,
});
const dated = (effectiveDateTime: string) => observation({ effectiveDateTime });
const during = (start: string, end: string) => observation({ effectivePeriod: { start, end } });

describe('dates', () => {
  // Each target against a value, for eq ne gt lt ge le sa eb ap: what lies before, within, around, after, across.
  const table: [target: Resource, value: string, expected: string][] = [
    [dated('2026-03-14'), '2026-03-14', 'eq ge le ap'],
    [dated('2026-03-14T10:00:00Z'), '2026-03-14', 'eq ge le ap'],
    [dated('2026-03-14T23:59:59.999Z'), '2026-03-14', 'eq ge le ap'],
    [dated('2026-03-15T00:00:00Z'), '2026-03-14', 'ne gt ge sa'],
    [dated('2026-03-13T23:59:59Z'), '2026-03-14', 'ne lt le eb'],
    [dated('2026-03-14T00:30:00+01:00'), '2026-03-14', 'ne lt le eb'],
    [dated('2026-03'), '2026-03-14', 'ne gt lt ge le ap'],
    [dated('2026'), '2026', 'eq ge le ap'],
    [dated('2026-03'), '2026', 'eq ge le ap'],
    [dated('2025'), '2026', 'ne lt le eb'],
    [dated('2026-03-14T10:00:00Z'), '2026-03-14T10:00', 'eq ge le ap'],
    [dated('2026-03-14T10:00:00Z'), '2026-03-14T10:00:00Z', 'eq ge le ap'],
    [dated('2026-03-14T10:00:00Z'), '2026-03-14T10:00:00.000Z', 'ne gt ge ap'],
    [dated('2026-03-14T10:00:00.500Z'), '2026-03-14T10:00:00Z', 'eq ge le ap'],
    [dated('2026-03-14T10:00:00.500Z'), '2026-03-14T10:00:00.5Z', 'eq ge le ap'],
    [dated('2026-03-14T10:00:00Z'), '2026-03-14T12:00:00+02:00', 'eq ge le ap'],
    [during('2026-03-13', '2026-03-14T12:00:00Z'), '2026-03-14', 'ne lt le ap'],
    [during('2026-03-14T12:00:00Z', '2026-03-20'), '2026-03-14', 'ne gt ge ap'],
    [during('2026-03-01', '2026-03-31'), '2026-03', 'eq ge le ap'],
    [observation({ effectivePeriod: { start: '2026-03-15' } }), '2026-03-14', 'ne gt ge sa'],
    [observation({ effectivePeriod: { end: '2026-03-15' } }), '2026-03-14', 'ne gt lt ge le ap'],
    [observation({}), '2026-03-14', ''],
  ];

  it.each(table)('compares %j with %s', (target, value, expected) => {
    const held = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'].filter((prefix) =>
      finds(target, `date=${prefix}${value}`),
    );
    expect(held.join(' ')).toBe(expected);
    expect(finds(target, `date=${value}`)).toBe(expected.startsWith('eq'));
    // The same in the fast lane.
    const lane = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'].filter((prefix) =>
      finds(target, `patient=1&code=http://loinc.org|8867-4&date=${prefix}${value}`),
    );
    expect(lane.join(' ')).toBe(expected);
  });

  it('takes a tenth of the distance to now as approximate', () => {
    const now = { strict: true, now: Date.UTC(2026, 0, 1) };
    expect(finds(dated('2025-03-05'), 'date=ap2025-03-01', now)).toBe(true);
    expect(finds(dated('2025-06-05'), 'date=ap2025-03-01', now)).toBe(false);
  });

  it('reads a blank before the zone as the plus that a URL swallowed', () => {
    expect(parseSearch('Observation', [['date', '2026-03-14T12:00:00 02:00']], strict).query.where).toEqual(
      parse('Observation', 'date=2026-03-14T10:00:00Z').query.where,
    );
  });

  it('asks lastUpdated of the engine', () => {
    expect(finds(dated('2026'), '_lastUpdated=2026-11-24')).toBe(true);
    expect(finds(dated('2026'), '_lastUpdated=gt2026-11-24,lt2026-11-24')).toBe(false);
  });
});

describe('numbers and quantities', () => {
  const risk = (probabilityDecimal: number): Resource => ({
    resourceType: 'RiskAssessment',
    prediction: [{ probabilityDecimal }],
  });

  it.each([
    ['100', [99.5, 100, 100.49], [99.49, 100.5]],
    ['100.00', [99.995, 100.004], [99.99, 100.005]],
    ['1e2', [95, 104.9], [94.9, 105]],
    ['1.0e2', [95, 104.9], [94.9, 105]],
    ['5.40e-3', [0.005395, 0.005404], [0.005394, 0.005405]],
    ['5.4', [5.35, 5.4, 5.449], [5.34, 5.45]],
    ['-5.4', [-5.45, -5.4], [-5.35, -5.46]],
    ['0', [-0.5, 0, 0.4], [0.5, -0.6]],
    ['0.1', [0.05, 0.1], [0.15, 0.04]],
    ['ne5.4', [5.34, 5.45], [5.35, 5.4]],
    ['gt5.4', [5.41, 5.45], [5.4, 5.3]],
    ['ge5.4', [5.4, 5.5], [5.399]],
    ['lt5.4', [5.39], [5.4]],
    ['le5.4', [5.4, 1], [5.401]],
    ['sa5.4', [5.41], [5.4]],
    ['eb5.4', [5.3], [5.4]],
    ['ap5', [4.5, 5, 5.5], [4.4, 5.6]],
  ])('probability=%s finds %j and not %j', (value, inside, outside) => {
    for (const one of inside) expect([one, finds(risk(one), `probability=${value}`)]).toEqual([one, true]);
    for (const one of outside) expect([one, finds(risk(one), `probability=${value}`)]).toEqual([one, false]);
  });

  it('compares quantities in any unit, by code, by unit and bare', () => {
    const ucum = 'http://unitsofmeasure.org';
    const fever = observation({ valueQuantity: { value: 100.4, unit: 'degrees F', system: ucum, code: '[degF]' } });
    expect(finds(fever, `value-quantity=38|${ucum}|Cel`)).toBe(true);
    expect(finds(fever, `value-quantity=gt38|${ucum}|Cel`)).toBe(false);
    expect(finds(fever, `value-quantity=ge38|${ucum}|Cel`)).toBe(true);
    expect(finds(fever, `value-quantity=gt37.9|${ucum}|Cel`)).toBe(true);
    expect(finds(fever, `value-quantity=ap37|${ucum}|Cel`)).toBe(true);
    expect(finds(fever, `value-quantity=38|${ucum}|kg`)).toBe(false);
    expect(finds(fever, 'value-quantity=100.4')).toBe(true);
    expect(finds(fever, 'value-quantity=100.4||[degF]')).toBe(true);
    expect(finds(fever, 'value-quantity=100.4||degrees F')).toBe(true);
    expect(finds(fever, 'value-quantity=38||Cel')).toBe(false);
    expect(finds(fever, 'combo-value-quantity=gt100||[degF]')).toBe(true);
    const tablets = observation({ valueQuantity: { value: 3, system: 'http://a.example', code: 'tbl' } });
    expect(finds(tablets, 'value-quantity=3|http://a.example|tbl')).toBe(true);
    expect(finds(tablets, 'value-quantity=lt3|http://a.example|tbl')).toBe(false);
    expect(finds(tablets, 'value-quantity=3|http://b.example|tbl')).toBe(false);
    const zero = observation({ valueQuantity: { value: 0, system: ucum, code: 'Cel' } });
    expect(finds(zero, `value-quantity=0|${ucum}|Cel`)).toBe(true);
    expect(finds(zero, `value-quantity=lt0|${ucum}|Cel`)).toBe(false);
  });
});

describe('tokens', () => {
  const patient: Resource = {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:mrn', value: 'A1' }, { value: 'B2' }, { system: 'urn:x', value: 'a,b|c' }],
    gender: 'male',
    active: true,
  };

  it.each([
    ['identifier=A1', true],
    ['identifier=urn:mrn|A1', true],
    ['identifier=urn:mrn|', true],
    ['identifier=urn:none|', false],
    ['identifier=|A1', false],
    ['identifier=|B2', true],
    ['identifier=urn:mrn|B2', false],
    ['identifier=a1', false],
    ['identifier=urn:x|a\\,b\\|c', true],
    ['identifier=zz,A1', true],
    ['identifier=A1&identifier=B2', true],
    ['identifier=A1&identifier=zz', false],
    ['identifier:not=A1', false],
    ['identifier:not=zz', true],
    ['identifier:missing=false', true],
    ['identifier:missing=true', false],
    ['telecom:missing=true', true],
    ['name:missing=true', true],
    ['birthdate:missing=true', true],
    ['birthdate:missing=false', false],
    ['general-practitioner:missing=false', false],
    ['gender=male', true],
    ['gender=http://hl7.org/fhir/administrative-gender|male', true],
    ['gender=http://a.example|male', false],
    ['gender:not=male', false],
    ['active=true', true],
    ['gender=Male', false], // as it is written
    ['gender=|male', false],
    ['gender:not=http://a.example|male', true],
    ['active=http://hl7.org/fhir/special-values|true', true],
    ['active=false', false],
    ['active=|true', false],
    ['active=http://a.example|true', false],
    ['active:not=false', true],
    ['_id=1', true],
    ['_id=2,1', true],
    ['_id=2', false],
  ])('%s is %s', (query, expected) => {
    expect(finds(patient, query)).toBe(expected);
  });

  it('knows which of two systems a bare code belongs to', () => {
    const task = (intent: string): Resource => ({ resourceType: 'Task', intent });
    expect(finds(task('order'), 'intent=order')).toBe(true);
    expect(finds(task('order'), 'intent=http://hl7.org/fhir/request-intent|order')).toBe(true);
    expect(finds(task('order'), 'intent=http://hl7.org/fhir/task-intent|order')).toBe(false);
    expect(finds(task('unknown'), 'intent=http://hl7.org/fhir/task-intent|unknown')).toBe(true);
    expect(finds(task('unknown'), 'intent=http://hl7.org/fhir/request-intent|unknown')).toBe(false);
    expect(finds(task('order'), 'intent=|order')).toBe(false);
  });

  it.each([
    ['Patient', 'active=TRUE'],
    ['Patient', 'active=yes'],
    ['Patient', 'active:not=no'],
    ['Patient', 'deceased=1'],
    ['Observation', 'subject:Patient.active=yes'],
    ['Patient', '_id=not an id'],
    ['Patient', `_id=${'x'.repeat(65)}`],
    ['Patient', '_id=Patient/1'],
    ['Patient', '_id=1,a_b'],
    ['Patient', '_id:not=a b'],
    ['Patient', '_id=\\'],
    ['Patient', 'identifier=a\\b'],
    ['Patient', 'name=trailing\\'],
    ['Patient', 'name:exact=\\"'],
    ['Observation', 'code-value-quantity=x\\y$5'],
    ['Observation', 'date=2013-01-10T12'],
    ['Observation', 'date=ge2013-01-10T12Z'],
    ['Observation', 'date=0000'],
    ['Observation', 'date=0000-01-01'],
    ['Observation', '_lastUpdated=gt2013-01-10T12'],
    ['Observation', 'value-quantity=00.5'],
    ['Observation', 'value-quantity=gt-01||mg'],
    ['RiskAssessment', 'probability=00.5'],
    ['Location', 'near=01|2'],
    ['Observation', 'subject=Foo/tp2'],
    ['Observation', 'subject=Foo/tp2/_history/1'],
    ['Observation', 'subject=Patient/tp2/_history/'],
    ['Observation', 'subject=tp2/_history/1'],
    ['Observation', 'subject:Medication=1'],
    ['Observation', 'patient:Group=1'],
  ])('refuses a value that nothing can have: %s?%s', (type, query) => {
    const { status, code, message } = refusal(type, query);
    expect({ status, code }).toEqual({ status: 400, code: 'value' });
    expect(message).toContain(query.slice(0, query.indexOf('=')).split('.').at(-1)!);
    expect(() => parse(type, query, { strict: false, conditional: true })).toThrow(message);
  });

  it('takes every escape', () => {
    const identified: Resource = { resourceType: 'Patient', identifier: [{ value: 'a,b|c$d\\e' }] };
    expect(finds(identified, 'identifier=a\\,b\\|c\\$d\\\\e')).toBe(true);
    const zero: Resource = { resourceType: 'RiskAssessment', prediction: [{ probabilityDecimal: 0.5 }] };
    expect(finds(zero, 'probability=0.5')).toBe(true);
    expect(finds(zero, 'probability=-0.5')).toBe(false);
  });

  it('refuses a system where values have none, and a system alone where it is implied', () => {
    expect(refusal('Patient', 'phone=home|555')).toMatchObject({ status: 400, code: 'value' });
    expect(refusal('Patient', 'gender=http://hl7.org/fhir/administrative-gender|')).toMatchObject({
      status: 400,
      code: 'value',
    });
  });

  it('tells missing from present for parameters that nearly every resource has', () => {
    expect(finds(observation({}), 'performer:missing=true')).toBe(true);
    expect(finds(observation({ performer: [{ reference: 'Device/1' }] }), 'performer:missing=true')).toBe(false);
    expect(finds(observation({ performer: [{ reference: 'Device/1' }] }), 'performer:missing=false')).toBe(true);
    expect(finds(observation({}), 'patient:missing=false')).toBe(true);
    expect(finds(observation({ subject: { reference: 'Group/1' } }), 'patient:missing=true')).toBe(true);
    expect(finds(observation({ subject: { reference: 'Group/1' } }), 'subject:missing=true')).toBe(false);
    expect(finds(observation({}), 'status:missing=true')).toBe(false);
    expect(finds(observation({}), 'code:missing=false')).toBe(true);
    expect(finds(observation({}), 'combo-code:missing=true')).toBe(false);
    expect(finds(observation({}), 'combo-value-concept:missing=true')).toBe(true);
    expect(finds(observation({ code: { text: 'x' } }), 'component-code:missing=true')).toBe(true);
  });
});

describe('strings and uris', () => {
  const patient: Resource = { resourceType: 'Patient', name: [{ family: 'Müller', given: ['Anna Maria'] }] };

  it.each([
    ['name=mul', true],
    ['family=MÜLLER', true],
    ['family=uller', false],
    ['family:contains=LLE', true],
    ['family:contains=x', false],
    ['family:exact=Müller', true],
    ['family:exact=müller', false],
    ['family:exact=Mül', false],
    ['given=anna m', true],
    ['phonetic=mul', true],
    ['name=x,anna', true],
  ])('%s is %s', (query, expected) => {
    expect(finds(patient, query)).toBe(expected);
  });

  it('compares uris as they stand', () => {
    const valueSet: Resource = {
      resourceType: 'ValueSet',
      url: 'http://v.example/a',
      meta: { profile: ['http://p.example/a|2'] },
    };
    expect(finds(valueSet, 'url=http://v.example/a')).toBe(true);
    expect(finds(valueSet, 'url=http://v.example/')).toBe(false);
    expect(finds(valueSet, '_profile=http://p.example/a')).toBe(true);
    expect(finds(valueSet, '_profile=http://p.example/a|1')).toBe(false);
  });
});

describe('references', () => {
  const group = observation({ subject: { reference: 'Group/1' } });

  it.each([
    ['subject=Patient/1', true, false],
    ['subject=1', true, true],
    ['patient=1', true, false],
    ['patient=Patient/1', true, false],
    ['patient=Group/1', false, false],
    ['subject:Group=1', false, true],
    ['subject:Patient=Patient/1', true, false],
    ['subject=Patient/2,Group/1', false, true],
    ['subject=http://other.example/Patient/1', false, false],
    ['subject=https://here.example/fhir/Patient/1', true, false],
  ])('%s finds a patient: %s, a group: %s', (query, patientFound, groupFound) => {
    const options = { strict: true, base: 'https://here.example/fhir' };
    expect(finds(observation({}), query, options)).toBe(patientFound);
    expect(finds(group, query, options)).toBe(groupFound);
  });

  it.each([
    ['Patient/1/_history/99', 'Patient/1/_history/99', true],
    ['Patient/1/_history/99', 'Patient/1/_history/9', false],
    ['Patient/1/_history/99', 'Patient/1', true],
    ['Patient/1/_history/99', '1', true],
    ['Patient/1/_history/99', 'https://here.example/fhir/Patient/1/_history/99', true],
    ['Patient/1/_history/99', 'http://other.example/Patient/1/_history/99', false],
    ['Patient/1/_history/99', 'Group/1/_history/99', false],
    ['Patient/1', 'Patient/1/_history/99', false],
    ['Patient/1', 'https://here.example/fhir/Patient/1/_history/1', false],
    ['http://other.example/Patient/1/_history/3', 'http://other.example/Patient/1/_history/3', true],
    ['http://other.example/Patient/1/_history/3', 'http://other.example/Patient/1/_history/4', false],
    ['http://other.example/Patient/1/_history/3', 'http://other.example/Patient/1', true],
  ])('%s is found by the version in %s: %s', (reference, value, expected) => {
    const options = { strict: true, base: 'https://here.example/fhir' };
    expect(finds(observation({ subject: { reference } }), `subject=${value}`, options)).toBe(expected);
    const isPatients = expected && !value.startsWith('Group');
    expect(finds(observation({ subject: { reference } }), `patient=${value}`, options)).toBe(isPatients);
  });

  it('finds absolute references and canonicals', () => {
    const foreign = observation({ subject: { reference: 'http://other.example/Patient/1' } });
    expect(finds(foreign, 'subject=http://other.example/Patient/1')).toBe(true);
    expect(finds(foreign, 'patient=http://other.example/Patient/1')).toBe(true);
    const response: Resource = { resourceType: 'QuestionnaireResponse', questionnaire: 'http://q.example/1|2' };
    expect(finds(response, 'questionnaire=http://q.example/1')).toBe(true);
    expect(finds(response, 'questionnaire=http://q.example/1|2')).toBe(true);
    expect(finds(response, 'questionnaire=http://q.example/1|3')).toBe(false);
  });
});

describe('what shapes the answer', () => {
  it('reads order, page, total and includes', () => {
    const { query, used } = parse(
      'Observation',
      '_sort=-date,_id&_count=5000&_total=accurate&_include=Observation:patient',
    );
    expect(query).toMatchObject({
      where: { is: 'all', of: [] },
      sort: [
        { by: 'range', name: 'Observation.date', descending: true },
        { by: 'id', descending: false },
      ],
      count: 1000,
      total: 'accurate',
      includes: [{ way: 'to', type: 'Observation', name: 'Observation.subject', target: 'Patient', iterate: false }],
    });
    expect(used).toHaveLength(4);
    expect(parse('Observation', '').query).toMatchObject({ count: 20, total: 'none' });
    expect(parse('Observation', '_count=0').query).toMatchObject({ count: 0, total: 'accurate' });
    expect(parse('Observation', '_summary=count').query).toMatchObject({ count: 0, total: 'accurate' });
    expect(parse('Patient', '_sort=family,-_lastUpdated').query.sort).toEqual([
      { by: 'text', name: 'Patient.family', descending: false },
      { by: 'range', name: 'Patient._lastUpdated', descending: true },
    ]);
  });

  it('says how much of each resource is asked for', () => {
    expect(parse('Patient', '').shape).toEqual({});
    expect(parse('Patient', '_summary=false&_contained=false&_containedType=container').shape).toEqual({});
    expect(parse('Patient', '_summary=count').shape).toEqual({});
    for (const summary of ['true', 'text', 'data']) {
      expect(parse('Patient', `_summary=${summary}`).shape).toEqual({ summary });
    }
    expect(parse('Patient', '_elements=name,birthDate&_elements=gender').shape).toEqual({
      elements: ['name', 'birthDate', 'gender'],
    });
  });

  it('names what it can sort by when it cannot sort by what was asked', () => {
    expect(refusal('Observation', '_sort=combo-code').message).toMatch(/sorted by _id, .*date.*_lastUpdated/);
    expect(parse('Observation', '_sort=value-quantity,-value-string').query.sort).toEqual([
      { by: 'range', name: 'Observation.value-quantity', descending: false },
      { by: 'text', name: 'Observation.value-string', descending: true },
    ]);
    expect(parse('Patient', '_sort=phonetic').query.sort).toEqual([
      { by: 'text', name: 'Patient.name', descending: false },
    ]);
  });

  it('passes over what it does not know, says so, and leaves it out of the self link', () => {
    const { used, ignored, issues } = parse('Patient', 'colour=red&name=a&_format=json', { strict: false });
    expect(used).toEqual([
      ['name', 'a'],
      ['_format', 'json'],
    ]);
    expect(ignored).toEqual(['colour']);
    expect(issues[0]).toMatchObject({ severity: 'warning', code: 'not-supported' });
  });
});

describe('refusals', () => {
  it.each([
    ['colour=red', 'not-supported', 'colour'],
    ['_sort=combo-code', 'not-supported', '_sort'],
    ['_sort=colour', 'not-supported', '_sort'],
    ['_sort=', 'invalid', '_sort'],
    ['_count=-1', 'invalid', '_count'],
    ['_count=ten', 'invalid', '_count'],
    ['_total=some', 'invalid', '_total'],
    ['_query=x', 'not-supported', '_query'],
    ['_contained=yes', 'invalid', '_contained'],
    ['_containedType=all', 'invalid', '_containedType'],
    ['_elements=colour', 'value', '_elements'],
    ['_elements=status,', 'value', '_elements'],
    ['_summary=short', 'invalid', '_summary'],
    ['_summary=text&_include=Observation:subject', 'invalid', '_summary'],
    ['_count=1&_count=2', 'invalid', '_count'],
    ['_sort=date&_sort=_id', 'invalid', '_sort'],
    ['_sort=date,date,date,date,date,date', 'too-costly', '_sort'],
    ['_sort:up=date', 'not-supported', '_sort:up'],
    ['_type=Observation', 'not-supported', '_type'],
    ['date:exact=2026', 'not-supported', 'date:exact'],
    ['code=', 'invalid', 'code'],
    ['code=a,,b', 'value', 'code'],
    ['code:one:two=a', 'not-supported', 'code:one:two'],
    ['code=|', 'value', 'code'],
    ['code=a|b|c', 'value', 'code'],
    ['date=abc-secret', 'value', 'date'],
    ['date=2026-13', 'value', 'date'],
    ['date=2026-02-30', 'value', 'date'],
    ['date=2026-01-01T25:00', 'value', 'date'],
    ['date=xx2026', 'value', 'date'],
    ['value-quantity=tall', 'value', 'value-quantity'],
    ['value-quantity=5|kg', 'value', 'value-quantity'],
    ['value-quantity=5|http://unitsofmeasure.org|', 'value', 'value-quantity'],
    ['focus=1', 'value', 'focus'],
    ['subject=a b', 'value', 'subject'],
    ['performer:missing=maybe', 'value', 'performer:missing'],
    [`code=${'a,'.repeat(501)}a`, 'too-costly', 'values'],
    [`code=${'a'.repeat(4097)}`, 'too-costly', 'code'],
    [Array(101).fill('code=a').join('&'), 'too-costly', 'parameters'],
  ])('%s', (query, code, named) => {
    const problem = refusal('Observation', query);
    expect(problem).toMatchObject({ status: 400, code });
    expect(problem.message).toContain(named);
    expect(problem.message).not.toMatch(/secret|tall/);
  });

  it('refuses in a conditional what asks for nothing, what is unknown and what only shapes an answer', () => {
    const conditional = { strict: false, conditional: true };
    expect(refusal('Patient', '', conditional)).toMatchObject({ status: 400, code: 'invalid' });
    expect(refusal('Patient', 'identifier=', conditional)).toMatchObject({ status: 400, code: 'invalid' });
    expect(refusal('Patient', 'colour=red', conditional)).toMatchObject({ status: 400, code: 'not-supported' });
    expect(refusal('Patient', 'name=a&_count=1', conditional)).toMatchObject({ status: 400, code: 'invalid' });
    expect(parse('Patient', 'name=a', conditional).ignored).toEqual([]);
  });

  it('knows no parameters that only JavaScript knows', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(refusal('Patient', `${name}=x`)).toMatchObject({ status: 400, code: 'not-supported' });
    }
    expect(refusal('constructor', 'a=b')).toMatchObject({ status: 404 });
  });
});

describe('a filter', () => {
  it('means what the parameters mean that it names', () => {
    const where = (query: string) => parse('Observation', query).query.where;
    expect(where('_filter=status eq "final" and patient.name sw "Ann"')).toEqual(
      where('status=final&patient.name=Ann'),
    );
    expect(where('_filter=code eq http://l|a and patient eq Patient/1')).toEqual(
      where('code=http://l|a&patient=Patient/1'),
    );
  });

  it('is answered or refused as a whole', () => {
    const lenient = { strict: false };
    expect(refusal('Patient', '_filter=colour eq "red" or name eq "a"', lenient)).toMatchObject({ status: 400 });
    expect(refusal('Patient', '_filter=name', lenient)).toMatchObject({ status: 400, code: 'invalid' });
    expect(refusal('Patient', '_filter=', lenient)).toMatchObject({ status: 400, code: 'invalid' });
    expect(refusal('Patient', '_filter:not=name eq "a"', lenient)).toMatchObject({
      status: 400,
      code: 'not-supported',
    });
    expect(refusal('Observation', 'patient._filter=name eq "a"', lenient)).toMatchObject({ status: 400 });
    const steps = 'part-of.part-of.part-of.part-of.status';
    expect(refusal('Observation', `_filter=${steps} eq "a"`, lenient)).toMatchObject({
      status: 400,
      code: 'too-costly',
    });
  });
});

describe('the fast lane', () => {
  const lanePrefix = 'Observation.patient+code=';

  it('is told to chains and _has between a patient and a code, which mean the same without it', () => {
    const lanes = { before: lanePrefix, after: [' http://loinc.org|1', ' http://loinc.org|1\0', ' |2', ' |2\0'] };
    const codes = 'code=http://loinc.org|1,|2';
    expect(parse('Observation', `subject:Patient.name=a&${codes}`).query.where).toMatchObject({
      is: 'all',
      of: [
        { is: 'any', of: expect.arrayContaining([expect.objectContaining({ is: 'refers', lanes })]) },
        { is: 'any' },
      ],
    });
    expect(parse('Patient', `_has:Observation:patient:${codes}`).query.where).toMatchObject({ is: 'referred', lanes });
    const within = parse('Encounter', `subject:Patient._has:Observation:patient:${codes}`).query.where;
    expect(JSON.stringify(within)).toContain(JSON.stringify(lanes));
    for (const [type, query] of [
      ['Observation', 'subject:Patient.name=a&code=1'],
      ['Observation', 'subject:Patient.name=a&code=http://loinc.org|'],
      ['Observation', 'subject:Group.code=1&code=http://loinc.org|1'],
      ['Observation', 'performer:Patient.name=a&code=http://loinc.org|1'],
      ['Patient', '_has:Observation:performer:code=http://loinc.org|1'],
      ['Patient', '_has:Condition:patient:code=http://loinc.org|1'],
      ['Patient', '_has:Observation:patient:status=final'],
    ] as const) {
      expect(JSON.stringify(parse(type, query).query)).not.toContain('"lanes"');
    }
  });

  it('answers patient and time with one range without a code, and sorts a patient along it', () => {
    const name = 'Observation.patient=Patient/1';
    const { where, sort } = parse('Observation', 'patient=1&category=a&date=ge2026&_sort=-date,_id').query;
    expect(where).toMatchObject({
      is: 'all',
      of: [
        { is: 'range', name },
        { is: 'key', name: 'Observation.category' },
      ],
    });
    expect(sort).toEqual([
      { by: 'range', name, descending: true },
      { by: 'id', descending: false },
    ]);
    expect(parse('Observation', 'patient=1&date=ge2026&date=lt2027').query).toMatchObject({
      where: { is: 'range', name },
      sort: [{ by: 'range', name, descending: true }],
    });
    // What has no time must still be found.
    expect(parse('Observation', 'patient=1&category=a&_sort=date').query).toMatchObject({
      where: { is: 'all', of: [{ is: 'reference', target: 'Patient/1' }, {}] },
      sort: [{ by: 'range', name, descending: false }],
    });
    expect(parse('Observation', 'patient=1&_sort=-date').query).toMatchObject({
      where: { is: 'reference', target: 'Patient/1' },
      sort: [{ by: 'range', name, descending: true }],
    });
    expect(parse('Observation', 'patient=1&category=a').query.sort).toEqual([]);
  });

  it('answers patient, code and time with one range, in both orders', () => {
    const { query } = parse(
      'Observation',
      'patient=1&code=http://loinc.org|8867-4&date=ge2026-01-01&date=lt2026-02-01&_sort=-date',
    );
    const name = `${lanePrefix}Patient/1 http://loinc.org|8867-4`;
    expect(query.where).toEqual({
      is: 'range',
      name,
      of: 'Patient/1',
      low: { below: Date.UTC(2026, 1, 1) },
      high: { atLeast: Date.UTC(2026, 0, 1) },
      except: [{ low: { below: Date.UTC(2026, 0, 1) }, high: { atMost: Date.UTC(2026, 0, 2) - 1 } }],
    });
    expect(query.sort).toEqual([{ by: 'range', name, descending: true }]);
  });

  it('stays out of what is asked of other resources', () => {
    const code = 'code=http://loinc.org|1';
    for (const [type, query] of [
      ['Observation', `patient.name=a&${code}`],
      ['Observation', `has-member.patient=1&has-member.${code}`],
      ['Patient', `_has:Observation:patient:${code}&_has:Observation:patient:date=2026`],
    ] as const) {
      expect(JSON.stringify(parse(type, query).query)).not.toContain(`"name":"${lanePrefix}`);
    }
    const { where } = parse('Observation', `patient=1&${code}&date=2026&performer.name=a`).query;
    expect(where).toMatchObject({ is: 'all', of: [{ is: 'range', name: expect.stringContaining(lanePrefix) }, {}] });
    const chained = where.is === 'all' && where.of[1]!.is === 'any' ? where.of[1]!.of : [];
    expect(chained.filter(({ is }) => is === 'refers')).toHaveLength(4);
  });

  it('is left where it would not find the same', () => {
    for (const query of [
      'patient=1&code=8867-4',
      'patient=1&code=http://loinc.org|',
      'patient=1,2&code=http://loinc.org|1',
      'subject=Group/1&code=http://loinc.org|1',
      'patient=1&code=http://loinc.org|1&_sort=_id',
      'patient=1&code:not=http://loinc.org|1',
      'code=http://loinc.org|1',
    ]) {
      expect(JSON.stringify(parse('Observation', query).query)).not.toContain(lanePrefix);
    }
  });

  it('finds what its conditions find one by one, in the same order', () => {
    const of = <T>(...values: T[]) => fc.constantFrom(...values);
    const coding = fc.record({ system: of('http://l', 'http://m', undefined), code: of('a', 'b', undefined) });
    const time = of(
      {},
      { effectiveDateTime: '2026-01' },
      { effectiveDateTime: '2026-01-15' },
      { effectiveDateTime: '2026-02-01T00:00:00Z' },
      { effectivePeriod: { start: '2026-01-10' } },
      { effectivePeriod: { start: '2025-12-31', end: '2026-01-31' } },
    );
    const subject = of('Patient/1', 'Patient/2', 'Group/1', 'http://x.example/Patient/1', undefined);
    const some = fc
      .record({ coding: fc.array(coding, { maxLength: 3 }), time, subject, status: of('final', 'amended') })
      .map(({ coding, time, subject, status }) =>
        observation({ code: { coding }, subject: subject && { reference: subject }, status, ...time }),
      );
    const value = of('2026', '2026-01', '2026-01-15', '2026-02-01T00:00:00Z', '2025');
    const prefix = of('', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap');
    const dateCondition = fc.tuple(prefix, value).map(([one, other]) => `date=${one}${other}`);
    const conditions = fc
      .tuple(
        of('patient=1', 'subject=Patient/1', 'subject:Patient=2'),
        of('code=http://l|a', 'code=http://l|a,http://m|b', 'code=|a', 'code=a', 'status:not=x'),
        fc.array(dateCondition, { maxLength: 3 }),
        fc.subarray(['status=final', 'code=b', 'patient=Patient/1', 'date=2025,2026-01-15']),
      )
      .map(([patient, code, dates, rest]) => [patient, code, ...dates, ...rest]);
    fc.assert(
      fc.property(
        fc.array(some, { minLength: 1, maxLength: 8 }),
        conditions,
        of('date', '-date'),
        (all, asked, sort) => {
          const { query } = parse('Observation', [...asked, `_sort=${sort}`].join('&'));
          const found = all.filter((one) => matches(query, extract(one), { type: 'Observation', id: '1' }));
          const wanted = all.filter((one) => asked.every((part) => finds(one, part)));
          expect(found).toEqual(wanted);
          const byDate: SortKey = { by: 'range', name: 'Observation.date', descending: sort === '-date' };
          expect(inOrder(found, query.sort[0]!)).toEqual(inOrder(found, byDate));
        },
      ),
      { numRuns: 1500 },
    );
  });

  /** As query.ts says: lowest or highest entry, those without one last. */
  function inOrder(resources: readonly Resource[], key: SortKey): readonly Resource[] {
    const name = key.by === 'range' ? key.name : '';
    const rank = (resource: Resource): number => {
      const entries = extract(resource).ranges.filter((entry) => entry.name === name);
      if (entries.length === 0) return key.descending ? -9e15 : 9e15;
      return key.descending
        ? Math.max(...entries.map((entry) => entry.high))
        : Math.min(...entries.map((entry) => entry.low));
    };
    return resources.toSorted((a, b) => (key.descending ? rank(b) - rank(a) : rank(a) - rank(b)));
  }
});
