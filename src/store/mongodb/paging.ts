/**
 * Pages in both directions: where a page begins and what stands before what. A cursor is the sort values and the `p` of the
 * resource that the page begins after; one more element says that the page lies before it. The same order as the embedded engine's.
 */
import type { SortKey } from '../../search/query.ts';
import type { Cursor } from '../store.ts';
import type { Row } from './reading.ts';

export type PlaceValue = string | number | null;

/** What is wanted of the order: rows beyond the start, forwards or backwards. */
export interface Way {
  readonly start: { readonly values: readonly PlaceValue[]; readonly p: number } | undefined;
  readonly back: boolean;
  readonly limit: number;
}

export function wayFrom(cursor: Cursor | undefined, keys: number, limit: number): Way {
  if (!cursor) return { start: undefined, back: false, limit };
  const values = cursor.slice(0, keys).map(placeOf);
  return { start: { values, p: Number(cursor[keys]) }, back: cursor.length > keys + 1, limit };
}

/** JSON has no infinities, so they travel as words that no text begins with. */
const above = '\u0001+';
const below = '\u0001-';

const placeOf = (place: PlaceValue): PlaceValue => (place === above ? Infinity : place === below ? -Infinity : place);
const valuesOf = ({ values, p }: Row): PlaceValue[] => [
  ...values.map((place) => (place === Infinity ? above : place === -Infinity ? below : place)),
  p,
];

export const cursorAfter = (row: Row): Cursor => valuesOf(row);
export const cursorBefore = (row: Row): Cursor => [...valuesOf(row), 'before'];

/** Whether values are read from high to low. */
export const isDown = ({ descending }: SortKey, back: boolean): boolean => descending !== back;
/** The same for `p`, which goes along with the last key. */
export const isPDown = (sort: readonly SortKey[], back: boolean): boolean =>
  (sort.at(-1)?.descending ?? false) !== back;

type Placed = Pick<Row, 'values' | 'p'>;

/** The order of rows: missing values last, going back first. */
export function comparing(sort: readonly SortKey[], back: boolean) {
  return (one: Placed, other: Placed): number => {
    for (const [i, key] of sort.entries()) {
      const [a, b] = [one.values[i]!, other.values[i]!];
      if (a === b) continue;
      if (a === null || b === null) return (a === null) !== back ? 1 : -1;
      const order = typeof a === 'string' ? inUtf8Order(a, b as string) : a - (b as number);
      if (order !== 0) return isDown(key, back) ? -order : order;
    }
    return isPDown(sort, back) ? other.p - one.p : one.p - other.p;
  };
}

/** The order of the database, which compares bytes. */
const inUtf8Order = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));
