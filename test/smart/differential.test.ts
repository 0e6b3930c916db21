/** What somebody is answered is what a store would answer that holds only what he may see: some requests on every path, for each kind of caller. https://hl7.org/fhir/R4/security.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { linkOf } from './differential/compare.ts';
import { holes } from './differential/holes.ts';
import { type Houses, openHouses } from './differential/houses.ts';
import { emptyTally, sum, table, tally } from './differential/tally.ts';
import { firstTold } from './differential/told.ts';

const seed = 1;
/** Of the requests that holes are looked for with. */
const seedOfHoles = 7;

describe('Whoever asks', () => {
  let houses: Houses;

  beforeAll(async () => {
    houses = await openHouses(seed, { store: 'sqlite' });
  }, 60_000);
  afterAll(() => houses?.stop());

  it('is answered like the administrator of a store of what he may see', async () => {
    const all = emptyTally();
    await tally(houses, seed, 0.34, all);
    expect(all.faults.slice(0, 20).join('\n')).toBe('');
    const { asked, found } = sum(all);
    expect(asked).toBeGreaterThanOrEqual(200);
    expect(`${found / asked >= 0.5}\n${table(all)}`).toMatch(/^true/);
  }, 120_000);

  // By all paths that lead through it: differential-holes.long.test.ts.
  it.each(Object.keys(holes))(
    'would be told that a house forgets %s',
    async (forgotten) => {
      const { by } = holes[forgotten]!;
      expect(await firstTold(houses, seedOfHoles, by[0]!, holes[forgotten]!)).toBeDefined();
    },
    60_000,
  );

  it('gets no further by a page of somebody else than by one that is made up', async () => {
    for (const { as, whole } of houses.pairs) {
      const first = await whole.ask('GET', '/Observation?_count=1', { as });
      const link = linkOf(first, 'next')!;
      expect((await whole.ask('GET', link, { as })).status).toBe(200);
      for (const other of [...houses.pairs.map((pair) => pair.as), 'admin'].filter((one) => one !== as)) {
        const { status, text } = await whole.ask('GET', link, { as: other });
        const madeUp = await whole.ask('GET', link.replace(/_page=[^&]*/, '_page=made-up'), { as: other });
        expect([status, text]).toEqual([madeUp.status, madeUp.text]);
        expect(status).toBeGreaterThanOrEqual(400);
      }
    }
  });
});
