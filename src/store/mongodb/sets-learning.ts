/** Finds out what many of the resources that are written have in common. docs/storage-mongodb.md */
import type { Long } from 'mongodb';
import type { IndexEntries } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import { exactHash, firstHash, keyHash, nameHash, textHash, wordHash } from './hash.ts';
import { labelOf } from './hashes.ts';
import type { TextPart } from './sets.ts';

/** How soon something is common. */
export interface Learning {
  /** Of so many resources one is looked at, whichever. */
  readonly every: number;
  /** Of those that have the same frequent keys, so many are compared. */
  readonly enough: number;
  /** Times that a key was seen in which it is frequent. */
  readonly frequent: number;
  /** A set has so many values. */
  readonly least: number;
}
export const usualLearning: Learning = { every: 8, enough: 32, frequent: 8, least: 4 };

/** A value that stands in an index, and the text if it is one. */
interface Value {
  readonly hash: Long;
  readonly text?: TextPart;
}
export interface Learned {
  readonly type: string;
  readonly hashes: readonly Long[];
  readonly texts: readonly TextPart[];
}

/** Parts of the resources of a type that have a key: of the frequent, and of those that nearly all have. */
const shares = [0.01, 0.5] as const;
/** What is remembered of a type; beyond that it begins anew. */
const MOST_KEYS = 20_000;
const MOST_ALIKE = 1_000;

interface Seen {
  times: number;
  readonly keys: Map<string, number>;
  /** Resources with the same frequent keys, by those: how many, and what all of them had. */
  readonly alike: Map<string, { times: number; shared: ReadonlyMap<string, Value> }>;
}

export function createLearning(
  hashing: Hashing,
  { every, enough, frequent, least }: Learning,
  onLearned: (learned: Learned) => void,
) {
  const types = new Map<string, Seen>();
  let drawn = 1;

  return (type: string, index: IndexEntries): void => {
    // By turns, it might always be the same one of those that come together.
    drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
    if ((drawn >>> 16) % every !== 0) return;
    let seen = types.get(type);
    if (!seen || seen.keys.size > MOST_KEYS || seen.alike.size > MOST_ALIKE) {
      seen = { times: 0, keys: new Map(), alike: new Map() };
      types.set(type, seen);
    }
    seen.times++;
    const { times, keys, alike } = seen;
    const values = valuesOf(index, hashing);
    const own = ownKeys(index, hashing);
    for (const key of own) keys.set(key, (keys.get(key) ?? 0) + 1);
    for (const share of shares) {
      const name = own.filter((key) => keys.get(key)! >= Math.max(share * times, frequent)).join();
      if (name === '') continue;
      const group = alike.get(`${share} ${name}`) ?? { times: 0, shared: values };
      alike.set(`${share} ${name}`, group);
      group.times++;
      group.shared = new Map([...group.shared].filter(([hash]) => values.has(hash)));
      if (!isDoubled(group.times / enough) || group.shared.size < least) continue;
      const shared = [...group.shared.values()];
      onLearned({ type, hashes: shared.map(({ hash }) => hash), texts: shared.flatMap(({ text }) => text ?? []) });
    }
  };
}

/** What still is common after twice as many is learned anew if it is less. */
const isDoubled = (times: number): boolean => times >= 1 && Number.isInteger(Math.log2(times));

/** Values of a resource alone, or of one day, are in no set. */
const isOwn = (name: string): boolean => name.includes('identifier');
const hasDigits = (word: string): boolean => /\p{N}/u.test(word);

/** The keys that resources are told apart by: no identifiers. */
const ownKeys = ({ keys }: IndexEntries, hashing: Hashing): readonly string[] => {
  const own = keys.filter(({ name }) => !isOwn(name));
  return [...new Set(own.map(({ name, first, second }) => labelOf(keyHash(hashing, name, first, second))))].sort();
};

/** All that can be in a set. The type, identifiers, references and canonicals always stand by themselves. */
function valuesOf({ keys, texts, words }: IndexEntries, hashing: Hashing): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>();
  const add = (hash: Long, text?: TextPart) => values.set(labelOf(hash), text ? { hash, text } : { hash });
  for (const { name, first, second } of keys) {
    if (!isOwn(name)) add(keyHash(hashing, name, first, second));
    if (second !== '') add(firstHash(hashing, name, first));
  }
  for (const { name, word } of words) if (!hasDigits(word)) add(wordHash(hashing, name, word));
  for (const { name, folded, original } of texts) {
    if (original !== undefined) add(exactHash(hashing, name, original));
    const hash = textHash(hashing, name, folded);
    if (hash) add(hash, { n: nameHash(hashing, name), v: folded });
  }
  return values;
}
