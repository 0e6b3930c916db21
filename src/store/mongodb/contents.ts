/** All that the store holds, for moving house. Nobody else works on it meanwhile, so that no snapshot is needed. */
import type { Contents, HeldVersion } from '../engine.ts';
import type { HeldValue, StoredAuditRow, StoredChange, Version } from '../store.ts';
import { auditRowOf } from './audit.ts';
import type { Parts } from './parts.ts';
import { type StoredVersion, versionFields, versionOf } from './reads.ts';
import { type KeptDocument, keptId } from './schema.ts';
import type { VersionLog } from './version-log.ts';

/** Resources whose versions are asked for at a time. */
const RESOURCES = 200;
/** No query goes without an index, also where all that there is is wanted. */
const hint = { _id: 1 } as const;

interface InPlace {
  readonly _id: string;
  readonly p: number;
  readonly v: number;
}

export function contentsOf({ collections }: Parts, log: Pick<VersionLog, 'soFar'>): Contents {
  const { resource, version, kept, audit } = collections;

  /** Resources in the order of listings, which no index has for all types together. */
  async function* inOrder(after: number): AsyncGenerator<readonly InPlace[], void, void> {
    const sorted = resource.aggregate<InPlace>(
      [{ $match: { p: { $gte: after } } }, { $project: { p: 1, v: 1 } }, { $sort: { p: 1 } }],
      { hint, allowDiskUse: true, batchSize: 1_000 },
    );
    let some: InPlace[] = [];
    for await (const one of sorted) {
      some.push(one);
      if (some.length < RESOURCES) continue;
      yield some;
      some = [];
    }
    yield some;
  }

  async function* versionsOf(some: readonly InPlace[]): AsyncGenerator<{ of: InPlace; version: Version }, void, void> {
    const keys = some.map(({ _id }) => _id);
    const newest = new Map<string, StoredVersion>();
    const found = resource.find<StoredVersion & { _id: string }>({ _id: { $in: keys } }, { projection: versionFields });
    for await (const { _id, ...stored } of found) newest.set(_id, stored);
    for (const one of some) {
      if (one.v > 1) {
        const former = version.find<StoredVersion>({ k: one._id }, { projection: versionFields, sort: { v: 1 } });
        for await (const stored of former) yield { of: one, version: versionOf(one._id, stored) };
      }
      yield { of: one, version: versionOf(one._id, newest.get(one._id)!) };
    }
  }

  return {
    /** A place is the resource's in listings, and the number of the version. */
    async *versions(after = '0 0'): AsyncGenerator<HeldVersion, void, void> {
      const [p, v] = after.split(' ').map(Number) as [number, number];
      for await (const some of inOrder(p)) {
        for await (const { of, version } of versionsOf(some)) {
          const { versionId } = version;
          if (of.p === p && versionId <= v) continue;
          yield { place: `${of.p} ${versionId}`, version, isNewest: versionId === of.v };
        }
      }
    },
    async *kept(after): AsyncGenerator<HeldValue, void, void> {
      const behind = after && { _id: { $gt: keptId(after.kind, after.key) } };
      const found: AsyncIterable<KeptDocument> = kept.find(behind ?? {}, { hint, sort: { _id: 1 } });
      for await (const { _id, value, expires } of found) {
        const at = _id.indexOf('\n');
        const moment = expires && { expires: expires.getTime() };
        yield { kind: _id.slice(0, at), key: _id.slice(at + 1), value: JSON.parse(value), ...moment };
      }
    },
    async *audit(after = 0): AsyncGenerator<StoredAuditRow, void, void> {
      for await (const row of audit.find({ _id: { $gt: after } }, { hint, sort: { _id: 1 } })) yield auditRowOf(row);
    },
    changesSoFar: (after): AsyncIterable<StoredChange> => log.soFar(after),
  };
}
