/** The way along an index in the order of one sort key, which stops when the page is full; resources without the key come last. */
import type { Criterion, SortKey } from '../../search/query.ts';
import { type Cut, join, type Piece, piece, rangeScan, type Scan } from './compile.ts';
import { kindOf } from './hash.ts';
import { edgeOf, isEdge, presenceOf } from './looks.ts';
import { bodies, comparing, type Found, idOf, isDown, type Way } from './paging.ts';
import {
  conditionsOf,
  orderedOf,
  resourceJoin,
  type Sized,
  selectFrom,
  type Task,
  tableOf,
  watched,
} from './sources.ts';

export const sameRange = (part: Criterion, key: SortKey): boolean =>
  part.is === 'range' && key.by === 'range' && part.name === key.name;

/** `smallest` is what to go through for resources without the key. */
export function stream(task: Task, key: SortKey, way: Way, smallest: Sized | undefined): Found[] {
  const { start, back, limit } = way;
  const startsMissing = start !== undefined && start.values[0] === null;
  const hasMissing = key.by !== 'id' && !task.parts.some((part) => sameRange(part, key));
  const found: Found[] = [];
  const legs = back ? [missing, present] : [present, missing];
  for (const leg of legs) {
    if (found.length >= limit) break;
    if (leg === missing && !hasMissing) continue;
    // What lies behind the start is not gone through.
    if (start && leg === legs[0] && startsMissing === (leg === present)) continue;
    const isStart = start && startsMissing === (leg === missing);
    const rest = { ...way, start: isStart ? start : undefined, limit: limit - found.length };
    found.push(...leg(task, key, rest, smallest));
  }
  return found;
}

function missing(task: Task, key: SortKey, { start, back, limit }: Way, smallest: Sized | undefined): Found[] {
  if (key.by === 'id') return [];
  const { called, hashing } = task.connection;
  called.looks.push(presenceOf(key.by, key.name, hashing));
  const none = piece(' AND NOT look(r.entries, r.key, ?)', called.looks.length - 1);
  const down = isDown(key, back);
  const cut = start ? piece(` AND c.pk ${down ? '<' : '>'} ?`, start.pk) : piece('');
  const page = piece(` ORDER BY c.pk${down ? ' DESC' : ''} LIMIT ?`, limit);
  const { sql, values } = join([none, cut, page], '');
  const rows = selectFrom(task, smallest ?? orderedOf(task), piece('c.pk AS pk, NULL AS k0'), piece(sql, ...values));
  return bodies(task, rows, 1);
}

function present(task: Task, key: SortKey, way: Way): Found[] {
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
  const asked = parts.find((part) => sameRange(part, key)) as Extract<Criterion, { is: 'range' }> | undefined;
  const place = start?.values[0] as number | undefined;
  const cut: Cut | undefined = start && { [down ? 'to' : 'from']: place };
  const rest = start ? [piece(`(c.sort <> ? OR c.pk ${down ? '<' : '>'} ?)`, place!, start.pk)] : [];
  const short = rangeScan(asked ?? { name: key.name }, true, hashing, cut);
  const plain = leg(task, key, short, [...rest, ...conditionsOf(task, asked)], way);
  const odd = rangeScan({ name: key.name }, false, hashing, cut);
  if (!connection.sql(`SELECT 1 FROM entry c WHERE ${odd.sql} LIMIT 1`).get(...odd.values)) return plain;
  called.firsts.push(isEdge(key.name, key.descending, hashing));
  const first = piece('first_row(r.entries, c.sort + 0.0, c.high + 0.0, ?)', called.firsts.length - 1);
  const others = leg(task, key, odd, [...rest, first, ...conditionsOf(task)], way);
  return [...plain, ...others].sort(comparing(task.sort, back)).slice(0, limit);
}

function idScan({ type }: Task, key: SortKey, { start, back }: Way): Scan {
  const [first, end] = [`${type}/`, `${type}0`];
  if (!start) return { table: 'key', ...piece('c.key > ? AND c.key < ?', first, end) };
  const place = `${type}/${start.values[0]}`;
  // Among several types the same id may stand on both sides of the start.
  const tie = (sign: string) => piece(` AND (c.key <> ? OR c.pk ${sign} ?)`, place, start.pk);
  const [range, rest] = isDown(key, back)
    ? [piece('c.key > ? AND c.key <= ?', first, place), tie('<')]
    : [piece('c.key >= ? AND c.key < ?', place, end), tie('>')];
  return { table: 'key', ...join([range, rest], '') };
}

function textScan({ connection }: Task, key: Extract<SortKey, { by: 'text' }>, { start, back }: Way): Scan {
  const hash = connection.hashing.big(kindOf.text, key.name, '');
  if (!start) return { table: 'text', ...piece('c.hash = ?', hash) };
  const sign = isDown(key, back) ? '<' : '>';
  return {
    table: 'text',
    ...piece(`c.hash = ? AND (c.value, c.pk) ${sign} (?, ?)`, hash, start.values[0]!, start.pk),
  };
}

const placeColumn = { range: 'c.sort', text: 'c.value', id: 'c.key' } as const;

/** Rows of one scan in the order of the key. */
function leg(task: Task, key: SortKey, scan: Scan, conditions: readonly Piece[], { back, limit }: Way): Found[] {
  const column = placeColumn[key.by];
  const direction = isDown(key, back) ? ' DESC' : '';
  const wheres = join([watched(scan), ...conditions], ' AND ');
  // A whole number beyond 2^53 would not come back as a number.
  const value =
    key.by === 'range' ? piece(`${column} + 0.0`) : key.by === 'id' ? idOf('c.key', task.type) : piece(column);
  const sql = `SELECT c.pk AS pk, ${value.sql} AS k0 FROM ${tableOf(scan)} c${resourceJoin(wheres)} WHERE ${wheres.sql} ORDER BY ${column}${direction}, c.pk${direction} LIMIT ?`;
  return bodies(task, piece(sql, ...value.values, ...wheres.values, limit), 1);
}
