/** P8 and P9 at their gate for servers that share a store: 1,000 universes of three servers. */
import { expect, it } from '@jest/globals';
import { runUniverse } from './universe.ts';

const firstSeed = Number(process.env['WATCHFIRE_TEST_SEED'] ?? 1_000);

it('loses no event and keeps the order in 1,000 universes', async () => {
  for (let seed = firstSeed; seed < firstSeed + 1_000; seed++) {
    const { faults } = await runUniverse(seed, { servers: 3 });
    expect({ seed, faults }).toEqual({ seed, faults: [] });
  }
}, 7_200_000);
