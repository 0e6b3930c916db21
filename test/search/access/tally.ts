/** Asks both houses so many requests of every kind and gathers the differences. */
import { compare } from './compare.ts';
import type { Houses } from './houses.ts';
import { allKinds, often, request } from './questions.ts';

export interface AccessTally {
  readonly counts: Map<string, { asked: number; found: number; refused: number }>;
  readonly faults: string[];
}

export const emptyTally = (): AccessTally => ({ counts: new Map(), faults: [] });

/** The requests follow from the seed, the kind and their number. */
export async function tally(houses: Houses, seed: number, each: number, into: AccessTally): Promise<void> {
  for (const [place, kind] of allKinds.entries()) {
    const count = into.counts.get(kind) ?? { asked: 0, found: 0, refused: 0 };
    into.counts.set(kind, count);
    for (let n = 0; n < each * often(kind); n++) {
      const one = request(seed * 1_000_000 + place * 5000 + n, kind, houses);
      const { found, refused, fault } = await compare(houses, one);
      count.asked++;
      if (found) count.found++;
      if (refused) count.refused++;
      if (fault)
        into.faults.push(
          `${kind}: ${decodeURIComponent(one.path)} ${one.form ? decodeURIComponent(one.form) : ''}\n      ${fault}`,
        );
    }
  }
}

export const sum = ({ counts }: AccessTally) =>
  [...counts.values()].reduce(
    (all, one) => ({ asked: all.asked + one.asked, found: all.found + one.found, refused: all.refused + one.refused }),
    { asked: 0, found: 0, refused: 0 },
  );

export const table = (tally: AccessTally): string =>
  [...tally.counts, ['all', sum(tally)] as const]
    .map(([kind, { asked, found, refused }]) => `${kind.padEnd(32)}${asked} asked, ${found} found, ${refused} refused`)
    .join('\n');
