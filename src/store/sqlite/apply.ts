/**
 * What the writer does with a group of commits: one transaction, in which each list is first held against the state that it
 * expects and then written; a list that fails an expectation leaves nothing and touches no other.
 */
import { Problem, problem } from '../../fhir/outcome.ts';
import { fillGap } from '../gap.ts';
import { refused } from '../refusals.ts';
import { encodeBody } from './codec.ts';
import { type Connection, diskFault, type Row } from './connection.ts';
import { stampEntries } from './entries.ts';
import { type GroupMessage, openGroup } from './group.ts';
import { addEntries, changeEntries } from './index-rows.ts';
import { expectNext, restoreRow, restoreVersion } from './restore.ts';
import { auditColumns, methods } from './rows.ts';
import { own } from './schema.ts';
import { runSearch } from './search.ts';
import { ABSENT, ANY, type Step } from './step.ts';
import { changeWords, settleWords } from './words.ts';

/** What became of one list: the facts of its writes (versionId, lastUpdated, created as 1 or 0, three each), or why not. */
export type Outcome = readonly number[] | { readonly code: 'conflict' | 'timeout' | 'transient'; readonly why: string };

export type Applied =
  | { readonly outcomes: readonly Outcome[] }
  /** The disk failed: nobody may be told that anything was stored, and nothing may be written any more. */
  | { readonly fault: string };

const DELETE = methods.indexOf('DELETE');
/** A conditional may hold the writer up for so long. */
const PATIENCE = 1_000;

/** `clock` is a running one, for deadlines; what is stored takes its time from the message. Never throws. */
function applyGroup(connection: Connection, message: GroupMessage, clock: () => number): Applied {
  const lists = openGroup(message);
  try {
    return { outcomes: inTransaction(connection, lists, message.now, clock) };
  } catch (error) {
    const fault = rollBack(connection) ?? diskFault(error);
    if (fault !== undefined) return { fault };
    if (lists.length === 1) return { outcomes: [unexpected(error)] };
  }
  // One of the lists cannot be written; alone each of them shows whether it is the one.
  const outcomes: Outcome[] = [];
  for (const list of openGroup(message)) {
    try {
      outcomes.push(...inTransaction(connection, [list], message.now, clock));
    } catch (error) {
      const fault = rollBack(connection) ?? diskFault(error);
      if (fault !== undefined) return { fault };
      outcomes.push(unexpected(error));
    }
  }
  return { outcomes };
}

/** Groups one after another. After the first fault of the disk nothing is written any more: what it says from then on is not to be believed. */
export function untilFault(connection: Connection, clock: () => number): (message: GroupMessage) => Applied {
  let broken: Applied | undefined;
  return (message) => {
    if (broken) return broken;
    const applied = applyGroup(connection, message, clock);
    if ('fault' in applied) broken = applied;
    return applied;
  };
}

const unexpected = (error: unknown): Outcome => ({
  code: 'transient',
  why: `The store could not write this: ${(error as Error).message}`,
});

/** Undefined when nothing of the transaction is left. */
function rollBack(connection: Connection): string | undefined {
  try {
    connection.exec('ROLLBACK');
  } catch (error) {
    // SQLite rolls back by itself on some errors and then says that there is no transaction.
    return diskFault(error);
  }
  return undefined;
}

function inTransaction(connection: Connection, lists: readonly Step[][], now: number, clock: () => number): Outcome[] {
  connection.exec('BEGIN IMMEDIATE');
  const ledger = { connection, now, revision: undefined as number | undefined };
  const outcomes = lists.map((list): Outcome => {
    try {
      expectAll(ledger, list, clock);
    } catch (error) {
      if (!(error instanceof Problem) || (error.code !== 'conflict' && error.code !== 'timeout')) throw error;
      return { code: error.code, why: error.message };
    }
    return writeAll(ledger, list);
  });
  if (lists.some((list) => list.some((step) => 'tokens' in step && step.tokens !== ''))) settleWords(connection);
  if (ledger.revision !== undefined) setSetting(connection, own.revision, String(ledger.revision));
  connection.exec('COMMIT');
  return outcomes;
}

interface Ledger {
  readonly connection: Connection;
  readonly now: number;
  /** The last revision given, once one was needed. */
  revision: number | undefined;
}

// --- expectations: all of them hold against the state before the list's own changes

function expectAll(ledger: Ledger, list: readonly Step[], clock: () => number): void {
  for (const step of list) {
    switch (step.op) {
      case 'write':
        if (step.expect !== ANY) expectVersion(ledger, step.key, step.expect);
        break;
      case 'expect-resource':
        expectVersion(ledger, step.key, step.at);
        break;
      case 'expect-kept':
        expectRevision(ledger, step.kind, step.key, step.at);
        break;
      case 'put':
      case 'drop':
        if (step.expect !== ANY) expectRevision(ledger, step.kind, step.key, step.expect);
        if (step.fence !== '') expectEpoch(ledger, step.fence, step.epoch);
        break;
      case 'expect-query':
        expectMatches(ledger, step, clock);
    }
  }
  expectNext(ledger.connection, list);
}

function expectVersion({ connection }: Ledger, key: string, expected: number): void {
  const row = connection.sql('SELECT version, gone FROM resource WHERE key = ?').get(key) as unknown as Row | undefined;
  const newest = row && !row[1] ? row[0] : ABSENT;
  if (expected === ABSENT && newest !== ABSENT) throw refused.isThere(key);
  if (newest !== expected) throw refused.movedOn(key, expected);
}

function keptAt({ connection, now }: Ledger, kind: string, key: string): Row | undefined {
  const sql = 'SELECT revision, value FROM kept WHERE kind = ? AND key = ? AND (expires IS NULL OR expires > ?)';
  return connection.sql(sql).get(kind, key, now) as unknown as Row | undefined;
}

function expectRevision(ledger: Ledger, kind: string, key: string, expected: number): void {
  const revision = keptAt(ledger, kind, key)?.[0] ?? ABSENT;
  if (revision !== expected) throw refused.keptChanged(kind);
}

/** Leases are kept values of the kind `lease` with an `epoch`. */
function expectEpoch(ledger: Ledger, key: string, epoch: number): void {
  const lease = keptAt(ledger, 'lease', key);
  const newest = lease ? JSON.parse(lease[1]).epoch : undefined;
  if (typeof newest === 'number' && newest > epoch) throw refused.leaseLost(key);
}

function expectMatches({ connection }: Ledger, step: Extract<Step, { op: 'expect-query' }>, clock: () => number): void {
  const end = clock() + PATIENCE;
  connection.watch = () => {
    if (clock() > end) throw problem('timeout', 'The condition of a write took too long to check');
  };
  const found = runSearch(connection, { ...step.query, total: 'none', includes: [] }, undefined).matches;
  const expected = new Set(step.matches);
  if (found.length !== expected.size || !found.every(({ key }) => expected.has(`${key.type}/${key.id}`))) {
    throw refused.othersMatch(step.query.type);
  }
}

// --- writes

function writeAll(ledger: Ledger, list: readonly Step[]): number[] {
  const written: number[] = [];
  for (const step of list) {
    switch (step.op) {
      case 'write':
        written.push(...write(ledger, step));
        break;
      case 'put':
        put(ledger, step);
        break;
      case 'drop':
        ledger.connection.sql('DELETE FROM kept WHERE kind = ? AND key = ?').run(step.kind, step.key);
        break;
      case 'append':
        ledger.connection
          .sql(`INSERT INTO audit (${auditColumns}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
          .run(...step.columns);
        break;
      case 'reindex':
        reindex(ledger, step);
        break;
      case 'setting':
        setSetting(ledger.connection, step.name, step.value);
        break;
      case 'restore-version':
        restoreVersion(ledger.connection, step);
        break;
      case 'restore-row':
        restoreRow(ledger.connection, step);
        break;
      case 'restore-kept':
        keep(ledger, step, step.expires === ABSENT ? null : step.expires);
    }
  }
  return written;
}

/** The block of a resource that was not there. */
const nothing = new Uint8Array();

/** pk, version, gone, entries, updated of the newest version. */
const newestOf = (connection: Connection, key: string): Row | undefined =>
  connection
    .sql(
      `SELECT r.pk, r.version, r.gone, r.entries, v.updated FROM resource r CROSS JOIN version v ON v.seq = r.seq
       WHERE r.key = ?`,
    )
    .get(key) as unknown as Row | undefined;

function write({ connection, now }: Ledger, step: Extract<Step, { op: 'write' }>): [number, number, number] {
  const { key, method, before, after, refs, tokens, entries } = step;
  const newest = newestOf(connection, key);
  const version = newest ? newest[1] + 1 : 1;
  const updated = newest ? Math.max(now, newest[4] + 1) : now;
  const gone = method === DELETE ? 1 : 0;
  const body = gone ? '' : encodeBody(fillGap([before, after], version, updated));
  if (!gone) stampEntries(entries, updated);
  const addVersion = connection.sql(
    'INSERT INTO version (resource, version, updated, method, body) VALUES (?, ?, ?, ?, ?)',
  );
  if (!newest) {
    const add = connection.sql(
      'INSERT INTO resource (key, version, seq, gone, entries, refs) VALUES (?, 1, 0, ?, ?, ?)',
    );
    const pk = add.run(key, gone, entries, refs).lastInsertRowid;
    const seq = addVersion.run(pk, version, updated, method, body).lastInsertRowid;
    connection.sql('UPDATE resource SET seq = ? WHERE pk = ?').run(seq, pk);
    addEntries(connection, pk as number, entries);
    changeWords(connection, pk as number, nothing, entries, tokens);
    return [version, updated, 1];
  }
  const pk: number = newest[0];
  const seq = addVersion.run(pk, version, updated, method, body).lastInsertRowid;
  connection
    .sql('UPDATE resource SET version = ?, seq = ?, gone = ?, entries = ?, refs = ? WHERE pk = ?')
    .run(version, seq, gone, entries, refs, pk);
  changeEntries(connection, pk, newest[3], entries);
  changeWords(connection, pk, newest[3], entries, tokens);
  return [version, updated, newest[2] ? 1 : 0];
}

function put(ledger: Ledger, step: Extract<Step, { op: 'put' }>): void {
  const { connection, now } = ledger;
  const { expiresIn } = step;
  if (expiresIn !== ABSENT) {
    // Whoever lets values expire also clears some of those that have.
    const some = 'SELECT kind, key FROM kept WHERE expires <= ? LIMIT 100';
    connection.sql(`DELETE FROM kept WHERE (kind, key) IN (${some})`).run(now);
  }
  keep(ledger, step, expiresIn === ABSENT ? null : now + expiresIn);
}

function keep(ledger: Ledger, { kind, key, value }: Kept, expires: number | null): void {
  const { connection } = ledger;
  ledger.revision ??= Number(setting(connection, own.revision));
  ledger.revision++;
  connection
    .sql('INSERT OR REPLACE INTO kept (kind, key, value, revision, expires) VALUES (?, ?, ?, ?, ?)')
    .run(kind, key, value, ledger.revision, expires);
}

type Kept = Pick<Extract<Step, { op: 'put' }>, 'kind' | 'key' | 'value'>;

function reindex({ connection }: Ledger, step: Extract<Step, { op: 'reindex' }>): void {
  const newest = newestOf(connection, step.key);
  if (!newest || newest[1] !== step.version || newest[2]) return;
  stampEntries(step.entries, newest[4]);
  connection.sql('UPDATE resource SET entries = ?, refs = ? WHERE pk = ?').run(step.entries, step.refs, newest[0]);
  changeEntries(connection, newest[0], newest[3], step.entries);
  changeWords(connection, newest[0], newest[3], step.entries, step.tokens);
}

export function setting(connection: Connection, name: string): string | undefined {
  const row = connection.sql('SELECT value FROM setting WHERE name = ?').get(name) as unknown as Row | undefined;
  return row?.[0];
}

function setSetting(connection: Connection, name: string, value: string): void {
  connection.sql('INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)').run(name, value);
}
