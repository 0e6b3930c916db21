/** What the embedded engine hashes (../hash.ts). */
import type { Hashing } from '../hash.ts';

/** What is hashed; kept apart so that a key and an interval of the same name never meet. */
export const kindOf = {
  key: 0,
  shortRange: 1,
  oddRange: 2,
  text: 3,
  exactText: 4,
  second: 5,
  resourceType: 6,
  group: 7,
  word: 8,
  /** A canonical that a resource of the type has, and of any type (the name ''). */
  canonical: 9,
} as const;
/** Both partitions of intervals. */
export const rangeKinds = [kindOf.shortRange, kindOf.oddRange] as const;
export type Kind = (typeof kindOf)[keyof typeof kindOf];

/** The hash as two halves, as they stand in a block of entries. */
export function halvesOf(kind: Kind, name: string, value: string, hashing: Hashing): readonly [number, number] {
  hashing.mix(kind, name, value);
  return [hashing.low, hashing.high];
}
