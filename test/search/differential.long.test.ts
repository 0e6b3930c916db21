/** The whole search against the naive evaluator: thousands of questions over several worlds, and how often each kind was tried. */
import { describe, expect, it } from '@jest/globals';
import { openHouse } from '../support/house.ts';
import { forWorld, keptCases } from './oracle/kept.ts';
import { kinds } from './oracle/queries.ts';
import { fill, judge } from './oracle/run.ts';
import { emptyTally, table, tally } from './oracle/tally.ts';

/** World 4 has no text to ask a composite for. */
const seeds = [2, 3, 5, 6];
const each = 50;
const leastOfAKind = seeds.length * each;

describe('The search, held against the specification for long', () => {
  const all = emptyTally();

  it.each(seeds)('answers every question of world %d as the naive evaluator does', async (seed) => {
    const house = await openHouse();
    try {
      const world = await fill(house, seed);
      const before = all.faults.length;
      await tally(house, world, seed, each, all);
      for (const [file, kept] of keptCases.filter(([, one]) => one.seed === seed)) {
        const { fault } = await judge(house, world, forWorld(kept, world));
        if (fault !== undefined) all.faults.push(`${file}: ${fault}`);
      }
      expect(all.faults.slice(before, before + 20).join('\n')).toBe('');
    } finally {
      await house.stop();
    }
  });

  it('tried each kind often enough, and found something most of the time', () => {
    process.stdout.write(`${table(all)}\n`);
    expect(kinds.filter((kind) => (all.counts.get(kind)?.asked ?? 0) < leastOfAKind)).toEqual([]);
    expect(all.found / all.asked).toBeGreaterThan(0.6);
  });
});
