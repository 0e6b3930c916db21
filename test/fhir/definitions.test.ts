import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expander } from '../../scripts/expand-value-sets.ts';
import { codesOf, resourceTypes, type Structure, structureNames, structureOf } from '../../src/fhir/definitions.ts';
import { cut } from '../../src/fhir/structure.ts';
import { sharedData, without } from '../support/shared-data.ts';

const official = sharedData('r4-core/hl7.fhir.r4.core-4.0.1.tgz');
const withOfficial = without(official, 'the official R4 definitions') ? it.skip : it;

/** The order of types and constraints means nothing, nor does the wording of a constraint. */
function comparable({ elements, ...structure }: Structure) {
  const rows = elements.map(({ types, constraints, ...element }) => [
    element.id,
    {
      ...element,
      types: types?.map((type) => JSON.stringify(type)).sort(),
      constraints: constraints?.map(([key, expression]) => `${key}: ${expression}`).sort(),
    },
  ]);
  return { ...structure, elements: Object.fromEntries(rows) };
}

describe('what the server knows of R4', () => {
  it('has the 146 concrete resource types and no other', () => {
    expect(resourceTypes.size).toBe(146);
    for (const type of ['Patient', 'Observation', 'Bundle', 'Binary', 'Parameters', 'Subscription'])
      expect(resourceTypes.has(type)).toBe(true);
    for (const type of ['Resource', 'DomainResource', 'SubscriptionStatus', 'Quantity', 'bp', 'constructor'])
      expect(resourceTypes.has(type)).toBe(false);
  });

  it('answers nothing for names that are not of R4', () => {
    for (const name of ['__proto__', 'constructor', 'SubscriptionStatus', ''])
      expect(structureOf(name)).toBeUndefined();
    expect(codesOf('__proto__')).toBeUndefined();
  });

  it('weighs less than 400 KB', () => {
    const folder = new URL('../../src/fhir/r4/', import.meta.url);
    const sizes = ['structures.zst', 'value-sets.json.zst'].map((file) => statSync(new URL(file, folder)).size);
    expect(sizes[0]! + sizes[1]!).toBeLessThan(400_000);
  });
});

describe('the official R4 package', () => {
  const found = new Map<string, any>();
  let folder: string;

  beforeAll(() => {
    if (official === undefined) return;
    folder = mkdtempSync(join(tmpdir(), 'watchfire-r4-'));
    execFileSync('tar', ['-xzf', official, '-C', folder]);
    const at = join(folder, 'package');
    for (const file of readdirSync(at)) {
      if (!/^(StructureDefinition|ValueSet|CodeSystem)-/.test(file)) continue;
      const resource = JSON.parse(readFileSync(join(at, file), 'utf8'));
      found.set(`${resource.resourceType} ${resource.url}`, resource);
    }
  });
  afterAll(() => {
    if (official !== undefined) rmSync(folder, { recursive: true });
  });

  withOfficial('says the same of every element of every type', () => {
    const ours = new Set<string>();
    for (const name of structureNames) {
      const structure = structureOf(name)!;
      ours.add(structure.url);
      expect(comparable(structure)).toEqual(comparable(cut(found.get(`StructureDefinition ${structure.url}`))));
    }
    const theirs = [...found.values()].filter(
      (r) => r.resourceType === 'StructureDefinition' && r.kind !== 'logical' && r.derivation !== 'constraint',
    );
    expect(theirs.filter(({ url }) => !ours.has(url)).map(({ url }) => url)).toEqual([]);
  });

  withOfficial('expands every value set of a required binding to the same codes', () => {
    const expand = expander([...found.values()]);
    const bound = structureNames.flatMap((name) => structureOf(name)!.elements.flatMap(({ binding }) => binding ?? []));
    const unlisted = new Set<string>();
    for (const url of new Set(bound)) {
      expect({ url, codes: codesOf(url) }).toEqual({ url, codes: expand(url) });
      if (!codesOf(url)) unlisted.add(url.slice(url.lastIndexOf('/') + 1));
    }
    expect([...unlisted].sort()).toEqual(['LL379-9', 'currencies', 'mimetypes', 'ucum-units']);
  });
});
