/** Chains, `_has` and `_list` as they are read. https://hl7.org/fhir/R4/search.html#chaining */
import { describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/fhir/outcome.ts';
import { parseSearch, type SearchOptions } from '../../src/search/parse.ts';
import type { Criterion } from '../../src/search/query.ts';
import { refused } from './refused.ts';

const parse = (type: string, query: string, options: SearchOptions = { strict: true }) =>
  parseSearch(type, [...new URLSearchParams(query)], options);
const where = (type: string, query: string) => outside(parse(type, query).query.where);

/** Without what a chain also looks for in contained resources (contained.test.ts). */
function outside(criterion: Criterion): Criterion {
  if (criterion.is === 'refers' || criterion.is === 'referred') {
    return { ...criterion, where: outside(criterion.where) };
  }
  if (criterion.is !== 'any' && criterion.is !== 'all') return criterion;
  const standing = criterion.of.filter((one) => one.is === 'refers' || !JSON.stringify(one).includes('#'));
  const of = standing.map(outside);
  return of.length === 1 && of.length < criterion.of.length ? of[0]! : { ...criterion, of };
}
const refusal = (type: string, query: string, options?: SearchOptions): Problem =>
  refused(() => parse(type, query, options));

const named = (name: string) => ({ is: 'text', name, match: 'starts', value: 'ann' });

describe('chains', () => {
  it('lead to a resource of the type named', () => {
    expect(where('Observation', 'subject:Patient.name=Ann')).toEqual({
      is: 'refers',
      name: 'Observation.subject',
      type: 'Patient',
      where: named('Patient.name'),
    });
  });

  it('without a type lead to every type that has the parameter', () => {
    const refers = (type: string, where: unknown) => ({ is: 'refers', name: 'Observation.subject', type, where });
    expect(where('Observation', 'subject.name=Ann')).toEqual({
      is: 'any',
      of: [refers('Patient', named('Patient.name')), refers('Location', named('Location.name'))],
    });
    expect(where('Observation', 'subject.gender=male')).toEqual(
      refers('Patient', { is: 'key', name: 'Patient.gender', first: 'male', second: '' }),
    );
  });

  it('lead by canonicals where those are the values, forth and back', () => {
    const questionnaire = { name: 'QuestionnaireResponse.questionnaire', byCanonical: true };
    expect(where('QuestionnaireResponse', 'questionnaire.status=draft')).toEqual({
      is: 'refers',
      ...questionnaire,
      type: 'Questionnaire',
      where: { is: 'key', name: 'Questionnaire.status', first: 'draft', second: '' },
    });
    expect(where('Questionnaire', '_has:QuestionnaireResponse:questionnaire:status=completed')).toEqual({
      is: 'referred',
      ...questionnaire,
      type: 'QuestionnaireResponse',
      where: { is: 'key', name: 'QuestionnaireResponse.status', first: 'completed', second: '' },
    });
    expect(where('PlanDefinition', 'depends-on:Library.name=ann')).toMatchObject({
      type: 'Library',
      byCanonical: true,
    });
  });

  it('look into the first resource of a Bundle', () => {
    const standing = (query: string) => parse('Bundle', query).query.where;
    expect(standing('composition.patient=Patient/1')).toEqual({
      is: 'key',
      name: 'Bundle.composition#Composition.subject',
      first: 'Patient/1',
      second: '',
    });
    expect(standing('message:MessageHeader.destination-uri=urn:x')).toMatchObject({
      name: 'Bundle.message#MessageHeader.destination-uri',
    });
    expect(standing('composition._id=c')).toMatchObject({ name: 'Bundle.composition#Composition._id', first: 'c' });
  });

  it('keep to the one type that a narrowed parameter means', () => {
    expect(where('Observation', 'patient.name=Ann')).toEqual(where('Observation', 'subject:Patient.name=Ann'));
  });

  it('take a modifier and the common parameters at their end', () => {
    const inner = (query: string) => {
      const criterion = where('Observation', query);
      return criterion.is === 'refers' ? criterion.where : criterion;
    };
    expect(inner('patient.name:exact=Ann')).toEqual({
      is: 'text',
      name: 'Patient.name',
      match: 'equals',
      value: 'Ann',
    });
    expect(inner('patient._id=1,2')).toEqual({ is: 'id', ids: ['1', '2'] });
    expect(inner('patient._lastUpdated=ge2026')).toMatchObject({ is: 'range', name: 'Patient._lastUpdated' });
    expect(inner('patient.name:missing=true')).toMatchObject({ is: 'not' });
  });

  it('go on for three steps', () => {
    expect(where('DiagnosticReport', 'result.subject:Patient.organization.name=Ann')).toMatchObject({
      is: 'refers',
      name: 'DiagnosticReport.result',
      type: 'Observation',
      where: {
        is: 'refers',
        name: 'Observation.subject',
        type: 'Patient',
        where: { is: 'refers', name: 'Patient.organization', type: 'Organization', where: named('Organization.name') },
      },
    });
  });

  it('pass by types in which the rest leads nowhere', () => {
    const criterion = where('Observation', 'subject.organization.name=Ann');
    expect(criterion.is === 'any' ? criterion.of.map((one) => 'type' in one && one.type) : criterion).toEqual([
      'Patient',
      'Device',
      'Location',
    ]);
  });

  it('are ignored or refused as a whole where their end is unknown', () => {
    const lenient = parse('Observation', 'patient.colour=red&subject.colour=red&colour.name=a&code=a', {
      strict: false,
    });
    expect(lenient.ignored).toEqual(['patient.colour', 'subject.colour', 'colour.name']);
    expect(lenient.used).toEqual([['code', 'a']]);
    expect(refusal('Observation', 'patient.colour=red')).toMatchObject({ status: 400, code: 'not-supported' });
    const conditional = { strict: false, conditional: true };
    expect(refusal('Observation', 'patient.colour=red', conditional)).toMatchObject({ code: 'not-supported' });
  });

  it.each([
    ['Observation', 'code.name=a', 'invalid'],
    ['Observation', 'subject:Colour.name=a', 'invalid'],
    ['Observation', 'subject:Organization.name=a', 'invalid'],
    ['Observation', 'patient:Group.code=a', 'invalid'],
    ['Observation', 'subject:missing.name=a', 'invalid'],
    ['Observation', 'patient.name.family=a', 'invalid'],
    ['Observation', 'patient.birthdate=yesterday', 'value'],
    ['Observation', 'patient.birthdate=', 'invalid'],
    ['Observation', 'patient.gender:exact=male', 'not-supported'],
    ['Observation', 'subject.gender:exact=male', 'not-supported'],
    ['Observation', 'focus.identifier=a', 'too-costly'],
    ['Observation', 'part-of.part-of.part-of.part-of.status=a', 'too-costly'],
    ['Observation', 'performer.organization.partof.partof.partof.name=a', 'too-costly'],
    ['QuestionnaireResponse', 'questionnaire:Patient.name=a', 'invalid'],
    ['PlanDefinition', 'depends-on.title=a', 'too-costly'],
    ['Bundle', 'composition.patient.name=a', 'not-supported'],
    ['Bundle', 'composition._lastUpdated=2026', 'not-supported'],
    ['Bundle', 'composition:MessageHeader.code=a', 'invalid'],
    ['Bundle', 'composition._has:Provenance:target:agent=a', 'not-supported'],
    ['Observation', 'patient._query=a', 'not-supported'],
  ])('%s?%s is refused: %s', (type, query, code) => {
    const problem = refusal(type, query, { strict: false });
    expect(problem).toMatchObject({ status: 400, code });
    expect(problem.message).not.toContain('yesterday');
  });
});

describe('_has', () => {
  it('asks for a resource that refers here', () => {
    expect(where('Patient', '_has:Observation:patient:code=x')).toEqual({
      is: 'referred',
      type: 'Observation',
      name: 'Observation.subject',
      where: { is: 'key', name: 'Observation.code', first: 'x', second: '' },
    });
  });

  it('stands in another _has', () => {
    expect(where('Patient', '_has:Observation:patient:_has:Provenance:target:agent=Practitioner/1')).toEqual({
      is: 'referred',
      type: 'Observation',
      name: 'Observation.subject',
      where: {
        is: 'referred',
        type: 'Provenance',
        name: 'Provenance.target',
        where: { is: 'reference', name: 'Provenance.agent', target: 'Practitioner/1' },
      },
    });
  });

  it('is followed by a chain, and follows one', () => {
    expect(where('Patient', '_has:Observation:patient:device:Device.identifier=a')).toMatchObject({
      is: 'referred',
      where: { is: 'refers', name: 'Observation.device', type: 'Device', where: { name: 'Device.identifier' } },
    });
    expect(where('Encounter', 'patient._has:Group:member:_id=102')).toEqual({
      is: 'refers',
      name: 'Encounter.subject',
      type: 'Patient',
      where: { is: 'referred', type: 'Group', name: 'Group.member', where: { is: 'id', ids: ['102'] } },
    });
  });

  it('takes a modifier at its end', () => {
    expect(where('Patient', '_has:Observation:subject:code:missing=false')).toMatchObject({ is: 'referred' });
  });

  it('is ignored or refused where it names what is unknown', () => {
    const { ignored } = parse('Patient', '_has:Observation:colour:code=a&_has:Observation:patient:colour=a', {
      strict: false,
    });
    expect(ignored).toHaveLength(2);
    expect(refusal('Patient', '_has:Observation:patient:colour=a')).toMatchObject({ code: 'not-supported' });
  });

  it.each([
    ['_has=a', 'invalid'],
    ['_has:Observation=a', 'invalid'],
    ['_has:Observation:patient=a', 'invalid'],
    ['_has:Observation:patient:=a', 'invalid'],
    ['_has:Colour:patient:code=a', 'invalid'],
    ['_has:Observation:code:code=a', 'invalid'],
    ['_has:Observation:encounter:code=a', 'invalid'],
    ['_has:Observation:patient:code=', 'invalid'],
    ['_has:Observation:patient:date=never', 'value'],
    ['_has:QuestionnaireResponse:questionnaire:status=a', 'invalid'],
    ['_has:Bundle:composition:type=document', 'not-supported'],
    ['_has:A:b:_has:C:d:_has:E:f:g=a', 'too-costly'],
  ])('%s is refused: %s', (query, code) => {
    expect(refusal('Patient', query, { strict: false })).toMatchObject({ status: 400, code });
  });
});

describe('_list', () => {
  it('asks for what a List holds', () => {
    expect(where('Patient', '_list=42,43')).toEqual({
      is: 'referred',
      type: 'List',
      name: 'List.item',
      where: { is: 'id', ids: ['42', '43'] },
    });
    expect(where('Observation', 'patient._list=42')).toMatchObject({ is: 'refers', where: { is: 'referred' } });
  });

  it.each([
    ['_list=$current-problems', 'not-supported'],
    ['_list=List/1/2', 'invalid'],
    ['_list=', 'invalid'],
    ['_list:not=1', 'not-supported'],
  ])('%s is refused: %s', (query, code) => {
    expect(refusal('Patient', query)).toMatchObject({ status: 400, code });
  });
});
