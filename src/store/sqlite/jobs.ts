/** What may take long and can run on any connection: searches and windows of the audit log. Each is one snapshot. */
import type { SearchQuery } from '../../search/query.ts';
import type { AuditWindow, Cursor, Page, StoredAuditRow } from '../store.ts';
import { join, type Piece, piece } from './compile.ts';
import type { Connection, Row } from './connection.ts';
import { explainSearch, type Told } from './explain.ts';
import { auditColumns, auditRowOf } from './rows.ts';
import { runSearch } from './search.ts';

export type Job =
  | { readonly is: 'search'; readonly query: SearchQuery; readonly after: Cursor | undefined }
  | { readonly is: 'explain'; readonly query: SearchQuery }
  | { readonly is: 'audit'; readonly window: AuditWindow };

export type Result = Page | Told | readonly StoredAuditRow[];

/** `watch` is asked for every row that is looked at; what it throws ends the job. `isHeld`: a transaction is open already. */
export function runJob(connection: Connection, job: Job, watch: () => void, isHeld = false): Result {
  connection.watch = watch;
  if (!isHeld) connection.sql('BEGIN').run();
  try {
    if (job.is === 'audit') return auditRows(connection, job.window);
    return job.is === 'search' ? runSearch(connection, job.query, job.after) : explainSearch(connection, job.query);
  } finally {
    if (!isHeld) connection.sql('COMMIT').run();
  }
}

const touches = (patient: string): Piece => piece(`instr(' ' || patients || ' ', ' ' || ? || ' ') > 0`, patient);

function auditRows(connection: Connection, window: AuditWindow): StoredAuditRow[] {
  const { sequence, from, to, patient, who, key, action, interaction, entity, before, count } = window;
  const conditions: Piece[] = [piece('deadline(sequence)')];
  if (sequence !== undefined) conditions.push(piece('sequence = ?', sequence));
  if (before !== undefined) conditions.push(piece('sequence < ?', before));
  if (from !== undefined) conditions.push(piece('at >= ?', from));
  if (to !== undefined) conditions.push(piece('at <= ?', to));
  if (who !== undefined) conditions.push(piece('who = ?', who));
  if (key !== undefined) conditions.push(piece('key = ?', key));
  if (action !== undefined) conditions.push(piece('action = ?', action));
  if (interaction !== undefined) conditions.push(piece('interaction = ?', interaction));
  if (patient !== undefined) conditions.push(touches(patient));
  if (entity !== undefined) {
    // `Patient/1 $everything` is about Patient/1.
    const { sql, values } = touches(entity);
    conditions.push(piece(`(instr(target || ' ', ? || ' ') = 1 OR ${sql})`, entity, ...values));
  }
  const { sql, values } = join(conditions, ' AND ');
  const statement = connection.sql(`SELECT ${auditColumns} FROM audit WHERE ${sql} ORDER BY sequence DESC LIMIT ?`);
  return (statement.all(...values, Math.max(0, count)) as unknown as Row[]).map(auditRowOf);
}
