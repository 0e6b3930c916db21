/** What is in a compartment. https://hl7.org/fhir/R4/compartmentdefinition.html */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { compartmentNames, compartmentParameters } from '../../src/fhir/compartments.ts';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import { compartmentCriterion } from '../../src/search/compartment.ts';
import { leadsTo } from '../../src/search/parameter.ts';
import { parametersOf } from '../../src/search/parameters.ts';
import { sharedData, without } from '../support/shared-data.ts';

describe('compartments', () => {
  it('hold what refers to their resource in one of several ways', () => {
    expect(compartmentParameters('Patient', 'Observation')).toEqual(['subject', 'performer']);
    expect(compartmentCriterion('Patient', '1', 'Observation')).toEqual({
      is: 'any',
      of: [
        { is: 'reference', name: 'Observation.subject', target: 'Patient/1' },
        { is: 'reference', name: 'Observation.performer', target: 'Patient/1' },
      ],
    });
    expect(compartmentCriterion('Encounter', '7', 'Observation')).toEqual({
      is: 'reference',
      name: 'Observation.encounter',
      target: 'Encounter/7',
    });
  });

  it('hold the resource that they are named after', () => {
    for (const name of compartmentNames) {
      const criterion = compartmentCriterion(name, '1', name)!;
      const parts = criterion.is === 'any' ? criterion.of : [criterion];
      expect([name, parts[0]]).toEqual([name, { is: 'id', ids: ['1'] }]);
    }
  });

  it('know what is never in them', () => {
    expect(compartmentCriterion('Patient', '1', 'Organization')).toBeUndefined();
    expect(compartmentParameters('Organization', 'Patient')).toBeUndefined();
    expect(compartmentParameters('Organization', 'Organization')).toBeUndefined();
    expect(compartmentParameters('constructor', 'Patient')).toBeUndefined();
    expect(compartmentParameters('Patient', 'constructor')).toBeUndefined();
  });

  it('are reached by parameters that lead there', () => {
    for (const name of compartmentNames) {
      for (const type of resourceTypes) {
        for (const code of compartmentParameters(name, type) ?? []) {
          if (code === '{def}') continue;
          const parameter = parametersOf(type).get(code);
          expect([name, type, code, parameter && leadsTo(parameter, name)]).toEqual([name, type, code, true]);
        }
      }
    }
  });

  it('are those of the official package', () => {
    const archive = sharedData('r4-core/hl7.fhir.r4.core-4.0.1.tgz');
    if (without(archive, 'the definitions of R4')) return;
    for (const name of compartmentNames) {
      const file = `package/CompartmentDefinition-${name[0]!.toLowerCase()}${name.slice(1)}.json`;
      const { resource } = JSON.parse(execFileSync('tar', ['-xzOf', archive!, file]).toString());
      const own = resource.filter(({ code }: any) => code !== name);
      for (const { code, param } of own)
        expect([name, code, compartmentParameters(name, code)]).toEqual([name, code, param]);
    }
  });
});
