/**
 * Pages in both directions, as every engine has them: where a page begins, what stands before what, where the pages around it
 * begin. A cursor is the sort values and the number of the resource that the page begins after; one more element says that
 * the page lies before it.
 */
import type { SortKey } from '../search/query.ts';
import type { Cursor } from './store.ts';

export type SortValue = string | number | null;

/** Where a resource stands in an order. */
export interface Place {
  readonly values: readonly SortValue[];
  /** The number that the engine gave the resource with its first version; it decides where all values are equal. */
  readonly p: number;
}

/** What is wanted of the order: rows beyond the start, forwards or backwards. */
export interface Way {
  readonly start: Place | undefined;
  readonly back: boolean;
  readonly limit: number;
}

export function wayFrom(cursor: Cursor | undefined, keys: number, limit: number): Way {
  if (!cursor) return { start: undefined, back: false, limit };
  const values = cursor.slice(0, keys).map(fromCursor);
  return { start: { values, p: Number(cursor[keys]) }, back: cursor.length > keys + 1, limit };
}

/** JSON has no infinities, so they travel as words that no text begins with. */
const above = '\u0001+';
const below = '\u0001-';

const fromCursor = (value: SortValue): SortValue => (value === above ? Infinity : value === below ? -Infinity : value);
const toCursor = (value: SortValue): SortValue => (value === Infinity ? above : value === -Infinity ? below : value);

const cursorAfter = ({ values, p }: Place): Cursor => [...values.map(toCursor), p];
const cursorBefore = (place: Place): Cursor => [...cursorAfter(place), 'before'];

/** Whether values are read from high to low. */
export const isDown = ({ descending }: SortKey, back: boolean): boolean => descending !== back;
/** The same for the number, which goes along with the last key. */
export const isNumberDown = (sort: readonly SortKey[], back: boolean): boolean =>
  (sort.at(-1)?.descending ?? false) !== back;

/** How the place of an engine's row is read. */
export interface Placed<Row> {
  readonly valueAt: (row: Row, key: number) => SortValue;
  readonly numberOf: (row: Row) => number;
}

/** The order of rows of several scans or types: missing values last, going back first. */
export function comparing<Row>(sort: readonly SortKey[], back: boolean, { valueAt, numberOf }: Placed<Row>) {
  return (one: Row, other: Row): number => {
    for (const [i, key] of sort.entries()) {
      const [a, b] = [valueAt(one, i), valueAt(other, i)];
      if (a === b) continue;
      if (a === null || b === null) return (a === null) !== back ? 1 : -1;
      const order = typeof a === 'string' ? inUtf8Order(a, b as string) : a - (b as number);
      if (order !== 0) return isDown(key, back) ? -order : order;
    }
    return isNumberDown(sort, back) ? numberOf(other) - numberOf(one) : numberOf(one) - numberOf(other);
  };
}

/** The order of the databases, which compare bytes. */
export const inUtf8Order = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** A part of the way: what has a value of the first key, or what has none. */
export interface Leg {
  readonly isMissing: boolean;
  readonly start: Place | undefined;
}

/** The parts in their order; what lies behind the start is not gone through. */
export function legsOf({ start, back }: Way): readonly Leg[] {
  const startsMissing = start !== undefined && start.values[0] === null;
  const order = back ? [true, false] : [false, true];
  return order.flatMap((isMissing, i) => {
    const isStart = startsMissing === isMissing;
    return start && i === 0 && !isStart ? [] : [{ isMissing, start: isStart ? start : undefined }];
  });
}

/** Rows of a page in the order of the query, also when they were read backwards, and the pages around it. */
export interface PageOfRows<Row> {
  readonly rows: readonly Row[];
  readonly next: Cursor | undefined;
  readonly previous: Cursor | undefined;
}

/**
 * The page out of rows beyond the start, one more than it is long where there are as many. Undefined where nothing is before
 * any more: what was there is gone, so the page is the first one.
 */
export function pageOfRows<Row>(
  found: readonly Row[],
  { start, back }: Way,
  count: number,
  placeOf: (row: Row) => Place,
): PageOfRows<Row> | undefined {
  const more = found.length > count;
  const rows = found.slice(0, count);
  if (back) {
    if (rows.length === 0) return undefined;
    rows.reverse();
  }
  const first = rows.length > 0 ? placeOf(rows[0]!) : undefined;
  const last = rows.length > 0 ? placeOf(rows.at(-1)!) : undefined;
  return {
    rows,
    next: last && (more || back) ? cursorAfter(last) : undefined,
    previous: first && (back ? more : start !== undefined) ? cursorBefore(first) : undefined,
  };
}
