/** What the scopes of a token open of a type; a missing patient means nothing (O21). https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../../src/fhir/references.ts';
import { extractorAt } from '../../../src/search/extract.ts';
import { matches } from '../../../src/search/match.ts';
import { none } from '../../../src/search/query.ts';
import { type About, opens, type Right, scopeCriterion } from '../../../src/smart/scopes/criterion.ts';
import { scopesOf } from '../../../src/smart/scopes/words.ts';

const base = 'https://watchfire.example/fhir';
const criterion = (scope: string, type: string, right: Right, about: About = { patient: '1', base }) =>
  scopeCriterion(scopesOf(scope), type, right, about);
const isOpen = (scope: string, right: Right, resource: Resource, about?: About): boolean => {
  const asked = criterion(scope, resource.resourceType, right, about);
  const key = { type: resource.resourceType, id: resource.id! };
  return asked === undefined || matches(asked, extractorAt(base)(JSON.stringify(resource)), key);
};

const observation = (patient: string, category = 'vital-signs'): Resource => ({
  resourceType: 'Observation',
  id: '7',
  subject: { reference: patient },
  category: [{ coding: [{ code: category }] }],
});

describe('A scope', () => {
  it('for a patient opens what is in the compartment of that patient', () => {
    expect(isOpen('patient/Observation.rs', 'r', observation('Patient/1'))).toBe(true);
    expect(isOpen('patient/Observation.rs', 'r', observation(`${base}/Patient/1`))).toBe(true);
    expect(isOpen('patient/Observation.rs', 'r', observation('Patient/2'))).toBe(false);
    expect(isOpen('patient/*.rs', 's', { resourceType: 'Patient', id: '1' })).toBe(true);
    expect(isOpen('patient/*.rs', 's', { resourceType: 'Patient', id: '2' })).toBe(false);
  });

  it.each(['Device', 'Task'])('for a patient opens a %s of that patient, though the compartment has none', (type) => {
    const of = (id: string) => ({
      resourceType: type,
      id: '7',
      [type === 'Task' ? 'for' : 'patient']: { reference: `Patient/${id}` },
    });
    expect(isOpen(`patient/${type}.cruds`, 'u', of('1'))).toBe(true);
    expect(isOpen(`patient/${type}.cruds`, 'u', of('2'))).toBe(false);
  });

  it('for a patient opens nothing without a patient', () => {
    for (const type of ['Observation', 'Patient', 'Device', 'Practitioner'])
      expect(criterion('patient/*.cruds', type, 'r', { base })).toBe(none);
  });

  it('for a patient opens who treated and where for reading alone, and no type besides that tells of others', () => {
    expect(criterion('patient/*.cruds', 'Practitioner', 'r')).toBeUndefined();
    expect(criterion('patient/*.cruds', 'Organization', 's')).toBeUndefined();
    for (const right of ['c', 'u', 'd'] as const)
      expect(criterion('patient/*.cruds', 'Practitioner', right)).toBe(none);
    for (const type of ['Subscription', 'Binary', 'Bundle', 'SearchParameter', 'Slot'])
      expect(criterion('patient/*.cruds', type, 'r')).toBe(none);
  });

  it('with a query opens what a search with it finds', () => {
    const scope = 'user/Observation.rs?category=laboratory';
    expect(isOpen(scope, 'r', observation('Patient/2', 'laboratory'))).toBe(true);
    expect(isOpen(scope, 'r', observation('Patient/2'))).toBe(false);
    expect(isOpen('patient/Observation.r?category=laboratory', 'r', observation('Patient/2', 'laboratory'))).toBe(
      false,
    );
    expect(isOpen('patient/Observation.r?category=laboratory', 'r', observation('Patient/1', 'laboratory'))).toBe(true);
  });

  it('opens its type and rights alone', () => {
    expect(criterion('system/Observation.rs', 'Observation', 'r')).toBeUndefined();
    expect(criterion('system/Observation.rs', 'Observation', 'c')).toBe(none);
    expect(criterion('system/Observation.rs', 'Patient', 'r')).toBe(none);
    expect(criterion('', 'Patient', 'r')).toBe(none);
    expect(criterion('openid launch/patient', 'Patient', 'r')).toBe(none);
    expect(opens(scopesOf('patient/Observation.rs'), 'Observation', 's')).toBe(true);
    expect(opens(scopesOf('patient/Observation.rs'), 'Observation', 'c')).toBe(false);
    expect(opens(scopesOf('patient/Observation.rs'), 'Flag', 's')).toBe(false);
  });

  it('beside others opens what any of them opens', () => {
    const scopes = 'patient/Observation.rs?category=laboratory patient/Observation.r?category=vital-signs';
    expect(isOpen(scopes, 'r', observation('Patient/1'))).toBe(true);
    expect(isOpen(scopes, 's', observation('Patient/1'))).toBe(false);
    expect(isOpen(scopes, 's', observation('Patient/1', 'laboratory'))).toBe(true);
    expect(criterion(`${scopes} user/*.rs`, 'Observation', 'r')).toBeUndefined();
  });
});
