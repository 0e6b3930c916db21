/** Chooses what a search goes through: the smallest set that an index yields, told by counts that stop early. */
import type { Criterion } from '../../search/query.ts';
import { allOf, type Range } from '../../search/ranges.ts';
import { hasChain, seekLinks } from './chains.ts';
import { rangeScan, type Source, sourceOf, wholeType } from './compile.ts';
import { type Connection, type Row, within } from './connection.ts';
import { type Sized, tableOf, whole } from './select.ts';
import type { Task } from './task.ts';

/** Sets are first counted up to here. */
export const PROBED = 1_000;
/** A set of this size is small enough to go through for one sorted page. */
export const GATHERED = 10_000;
/** How far sets are counted when nothing else helped. */
export const MANY = 100_000;
/** With a set as small as this nobody looks for a smaller one at some cost. */
export const FEW = 100;

/** The first set that yields its resources in the order of `pk`, or the whole type. */
export function orderedOf(task: Task): Sized {
  for (const part of task.parts) {
    const source = sourceOf(part, task);
    if (source?.ordered) return { source, part, size: Infinity };
  }
  return whole(task);
}

/**
 * The smallest set, counted up to the first cap, and where all reach that, up to the next. Chains are followed beforehand to
 * so many resources as `reach` says.
 */
export function smallestOf(task: Task, caps: readonly number[], reach = PROBED): Sized | undefined {
  let smallest: Sized | undefined;
  for (const cap of caps) {
    smallest = smallestUpTo(task, cap, reach);
    if (smallest && smallest.size < cap) break;
  }
  return smallest;
}

function smallestUpTo(task: Task, cap: number, reach: number): Sized | undefined {
  let smallest: Sized | undefined;
  for (const part of task.parts.toSorted((one, other) => costOf(one) - costOf(other))) {
    if (hasChain(part)) {
      if (smallest && smallest.size < FEW) break;
      seekLinks(task, part, reach, smallestOf);
    }
    const source = sourceAmong(part, task);
    if (!source) continue;
    const most = Math.min(cap, smallest?.size ?? cap);
    // To find a smaller set must not take longer than to go through the one that is known.
    const count = () => sizeOf(task.connection, source, most);
    const size = smallest ? within(task.connection, most / SELDOM + 1, count) : count();
    if (size === undefined) continue;
    task.note?.({ is: 'counted', type: task.type, part, size, cap });
    if (!smallest || size < smallest.size) smallest = { source, part, size };
    if (size < 10) break;
  }
  return smallest;
}

/** What is counted first: sets of equalities tell themselves, ranges and texts send rows away, chains are followed. */
const costOf = (part: Criterion): number =>
  hasChain(part) ? 2 : part.is === 'range' || part.is === 'text' || part.is === 'all' || part.is === 'any' ? 1 : 0;

/** The set of one part; of several conditions on the intervals of one name the first stands for all. */
function sourceAmong(part: Criterion, task: Task): Source | undefined {
  const source = sourceOf(part, task);
  if (part.is !== 'range' || !source) return source;
  const alike = task.parts.filter((one) => one.is === 'range' && one.name === part.name && one.along === part.along);
  if (alike.length === 1) return source;
  if (alike[0] !== part) return undefined;
  // A short interval is the only one of its resource, so that it alone must fulfil all of them.
  const short = rangeScan(allOf(part.along ?? part.name, alike as Range[]), true, task.connection.hashing);
  return { ...source, scans: [short, ...source.scans.slice(1)] };
}

/** Asks the deadline for about every sixteenth row, wherever they lie: enough where rows cost little. */
const seldom = (sql: string): string =>
  sql.replace('deadline(c.pk)', `((((c.pk * 2654435761) >> 20) & ${SELDOM - 1}) <> 0 OR deadline(c.pk))`);
const SELDOM = 16;

/** Scans that send rows away have a deadline of their own; the others end at the cap, and are far faster without. */
function sizeOf(connection: Connection, { scans }: Source, cap: number): number {
  let size = 0;
  for (const scan of scans) {
    const sql = `SELECT count(*) FROM (SELECT 1 FROM ${tableOf(scan)} c WHERE ${seldom(scan.sql)} LIMIT ?)`;
    size += (connection.sql(sql).get(...scan.values, cap - size) as unknown as Row)[0];
    if (size >= cap) return size;
  }
  return size;
}

/** About how many resources of the type there are; all of every type where they are many. */
export function typeSize({ connection, type }: Task): number {
  const known = sizes.get(connection.called) ?? new Map<string, { size: number; all: number }>();
  sizes.set(connection.called, known);
  const [all] = connection.sql('SELECT coalesce(max(pk), 0) FROM resource').get() as unknown as Row;
  const last = known.get(type);
  if (last && all <= last.all * 1.1) return last.size;
  const counted = sizeOf(connection, wholeType(type, connection.hashing), MANY);
  const size = counted < MANY ? counted : all;
  known.set(type, { size, all });
  return size;
}
const sizes = new WeakMap<object, Map<string, { readonly size: number; readonly all: number }>>();
