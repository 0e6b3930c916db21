/** A sample of the matrix role x interaction x resource type; matrix.long.test.ts asks all of it. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { fault, interactions, says, written } from './matrix.ts';
import { begin, everybody } from './world.ts';

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  for (const [name, grant] of Object.entries(everybody)) house.grants.set(name, grant);
});
afterAll(() => house.stop());

const types = [
  'Patient',
  'Observation',
  'AuditEvent',
  'Consent',
  'Subscription',
  'Task',
  'Location',
  'ValueSet',
  'Account',
];

it.each([...written.keys()])('the role %s may do what its policy says, and nothing else', async (role) => {
  const faults: (string | undefined)[] = [];
  for (const type of types) {
    for (const interaction of interactions) faults.push(await fault(house, role, interaction, type));
  }
  expect(faults.filter(Boolean)).toEqual([]);
});

it('the policies say yes and no', () => {
  const said = [...written.keys()].map(
    (role) => interactions.filter((interaction) => says(role, interaction, 'Observation')).length,
  );
  expect(Math.min(...said)).toBe(0);
  expect(Math.max(...said)).toBe(interactions.length);
});
