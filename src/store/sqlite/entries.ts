/**
 * The index entries of one resource as one block of bytes: what the main thread hands to the writer, what the writer turns
 * into rows, what stays beside the resource so that an update knows which rows to take out and a search can look closer.
 *
 * Layout, little endian: seven counts (u32) and a fingerprint of the words (u32), then the sections in this order: plain keys
 * (hash), keys with a second part (hash, hash of the second), points (hash, place as double), spans (hash, low, high), texts
 * (hash, length u32, UTF-8), groups (hash, length u32, a block of the same layout), intervals without a row (as spans).
 */
import type { ElementEntries, IndexEntries, RangeEntry } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { Kind } from './hash.ts';
import { kindOf } from './hash.ts';

/** Spans up to this length lie in a partition of their own, so that a bound on `high` also bounds `low`. A day in ms. */
export const SHORT = 86_400_000;
export const HEAD = 32;
const WORDS_AT = 28;
export const lastUpdatedOf = (type: string): string => `${type}._lastUpdated`;

/** Sizes of the entries of the fixed sections, in the order of the layout. */
const WIDTHS = [8, 16, 16, 24] as const;

/** One section while it is filled; used again for the next resource, so that thousands of short lists need not be collected. */
interface Section {
  bytes: Uint8Array;
  view: DataView;
  end: number;
}

const sectionOf = (size: number): Section => {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer), end: 0 };
};
const [plain, paired, points, spans, named, quiet] = Array.from({ length: 6 }, () => sectionOf(1_024)) as [
  Section,
  Section,
  Section,
  Section,
  Section,
  Section,
];
const inOrder = [plain, paired, points, spans, named, quiet];
/** One large resource does not keep its room for ever. */
const LARGE = 1 << 20;

function makeRoom(section: Section, size: number): void {
  if (section.end + size <= section.bytes.length) return;
  const larger = sectionOf(2 * (section.end + size));
  larger.bytes.set(section.bytes.subarray(0, section.end));
  section.bytes = larger.bytes;
  section.view = larger.view;
}

function putHash(section: Section, hashing: Hashing, kind: Kind, name: string, value: string): void {
  hashing.mix(kind, name, value);
  makeRoom(section, 8);
  section.view.setInt32(section.end, hashing.low, true);
  section.view.setInt32(section.end + 4, hashing.high, true);
  section.end += 8;
}

function putDouble(section: Section, value: number): void {
  makeRoom(section, 8);
  section.view.setFloat64(section.end, value, true);
  section.end += 8;
}

const utf8 = new TextEncoder();

/** A text with its length before it. */
function putText(section: Section, text: string): void {
  makeRoom(section, 4 + 3 * text.length);
  const start = section.end + 4;
  let at = start;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) {
      at += utf8.encodeInto(text.slice(i), section.bytes.subarray(at)).written;
      break;
    }
    section.bytes[at++] = unit;
  }
  section.view.setUint32(section.end, at - start, true);
  section.end = at;
}

/**
 * Entries of a resource of the type, with the engine's own: the type itself and the place of lastUpdated, filled in by
 * `stampEntries`. `tokens` are the resource's words (words.ts), of which the block only keeps whether they changed.
 */
export function encodeEntries(type: string, index: IndexEntries, hashing: Hashing, tokens = ''): Uint8Array {
  const groups = index.groups.map(({ name, entries }) => [name, encodeElement(entries, hashing)] as const);
  const bytes = encodeElement(index, hashing, type, groups, index.canonicals);
  if (tokens !== '') {
    hashing.mix(kindOf.word, '', tokens);
    viewOf(bytes).setInt32(WORDS_AT, hashing.low || 1, true);
  }
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Whether two blocks stand for the same words; an empty block has none. */
export const sameWords = (one: Uint8Array, other: Uint8Array): boolean => wordsOf(one) === wordsOf(other);
export const hasWords = (entries: Uint8Array): boolean => wordsOf(entries) !== 0;
const wordsOf = (entries: Uint8Array): number => (entries.length === 0 ? 0 : viewOf(entries).getInt32(WORDS_AT, true));

function encodeElement(
  index: ElementEntries,
  hashing: Hashing,
  type?: string,
  groups: readonly (readonly [name: string, block: Uint8Array])[] = [],
  canonicals: readonly string[] = [],
): Uint8Array {
  for (const section of inOrder) section.end = 0;
  if (type !== undefined) {
    putHash(plain, hashing, kindOf.resourceType, type, '');
    putHash(points, hashing, kindOf.shortRange, lastUpdatedOf(type), '');
    putDouble(points, 0);
    for (const one of canonicals) {
      putHash(plain, hashing, kindOf.canonical, type, one);
      putHash(plain, hashing, kindOf.canonical, '', one);
    }
  }
  for (const { name, first, second } of index.keys) {
    if (second === '') {
      putHash(plain, hashing, kindOf.key, name, first);
      dropRepeat(plain, 8);
    } else {
      putHash(paired, hashing, kindOf.key, name, first);
      putHash(paired, hashing, kindOf.second, '', second);
      dropRepeat(paired, 16);
    }
  }
  for (const { name, target } of index.references) {
    putHash(plain, hashing, kindOf.key, name, target);
    dropRepeat(plain, 8);
  }
  putRanges(index, hashing);
  putTexts(index, hashing);
  for (const [name, block] of groups) {
    putHash(named, hashing, kindOf.group, name, '');
    makeRoom(named, 4 + block.length);
    named.view.setUint32(named.end, block.length, true);
    named.bytes.set(block, named.end + 4);
    named.end += 4 + block.length;
  }
  return layOut(groups.length);
}

function putRanges(index: ElementEntries, hashing: Hashing): void {
  const several = severalIn(index);
  for (const { name, low, high, along } of index.ranges) {
    if (along !== undefined) {
      putHash(quiet, hashing, kindOf.shortRange, name, '');
      putDouble(quiet, low);
      putDouble(quiet, high);
      continue;
    }
    const kind = high - low <= SHORT && !several.has(name) ? kindOf.shortRange : kindOf.oddRange;
    const section = low === high ? points : spans;
    putHash(section, hashing, kind, name, '');
    putDouble(section, low);
    if (section === spans) putDouble(section, high);
    dropRepeat(section, section === spans ? 24 : 16);
  }
}

/** Names that have more than one interval. */
function severalIn({ ranges }: ElementEntries): ReadonlySet<string> {
  const several = new Set<string>();
  const first = new Map<string, RangeEntry>();
  for (const range of ranges) {
    if (range.along !== undefined) continue;
    const before = first.get(range.name);
    if (before === undefined) first.set(range.name, range);
    else if (before.low !== range.low || before.high !== range.high) several.add(range.name);
  }
  return several;
}

let textCount = 0;

function putTexts({ texts }: ElementEntries, hashing: Hashing): void {
  textCount = 0;
  const seen = texts.length > 1 ? new Set<string>() : undefined;
  for (const { name, folded, original } of texts) {
    if (original !== undefined) {
      putHash(plain, hashing, kindOf.exactText, name, original);
      dropRepeat(plain, 8);
    }
    const repeat = `${name}\u0000${folded}`;
    if (seen?.has(repeat)) continue;
    seen?.add(repeat);
    putHash(named, hashing, kindOf.text, name, '');
    putText(named, folded);
    textCount++;
  }
}

/** Takes the newest entry back out where the same one is there; long lists keep theirs, the table ignores them. */
function dropRepeat(section: Section, width: number): void {
  const { view } = section;
  const last = section.end - width;
  if (last > 64 * width) return;
  for (let at = 0; at < last; at += width) {
    let same = true;
    for (let i = 0; i < width && same; i += 4) same = view.getInt32(at + i) === view.getInt32(last + i);
    if (!same) continue;
    section.end = last;
    return;
  }
}

function layOut(groupCount: number): Uint8Array {
  let size = HEAD;
  for (const { end } of inOrder) size += end;
  // Out of a pool: what is gathered is copied into one message soon.
  const bytes = Buffer.allocUnsafe(size);
  const view = viewOf(bytes);
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, inOrder[i]!.end / WIDTHS[i]!, true);
  view.setUint32(16, textCount, true);
  view.setUint32(20, groupCount, true);
  view.setUint32(24, quiet.end / WIDTHS[3], true);
  view.setUint32(WORDS_AT, 0, true);
  let at = HEAD;
  for (const section of inOrder) {
    bytes.set(section.bytes.subarray(0, section.end), at);
    at += section.end;
    if (section.bytes.length > LARGE) Object.assign(section, sectionOf(1_024));
  }
  return bytes;
}

/** Writes the time of the version, known only to the writer, into its place. */
export function stampEntries(bytes: Uint8Array, lastUpdated: number): void {
  const view = viewOf(bytes);
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
  const view = viewOf(bytes);
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
