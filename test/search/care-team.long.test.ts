/** What a nurse is answered is what a store would answer that holds only what is about the patients of her CareTeam: requests of every kind, several times. https://hl7.org/fhir/R4/security.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Houses, openHouses } from './access/houses.ts';
import { allKinds } from './access/questions.ts';
import { emptyTally, sum, table, tally } from './access/tally.ts';

const each = 6;

describe('A search with the access of a nurse of patient A', () => {
  let houses: Houses;

  beforeAll(async () => {
    houses = await openHouses(1, 'nurse');
  });
  afterAll(() => houses?.stop());

  it('is answered like one of the administrator on a store of what she may see', async () => {
    const all = emptyTally();
    await tally(houses, 1, each, all);
    expect(all.faults.slice(0, 20).join('\n')).toBe('');
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(allKinds.length * each);
    expect(`${found / asked >= 0.4}\n${table(all)}`).toMatch(/^true/);
  });
});
