/** `_include` and `_revinclude` as they are read. https://hl7.org/fhir/R4/search.html#include */
import { describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/fhir/outcome.ts';
import { readIncludes } from '../../src/search/includes.ts';
import { refused } from './refused.ts';

const read = (types: string | readonly string[], query: string) =>
  readIncludes([types].flat(), [...new URLSearchParams(query)]);

describe('_include', () => {
  const to = (name: string | undefined, target?: string, iterate = false) => ({
    way: 'to',
    type: 'Observation',
    ...(name && { name }),
    ...(target && { target }),
    iterate,
  });

  it('follows a parameter, to one type where it says so or where the parameter does', () => {
    expect(read('Observation', '_include=Observation:subject')).toEqual([to('Observation.subject')]);
    expect(read('Observation', '_include=Observation:subject:Group')).toEqual([to('Observation.subject', 'Group')]);
    expect(read('Observation', '_include=Observation:patient')).toEqual([to('Observation.subject', 'Patient')]);
    expect(read('Observation', '_include=Observation:patient:Patient')).toEqual([to('Observation.subject', 'Patient')]);
    expect(read('Observation', '_include=Observation:subject:')).toEqual([to('Observation.subject')]);
  });

  it('follows everything', () => {
    expect(read('Observation', '_include=*')).toEqual([to(undefined)]);
    expect(read('Observation', '_include=Observation:*')).toEqual([to(undefined)]);
    expect(read('Observation', '_include=Observation:*:Patient')).toEqual([to(undefined, 'Patient')]);
    expect(read(['Observation', 'Flag'], '_include=*').map(({ type }) => type)).toEqual(['Observation', 'Flag']);
  });

  it('goes on from what is included', () => {
    for (const modifier of ['iterate', 'recurse']) {
      expect(read('Observation', `_include:${modifier}=Observation:has-member`)).toEqual([
        to('Observation.has-member', undefined, true),
      ]);
      expect(read('Observation', `_include:${modifier}=Patient:link`)).toEqual([
        { way: 'to', type: 'Patient', name: 'Patient.link', iterate: true },
      ]);
    }
  });

  it('goes on from all that is included, of whatever type it is', () => {
    const all = read('Observation', '_include:iterate=*');
    expect(all).toHaveLength(145); // AuditEvents are followed by a search of their own
    expect(all).not.toContainEqual({ way: 'to', type: 'AuditEvent', iterate: true });
    expect(all).toContainEqual({ way: 'to', type: 'Patient', iterate: true });
  });

  it('is done once however often it is asked', () => {
    expect(read('Observation', '_include=Observation:subject&_include=Observation:subject')).toHaveLength(1);
  });

  it.each([
    ['Observation:code', 'invalid'],
    ['Observation:colour', 'not-supported'],
    ['Patient:organization', 'invalid'],
    ['Colour:red', 'invalid'],
    ['Observation', 'invalid'],
    ['Observation:', 'invalid'],
    ['Observation:subject:Patient:Group', 'invalid'],
    ['Observation:subject:Colour', 'invalid'],
    ['Observation:subject:Organization', 'invalid'],
    ['Observation:patient:Group', 'invalid'],
    ['', 'invalid'],
  ])('%s is refused: %s', (value, code) => {
    expect(refusal('Observation', `_include=${value}`)).toMatchObject({ status: 400, code });
  });

  it('follows canonicals as references', () => {
    expect(read('QuestionnaireResponse', '_include=QuestionnaireResponse:questionnaire')).toEqual([
      { way: 'to', type: 'QuestionnaireResponse', name: 'QuestionnaireResponse.questionnaire', iterate: false },
    ]);
    expect(read('Questionnaire', '_revinclude=QuestionnaireResponse:questionnaire')).toEqual([
      { way: 'from', type: 'QuestionnaireResponse', name: 'QuestionnaireResponse.questionnaire', iterate: false },
    ]);
  });

  it('refuses what stands inside the resource, other modifiers and more than 20', () => {
    expect(refusal('Bundle', '_include=Bundle:composition')).toMatchObject({ code: 'not-supported' });
    expect(refusal('Composition', '_revinclude=Bundle:composition')).toMatchObject({ code: 'not-supported' });
    expect(refusal('Observation', '_include:logical=Observation:subject')).toMatchObject({ code: 'not-supported' });
    const many = Array(11).fill('_include=Observation:subject&_revinclude=Provenance:target').join('&');
    expect(refusal('Observation', many)).toMatchObject({ status: 400, code: 'too-costly' });
  });
});

describe('_revinclude', () => {
  const from = (type: string, name: string, target?: string, iterate = false) => ({
    way: 'from',
    type,
    name,
    ...(target && { target }),
    iterate,
  });

  it('brings what refers to the matches', () => {
    expect(read('Patient', '_revinclude=Provenance:target')).toEqual([from('Provenance', 'Provenance.target')]);
    expect(read('Patient', '_revinclude=Observation:patient')).toEqual([
      from('Observation', 'Observation.subject', 'Patient'),
    ]);
    expect(read('Patient', '_revinclude=Observation:subject:Patient')).toEqual([
      from('Observation', 'Observation.subject', 'Patient'),
    ]);
    expect(read(['Encounter', 'Patient'], '_revinclude=Observation:encounter')).toEqual([
      from('Observation', 'Observation.encounter'),
    ]);
  });

  it('takes every parameter of a type that leads here', () => {
    const names = read('Encounter', '_revinclude=Observation:*').map(({ name }) => name);
    expect(names).toEqual(['Observation.encounter', 'Observation.focus']);
  });

  it('goes on from what is included', () => {
    expect(read('Patient', '_revinclude:iterate=Observation:has-member')).toEqual([
      from('Observation', 'Observation.has-member', undefined, true),
    ]);
  });

  it.each([
    ['*', 'too-costly'],
    ['Observation:encounter', 'invalid'],
    ['Observation:subject:Group', 'invalid'],
    ['Observation:encounter:Patient', 'invalid'],
    ['Observation:code', 'invalid'],
    ['Observation:colour', 'not-supported'],
  ])('%s is refused: %s', (value, code) => {
    expect(refusal('Patient', `_revinclude=${value}`)).toMatchObject({ status: 400, code });
  });
});

function refusal(type: string, query: string): Problem {
  return refused(() => read(type, query));
}
