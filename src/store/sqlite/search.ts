/**
 * One search on one connection, which must be in a transaction so that all of it is one snapshot. There are two ways:
 * `stream` reads an index in the order asked for and stops when the page is full; `gather` goes through the smallest set
 * that holds all matches and sorts it. Both give the same order and the same cursors, so a page may go either way.
 */
import type { Criterion, SearchQuery, SortKey } from '../../search/query.ts';
import type { Cursor, Page, Version } from '../store.ts';
import { condition, join, type Piece, piece, rangeScan, type Scan } from './compile.ts';
import type { Connection, Row } from './connection.ts';
import { kindOf } from './hash.ts';
import { includedBy } from './include.ts';
import { edgeOf, isEdge, presenceOf } from './looks.ts';
import { versionOf } from './rows.ts';
import {
  fromSource,
  GATHERED,
  PROBED,
  pays,
  type Sized,
  smallestOf,
  smallestWhereMany,
  sourceFor,
  type Task,
  tableOf,
  watched,
} from './sources.ts';

/** pk, key, version, updated, method, body, refs, sort values ... */
type Found = Row;
const SORT_VALUES = 7;

/** The page of the query that begins after the cursor. Whatever `connection.watch` throws ends it. */
export function runSearch(connection: Connection, query: SearchQuery, after: Cursor | undefined): Page {
  const { called, hashing } = connection;
  called.looks.length = called.edges.length = called.firsts.length = 0;
  const task: Task = {
    connection,
    type: query.type,
    hashing,
    looks: called.looks,
    parts: flatten(query.where),
    sort: query.sort,
    withRefs: query.includes.length > 0,
  };
  const total = query.total === 'accurate' ? count(task) : undefined;
  if (query.count <= 0) return { matches: [], included: [], total };
  const found = find(task, after, query.count + 1);
  const more = found.length > query.count;
  if (more) found.length = query.count;
  const matches: Version[] = found.map((row) => versionOf(row, 1));
  const next = more ? cursorAfter(found[found.length - 1]!) : undefined;
  return { matches, included: includedBy(connection, query.includes, matches, found), total, next };
}

const flatten = (where: Criterion): readonly Criterion[] => (where.is === 'all' ? where.of.flatMap(flatten) : [where]);

function find(task: Task, after: Cursor | undefined, limit: number): Found[] {
  const [key] = task.sort;
  if (key === undefined || task.sort.length > 1) return gather(task, sourceFor(task), after, limit);
  const alone = task.parts.length === 0 || (task.parts.length === 1 && sameRange(task.parts[0]!, key));
  if (!alone) {
    const smallest = smallestOf(task, [PROBED, GATHERED]);
    if (smallest && smallest.size < GATHERED && !pays(task, smallest.size, limit)) {
      return gather(task, smallest, after, limit);
    }
  }
  return stream(task, key, after, limit);
}

const sameRange = (part: Criterion, key: SortKey): boolean =>
  part.is === 'range' && key.by === 'range' && part.name === key.name;

// --- gather

function conditionsOf(task: Task, parts: readonly Criterion[], fulfilled?: Criterion): Piece[] {
  return parts.filter((part) => part !== fulfilled).map((part) => condition(part, task));
}

const resourceJoin = ({ sql }: Piece): string => (/\br\./.test(sql) ? ' CROSS JOIN resource r ON r.pk = c.pk' : '');

function count(task: Task): number {
  const smallest = smallestWhereMany(task);
  const { from, where } = fromSource(smallest.source);
  const fulfilled = smallest.source.exact ? smallest.part : undefined;
  const wheres = join([where, ...conditionsOf(task, task.parts, fulfilled)], ' AND ');
  const sql = `SELECT count(*) FROM ${from.sql}${resourceJoin(wheres)} WHERE ${wheres.sql}`;
  return (task.connection.sql(sql).get(...from.values, ...wheres.values) as unknown as Row)[0];
}

/** Matches in the order of the sort keys, then of pk, from after the cursor on. */
function gather(task: Task, { source, part }: Sized, after: Cursor | undefined, limit: number): Found[] {
  const { from, where } = fromSource(source);
  const columns = join([piece('c.pk AS pk'), ...task.sort.map((key, i) => sortValue(task, key, i))], ', ');
  const wheres = join([where, ...conditionsOf(task, task.parts, source.exact ? part : undefined)], ' AND ');
  const inner = `SELECT ${columns.sql} FROM ${from.sql}${resourceJoin(piece(columns.sql + wheres.sql))} WHERE ${wheres.sql}`;
  const values = [...columns.values, ...from.values, ...wheres.values];
  if (task.sort.length === 0) {
    const start = after === undefined ? piece('') : piece(' AND c.pk > ?', Number(after[0]));
    return bodies(task, piece(`${inner}${start.sql} ORDER BY c.pk LIMIT ?`, ...values, ...start.values, limit), 0);
  }
  const start = after === undefined ? piece('1') : afterCursor(task.sort, after);
  const down = task.sort[task.sort.length - 1]!.descending ? ' DESC' : '';
  const order = task.sort.map(({ descending }, i) => `k${i} IS NULL, k${i}${descending ? ' DESC' : ''}`).join(', ');
  const sql = `SELECT * FROM (${inner}) WHERE ${start.sql} ORDER BY ${order}, pk${down} LIMIT ?`;
  return bodies(task, piece(sql, ...values, ...start.values, limit), task.sort.length);
}

function sortValue({ connection, hashing }: Task, key: SortKey, i: number): Piece {
  if (key.by === 'id') return piece(`r.key AS k${i}`);
  const { edges } = connection.called;
  edges.push(edgeOf(key.by, key.name, key.descending, hashing));
  return piece(`edge(r.entries, ?) AS k${i}`, edges.length - 1);
}

/** What comes after the cursor in the order of the keys: missing values last, in the same direction as the last key among equals. */
function afterCursor(sort: readonly SortKey[], after: Cursor): Piece {
  const ways: Piece[] = [];
  const equal: Piece[] = [];
  sort.forEach(({ descending }, i) => {
    const value = placeOf(after[i]!);
    if (value !== null) {
      const beyond = piece(`(k${i} ${descending ? '<' : '>'} ? OR k${i} IS NULL)`, value);
      ways.push(join([...equal, beyond], ' AND '));
    }
    equal.push(piece(`k${i} IS ?`, value));
  });
  const down = sort[sort.length - 1]!.descending;
  ways.push(join([...equal, piece(`pk ${down ? '<' : '>'} ?`, Number(after[sort.length]))], ' AND '));
  const { sql, values } = join(ways, ') OR (');
  return piece(`((${sql}))`, ...values);
}

// --- stream

/** The page read in the order of the one sort key; resources without it come last. */
function stream(task: Task, key: SortKey, after: Cursor | undefined, limit: number): Found[] {
  const down = key.descending;
  const found: Found[] = after !== undefined && after[0] === null ? [] : present(task, key, after, limit);
  if (found.length >= limit || key.by === 'id') return found;
  if (task.parts.some((part) => sameRange(part, key))) return found;
  const source = sourceFor({ ...task, sort: [] });
  const { from, where } = fromSource(source.source);
  task.looks.push(presenceOf(key.by, key.name, task.hashing));
  const missing = piece('NOT look(r.entries, r.key, ?)', task.looks.length - 1);
  const fulfilled = source.source.exact ? source.part : undefined;
  const wheres = join([where, ...conditionsOf(task, task.parts, fulfilled), missing], ' AND ');
  const start =
    after !== undefined && after[0] === null ? piece(` AND c.pk ${down ? '<' : '>'} ?`, Number(after[1])) : piece('');
  const sql = `SELECT c.pk AS pk, NULL AS k0 FROM ${from.sql}${resourceJoin(wheres)} WHERE ${wheres.sql}${start.sql} ORDER BY c.pk${down ? ' DESC' : ''} LIMIT ?`;
  const values = [...from.values, ...wheres.values, ...start.values, limit - found.length];
  return [...found, ...bodies(task, piece(sql, ...values), 1)];
}

function present(task: Task, key: SortKey, after: Cursor | undefined, limit: number): Found[] {
  const { hashing, parts, connection } = task;
  if (key.by === 'id') return leg(task, key, idScan(task, key, after), conditionsOf(task, parts), limit);
  if (key.by === 'text') {
    const { edges } = connection.called;
    edges.push(edgeOf('text', key.name, key.descending, hashing));
    const first = piece('edge(r.entries, ?) = c.value', edges.length - 1);
    return leg(task, key, textScan(task, key, after), [first, ...conditionsOf(task, parts)], limit);
  }
  const asked = parts.find((part) => sameRange(part, key)) as Extract<Criterion, { is: 'range' }> | undefined;
  const cut = after && { [key.descending ? 'to' : 'from']: placeOf(after[0]!) };
  const rest = after
    ? [piece(`(c.sort <> ? OR c.pk ${key.descending ? '<' : '>'} ?)`, placeOf(after[0]!), Number(after[1]))]
    : [];
  const short = rangeScan(asked ?? { name: key.name }, true, hashing, cut);
  const plain = leg(task, key, short, [...rest, ...conditionsOf(task, parts, asked)], limit);
  const odd = rangeScan({ name: key.name }, false, hashing, cut);
  const { sql, values } = odd;
  if (!connection.sql(`SELECT 1 FROM entry c WHERE ${sql} LIMIT 1`).get(...values)) return plain;
  const { firsts } = connection.called;
  firsts.push(isEdge(key.name, key.descending, hashing));
  const first = piece('first_row(r.entries, c.sort + 0.0, c.high + 0.0, ?)', firsts.length - 1);
  const others = leg(task, key, odd, [...rest, first, ...conditionsOf(task, parts)], limit);
  return merge(plain, others, key.descending).slice(0, limit);
}

function idScan({ type }: Task, { descending }: SortKey, after: Cursor | undefined): Scan {
  const from = after && !descending ? placeOf(after[0]!) : `${type}/`;
  const to = after && descending ? placeOf(after[0]!) : `${type}0`;
  return { table: 'key', ...piece('c.key > ? AND c.key < ?', from, to) };
}

function textScan({ hashing }: Task, key: Extract<SortKey, { by: 'text' }>, after: Cursor | undefined): Scan {
  const hash = hashing.big(kindOf.text, key.name, '');
  if (!after) return { table: 'text', ...piece('c.hash = ?', hash) };
  const beyond = `c.hash = ? AND (c.value, c.pk) ${key.descending ? '<' : '>'} (?, ?)`;
  return { table: 'text', ...piece(beyond, hash, placeOf(after[0]!), Number(after[1])) };
}

const placeColumn = { range: 'c.sort', text: 'c.value', id: 'c.key' } as const;

/** Rows of one scan in the order of the key. */
function leg(task: Task, key: SortKey, scan: Scan, conditions: Piece[], limit: number): Found[] {
  const column = placeColumn[key.by];
  const direction = key.descending ? ' DESC' : '';
  const wheres = join([watched(scan), ...conditions], ' AND ');
  // A whole number beyond 2^53 would not come back as a number.
  const value = key.by === 'range' ? `${column} + 0.0` : column;
  const sql = `SELECT c.pk AS pk, ${value} AS k0 FROM ${tableOf(scan)} c${resourceJoin(wheres)} WHERE ${wheres.sql} ORDER BY ${column}${direction}, c.pk${direction} LIMIT ?`;
  return bodies(task, piece(sql, ...wheres.values, limit), 1);
}

/** Two lists in the order of (place, pk) as one. */
function merge(one: readonly Found[], other: readonly Found[], descending: boolean): Found[] {
  const before = (a: Found, b: Found) => {
    const distance = a[SORT_VALUES] === b[SORT_VALUES] ? a[0] - b[0] : a[SORT_VALUES] < b[SORT_VALUES] ? -1 : 1;
    return descending ? distance > 0 : distance < 0;
  };
  const merged: Found[] = [];
  let i = 0;
  let j = 0;
  while (i < one.length || j < other.length) {
    merged.push(j >= other.length || (i < one.length && before(one[i]!, other[j]!)) ? one[i++]! : other[j++]!);
  }
  return merged;
}

// --- rows and cursors

/** Adds what a page needs to the rows (pk, sort values ...) of a SELECT, in its order. */
function bodies({ connection, withRefs }: Task, { sql, values }: Piece, keys: number): Found[] {
  const places = Array.from({ length: keys }, (_, i) => `, s.k${i}`).join('');
  const refs = withRefs ? 'r.refs' : 'NULL';
  const statement = connection.sql(
    `SELECT s.pk, r.key, r.version, v.updated, v.method, v.body, ${refs}${places} FROM (${sql}) s
     CROSS JOIN resource r ON r.pk = s.pk CROSS JOIN version v ON v.seq = r.seq`,
  );
  return statement.all(...values) as unknown as Found[];
}

/** JSON has no infinities, so they travel as words that no text begins with. */
const above = '\u0001+';
const below = '\u0001-';

const cursorAfter = (row: Found): Cursor => [
  ...row.slice(SORT_VALUES).map((place) => (place === Infinity ? above : place === -Infinity ? below : place)),
  row[0],
];

function placeOf(place: string | number | null): string | number | null {
  return place === above ? Infinity : place === below ? -Infinity : place;
}
