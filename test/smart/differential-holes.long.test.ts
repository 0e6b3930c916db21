/** The test of two houses finds what it is for: one hole is planted after the other, and each path that leads through it is told apart from the sound house. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { holes } from './differential/holes.ts';
import { type Houses, openHouses } from './differential/houses.ts';
import { faultsOf, firstTold } from './differential/told.ts';

const seed = 7;

describe('A house that forgets', () => {
  let houses: Houses;

  beforeAll(async () => {
    houses = await openHouses(seed, { store: 'sqlite' });
  }, 60_000);
  afterAll(() => houses?.stop());

  const rows = Object.entries(holes).flatMap(([forgotten, { by }]) => by.map((kind) => [forgotten, kind] as const));

  it.each(rows)('%s is found by: %s', async (forgotten, kind) => {
    const told = await firstTold(houses, seed, kind, holes[forgotten]!);
    expect(told).toBeDefined();
    // The very same request is no fault of the sound house.
    expect(await faultsOf(houses, seed, kind, told!)).toEqual([]);
  });
});
