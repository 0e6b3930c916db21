/** The tables of the floor: one row per version with its JSON text, the newest by id, patient + code + date, identifier. synchronous=FULL, one commit per turn of the event loop. */
import { DatabaseSync } from 'node:sqlite';
import { createIds, DEVICE_IDS } from './floor-answers.ts';

export interface FloorStore {
  newId(): string;
  /** Stores the resource as version `number` and returns its text. */
  put(resource: any, id: string, number: number): string;
  remove(id: string): void;
  /** Writes the audit row of one read or search. */
  note(target: string): void;
  /** Text is empty after a deletion. */
  newest(id: string): { readonly number: number; readonly text: string } | undefined;
  version(id: string, number: number): string | undefined;
  byIdentifier(identifier: string): string[];
  deviceNamed(identifierValue: string): string | undefined;
  readings(patient: string, code: string, from: number, to: number, count: number): string[];
  readingsOf(patient: string, count: number): string[];
  /** Runs `work` in the transaction of this turn of the event loop; `done` is called when that is on disk. */
  write<T>(work: () => T, done: (result: T) => void): void;
  close(): void;
}

const TABLES = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000;
  PRAGMA cache_size = -65536; PRAGMA mmap_size = 1073741824;
  CREATE TABLE IF NOT EXISTS version (row INTEGER PRIMARY KEY, id TEXT NOT NULL, number INTEGER NOT NULL, text TEXT NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS version_of ON version (id, number);
  CREATE TABLE IF NOT EXISTS newest (id TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reading (patient TEXT, code TEXT, at INTEGER, row INTEGER, PRIMARY KEY (patient, code, at, row)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS identifier (value TEXT, id TEXT, PRIMARY KEY (value, id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS audit (row INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, target TEXT NOT NULL);`;

export function openFloorStore(file: string): FloorStore {
  const db = new DatabaseSync(file);
  db.exec(TABLES);
  const begin = db.prepare('BEGIN');
  const commit = db.prepare('COMMIT');
  const addVersion = db.prepare('INSERT INTO version (id, number, text) VALUES (?, ?, ?)');
  const setNewest = db.prepare('INSERT OR REPLACE INTO newest (id, row) VALUES (?, ?)');
  const addReading = db.prepare('INSERT INTO reading (patient, code, at, row) VALUES (?, ?, ?, ?)');
  const dropReading = db.prepare('DELETE FROM reading WHERE patient = ? AND code = ? AND at = ? AND row = ?');
  const addIdentifier = db.prepare('INSERT OR IGNORE INTO identifier (value, id) VALUES (?, ?)');
  const addAudit = db.prepare('INSERT INTO audit (at, who, target) VALUES (?, ?, ?)');
  const getNewest = db.prepare(
    'SELECT version.number, version.row, version.text FROM newest JOIN version ON version.row = newest.row WHERE newest.id = ?',
  );
  const getVersion = db.prepare('SELECT text FROM version WHERE id = ? AND number = ?');
  const getIdentified = db.prepare(`SELECT version.text FROM identifier JOIN newest ON newest.id = identifier.id
    JOIN version ON version.row = newest.row WHERE identifier.value = ?`);
  const getReadings = db.prepare(`SELECT version.text FROM reading JOIN version ON version.row = reading.row
    WHERE patient = ? AND code = ? AND at >= ? AND at < ? ORDER BY at DESC LIMIT ?`);
  const getReadingsOf = db.prepare(
    'SELECT version.text FROM reading JOIN version ON version.row = reading.row WHERE patient = ? LIMIT ?',
  );

  const keyOf = (observation: any): [string, string, number] => {
    const { system, code } = observation.code.coding[0];
    return [observation.subject.reference, `${system}|${code}`, Date.parse(observation.effectiveDateTime)];
  };
  const texts = (rows: readonly any[]): string[] => rows.map(({ text }) => text);

  function forget(row: number | bigint, text: string): void {
    const before = JSON.parse(text);
    if (before.resourceType === 'Observation') dropReading.run(...keyOf(before), row);
  }

  let waiting: (() => void)[] | undefined;
  const newId = createIds();

  return {
    newId,
    put(resource, id, number) {
      resource.id = id;
      resource.meta = { versionId: `${number}`, lastUpdated: new Date().toISOString() };
      const text = JSON.stringify(resource);
      const before: any = number > 1 ? getNewest.get(id) : undefined;
      const row = addVersion.run(id, number, text).lastInsertRowid;
      setNewest.run(id, row);
      if (before?.text) forget(before.row, before.text);
      else for (const { system, value } of resource.identifier ?? []) addIdentifier.run(`${system}|${value}`, id);
      if (resource.resourceType === 'Observation') addReading.run(...keyOf(resource), row);
      return text;
    },
    remove(id) {
      const before: any = getNewest.get(id);
      if (!before?.text) return;
      forget(before.row, before.text);
      setNewest.run(id, addVersion.run(id, before.number + 1, '').lastInsertRowid);
    },
    note: (target) => {
      addAudit.run(Date.now(), 'bench', target);
    },
    newest: (id) => getNewest.get(id) as any,
    version: (id, number) => (getVersion.get(id, number) as any)?.text,
    byIdentifier: (identifier) => texts(getIdentified.all(identifier)).filter((text) => text !== ''),
    deviceNamed: (value) => (getIdentified.get(`${DEVICE_IDS}|${value}`) as any)?.text,
    readings: (patient, code, from, to, count) => texts(getReadings.all(patient, code, from, to, count)),
    readingsOf: (patient, count) => texts(getReadingsOf.all(patient, count)),
    write(work, done) {
      if (!waiting) {
        waiting = [];
        begin.run();
        setImmediate(() => {
          commit.run();
          const answered = waiting!;
          waiting = undefined;
          for (const finish of answered) finish();
        });
      }
      const result = work();
      waiting.push(() => done(result));
    },
    close: () => db.close(),
  };
}
