/** A set to go through as a SELECT of what in it fulfils the whole search. */
import type { Criterion } from '../../search/query.ts';
import { join, type Piece, piece, type Scan, type Source, wholeType } from './compile.ts';
import { condition } from './condition.ts';
import type { Task } from './task.ts';
import { withToken } from './words.ts';

/** A source whose size is known as far as it was counted. */
export interface Sized {
  readonly source: Source;
  /** What it answers; undefined for the whole type. */
  readonly part: Criterion | undefined;
  readonly size: number;
}

/** The whole type, which nobody counted. */
export const whole = ({ type, connection }: Task): Sized => ({
  source: wholeType(type, connection.hashing),
  part: undefined,
  size: Infinity,
});

export const tableOf = ({ table }: Scan): string =>
  table === 'key' ? 'resource' : table === 'word' ? `(${withToken})` : table;

/** `FROM ... WHERE ...` of a source; the deadline stands in every scan. */
function fromSource({ scans, ordered }: Source): { from: Piece; where: Piece } {
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
