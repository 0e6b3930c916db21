/** Reads what is stored in the order of time, out of a snapshot: the part of the version log that no change stream has. */
import { type FindCursor, ReadConcern, type Timestamp } from 'mongodb';
import type { Version } from '../store.ts';
import type { LogPlace } from './log-token.ts';
import type { Parts } from './parts.ts';
import { type StoredVersion, versionFields, versionOf } from './reads.ts';

type Served = Pick<Parts, 'client' | 'collections'>;
type Named = StoredVersion & { readonly key: string };

/** The latest cluster time that a majority of the members has: whoever reads from now on sees all up to it. */
export async function majorityTime({ client, collections }: Served): Promise<Timestamp> {
  return client.withSession({ causalConsistency: true }, async (session) => {
    await collections.fact.findOne({ _id: '' }, { session, readConcern: 'majority' });
    return session.operationTime!;
  });
}

/** Versions after the place as they were stored at the cluster time, by lastUpdated and `Type/id`. Memory holds those of one moment. */
export async function* storedAfter(
  { client, collections: { resource, version } }: Served,
  place: LogPlace,
  at: Timestamp,
): AsyncGenerator<Version, void, void> {
  const types = await resource.distinct('t');
  const session = client.startSession({ snapshot: true });
  // The driver keeps here what the first read of a session answers; it declares no way to say it before.
  (session as { snapshotTime?: Timestamp }).snapshotTime = at;
  const options = { session, readConcern: new ReadConcern('snapshot') };
  const since = { $gte: place.u };
  // One type after the other has the order of time; the server merges them.
  const newest = resource
    .find({ t: { $in: types }, u: since }, { ...options, projection: versionFields, sort: { u: 1, p: 1 } })
    .map(({ _id, ...stored }): Named => ({ ...stored, key: _id }));
  const former = version
    .find({ u: since }, { ...options, projection: { ...versionFields, k: 1 }, sort: { u: 1 } })
    .map(({ k, ...stored }): Named => ({ ...stored, key: k }));
  try {
    const sources = [await openSource(newest), await openSource(former)] as const;
    for (;;) {
      const u = Math.min(...sources.map(({ head }) => head()?.u ?? Number.POSITIVE_INFINITY));
      if (u === Number.POSITIVE_INFINITY) return;
      const together: Named[] = [];
      for (const source of sources) {
        for (let head = source.head(); head?.u === u; head = source.head()) {
          together.push(head);
          await source.advance();
        }
      }
      together.sort((one, other) => (one.key < other.key ? -1 : 1));
      for (const stored of together) {
        if (u > place.u || stored.key > place.key) yield versionOf(stored.key, stored);
      }
    }
  } finally {
    await Promise.allSettled([newest.close(), former.close()]);
    await session.endSession();
  }
}

async function openSource(cursor: FindCursor<Named>) {
  let first = await cursor.next();
  return {
    head: () => first,
    async advance() {
      first = await cursor.next();
    },
  };
}

/** Keys and numbers of the versions of a span of time, of all types or one, as `Type/id/version`. */
export async function namesBetween(
  { collections: { resource, version } }: Pick<Served, 'collections'>,
  from: number,
  until: number,
  type?: string,
): Promise<readonly string[]> {
  const u = { $gte: from, $lt: until };
  // In this order, so that what moves from the one to the other meanwhile is seen at least once.
  const types = type === undefined ? await resource.distinct('t') : [type];
  const newest = await resource.find({ t: { $in: types }, u }, { projection: { v: 1 } }).toArray();
  const stored = await version.find({ u }, { projection: { _id: 1 } }).toArray();
  // No index has type and time of former versions.
  const former = stored.filter(({ _id }) => type === undefined || _id.startsWith(`${type}/`));
  return [...new Set([...newest.map(({ _id, v }) => `${_id}/${v}`), ...former.map(({ _id }) => _id)])];
}
