/** The page that a cursor names, of one type or of several in one listing. */
import type { Document } from 'mongodb';
import { refuseCostly } from '../../search/cost.ts';
import type { Asked, SearchQuery } from '../../search/query.ts';
import { comparing, type PageOfRows, pageOfRows, type Way, wayFrom } from '../paging.ts';
import type { Cursor, Page } from '../store.ts';
import { includedBy } from './include.ts';
import { countOf, matchesOf, withBodies } from './matches.ts';
import { aggregate, placed, type Reading, type Row, versionOf, type Wanted } from './reading.ts';
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

async function rowsOfPage(
  tasks: readonly Task[],
  cursor: Cursor | undefined,
  query: SearchQuery,
): Promise<PageOfRows<Row>> {
  const { count, includes } = query;
  const [{ sort }] = tasks as [Task];
  const way = wayFrom(cursor, sort.length, count + 1);
  const found = await findAll(tasks, way, { bodies: true, ties: includes.length > 0 });
  return pageOfRows(found, way, count, (row) => row) ?? rowsOfPage(tasks, undefined, query);
}

async function findAll(tasks: readonly Task[], way: Way, wanted: Wanted): Promise<Row[]> {
  const [first] = tasks as [Task];
  if (tasks.length === 1) return matchesOf(first, way, wanted);
  const found: Row[] = [];
  // Of each type a page, of which most rows are not shown: their texts are left where they are.
  for (const task of tasks) found.push(...(await matchesOf(task, way, { ...wanted, bodies: false })));
  const rows = found.sort(comparing(first.sort, way.back, placed)).slice(0, way.limit);
  return wanted.bodies ? withBodies(first.reading, rows) : rows;
}
