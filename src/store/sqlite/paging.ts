/** The rows of a page: what stands in them, and where it is read. */
import type { SortKey } from '../../search/query.ts';
import { comparing, type Place, type Placed, type SortValue } from '../paging.ts';
import { type Piece, piece } from './compile.ts';
import type { Row } from './connection.ts';
import type { Task } from './task.ts';

/** pk, key, version, updated, method, body, refs, sort values ... */
export type Found = Row;
const SORT_VALUES = 7;

const placed: Placed<Found> = {
  valueAt: (row, key) => row[SORT_VALUES + key] as SortValue,
  numberOf: ([pk]) => pk,
};

export const placeOf = (row: Found): Place => ({ values: row.slice(SORT_VALUES) as SortValue[], p: row[0] });

/** As SQL has it within one scan. */
export const inOrder = (sort: readonly SortKey[], back: boolean) => comparing(sort, back, placed);

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
