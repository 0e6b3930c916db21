/** Holds a query against the index entries of one resource in memory: the same meaning as in every engine. */
import { problem } from '../fhir/outcome.ts';
import type { ResourceKey } from '../fhir/references.ts';
import type { Bounds, Criterion, IndexEntries, SearchQuery, TextEntry } from './query.ts';

/** True when the resource fulfils the criterion; `lastUpdated` in ms, without it no condition on `_lastUpdated` holds. */
export function matches(
  asked: SearchQuery | Criterion,
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated?: number,
): boolean {
  if ('where' in asked) return asked.type === key.type && holds(asked.where, entries, key, lastUpdated);
  return holds(asked, entries, key, lastUpdated);
}

function holds(
  criterion: Criterion,
  entries: IndexEntries,
  key: ResourceKey,
  lastUpdated: number | undefined,
): boolean {
  switch (criterion.is) {
    case 'all':
      return criterion.of.every((part) => holds(part, entries, key, lastUpdated));
    case 'any':
      return criterion.of.some((part) => holds(part, entries, key, lastUpdated));
    case 'not':
      return !holds(criterion.of, entries, key, lastUpdated);
    case 'id':
      return criterion.ids.includes(key.id);
    case 'key': {
      const { name, first, second } = criterion;
      return entries.keys.some(
        (entry) => entry.first === first && entry.name === name && (second === undefined || entry.second === second),
      );
    }
    case 'reference':
      return entries.references.some((entry) => entry.target === criterion.target && entry.name === criterion.name);
    case 'range': {
      const { name, low, high } = criterion;
      if (name === `${key.type}._lastUpdated`) {
        return lastUpdated !== undefined && within(lastUpdated, low) && within(lastUpdated, high);
      }
      return entries.ranges.some((entry) => entry.name === name && within(entry.low, low) && within(entry.high, high));
    }
    case 'word':
      return entries.words.some(({ name, word }) => name === criterion.name && word === criterion.word);
    case 'together':
    case 'refers':
    case 'referred':
    case 'near':
      throw problem('not-supported', `A condition of the kind ${criterion.is} is not supported here`);
    case 'text':
      return entries.texts.some((entry) => entry.name === criterion.name && reads(entry, criterion));
  }
}

/** Whether a number keeps to all bounds that are given. */
export function within(value: number, bounds: Bounds | undefined): boolean {
  if (bounds === undefined) return true;
  const { atLeast, above, atMost, below } = bounds;
  return (
    (atLeast === undefined || value >= atLeast) &&
    (above === undefined || value > above) &&
    (atMost === undefined || value <= atMost) &&
    (below === undefined || value < below)
  );
}

function reads({ folded, original }: TextEntry, { match, value }: Extract<Criterion, { is: 'text' }>): boolean {
  if (match === 'equals') return original === value;
  if (match === 'ends') return folded.endsWith(value);
  return match === 'starts' ? folded.startsWith(value) : folded.includes(value);
}
