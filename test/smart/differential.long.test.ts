/** What somebody is answered is what a store would answer that holds only what he may see: more than a thousand requests on every path, and hundreds on MongoDB. https://hl7.org/fhir/R4/security.html */
import { describe, expect, it } from '@jest/globals';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { openHouses, type StoreKind } from './differential/houses.ts';
import { emptyTally, sum, table, tally } from './differential/tally.ts';

/** `each`: of each kind for each caller and seed. On MongoDB they take four times as long: more are for who sets WATCHFIRE_TEST_EACH and WATCHFIRE_TEST_SEEDS. */
function asksFor(
  store: StoreKind,
  { seeds, each, least }: { readonly seeds: readonly number[]; readonly each: number; readonly least: number },
): void {
  const all = emptyTally();
  const share = Number(process.env['WATCHFIRE_TEST_EACH'] ?? each);

  const given = process.env['WATCHFIRE_TEST_SEEDS']?.split(',').map(Number);

  it.each(given ?? seeds)(
    'is answered like the administrator of a store of what he may see, with seed %d',
    async (seed) => {
      const houses = await openHouses(seed, { store });
      try {
        const before = all.faults.length;
        await tally(houses, seed, share, all);
        expect(all.faults.slice(before, before + 20).join('\n')).toBe('');
      } finally {
        await houses.stop();
      }
    },
    900_000,
  );

  it('was asked on every path, and found something half of the time', () => {
    process.stdout.write(`${store}\n${table(all)}\n`);
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(given ? 1 : least);
    expect(found / asked).toBeGreaterThanOrEqual(0.5);
  });
}

describe('Whoever asks, on SQLite,', () => asksFor('sqlite', { seeds: [2, 3], each: 0.7, least: 1_000 }));
describeOnMongod('Whoever asks, on MongoDB,', () => asksFor('mongodb', { seeds: [2], each: 0.25, least: 150 }));
