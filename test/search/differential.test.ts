/** The whole search against a naive evaluator written from the specification alone: a few questions of every kind. https://hl7.org/fhir/R4/search.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';
import type { World } from './oracle/evaluate.ts';
import { forWorld, keptCases } from './oracle/kept.ts';
import { kinds } from './oracle/queries.ts';
import { fill, judge } from './oracle/run.ts';
import { emptyTally, table, tally } from './oracle/tally.ts';

const seed = 1;

describe('The search, held against the specification', () => {
  let house: TestHouse;
  let world: World;

  beforeAll(async () => {
    house = await openHouse();
    world = await fill(house, seed);
  });
  afterAll(() => house?.stop());

  it('answers random questions of every kind as the naive evaluator does', async () => {
    const all = emptyTally();
    await tally(house, world, seed, 3, all);
    expect(all.faults.join('\n')).toBe('');
    expect(kinds.filter((kind) => (all.counts.get(kind)?.asked ?? 0) < 3)).toEqual([]);
    expect(`${all.found / all.asked >= 0.6}\n${table(all)}`).toMatch(/^true/);
  }, 240_000);

  it.each(keptCases.filter(([, kept]) => kept.seed === seed))('still answers %s rightly', async (_file, kept) => {
    const { fault } = await judge(house, world, forWorld(kept, world));
    expect(fault === undefined ? '' : `${kept.why} ${fault}`).toBe('');
  });
});
