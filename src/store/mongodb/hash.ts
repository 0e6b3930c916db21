/** What names and values are found by: what this engine hashes (../hash.ts). docs/storage-mongodb.md */
import { Long } from 'mongodb';
import type { Hashing } from '../hash.ts';
import { labelOf } from './hashes.ts';

/** Kept apart. */
export const kindOf = {
  key: 0,
  pair: 1,
  first: 2,
  exactText: 3,
  word: 4,
  canonical: 5,
  type: 6,
  name: 7,
  home: 8,
  longName: 9,
  text: 10,
  set: 11,
} as const;

/** The hash that stands for a name and a value. */
function hashOf(hashing: Hashing, kind: number, name: string, value: string): Long {
  hashing.mix(kind, name, value);
  return new Long(hashing.low, hashing.high);
}

/** A key: by both parts, by the first part with an empty second, or (`kindOf.first`) by the first part with any other second. */
export const keyHash = (hashing: Hashing, name: string, first: string, second: string): Long =>
  second === ''
    ? hashOf(hashing, kindOf.key, name, first)
    : hashOf(hashing, kindOf.pair, name, `${first}\u0000${second}`);
export const firstHash = (hashing: Hashing, name: string, first: string): Long =>
  hashOf(hashing, kindOf.first, name, first);
export const typeHash = (hashing: Hashing, type: string): Long => hashOf(hashing, kindOf.type, type, '');
export const wordHash = (hashing: Hashing, name: string, word: string): Long =>
  hashOf(hashing, kindOf.word, name, word);
export const exactHash = (hashing: Hashing, name: string, text: string): Long =>
  hashOf(hashing, kindOf.exactText, name, text);
export const canonicalHash = (hashing: Hashing, canonical: string): Long =>
  hashOf(hashing, kindOf.canonical, '', canonical);
/** Names of intervals, texts, references and groups; kept apart by the field that they stand in. */
export const nameHash = (hashing: Hashing, name: string): Long => hashOf(hashing, kindOf.name, name, '');

/** The name of an interval in the second place that is long: its bounds say less, so it is asked for apart. */
export const longHash = (hashing: Hashing, name: string): Long => hashOf(hashing, kindOf.longName, name, '');

/** Of a text that stands beside a token or a uri, and so in no order: it may stand in a set. Others always stand in `x`. */
export const textHash = (hashing: Hashing, name: string, folded: string): Long | undefined =>
  name.includes(':') ? hashOf(hashing, kindOf.text, name, folded) : undefined;
/** What stands for a set of values that resources of the type have in common. */
export const setHash = (hashing: Hashing, type: string, values: readonly Long[]): Long =>
  hashOf(hashing, kindOf.set, type, values.map(labelOf).sort().join());
