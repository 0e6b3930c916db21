/**
 * Holds a query against the index entries of one resource in memory: the same meaning as in every engine. What a reference
 * leads to, and what points here, one resource cannot tell: such conditions are neither true nor false, and what is made of
 * them by `all`, `any` and `not` only where the rest decides.
 */
import type { ResourceKey } from '../fhir/references.ts';
import { isNear, latitudeOf, longitudeOf } from './near.ts';
import { type Criterion, type IndexEntries, noEntries, type SearchQuery, type TextEntry } from './query.ts';
import { lies } from './ranges.ts';
import { isAmong } from './targets.ts';

/** Undefined: cannot be told from one resource. */
type Verdict = boolean | undefined;

/**
 * False when the resource does not fulfil the criterion; true when it does, or when it cannot be told. `lastUpdated` in ms,
 * without it no condition on `_lastUpdated` holds.
 */
export const matches = (
  asked: SearchQuery | Criterion,
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated?: number,
): boolean => verdict(asked, entries, key, lastUpdated) !== false;

/** True when the resource fulfils the criterion; false when it does not, or when it cannot be told. */
export const surelyMatches = (
  asked: SearchQuery | Criterion,
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated?: number,
): boolean => verdict(asked, entries, key, lastUpdated) === true;

/** Whether a criterion asks for other resources, so that one alone cannot tell. */
export function looksElsewhere(criterion: Criterion): boolean {
  switch (criterion.is) {
    case 'refers':
    case 'referred':
      return true;
    case 'all':
    case 'any':
    case 'together':
      return criterion.of.some(looksElsewhere);
    case 'not':
      return looksElsewhere(criterion.of);
    default:
      return false;
  }
}

function verdict(
  asked: SearchQuery | Criterion,
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated: number | undefined,
): Verdict {
  if ('is' in asked) return holds(asked, entries, key, lastUpdated);
  const meant = [asked, ...(asked.also ?? [])].find(({ type }) => type === key.type);
  return meant !== undefined && holds(meant.where, entries, key, lastUpdated);
}

function holds(
  criterion: Criterion,
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated: number | undefined,
): Verdict {
  switch (criterion.is) {
    case 'all':
      return every(criterion.of, entries, key, lastUpdated);
    case 'any': {
      let open = false;
      for (const part of criterion.of) {
        const held = holds(part, entries, key, lastUpdated);
        if (held) return true;
        open ||= held === undefined;
      }
      return open ? undefined : false;
    }
    case 'not': {
      const held = holds(criterion.of, entries, key, lastUpdated);
      return held === undefined ? undefined : !held;
    }
    case 'together': {
      let open = false;
      for (const group of entries.groups) {
        if (group.name !== criterion.name) continue;
        const held = every(criterion.of, { ...noEntries, ...group.entries }, key, lastUpdated);
        if (held) return true;
        open ||= held === undefined;
      }
      return open ? undefined : false;
    }
    case 'refers':
    case 'referred':
      return undefined;
    case 'id':
      return isAmong(criterion.ids, key.id);
    case 'key': {
      const { name, first, second } = criterion;
      return entries.keys.some(
        (entry) => entry.first === first && entry.name === name && (second === undefined || entry.second === second),
      );
    }
    case 'reference':
      return entries.references.some((entry) => entry.target === criterion.target && entry.name === criterion.name);
    case 'points': {
      const { name, targets } = criterion;
      return entries.references.some((entry) => entry.name === name && isAmong(targets, entry.target));
    }
    case 'range': {
      const { name } = criterion;
      if (name === `${key.type}._lastUpdated`) {
        return lastUpdated !== undefined && lies(lastUpdated, lastUpdated, criterion);
      }
      return entries.ranges.some((entry) => entry.name === name && lies(entry.low, entry.high, criterion));
    }
    case 'word':
      return entries.words.some(({ name, word }) => word === criterion.word && name === criterion.name);
    case 'near': {
      const pointOf = (name: string) => entries.ranges.find((entry) => entry.name === name)?.low;
      const [latitude, longitude] = [pointOf(latitudeOf(criterion.name)), pointOf(longitudeOf(criterion.name))];
      return latitude !== undefined && longitude !== undefined && isNear(criterion, latitude, longitude);
    }
    case 'text':
      return entries.texts.some((entry) => entry.name === criterion.name && reads(entry, criterion));
  }
}

function every(
  parts: readonly Criterion[],
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated: number | undefined,
): Verdict {
  let open = false;
  for (const part of parts) {
    const held = holds(part, entries, key, lastUpdated);
    if (held === false) return false;
    open ||= held === undefined;
  }
  return open ? undefined : true;
}

function reads({ folded, original }: TextEntry, { match, value }: Extract<Criterion, { is: 'text' }>): boolean {
  if (match === 'equals') return original === value;
  if (match === 'same') return folded === value;
  if (match === 'ends') return folded.endsWith(value);
  return match === 'starts' ? folded.startsWith(value) : folded.includes(value);
}
