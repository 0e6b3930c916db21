/** One resource as a MongoDB document: its text as it was written, and what it is found by as hashes and numbers. docs/storage-mongodb.md */
import type { Binary, Long } from 'mongodb';
import { isPlainReference } from '../../fhir/references.ts';
import type { ElementEntries, IndexEntries, RangeEntry } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { Method } from '../store.ts';
import {
  canonicalHash,
  exactHash,
  firstHash,
  keyHash,
  longHash,
  nameHash,
  textHash,
  typeHash,
  wordHash,
} from './hash.ts';
import { Hashes } from './hashes.ts';
import type { Common, TextPart } from './sets.ts';

/** An interval under a name. */
export interface IntervalPart {
  readonly n: Long;
  readonly l: number;
  readonly h: number;
}
/** A reference under a name; `k` is `Type/id`, or a canonical, which alone has a bar. */
export interface ReferencePart {
  readonly n: Long;
  readonly k: string;
}
/** Values that belong together: only looked at, so none of this is in an index. */
export interface GroupPart {
  readonly n: Long;
  readonly ix: readonly Long[];
  readonly r: readonly IntervalPart[];
  readonly x: readonly TextPart[];
}

/**
 * What a resource is found by. An interval that is the only one of its name and that many names share (the date of an
 * Observation and all its lanes) stands once, as `d` to `h`, with the names in `l`: an index on (l, d, p) has the order of each
 * of them. There are two such places; whatever does not fit stands in `r`. Nearly all intervals are short, so that a bound on where
 * one ends is one on where it begins too: a long one may stand in the second place alone, its names told apart (`longHash`).
 */
export interface IndexFields {
  /** Hashes of keys, references, exact texts, words, canonicals and of the type itself; one of a set in place of all that is in it (sets.ts). */
  readonly ix: readonly Long[];
  readonly l?: readonly Long[];
  readonly d?: number;
  readonly h?: number;
  readonly l2?: readonly Long[];
  readonly d2?: number;
  readonly h2?: number;
  readonly r?: readonly IntervalPart[];
  /** Intervals that are found along another name (`RangeEntry.along`). */
  readonly q?: readonly IntervalPart[];
  readonly x?: readonly TextPart[];
  readonly g?: readonly GroupPart[];
  readonly refs?: readonly ReferencePart[];
  /** The canonicals that it has itself: what a chain that led here goes on by. */
  readonly c?: readonly string[];
}

/** Newest version of a resource, or its tombstone, which has no text and an empty index. */
export interface ResourceDocument extends IndexFields {
  /** `Type/id`. */
  readonly _id: string;
  /** Where it lives on a sharded cluster; see homes.ts. */
  readonly s: number;
  readonly t: string;
  /** When its first write arrived, as a number that no other has (stamps.ts): the order of listings. Stays over deletion. */
  readonly p: number;
  readonly v: number;
  /** lastUpdated, ms since 1970 UTC. */
  readonly u: number;
  readonly m: Method;
  readonly b?: Binary;
  /** The last group of writes that relied on this version; makes two transactions that must not both succeed touch one document. */
  readonly w?: string;
}

/** A former version. */
export interface VersionDocument {
  /** `Type/id/version`. */
  readonly _id: string;
  /** `Type/id`. */
  readonly k: string;
  readonly v: number;
  readonly u: number;
  readonly m: Method;
  readonly b?: Binary;
}

/** Whose interval `u` is: no resource has an entry of this name. */
export const lastUpdatedOf = (type: string): string => `${type}._lastUpdated`;

/** What the resource of the type is found by. Without `common` every value stands by itself. */
export function indexFields(
  type: string,
  index: IndexEntries,
  hashing: Hashing,
  common?: Pick<Common, 'largest' | 'isOf' | 'note'>,
): IndexFields {
  const hashes = new Hashes();
  hashes.add(typeHash(hashing, type));
  addEqualities(hashes, index, hashing);
  for (const { name, word } of index.words) hashes.add(wordHash(hashing, name, word));
  for (const canonical of index.canonicals ?? []) hashes.add(canonicalHash(hashing, canonical));
  const g = index.groups.map(({ name, entries }): GroupPart => {
    const own = new Hashes();
    addEqualities(own, entries, hashing);
    return {
      n: nameHash(hashing, name),
      ix: own.all,
      r: partsOf(entries.ranges, hashing),
      x: textsOf(entries, hashing),
    };
  });
  const quiet = partsOf(
    index.ranges.filter(({ along }) => along !== undefined),
    hashing,
  );
  const refs = referencesOf(index, hashing);
  const { ix, x } = shortened(type, hashes, index, hashing, common);
  return {
    ix,
    ...placed(index.ranges, hashing),
    ...(quiet.length > 0 && { q: quiet }),
    ...(x.length > 0 && { x }),
    ...(g.length > 0 && { g }),
    ...(refs.length > 0 && { refs }),
    ...(index.canonicals && index.canonicals.length > 0 && { c: index.canonicals }),
  };
}

/** What a set says of the resource is left to the set. */
function shortened(
  type: string,
  hashes: Hashes,
  index: IndexEntries,
  hashing: Hashing,
  common: Pick<Common, 'largest' | 'isOf' | 'note'> | undefined,
): Required<Pick<IndexFields, 'ix' | 'x'>> {
  common?.note(type, index);
  if (!common?.isOf(type)) return { ix: hashes.all, x: textsOf(index, hashing) };
  const said = new Hashes();
  for (const { name, folded } of index.texts) {
    const hash = textHash(hashing, name, folded);
    if (hash) said.add(hash);
  }
  const set = common.largest(type, hashes.all, (hash) => hashes.has(hash) || said.has(hash));
  if (!set) return { ix: hashes.all, x: textsOf(index, hashing) };
  const isLeft = (hash: Long | undefined) => !hash || !set.members.has(hash);
  const texts = index.texts.filter(({ name, folded }) => isLeft(textHash(hashing, name, folded)));
  return { ix: [set._id, ...hashes.all.filter(isLeft)], x: textsOf({ texts }, hashing) };
}

function addEqualities(hashes: Hashes, { keys, references, texts }: ElementEntries, hashing: Hashing): void {
  for (const { name, first, second } of keys) {
    hashes.add(keyHash(hashing, name, first, second));
    if (second !== '') hashes.add(firstHash(hashing, name, first));
  }
  for (const { name, target } of references) hashes.add(keyHash(hashing, name, target, ''));
  for (const { name, original } of texts) {
    if (original !== undefined) hashes.add(exactHash(hashing, name, original));
  }
}

const partsOf = (ranges: readonly RangeEntry[], hashing: Hashing): IntervalPart[] =>
  ranges.map(({ name, low, high }) => ({ n: nameHash(hashing, name), l: low, h: high }));

function textsOf({ texts }: Pick<ElementEntries, 'texts'>, hashing: Hashing): TextPart[] {
  const seen = new Set<string>();
  const parts: TextPart[] = [];
  for (const { name, folded } of texts) {
    const repeat = `${name}\u0000${folded}`;
    if (seen.has(repeat)) continue;
    seen.add(repeat);
    parts.push({ n: nameHash(hashing, name), v: folded });
  }
  return parts;
}

/** Every reference that leads to a resource of this server, under each of its names. */
function referencesOf({ references }: IndexEntries, hashing: Hashing): ReferencePart[] {
  const seen = new Set<string>();
  const parts: ReferencePart[] = [];
  for (const { name, target, canonical } of references) {
    if (!canonical && !isPlainReference(target)) continue;
    const repeat = `${name} ${target}`;
    if (seen.has(repeat)) continue;
    seen.add(repeat);
    parts.push({ n: nameHash(hashing, name), k: target });
  }
  return parts;
}

const DAY = 86_400_000;
/** How long an interval that ends there may be to be short: in ms for times up to a day, for measures up to a thousandth. */
export const shortAt = (high: number): number => Math.min(DAY, Math.max(1, Math.abs(high) / 1_024));
const isShort = ({ low, high }: { readonly low: number; readonly high: number }): boolean =>
  low <= high && high - low <= shortAt(high);

/** Shares the intervals out between the two places and `r`. */
function placed(ranges: readonly RangeEntry[], hashing: Hashing): Partial<IndexFields> {
  const byName = new Map<string, RangeEntry[]>();
  for (const range of ranges) {
    if (range.along !== undefined) continue;
    const alike = byName.get(range.name);
    if (!alike) byName.set(range.name, [range]);
    else if (!alike.some(({ low, high }) => low === range.low && high === range.high)) alike.push(range);
  }
  const shared = new Map<string, { low: number; high: number; names: string[] }>();
  const others: RangeEntry[] = [];
  for (const [name, [first, ...further]] of byName) {
    if (further.length > 0) {
      others.push(first!, ...further);
      continue;
    }
    const { low, high } = first!;
    const interval = `${low} ${high}`;
    const there = shared.get(interval);
    if (there) there.names.push(name);
    else shared.set(interval, { low, high, names: [name] });
  }
  const byNames = [...shared.values()].sort((a, b) => b.names.length - a.names.length);
  const one = byNames.find(isShort);
  const [two, ...rest] = byNames.filter((interval) => interval !== one);
  for (const { low, high, names } of rest) others.push(...names.map((name) => ({ name, low, high })));
  const hashed = (names: readonly string[]) => names.map((name) => nameHash(hashing, name));
  return {
    ...(one && { l: hashed(one.names), d: one.low, h: one.high }),
    ...(two && {
      l2: isShort(two) ? hashed(two.names) : two.names.map((name) => longHash(hashing, name)),
      d2: two.low,
      h2: two.high,
    }),
    ...(others.length > 0 && { r: partsOf(others, hashing) }),
  };
}
