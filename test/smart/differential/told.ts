/** Plants a hole in the house that is asked, and looks for the first request that tells it from the sound one. */
import type { Hole } from './holes.ts';
import type { Houses, Pair } from './houses.ts';
import { askOne, emptyTally } from './tally.ts';

/** So many requests of a kind for each caller at most, until one tells. */
const MOST = 60;

type Numbered = readonly [pair: Pair, n: number];

/** Undefined where none tells. */
export async function firstTold(
  houses: Houses,
  seed: number,
  kind: string,
  { as, ...hole }: Hole & { readonly as?: readonly string[] },
): Promise<Numbered | undefined> {
  const pairs = houses.pairs.filter((one) => as === undefined || as.includes(one.as));
  for (let n = 0; n < MOST; n++) {
    for (const pair of pairs) if ((await faultsOf(houses, seed, kind, [pair, n], hole)).length > 0) return [pair, n];
  }
  return undefined;
}

/** Of one request; with a hole, or as the house is. */
export async function faultsOf(
  houses: Houses,
  seed: number,
  kind: string,
  [pair, n]: Numbered,
  hole?: Hole,
): Promise<readonly string[]> {
  const tally = emptyTally();
  houses.plant(hole);
  try {
    await askOne(houses, pair, seed, kind, n, tally);
  } finally {
    houses.plant(undefined);
  }
  return tally.faults;
}
