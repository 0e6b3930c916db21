/** The way along an index in the order of one sort key, which stops when the page is full; resources without the key come last. */
import type { Criterion, SortKey } from '../../search/query.ts';
import { allOf, type Range } from '../../search/ranges.ts';
import type { ValueKey } from '../../search/sort-value.ts';
import { isDown, isNumberDown, legsOf, type Way } from '../paging.ts';
import { type Cut, join, type Piece, piece, rangeScan, type Scan } from './compile.ts';
import { beyond, orderBy, sortValue } from './gather.ts';
import { kindOf } from './hash.ts';
import { edgeOf, isEdge, presenceOf } from './looks.ts';
import { bodies, type Found, idOf, inOrder } from './paging.ts';
import { conditionsOf, resourceJoin, type Sized, selectFrom, tableOf, watched } from './select.ts';
import { orderedOf } from './sources.ts';
import type { Task } from './task.ts';

/** What an index has the order of. */
export type StreamKey = Exclude<SortKey, ValueKey>;

export const sameRange = (part: Criterion, key: SortKey): part is Range =>
  part.is === 'range' && key.by === 'range' && part.name === key.name;

/** `smallest` is what to go through for resources without the key. */
export function stream(task: Task, key: StreamKey, way: Way, smallest: Sized | undefined): Found[] {
  const { limit } = way;
  const hasMissing = key.by !== 'id' && !task.parts.some((part) => sameRange(part, key));
  const found: Found[] = [];
  for (const { isMissing, start } of legsOf(way)) {
    if (found.length >= limit) break;
    if (isMissing && !hasMissing) continue;
    const rest = { ...way, start, limit: limit - found.length };
    found.push(...(isMissing ? missing : present)(task, key, rest, smallest));
  }
  return found;
}

function missing(task: Task, key: StreamKey, { start, back, limit }: Way, smallest: Sized | undefined): Found[] {
  if (key.by === 'id') return [];
  const { called, hashing } = task.connection;
  called.looks.push(presenceOf(key.by, key.name, hashing));
  const none = piece(' AND NOT look(r.entries, r.key, ?)', called.looks.length - 1);
  const { sort } = task;
  const columns = join([piece('c.pk AS pk, NULL AS k0'), ...furtherValues(task)], ', ');
  const cut = start ? join([piece(' AND '), beyond(sort, start, back, 'c.pk')], '') : piece('');
  const page = piece(` ORDER BY ${[...furtherOrder(sort, back), pkOrder(sort, back)].join(', ')} LIMIT ?`, limit);
  const rows = selectFrom(task, smallest ?? orderedOf(task), columns, join([none, cut, page], ''));
  return bodies(task, rows, sort.length);
}

/** The keys after the first, which order what the first leaves together. */
const furtherValues = (task: Task): Piece[] => task.sort.slice(1).map((key, i) => sortValue(task, key, i + 1));
const furtherOrder = (sort: readonly SortKey[], back: boolean): string[] =>
  sort.slice(1).map((key, i) => orderBy(key, i + 1, back));
const pkOrder = (sort: readonly SortKey[], back: boolean): string => `c.pk${isNumberDown(sort, back) ? ' DESC' : ''}`;

function present(task: Task, key: StreamKey, way: Way): Found[] {
  const { connection, parts } = task;
  const { start, back, limit } = way;
  const { hashing, called } = connection;
  if (key.by === 'id') return leg(task, key, idScan(task, key, way), conditionsOf(task), way);
  if (key.by === 'text') {
    called.edges.push(edgeOf('text', key.name, key.descending, hashing));
    const first = piece('edge(r.entries, ?) = c.value', called.edges.length - 1);
    return leg(task, key, textScan(task, key, way), [first, ...conditionsOf(task)], way);
  }
  const down = isDown(key, back);
  const asked = parts.filter((part): part is Range => sameRange(part, key));
  const place = start?.values[0] as number | undefined;
  const cut: Cut | undefined = start && { [down ? 'to' : 'from']: place };
  const isTie = start && task.sort.length === 1;
  const rest = isTie ? [piece(`(c.sort <> ? OR c.pk ${down ? '<' : '>'} ?)`, place!, start.p)] : [];
  // There each resource has one interval of the name, which must fulfil all that is asked of it.
  const short = rangeScan(allOf(key.name, asked), true, hashing, cut);
  const plain = leg(task, key, short, [...rest, ...conditionsOf(task, ...asked)], way);
  const odd = rangeScan({ name: key.name }, false, hashing, cut);
  if (!connection.sql(`SELECT 1 FROM entry c WHERE ${odd.sql} LIMIT 1`).get(...odd.values)) return plain;
  called.firsts.push(isEdge(key.name, key.descending, hashing));
  const first = piece('first_row(r.entries, c.sort + 0.0, c.high + 0.0, ?)', called.firsts.length - 1);
  const others = leg(task, key, odd, [...rest, first, ...conditionsOf(task)], way);
  return [...plain, ...others].sort(inOrder(task.sort, back)).slice(0, limit);
}

function idScan({ type, sort }: Task, key: SortKey, { start, back }: Way): Scan {
  const [first, end] = [`${type}/`, `${type}0`];
  if (!start) return { table: 'key', ...piece('c.key > ? AND c.key < ?', first, end) };
  const place = `${type}/${start.values[0]}`;
  // Among several types the same id may stand on both sides of the start.
  const tie = (sign: string) =>
    sort.length > 1 ? piece('') : piece(` AND (c.key <> ? OR c.pk ${sign} ?)`, place, start.p);
  const [range, rest] = isDown(key, back)
    ? [piece('c.key > ? AND c.key <= ?', first, place), tie('<')]
    : [piece('c.key >= ? AND c.key < ?', place, end), tie('>')];
  return { table: 'key', ...join([range, rest], '') };
}

function textScan({ connection, sort }: Task, key: Extract<SortKey, { by: 'text' }>, { start, back }: Way): Scan {
  const hash = connection.hashing.big(kindOf.text, key.name, '');
  if (!start) return { table: 'text', ...piece('c.hash = ?', hash) };
  const sign = isDown(key, back) ? '<' : '>';
  const place = start.values[0]!;
  // Among equal texts the further keys decide.
  if (sort.length > 1) return { table: 'text', ...piece(`c.hash = ? AND c.value ${sign}= ?`, hash, place) };
  return {
    table: 'text',
    ...piece(`c.hash = ? AND (c.value, c.pk) ${sign} (?, ?)`, hash, place, start.p),
  };
}

const placeColumn = { range: 'c.sort', text: 'c.value', id: 'c.key' } as const;

/** Rows of one scan in the order of the key. */
function leg(
  task: Task,
  key: StreamKey,
  scan: Scan,
  conditions: readonly Piece[],
  { start, back, limit }: Way,
): Found[] {
  const { sort } = task;
  const column = placeColumn[key.by];
  const direction = isDown(key, back) ? ' DESC' : '';
  const further = start && sort.length > 1 ? [beyond(sort, start, back, 'c.pk')] : [];
  const wheres = join([watched(scan), ...further, ...conditions], ' AND ');
  // A whole number beyond 2^53 would not come back as a number.
  const value =
    key.by === 'range' ? piece(`${column} + 0.0`) : key.by === 'id' ? idOf('c.key', task.type) : piece(column);
  const columns = join([piece(`c.pk AS pk, ${value.sql} AS k0`, ...value.values), ...furtherValues(task)], ', ');
  const order = [`${column}${direction}`, ...furtherOrder(sort, back), pkOrder(sort, back)].join(', ');
  const sql = `SELECT ${columns.sql} FROM ${tableOf(scan)} c${resourceJoin(columns, wheres)} WHERE ${wheres.sql} ORDER BY ${order} LIMIT ?`;
  return bodies(task, piece(sql, ...columns.values, ...wheres.values, limit), sort.length);
}
