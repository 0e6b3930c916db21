/** What a resource points to under a name, told from its references and its block of entries: the steps of chains and includes. */
import type { Criterion } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { Aim } from './connection.ts';
import { sectionsOf } from './entries.ts';
import { halvesOf, type Kind, kindOf } from './hash.ts';
import { type Look, plainLook } from './looks.ts';
import { canonicalsIn, isCanonical, keysIn } from './ties.ts';

/**
 * The keys that a resource points to under the name; of one type where it is given, under any name where that is left out. With
 * `byCanonical` the canonicals that it points to besides: of what type those are is told by what has them.
 */
export function aimFor(
  name: string | undefined,
  type: string | undefined,
  hashing: Hashing,
  byCanonical?: boolean,
): Aim {
  return (refs, entries) => {
    if (refs === '') return [];
    const keys = keysIn(refs).filter((key) => type === undefined || key.startsWith(`${type}/`));
    const all = byCanonical ? [...keys, ...canonicalsIn(refs)] : keys;
    return name === undefined ? all : all.filter((one) => plainLook(kindOf.key, name, one, hashing)(entries, one));
  };
}

type Chain = Extract<Criterion, { is: 'refers' | 'referred' }>;

/** Whether a resource, of the type, is linked to one of the keys and canonicals, all of which are known to fulfil what the chain asks. */
export function linkLook({ is, name }: Chain, keys: readonly string[], type: string, hashing: Hashing): Look {
  if (is === 'refers') return plainLookAmong(kindOf.key, name, keys, hashing);
  const linked = new Set(keys);
  const called = plainLookAmong(kindOf.canonical, type, keys.filter(isCanonical), hashing);
  return (entries, key) => linked.has(key) || called(entries, key);
}

function plainLookAmong(kind: Kind, name: string, values: readonly string[], hashing: Hashing): Look {
  if (values.length === 0) return () => false;
  const highs = new Map<number, number[]>();
  for (const value of values) {
    const [low, high] = halvesOf(kind, name, value, hashing);
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
