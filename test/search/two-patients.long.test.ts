/** What patient A is answered is what a store would answer that holds only what A may see: thousands of requests over several pairs of houses. https://hl7.org/fhir/R4/security.html */
import { describe, expect, it } from '@jest/globals';
import { openHouses } from './access/houses.ts';
import { emptyTally, sum, table, tally } from './access/tally.ts';

/** Worlds that hold something for every kind of question; world 4 has none for one of them. */
const seeds = [2, 3, 5];
/** Of each kind in each pair of houses: 5,000 and more in all. */
const each = 12;

describe('A search with the access of patient A, for long', () => {
  const all = emptyTally();

  it.each(seeds)(
    'is answered like one of the administrator on a store of what A may see, with seed %d',
    async (seed) => {
      const houses = await openHouses(seed);
      try {
        const before = all.faults.length;
        await tally(houses, seed, each, all);
        expect(all.faults.slice(before, before + 20).join('\n')).toBe('');
      } finally {
        await houses.stop();
      }
    },
    900_000,
  );

  it('was asked 5,000 times and more, and found something half of the time', () => {
    process.stdout.write(`${table(all)}\n`);
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(5_000);
    expect(found / asked).toBeGreaterThanOrEqual(0.5);
  });
});
