/** Chains, `_has` and includes by canonical, and a chain into the first resource of a Bundle, over HTTP. https://hl7.org/fhir/R4/references.html#canonical */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Access } from '../../src/interactions/interaction.ts';
import { fullAccess } from '../../src/smart/access.ts';
import { type AccessHouse, openAccessHouse } from '../support/access-house.ts';

let house: AccessHouse;

const questionnaire = (id: string, url: string, version?: string, more: object = {}) => ({
  resourceType: 'Questionnaire',
  id,
  url,
  ...(version && { version }),
  title: id,
  status: 'active',
  ...more,
});
const response = (id: string, canonical: string, more: object = {}) => ({
  resourceType: 'QuestionnaireResponse',
  id,
  questionnaire: canonical,
  status: 'completed',
  ...more,
});
const definition = (resourceType: string, id: string, url: string, more: object = {}) => ({
  resourceType,
  id,
  url,
  status: 'active',
  ...more,
});
const composition = (id: string | undefined, patient: string, title: string) => ({
  resourceType: 'Composition',
  ...(id && { id }),
  status: 'final',
  type: { coding: [{ system: 'urn:types', code: 'letter' }] },
  subject: { reference: patient },
  date: '2026-01-01',
  author: [{ reference: 'Practitioner/p' }],
  title,
});
const bundle = (id: string, type: string, ...resources: readonly object[]) => ({
  resourceType: 'Bundle',
  id,
  type,
  identifier: { system: 'urn:bundles', value: id },
  timestamp: '2026-01-01T00:00:00Z',
  entry: resources.map((resource, i) => ({ fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${i}`, resource })),
});

const resources: readonly any[] = [
  questionnaire('pain1', 'http://q.example/pain', '1'),
  questionnaire('pain2', 'http://q.example/pain', '2', { status: 'draft' }),
  questionnaire('sleep', 'http://q.example/sleep'),
  questionnaire('hidden', 'http://q.example/hidden', '1'),
  response('any', 'http://q.example/pain'),
  response('one', 'http://q.example/pain|1'),
  response('two', 'http://q.example/pain|2#item'),
  response('three', 'http://q.example/pain|3'),
  response('part', 'http://q.example/sleep#part'),
  response('secret', 'http://q.example/hidden|1'),
  response('relative', 'Questionnaire/sleep'),
  response('own', '#q', { contained: [{ ...questionnaire('q', 'http://q.example/pain', '9'), title: 'inner' }] }),
  definition('ValueSet', 'colours', 'http://v.example/colours', { version: '1', name: 'Colours' }),
  definition('ConceptMap', 'map', 'http://m.example/map', {
    sourceCanonical: 'http://v.example/colours|1',
    targetUri: 'http://v.example/colours',
  }),
  definition('Library', 'logic', 'http://l.example/logic', { type: { text: 'logic' }, name: 'Logic' }),
  definition('PlanDefinition', 'plan', 'http://p.example/plan', {
    name: 'Plan',
    library: ['http://l.example/logic'],
    action: [{ definitionCanonical: 'http://q.example/sleep' }, { definitionCanonical: 'http://p.example/plan' }],
  }),
  { resourceType: 'Device', id: 'd', url: 'http://q.example/pain' },
  {
    resourceType: 'CarePlan',
    id: 'care',
    status: 'active',
    intent: 'plan',
    subject: { reference: 'Patient/a' },
    instantiatesCanonical: ['http://p.example/plan'],
  },
  { resourceType: 'Patient', id: 'a', name: [{ family: 'Byron' }] },
  composition('alone', 'Patient/b', 'Alone'),
  bundle('letter', 'document', composition('c', 'Patient/a', 'Letter'), { resourceType: 'Patient', id: 'a' }),
  bundle('urgent', 'document', composition('alone', 'Patient/a', 'Urgent'), composition('x', 'Patient/x', 'Second')),
  bundle('message', 'message', {
    resourceType: 'MessageHeader',
    eventUri: 'urn:event',
    destination: [{ endpoint: 'http://d.example/in' }],
    source: { endpoint: 'http://s.example/out' },
  }),
];

beforeAll(async () => {
  house = await openAccessHouse(Date.UTC(2026, 0, 1));
  for (const resource of resources) {
    const { status, text } = await house.ask('PUT', `/${resource.resourceType}/${resource.id}`, { body: resource });
    expect([resource.id, status, status === 201 ? '' : text]).toEqual([resource.id, 201, '']);
  }
  const access: Access = {
    ...fullAccess,
    unrestricted: false,
    finds: (type) => (type === 'Questionnaire' ? { is: 'not', of: { is: 'id', ids: ['hidden'] } } : undefined),
    sees: ({ resourceType, id }) => resourceType !== 'Questionnaire' || id !== 'hidden',
  };
  house.callers.set('restricted', { who: 'Practitioner/p', access });
});
afterAll(() => house?.stop());

/** `Type/id` of what matches, and after a bar of what comes along; or the code of the refusal. */
async function asked(query: string, as = 'admin'): Promise<string> {
  const { status, body } = await house.ask('GET', `/${query}`, { as, headers: { prefer: 'handling=strict' } });
  if (status !== 200) return `${status} ${body.issue[0].code}`;
  const of = (mode: string) =>
    (body.entry ?? [])
      .filter(({ search }: any) => search.mode === mode)
      .map(({ resource }: any) => (mode === 'match' ? resource.id : `${resource.resourceType}/${resource.id}`))
      .sort()
      .join(' ');
  const along = of('include');
  return along === '' ? of('match') : `${of('match')} | ${along}`;
}

describe('Canonicals', () => {
  it.each([
    ['QuestionnaireResponse?questionnaire.title=pain1', 'any one'],
    ['QuestionnaireResponse?questionnaire.title=pain2', 'any two'],
    ['QuestionnaireResponse?questionnaire:Questionnaire.status=draft', 'any two'],
    ['QuestionnaireResponse?questionnaire.title=sleep', 'part relative'],
    ['QuestionnaireResponse?questionnaire.title=inner', 'own'],
    ['QuestionnaireResponse?questionnaire._id=pain1', 'any one'],
    ['QuestionnaireResponse?questionnaire.title:missing=true', ''],
    ['QuestionnaireResponse?_filter=questionnaire.title eq "pain2"', 'any two'],
    ['ConceptMap?source.name=colours', 'map'],
    ['ConceptMap?target-uri.name=colours', 'map'],
    ['PlanDefinition?depends-on:Library.name=logic', 'plan'],
    ['PlanDefinition?definition:Questionnaire.title=sleep', 'plan'],
    ['PlanDefinition?definition.status=active', 'plan'],
    ['CarePlan?instantiates-canonical:PlanDefinition.definition:Questionnaire.title=sleep', 'care'],
  ])('lead %s to %s', async (query, expected) => {
    expect(await asked(query)).toBe(expected);
  });

  it.each([
    ['Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=any', 'pain1 pain2'],
    ['Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=one,two', 'pain1 pain2'],
    ['Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=three,own', ''],
    ['Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed', 'hidden pain1 pain2 sleep'],
    ['Questionnaire?_has:PlanDefinition:definition:_has:CarePlan:instantiates-canonical:patient=Patient/a', 'sleep'],
  ])('lead back: %s finds %s', async (query, expected) => {
    expect(await asked(query)).toBe(expected);
  });

  it.each([
    [
      'QuestionnaireResponse?_id=any&_include=QuestionnaireResponse:questionnaire',
      'any | Questionnaire/pain1 Questionnaire/pain2',
    ],
    ['QuestionnaireResponse?_id=one&_include=QuestionnaireResponse:questionnaire', 'one | Questionnaire/pain1'],
    ['QuestionnaireResponse?_id=three&_include=QuestionnaireResponse:questionnaire', 'three'],
    ['QuestionnaireResponse?_id=relative,part&_include=*', 'part relative | Questionnaire/sleep'],
    ['QuestionnaireResponse?_id=two&_include=*', 'two | Questionnaire/pain2'],
    [
      'CarePlan?_include=*&_include:iterate=*',
      'care | Library/logic Patient/a PlanDefinition/plan Questionnaire/sleep',
    ],
    ['ConceptMap?_include=ConceptMap:target-uri:ValueSet', 'map | ValueSet/colours'],
    [
      'Questionnaire?_id=pain2&_revinclude=QuestionnaireResponse:questionnaire',
      'pain2 | QuestionnaireResponse/any QuestionnaireResponse/two',
    ],
    [
      'Questionnaire?_id=sleep&_revinclude=QuestionnaireResponse:*&_revinclude=PlanDefinition:definition&_revinclude:iterate=CarePlan:instantiates-canonical',
      'sleep | CarePlan/care PlanDefinition/plan QuestionnaireResponse/part QuestionnaireResponse/relative',
    ],
  ])('bring along: %s gives %s', async (query, expected) => {
    expect(await asked(query)).toBe(expected);
  });

  it('are found as they are written, by url and with the version, and sorted by that', async () => {
    expect(await asked('QuestionnaireResponse?questionnaire=http://q.example/pain')).toBe('any one three two');
    expect(await asked('QuestionnaireResponse?questionnaire=http://q.example/pain|1')).toBe('one');
    const { body } = await house.ask('GET', '/QuestionnaireResponse?_id=any,one,three&_sort=-questionnaire');
    expect(body.entry.map(({ resource }: any) => resource.id)).toEqual(['three', 'one', 'any']);
  });

  it('lead to nothing that the caller may not find', async () => {
    const through = 'QuestionnaireResponse?questionnaire.title=hidden';
    expect([await asked(through), await asked(through, 'restricted')]).toEqual(['secret', '']);
    const along = 'QuestionnaireResponse?_id=secret,one&_include=QuestionnaireResponse:questionnaire';
    expect(await asked(along)).toBe('one secret | Questionnaire/hidden Questionnaire/pain1');
    expect(await asked(along, 'restricted')).toBe('one secret | Questionnaire/pain1');
    expect(await asked(along.replace('QuestionnaireResponse:questionnaire', '*'), 'restricted')).toBe(
      'one secret | Questionnaire/pain1',
    );
    const back = 'Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=secret,one';
    expect([await asked(back), await asked(back, 'restricted')]).toEqual(['hidden pain1', 'pain1']);
    const unlike = 'QuestionnaireResponse?_id=secret&questionnaire.status:not=draft';
    expect([await asked(unlike), await asked(unlike, 'restricted')]).toEqual(['secret', '']);
  });

  it('follow what is changed and deleted', async () => {
    await house.ask('PUT', '/Questionnaire/moving', { body: questionnaire('moving', 'http://q.example/pain', '3') });
    const query = 'QuestionnaireResponse?questionnaire.title=moving';
    expect(await asked(query)).toBe('any three');
    await house.ask('PUT', '/Questionnaire/moving', { body: questionnaire('moving', 'http://q.example/pain', '4') });
    expect(await asked(query)).toBe('any');
    await house.ask('DELETE', '/Questionnaire/moving');
    expect(await asked(query)).toBe('');
  });
});

describe('A chain into a Bundle', () => {
  it.each([
    ['Bundle?composition.patient=Patient/a', 'letter urgent'],
    ['Bundle?composition.patient=a&composition.title=urgent', 'urgent'],
    ['Bundle?composition.patient=Patient/b', ''],
    ['Bundle?composition.patient=Patient/x', ''],
    ['Bundle?composition:Composition.type=urn:types|letter', 'letter urgent'],
    ['Bundle?composition.title:contains=ETT', 'letter'],
    ['Bundle?composition.title:not=letter', '400 not-supported'],
    ['Bundle?composition.status:not=final', ''],
    ['Bundle?composition.identifier:missing=true', 'letter urgent'],
    ['Bundle?composition.date=ge2026&composition._id=c', 'letter'],
    ['Bundle?composition=Composition/alone', 'urgent'],
    ['Bundle?message.destination-uri=http://d.example/in', 'message'],
    ['Bundle?message.source-uri=http://d.example/in', ''],
    ['Bundle?_filter=composition.title eq "Letter"', 'letter'],
    ['Bundle?composition.patient.name=Byron', '400 not-supported'],
    ['Bundle?composition._lastUpdated=ge2026', '400 not-supported'],
    ['Bundle?_include=Bundle:composition', '400 not-supported'],
    ['Composition?_revinclude=Bundle:composition', '400 not-supported'],
    ['Composition?_has:Bundle:composition:type=document', '400 not-supported'],
    ['Bundle?_id=urgent&_include=*', 'urgent'],
    ['Composition?_revinclude=Bundle:*', 'alone'],
  ])('%s finds %s', async (query, expected) => {
    expect(await asked(query)).toBe(expected);
  });
});
