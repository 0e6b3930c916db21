/** The whole matrix role x interaction x resource type, generated from the policies and probed over HTTP. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { resourceTypes } from '../../../src/fhir/definitions.ts';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { fault, interactions, written } from './matrix.ts';
import { begin, everybody } from './world.ts';

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  for (const [name, grant] of Object.entries(everybody)) house.grants.set(name, grant);
});
afterAll(() => house.stop());

it.each([...written.keys()])(
  'the role %s may do what its policy says of every type, and nothing else',
  async (role) => {
    const faults: (string | undefined)[] = [];
    for (const type of resourceTypes) {
      for (const interaction of interactions) faults.push(await fault(house, role, interaction, type));
    }
    expect(faults.filter(Boolean)).toEqual([]);
  },
  120_000,
);
