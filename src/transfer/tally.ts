/** Counts and checksums of what a store holds, the same in whatever order it is told. */
import { hash } from 'node:crypto';
import { type Line, type Tallied, type Tallies, type Tally, tallied } from './lines.ts';

export interface Tallying {
  /** Takes in a line; resolves nothing, gives back its checksum. */
  add(line: Line, text: string): string;
  tallies(): Tallies;
}

const MOST = (1n << 256n) - 1n;

/** Goes on from what was tallied before. */
export function createTallying(before?: Tallies): Tallying {
  const now = new Map(
    tallied.map((name) => [name, { count: before?.[name].count ?? 0, sum: BigInt(`0x${before?.[name].sum ?? '0'}`) }]),
  );
  return {
    add(line, text) {
      const digest = hash('sha256', text);
      const value = BigInt(`0x${digest}`);
      for (const name of placesOf(line)) {
        const tally = now.get(name)!;
        tally.count++;
        tally.sum = (tally.sum + value) & MOST;
      }
      return digest;
    },
    tallies: () =>
      Object.fromEntries(
        tallied.map((name) => {
          const { count, sum } = now.get(name)!;
          return [name, { count, sum: sum.toString(16).padStart(64, '0') }];
        }),
      ) as unknown as Tallies,
  };
}

function placesOf(line: Line): readonly Tallied[] {
  if (line.is === 'audit') return ['audit'];
  if (line.is === 'kept') return [line.expires === undefined ? 'kept' : 'expiring'];
  return [
    'versions',
    ...(line.newest ? ['resources' as const] : []),
    ...(line.method === 'DELETE' ? ['tombstones' as const] : []),
  ];
}

export const isSame = (one: Tally, other: Tally): boolean => one.count === other.count && one.sum === other.sum;

/** The names of what differs. */
export const differing = (one: Tallies, other: Tallies): readonly Tallied[] =>
  tallied.filter((name) => !isSame(one[name], other[name]));
