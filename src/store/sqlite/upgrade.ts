/** Brings the index of a store that an older Watchfire wrote up to date, in the background, and goes on where it was stopped. */
import type { IndexUpgrade } from '../engine.ts';
import { setting } from './apply.ts';
import type { Connection, Row } from './connection.ts';
import type { OwnChange } from './group.ts';
import { versionOf } from './rows.ts';
import { own } from './schema.ts';
import type { Writer } from './writer.ts';

const STEP = 100;

/** True when the index is up to date at the end, false when the signal stopped it before. */
export async function upgradeIndex(connection: Connection, writer: Writer, upgrade: IndexUpgrade): Promise<boolean> {
  const { indexVersion, extract, signal, onProgress } = upgrade;
  if (Number(setting(connection, own.indexVersion)) >= indexVersion) return true;
  const [begun, place] = (setting(connection, own.reindexed) ?? '').split(':');
  // Progress towards another version says nothing about this one.
  let pk = begun === String(indexVersion) ? Number(place) : 0;
  const [[most]] = connection.sql('SELECT coalesce(max(pk), 0) FROM resource').all() as unknown as [Row];
  while (!signal.aborted) {
    const rows = connection
      .sql(
        `SELECT r.pk, r.key, r.version, v.updated, v.method, v.body FROM resource r CROSS JOIN version v ON v.seq = r.seq
         WHERE r.pk > ? AND r.gone = 0 ORDER BY r.pk LIMIT ${STEP}`,
      )
      .all(pk) as unknown as Row[];
    if (rows.length === 0) {
      await writer.commit([{ op: 'setting', name: own.indexVersion, value: String(indexVersion) }]);
      return true;
    }
    pk = rows[rows.length - 1]![0];
    const changes: OwnChange[] = rows.map((row) => {
      const version = versionOf(row, 1);
      return { op: 'reindex', key: version.key, versionId: version.versionId, index: extract(version) };
    });
    await writer.commit([...changes, { op: 'setting', name: own.reindexed, value: `${indexVersion}:${pk}` }]);
    onProgress?.(Math.min(pk, most), most);
  }
  return false;
}
