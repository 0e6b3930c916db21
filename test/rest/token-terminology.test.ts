import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
const SYSTEM = 'http://example.org/conditions';
const SETS = 'http://example.org/ValueSet';

const valueSet = (id: string, compose: object, more: object = {}) => ({
  resourceType: 'ValueSet',
  id,
  url: `${SETS}/${id}`,
  status: 'active',
  compose,
  ...more,
});
const condition = (id: string, code: string | undefined, more: object = {}) => ({
  resourceType: 'Condition',
  id,
  subject: { reference: 'Patient/ada' },
  ...(code && { code: { coding: [{ system: SYSTEM, code }] } }),
  ...more,
});
const listing = (...codes: string[]) => ({
  include: [{ system: SYSTEM, concept: codes.map((code) => ({ code })) }],
});
const resources: readonly any[] = [
  {
    resourceType: 'CodeSystem',
    id: 'conditions',
    url: SYSTEM,
    version: '2',
    status: 'active',
    content: 'complete',
    hierarchyMeaning: 'is-a',
    concept: [
      {
        code: 'heart',
        concept: [{ code: 'failure', concept: [{ code: 'left' }] }, { code: 'a|b' }],
      },
      { code: 'lung' },
    ],
  },
  {
    resourceType: 'CodeSystem',
    id: 'parts',
    url: 'http://example.org/parts',
    status: 'active',
    content: 'complete',
    hierarchyMeaning: 'part-of',
    concept: [{ code: 'car', concept: [{ code: 'wheel' }] }],
  },
  valueSet('hearts', { include: [{ system: SYSTEM, filter: [{ property: 'concept', op: 'is-a', value: 'heart' }] }] }),
  valueSet('lungs', listing('lung')),
  valueSet('old', listing('lung'), { url: `${SETS}/versioned`, version: '1' }),
  valueSet('new', listing('failure'), { url: `${SETS}/versioned`, version: '2' }),
  valueSet('none', listing('nothing')),
  valueSet('regex', { include: [{ system: SYSTEM, filter: [{ property: 'code', op: 'regex', value: '(a+)+$' }] }] }),
  valueSet('loop-a', { include: [{ valueSet: [`${SETS}/loop-b`] }] }),
  valueSet('loop-b', { include: [{ valueSet: [`${SETS}/loop-a`] }] }),
  { resourceType: 'Patient', id: 'ada', gender: 'female' },
  { resourceType: 'Patient', id: 'bob', gender: 'male' },
  { resourceType: 'Patient', id: 'cem' },
  condition('heart', 'heart'),
  condition('failure', 'failure', { subject: { reference: 'Patient/bob' } }),
  condition('left', 'left'),
  condition('barred', 'a|b'),
  condition('lung', 'lung'),
  condition('elsewhere', undefined, { code: { coding: [{ system: 'http://example.org/other', code: 'heart' }] } }),
  condition('unsystematic', undefined, { code: { coding: [{ code: 'heart' }] } }),
  condition('both', undefined, {
    code: {
      coding: [
        { system: SYSTEM, code: 'lung' },
        { system: SYSTEM, code: 'left' },
      ],
    },
  }),
  condition('uncoded', undefined),
];
const allConditions = resources.filter(({ resourceType }) => resourceType === 'Condition').map(({ id }) => id);
const hearts = ['barred', 'both', 'failure', 'heart', 'left'];

beforeAll(async () => {
  house = await openHouse();
  for (const resource of resources)
    expect([resource.id, (await house.update(resource)).status]).toEqual([resource.id, 201]);
});
afterAll(() => house.stop());

const ids = async (query: string): Promise<string[]> => (await house.search(query)).map(({ id }) => id).sort();
const refusal = ({ status, body }: Answer): unknown => [status, body.issue[0].code, body.issue[0].diagnostics];
const except = (...left: string[]) => allConditions.filter((id) => !left.includes(id)).sort();

describe('A token search', () => {
  it.each([
    ['in a value set that is named by its url', `Condition?code:in=${SETS}/hearts`, hearts],
    ['in a value set that is named by its id', 'Condition?code:in=ValueSet/hearts', hearts],
    ['in either of two', `Condition?code:in=${SETS}/hearts,${SETS}/lungs`, [...hearts, 'lung'].sort()],
    ['in both of two', `Condition?code:in=${SETS}/hearts&code:in=${SETS}/lungs`, ['both']],
    ['in a value set without codes that occur', `Condition?code:in=${SETS}/none`, []],
    ['in the newest version', `Condition?code:in=${SETS}/versioned`, ['failure']],
    ['in the version that is named', `Condition?code:in=${SETS}/versioned|1`, ['both', 'lung']],
    ['below a code', `Condition?code:below=${SYSTEM}|failure`, ['both', 'failure', 'left']],
    ['below a code that holds a bar', `Condition?code:below=${SYSTEM}|a\\|b`, ['barred']],
    ['above a code', `Condition?code:above=${SYSTEM}|left`, ['both', 'failure', 'heart', 'left']],
    ['below either of two', `Condition?code:below=${SYSTEM}|left,${SYSTEM}|lung`, ['both', 'left', 'lung']],
    ['at the end of a chain', `Patient?_has:Condition:subject:code:below=${SYSTEM}|failure`, ['ada', 'bob']],
    ['in a value set of R4', 'Patient?gender:in=http://hl7.org/fhir/ValueSet/administrative-gender', ['ada', 'bob']],
    [
      'in a value set of R4 at the end of a chain',
      'Condition?subject:Patient.gender:in=http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1&code:in=ValueSet/hearts',
      hearts,
    ],
    [
      'in a value set or below a code of a filter',
      `Condition?_filter=${encodeURIComponent(`code in ${SETS}/lungs or code ss ${SYSTEM}|left`)}`,
      ['both', 'left', 'lung'],
    ],
    [
      'above a code of a filter, but not in its value set',
      `Condition?_filter=${encodeURIComponent(`code sb ${SYSTEM}|left and code ni ValueSet/lungs`)}`,
      ['failure', 'heart', 'left'],
    ],
  ])('finds what is %s', async (_, query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it('finds one element by a value set in the brackets of a filter', async () => {
    const component = (code: string, value: number) => ({
      code: { coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code }] },
      valueQuantity: { value },
    });
    const pair = [component('male', 1), component('none-of-them', 2)];
    await house.update({
      resourceType: 'Observation',
      id: 'pair',
      status: 'final',
      code: { text: 'x' },
      component: pair,
    });
    const genders = 'component-code in http://hl7.org/fhir/ValueSet/administrative-gender';
    const asked = (value: number) => `component-code-value-quantity[${genders}].component-value-quantity eq ${value}`;
    for (const [value, found] of [
      [1, ['pair']],
      [2, []],
    ] as const)
      expect(await ids(`Observation?_filter=${encodeURIComponent(asked(value))}`)).toEqual(found);
    await house.remove('Observation/pair');
  });

  // R4 says of `not` that it gives all that do not have a matching item, those without a value among them; `not-in` and
  // `in` are each other's opposite in the same way.
  it('with not-in finds all that have no code of the value set, also those without a code', async () => {
    expect(await ids(`Condition?code:not-in=${SETS}/hearts`)).toEqual(except(...hearts));
    expect(await ids('Patient?gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender')).toEqual(['cem']);
    expect(await ids(`Condition?code:not-in=${SETS}/hearts,${SETS}/lungs`)).toEqual(except(...hearts, 'lung'));
  });

  it('leaves uris to themselves', async () => {
    expect(await ids(`ValueSet?url:below=${SETS}&_id=hearts`)).toEqual(['hearts']);
  });

  it('follows the value set as it changes', async () => {
    await house.update(valueSet('changing', listing('lung')));
    expect(await ids('Condition?code:in=ValueSet/changing')).toEqual(['both', 'lung']);
    await house.update(valueSet('changing', listing('failure')));
    expect(await ids('Condition?code:in=ValueSet/changing')).toEqual(['failure']);
    await house.remove('ValueSet/changing');
    expect((await house.read('Condition?code:in=ValueSet/changing')).status).toBe(400);
  });

  it('keeps the condition in the links of its pages', async () => {
    const { body } = await house.read(`Condition?code:in=${SETS}/hearts&_count=2`);
    const next = body.link.find((link: any) => link.relation === 'next').url;
    const second = await house.ask('GET', next);
    expect(second.body.entry).toHaveLength(2);
    expect(second.body.entry.every(({ resource }: any) => hearts.includes(resource.id))).toBe(true);
  });

  it('stands in the condition of a conditional create', async () => {
    const answers = [
      await house.create(condition('new', 'lung'), { 'if-none-exist': `code:in=${SETS}/none` }),
      await house.create(condition('new', 'nothing'), { 'if-none-exist': `code:in=${SETS}/versioned` }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200]);
    await house.remove(answers[0]!.headers.get('location')!.replace(/^.*\/(Condition\/[^/]+)\/.*$/, '$1'));
  });
});

describe('A transaction', () => {
  const searching = (set: string) =>
    house.transaction([
      { resource: { resourceType: 'Basic', code: { text: 'x' } }, request: { method: 'POST', url: 'Basic' } },
      { request: { method: 'GET', url: `Condition?code:in=ValueSet/${set}` } },
    ]);

  it('answers such a search, and stores nothing where it is refused', async () => {
    const { status, body } = await searching('hearts');
    expect([status, body.entry[1].resource.entry.length]).toEqual([200, hearts.length]);
    const stored = await ids('Basic');
    expect((await searching('missing')).status).toBe(400);
    expect(await ids('Basic')).toEqual(stored);
  });
});

describe('A token search is refused with the parameter named', () => {
  const unknownSet = 'names a ValueSet that is not known here';

  it.each([
    ['a value set that is not there', 'code:in', `${SETS}/missing`, 'not-supported', unknownSet],
    ['an id that is not there', 'code:not-in', 'ValueSet/missing', 'not-supported', unknownSet],
    ['another type of resource', 'code:in', 'Patient/ada', 'not-supported', unknownSet],
    ['a version that is not there', 'code:in', `${SETS}/versioned|3`, 'not-supported', unknownSet],
    ['a regex', 'code:in', `${SETS}/regex`, 'not-supported', /filter\[0\]\.op$/],
    ['a value set that imports itself', 'code:in', `${SETS}/loop-a`, 'not-supported', /imports itself$/],
    [
      'a code system that is not there',
      'code:below',
      'http://loinc.org|1-8',
      'not-supported',
      'names a CodeSystem that is not known here',
    ],
    ['a code that is not there', 'code:above', `${SYSTEM}|kidney`, 'not-supported', /does not hold$/],
    [
      'a hierarchy of parts',
      'code:below',
      'http://example.org/parts|car',
      'not-supported',
      /hierarchyMeaning is is-a$/,
    ],
    ['a code without a system', 'code:below', 'heart', 'invalid', 'takes `system|code`'],
    ['more bars than one', 'code:below', `${SYSTEM}|a|b`, 'invalid', 'takes `system|code`'],
  ] as [string, string, string, string, string | RegExp][])('for %s', async (_, name, value, code, reason) => {
    const [status, issue, diagnostics] = refusal(
      await house.read(`Condition?${name}=${encodeURIComponent(value)}`),
    ) as [number, string, string];
    expect([status, issue]).toEqual([400, code]);
    if (typeof reason === 'string') expect(diagnostics).toBe(`Search parameter '${name}' ${reason}`);
    else expect(diagnostics).toMatch(reason);
    expect(diagnostics).not.toContain('example.org');
  });
});

describe('A search for more sets of codes than are looked up', () => {
  it('is too costly', async () => {
    const codes = Array.from({ length: 21 }, (_, at) => `c${at}`);
    const wide = { resourceType: 'CodeSystem', id: 'wide', url: 'urn:wide', status: 'active', content: 'complete' };
    await house.update({ ...wide, concept: codes.map((code) => ({ code })) });
    const asked = (count: number) =>
      house.read(`Condition?code:below=${codes.slice(0, count).map((code) => `urn:wide|${code}`)}`);
    expect((await asked(20)).status).toBe(200);
    expect(refusal(await asked(21))).toEqual([
      400,
      'too-costly',
      "Search parameter 'code:below' asks for more than 20 sets of codes",
    ]);
  });
});

describe('A value set that the caller may not see', () => {
  it('is not known to it', async () => {
    await house.update({
      resourceType: 'Device',
      id: 'monitor',
      identifier: [{ system: 'urn:device', value: 'MONITOR' }],
      patient: { reference: 'Patient/ada' },
    });
    const authorization = `Bearer ${await house.deviceKey('MONITOR', { permissions: ['can_read_patient'] })}`;
    const asked = (set: string) => house.read(`Patient?gender:in=${set}`, { authorization });

    const hidden = await asked('ValueSet/hearts');
    const missing = await asked('ValueSet/missing');
    expect(hidden.status).toBe(400);
    expect(hidden.text).toBe(missing.text);
    const own = await asked('http://hl7.org/fhir/ValueSet/administrative-gender');
    expect(own.body.entry.map(({ resource }: any) => resource.id)).toEqual(['ada']);
  });
});
