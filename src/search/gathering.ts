/** Index entries while they are gathered, for a whole resource or for one group. */
import type { GroupEntry, KeyEntry, RangeEntry, ReferenceEntry, TextEntry, WordEntry } from './query.ts';

/** Entries that are being gathered for one resource. */
export interface Gathering {
  keys: KeyEntry[];
  references: ReferenceEntry[];
  ranges: RangeEntry[];
  texts: TextEntry[];
  words: WordEntry[];
  groups: GroupEntry[];
}

export const emptyGathering = (): Gathering => ({
  keys: [],
  references: [],
  ranges: [],
  texts: [],
  words: [],
  groups: [],
});

/** How many entries of values there are. */
export const sizeOf = ({ keys, references, ranges, texts }: Gathering): number =>
  keys.length + references.length + ranges.length + texts.length;

/** Takes out, from `start` on, what stands there twice. Not for words and groups. */
export function dropRepeats(entries: any[], start: number): void {
  const many = entries.length - start > 16 ? new Set<string>() : undefined;
  let kept = start;
  for (let i = start; i < entries.length; i++) {
    const repeated = many
      ? isKnown(many, entries[i])
      : entries.slice(start, kept).some((one) => isSame(one, entries[i]));
    if (!repeated) entries[kept++] = entries[i];
  }
  entries.length = kept;
}

function isKnown(known: Set<string>, entry: object): boolean {
  const before = known.size;
  known.add(JSON.stringify(entry));
  return known.size === before;
}

const isSame = (one: any, other: any): boolean =>
  one.name === other.name &&
  one.first === other.first &&
  one.second === other.second &&
  one.target === other.target &&
  one.canonical === other.canonical &&
  one.low === other.low &&
  one.high === other.high &&
  one.folded === other.folded &&
  one.original === other.original;
