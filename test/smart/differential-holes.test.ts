/** The test of two houses finds what it is for: one hole is planted after the other, and each path that leads through it is told apart from the sound house. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Hole, holes } from './differential/holes.ts';
import { type Houses, openHouses, type Pair } from './differential/houses.ts';
import { askOne, emptyTally } from './differential/tally.ts';

const seed = 7;
/** So many requests of a kind for each caller at most, until one tells. */
const most = 60;

describe('A house that forgets', () => {
  let houses: Houses;

  beforeAll(async () => {
    houses = await openHouses(seed, { store: 'sqlite' });
  }, 60_000);
  afterAll(() => houses?.stop());

  const rows = Object.entries(holes).flatMap(([forgotten, { by }]) => by.map((kind) => [forgotten, kind] as const));

  it.each(rows)(
    '%s is found by: %s',
    async (forgotten, kind) => {
      const { as, by: _by, ...hole } = holes[forgotten]!;
      const pairs = houses.pairs.filter((one) => as === undefined || as.includes(one.as));
      const told = await firstTold(hole, kind, pairs);
      expect(told).toBeDefined();
      // The very same request is no fault of the sound house.
      expect(await faults(undefined, kind, ...told!)).toEqual([]);
    },
    60_000,
  );

  type Numbered = readonly [pair: Pair, n: number];

  async function firstTold(hole: Hole, kind: string, pairs: Houses['pairs']): Promise<Numbered | undefined> {
    for (let n = 0; n < most; n++) {
      for (const pair of pairs) if ((await faults(hole, kind, pair, n)).length > 0) return [pair, n];
    }
    return undefined;
  }

  async function faults(hole: Hole | undefined, kind: string, ...[pair, n]: Numbered): Promise<readonly string[]> {
    const tally = emptyTally();
    houses.plant(hole);
    try {
      await askOne(houses, pair, seed, kind, n, tally);
    } finally {
      houses.plant(undefined);
    }
    return tally.faults;
  }
});
