/** What two transactions that must not both succeed write in common: a guard for each identifier, and what a condition is covered by. docs/storage-mongodb.md */
import type { Long } from 'mongodb';
import { looksElsewhere } from '../../search/match.ts';
import type { Criterion, IndexEntries, SearchQuery } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import { keyHash } from './hash.ts';

export const isIdentifier = (name: string): boolean => name.endsWith('.identifier');

/** Hashed, since an identifier says who somebody is; two that share a guard only wait for each other. */
export const guardOf = (hash: Long): string => `id:${hash.toString(36)}`;

/** The guards of the identifiers that a resource has: whoever writes it writes them. */
export function guardsOfEntries({ keys }: IndexEntries, hashing: Hashing): readonly string[] {
  const guards = new Set<string>();
  for (const { name, first, second } of keys) {
    if (second !== '' && isIdentifier(name)) guards.add(guardOf(keyHash(hashing, name, first, second)));
  }
  return [...guards];
}

/** Unique across shards, where `_id` alone is not. */
export const guardOfKey = (reference: string): string => `key:${reference}`;

/**
 * Hashes of the identifiers of which every resource that fulfils the query has one; undefined when no guard is sure to be written by
 * whoever makes one fulfil it. (What ceases to fulfil it was a match, and matches are touched themselves.)
 */
export function identifiersOfQuery(query: SearchQuery, hashing: Hashing): readonly Long[] | undefined {
  const hashes: Long[] = [];
  for (const { where } of [query, ...(query.also ?? [])]) {
    const covering = looksElsewhere(where) ? undefined : identifiersOf(where, hashing);
    if (!covering) return undefined;
    hashes.push(...covering);
  }
  return hashes;
}

function identifiersOf(criterion: Criterion, hashing: Hashing): readonly Long[] | undefined {
  switch (criterion.is) {
    case 'key': {
      const { name, first, second } = criterion;
      return second && isIdentifier(name) ? [keyHash(hashing, name, first, second)] : undefined;
    }
    case 'all':
      for (const part of criterion.of) {
        const hashes = identifiersOf(part, hashing);
        if (hashes) return hashes;
      }
      return undefined;
    case 'any': {
      const hashes = criterion.of.map((part) => identifiersOf(part, hashing));
      return hashes.every((some) => some !== undefined) ? hashes.flat() : undefined;
    }
    default:
      return undefined;
  }
}
