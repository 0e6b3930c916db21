/** Puts the parts of the embedded store together. */
import { existsSync, statSync } from 'node:fs';
import { referenceTo } from '../../fhir/references.ts';
import type { Runtime } from '../../runtime.ts';
import type { Engine } from '../engine.ts';
import { staleIndex } from '../refusals.ts';
import type { Page, StoredAuditRow } from '../store.ts';
import { setting } from './apply.ts';
import { type Connection, type Opening, openConnection, type Row, type Value } from './connection.ts';
import { contentsOf } from './contents.ts';
import type { Told } from './explain.ts';
import { createVersionLog } from './log.ts';
import { createReader } from './reader.ts';
import { keptOf, versionOf } from './rows.ts';
import { own } from './schema.ts';
import { createSnapshot, noSnapshot } from './snapshot.ts';
import { upgradeIndex } from './upgrade.ts';
import { createWriter, type OnCommit } from './writer.ts';
import { inProcess, startWriterThread } from './writer-thread.ts';

export interface SqliteOptions {
  /** Path of the store file, or `:memory:`. Its folder must exist. */
  readonly file: string;
  readonly runtime: Runtime;
  /** 8 bytes that seed the hashes of a new store; random by default. */
  readonly seed?: Uint8Array;
  /** Version of the index entries that this program makes; an older store needs `upgradeIndex`, a newer one is refused. Default 1. */
  readonly indexVersion?: number;
  /** Milliseconds that a search may hold the main thread before it moves to a reader thread. Default 20. */
  readonly shortSearch?: number;
  /** Milliseconds that a search may take. Default 5,000. */
  readonly longSearch?: number;
  /** Told of each group commit: how many lists it took along, how many of them a conflict refused, and the seconds it took. */
  readonly onCommit?: OnCommit;
}

/** With what only tests of the engine turn. */
export async function openStore(
  options: SqliteOptions,
  forTests: Pick<Opening, 'synchronous' | 'manyPages'> = {},
): Promise<Engine> {
  const { file, runtime, indexVersion = 1 } = options;
  const memory = file === ':memory:';
  const opening = { file, seed: options.seed ?? runtime.random(8), indexVersion, ...forTests };
  const thread = memory ? undefined : await startWriterThread(opening);
  const connection = openConnection({ ...opening, mode: memory ? 'write' : 'read' });
  const stored = Number(setting(connection, own.indexVersion));
  if (stored > indexVersion) {
    connection.close();
    await thread?.close();
    throw new Error(`The store was indexed by a newer Watchfire (index ${stored}, this one makes ${indexVersion})`);
  }
  return assemble(options, connection, thread ?? inProcess(connection, runtime.now), stored < indexVersion);
}

function assemble(
  options: SqliteOptions,
  connection: Connection,
  thread: ReturnType<typeof inProcess>,
  begunStale: boolean,
): Engine {
  let isStale = begunStale;
  const { file, runtime, shortSearch: short = 20, longSearch: long = 5_000 } = options;
  const snapshot = file === ':memory:' ? noSnapshot : createSnapshot(connection, runtime);
  const log = createVersionLog(connection);
  const writer = createWriter(thread, connection.hashing, runtime, {
    onSettled: snapshot.settle,
    onStored: log.ring,
    onCommit: options.onCommit,
  });
  const reader = createReader({ file, connection, snapshot, runtime, short, long });
  const number = (sql: string): number => (connection.sql(sql).get() as unknown as Row)[0];
  let closing: Promise<void> | undefined;
  // One after another: of two that find nothing kept, the first decides.
  let keeping: Promise<string> = Promise.resolve('');

  const keepFact = async (name: string, value: string): Promise<string> => {
    const kept = setting(connection, name);
    if (kept !== undefined) return kept;
    await writer.commit([{ op: 'setting', name, value }]);
    return value;
  };

  const close = async () => {
    log.close();
    await writer.close();
    // The last to leave moves the log into the file. After a fault that is a reader, which cannot: the log is left as it is.
    if (writer.fault() !== undefined) await thread.close();
    await reader.close();
    snapshot.drop();
    connection.close();
    await thread.close();
  };

  return {
    async read(keys) {
      snapshot.hold();
      const sql = `SELECT r.key, r.version, v.updated, v.method, v.body FROM resource r CROSS JOIN version v ON v.seq = r.seq WHERE r.key`;
      const names = keys.map(referenceTo);
      return rowsFor(connection, sql, [], names, 0).map((row) => row && versionOf(row));
    },
    async vread(key, versionId) {
      snapshot.hold();
      const row = connection
        .sql(
          `SELECT r.key, v.version, v.updated, v.method, v.body FROM resource r CROSS JOIN version v ON v.resource = r.pk
           WHERE r.key = ? AND v.version = ?`,
        )
        .get(referenceTo(key), versionId) as unknown as Row | undefined;
      return row && versionOf(row);
    },
    async search(query, after, signal) {
      if (isStale) throw staleIndex();
      return (await reader.run({ is: 'search', query, after }, signal)) as Page;
    },
    async explain(query, signal) {
      if (isStale) throw staleIndex();
      const begun = runtime.now();
      const told = (await reader.run({ is: 'explain', query }, signal)) as Told;
      return { ...told, milliseconds: runtime.now() - begun };
    },
    async history(key, { count, before = Number.MAX_SAFE_INTEGER, since = 0 }) {
      snapshot.hold();
      const window = 'FROM resource r CROSS JOIN version v ON v.resource = r.pk WHERE r.key = ? AND v.updated >= ?';
      const [total] = connection.sql(`SELECT count(*) ${window}`).get(referenceTo(key), since) as unknown as Row;
      const rows = connection
        .sql(
          `SELECT r.key, v.version, v.updated, v.method, v.body ${window} AND v.version <= ? ORDER BY v.version DESC LIMIT ?`,
        )
        .all(referenceTo(key), since, before, Math.max(0, count)) as unknown as Row[];
      return { versions: rows.map((row) => versionOf(row)), total };
    },
    async get(kind, keys) {
      snapshot.hold();
      const sql =
        'SELECT kind, key, value, revision FROM kept WHERE kind = ? AND (expires IS NULL OR expires > ?) AND key';
      return rowsFor(connection, sql, [kind, runtime.now()], keys, 1).map((row) => row && keptOf(row));
    },
    async list(kind, from, limit) {
      snapshot.hold();
      const rows = connection
        .sql(
          `SELECT kind, key, value, revision FROM kept WHERE kind = ? AND key >= ? AND (expires IS NULL OR expires > ?)
           ORDER BY key LIMIT ?`,
        )
        .all(kind, from, runtime.now(), Math.max(0, limit)) as unknown as Row[];
      return rows.map(keptOf);
    },
    audit: async (window, signal) => (await reader.run({ is: 'audit', window }, signal)) as readonly StoredAuditRow[],
    commit: writer.commit,
    changes: log.follow,
    end: async () => log.end(),
    fact: async (name) => setting(connection, name),
    keepFact: (name, value) => (keeping = keeping.catch(() => '').then(() => keepFact(name, value))),
    indexVersion: () => Number(setting(connection, own.indexVersion)),
    sizes: async () => ({
      resources: number('SELECT coalesce(max(pk), 0) FROM resource'),
      versions: number('SELECT coalesce(max(seq), 0) FROM version'),
      auditRows:
        number('SELECT coalesce(max(sequence), 0) FROM audit') - Number(setting(connection, own.auditGaps) ?? 0),
      bytes: number('PRAGMA page_count') * number('PRAGMA page_size') + sizeOfLog(file),
    }),
    async upgradeIndex(upgrade) {
      const isDone = await upgradeIndex(connection, writer, upgrade);
      if (isDone) isStale = false;
      return isDone;
    },
    fault: writer.fault,
    contents: contentsOf(connection, log),
    close: () => (closing ??= close()),
  };
}

/** As many keys are looked up one by one: a list of them costs about three. */
const FEW = 3;

/** The row of each key, in the order of the keys; the key stands in column `at`. `sql` ends in the column that it is compared with. */
function rowsFor(
  connection: Connection,
  sql: string,
  values: readonly Value[],
  keys: readonly string[],
  at: number,
): readonly (Row | undefined)[] {
  if (keys.length <= FEW) {
    const one = connection.sql(`${sql} = ?`);
    return keys.map((key) => one.get(...values, key) as unknown as Row | undefined);
  }
  const many = connection.sql(`${sql} IN (SELECT value FROM json_each(?))`);
  const found = many.all(...values, JSON.stringify(keys)) as unknown as readonly Row[];
  const byKey = new Map(found.map((row) => [row[at] as string, row]));
  return keys.map((key) => byKey.get(key));
}

const sizeOfLog = (file: string): number => (existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0);
