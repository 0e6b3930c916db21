/** One truth: what a search finds, what is seen of a version or of a parsed resource, and what may be written are the same rows. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Access, Sight } from '../../../src/interactions/interaction.ts';
import type { Policy } from '../../../src/smart/policies/policy.ts';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill, grantOf, keyOf, world } from './world.ts';

/** Rules that lead far: chains, `_has`, negations of both, labels, alternatives, dates, amounts. */
const searches = [
  'Observation?subject:Patient.name=Family-a',
  'Observation?subject:Patient._has:CareTeam:patient:participant=%user',
  'Observation?subject:Patient._has:CareTeam:patient:status:not=inactive',
  'Observation?subject:Patient.organization.name=North',
  'Observation?_filter=not (subject re Patient/a)',
  'Observation?_filter=code eq 8867-4 and not (encounter.status eq finished)',
  'Observation?encounter:missing=true',
  'Observation?encounter.status=finished',
  'Observation?_security:not=R,V',
  'Observation?date=ge2026-05-01&value-quantity=gt70',
  'Observation?code-value-quantity=8867-4$72',
  'Patient?_has:Observation:patient:_has:Provenance:target:_id=from-b',
  'Patient?_has:Flag:patient:status=active&_has:Task:patient:status=requested',
  'Patient?_filter=not (organization.name eq North)',
  'Patient?_id=%patient',
  'Encounter?_list=list-a',
  'Condition?subject=%patient',
  'Device?patient:Patient.telecom=555-a',
  '*?_lastUpdated=ge2026-01-01',
  '*?_tag=test',
];
const roles = new Map<string, Policy>(
  searches.map((search, i) => [
    `rule-${i}`,
    { role: `rule-${i}`, description: search, rules: [{ search, rights: 'cruds' }] },
  ]),
);

let house: AccessHouse;
let stored: readonly { key: string; text: string }[];
beforeAll(async () => {
  const { readPolicies } = await import('../../../src/smart/policies/policy.ts');
  house = await openAccessHouse(begin, { policies: new Map([...readPolicies(), ...roles]) });
  await fill(house);
  stored = await Promise.all(
    world.map(async (resource) => ({
      key: keyOf(resource),
      text: (await house.ask('GET', `/${keyOf(resource)}`)).text,
    })),
  );
});
afterAll(() => house.stop());

const types = [...new Set(world.map(({ resourceType }) => resourceType))];

async function found(name: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const type of types) {
    const { status, body } = await house.ask('GET', `/${type}?_count=1000`, { as: name });
    if (status === 200) keys.push(...(body.entry ?? []).map(({ resource }: any) => keyOf(resource)));
  }
  return keys.sort();
}

async function seen(see: (text: string, key: string) => boolean | Promise<boolean>): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const { key, text } of stored) if (await see(text, key)) keys.push(key);
  return keys.sort();
}

const versionOf = (key: string, text: string) => {
  const [type = '', id = ''] = key.split('/');
  return { key: { type, id }, text, versionId: 1, lastUpdated: begin, method: 'PUT' } as const;
};
const ways: Record<string, (access: Access, right: Sight) => Promise<readonly string[]>> = {
  'a parsed resource': (access, right) => seen((text) => access.sees(JSON.parse(text), right)),
  'a stored version': (access, right) => seen((text, key) => access.seesVersion!(versionOf(key, text), right)),
  'the same version again': (access, right) => seen((text, key) => access.seesVersion!(versionOf(key, text), right)),
};

describe('What is seen is what is found', () => {
  const grants = {
    ...everybody,
    ...Object.fromEntries(
      [...roles.keys()].map((role, i) => [searches[i]!, grantOf('Practitioner/nurse', [role], 'user/*.cruds')]),
    ),
    'of patient a': grantOf('Patient/a', [...roles.keys()], 'user/*.cruds'),
    'two roles': grantOf('Practitioner/physician', ['nurse', 'physician'], 'user/*.rs'),
  };
  const found_ = new Set<number>();

  it.each(Object.keys(grants).filter((name) => name !== 'administrator'))('by %s', async (name) => {
    const grant = grants[name as keyof typeof grants];
    house.grants.set(name, grant);
    const keys = await found(name);
    found_.add(keys.length);
    const access = await house.access.accessFor(grant);
    for (const [way, see] of Object.entries(ways)) expect([way, await see(access, 's')]).toEqual([way, keys]);
    // The rules of this test have all rights, so that what is found may be written as it is.
    if (grant.roles.every((role) => roles.has(role))) {
      expect(await seen((text) => access.mayWrite(JSON.parse(text), JSON.parse(text)))).toEqual(keys);
      expect(await seen((text) => access.mayWrite(JSON.parse(text), undefined))).toEqual(keys);
    }
  });

  it('and is neither always nothing nor always all', () => {
    expect(found_.size).toBeGreaterThan(8);
  });
});
