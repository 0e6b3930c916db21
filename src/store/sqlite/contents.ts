/** All that the store holds, table after table, for moving house. */
import type { Contents, HeldVersion } from '../engine.ts';
import type { HeldValue, StoredAuditRow, StoredChange } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import type { VersionLog } from './log.ts';
import { auditColumns, auditRowOf, versionOf } from './rows.ts';

/** Rows at a time; of versions as many as have so many bytes of text. */
const ROWS = 500;
const BYTES = 8 << 20;

export function contentsOf(connection: Connection, log: Pick<VersionLog, 'follow' | 'end'>): Contents {
  const rowsOf = (sql: string, ...values: readonly (string | number)[]) =>
    connection.sql(sql).all(...values) as unknown as readonly Row[];

  /** In batches, since a statement that is left half-way could not be used by anybody else. */
  async function* inBatches<T, P>(after: P, batch: (after: P) => readonly T[], placeOf: (one: T) => P) {
    for (let place = after; ; ) {
      const found = batch(place);
      if (found.length === 0) return;
      yield* found;
      place = placeOf(found[found.length - 1]!);
    }
  }

  const versionsAfter = (place: string): readonly HeldVersion[] => {
    let last = Number(place);
    let bytes = 0;
    const sizes = `SELECT seq, coalesce(octet_length(body), 0) FROM version WHERE seq > ? ORDER BY seq LIMIT ${ROWS}`;
    for (const [seq, size] of rowsOf(sizes, last)) {
      last = seq;
      if ((bytes += size) > BYTES) break;
    }
    return rowsOf(
      `SELECT v.seq, r.seq, r.key, v.version, v.updated, v.method, v.body
       FROM version v CROSS JOIN resource r ON r.pk = v.resource WHERE v.seq > ? AND v.seq <= ? ORDER BY v.seq`,
      Number(place),
      last,
    ).map((row) => ({ place: String(row[0]), version: versionOf(row, 2), isNewest: row[0] === row[1] }));
  };

  const keptAfter = ({ kind, key }: Pick<HeldValue, 'kind' | 'key'>): readonly HeldValue[] =>
    rowsOf(
      `SELECT kind, key, value, expires FROM kept WHERE (kind, key) > (?, ?) ORDER BY kind, key LIMIT ${ROWS}`,
      kind,
      key,
    ).map(([kind, key, value, expires]) => ({
      kind,
      key,
      value: JSON.parse(value),
      ...(expires !== null && { expires }),
    }));

  const auditAfter = (sequence: number): readonly StoredAuditRow[] =>
    rowsOf(`SELECT ${auditColumns} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ${ROWS}`, sequence).map(
      auditRowOf,
    );

  return {
    versions: (after = '0') => inBatches(after, versionsAfter, ({ place }) => place),
    kept: (after = { kind: '', key: '' }) =>
      inBatches<HeldValue, Pick<HeldValue, 'kind' | 'key'>>(after, keptAfter, (one) => one),
    audit: (after = 0) => inBatches(after, auditAfter, ({ sequence }) => sequence),
    async *changesSoFar(after): AsyncGenerator<StoredChange> {
      const end = log.end();
      // What is behind the end is of another store, or of one that was put back to what it was before.
      if (after !== undefined && (!/^\d{1,16}$/.test(after) || Number(after) > Number(end)))
        throw new RangeError('this is no token of the version log');
      if (after === end) return;
      if (end === '0') return;
      for await (const change of log.follow(after, new AbortController().signal)) {
        yield change;
        if (change.token === end) return;
      }
    },
  };
}
