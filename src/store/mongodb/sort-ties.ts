/**
 * Several sort keys of which an index has the order of the first: it is read as far as the page needs, and what lies between its
 * ends, ties and all, is sorted by all of the keys.
 */
import type { Document } from 'mongodb';
import type { SortKey } from '../../search/query.ts';
import { isNumberDown, type Way } from '../paging.ts';
import { without } from './compile.ts';
import type { Row, Wanted } from './reading.ts';
import { sorted } from './sort-gather.ts';
import type { Task } from './task.ts';

type Order = (task: Task, way: Way, wanted: Wanted) => Promise<Row[]>;
export type First = Extract<SortKey, { by: 'range' | 'id' }>;

/** `along` reads matches in the order of one key. */
export async function alongFirst(task: Task, first: First, way: Way, wanted: Wanted, along: Order): Promise<Row[]> {
  const { start, back, limit } = way;
  const alone: Task = { ...task, sort: [first] };
  // Every p there is lies beyond the one, and none beyond the other.
  const all = isNumberDown(alone.sort, back) ? Infinity : -Infinity;
  const found: Row[] = [];
  let from: Way['start'] = start && { values: [start.values[0]!], p: all };
  while (found.length < limit) {
    const ahead = await along(alone, { start: from, back, limit }, { bodies: false, ties: false });
    if (ahead.length === 0) break;
    const rest = { ...way, limit: limit - found.length };
    const [{ values }] = ahead as [Row];
    const isLast = ahead.length < limit;
    const last = values[0] === null ? null : ahead.findLast((row) => row.values[0] !== null)!.values[0]!;
    const part = last === null ? lacking(task, first) : between(task, first, values[0]!, last);
    found.push(...(await sorted(part.task, rest, wanted, part.more)));
    if (isLast && ahead.at(-1)!.values[0] === last) break;
    from = { values: [last], p: -all };
  }
  return found;
}

interface Part {
  readonly task: Task;
  readonly more: readonly Document[];
}

/** Matches without the key. */
const lacking = (task: Task, first: First): Part => ({
  task,
  more: first.by === 'id' ? [] : [without(first.name, task.reading.parts.hashing)],
});

/** Matches whose value of the key lies between these, both included. */
function between(task: Task, first: First, one: string | number, other: string | number): Part {
  const [from, to] = one <= other ? [one, other] : [other, one];
  if (first.by === 'id') return { task, more: [{ _id: { $gte: `${task.type}/${from}`, $lte: `${task.type}/${to}` } }] };
  // One of its intervals begins there; that this is the one it is sorted by is told by `sorted`.
  const low = { atLeast: Number(from), atMost: Number(to) };
  const where = { is: 'all', of: [task.where, { is: 'range', name: first.name, low }] } as const;
  return { task: { ...task, where }, more: [{ k0: { $gte: from, $lte: to } }] };
}
