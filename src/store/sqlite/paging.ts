/**
 * Pages in both directions: where a page begins, what stands before what, and the rows of a page. A cursor is the sort values
 * and the pk of the row that the page begins after; one more element says that the page lies before it.
 */
import type { SortKey } from '../../search/query.ts';
import type { Cursor } from '../store.ts';
import { type Piece, piece } from './compile.ts';
import type { Row } from './connection.ts';
import { inUtf8Order } from './looks.ts';
import type { Task } from './task.ts';

/** pk, key, version, updated, method, body, refs, sort values ... */
export type Found = Row;
const SORT_VALUES = 7;

export type PlaceValue = string | number | null;

/** What is wanted of the order: rows beyond the start, forwards or backwards. */
export interface Way {
  readonly start: { readonly values: readonly PlaceValue[]; readonly pk: number } | undefined;
  readonly back: boolean;
  readonly limit: number;
}

export function wayFrom(cursor: Cursor | undefined, keys: number, limit: number): Way {
  if (!cursor) return { start: undefined, back: false, limit };
  const values = cursor.slice(0, keys).map(placeOf);
  return { start: { values, pk: Number(cursor[keys]) }, back: cursor.length > keys + 1, limit };
}

/** JSON has no infinities, so they travel as words that no text begins with. */
const above = '\u0001+';
const below = '\u0001-';

const placeOf = (place: PlaceValue): PlaceValue => (place === above ? Infinity : place === below ? -Infinity : place);
const valuesOf = (row: Found): PlaceValue[] => [
  ...row.slice(SORT_VALUES).map((place) => (place === Infinity ? above : place === -Infinity ? below : place)),
  row[0],
];

export const cursorAfter = (row: Found): Cursor => valuesOf(row);
export const cursorBefore = (row: Found): Cursor => [...valuesOf(row), 'before'];

/** Whether values are read from high to low. */
export const isDown = ({ descending }: SortKey, back: boolean): boolean => descending !== back;
/** The same for `pk`, which goes along with the last key. */
export const isPkDown = (sort: readonly SortKey[], back: boolean): boolean =>
  (sort.at(-1)?.descending ?? false) !== back;

/** The order of rows of several scans or types, as SQL has it within one: missing values last, going back first. */
export function comparing(sort: readonly SortKey[], back: boolean) {
  return (one: Found, other: Found): number => {
    for (const [i, key] of sort.entries()) {
      const [a, b] = [one[SORT_VALUES + i] as PlaceValue, other[SORT_VALUES + i] as PlaceValue];
      if (a === b) continue;
      if (a === null || b === null) return (a === null) !== back ? 1 : -1;
      const order = typeof a === 'string' ? inUtf8Order(a, b as string) : a - (b as number);
      if (order !== 0) return isDown(key, back) ? -order : order;
    }
    return isPkDown(sort, back) ? other[0] - one[0] : one[0] - other[0];
  };
}

/** Adds what a page needs to the rows (pk, sort values ...) of a SELECT, in its order. */
export function bodies({ connection, withRefs }: Task, { sql, values }: Piece, keys: number): Found[] {
  const places = Array.from({ length: keys }, (_, i) => `, s.k${i}`).join('');
  const refs = withRefs ? 'r.refs' : 'NULL';
  const statement = connection.sql(
    `SELECT s.pk, r.key, r.version, v.updated, v.method, v.body, ${refs}${places} FROM (${sql}) s
     CROSS JOIN resource r ON r.pk = s.pk CROSS JOIN version v ON v.seq = r.seq`,
  );
  return statement.all(...values) as unknown as Found[];
}

/** The id of a key of the type, as a column. */
export const idOf = (key: string, type: string): Piece => piece(`substr(${key}, ?)`, type.length + 2);
