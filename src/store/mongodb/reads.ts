/** Reads by key: newest versions, any version, the history of one resource. */
import type { Binary } from 'mongodb';
import { referenceTo } from '../../fhir/references.ts';
import type { Method, Store, Version } from '../store.ts';
import { bodyOf, type Collections } from './schema.ts';

/** What a Version is made of, in both collections. */
export const versionFields = { v: 1, u: 1, m: 1, b: 1 } as const;

/** Milliseconds that a read by key may take on the server; who waits for an answer has a limit of its own (reaching.ts). */
export const maxTimeMS = 10_000;

export interface StoredVersion {
  readonly v: number;
  readonly u: number;
  readonly m: Method;
  readonly b?: Binary;
}

/** `key` is `Type/id`. */
export function versionOf(key: string, { v, u, m, b }: StoredVersion): Version {
  const slash = key.indexOf('/');
  return {
    key: { type: key.slice(0, slash), id: key.slice(slash + 1) },
    versionId: v,
    lastUpdated: u,
    method: m,
    text: bodyOf(b),
  };
}

export function createReads({
  resource,
  version,
}: Pick<Collections, 'resource' | 'version'>): Pick<Store, 'read' | 'vread' | 'history'> {
  const newest = (key: string) =>
    resource.findOne<StoredVersion>({ _id: key }, { projection: versionFields, maxTimeMS });
  const former = (key: string, versionId: number) =>
    version.findOne<StoredVersion>({ _id: `${key}/${versionId}`, k: key }, { projection: versionFields, maxTimeMS });

  return {
    async read(keys) {
      const ids = [...new Set(keys.map(referenceTo))];
      if (ids.length === 0) return [];
      const found = resource.find<StoredVersion & { _id: string }>(
        { _id: { $in: ids } },
        { projection: versionFields, batchSize: ids.length, maxTimeMS },
      );
      const byKey = new Map<string, Version>();
      for await (const stored of found) byKey.set(stored._id, versionOf(stored._id, stored));
      return keys.map((key) => byKey.get(referenceTo(key)));
    },
    async vread(key, versionId) {
      const id = referenceTo(key);
      const [current, moved] = await Promise.all([newest(id), former(id, versionId)]);
      if (current?.v === versionId) return versionOf(id, current);
      // It may have been the newest until just between the two looks.
      const stored = moved ?? (current && versionId > 0 && versionId < current.v ? await former(id, versionId) : null);
      return stored ? versionOf(id, stored) : undefined;
    },
    async history(key, { count, before = Number.MAX_SAFE_INTEGER, since = 0 }) {
      const id = referenceTo(key);
      const current = await newest(id);
      if (!current || current.u < since) return { versions: [], total: 0 };
      const isIn = current.v <= before;
      const most = Math.max(0, count) - (isIn ? 1 : 0);
      // Versions below the one that was seen are there and never change: no snapshot is needed.
      const older = version.find<StoredVersion>(
        { k: id, v: { $lt: current.v, $lte: before }, u: { $gte: since } },
        { projection: versionFields, sort: { v: -1 }, limit: most, maxTimeMS },
      );
      const [versions, last] = await Promise.all([
        most > 0 ? older.toArray() : [],
        // Numbers have no gaps, and time rises with them.
        since > 0
          ? version.findOne<StoredVersion>(
              { k: id, v: { $lt: current.v }, u: { $lt: since } },
              { projection: { v: 1 }, sort: { v: -1 }, maxTimeMS },
            )
          : null,
      ]);
      const all = isIn && count > 0 ? [current, ...versions] : versions;
      return { versions: all.map((stored) => versionOf(id, stored)), total: current.v - (last?.v ?? 0) };
    },
  };
}
