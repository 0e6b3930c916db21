/** P8 and P9 at their gate: 10,000 universes. */
import { expect, it } from '@jest/globals';
import { runUniverse } from './universe.ts';

const firstSeed = Number(process.env['WATCHFIRE_TEST_SEED'] ?? 1_000);

it('loses no event and keeps the order in 10,000 universes', async () => {
  for (let seed = firstSeed; seed < firstSeed + 10_000; seed++) {
    const { faults } = await runUniverse(seed);
    expect({ seed, faults }).toEqual({ seed, faults: [] });
  }
}, 7_200_000);
