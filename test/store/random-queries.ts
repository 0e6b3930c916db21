/** Random index entries and random query trees, and what they mean, computed the slow and obvious way. */
import type { ResourceKey } from '../../src/fhir/references.ts';
import { cellsAround, cellsAt, kilometresBetween, latitudeOf, longitudeOf } from '../../src/search/near.ts';
import {
  type Bounds,
  type Criterion,
  type IndexEntries,
  noEntries,
  type SearchQuery,
  type SortKey,
} from '../../src/search/query.ts';
import { targetsOf } from '../../src/search/targets.ts';
import { seeded } from '../support/seeded.ts';

/** Chance by the seed, so that a failing run can be repeated. */
export function dice(seed: number) {
  const next = seeded(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    chance: (share: number): boolean => next() < share,
    of: <T>(list: readonly T[]): T => list[below(list.length)]!,
    some: <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make),
  };
}
export type Dice = ReturnType<typeof dice>;

const DAY = 86_400_000;
const types = ['Task', 'Flag'] as const;
const firsts = ['a|', 'b|', '|', 'x'];
const seconds = ['', 'one', 'two', 'Zwei'];
const folded = ['anna', 'anders', 'ann', 'berta', 'émile'.normalize('NFD').replace(/\p{M}/gu, ''), '😀 smile', 'z￿'];
const words = ['pain', 'head', 'café'];
const lengths = [0, 0, 999, DAY - 1, DAY, DAY + 1, 40 * DAY];

/** Resources of this server, most of which are there, and others. */
const randomTarget = (roll: Dice, ids: readonly string[]): string =>
  roll.chance(0.7)
    ? `${roll.of(types)}/${roll.of(ids)}`
    : roll.of(['Patient/1', 'Patient/2', 'Device/1', 'http://elsewhere/Patient/1']);

/** On both sides of the meridian where degrees begin anew. */
const randomLongitude = (roll: Dice): number => (roll.chance(0.5) ? 1 : -1) * (180 - roll.below(10) / 10);

/** What a resource of the type is found by; its references lead to resources with these ids, among others. */
export function randomEntries(roll: Dice, ids: readonly string[], type = 'Task'): IndexEntries {
  const interval = (name: string) => {
    const low = roll.below(60) * DAY - (roll.chance(0.2) ? 500 : 0);
    const high = low + roll.of(lengths);
    return { name, low: roll.chance(0.05) ? -Infinity : low, high: roll.chance(0.05) ? Infinity : high };
  };
  const keys = (most: number) =>
    roll.some(most, () => ({
      name: `${type}.${roll.of(['code', 'tag'])}`,
      first: roll.of(firsts),
      second: roll.of(seconds),
    }));
  const values = () =>
    roll.some(1, () => {
      const value = roll.below(20) / 4;
      return { name: `${type}.value`, low: value - 0.05, high: value + 0.05 };
    });
  const texts = () =>
    roll.some(3, () => {
      const text = roll.of(folded);
      return { name: `${type}.name`, folded: text, original: roll.chance(0.5) ? text : text.toUpperCase() };
    });
  const place = roll.chance(0.4) ? { latitude: roll.below(40) / 10, longitude: randomLongitude(roll) } : undefined;
  return {
    keys: [
      ...keys(4),
      ...(place
        ? cellsAt(place.latitude, place.longitude).map((first) => ({ name: `${type}.near`, first, second: '' }))
        : []),
    ],
    references: roll.some(3, () => ({
      name: `${type}.${roll.of(['subject', 'device'])}`,
      target: randomTarget(roll, ids),
    })),
    ranges: [
      ...roll.some(3, () => interval(`${type}.date`)),
      ...values(),
      ...(place
        ? [
            { name: latitudeOf(`${type}.near`), low: place.latitude, high: place.latitude },
            { name: longitudeOf(`${type}.near`), low: place.longitude, high: place.longitude },
          ]
        : []),
    ],
    texts: texts(),
    words: roll.some(2, () => ({ name: `${type}.${roll.of(['_text', '_content'])}`, word: roll.of(words) })),
    groups: roll.some(2, () => ({
      name: `${type}.${roll.of(['part', 'piece'])}`,
      entries: { keys: keys(2), references: [], ranges: values(), texts: texts() },
    })),
  };
}

/** A condition on resources of the type; `depth` bounds how deep it is. */
export function randomCriterion(roll: Dice, ids: readonly string[], depth = 3, type = 'Task'): Criterion {
  if (depth > 0 && roll.chance(0.45)) {
    const of = roll.some(3, () => randomCriterion(roll, ids, depth - 1, type));
    const kind = roll.below(5);
    if (kind < 2) return { is: 'all', of };
    if (kind < 4) return { is: 'any', of };
    return { is: 'not', of: randomCriterion(roll, ids, depth - 1, type) };
  }
  if (depth > 0 && roll.chance(0.3)) {
    const other = roll.of(types);
    const where = randomCriterion(roll, ids, depth - 1, other);
    const name = roll.of(['subject', 'device']);
    return roll.chance(0.5)
      ? { is: 'refers', name: `${type}.${name}`, type: other, where }
      : { is: 'referred', name: `${other}.${name}`, type: other, where };
  }
  switch (roll.below(5)) {
    case 0:
      return roll.chance(0.5)
        ? { is: 'reference', name: `${type}.${roll.of(['subject', 'device'])}`, target: randomTarget(roll, ids) }
        : {
            is: 'points',
            name: `${type}.${roll.of(['subject', 'device'])}`,
            targets: targetsOf(roll.some(80, () => randomTarget(roll, ids))),
          };
    case 1:
      return { is: 'word', name: `${type}.${roll.of(['_text', '_content'])}`, word: roll.of([...words, 'none']) };
    case 2: {
      const of = [randomValue(roll, type), ...roll.some(1, () => randomValue(roll, type))];
      return { is: 'together', name: `${type}.${roll.of(['part', 'piece'])}`, of };
    }
    case 3: {
      if (roll.chance(0.5)) return { is: 'id', ids: roll.some(8, () => roll.of(ids)) };
      const [latitude, longitude, kilometres] = [roll.below(40) / 10, randomLongitude(roll), roll.of([1, 30, 200])];
      const cells = cellsAround(latitude, longitude, kilometres);
      return { is: 'near', name: `${type}.near`, latitude, longitude, kilometres, cells };
    }
    default:
      return randomValue(roll, type);
  }
}

function randomValue(roll: Dice, type: string): Criterion {
  switch (roll.below(4)) {
    case 0:
    case 1: {
      const name = `${type}.${roll.of(['code', 'tag', 'none'])}`;
      const second = roll.chance(0.3) ? undefined : roll.of(seconds);
      return { is: 'key', name, first: roll.of(firsts), second };
    }
    case 2: {
      const [name, unit, most] = roll.chance(0.8) ? (['date', DAY, 60] as const) : (['value', 0.25, 20] as const);
      const edge = (): number => roll.below(most) * unit;
      const ends = () => ({ low: randomBounds(roll, edge), high: randomBounds(roll, edge) });
      const except = roll.some(2, ends);
      return { is: 'range', name: `${type}.${name}`, ...ends(), ...(roll.chance(0.4) && { except }) };
    }
    default: {
      const match = roll.of(['starts', 'same', 'equals', 'contains', 'ends'] as const);
      const text = roll.of(folded);
      const value =
        match === 'equals'
          ? roll.of([text, text.toUpperCase()])
          : roll.of([text, [...text].slice(1).join(''), [...text][0]!, [...text].at(-1)!, '']);
      return { is: 'text', name: `${type}.name`, match, value };
    }
  }
}

function randomBounds(roll: Dice, edge: () => number): Bounds | undefined {
  switch (roll.below(6)) {
    case 0:
      return { atLeast: edge() };
    case 1:
      return { above: edge() };
    case 2:
      return { atMost: edge() };
    case 3:
      return { below: edge() };
    case 4:
      return { atLeast: edge(), below: edge() };
    default:
      return undefined;
  }
}

/** Sort keys for Tasks; `sortFor` gives those of another type. */
export function randomSort(roll: Dice): SortKey[] {
  const one = (): SortKey => {
    const descending = roll.chance(0.5);
    switch (roll.below(4)) {
      case 0:
        return { by: 'text', name: 'Task.name', descending };
      case 1:
        return { by: 'id', descending };
      default:
        return {
          by: 'range',
          name: roll.of(['Task.date', 'Task.date', 'Task.value', 'Task._lastUpdated']),
          descending,
        };
    }
  };
  return roll.chance(0.25) ? [] : roll.chance(0.7) ? [one()] : [one(), one()];
}

/** The same keys for another type. */
export const sortFor = (type: string, sort: readonly SortKey[]): SortKey[] =>
  sort.map((key) => (key.by === 'id' ? key : { ...key, name: key.name.replace('Task.', `${type}.`) }));

// --- what it all means

export interface Candidate extends ResourceKey {
  readonly lastUpdated: number;
  readonly entries: IndexEntries;
}
/** All resources that are there, by `Type/id`. */
export type World = ReadonlyMap<string, Candidate>;

const within = (value: number, { atLeast, above, atMost, below }: Bounds = {}): boolean =>
  !(
    (atLeast !== undefined && value < atLeast) ||
    (above !== undefined && value <= above) ||
    (atMost !== undefined && value > atMost) ||
    (below !== undefined && value >= below)
  );

export function fulfils(candidate: Candidate, criterion: Criterion, world: World): boolean {
  const { keys, references, ranges, texts, words, groups } = withTime(candidate);
  switch (criterion.is) {
    case 'all':
      return criterion.of.every((part) => fulfils(candidate, part, world));
    case 'any':
      return criterion.of.some((part) => fulfils(candidate, part, world));
    case 'not':
      return !fulfils(candidate, criterion.of, world);
    case 'id':
      return criterion.ids.includes(candidate.id);
    case 'key': {
      const { name, first, second } = criterion;
      const same = keys.filter((entry) => entry.name === name && entry.first === first);
      return same.some((entry) => second === undefined || entry.second === second);
    }
    case 'reference':
      return references.some(({ name, target }) => name === criterion.name && target === criterion.target);
    case 'points':
      return references.some(({ name, target }) => name === criterion.name && criterion.targets.includes(target));
    case 'range':
      return ranges.some(
        ({ name, low, high }) =>
          name === criterion.name &&
          within(low, criterion.low) &&
          within(high, criterion.high) &&
          !(criterion.except ?? []).some((one) => within(low, one.low) && within(high, one.high)),
      );
    case 'text':
      return texts.some(({ name, folded, original }) => {
        if (name !== criterion.name) return false;
        if (criterion.match === 'equals') return original === criterion.value;
        if (criterion.match === 'same') return folded === criterion.value;
        if (criterion.match === 'ends') return folded.endsWith(criterion.value);
        return criterion.match === 'starts' ? folded.startsWith(criterion.value) : folded.includes(criterion.value);
      });
    case 'word':
      return words.some(({ name, word }) => name === criterion.name && word === criterion.word);
    case 'together':
      return groups.some(({ name, entries }) => {
        if (name !== criterion.name) return false;
        const group = { ...candidate, entries: { ...noEntries, ...entries } };
        return criterion.of.every((part) => fulfils(group, part, world));
      });
    case 'near': {
      const place = ['latitude', 'longitude'].map(
        (axis) => ranges.find(({ name }) => name === `${criterion.name}:${axis}`)?.low,
      );
      const [latitude, longitude] = place;
      if (latitude === undefined || longitude === undefined) return false;
      const centre = [criterion.latitude, criterion.longitude] as const;
      return kilometresBetween(centre, [latitude, longitude]) <= criterion.kilometres;
    }
    case 'refers':
      return references.some(({ name, target }) => {
        const other = name === criterion.name ? world.get(target) : undefined;
        return other?.type === criterion.type && fulfils(other, criterion.where, world);
      });
    case 'referred':
      return [...world.values()].some(
        (other) =>
          other.type === criterion.type &&
          other.entries.references.some(
            ({ name, target }) => name === criterion.name && target === `${candidate.type}/${candidate.id}`,
          ) &&
          fulfils(other, criterion.where, world),
      );
  }
}

const withTime = ({ type, entries, lastUpdated }: Candidate): IndexEntries => ({
  ...entries,
  ranges: [...entries.ranges, { name: `${type}._lastUpdated`, low: lastUpdated, high: lastUpdated }],
});

const inBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** Below 0 where the first stands before the second; 0 where the sort keys leave it to the engine. */
function compare(one: Candidate, other: Candidate, sort: readonly SortKey[]): number {
  for (const key of sort) {
    const [a, b] = [place(one, key), place(other, key)];
    if (a === undefined && b === undefined) continue;
    if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
    const order = typeof a === 'string' ? inBytes(a, b as string) : a < (b as number) ? -1 : a > (b as number) ? 1 : 0;
    if (order !== 0) return key.descending ? -order : order;
  }
  return 0;
}

/** An interval stands where it begins. `key` is that of Tasks. */
function place(candidate: Candidate, key: SortKey): number | string | undefined {
  if (key.by === 'id') return candidate.id;
  const asked = key.name.replace('Task.', `${candidate.type}.`);
  const { ranges, texts } = withTime(candidate);
  if (key.by === 'range') {
    const lows = ranges.filter(({ name }) => name === asked).map(({ low }) => low);
    return lows.length === 0 ? undefined : key.descending ? Math.max(...lows) : Math.min(...lows);
  }
  const values = texts.filter(({ name }) => name === asked).map(({ folded }) => folded);
  return values.sort(inBytes).at(key.descending ? -1 : 0);
}

/** How the answer (`Type/id` each) departs from the query, whose sort is that of Tasks; undefined where it does not. */
export function fault(query: SearchQuery, answer: readonly string[], world: World): string | undefined {
  const expected = [query, ...(query.also ?? [])].flatMap(({ type, where }) =>
    [...world].filter(([, one]) => one.type === type && fulfils(one, where, world)).map(([key]) => key),
  );
  if (new Set(answer).size !== answer.length) return `twice the same: ${answer.join(' ')}`;
  const missing = expected.filter((key) => !answer.includes(key));
  const wrong = answer.filter((key) => !expected.includes(key));
  if (missing.length + wrong.length > 0) return `missing ${missing.join(' ')}; wrong ${wrong.join(' ')}`;
  for (let i = 1; i < answer.length; i++) {
    const [before, after] = [world.get(answer[i - 1]!)!, world.get(answer[i]!)!];
    if (compare(before, after, query.sort) > 0) return `${answer[i - 1]} stands before ${answer[i]}`;
  }
  return undefined;
}
