/** Turns parts of the query tree into pieces of SQL: a set to go through (`scansOf`) and a condition on each of it (`condition`). */
import type { Bounds, Criterion } from '../../search/query.ts';
import type { Value } from './connection.ts';
import { SHORT } from './entries.ts';
import type { Hashing } from './hash.ts';
import { kindOf } from './hash.ts';
import { type Look, lookFor } from './looks.ts';

/** SQL with the values of its question marks, in their order. */
export interface Piece {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A part of one table, read along its index. */
export interface Scan extends Piece {
  readonly table: 'entry' | 'text' | 'key';
}

/** Where candidates come from. */
export interface Source {
  readonly scans: readonly Scan[];
  /** The scans yield each resource once, in the order of `pk`. */
  readonly ordered: boolean;
  /** Everything in it fulfils the criterion, so that it need not be asked again. */
  readonly exact: boolean;
}

export const piece = (sql: string, ...values: Value[]): Piece => ({ sql, values });
export const join = (pieces: readonly Piece[], between: string): Piece => ({
  sql: pieces.map(({ sql }) => sql).join(between),
  values: pieces.flatMap(({ values }) => values),
});

export interface Compiling {
  readonly type: string;
  readonly hashing: Hashing;
  /** Filled with what `look(...)` of the SQL calls. */
  readonly looks: Look[];
}

/** The whole type, in the order of `pk`. */
export const wholeType = (type: string, hashing: Hashing): Source => ({
  scans: [equalityScan(hashing.big(kindOf.resourceType, type, ''), 0n)],
  ordered: true,
  exact: true,
});

const equalityScan = (hash: bigint, sort: bigint): Scan => ({
  table: 'entry',
  ...piece('c.hash = ? AND c.sort = ?', hash, sort),
});

/** A set that holds all matches of the criterion, read along an index; undefined where there is none. */
export function sourceOf(criterion: Criterion, { type, hashing }: Omit<Compiling, 'looks'>): Source | undefined {
  switch (criterion.is) {
    case 'key':
    case 'reference': {
      const equal = equality(criterion, hashing);
      if (equal) return { scans: [equalityScan(...equal)], ordered: true, exact: true };
      if (criterion.is === 'reference') return undefined;
      const hash = hashing.big(kindOf.key, criterion.name, criterion.first);
      return { scans: [{ table: 'entry', ...piece('c.hash = ?', hash) }], ordered: false, exact: true };
    }
    case 'range': {
      const scans = [true, false].map((short) => rangeScan(criterion, short, hashing));
      return { scans, ordered: false, exact: true };
    }
    case 'text':
      return textSource(criterion, hashing);
    case 'id': {
      const keys = JSON.stringify(criterion.ids.map((id) => `${type}/${id}`));
      return {
        scans: [{ table: 'key', ...piece('c.key IN (SELECT value FROM json_each(?))', keys) }],
        ordered: false,
        exact: true,
      };
    }
    case 'any': {
      if (criterion.of.length === 0 || criterion.of.length > 200) return undefined;
      const parts = criterion.of.map((part) => sourceOf(part, { type, hashing }));
      if (!parts.every((part) => part !== undefined)) return undefined;
      const scans = parts.flatMap((part) => part.scans);
      return { scans, ordered: scans.length === 1 && parts[0]!.ordered, exact: parts.every((part) => part.exact) };
    }
    case 'all': {
      for (const part of criterion.of) {
        const source = sourceOf(part, { type, hashing });
        if (source) return { ...source, exact: source.exact && criterion.of.length === 1 };
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Hash and sort that an equality is found under; undefined for any second part. */
function equality(criterion: Criterion, hashing: Hashing): readonly [hash: bigint, sort: bigint] | undefined {
  if (criterion.is === 'reference') return [hashing.big(kindOf.key, criterion.name, criterion.target), 0n];
  if (criterion.is === 'text' && criterion.match === 'equals') {
    return [hashing.big(kindOf.exactText, criterion.name, criterion.value), 0n];
  }
  if (criterion.is !== 'key' || criterion.second === undefined) return undefined;
  const { name, first, second } = criterion;
  return [hashing.big(kindOf.key, name, first), second === '' ? 0n : hashing.big(kindOf.second, '', second)];
}

function textSource(criterion: Extract<Criterion, { is: 'text' }>, hashing: Hashing): Source {
  const equal = equality(criterion, hashing);
  if (equal) return { scans: [equalityScan(...equal)], ordered: true, exact: true };
  const hash = hashing.big(kindOf.text, criterion.name, '');
  const { match, value } = criterion;
  const where =
    match === 'starts'
      ? piece('c.hash = ? AND c.value >= ? AND c.value < ?', hash, value, `${value}\u{10ffff}`)
      : piece('c.hash = ? AND instr(c.value, ?) > 0', hash, value);
  return { scans: [{ table: 'text', ...where }], ordered: false, exact: true };
}

/** Ends between which `low` must lie besides. */
export interface Cut {
  readonly from?: number;
  readonly to?: number;
}

/**
 * One partition of the intervals of a name. What the bounds and the cut say about `low` becomes one range of the index,
 * since SQLite would take any of several; what is left is asked of each row.
 */
export function rangeScan(
  { name, low, high }: { name: string; low?: Bounds; high?: Bounds },
  short: boolean,
  hashing: Hashing,
  cut: Cut = {},
): Scan {
  const ended = Math.min(high?.atMost ?? Infinity, high?.below ?? Infinity);
  const reached = Math.max(high?.atLeast ?? -Infinity, high?.above ?? -Infinity);
  // One more than the length: subtracting may round upwards.
  const begun = short ? reached - SHORT - 1 : -Infinity;
  const from = Math.max(low?.atLeast ?? -Infinity, low?.above ?? -Infinity, begun, cut.from ?? -Infinity);
  const to = Math.min(low?.atMost ?? Infinity, low?.below ?? Infinity, ended, cut.to ?? Infinity);
  const parts = [piece('c.hash = ?', hashing.big(short ? kindOf.shortRange : kindOf.oddRange, name, ''))];
  if (from !== -Infinity) parts.push(piece('c.sort >= ?', from));
  if (to !== Infinity) parts.push(piece('c.sort <= ?', to));
  if (low?.above !== undefined) parts.push(piece('+c.sort > ?', low.above));
  if (low?.below !== undefined) parts.push(piece('+c.sort < ?', low.below));
  if (high?.atLeast !== undefined) parts.push(piece('c.high >= ?', high.atLeast));
  if (high?.above !== undefined) parts.push(piece('c.high > ?', high.above));
  if (high?.atMost !== undefined) parts.push(piece('c.high <= ?', high.atMost));
  if (high?.below !== undefined) parts.push(piece('c.high < ?', high.below));
  return { table: 'entry', ...join(parts, ' AND ') };
}

/** Trees with more leaves than this are held against the entries in one call, so that no SQL grows without bounds. */
const LEAVES = 40;

/** The criterion as a condition on `c.pk`, with `r` (the row of `resource`) where it looks closer. */
export function condition(criterion: Criterion, compiling: Compiling): Piece {
  return leavesOf(criterion, LEAVES) > LEAVES ? look(criterion, compiling) : conditionOf(criterion, compiling);
}

function conditionOf(criterion: Criterion, compiling: Compiling): Piece {
  switch (criterion.is) {
    case 'all':
    case 'any': {
      if (criterion.of.length === 0) return piece(criterion.is === 'all' ? '1' : '0');
      const parts = criterion.of.map((part) => conditionOf(part, compiling));
      const joined = join(parts, criterion.is === 'all' ? ' AND ' : ' OR ');
      return piece(`(${joined.sql})`, ...joined.values);
    }
    case 'not': {
      const part = conditionOf(criterion.of, compiling);
      return piece(`NOT ${part.sql}`, ...part.values);
    }
    default: {
      const equal = equality(criterion, compiling.hashing);
      if (!equal) return look(criterion, compiling);
      return piece('EXISTS (SELECT 1 FROM entry x WHERE x.hash = ? AND x.sort = ? AND x.pk = c.pk)', ...equal);
    }
  }
}

function look(criterion: Criterion, { type, hashing, looks }: Compiling): Piece {
  looks.push(lookFor(type, criterion, hashing));
  return piece('look(r.entries, r.key, ?)', looks.length - 1);
}

/** Leaves of the tree, counted no further than `enough`; a deep nest counts as many. */
function leavesOf(criterion: Criterion, enough: number, depth = 0): number {
  if (depth > 50) return enough + 1;
  if (criterion.is === 'not') return leavesOf(criterion.of, enough, depth + 1);
  if (criterion.is !== 'all' && criterion.is !== 'any') return 1;
  let leaves = 0;
  for (const part of criterion.of) {
    leaves += leavesOf(part, enough - leaves, depth + 1);
    if (leaves > enough) break;
  }
  return leaves;
}
