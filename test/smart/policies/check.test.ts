/** Policies are checked before the server starts; and what the shipped ones say at least. capability/access/README.md */
import { describe, expect, it } from '@jest/globals';
import { demandSound } from '../../../src/smart/policies/check.ts';
import { grants, type Policy, type Rule, readPolicies, roleRules } from '../../../src/smart/policies/policy.ts';
import { openAccessHouse } from '../../support/access-house.ts';
import { begin } from './world.ts';

const base = 'https://a.example/fhir';
const only = (rule: object, more: object = {}): ReadonlyMap<string, Policy> =>
  new Map([['x', { role: 'x', description: 'x', rules: [rule as Rule], ...more }]]);

describe('A policy is refused that names', () => {
  it.each<[string, object, string]>([
    ['an unknown type', { types: ['Pateint'], rights: 'r' }, 'names a type that R4 does not have: Pateint'],
    ['an unknown right', { types: ['Patient'], rights: 'rx' }, 'no letters of cruds'],
    ['rights in another order', { types: ['Patient'], rights: 'sr' }, 'no letters of cruds'],
    ['no right', { types: ['Patient'], rights: '' }, 'no letters of cruds'],
    [
      'types and a search',
      { types: ['Patient'], search: 'Patient?active=true', rights: 'r' },
      'either types or a search',
    ],
    ['neither', { rights: 'r' }, 'either types or a search'],
    ['an unknown search parameter', { search: 'Patient?colour=red', rights: 'r' }, 'a search that is refused'],
    ['a malformed value', { search: 'Observation?date=yesterday', rights: 'r' }, 'a search that is refused'],
    ['a search without a condition', { search: 'Patient', rights: 'r' }, 'a search without a condition'],
    ['what shapes an answer', { search: 'Patient?_count=1', rights: 'r' }, 'a search that is refused'],
    ['a type that is not searched', { search: 'Pateint?active=true', rights: 'r' }, 'R4 does not have: Pateint'],
    ['a parameter that not every type has', { search: '*?code=x', rights: 'r' }, 'by what not every type has: code=x'],
    ['an unknown variable', { search: 'Observation?subject=%me_', rights: 'r' }, 'search that is refused'],
    [
      'another unknown variable',
      { search: 'Observation?subject=%nurse', rights: 'r' },
      'names a variable that is none of',
    ],
    [
      'a canonical to follow',
      { search: 'QuestionnaireResponse?questionnaire.status=active', rights: 'r' },
      'follows a canonical',
    ],
    ['an unknown compartment', { types: ['Patient'], rights: 'r', within: 'ward' }, 'is within ward'],
    [
      'a compartment that cannot be told',
      { types: ['Location'], rights: 'r', within: 'own' },
      'cannot be told of Location',
    ],
    ['an unknown element', { types: ['Patient'], rights: 'r', hidden: ['Patient.colour'] }, 'Patient.colour'],
    [
      'an element without which nothing is left',
      { types: ['Patient'], rights: 'r', hidden: ['Patient.meta'] },
      'Patient.meta',
    ],
    [
      'all of meta, of which the server writes some',
      { types: ['Patient'], rights: 'u', readOnly: ['Patient.meta'] },
      'Patient.meta',
    ],
    [
      'an unknown signature',
      { types: ['Observation'], rights: 'c', ownOnly: ['Observation.signer'] },
      'Observation.signer',
    ],
    [
      'one form of a choice',
      { types: ['Observation'], rights: 'r', hidden: ['Observation.valueQuantity'] },
      'valueQuantity',
    ],
    [
      'an element of another type',
      { types: ['Patient'], rights: 'r', hidden: ['Person.telecom'] },
      'not about: Person.telecom',
    ],
    ['a label that is no code', { types: ['Patient'], rights: 'r', unlessLabelled: ['R,V'] }, 'no code: R,V'],
    ['an unknown member', { types: ['Patient'], rights: 'r', witihn: 'own' }, 'a member that nobody knows: witihn'],
    ['a word where a list belongs', { types: 'Patient', rights: 'r' }, 'types that is no list of words'],
    [
      'what an update would erase',
      { types: ['Patient'], rights: 'ru', hidden: ['Patient.telecom'] },
      'would erase what it cannot see',
    ],
  ])('%s', (_what, rule, sentence) => {
    const check = () => demandSound(only(rule), base);
    expect(check).toThrow(sentence);
    expect(check).toThrow('capability/access/x.json');
  });

  it('members of its own that nobody knows', () => {
    expect(() => demandSound(only({ types: ['Patient'], rights: 'r' }, { rulse: [] }), base)).toThrow('rulse');
  });

  it('and the server does not start with it', async () => {
    const policies = only({ search: 'Patient?colour=red', rights: 'r' });
    await expect(openAccessHouse(begin, { policies })).rejects.toThrow('rule 1, has a search that is refused');
  });
});

describe('The policies under capability/access', () => {
  const policies = readPolicies();
  const mayCreate = (role: string, type: string) => policies.get(role)!.rules.some((rule) => grants(rule, type, 'c'));

  it('are there for the nine roles, and sound', () => {
    expect([...policies.keys()].sort()).toEqual(
      [
        'administrator',
        'cardiologist',
        'device',
        'nurse',
        'patient',
        'physician',
        'privacy-officer',
        'service',
        'tester',
      ].sort(),
    );
    expect(() => demandSound(policies, base)).not.toThrow();
    expect(roleRules(policies).names).toContain('nurse');
    expect(roleRules(policies).demandsSecondFactor('administrator')).toBe(true);
    expect(roleRules(policies).demandsSecondFactor('patient')).toBe(false);
  });

  it.each([
    'Condition',
    'ServiceRequest',
    'MedicationRequest',
    'DeviceRequest',
    'RiskAssessment',
    'CarePlan',
    'DiagnosticReport',
  ])('let no device create a %s: it displays and measures', (type) => {
    expect(mayCreate('device', type)).toBe(false);
    expect(mayCreate('device', 'Observation')).toBe(true);
  });

  it('let nobody but the administrator into the Subscriptions of others, and write no AuditEvent', () => {
    for (const [role, { rules }] of policies) {
      if (role === 'administrator') continue;
      const opening = rules.filter((rule) =>
        'cruds'.split('').some((right) => grants(rule, 'Subscription', right as 'r')),
      );
      const ofOthers = opening.filter(({ search }) => !/\?owner(=%user|:identifier=%client)$/.test(search ?? ''));
      expect([role, ofOthers]).toEqual([role, []]);
      expect([role, mayCreate(role, 'AuditEvent')]).toEqual([role, false]);
    }
  });
});
