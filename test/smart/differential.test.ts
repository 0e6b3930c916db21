/** What somebody is answered is what a store would answer that holds only what he may see: some requests on every path, for each kind of caller. https://hl7.org/fhir/R4/security.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Houses, openHouses } from './differential/houses.ts';
import { emptyTally, sum, table, tally } from './differential/tally.ts';

const seed = 1;

describe('Whoever asks', () => {
  let houses: Houses;

  beforeAll(async () => {
    houses = await openHouses(seed, { store: 'sqlite' });
  }, 60_000);
  afterAll(() => houses?.stop());

  it('is answered like the administrator of a store of what he may see', async () => {
    const all = emptyTally();
    await tally(houses, seed, 0.4, all);
    expect(all.faults.slice(0, 20).join('\n')).toBe('');
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(300);
    expect(`${found / asked >= 0.5}\n${table(all)}`).toMatch(/^true/);
  }, 120_000);
});
