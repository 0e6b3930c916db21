/** Chooses what a search goes through: the smallest set that an index yields, told by counts that stop early. */
import type { Criterion, SortKey } from '../../search/query.ts';
import { type Compiling, join, type Piece, piece, type Scan, type Source, sourceOf, wholeType } from './compile.ts';
import type { Connection, Row } from './connection.ts';

/** A set of this size is small enough to go through for one sorted page. */
export const GATHERED = 10_000;
/** Sets are first counted up to here. */
export const PROBED = 1_000;

/** One search under way. */
export interface Task extends Compiling {
  readonly connection: Connection;
  /** All must hold. */
  readonly parts: readonly Criterion[];
  readonly sort: readonly SortKey[];
  readonly withRefs: boolean;
}

/**
 * Reading in order pays when matches are so frequent that the page fills soon. Ten times as often as an even spread would
 * need, since matches may all lie at the far end.
 */
export function pays({ connection }: Task, size: number, limit: number): boolean {
  const [resources] = connection.sql('SELECT coalesce(max(pk), 0) FROM resource').get() as unknown as Row;
  return size * size > 10 * limit * resources;
}

export interface Sized {
  readonly source: Source;
  readonly part: Criterion | undefined;
  readonly size: number;
}

/** The set to go through: the smallest one, or the whole type in order where all are large and could not be read in order. */
export function sourceFor(task: Task): Sized {
  const whole: Sized = { source: wholeType(task.type, task.hashing), part: undefined, size: Infinity };
  const candidates = sourcesOf(task);
  if (candidates.length === 1 && candidates[0]!.source.ordered) return candidates[0]!;
  const smallest = smallestOf(task, [PROBED]);
  if (!smallest) return whole;
  if (smallest.size < PROBED || task.sort.length > 0) return smallest;
  return candidates.find(({ source }) => source.ordered) ?? whole;
}

const sourcesOf = (task: Task): Sized[] =>
  task.parts.flatMap((part) => {
    const source = sourceOf(part, task);
    return source ? [{ source, part, size: Infinity }] : [];
  });

/** The smallest set, counted up to the first cap, and where all reach that, up to the next. */
export function smallestOf(task: Task, caps: readonly number[]): Sized | undefined {
  let smallest: Sized | undefined;
  for (const cap of caps) {
    smallest = undefined;
    for (const candidate of sourcesOf(task)) {
      const size = sizeOf(task.connection, candidate.source, Math.min(cap, smallest?.size ?? cap));
      if (!smallest || size < smallest.size) smallest = { ...candidate, size };
      if (size < 10) break;
    }
    if (!smallest || smallest.size < cap) break;
  }
  return smallest;
}

function sizeOf(connection: Connection, { scans }: Source, cap: number): number {
  let size = 0;
  for (const scan of scans) {
    const sql = `SELECT count(*) FROM (SELECT 1 FROM ${tableOf(scan)} c WHERE ${scan.sql} AND deadline(c.pk) LIMIT ?)`;
    size += (connection.sql(sql).get(...scan.values, cap - size) as unknown as Row)[0];
    if (size >= cap) return size;
  }
  return size;
}

export const tableOf = ({ table }: Scan): string => (table === 'key' ? 'resource' : table);

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
  piece(`${sql}${table === 'key' ? ' AND c.gone = 0' : ''} AND deadline(c.pk)`, ...values);

export function smallestWhereMany(task: Task): Sized {
  const candidates = sourcesOf(task);
  if (candidates.length === 1) return candidates[0]!;
  return (
    smallestOf(task, [PROBED, GATHERED]) ?? {
      source: wholeType(task.type, task.hashing),
      part: undefined,
      size: Infinity,
    }
  );
}
