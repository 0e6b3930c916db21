/** Takes in what another store held, as it was: versions, audit rows and kept values with all that they say of themselves. */
import { refused } from '../refusals.ts';
import type { Connection, Row } from './connection.ts';
import { stampEntries } from './entries.ts';
import { changeEntries } from './index-rows.ts';
import { auditColumns, methods } from './rows.ts';
import { own } from './schema.ts';
import type { Step } from './step.ts';
import { changeWords } from './words.ts';

const nothing = new Uint8Array();
const DELETE = methods.indexOf('DELETE');

/** Before the list is written: what goes in comes next, also within the list. Throws a conflict. */
export function expectNext(connection: Connection, list: readonly Step[]): void {
  const newest = new Map<string, number>();
  let lastRow: number | undefined;
  for (const step of list) {
    if (step.op === 'restore-version') {
      const stored = connection.sql('SELECT version FROM resource WHERE key = ?').get(step.key) as unknown as
        | Row
        | undefined;
      const last = newest.get(step.key) ?? stored?.[0] ?? 0;
      if (step.version !== last + 1) throw refused.isNotNext(step.key, last);
      newest.set(step.key, step.version);
    } else if (step.op === 'restore-row') {
      lastRow ??= lastSequence(connection);
      if (step.sequence <= lastRow) throw refused.hasRow(lastRow);
      lastRow = step.sequence;
    }
  }
}

const lastSequence = (connection: Connection): number =>
  (connection.sql('SELECT coalesce(max(sequence), 0) FROM audit').get() as unknown as Row)[0];

export function restoreVersion(connection: Connection, step: Extract<Step, { op: 'restore-version' }>): void {
  const { key, version, updated, method, body, refs, tokens, entries } = step;
  const gone = method === DELETE ? 1 : 0;
  if (entries.length > 0) stampEntries(entries, updated);
  const stored = connection.sql('SELECT pk, entries FROM resource WHERE key = ?').get(key) as unknown as
    | Row
    | undefined;
  const pk: number =
    stored?.[0] ??
    connection
      .sql('INSERT INTO resource (key, version, seq, gone, entries, refs) VALUES (?, 0, 0, 0, ?, ?)')
      .run(key, nothing, '').lastInsertRowid;
  const seq = connection
    .sql('INSERT INTO version (resource, version, updated, method, body) VALUES (?, ?, ?, ?, ?)')
    .run(pk, version, updated, method, body).lastInsertRowid;
  connection
    .sql('UPDATE resource SET version = ?, seq = ?, gone = ?, entries = ?, refs = ? WHERE pk = ?')
    .run(version, seq, gone, entries, refs, pk);
  const before: Uint8Array = stored?.[1] ?? nothing;
  changeEntries(connection, pk, before, entries);
  changeWords(connection, pk, before, entries, tokens);
}

/** Numbers that are left out are counted, so that the last one still tells how many rows there are. */
export function restoreRow(connection: Connection, step: Extract<Step, { op: 'restore-row' }>): void {
  const left = step.sequence - lastSequence(connection) - 1;
  if (left > 0) {
    connection
      .sql(
        `INSERT INTO setting (name, value) VALUES ('${own.auditGaps}', ?)
         ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + CAST(excluded.value AS INTEGER) AS TEXT)`,
      )
      .run(String(left));
  }
  connection
    .sql(`INSERT INTO audit (${auditColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(step.sequence, ...step.columns);
}
