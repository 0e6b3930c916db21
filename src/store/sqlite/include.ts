/** The resources that the matches of a page point to, from the same snapshot. https://hl7.org/fhir/R4/search.html#include */
import { referenceTo } from '../../fhir/references.ts';
import type { Include } from '../../search/query.ts';
import type { Version } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import { lookFor } from './looks.ts';
import { versionOf } from './rows.ts';

/** Most resources that one page brings along. */
const MOST = 1_000;

/**
 * Rows are those of the matches, with their pk in column 0 and their references in column 6. Which reference stands under
 * which name is told by the entries, read for the few rows that name something new, so no body is parsed.
 */
export function includedBy(
  connection: Connection,
  includes: readonly Include[],
  matches: readonly Version[],
  rows: readonly Row[],
): Version[] {
  if (includes.length === 0) return [];
  const known = new Set(matches.map(({ key }) => referenceTo(key)));
  const included: Version[] = [];
  const read = connection.sql(
    `SELECT r.key, r.version, v.updated, v.method, v.body FROM resource r CROSS JOIN version v ON v.seq = r.seq
     WHERE r.key = ? AND r.gone = 0`,
  );
  const readEntries = connection.sql('SELECT entries FROM resource WHERE pk = ?');
  for (const row of rows) {
    if (row[6] === '') continue;
    let entries: Uint8Array | undefined;
    const targets = (row[6] as string).split('\n');
    for (const { name, target: type } of includes) {
      for (const target of targets) {
        if (known.has(target) || (type !== undefined && !target.startsWith(`${type}/`))) continue;
        entries ??= (readEntries.get(row[0]) as unknown as Row)[0] as Uint8Array;
        if (name === undefined || !lookFor('', { is: 'reference', name, target }, connection.hashing)(entries, ''))
          continue;
        known.add(target);
        const found = read.get(target) as unknown as Row | undefined;
        if (found) included.push(versionOf(found));
        if (included.length === MOST) return included;
      }
    }
  }
  return included;
}
