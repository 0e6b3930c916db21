/** An engine of the store: the port, and what only the administration of the server needs of it. */
import type { IndexEntries, SearchQuery } from '../search/query.ts';
import type { Explanation } from './explanation.ts';
import type { HeldValue, Store, StoredAuditRow, StoredChange, Token, Version } from './store.ts';

export interface Engine extends Store {
  /** Runs the first page of a query and tells how it was found. */
  explain(query: SearchQuery, signal?: AbortSignal): Promise<Explanation>;
  /** A small fact kept about the store, such as its canonical base. */
  fact(name: string): Promise<string | undefined>;
  /** Keeps a fact that is not kept yet, and resolves with what is kept then: of several servers that start at once one decides. */
  keepFact(name: string, value: string): Promise<string>;
  /** Version of the index entries in the store as last known, which rises when an upgrade is done. */
  indexVersion(): number;
  /** How much is stored, at least roughly. Cheap enough for a metrics page. */
  sizes(): Promise<StoreSizes>;
  /** Makes the index anew where an older program made it. True when it is up to date at the end. */
  upgradeIndex(upgrade: IndexUpgrade): Promise<boolean>;
  /** Why nothing can be stored at the moment (a failed disk, no primary); undefined while all is well. */
  fault(): string | undefined;
  /** All that is stored, for moving house. */
  readonly contents: Contents;
}

/** Goes through a store in an order in which another can take it in with 'restore'. Nobody else may work on the store meanwhile. */
export interface Contents {
  /** Versions of a resource rise; first versions come in the order in which resources are listed. From behind a place on. */
  versions(after?: string): AsyncIterable<HeldVersion>;
  /** By kind and key; also what has expired and is not cleared away yet. */
  kept(after?: Pick<HeldValue, 'kind' | 'key'>): AsyncIterable<HeldValue>;
  /** Oldest first. */
  audit(after?: number): AsyncIterable<StoredAuditRow>;
  /** What `changes` would tell now, without waiting for more. */
  changesSoFar(after: Token | undefined): AsyncIterable<StoredChange>;
}

export interface HeldVersion {
  /** Where it stands; for `versions` of the same store. */
  readonly place: string;
  readonly version: Version;
  readonly isNewest: boolean;
}

export interface StoreSizes {
  /** Deleted ones too. */
  readonly resources: number;
  readonly versions: number;
  readonly auditRows: number;
  readonly bytes: number;
}

export interface IndexUpgrade {
  /** The version that `extract` makes. */
  readonly indexVersion: number;
  readonly extract: (version: Version) => IndexEntries;
  readonly signal: AbortSignal;
  /** Resources done and resources there are, after every step. */
  readonly onProgress?: (done: number, of: number) => void;
}
