/** Matches of one type where chains may lead to many: candidates in batches, of which those are kept that fulfil all. */
import type { Document } from 'mongodb';
import type { Way } from '../paging.ts';
import { filterAmong, type Match, seekLinks, unknownIn } from './chains.ts';
import { all } from './logic.ts';
import { aggregate, fieldsOf, find, type Reading, type Row, type Wanted } from './reading.ts';
import { isStreamed, rowsOf } from './sort.ts';
import { filterFor, homes, type Task } from './task.ts';

export async function matchesOf(task: Task, way: Way, wanted: Wanted): Promise<Row[]> {
  const { reading, type, where } = task;
  const { few, many, taste } = reading.reach;
  await seekLinks(reading, type, where, few, match);
  if (isKnown(task)) return rowsOf(task, way, wanted);
  const tasted = await inBatches(task, way, wanted, taste);
  if (tasted.isDone) return tasted.rows;
  await seekLinks(reading, type, where, many, match);
  if (isKnown(task)) return rowsOf(task, way, wanted);
  const rest = { ...way, start: tasted.at, limit: way.limit - tasted.rows.length };
  return [...tasted.rows, ...(await inBatches(task, rest, wanted, Infinity)).rows];
}

const isKnown = ({ where, reading }: Task): boolean => unknownIn(where, reading).length === 0;

interface Batched {
  readonly rows: Row[];
  /** The limit was reached, or nothing is left. */
  readonly isDone: boolean;
  readonly at: Way['start'];
}

async function inBatches(task: Task, way: Way, wanted: Wanted, effort: number): Promise<Batched> {
  const rows: Row[] = [];
  const { batch } = task.reading.reach;
  let at = way.start;
  // What is sorted as a whole is not sorted again for every few.
  let size = isStreamed(task) ? Math.min(batch, Math.max(100, 2 * way.limit)) : batch;
  for (let looked = 0; looked < effort; ) {
    const candidates = await rowsOf(task, { ...way, start: at, limit: size }, { bodies: false, ties: true });
    const kept = await keep(task, candidates);
    for (const row of candidates) {
      if (!kept.has(row._id)) continue;
      rows.push(row);
      if (rows.length === way.limit) return { rows: await bodiesOf(task, rows, wanted), isDone: true, at };
    }
    if (candidates.length < size) return { rows: await bodiesOf(task, rows, wanted), isDone: true, at };
    const last = candidates.at(-1)!;
    at = { values: last.values, p: last.p };
    looked += size;
    size = Math.min(batch, 2 * size);
  }
  return { rows: await bodiesOf(task, rows, wanted), isDone: false, at };
}

async function keep({ reading, type, where }: Task, candidates: readonly Row[]): Promise<ReadonlySet<string>> {
  if (candidates.length === 0) return new Set();
  const filter = await filterAmong(reading, type, where, candidates);
  const among = { _id: { $in: candidates.map(({ _id }) => _id) } };
  const kept = await find(reading, all([filter, ...homes(reading, type, where), among]) as Document, {
    projection: { _id: 1 },
  });
  return new Set(kept.map(({ _id }) => _id));
}

const bodiesOf = async ({ reading, type, where }: Task, rows: Row[], wanted: Wanted): Promise<Row[]> =>
  wanted.bodies ? withBodies(reading, rows, homes(reading, type, where)) : rows;

/** The rows with what is shown of them; `among` is where all of them live. */
export async function withBodies(
  reading: Reading,
  rows: readonly Row[],
  among: readonly Document[] = [],
): Promise<Row[]> {
  if (rows.length === 0) return [];
  const here = all([...among, { _id: { $in: rows.map(({ _id }) => _id) } }]) as Document;
  const found = await find(reading, here, { projection: fieldsOf({ bodies: true, ties: false }) });
  const byKey = new Map(found.map((document) => [document['_id'], document]));
  return rows.map((row) => ({ ...row, ...byKey.get(row._id) }));
}

/** For the inside of a chain, in any order. */
const match: Match = async (reading, type, where, { limit, effort }) => {
  const task: Task = { reading, type, where, sort: [] };
  const ties = fieldsOf({ bodies: false, ties: true });
  if (isKnown(task)) return find(reading, filterFor(task), { limit, projection: ties });
  const found = await inBatches(task, { start: undefined, back: false, limit }, { bodies: false, ties: true }, effort);
  return found.isDone ? found.rows : undefined;
};

export async function countOf(task: Task): Promise<number> {
  const { reading, type, where } = task;
  for (const cap of [reading.reach.few, reading.reach.many]) await seekLinks(reading, type, where, cap, match);
  if (isKnown(task)) {
    const [counted] = await aggregate(reading, [{ $match: filterFor(task) }, { $count: 'n' }]);
    return counted ? Number(counted['n']) : 0;
  }
  const way: Way = { start: undefined, back: false, limit: Infinity };
  return (await inBatches({ ...task, sort: [] }, way, { bodies: false, ties: false }, Infinity)).rows.length;
}
