/** The state that the lists of a group find and leave: it evolves in memory, and gathers what is to be written. docs/storage-mongodb.md */
import type { AnyBulkWriteOperation } from 'mongodb';
import type { ResourceKey } from '../../fhir/references.ts';
import type { IndexFields, ResourceDocument, VersionDocument } from './document.ts';
import { guardOfKey } from './guards.ts';
import type { AuditDocument, KeptDocument } from './schema.ts';
import type { Stamps } from './stamps.ts';

/** A resource without what it is found by: as much of it as the next version needs. */
export type ResourceState = Pick<ResourceDocument, '_id' | 's' | 'p' | 'v' | 'u' | 'm' | 'b'>;

export interface Ledger {
  /** The store's clock. */
  readonly now: number;
  /** Of this try of the group. */
  readonly id: string;
  readonly isSharded: boolean;
  readonly stamps: Stamps;
  readonly nextRevision: (former: number) => number;
  /** Newest versions as found, then as the lists so far leave them. */
  readonly resources: Map<string, ResourceState>;
  readonly kept: Map<string, KeptDocument>;
  /** Ids of kept values that were there before the group. */
  readonly keptBefore: ReadonlySet<string>;
  /** Highest number of the audit log, where a list brings rows with numbers of their own. */
  lastRow: number;
  readonly homeOf: (key: ResourceKey) => number;

  readonly creations: ResourceDocument[];
  /** In order; those of one resource follow each other as its versions do. */
  readonly replacements: AnyBulkWriteOperation<ResourceDocument>[];
  /** On a sharded cluster a document moves to its new home alone. */
  readonly moves: AnyBulkWriteOperation<ResourceDocument>[];
  readonly former: VersionDocument[];
  readonly written: Set<string>;
  readonly keptWritten: Set<string>;
  readonly audit: AuditDocument[];
  /** What a list relied on and none wrote has to be touched. */
  readonly reliedOn: Set<string>;
  readonly keptReliedOn: Set<string>;
  readonly guards: Set<string>;
}

/** Makes it the newest one. */
export function storeVersion(
  ledger: Ledger,
  state: ResourceState,
  found: IndexFields & Pick<ResourceDocument, 't'>,
  guards: readonly string[],
): void {
  const newest = ledger.resources.get(state._id);
  const document: ResourceDocument = { ...state, ...found };
  ledger.resources.set(state._id, state);
  ledger.written.add(state._id);
  for (const guard of guards) ledger.guards.add(guard);
  if (newest) {
    supersede(ledger, newest, document);
    return;
  }
  ledger.creations.push(document);
  if (ledger.isSharded) ledger.guards.add(guardOfKey(state._id));
}

function supersede(ledger: Ledger, { _id, s, v, u, m, b }: ResourceState, document: ResourceDocument): void {
  ledger.former.push({ _id: `${_id}/${v}`, k: _id, v, u, m, ...(b && { b }) });
  if (s === document.s) {
    const { _id: _, ...replacement } = document;
    ledger.replacements.push({ replaceOne: { filter: { _id, s, v }, replacement } });
  } else {
    ledger.replacements.push({ deleteOne: { filter: { _id, s, v } } }, { insertOne: { document } });
  }
}
