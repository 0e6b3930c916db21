/** Rows of the tables as the words of the port. */
import type { Kept, Method, StoredAuditRow, Version } from '../store.ts';
import { decodeBody } from './codec.ts';
import type { Row } from './connection.ts';

export const methods: readonly Method[] = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Columns (key, version, updated, method, body), from column `at` on. */
export function versionOf(row: Row, at = 0): Version {
  const key: string = row[at];
  const slash = key.indexOf('/');
  return {
    key: { type: key.slice(0, slash), id: key.slice(slash + 1) },
    versionId: row[at + 1],
    lastUpdated: row[at + 2],
    method: methods[row[at + 3]]!,
    text: decodeBody(row[at + 4]),
  };
}

/** Columns (kind, key, value, revision). */
export const keptOf = ([kind, key, value, revision]: Row): Kept => ({ kind, key, value: JSON.parse(value), revision });

export const auditColumns =
  'sequence, at, who, key, interaction, action, target, patients, status, request, address, query, reason';

export function auditRowOf(row: Row): StoredAuditRow {
  const [sequence, at, who, key, interaction, action, target, patients, status, requestId, address, query, reason] =
    row;
  return { sequence, at, who, key, interaction, action, target, patients, status, requestId, address, query, reason };
}
