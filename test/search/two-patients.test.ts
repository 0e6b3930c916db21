/** What patient A is answered is what a store would answer that holds only what A may see: some requests of every kind. https://hl7.org/fhir/R4/security.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Houses, openHouses } from './access/houses.ts';
import { allKinds } from './access/questions.ts';
import { emptyTally, sum, table, tally } from './access/tally.ts';

const seed = 1;
const each = 3;

describe('A search with the access of patient A', () => {
  let houses: Houses;

  beforeAll(async () => {
    houses = await openHouses(seed);
  }, 60_000);
  afterAll(() => houses?.stop());

  it('is answered like one of the administrator on a store of what A may see', async () => {
    const all = emptyTally();
    await tally(houses, seed, each, all);
    expect(all.faults.slice(0, 20).join('\n')).toBe('');
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(allKinds.length * each);
    expect(`${found / asked >= 0.5}\n${table(all)}`).toMatch(/^true/);
  }, 120_000);
});
