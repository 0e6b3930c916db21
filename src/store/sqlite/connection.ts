/** One connection to the file: checked, its statements prepared once, with the SQL functions that searches call. https://sqlite.org/lang.html */
import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { problem } from '../../fhir/outcome.ts';
import { createHashing, type Hashing } from '../hash.ts';
import { kindOf, rangeKinds } from './hash.ts';
import type { Edge, Look } from './looks.ts';
import { own, SCHEMA_VERSION, tables, upgradeOfSchema1 } from './schema.ts';
import { namesIn } from './ties.ts';

export type Value = SQLInputValue;
/** A row as an array of columns. */
export type Row = readonly any[];

export interface Connection {
  readonly hashing: Hashing;
  /** The statement of this text; rows come as arrays. Kept while it is in use, forgotten when hundreds of others were younger. */
  sql(text: string): StatementSync;
  /** What `look`, `first_row`, `edge` and `targets` of the running search mean, by number. */
  readonly called: { looks: Look[]; edges: Edge[]; firsts: FirstRow[]; aims: Aim[]; values: SortValue[] };
  /** Is asked for every row that a search looks at; throws to end it. */
  watch: () => void;
  exec(text: string): void;
  close(): void;
}
/** A sort value out of the body of a version. */
export type SortValue = (body: string) => string | undefined;
export type FirstRow = (entries: Uint8Array, low: number, high: number) => boolean;
/** The keys that a resource with these references (one per line) and entries points to in one way. */
export type Aim = (refs: string, entries: Uint8Array) => readonly string[];

/** SQLite before this one can corrupt a WAL file that two connections use. https://sqlite.org/wal.html#walresetbug */
const OLDEST = [3, 51, 3] as const;
const STATEMENTS = 400;

export interface Opening {
  readonly file: string;
  readonly mode: 'read' | 'write';
  /** 8 random bytes that become the seed of a new store. */
  readonly seed?: Uint8Array;
  /** The index version that a new store begins with. */
  readonly indexVersion?: number;
  /** Only the power-loss test asks for less than FULL. */
  readonly synchronous?: 'FULL' | 'NORMAL';
  /** Pages of the log at which the writer moves it into the file though others wait. Only a test asks for fewer than 16,000. */
  readonly manyPages?: number;
}

/** Opens a file or `:memory:`. With mode `write` it makes the tables of a new store. Throws an Error with a sentence for people. */
export function openConnection({ file, mode, seed, indexVersion = 1, synchronous = 'FULL' }: Opening): Connection {
  const memory = file === ':memory:';
  const isNew = memory || !existsSync(file);
  const db = new DatabaseSync(file, { readOnly: mode === 'read', timeout: 5_000, allowExtension: false });
  try {
    refuseOld(db);
    if (mode === 'write') prepareToWrite(db, file, memory, synchronous);
    db.exec('PRAGMA cache_size = -16384; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY');
    if (mode === 'write') makeTables(db, seed, indexVersion);
    if (mode === 'write' && isNew && !memory) syncFolder(file);
    return connect(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function refuseOld(db: DatabaseSync): void {
  const { v } = db.prepare('SELECT sqlite_version() AS v').get() as { v: string };
  const parts = v.split('.').map(Number);
  const different = OLDEST.findIndex((least, i) => parts[i] !== least);
  if (different >= 0 && parts[different]! < OLDEST[different]!) {
    throw new Error(
      `SQLite ${v} can damage its own files; Watchfire needs ${OLDEST.join('.')} or newer, as in Node 24.21`,
    );
  }
}

function prepareToWrite(db: DatabaseSync, file: string, memory: boolean, synchronous: string): void {
  const { journal_mode: journal } = db.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string };
  if (!memory && journal !== 'wal') throw new Error(`The store ${file} cannot be switched to its write-ahead log`);
  db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA wal_autocheckpoint = 0`);
  const { synchronous: level } = db.prepare('PRAGMA synchronous').get() as { synchronous: number };
  if (level !== (synchronous === 'FULL' ? 2 : 1)) throw new Error('SQLite does not keep synchronous=FULL');
}

function makeTables(db: DatabaseSync, seed: Uint8Array | undefined, indexVersion: number): void {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > SCHEMA_VERSION) {
    throw new Error(`The store was written by a newer Watchfire (schema ${version}, this one knows ${SCHEMA_VERSION})`);
  }
  if (version === SCHEMA_VERSION) return;
  if (version > 0) {
    db.exec(`BEGIN IMMEDIATE; ${upgradeOfSchema1}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return;
  }
  if (!seed) throw new Error('A new store needs a seed');
  db.exec(`BEGIN IMMEDIATE; ${tables}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  const keep = db.prepare('INSERT INTO setting (name, value) VALUES (?, ?)');
  keep.run(own.seed, Buffer.from(seed.buffer, seed.byteOffset, 8).toString('hex'));
  keep.run(own.indexVersion, String(indexVersion));
  keep.run(own.revision, '0');
  db.exec('COMMIT');
}

/** A new file is only there after a power loss when its folder is on disk too. */
function syncFolder(file: string): void {
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function connect(db: DatabaseSync): Connection {
  const { value } = db.prepare('SELECT value FROM setting WHERE name = ?').get(own.seed) as { value: string };
  const statements = new Map<string, StatementSync>();
  const connection: Connection = {
    hashing: createHashing(new Uint8Array(Buffer.from(value, 'hex'))),
    called: { looks: [], edges: [], firsts: [], aims: [], values: [] },
    watch: () => {},
    sql(text) {
      let statement = statements.get(text);
      if (statement) statements.delete(text);
      else {
        statement = db.prepare(text);
        statement.setReturnArrays(true);
        if (statements.size >= STATEMENTS) statements.delete(statements.keys().next().value!);
      }
      statements.set(text, statement);
      return statement;
    },
    exec: (text) => db.exec(text),
    close: () => db.close(),
  };
  addFunctions(db, connection);
  return connection;
}

function addFunctions(db: DatabaseSync, connection: Connection): void {
  const { called } = connection;
  db.function('deadline', (_row: any) => {
    connection.watch();
    return 1;
  });
  db.function('look', (entries: any, key: any, number: any) => {
    connection.watch();
    return called.looks[number]!(entries, key) ? 1 : 0;
  });
  db.function('sort_value', (body: any, number: any) => called.values[number]!(body) ?? null);
  db.function('edge', (entries: any, number: any) => called.edges[number]!(entries) ?? null);
  db.function('targets', (refs: any, entries: any, number: any) => JSON.stringify(called.aims[number]!(refs, entries)));
  db.function('key_hash', (name: any, key: any) => connection.hashing.big(kindOf.key, name, key));
  db.function('canonical_hash', (type: any, canonical: any) =>
    connection.hashing.big(kindOf.canonical, type, canonical),
  );
  db.function('link_hashes', (name: any, key: any, refs: any) => {
    const links = [key, ...namesIn(refs)];
    return `[${links.map((link) => connection.hashing.big(kindOf.key, name, link)).join()}]`;
  });
  db.function('lane_hashes', (key: any, lanes: any) => {
    const [before, after] = JSON.parse(lanes) as [string, string[]];
    const names = after.map((end) => `${before}${key}${end}`);
    return `[${names.flatMap((name) => rangeKinds.map((kind) => connection.hashing.big(kind, name, ''))).join()}]`;
  });
  db.function('first_row', (entries: any, low: any, high: any, number: any) => {
    connection.watch();
    return called.firsts[number]!(entries, low, high) ? 1 : 0;
  });
}

/** What the work gives, or undefined when it looks at more rows than `most` before it is done. */
export function within<T>(connection: Connection, most: number, work: () => T): T | undefined {
  const { watch } = connection;
  // Made where it is thrown: that takes longer than a short page.
  let spent: Error | undefined;
  let left = most;
  connection.watch = () => {
    if (--left < 0) throw (spent ??= new Error('more rows than this work is worth'));
    watch();
  };
  try {
    return work();
  } catch (error) {
    if (spent && error === spent) return undefined;
    throw error;
  } finally {
    connection.watch = watch;
  }
}

/** What SQLite said about the disk below it, in our words; undefined for any other error. https://sqlite.org/rescode.html */
export function diskFault(error: unknown): string | undefined {
  const code = (error as { errcode?: number }).errcode;
  if (code === undefined) return undefined;
  switch (code & 0xff) {
    case 13:
      return 'the disk is full';
    case 10:
      return `the disk failed (SQLite code ${code})`;
    case 8:
    case 14:
      return `the store file cannot be written (SQLite code ${code})`;
    case 11:
    case 26:
      return `the store file is damaged (SQLite code ${code})`;
    default:
      return undefined;
  }
}

export const noStore = (why: string) =>
  problem('no-store', `Nothing is stored any more: ${why}. Reads still work; restart when it is mended`);
