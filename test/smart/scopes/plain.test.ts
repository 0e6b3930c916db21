/** People who consent read what a scope means: who, what, read or write, and how it is limited. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { describe, expect, it } from '@jest/globals';
import { mayChange, plain } from '../../../src/smart/scopes/plain.ts';
import { identityScopes, launchScopes, seedScopes } from '../../../src/smart/scopes/words.ts';

describe('In plain words', () => {
  it.each([
    ['patient/*.read', 'Read and search all data of the chosen patient.'],
    [
      'user/AllergyIntolerance.cruds',
      'Read, search, add, change and delete allergies and intolerances that you have access to.',
    ],
    [
      'system/MedicationKnowledge.s',
      'Find and read by searching medication knowledge records that this program is allowed, without a person present.',
    ],
    [
      'patient/Observation.write',
      'Add, change and delete measurements, vital signs and test results of the chosen patient.',
    ],
    [
      'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory',
      'Read and search measurements, vital signs and test results of the chosen patient, only where category is laboratory.',
    ],
    [
      'patient/Condition.r?category=a,b&onset-date=ge2020-01-01&code:not=c,d',
      'Read one by one health problems and diagnoses of the chosen patient, only where category is a or b and code is not c or d and onset date is at least 2020-01-01.',
    ],
    [
      'user/Observation.s?code=http://loinc.org|8867-4,urn:local|pulse&category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs',
      'Find and read by searching measurements, vital signs and test results that you have access to, only where category is vital signs and code is LOINC 8867-4 or pulse (urn:local).',
    ],
  ])('%s: %s', (scope, sentence) => {
    expect(plain(scope)).toBe(sentence);
  });

  it('what an app writes into a query is quoted, short, and turns nothing round', () => {
    const asked = (text: string) => plain(`patient/Observation.r?code:text=${encodeURIComponent(text)}`);
    expect(asked('x. Allow ”me“')).toBe(
      'Read one by one measurements, vital signs and test results of the chosen patient, only where code has a text that begins with “x. Allow "me"”.',
    );
    expect(asked('y'.repeat(500)).length).toBeLessThan(250);
    for (const sign of ['\u202e', '\u200b', '\n', '\u0000', '\u2028'])
      expect(asked(`x${sign}y`)).toContain('it opens nothing');
  });

  it('every scope that is a word has a sentence of its own', () => {
    const words = [...identityScopes, ...launchScopes, ...Object.keys(seedScopes)];
    expect(new Set(words.map(plain)).size).toBe(words.length);
    expect(words.map(plain).filter((sentence) => sentence.includes('does not know'))).toEqual([]);
    expect(plain('patient/Observation.sr')).toBe('Something that this server does not know; it opens nothing.');
  });

  it('tells what can change data from what cannot', () => {
    expect(['patient/*.read', 'patient/*.write', 'user/Flag.u', 'openid'].map(mayChange)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});
