/** The page that a cursor names, of one type or of several in one listing. */
import type { Document } from 'mongodb';
import type { Asked, SearchQuery } from '../../search/query.ts';
import type { Cursor, Page } from '../store.ts';
import { refuseCostly } from './chains.ts';
import { includedBy } from './include.ts';
import { countOf, matchesOf } from './matches.ts';
import { comparing, cursorAfter, cursorBefore, type Way, wayFrom } from './paging.ts';
import { aggregate, type Reading, type Row, versionOf, type Wanted } from './reading.ts';
import type { Task } from './task.ts';

export async function tasksOf(reading: Reading, query: SearchQuery): Promise<Task[]> {
  const asked: readonly Asked[] = [query, ...(query.also ?? [])];
  for (const { where } of asked) refuseCostly(where);
  const held = query.also ? await heldOf(reading, asked) : asked;
  return (held.length > 0 ? held : [query]).map(({ type, where, sort }) => ({ reading, type, where, sort }));
}

/** Of most types nothing is stored, and a search of all would ask for each of them. */
async function heldOf(reading: Reading, asked: readonly Asked[]): Promise<readonly Asked[]> {
  const found = await aggregate(reading, [
    { $match: { t: { $in: asked.map(({ type }) => type) } } },
    { $sort: { t: 1 } },
    { $group: { _id: '$t' } },
  ]);
  const types = new Set(found.map(({ _id }: Document) => _id));
  return asked.filter(({ type }) => types.has(type));
}

export async function pageOf(reading: Reading, query: SearchQuery, cursor: Cursor | undefined): Promise<Page> {
  const tasks = await tasksOf(reading, query);
  let total: number | undefined;
  if (query.total === 'accurate') {
    total = 0;
    for (const task of tasks) total += await countOf(task);
  }
  if (query.count <= 0) return { matches: [], included: [], ...(total !== undefined && { total }) };
  const { rows, next, previous } = await rowsOfPage(tasks, cursor, query);
  return {
    matches: rows.map(versionOf),
    included: await includedBy(reading, query, rows),
    ...(total !== undefined && { total }),
    ...(next && { next }),
    ...(previous && { previous }),
  };
}

interface Rows {
  /** In the order of the query, also when they were read backwards. */
  readonly rows: readonly Row[];
  readonly next?: Cursor | undefined;
  readonly previous?: Cursor | undefined;
}

async function rowsOfPage(tasks: readonly Task[], cursor: Cursor | undefined, query: SearchQuery): Promise<Rows> {
  const { count, includes } = query;
  const [{ sort }] = tasks as [Task];
  const way = wayFrom(cursor, sort.length, count + 1);
  const rows = await findAll(tasks, way, { bodies: true, ties: includes.length > 0 });
  const more = rows.length > count;
  if (more) rows.length = count;
  if (way.back) {
    // Nothing is before any more: what was there is gone, so the page is the first one.
    if (rows.length === 0) return rowsOfPage(tasks, undefined, query);
    rows.reverse();
  }
  const [first, last] = [rows[0], rows.at(-1)];
  return {
    rows,
    next: last && (more || way.back) ? cursorAfter(last) : undefined,
    previous: first && (way.back ? more : cursor !== undefined) ? cursorBefore(first) : undefined,
  };
}

async function findAll(tasks: readonly Task[], way: Way, wanted: Wanted): Promise<Row[]> {
  const [first] = tasks as [Task];
  if (tasks.length === 1) return matchesOf(first, way, wanted);
  const found: Row[] = [];
  for (const task of tasks) found.push(...(await matchesOf(task, way, wanted)));
  return found.sort(comparing(first.sort, way.back)).slice(0, way.limit);
}
