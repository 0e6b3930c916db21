/** The way through a set: every resource in it is looked at, what matches is sorted, and the page cut out. */
import type { SortKey } from '../../search/query.ts';
import { sortValueOf } from '../../search/sort-value.ts';
import { isDown, isNumberDown, type Place, type Way } from '../paging.ts';
import { decodeBody } from './codec.ts';
import { join, type Piece, piece } from './compile.ts';
import type { Row } from './connection.ts';
import { edgeOf } from './looks.ts';
import { bodies, type Found, idOf } from './paging.ts';
import { type Sized, selectFrom } from './select.ts';
import type { Task } from './task.ts';

/** Matches in the order of the sort keys, then of pk, beyond the start of the way. */
export function gather(task: Task, sized: Sized, { start, back, limit }: Way): Found[] {
  const { sort } = task;
  const down = isNumberDown(sort, back);
  const direction = down ? ' DESC' : '';
  const columns = join([piece('c.pk AS pk'), ...sort.map((key, i) => sortValue(task, key, i))], ', ');
  if (sort.length === 0) {
    const cut = start ? piece(` AND c.pk ${down ? '<' : '>'} ?`, start.p) : piece('');
    const page = piece(`${cut.sql} ORDER BY c.pk${direction} LIMIT ?`, ...cut.values, limit);
    return bodies(task, selectFrom(task, sized, columns, page), 0);
  }
  const inner = selectFrom(task, sized, columns);
  const cut = start ? beyond(sort, start, back, 'pk') : piece('1');
  const order = sort.map((key, i) => orderBy(key, i, back)).join(', ');
  const sql = `SELECT * FROM (${inner.sql}) WHERE ${cut.sql} ORDER BY ${order}, pk${direction} LIMIT ?`;
  return bodies(task, piece(sql, ...inner.values, ...cut.values, limit), sort.length);
}

export function countIn(task: Task, sized: Sized): number {
  const { sql, values } = selectFrom(task, sized, piece('count(*)'));
  return (task.connection.sql(sql).get(...values) as unknown as Row)[0];
}

/** The value of a sort key as column `k0`, `k1` ..., told from the block, or from the text where no index has its order. */
export function sortValue({ connection, type }: Task, key: SortKey, i: number): Piece {
  if (key.by === 'id') {
    const { sql, values } = idOf('r.key', type);
    return piece(`${sql} AS k${i}`, ...values);
  }
  const { edges, values } = connection.called;
  if (key.by === 'value') {
    values.push((body) => sortValueOf(JSON.parse(decodeBody(body)), key));
    return piece(`sort_value((SELECT w.body FROM version w WHERE w.seq = r.seq), ?) AS k${i}`, values.length - 1);
  }
  edges.push(edgeOf(key.by, key.name, key.descending, connection.hashing));
  return piece(`edge(r.entries, ?) AS k${i}`, edges.length - 1);
}

/** Missing values last, and first when going back. */
export const orderBy = (key: SortKey, i: number, back: boolean): string =>
  `k${i} IS NULL${back ? ' DESC' : ''}, k${i}${isDown(key, back) ? ' DESC' : ''}`;

/** What lies beyond the start in the order of the columns `k0`, `k1` ... and of the column that holds pk. */
export function beyond(sort: readonly SortKey[], { values, p }: Place, back: boolean, column: string): Piece {
  const ways: Piece[] = [];
  const equal: Piece[] = [];
  sort.forEach((key, i) => {
    const value = values[i]!;
    const further =
      value === null
        ? back && piece(`k${i} IS NOT NULL`)
        : piece(`(k${i} ${isDown(key, back) ? '<' : '>'} ?${back ? '' : ` OR k${i} IS NULL`})`, value);
    if (further) ways.push(join([...equal, further], ' AND '));
    equal.push(piece(`k${i} IS ?`, value));
  });
  ways.push(join([...equal, piece(`${column} ${isNumberDown(sort, back) ? '<' : '>'} ?`, p)], ' AND '));
  const { sql, values: all } = join(ways, ') OR (');
  return piece(`((${sql}))`, ...all);
}
