/** Turns parts of the query tree into sets to go through: pieces of SQL that each read along one index. */
import type { Bounds, Criterion, Ends, Lanes } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { Connection, Value } from './connection.ts';
import { SHORT } from './entries.ts';
import { kindOf, rangeKinds } from './hash.ts';
import { isCanonical } from './ties.ts';
import { tokenOf, valuesOfToken } from './words.ts';

/** SQL with the values of its question marks, in their order. */
export interface Piece {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** A part of one table, read along its index. */
export interface Scan extends Piece {
  readonly table: 'entry' | 'text' | 'key' | 'word';
  /** Hash and sort of the equalities that the scan is made of, so that several become one. */
  readonly equals?: readonly Equality[];
}
type Equality = readonly [hash: bigint, sort: bigint];

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

/** Keys (`Type/id`) and canonicals (`url|version`) that a chain leads to, told before the search itself where they are few; see chains.ts. */
export type Links = ReadonlyMap<Criterion, readonly string[]>;

export interface Compiling {
  readonly type: string;
  readonly connection: Connection;
  readonly links: Links;
  /** See denials.ts. */
  readonly denials: ReadonlyMap<Criterion, readonly number[]>;
}

/** The whole type, in the order of `pk`. */
export const wholeType = (type: string, hashing: Hashing): Source =>
  equalities([[hashing.big(kindOf.resourceType, type, ''), 0n]]);

/** All resources under at least one of the equalities; the SQL does not grow with them. */
function equalities(equals: readonly Equality[]): Source {
  const [only] = equals;
  const scan: Scan =
    equals.length === 1
      ? { table: 'entry', equals, ...piece('c.hash = ? AND c.sort = ?', ...only!) }
      : {
          table: 'entry',
          equals,
          ...piece(
            '(c.hash, c.sort) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))',
            `[${equals.map(([hash, sort]) => `[${hash},${sort}]`).join()}]`,
          ),
        };
  return { scans: [scan], ordered: equals.length === 1, exact: true };
}

/** Most lanes that are gone through instead of all that points to the same resources. */
const LANES = 100;

/** All that stands in the lanes of these resources. */
function inLanes(keys: readonly string[], { before, after }: Lanes, hashing: Hashing): Source {
  const names = keys.flatMap((key) => after.map((end) => `${before}${key}${end}`));
  const hashes = names.flatMap((name) => rangeKinds.map((kind) => hashing.big(kind, name, '')));
  const scan = piece('c.hash IN (SELECT value FROM json_each(?))', `[${hashes.join()}]`);
  return { scans: [{ table: 'entry', ...scan }], ordered: false, exact: true };
}

const keyScan = (keys: readonly string[]): Source => ({
  scans: [{ table: 'key', ...piece('c.key IN (SELECT value FROM json_each(?))', JSON.stringify(keys)) }],
  ordered: false,
  exact: true,
});

/** The resources of the type that have these keys and canonicals. */
function linked(links: readonly string[], type: string, hashing: Hashing): Source {
  const keys = keyScan(links.filter((link) => link.startsWith(`${type}/`) && !isCanonical(link)));
  const called = links.filter(isCanonical).map((link): Equality => [hashing.big(kindOf.canonical, type, link), 0n]);
  return called.length === 0 ? keys : union([keys, equalities(called)])!;
}

/** Longer lists are no set to go through: to look each of them up takes longer than what is saved. */
const TARGETS = 1_000;

/** A set that holds all matches of the criterion, read along an index; undefined where there is none. */
export function sourceOf(criterion: Criterion, compiling: Compiling): Source | undefined {
  const { type, links } = compiling;
  const { hashing } = compiling.connection;
  switch (criterion.is) {
    case 'key':
    case 'reference': {
      const equal = equality(criterion, hashing);
      if (equal) return equalities([equal]);
      if (criterion.is === 'reference') return undefined;
      const hash = hashing.big(kindOf.key, criterion.name, criterion.first);
      return { scans: [{ table: 'entry', ...piece('c.hash = ?', hash) }], ordered: false, exact: true };
    }
    case 'points': {
      const { name, targets } = criterion;
      if (targets.length === 0 || targets.length > TARGETS) return undefined;
      return equalities(targets.map((target) => [hashing.big(kindOf.key, name, target), 0n]));
    }
    case 'range': {
      const { name, along = name } = criterion;
      const scans = [true, false].map((short) => rangeScan({ ...criterion, name: along }, short, hashing));
      return { scans, ordered: false, exact: along === name };
    }
    case 'text':
      return textSource(criterion, hashing);
    case 'id':
      return keyScan(criterion.ids.map((id) => `${type}/${id}`));
    case 'near': {
      const cells = criterion.cells.map((cell): Equality => [hashing.big(kindOf.key, criterion.name, cell), 0n]);
      return { ...equalities(cells), exact: false };
    }
    case 'word': {
      const values = valuesOfToken(tokenOf(criterion.name, criterion.word, hashing));
      return { scans: [{ table: 'word', ...piece('1', ...values) }], ordered: false, exact: true };
    }
    case 'refers': {
      const keys = links.get(criterion);
      if (!keys) return undefined;
      const { lanes } = criterion;
      if (lanes && keys.length * lanes.after.length <= LANES) return inLanes(keys, lanes, hashing);
      return equalities(keys.map((key) => [hashing.big(kindOf.key, criterion.name, key), 0n]));
    }
    case 'referred':
      return links.has(criterion) ? linked(links.get(criterion)!, type, hashing) : undefined;
    case 'any': {
      if (criterion.of.length === 0) return undefined;
      const parts = criterion.of.map((part) => sourceOf(part, compiling));
      return parts.every((part) => part !== undefined) ? union(parts) : undefined;
    }
    case 'all': {
      for (const part of criterion.of) {
        const source = sourceOf(part, compiling);
        if (source) return { ...source, exact: source.exact && criterion.of.length === 1 };
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Most scans that one statement joins. */
const SCANS = 100;

function union(parts: readonly Source[]): Source | undefined {
  if (parts.length === 1) return parts[0];
  const exact = parts.every((part) => part.exact);
  const scans = parts.flatMap((part) => part.scans);
  const equals = scans.flatMap((scan) => scan.equals ?? []);
  const others = scans.filter((scan) => !scan.equals);
  if (others.length > SCANS) return undefined;
  // Chains that lead nowhere are equalities too, of which there are none.
  const merged = others.length < scans.length ? equalities(equals) : undefined;
  if (others.length === 0 && merged) return { ...merged, exact };
  return { scans: [...(merged?.scans ?? []), ...others], ordered: false, exact };
}

/** Hash and sort that an equality is found under; undefined for any second part. */
export function equality(criterion: Criterion, hashing: Hashing): Equality | undefined {
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
  if (equal) return equalities([equal]);
  const hash = hashing.big(kindOf.text, criterion.name, '');
  const { match, value } = criterion;
  const where =
    match === 'starts'
      ? piece('c.hash = ? AND c.value >= ? AND c.value < ?', hash, value, `${value}\u{10ffff}`)
      : match === 'ends'
        ? piece(
            'c.hash = ? AND deadline(c.pk) AND substr(c.value, 1 + length(c.value) - length(?)) = ?',
            hash,
            value,
            value,
          )
        : match === 'same'
          ? piece('c.hash = ? AND c.value = ?', hash, value)
          : piece('c.hash = ? AND deadline(c.pk) AND instr(c.value, ?) > 0', hash, value);
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
  { name, low, high, except = [] }: Ends & { readonly name: string; readonly except?: readonly Ends[] },
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
  const rest: Piece[] = [];
  if (low?.above !== undefined) rest.push(piece('+c.sort > ?', low.above));
  if (low?.below !== undefined) rest.push(piece('+c.sort < ?', low.below));
  rest.push(...bounded('c.high', high));
  for (const one of except) {
    const { sql, values } = join([piece('1'), ...bounded('+c.sort', one.low), ...bounded('c.high', one.high)], ' AND ');
    rest.push(piece(`NOT (${sql})`, ...values));
  }
  // Rows that the rest sends away take time too.
  if (rest.length > 0) parts.push(piece('deadline(c.pk)'), ...rest);
  return { table: 'entry', ...join(parts, ' AND ') };
}

const signs: Readonly<Record<keyof Bounds, string>> = { atLeast: '>=', above: '>', atMost: '<=', below: '<' };

const bounded = (column: string, bounds: Bounds = {}): readonly Piece[] =>
  (Object.keys(signs) as (keyof Bounds)[])
    .filter((bound) => bounds[bound] !== undefined)
    .map((bound) => piece(`${column} ${signs[bound]} ?`, bounds[bound]!));
