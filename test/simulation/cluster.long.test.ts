/** P8 and P9 for servers that share a store: 150 universes of three servers, or as many as are asked for; each takes more than a second. */
import { expect, it } from '@jest/globals';
import { runUniverse } from './universe.ts';

const firstSeed = Number(process.env['WATCHFIRE_TEST_SEED'] ?? 1_000);
const universes = Number(process.env['WATCHFIRE_TEST_UNIVERSES'] ?? 150);

it(`loses no event and keeps the order in ${universes} universes`, async () => {
  for (let seed = firstSeed; seed < firstSeed + universes; seed++) {
    const { faults } = await runUniverse(seed, { servers: 3 });
    expect({ seed, faults }).toEqual({ seed, faults: [] });
  }
}, 7_200_000);
