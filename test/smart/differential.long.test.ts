/** What somebody is answered is what a store would answer that holds only what he may see: thousands of requests on every path, on both engines. https://hl7.org/fhir/R4/security.html */
import { describe, expect, it } from '@jest/globals';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { openHouses, type StoreKind } from './differential/houses.ts';
import { emptyTally, sum, table, tally } from './differential/tally.ts';

const seeds = [2, 3, 5];
/** Of each kind for each caller and seed: 5,000 requests and more in all. */
const each = 2.1;

function asksFor(store: StoreKind): void {
  const all = emptyTally();

  it.each(seeds)(
    'is answered like the administrator of a store of what he may see, with seed %d',
    async (seed) => {
      const houses = await openHouses(seed, { store });
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

  it('asked 5,000 times and more, and found something half of the time', () => {
    process.stdout.write(`${store}\n${table(all)}\n`);
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(5_000);
    expect(found / asked).toBeGreaterThanOrEqual(0.5);
  });
}

describe('Whoever asks, on SQLite,', () => asksFor('sqlite'));
describeOnMongod('Whoever asks, on MongoDB,', () => asksFor('mongodb'));
