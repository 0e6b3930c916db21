/** What a resource points to under a name, told from its references and its block of entries: the steps of chains and includes. */
import type { Criterion } from '../../search/query.ts';
import type { Aim } from './connection.ts';
import { sectionsOf } from './entries.ts';
import { type Hashing, halvesOf, kindOf } from './hash.ts';
import { type Look, plainLook } from './looks.ts';

/** The keys that a resource points to under the name; of one type where it is given, under any name where that is left out. */
export function aimFor(name: string | undefined, type: string | undefined, hashing: Hashing): Aim {
  return (refs, entries) => {
    if (refs === '') return [];
    const keys = refs.split('\n').filter((key) => type === undefined || key.startsWith(`${type}/`));
    return name === undefined ? keys : keys.filter((key) => plainLook(kindOf.key, name, key, hashing)(entries, key));
  };
}

type Chain = Extract<Criterion, { is: 'refers' | 'referred' }>;

/** Whether a resource is linked to one of the keys, all of which are known to fulfil what the chain asks. */
export function linkLook({ is, name }: Chain, keys: readonly string[], hashing: Hashing): Look {
  if (is === 'referred') {
    const linked = new Set(keys);
    return (_entries, key) => linked.has(key);
  }
  const highs = new Map<number, number[]>();
  for (const key of keys) {
    const [low, high] = halvesOf(kindOf.key, name, key, hashing);
    highs.set(low, [...(highs.get(low) ?? []), high]);
  }
  return (entries) => {
    const { view, plain, plainCount } = sectionsOf(entries);
    for (let i = 0, at = plain; i < plainCount; i++, at += 8) {
      if (highs.get(view.getInt32(at, true))?.includes(view.getInt32(at + 4, true))) return true;
    }
    return false;
  };
}
