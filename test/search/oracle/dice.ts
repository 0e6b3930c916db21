/** Chance with a seed, so that a run can be repeated from its number. */
import { seeded } from '../../support/seeded.ts';

export interface Dice {
  /** A whole number from 0 up to, but not including, the limit. */
  below(limit: number): number;
  chance(share: number): boolean;
  of<T>(list: readonly T[]): T;
}

export function diceOf(seed: number): Dice {
  const next = seeded(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, chance: (share) => next() < share, of: (list) => list[below(list.length)]! };
}
