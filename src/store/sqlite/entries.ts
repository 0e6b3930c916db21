/**
 * The index entries of one resource as one block of bytes: what the main thread hands to the writer, what the writer turns
 * into rows, what stays beside the resource so that an update knows which rows to take out and a search can look closer.
 *
 * Layout, little endian: seven counts (u32) and a fingerprint of the words (u32), then the sections in this order: plain keys
 * (hash), keys with a second part (hash, hash of the second), points (hash, place as double), spans (hash, low, high), texts
 * (hash, length u32, UTF-8), groups (hash, length u32, a block of the same layout), intervals without a row (as spans).
 */
import type { ElementEntries, IndexEntries } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { Kind } from './hash.ts';
import { kindOf } from './hash.ts';

/** Spans up to this length lie in a partition of their own, so that a bound on `high` also bounds `low`. A day in ms. */
export const SHORT = 86_400_000;
export const HEAD = 32;
const WORDS_AT = 28;
export const lastUpdatedOf = (type: string): string => `${type}._lastUpdated`;

const utf8 = new TextEncoder();

/** Sizes of the fixed sections, in the order of the layout. */
const WIDTHS = [8, 16, 16, 24] as const;

/** The two halves of the hash of a name, and the bytes that stand under it. */
type Named = readonly [low: number, high: number, bytes: Uint8Array];

/**
 * Entries of a resource of the type, with the engine's own: the type itself and the place of lastUpdated, filled in by
 * `stampEntries`. `tokens` are the resource's words (words.ts), of which the block only keeps whether they changed.
 */
export function encodeEntries(type: string, index: IndexEntries, hashing: Hashing, tokens = ''): Uint8Array {
  const groups = index.groups.map(({ name, entries }): Named => {
    const bytes = encodeElement(entries, hashing);
    hashing.mix(kindOf.group, name, '');
    return [hashing.low, hashing.high, bytes];
  });
  const bytes = encodeElement(index, hashing, type, groups, index.canonicals);
  if (tokens !== '') {
    hashing.mix(kindOf.word, '', tokens);
    new DataView(bytes.buffer).setInt32(WORDS_AT, hashing.low || 1, true);
  }
  return bytes;
}

/** Whether two blocks stand for the same words; an empty block has none. */
export const sameWords = (one: Uint8Array, other: Uint8Array): boolean => wordsOf(one) === wordsOf(other);
export const hasWords = (entries: Uint8Array): boolean => wordsOf(entries) !== 0;
const wordsOf = (entries: Uint8Array): number =>
  entries.length === 0 ? 0 : new DataView(entries.buffer, entries.byteOffset).getInt32(WORDS_AT, true);

function encodeElement(
  index: ElementEntries,
  hashing: Hashing,
  type?: string,
  groups: readonly Named[] = [],
  canonicals: readonly string[] = [],
): Uint8Array {
  const sections: [number[], number[], number[], number[]] = [[], [], [], []];
  const [plain, paired, points, spans] = sections;
  const start = (section: number[], kind: Kind, name: string, value: string) => {
    hashing.mix(kind, name, value);
    section.push(hashing.low, hashing.high);
  };
  if (type !== undefined) {
    start(plain, kindOf.resourceType, type, '');
    start(points, kindOf.shortRange, lastUpdatedOf(type), '');
    points.push(0);
    for (const one of canonicals) {
      start(plain, kindOf.canonical, type, one);
      start(plain, kindOf.canonical, '', one);
    }
  }
  for (const { name, first, second } of index.keys) {
    if (second === '') {
      start(plain, kindOf.key, name, first);
      dropRepeat(plain, 2);
    } else {
      start(paired, kindOf.key, name, first);
      start(paired, kindOf.second, '', second);
      dropRepeat(paired, 4);
    }
  }
  for (const { name, target } of index.references) {
    start(plain, kindOf.key, name, target);
    dropRepeat(plain, 2);
  }
  const times = occurrences(index);
  const quiet: number[] = [];
  for (const { name, low, high, along } of index.ranges) {
    if (along !== undefined) {
      start(quiet, kindOf.shortRange, name, '');
      quiet.push(low, high);
      continue;
    }
    const single = high - low <= SHORT && times.get(name) === 1;
    const section = low === high ? points : spans;
    start(section, single ? kindOf.shortRange : kindOf.oddRange, name, '');
    section.push(low);
    if (section === spans) section.push(high);
    dropRepeat(section, section === spans ? 4 : 3);
  }
  const texts: Named[] = [];
  const seen = new Set<string>();
  for (const { name, folded, original } of index.texts) {
    if (original !== undefined) {
      start(plain, kindOf.exactText, name, original);
      dropRepeat(plain, 2);
    }
    const repeat = `${name}\u0000${folded}`;
    if (seen.has(repeat)) continue;
    seen.add(repeat);
    hashing.mix(kindOf.text, name, '');
    texts.push([hashing.low, hashing.high, utf8.encode(folded)]);
  }
  return layOut(sections, texts, groups, quiet);
}

/** How many different intervals each range name has. */
function occurrences({ ranges }: ElementEntries): Map<string, number> {
  const times = new Map<string, number>();
  const seen = new Set<string>();
  for (const { name, low, high, along } of ranges) {
    if (along !== undefined) continue;
    const repeat = `${name} ${low} ${high}`;
    if (seen.has(repeat)) continue;
    seen.add(repeat);
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  return times;
}

/** Takes the newest entry back out where the same one is there; long lists keep theirs, the table ignores them. */
function dropRepeat(section: number[], width: number): void {
  const last = section.length - width;
  if (last > 64 * width) return;
  for (let at = 0; at < last; at += width) {
    let same = true;
    for (let i = 0; i < width && same; i++) same = section[at + i] === section[last + i];
    if (!same) continue;
    section.length = last;
    return;
  }
}

function layOut(
  sections: readonly [number[], number[], number[], number[]],
  texts: readonly Named[],
  groups: readonly Named[],
  quiet: readonly number[],
): Uint8Array {
  const counts = [sections[0].length / 2, sections[1].length / 4, sections[2].length / 3, sections[3].length / 4];
  let size = HEAD;
  for (let i = 0; i < 4; i++) size += counts[i]! * WIDTHS[i]!;
  for (const [, , named] of texts) size += 12 + named.length;
  for (const [, , named] of groups) size += 12 + named.length;
  size += (quiet.length / 4) * WIDTHS[3];
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, counts[i]!, true);
  view.setUint32(16, texts.length, true);
  view.setUint32(20, groups.length, true);
  view.setUint32(24, quiet.length / 4, true);
  let at = HEAD;
  const halves = (section: readonly number[], from: number, count: number) => {
    for (let i = 0; i < count; i++, at += 4) view.setInt32(at, section[from + i]!, true);
  };
  const doubles = (section: readonly number[], from: number, count: number) => {
    for (let i = 0; i < count; i++, at += 8) view.setFloat64(at, section[from + i]!, true);
  };
  const [plain, paired, points, spans] = sections;
  halves(plain, 0, plain.length);
  halves(paired, 0, paired.length);
  for (let i = 0; i < points.length; i += 3) {
    halves(points, i, 2);
    doubles(points, i + 2, 1);
  }
  const intervals = (section: readonly number[]) => {
    for (let i = 0; i < section.length; i += 4) {
      halves(section, i, 2);
      doubles(section, i + 2, 2);
    }
  };
  intervals(spans);
  for (const list of [texts, groups]) {
    for (const [low, high, named] of list) {
      view.setInt32(at, low, true);
      view.setInt32(at + 4, high, true);
      view.setUint32(at + 8, named.length, true);
      bytes.set(named, at + 12);
      at += 12 + named.length;
    }
  }
  intervals(quiet);
  return bytes;
}

/** Writes the time of the version, known only to the writer, into its place. */
export function stampEntries(bytes: Uint8Array, lastUpdated: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setFloat64(HEAD + view.getUint32(0, true) * 8 + view.getUint32(4, true) * 16 + 8, lastUpdated, true);
}

/** Where the sections of a block begin and how many entries each has. */
export interface Sections {
  readonly view: DataView;
  readonly plain: number;
  readonly plainCount: number;
  readonly paired: number;
  readonly pairedCount: number;
  readonly points: number;
  readonly pointCount: number;
  readonly spans: number;
  readonly spanCount: number;
  readonly texts: number;
  readonly textCount: number;
  /** They begin where the texts end. */
  readonly groupCount: number;
  readonly quiet: number;
  readonly quietCount: number;
}

export function sectionsOf(bytes: Uint8Array): Sections {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const plainCount = view.getUint32(0, true);
  const pairedCount = view.getUint32(4, true);
  const pointCount = view.getUint32(8, true);
  const spanCount = view.getUint32(12, true);
  const textCount = view.getUint32(16, true);
  const quietCount = view.getUint32(24, true);
  const paired = HEAD + 8 * plainCount;
  const points = paired + 16 * pairedCount;
  const spans = points + 16 * pointCount;
  const texts = spans + 24 * spanCount;
  return {
    view,
    plain: HEAD,
    plainCount,
    paired,
    pairedCount,
    points,
    pointCount,
    spans,
    spanCount,
    texts,
    textCount,
    groupCount: view.getUint32(20, true),
    quiet: bytes.length - WIDTHS[3] * quietCount,
    quietCount,
  };
}
