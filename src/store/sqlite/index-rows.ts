/** The rows of `entry` and `text` that a block of entries stands for: put in with a new version, taken out with the old one. */
import type { Connection, Value } from './connection.ts';
import { sectionsOf } from './entries.ts';

/** One row: hash and sort, and for intervals high; or hash and text. */
interface IndexRow {
  readonly hash: bigint;
  readonly sort: bigint | number | string;
  /** Undefined for a text. */
  readonly high: number | undefined;
}

function* rowsOf(entries: Uint8Array): Generator<IndexRow> {
  if (entries.length === 0) return;
  const { view, plain, paired, pairedCount, points, pointCount, spans, spanCount, texts, textCount, plainCount } =
    sectionsOf(entries);
  const hashAt = (at: number) => view.getBigInt64(at, true);
  const doubleAt = (at: number) => view.getFloat64(at, true);
  for (let i = 0, at = plain; i < plainCount; i++, at += 8) yield { hash: hashAt(at), sort: 0, high: 0 };
  for (let i = 0, at = paired; i < pairedCount; i++, at += 16) {
    yield { hash: hashAt(at), sort: hashAt(at + 8), high: 0 };
  }
  for (let i = 0, at = points; i < pointCount; i++, at += 16) {
    yield { hash: hashAt(at), sort: doubleAt(at + 8), high: doubleAt(at + 8) };
  }
  for (let i = 0, at = spans; i < spanCount; i++, at += 24) {
    yield { hash: hashAt(at), sort: doubleAt(at + 8), high: doubleAt(at + 16) };
  }
  for (let i = 0, at = texts; i < textCount; i++) {
    const length = view.getUint32(at + 8, true);
    const value = Buffer.from(entries.buffer, entries.byteOffset + at + 12, length).toString('utf8');
    yield { hash: hashAt(at), sort: value, high: undefined };
    at += 12 + length;
  }
}

/** Rows of `entry` that one statement puts in: each call of SQLite costs about as much as a row. */
const TOGETHER = 8;
const addEntry = (rows: number): string =>
  `INSERT OR IGNORE INTO entry (hash, sort, pk, high) VALUES ${Array(rows).fill('(?, ?, ?, ?)').join()}`;
const addOne = addEntry(1);
const addMany = addEntry(TOGETHER);

/** Puts in the rows of a resource that had none. */
export function addEntries(connection: Connection, pk: number, entries: Uint8Array): void {
  let values: Value[] = [];
  for (const row of rowsOf(entries)) {
    if (row.high === undefined) {
      addRow(connection, pk, row);
      continue;
    }
    values.push(row.hash, row.sort, pk, row.high);
    if (values.length < 4 * TOGETHER) continue;
    connection.sql(addMany).run(...values);
    values = [];
  }
  for (let at = 0; at < values.length; at += 4) connection.sql(addOne).run(...values.slice(at, at + 4));
}

/** Takes out the rows that only the old version had and puts in those that only the new one has. */
export function changeEntries(connection: Connection, pk: number, old: Uint8Array, entries: Uint8Array): void {
  const stale = new Map<string, IndexRow>();
  for (const row of rowsOf(old)) stale.set(identity(row), row);
  const fresh: IndexRow[] = [];
  for (const row of rowsOf(entries)) if (!stale.delete(identity(row))) fresh.push(row);
  for (const row of stale.values()) removeRow(connection, pk, row);
  for (const row of fresh) addRow(connection, pk, row);
}

const identity = ({ hash, sort, high }: IndexRow): string => `${hash.toString(36)} ${high} ${sort}`;

function addRow(connection: Connection, pk: number, { hash, sort, high }: IndexRow): void {
  if (high === undefined) {
    connection.sql('INSERT OR IGNORE INTO text (hash, value, pk) VALUES (?, ?, ?)').run(hash, sort, pk);
    return;
  }
  connection.sql(addOne).run(hash, sort, pk, high);
}

function removeRow(connection: Connection, pk: number, { hash, sort, high }: IndexRow): void {
  if (high === undefined) {
    connection.sql('DELETE FROM text WHERE hash = ? AND value = ? AND pk = ?').run(hash, sort, pk);
    return;
  }
  connection.sql('DELETE FROM entry WHERE hash = ? AND sort = ? AND pk = ? AND high = ?').run(hash, sort, pk, high);
}
