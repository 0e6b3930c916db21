/** Chooses what a search goes through: the smallest set that an index yields, told by counts that stop early. */
import { allOf } from '../../search/fast-lane.ts';
import type { Criterion, SortKey } from '../../search/query.ts';
import { hasChain, seekLinks } from './chains.ts';
import {
  type Compiling,
  join,
  type Piece,
  piece,
  rangeScan,
  type Scan,
  type Source,
  sourceOf,
  wholeType,
} from './compile.ts';
import { condition } from './condition.ts';
import type { Connection, Row } from './connection.ts';
import type { Note } from './explain.ts';
import { withToken } from './words.ts';

/** Sets are first counted up to here. */
export const PROBED = 1_000;
/** A set of this size is small enough to go through for one sorted page. */
export const GATHERED = 10_000;
/** How far sets are counted when nothing else helped. */
export const MANY = 100_000;
/** With a set as small as this nobody looks for a smaller one at some cost. */
export const FEW = 100;

/** One search under way, for one type. */
export interface Task extends Compiling {
  /** All must hold. */
  readonly parts: readonly Criterion[];
  readonly sort: readonly SortKey[];
  readonly withRefs: boolean;
  /** Filled while sources are looked for. */
  readonly links: Map<Criterion, readonly string[]>;
  /** Chains that lead to more resources than this. */
  readonly beyond: Map<Criterion, number>;
  readonly note?: Note;
}

export const flatten = (where: Criterion): readonly Criterion[] =>
  where.is === 'all' ? where.of.flatMap(flatten) : [where];

export interface Sized {
  readonly source: Source;
  readonly part: Criterion | undefined;
  readonly size: number;
}

export const whole = ({ type, connection }: Task): Sized => ({
  source: wholeType(type, connection.hashing),
  part: undefined,
  size: Infinity,
});

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
      seekLinks(task, part, reach);
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
type Range = Extract<Criterion, { is: 'range' }>;

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

export const tableOf = ({ table }: Scan): string =>
  table === 'key' ? 'resource' : table === 'word' ? `(${withToken})` : table;

/** `FROM ... WHERE ...` of a source; the deadline stands in every scan. */
export function fromSource({ scans, ordered }: Source): { from: Piece; where: Piece } {
  const [only] = scans;
  if (scans.length === 1 && ordered) return { from: piece(`${tableOf(only!)} c`), where: watched(only!) };
  const selects = scans.map((scan) => {
    const { sql, values } = watched(scan);
    return piece(`SELECT c.pk FROM ${tableOf(scan)} c WHERE ${sql}`, ...values);
  });
  const union =
    scans.length === 1
      ? piece(selects[0]!.sql.replace('SELECT', 'SELECT DISTINCT'), ...selects[0]!.values)
      : join(selects, ' UNION ');
  return { from: piece(`(${union.sql}) c`, ...union.values), where: piece('deadline(c.pk)') };
}

export const watched = ({ table, sql, values }: Scan): Piece =>
  piece(
    `${sql}${table === 'key' ? ' AND c.gone = 0' : ''}${/deadline/.test(sql) ? '' : ' AND deadline(c.pk)'}`,
    ...values,
  );

/** What the candidates must fulfil besides, `told` being told by where they come from. */
export const conditionsOf = (task: Task, ...told: readonly (Criterion | undefined)[]): Piece[] =>
  task.parts.filter((one) => !told.includes(one)).map((one) => condition(one, task));

/** A SELECT of these columns of every resource from the set that fulfils all; columns may name `c.pk` and `r`. */
export function selectFrom(task: Task, { source, part }: Sized, columns: Piece, extra: Piece = piece('')): Piece {
  const { from, where } = fromSource(source);
  const wheres = join([where, ...conditionsOf(task, source.exact ? part : undefined)], ' AND ');
  const sql = `SELECT ${columns.sql} FROM ${from.sql}${resourceJoin(columns, wheres, extra)} WHERE ${wheres.sql}${extra.sql}`;
  return piece(sql, ...columns.values, ...from.values, ...wheres.values, ...extra.values);
}

export const resourceJoin = (...pieces: readonly Piece[]): string =>
  pieces.some(({ sql }) => /\br\./.test(sql)) ? ' CROSS JOIN resource r ON r.pk = c.pk' : '';

/** What the work gives, or undefined when it looks at more rows than `most` before it is done. */
export function within<T>(connection: Connection, most: number, work: () => T): T | undefined {
  const { watch } = connection;
  const spent = new Error('more rows than this work is worth');
  let left = most;
  connection.watch = () => {
    if (--left < 0) throw spent;
    watch();
  };
  try {
    return work();
  } catch (error) {
    if (error === spent) return undefined;
    throw error;
  } finally {
    connection.watch = watch;
  }
}
