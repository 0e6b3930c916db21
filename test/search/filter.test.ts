/** `_filter`: its grammar, what each operator finds, and what is refused. https://hl7.org/fhir/R4/search_filter.html */
import { describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/references.ts';
import { criterionOf } from '../../src/search/criterion.ts';
import { extract } from '../../src/search/extract.ts';
import { filterCriterion, filterTerminology } from '../../src/search/filter.ts';
import { readFilter } from '../../src/search/filter-grammar.ts';
import { matches } from '../../src/search/match.ts';
import { refused } from './refused.ts';

const criterion = (type: string, filter: string) =>
  filterCriterion(type, filter, (name, value) => criterionOf(type, name, value, {})!);
const finds = (resource: Resource, filter: string): boolean =>
  matches(criterion(resource.resourceType, filter), extract(resource), { type: resource.resourceType, id: '1' });
const refusal = (type: string, filter: string): Problem => refused(() => criterion(type, filter));

const patient: Resource = {
  resourceType: 'Patient',
  identifier: [
    { system: 'urn:mrn', value: 'A1' },
    { system: 'urn:x', value: 'a,b' },
  ],
  name: [{ family: 'Müller', given: ['Anna', 'Zoë, "the" $1'] }],
  gender: 'female',
  birthDate: '1980-05-17',
  generalPractitioner: [{ reference: 'Practitioner/7' }],
};
const observation: Resource = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  effectivePeriod: { start: '2026-03-10', end: '2026-03-20' },
  valueQuantity: { value: 72, system: 'http://unitsofmeasure.org', code: '/min' },
};

describe('the operators', () => {
  it.each([
    ['name co "ull"', true],
    ['name co "xx"', false],
    ['name sw mül', true],
    ['name sw ller', false],
    ['name ew LLER', true],
    ['name ew mull', false],
    ['family eq "Müller"', true],
    ['family eq "mULLER"', true], // as the parameter compares, without case and accents
    ['family eq Mül', false],
    ['family eq üller', false],
    ['name eq anna', true],
    ['family ne Müller', false],
    ['family ne muller', false],
    ['family ne Meier', true],
    ['given eq "Zoë, \\"the\\" $1"', true],
    ['given sw "zoe, "', true],
    ['identifier eq urn:mrn|A1', true],
    ['identifier eq A1', true],
    ['identifier eq "a,b"', true],
    ['identifier eq a', false],
    ['gender ne male', true],
    ['gender ne female', false],
    ['address-city ne Rome', false],
    ['birthdate eq 1980-05', true],
    ['birthdate ne 1980-05', false],
    ['birthdate ge 1980-05-17', true],
    ['birthdate gt 1980-05-17', false],
    ['birthdate lt 1981', true],
    ['birthdate sa 1979', true],
    ['birthdate eb 1980', false],
    ['birthdate pr true', true],
    ['birthdate pr false', false],
    ['phone pr false', true],
    ['general-practitioner re Practitioner/7', true],
    ['general-practitioner re Practitioner/8', false],
    ['general-practitioner eq Practitioner/7', true],
    ['_id eq 1', true],
  ])('%s: %s', (filter, expected) => {
    expect(finds(patient, filter)).toBe(expected);
  });

  it.each([
    ['code eq http://loinc.org|8867-4', true],
    ['code eq http://loinc.org|1', false],
    ['value-quantity gt 71', true],
    ['value-quantity le 71.5', false],
    ['value-quantity ap 70', true],
    ['value-quantity eq 72|http://unitsofmeasure.org|/min', true],
    ['value-quantity ne 72', false],
    ['code-value-quantity eq http://loinc.org|8867-4$72', true],
    ['code-value-quantity eq http://loinc.org|8867-4$73', false],
    ['date po 2026-03-12', true],
    ['date eq 2026-03-12', false],
    ['date po 2026-03-20', true],
    ['date po 2026-03-21', false],
    ['date po 2026', true],
    ['date eq 2026-03', true],
  ])('%s: %s', (filter, expected) => {
    expect(finds(observation, filter)).toBe(expected);
  });

  it('leaves open what only another resource can tell', () => {
    expect(criterion('Observation', 'subject:Patient.name co "pet"')).toEqual({
      is: 'refers',
      name: 'Observation.subject',
      type: 'Patient',
      where: { is: 'text', name: 'Patient.name', match: 'contains', value: 'pet' },
    });
    expect(criterion('Observation', 'subject:Patient.name ew "er"')).toMatchObject({ where: { match: 'ends' } });
    expect(criterion('Observation', 'patient.birthdate gt 2014-10-10')).toMatchObject({
      is: 'refers',
      type: 'Patient',
    });
  });
});

describe('and, or, not', () => {
  const yes = 'gender eq female';
  const no = 'gender eq male';

  it.each([
    [`${yes} and ${yes}`, true],
    [`${yes} and ${no}`, false],
    [`${no} or ${yes}`, true],
    [`not (${no})`, true],
    [`not(${yes})`, false],
    [`not (${no}) and ${yes}`, true],
    [`${yes} or ${no} and ${no}`, false], // from left to right, as the specification says
    [`${yes} or (${no} and ${no})`, true],
    [`((${yes}))`, true],
    [`(${no} or ${yes}) and not (${no} or ${no})`, true],
    [`  ${yes}   and\t${yes}  `, true],
  ])('%s: %s', (filter, expected) => {
    expect(finds(patient, filter)).toBe(expected);
  });

  it('tells keywords from values that begin like them', () => {
    expect(readFilter('name eq and or name eq order')).toEqual({
      is: 'or',
      of: [
        { is: 'comparison', path: 'name', at: 1, operator: 'eq', value: 'and' },
        { is: 'comparison', path: 'name', at: 16, operator: 'eq', value: 'order' },
      ],
    });
  });
});

describe('refusals', () => {
  it.each([
    ['', 'invalid'],
    ['name', 'invalid'],
    ['name eq', 'invalid'],
    ['name eq ', 'invalid'],
    ['name is x', 'invalid'],
    ['name eq x y', 'invalid'],
    ['name eq x and', 'invalid'],
    ['and name eq x', 'invalid'],
    ['(name eq x', 'invalid'],
    ['name eq x)', 'invalid'],
    ['name eq "x', 'invalid'],
    ['name eq "x\\q"', 'invalid'],
    ['name eq "x"y', 'invalid'],
    ['not name eq x', 'invalid'],
    ['name pr maybe', 'invalid'],
    ['birthdate eq gt1980', 'invalid'],
    ['birthdate eq secret', 'invalid'],
    ['birthdate eq 1980-99', 'value'],
    ['colour eq red', 'not-supported'],
    ['gender co male', 'not-supported'],
    ['gender gt male', 'not-supported'],
    ['name gt x', 'not-supported'],
    ['birthdate co 19', 'not-supported'],
    ['birthdate re x', 'not-supported'],
    ['gender in http://a.example/vs', 'not-supported'],
    ['gender ss x', 'not-supported'],
    ['_text sw x', 'not-supported'],
    ['link[type eq x].other re Patient/1', 'not-supported'],
    ['gender.name eq x', 'invalid'],
    ['organization.colour eq x', 'not-supported'],
    [`${'('.repeat(20)}name eq x${')'.repeat(20)}`, 'too-costly'],
    [Array(60).fill('name eq x').join(' or '), 'too-costly'],
    [`name eq ${'x'.repeat(5000)}`, 'too-costly'],
  ])('%s', (filter, code) => {
    const problem = refusal('Patient', filter);
    expect(problem).toMatchObject({ status: 400, code });
    expect(problem.message).not.toContain('secret');
  });

  it.each([
    'secret eq x',
    'secret pr true',
    'secret._text co x',
    'organization:secret.name eq x',
    'gender.secret eq x',
  ])('%s is told by its place, since a name in a filter may be anything', (filter) => {
    const problem = refusal('Patient', `gender eq male and ${filter}`);
    expect(problem.message).toContain('character 20');
    expect(problem.message).not.toContain('secret');
    expect(problem.issues[0]!.expression).toBe('http._filter');
  });
});

it('says which terminology it asks for', () => {
  expect(filterTerminology('code in http://vs and not (code ss http://s|c or code eq x)')).toEqual([
    ['code:in', 'http://vs'],
    ['code:below', 'http://s|c'],
  ]);
  const expansions = new Map([['in http://vs', [{ system: 'http://loinc.org', code: '8867-4' }]]]);
  const where = filterCriterion(
    'Observation',
    'code in http://vs',
    (name, value) => criterionOf('Observation', name, value, { expansions })!,
  );
  expect(matches(where, extract(observation), { type: 'Observation', id: '1' })).toBe(true);
});
