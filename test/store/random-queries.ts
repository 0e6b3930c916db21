/** Random index entries and random query trees, and what they mean, computed the slow and obvious way. */
import {
  type Bounds,
  type Criterion,
  type IndexEntries,
  noEntries,
  type SearchQuery,
  type SortKey,
} from '../../src/search/query.ts';

/** A small generator with a seed (mulberry32), so that a failing run can be repeated. */
export function dice(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
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
const firsts = ['a|', 'b|', '|', 'x'];
const seconds = ['', 'one', 'two', 'Zwei'];
const targets = ['Patient/1', 'Patient/2', 'Device/1', 'http://elsewhere/Patient/1'];
const folded = ['anna', 'anders', 'ann', 'berta', 'émile'.normalize('NFD').replace(/\p{M}/gu, ''), '😀 smile', 'z￿'];
const lengths = [0, 0, 999, DAY - 1, DAY, DAY + 1, 40 * DAY];

export function randomEntries(roll: Dice): IndexEntries {
  const interval = (name: string) => {
    const low = roll.below(60) * DAY - (roll.chance(0.2) ? 500 : 0);
    const high = low + roll.of(lengths);
    return { name, low: roll.chance(0.05) ? -Infinity : low, high: roll.chance(0.05) ? Infinity : high };
  };
  return {
    ...noEntries,
    keys: roll.some(4, () => ({
      name: roll.of(['Task.code', 'Task.tag']),
      first: roll.of(firsts),
      second: roll.of(seconds),
    })),
    references: roll.some(2, () => ({ name: roll.of(['Task.subject', 'Task.device']), target: roll.of(targets) })),
    ranges: [
      ...roll.some(3, () => interval('Task.date')),
      ...roll.some(1, () => {
        const value = roll.below(20) / 4;
        return { name: 'Task.value', low: value - 0.05, high: value + 0.05 };
      }),
    ],
    texts: roll.some(3, () => {
      const text = roll.of(folded);
      return { name: 'Task.name', folded: text, original: roll.chance(0.5) ? text : text.toUpperCase() };
    }),
  };
}

export function randomCriterion(roll: Dice, ids: readonly string[], depth = 3): Criterion {
  if (depth > 0 && roll.chance(0.45)) {
    const of = roll.some(3, () => randomCriterion(roll, ids, depth - 1));
    const kind = roll.below(5);
    if (kind < 2) return { is: 'all', of };
    if (kind < 4) return { is: 'any', of };
    return { is: 'not', of: randomCriterion(roll, ids, depth - 1) };
  }
  switch (roll.below(6)) {
    case 0:
    case 1: {
      const name = roll.of(['Task.code', 'Task.tag', 'Task.none']);
      const second = roll.chance(0.3) ? undefined : roll.of(seconds);
      return { is: 'key', name, first: roll.of(firsts), second };
    }
    case 2:
      return { is: 'reference', name: roll.of(['Task.subject', 'Task.device']), target: roll.of(targets) };
    case 3: {
      const [name, unit, most] = roll.chance(0.8)
        ? (['Task.date', DAY, 60] as const)
        : (['Task.value', 0.25, 20] as const);
      const edge = (): number => roll.below(most) * unit;
      return { is: 'range', name, low: randomBounds(roll, edge), high: randomBounds(roll, edge) };
    }
    case 4: {
      const match = roll.of(['starts', 'equals', 'contains'] as const);
      const text = roll.of(folded);
      const value =
        match === 'equals'
          ? roll.of([text, text.toUpperCase()])
          : roll.of([text, [...text].slice(1).join(''), [...text][0]!, '']);
      return { is: 'text', name: 'Task.name', match, value };
    }
    default:
      return { is: 'id', ids: roll.some(8, () => roll.of(ids)) };
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

// --- what it all means

export interface Candidate {
  readonly id: string;
  readonly lastUpdated: number;
  readonly entries: IndexEntries;
}

const within = (value: number, { atLeast, above, atMost, below }: Bounds = {}): boolean =>
  !(
    (atLeast !== undefined && value < atLeast) ||
    (above !== undefined && value <= above) ||
    (atMost !== undefined && value > atMost) ||
    (below !== undefined && value >= below)
  );

export function fulfils(candidate: Candidate, criterion: Criterion): boolean {
  const { keys, references, ranges, texts } = withTime(candidate);
  switch (criterion.is) {
    case 'all':
      return criterion.of.every((part) => fulfils(candidate, part));
    case 'any':
      return criterion.of.some((part) => fulfils(candidate, part));
    case 'not':
      return !fulfils(candidate, criterion.of);
    case 'id':
      return criterion.ids.includes(candidate.id);
    case 'key': {
      const { name, first, second } = criterion;
      const same = keys.filter((entry) => entry.name === name && entry.first === first);
      return same.some((entry) => second === undefined || entry.second === second);
    }
    case 'reference':
      return references.some(({ name, target }) => name === criterion.name && target === criterion.target);
    case 'range':
      return ranges.some(
        ({ name, low, high }) => name === criterion.name && within(low, criterion.low) && within(high, criterion.high),
      );
    case 'text':
      return texts.some(({ name, folded, original }) => {
        if (name !== criterion.name) return false;
        if (criterion.match === 'equals') return original === criterion.value;
        if (criterion.match === 'ends') return folded.endsWith(criterion.value);
        return criterion.match === 'starts' ? folded.startsWith(criterion.value) : folded.includes(criterion.value);
      });
    default:
      throw new Error(`no random query has a condition of the kind ${criterion.is}`);
  }
}

const withTime = ({ entries, lastUpdated }: Candidate): IndexEntries => ({
  ...entries,
  ranges: [...entries.ranges, { name: 'Task._lastUpdated', low: lastUpdated, high: lastUpdated }],
});

const inBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** Below 0 where the first stands before the second; 0 where the sort keys leave it to the engine. */
export function compare(one: Candidate, other: Candidate, sort: readonly SortKey[]): number {
  for (const key of sort) {
    const [a, b] = [place(one, key), place(other, key)];
    if (a === undefined && b === undefined) continue;
    if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
    const order = typeof a === 'string' ? inBytes(a, b as string) : a < (b as number) ? -1 : a > (b as number) ? 1 : 0;
    if (order !== 0) return key.descending ? -order : order;
  }
  return 0;
}

/** An interval stands where it begins. */
function place(candidate: Candidate, key: SortKey): number | string | undefined {
  if (key.by === 'id') return candidate.id;
  const { ranges, texts } = withTime(candidate);
  if (key.by === 'range') {
    const lows = ranges.filter(({ name }) => name === key.name).map(({ low }) => low);
    return lows.length === 0 ? undefined : key.descending ? Math.max(...lows) : Math.min(...lows);
  }
  const values = texts.filter(({ name }) => name === key.name).map(({ folded }) => folded);
  return values.sort(inBytes).at(key.descending ? -1 : 0);
}

/** The ids that match, or a word about how the answer departs from the query. */
export function fault(
  query: SearchQuery,
  answer: readonly string[],
  candidates: ReadonlyMap<string, Candidate>,
): string | undefined {
  const expected = [...candidates.values()].filter((candidate) => fulfils(candidate, query.where)).map(({ id }) => id);
  if (new Set(answer).size !== answer.length) return `twice the same: ${answer.join(' ')}`;
  const missing = expected.filter((id) => !answer.includes(id));
  const wrong = answer.filter((id) => !expected.includes(id));
  if (missing.length + wrong.length > 0) return `missing ${missing.join(' ')}; wrong ${wrong.join(' ')}`;
  for (let i = 1; i < answer.length; i++) {
    const [before, after] = [candidates.get(answer[i - 1]!)!, candidates.get(answer[i]!)!];
    if (compare(before, after, query.sort) > 0) return `${before.id} stands before ${after.id}`;
  }
  return undefined;
}
