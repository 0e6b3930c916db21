/** `_filter`: its grammar, what each operator finds, and what is refused. https://hl7.org/fhir/R4/search_filter.html */
import { describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/references.ts';
import { criterionOf } from '../../src/search/criterion.ts';
import { extract } from '../../src/search/extract.ts';
import { filterTerminology } from '../../src/search/filter.ts';
import { readFilter } from '../../src/search/filter-grammar.ts';
import { matches } from '../../src/search/match.ts';
import { refused } from './refused.ts';

const criterion = (type: string, filter: string) => criterionOf(type, '_filter', filter, {})!;
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
    ['code eq loinc|8867-4', true],
    ['code ne loinc|8867-4', false],
    ['code eq snomed|8867-4', false],
    ['value-quantity eq 72|ucum|/min', true],
    ['code-value-quantity eq loinc|8867-4$72|ucum|/min', true],
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
        { is: 'comparison', path: [{ name: 'name' }], at: 1, operator: 'eq', value: 'and' },
        { is: 'comparison', path: [{ name: 'name' }], at: 16, operator: 'eq', value: 'order' },
      ],
    });
  });
});

describe('brackets', () => {
  it('ask the resource that a reference leads to, together with what stands behind them', () => {
    const named = { is: 'text', name: 'Patient.name', match: 'contains', value: 'pet' };
    expect(criterion('Observation', 'subject:Patient[name co pet].gender eq male')).toEqual({
      is: 'refers',
      name: 'Observation.subject',
      type: 'Patient',
      where: { is: 'all', of: [named, { is: 'key', name: 'Patient.gender', first: 'male', second: '' }] },
    });
    expect(criterion('Observation', 'patient[not (name co pet)].birthdate pr false')).toMatchObject({
      is: 'not',
      of: { is: 'refers', type: 'Patient', where: { is: 'all', of: [{ is: 'not', of: named }, {}] } },
    });
  });

  it('change nothing in each other: what is compared behind them leaves alone what is compared in them', () => {
    expect(criterion('Observation', 'patient[family sw a].given ew b')).toMatchObject({
      where: { of: [{ match: 'starts' }, { match: 'ends' }] },
    });
    expect(criterion('Observation', 'patient[birthdate gt 1980].death-date po 2020')).toMatchObject({
      where: { of: [criterion('Patient', 'birthdate gt 1980'), criterion('Patient', 'death-date po 2020')] },
    });
  });

  it('leave out the types that do not know what they ask', () => {
    const led = JSON.stringify(criterion('Observation', 'subject[gender eq male].identifier eq 1'));
    expect(led).toContain('"type":"Patient"');
    expect(led).not.toContain('"type":"Device"');
    expect(refusal('Observation', 'subject[birthdate gt 1980 or type eq x].identifier eq 1')).toMatchObject({
      code: 'not-supported',
      issues: [{ expression: 'http._filter' }],
    });
  });

  const pressure: Resource = {
    ...observation,
    component: [
      {
        code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
        valueQuantity: { value: 120, unit: 'mmHg' },
      },
      {
        code: { coding: [{ system: 'http://loinc.org', code: '8462-4' }] },
        valueQuantity: { value: 80, unit: 'mmHg' },
      },
      { code: { text: 'nothing measured' } },
    ],
  };
  const group: Resource = {
    resourceType: 'Group',
    type: 'person',
    actual: true,
    characteristic: [
      { code: { coding: [{ code: 'gender' }] }, valueCodeableConcept: { coding: [{ code: 'mixed' }] }, exclude: false },
      { code: { coding: [{ code: 'owner' }] }, valueCodeableConcept: { coding: [{ code: 'john' }] }, exclude: false },
    ],
  };
  const document: Resource = {
    resourceType: 'DocumentReference',
    status: 'current',
    content: [{ attachment: { title: 'x' } }],
    relatesTo: [
      { code: 'replaces', target: { reference: 'DocumentReference/1' } },
      { code: 'appends', target: { reference: 'DocumentReference/2' } },
    ],
  };
  const component = (filter: string, behind: string): string =>
    `component-code-value-quantity[${filter}].component-${behind}`;

  it.each([
    ['Observation', component('component-code eq 8480-6', 'value-quantity gt 100'), true],
    ['Observation', component('component-code eq 8462-4', 'value-quantity gt 100'), false],
    ['Observation', component('component-code eq http://loinc.org|8462-4', 'value-quantity lt 100'), true],
    ['Observation', component('component-value-quantity gt 100', 'code eq 8480-6'), true],
    ['Observation', component('component-value-quantity gt 100', 'code eq 8462-4'), false],
    ['Observation', component('not (component-value-quantity gt 100)', 'code eq 8462-4'), true],
    ['Observation', component('not (component-value-quantity gt 100)', 'code eq 8480-6'), false],
    [
      'Observation',
      component('component-value-quantity gt 100 or component-value-quantity lt 70', 'code eq 8462-4'),
      false,
    ],
    [
      'Observation',
      component('component-value-quantity gt 70 and component-value-quantity lt 100', 'code eq 8462-4'),
      true,
    ],
    ['Observation', component('component-value-quantity gt 100', 'code ne 8462-4'), true],
    ['Observation', component('component-value-quantity gt 70', 'code ne 8462-4'), false],
    ['Observation', component('component-code ne 8462-4', 'value-quantity eq 80'), false],
    ['Observation', component('component-code eq 8462-4', 'value-quantity pr true'), true],
    ['Observation', component('component-code eq 1234-5', 'value-quantity pr false'), true],
    ['Observation', component('component-code eq 8462-4', 'value-quantity pr false'), false],
    ['Observation', component('component-code pr false', 'value-quantity pr true'), false],
    ['Observation', 'code-value-quantity[code eq 8867-4].value-quantity gt 71', true],
    ['Observation', 'code-value-quantity[code eq 8867-4].value-quantity gt 73', false],
    ['Observation', 'code-value-quantity[not (code eq 8867-4)].value-quantity gt 71', false],
    ['Group', 'characteristic[code eq gender].value eq mixed', true],
    ['Group', 'characteristic[code eq gender].value eq john', false],
    ['Group', 'not (characteristic[code eq owner].value eq mixed)', true],
    ['Group', 'characteristic eq gender', true],
    ['DocumentReference', 'relatesTo[code eq replaces].target re DocumentReference/1', true],
    ['DocumentReference', 'relatesTo[code eq "replaces"].target pr true', true],
    ['DocumentReference', 'relatesTo[code eq replaces].target re DocumentReference/2', false],
    ['DocumentReference', 'relatesTo[code eq signs].target pr false', true],
  ])('ask one element of a composite: %s: %s: %s', (type, filter, expected) => {
    const resource = [pressure, group, document].find(({ resourceType }) => resourceType === type)!;
    expect(finds(resource, filter)).toBe(expected);
  });

  it.each([
    ['Observation', component('secret eq x', 'code eq x')],
    ['Observation', component('code eq x', 'code eq x')],
    ['Observation', component('component-code eq x', 'code.secret eq x')],
    ['Observation', 'component-code-value-quantity.component-code eq x'],
    ['Observation', 'combo-code-value-quantity[code eq x].value-quantity gt 5'],
    ['MolecularSequence', 'chromosome-variant-coordinate[chromosome eq 1].variant-start gt 5'],
    ['Group', 'characteristic[characteristic eq x].value eq y'],
    ['Observation', 'related[type eq has-component].target re Observation/4'],
  ])('%s: %s is refused', (type, filter) => {
    const problem = refusal(type, filter);
    expect(problem).toMatchObject({ status: 400, issues: [{ expression: 'http._filter' }] });
    expect(['not-supported', 'invalid']).toContain(problem.code);
    expect(problem.message).not.toContain('secret');
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
    ['link[type eq x]', 'invalid'],
    ['link[type eq x] pr true', 'invalid'],
    ['link[].name eq x', 'invalid'],
    ['link[name eq x.name eq x', 'invalid'],
    ['link[name eq x)].name eq x', 'invalid'],
    ['link(name eq x].name eq x', 'invalid'],
    ['link[name eq x]].name eq x', 'invalid'],
    ['link[name eq x][name eq x].name eq x', 'invalid'],
    ['link.[name eq x].name eq x', 'invalid'],
    ['link..name eq x', 'invalid'],
    ['link. name eq x', 'invalid'],
    ['[name eq x].name eq x', 'invalid'],
    ['link[secret eq x].name eq x', 'not-supported'],
    ['link[birthdate eq 1980-99].name eq x', 'value'],
    ['link:secret[name eq x].name eq x', 'invalid'],
    ['name[family eq x].given eq x', 'not-supported'],
    ['link:Patient.link:Patient.link:Patient.link:Patient.name eq x', 'too-costly'],
    ['link[link[link[link[name eq x].name eq x].name eq x].name eq x].name eq x', 'too-costly'],
    [`${'link['.repeat(400)}name eq x${'].name eq x'.repeat(200)}`, 'too-costly'],
    ['link['.repeat(800), 'too-costly'],
    [`link[${'('.repeat(20)}name eq x${')'.repeat(20)}].name eq x`, 'too-costly'],
    [`link[${Array(60).fill('name eq x').join(' or ')}].name eq x`, 'too-costly'],
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
    'gender[secret eq x].secret eq x',
    'organization[secret eq x].name eq x',
    'organization[name eq x].secret eq x',
  ])('%s is told by its place, since a name in a filter may be anything', (filter) => {
    const problem = refusal('Patient', `gender eq male and ${filter}`);
    expect(problem.message).toMatch(/character (20|33|34)\b/);
    expect(problem.message).not.toContain('secret');
    expect(problem.issues[0]!.expression).toBe('http._filter');
  });
});

it('reads or refuses with 400 whatever is put together of its words', () => {
  const words = [
    'subject',
    'patient:Patient',
    '.',
    '[',
    ']',
    '(',
    ')',
    ' eq ',
    'name',
    ' and ',
    'not',
    '"',
    'x',
    ' pr true',
  ];
  words.push(
    'component-code-value-quantity',
    'component-code',
    'birthdate',
    ' ge ',
    '1980',
    'link',
    ':',
    ' ',
    '\\',
    '_text',
  );
  let seed = 1;
  const roll = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const valid = 'subject[name eq x and (link:Patient[birthdate ge 1980].name co y)].gender ne male';
  for (let n = 0; n < 3000; n++) {
    const at = roll(valid.length);
    const word = words[roll(words.length)]!;
    const made = Array.from({ length: 1 + roll(12) }, () => words[roll(words.length)]).join('');
    const text = n % 2 === 0 ? made : valid.slice(0, at) + word + valid.slice(at + roll(4));
    try {
      criterion('Observation', text);
    } catch (error) {
      expect([text, error]).toEqual([text, expect.objectContaining({ status: 400 })]);
    }
  }
});

it('asks the codes of one element', () => {
  const codes = [{ system: 'http://loinc.org', code: '8480-6' }];
  const expansions = new Map(['in http://vs', 'not-in http://vs'].map((key) => [key, codes]));
  const component = (code: string, value: number) => ({
    code: { coding: [{ system: 'http://loinc.org', code }] },
    valueQuantity: { value },
  });
  const pressure = { ...observation, component: [component('8480-6', 120), component('8462-4', 80)] };
  const isFound = (filter: string) =>
    matches(criterionOf('Observation', '_filter', filter, { expansions })!, extract(pressure), {
      type: 'Observation',
      id: '1',
    });
  const asked = (operator: string, value: number) =>
    `component-code-value-quantity[component-code ${operator} http://vs].component-value-quantity eq ${value}`;
  expect([asked('in', 120), asked('in', 80)].map(isFound)).toEqual([true, false]);
  expect([asked('ni', 120), asked('ni', 80)].map(isFound)).toEqual([false, true]);
});

it('says which terminology it asks for', () => {
  expect(filterTerminology('code in http://vs and not (code ss http://s|c or code eq x)')).toEqual([
    ['code:in', 'http://vs'],
    ['code:below', 'http://s|c'],
  ]);
  expect(filterTerminology('subject[link:Patient[gender ni http://a].name eq x].gender in http://b')).toEqual([
    ['subject.gender:in', 'http://b'],
    ['subject.link:Patient.gender:not-in', 'http://a'],
  ]);
  const expansions = new Map([['in http://vs', [{ system: 'http://loinc.org', code: '8867-4' }]]]);
  const where = criterionOf('Observation', '_filter', 'code in http://vs', { expansions })!;
  expect(matches(where, extract(observation), { type: 'Observation', id: '1' })).toBe(true);
});
