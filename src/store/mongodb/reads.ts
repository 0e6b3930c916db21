/** Reads by key: newest versions, any version, the history of one resource. */
import type { Binary } from 'mongodb';
import { referenceTo } from '../../fhir/references.ts';
import type { Method, Store, Version } from '../store.ts';
import { bodyOf, type Collections } from './schema.ts';
import { together } from './together.ts';

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

interface Stored extends StoredVersion {
  readonly _id: string;
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
  /** The versions that are newest, by `Type/id`. */
  const newestOf = together(async (ids) => {
    const found = await resource
      .find<Stored>({ _id: { $in: [...ids] } }, { projection: versionFields, batchSize: ids.length + 1, maxTimeMS })
      .toArray();
    return new Map(found.map((stored) => [stored._id, stored]));
  });
  /** Those that were, by `Type/id/version`. */
  const formerOf = together(async (ids) => {
    const keys = ids.map((id) => id.slice(0, id.lastIndexOf('/')));
    const found = await version
      .find<Stored>(
        { _id: { $in: [...ids] }, k: { $in: keys } },
        // The keys name the shards; by them a long history would be gone through.
        { hint: { _id: 1 }, projection: versionFields, batchSize: ids.length + 1, maxTimeMS },
      )
      .toArray();
    return new Map(found.map((stored) => [stored._id, stored]));
  });
  const newest = async (key: string) => (await newestOf([key])).get(key);
  const former = async (key: string, versionId: number) => {
    const id = `${key}/${versionId}`;
    return (await formerOf([id])).get(id);
  };

  return {
    async read(keys) {
      if (keys.length === 0) return [];
      const ids = keys.map(referenceTo);
      const found = await newestOf([...new Set(ids)]);
      return ids.map((id) => {
        const stored = found.get(id);
        return stored && versionOf(id, stored);
      });
    },
    async vread(key, versionId) {
      const id = referenceTo(key);
      const [current, moved] = await Promise.all([newest(id), former(id, versionId)]);
      if (current?.v === versionId) return versionOf(id, current);
      // It may have been the newest until just between the two looks.
      const stored =
        moved ?? (current && versionId > 0 && versionId < current.v ? await former(id, versionId) : undefined);
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
