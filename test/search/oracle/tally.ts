/** Asks so many questions of every kind, counts what was tried and found, and gathers what failed. */
import type { TestHouse } from '../../support/house.ts';
import type { World } from './evaluate.ts';
import { keeping } from './kept.ts';
import { kinds } from './queries.ts';
import { judge, question } from './run.ts';

export interface Tally {
  asked: number;
  found: number;
  /** How often each kind of condition, and each shape of an answer, was tried, and how often it found something. */
  readonly counts: Map<string, { asked: number; found: number }>;
  /** Sentence and case. */
  readonly faults: string[];
}

export const emptyTally = (): Tally => ({ asked: 0, found: 0, counts: new Map(), faults: [] });

/** `worldSeed` made the world; the questions follow from it, the kind and their number. */
export async function tally(
  house: TestHouse,
  world: World,
  worldSeed: number,
  each: number,
  into: Tally,
): Promise<void> {
  for (const [place, kind] of kinds.entries()) {
    let asked = 0;
    for (let n = 0; asked < each && n < 3 * each; n++) {
      const one = question(world, worldSeed * 1_000_000 + place * 5000 + n, kind);
      const { found, fault, open } = await judge(house, world, one);
      if (open) continue;
      asked++;
      if (fault !== undefined) into.faults.push(`${kind}: ${fault}\n    ${keeping(one, world, worldSeed)}`);
      into.asked++;
      if (found > 0) into.found++;
      for (const tried of one.kinds) {
        const count = into.counts.get(tried) ?? { asked: 0, found: 0 };
        into.counts.set(tried, count);
        count.asked++;
        if (found > 0) count.found++;
      }
    }
  }
}

export const table = ({ counts, asked, found }: Tally): string =>
  [
    ...[...counts].map(
      ([kind, count]) => `${kind.padEnd(32)}${String(count.asked).padStart(7)}${String(count.found).padStart(7)}`,
    ),
    `${'all queries'.padEnd(32)}${String(asked).padStart(7)}${String(found).padStart(7)}`,
  ].join('\n');
