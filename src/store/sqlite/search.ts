/**
 * One search on one connection, which must be in a transaction so that all of it is one snapshot. There are two ways:
 * `stream` reads an index in the order asked for and stops when the page is full; `gather` goes through the smallest set
 * that holds all matches and sorts it. Both give the same order and the same cursors, so a page may go either way.
 */
import { refuseCostly } from '../../search/cost.ts';
import type { Asked, SearchQuery } from '../../search/query.ts';
import { type PageOfRows, pageOfRows, type Way, wayFrom } from '../paging.ts';
import type { Cursor, Page, Version } from '../store.ts';
import { hasChain } from './chains.ts';
import { isPlain } from './condition.ts';
import { type Connection, within } from './connection.ts';
import { denialsIn } from './denials.ts';
import { countIn, gather } from './gather.ts';
import { kindOf } from './hash.ts';
import { includedBy } from './include.ts';
import { type Found, inOrder, placeOf } from './paging.ts';
import { versionOf } from './rows.ts';
import { type Sized, whole } from './select.ts';
import { FEW, GATHERED, MANY, orderedOf, PROBED, smallestOf, typeSize } from './sources.ts';
import { type StreamKey, sameRange, stream } from './stream.ts';
import { flatten, type Note, type Task } from './task.ts';

/** The page of the query that the cursor names. Whatever `connection.watch` throws ends it. `note` is told how it goes. */
export function runSearch(connection: Connection, query: SearchQuery, cursor: Cursor | undefined, note?: Note): Page {
  const tasks = tasksOf(connection, query, note);
  const total = query.total === 'accurate' ? tasks.reduce((sum, task) => sum + count(task), 0) : undefined;
  if (query.count <= 0) return { matches: [], included: [], total };
  const { rows, next, previous } = pageOf(tasks, cursor, query.count);
  const matches: Version[] = rows.map((row) => versionOf(row, 1));
  return { matches, included: includedBy(tasks[0]!, query, rows), total, next, previous };
}

function tasksOf(connection: Connection, query: SearchQuery, note: Note | undefined): Task[] {
  const { called } = connection;
  called.looks.length = called.edges.length = called.firsts.length = called.aims.length = called.values.length = 0;
  const asked: readonly Asked[] = [query, ...(query.also ?? [])];
  for (const { where } of asked) refuseCostly(where);
  const held = query.also ? asked.filter(({ type }) => isHeld(connection, type)) : asked;
  const withRefs = query.includes.length > 0;
  return (held.length > 0 ? held : [query]).map(({ type, where, sort }: Asked): Task => {
    const asked = flatten(where);
    const denials = denialsIn(asked, connection);
    return {
      connection,
      type,
      parts: asked.filter((part) => denials.get(part)?.length !== 0),
      denials,
      sort,
      withRefs,
      links: new Map(),
      beyond: new Map(),
      note,
    };
  });
}

/** Whether anything of the type is stored: of most types nothing is, and a search of all would plan each of them. */
const isHeld = ({ sql, hashing }: Connection, type: string): boolean =>
  sql('SELECT 1 FROM entry WHERE hash = ? LIMIT 1').get(hashing.big(kindOf.resourceType, type, '')) !== undefined;

function pageOf(tasks: readonly Task[], cursor: Cursor | undefined, count: number): PageOfRows<Found> {
  const [{ sort }] = tasks as [Task];
  const way = wayFrom(cursor, sort.length, count + 1);
  return pageOfRows(findAll(tasks, way), way, count, placeOf) ?? pageOf(tasks, undefined, count);
}

function findAll(tasks: readonly Task[], way: Way): Found[] {
  const [first] = tasks as [Task];
  if (tasks.length === 1) return find(first, way);
  const found = tasks.flatMap((task) => find(task, way));
  return found.sort(inOrder(first.sort, way.back)).slice(0, way.limit);
}

/** Rows looked at in an index order before another way is taken. */
const EFFORT = 10_000;
/** Rows that are looked at before anything is counted. */
const TASTE = 150;
const capsBeyond = [GATHERED, MANY] as const;
const smallestBeyond = (task: Task) => smallestOf(task, capsBeyond, GATHERED) ?? smallestOf(task, [MANY], MANY);

function find(task: Task, way: Way): Found[] {
  const [key] = task.sort;
  if (key === undefined) return findUnsorted(task, way);
  if (key.by === 'value') return through(task, smallestToCount(task), way);
  const alone = task.parts.every((part) => sameRange(part, key));
  // A key that stands in the conditions may be of those alone that they leave.
  const isOfFew = task.parts.some((part) => part.is === 'any' && part.of.some((one) => sameRange(one, key)));
  const enough = isOfFew ? Math.min(way.limit, FEW) : FEW;
  const few = alone ? undefined : smallestOf(task, [enough]);
  if (few && few.size < enough) return through(task, few, way);
  if (!alone && task.parts.every(isPlain)) {
    const page = within(task.connection, TASTE, () => along(task, way, undefined));
    if (page) return page;
  }
  const smallest = alone ? undefined : smallestOf(task, [PROBED, GATHERED]);
  if (!smallest && !task.parts.some(hasChain)) return along(task, way, undefined);
  const size = smallest?.size ?? Infinity;
  if (size < GATHERED && smallest?.part && sameRange(smallest.part, key)) return along(task, way, undefined);
  if (smallest && !isFrequent(task, size, way.limit)) return through(task, smallest, way);
  const effort = Math.min(EFFORT, 4 * rowsToFill(task, Math.min(size, GATHERED), way.limit));
  const page = within(task.connection, effort, () => along(task, way, size < GATHERED ? smallest : undefined));
  if (page) return page;
  const chosen = size < GATHERED ? smallest : smallestBeyond(task);
  return chosen && chosen.size < MANY ? through(task, chosen, way) : along(task, way, undefined);
}

/** In the order of pk the page comes from an index that has this order while it fills soon, else from the smallest set. */
function findUnsorted(task: Task, way: Way): Found[] {
  const ordered = orderedOf(task);
  const isAll = task.parts.every((part) => ordered.source.exact && part === ordered.part);
  if (isAll) return through(task, ordered, way);
  if (ordered.part && task.parts.every(isPlain)) {
    const page = within(task.connection, TASTE, () => through(task, ordered, way));
    if (page) return page;
  }
  if (ordered.part && (smallestOf(task, [PROBED])?.size ?? PROBED) >= PROBED) {
    const page = within(task.connection, EFFORT / 5, () => through(task, ordered, way));
    if (page) return page;
  }
  const smallest = smallestOf(task, [PROBED, GATHERED]);
  if (!smallest && !task.parts.some(hasChain)) return through(task, ordered, way);
  const size = smallest?.size ?? Infinity;
  if (smallest && (size < PROBED || (size < GATHERED && size < 2 * rowsToFill(task, size, way.limit)))) {
    return through(task, smallest, way);
  }
  const page = within(task.connection, EFFORT, () => through(task, ordered, way));
  if (page) return page;
  const chosen = smallestBeyond(task);
  return through(task, chosen && chosen.size < MANY ? chosen : ordered, way);
}

/** How many resources fill a page when all are read in an order and so many of them match, evenly spread. */
const rowsToFill = (task: Task, size: number, limit: number): number => (limit * typeSize(task)) / size;

/** Whether it is faster to read in order than to go through the set. */
const isFrequent = (task: Task, size: number, limit: number): boolean =>
  size >= GATHERED || rowsToFill(task, size, limit) < size;

function along(task: Task, way: Way, smallest: Sized | undefined): Found[] {
  const key = task.sort[0] as StreamKey;
  task.note?.({ is: 'read', type: task.type, way: 'stream', part: undefined, key });
  return stream(task, key, way, smallest);
}

function through(task: Task, sized: Sized, way: Way): Found[] {
  task.note?.({ is: 'read', type: task.type, way: 'gather', part: sized.part, key: undefined });
  return gather(task, sized, way);
}

function smallestToCount(task: Task): Sized {
  const smallest = smallestOf(task, [PROBED, ...capsBeyond]);
  return smallest && smallest.size < MANY ? smallest : (smallestBeyond(task) ?? whole(task));
}

function count(task: Task): number {
  if (task.parts.length === 0) return countIn(task, whole(task));
  const ordered = task.parts.length === 1 ? orderedOf(task) : undefined;
  return countIn(task, ordered?.part ? ordered : smallestToCount(task));
}
