/** What two transactions that must not both succeed write in common: a guard for each identifier, and what a condition is covered by. docs/storage-mongodb.md */
import { looksElsewhere } from '../../search/match.ts';
import type { Criterion, IndexEntries, SearchQuery } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import { keyHash } from './document.ts';

const isIdentifier = (name: string): boolean => name.endsWith('.identifier');

/** Hashed, since an identifier says who somebody is; two that share a guard only wait for each other. */
const guardOf = (hashing: Hashing, name: string, system: string, value: string): string =>
  `id:${keyHash(hashing, name, system, value).toString(36)}`;

/** The guards of the identifiers that a resource has: whoever writes it writes them. */
export function guardsOfEntries({ keys }: IndexEntries, hashing: Hashing): readonly string[] {
  const guards = new Set<string>();
  for (const { name, first, second } of keys) {
    if (second !== '' && isIdentifier(name)) guards.add(guardOf(hashing, name, first, second));
  }
  return [...guards];
}

/** Unique across shards, where `_id` alone is not. */
export const guardOfKey = (reference: string): string => `key:${reference}`;

/**
 * The guards of which every resource that comes to fulfil the query has one; undefined when no guard is sure to be written by
 * whoever makes one fulfil it. (What ceases to fulfil it was a match, and matches are touched themselves.)
 */
export function guardsOfQuery(query: SearchQuery, hashing: Hashing): readonly string[] | undefined {
  const guards: string[] = [];
  for (const { where } of [query, ...(query.also ?? [])]) {
    const covering = looksElsewhere(where) ? undefined : guardsOfCriterion(where, hashing);
    if (!covering) return undefined;
    guards.push(...covering);
  }
  return guards;
}

function guardsOfCriterion(criterion: Criterion, hashing: Hashing): readonly string[] | undefined {
  switch (criterion.is) {
    case 'key': {
      const { name, first, second } = criterion;
      return second && isIdentifier(name) ? [guardOf(hashing, name, first, second)] : undefined;
    }
    case 'all':
      for (const part of criterion.of) {
        const guards = guardsOfCriterion(part, hashing);
        if (guards) return guards;
      }
      return undefined;
    case 'any': {
      const guards = criterion.of.map((part) => guardsOfCriterion(part, hashing));
      return guards.every((some) => some !== undefined) ? guards.flat() : undefined;
    }
    default:
      return undefined;
  }
}
