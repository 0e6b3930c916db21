/**
 * The port of the store, in words. test/store/conformance.ts is its definition: each engine runs it in three lines.
 * Engines throw `problem` with the codes conflict, duplicate, multiple-matches, transient, timeout and no-store, nothing else.
 */
import { Problem } from '../fhir/outcome.ts';
import type { ResourceKey } from '../fhir/references.ts';
import type { IndexEntries, SearchQuery } from '../search/query.ts';

/** One stored version of a resource, or the tombstone that its deletion left. */
export interface Version {
  readonly key: ResourceKey;
  /** 1, 2, 3 ... per resource, for ever; a tombstone takes a number too. */
  readonly versionId: number;
  /** Milliseconds since 1970 UTC; rises with every version of a resource. */
  readonly lastUpdated: number;
  /** What made it; a tombstone has DELETE. */
  readonly method: Method;
  /** The whole JSON text, id and meta in it; '' for a tombstone. */
  readonly text: string;
}
export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export const isDeleted = (version: Version): boolean => version.method === 'DELETE';
/** True where an update would make the resource appear: nothing there, or a tombstone. */
export const isAbsent = (version: Version | undefined): boolean => version === undefined || isDeleted(version);

/**
 * Text of a version with a gap: the engine writes `"versionId":"3","lastUpdated":"2026-11-24T16:00:00.000Z"` between the
 * two halves, since only it knows them. Made by `withIdentity` in fhir/json.ts.
 */
export type GappedText = readonly [before: string, after: string];

/** A position in the version log or in a listing; belongs to the engine, opaque to everybody else. */
export type Token = string;
/** Where the next page of a search begins; made by the engine, JSON-safe, encrypted by the core before a client sees it. */
export type Cursor = readonly (string | number | null)[];

export interface Page {
  readonly matches: readonly Version[];
  readonly included: readonly Version[];
  readonly total?: number;
  /** Where what comes after the page begins; undefined at the end. */
  readonly next?: Cursor;
  /** Handed back, gives the page before this one; undefined at the beginning. */
  readonly previous?: Cursor;
}

/** Private state: cursors, alarm state, device keys, delivery rows. No FHIR route reaches it. */
export interface Kept {
  readonly kind: string;
  readonly key: string;
  /** Any JSON value. */
  readonly value: any;
  /** Rises with every put of this key and never repeats, even after a drop. */
  readonly revision: number;
}

/** One interaction as the audit log keeps it; rendered as AuditEvent by audit/. */
export interface AuditRow {
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
  /** Who asked, such as `Device/dev001` or `Client/admin`; `anonymous` where nobody was known. */
  readonly who: string;
  /** Prefix of the device key that came with the request, also where it was refused; '' without one. */
  readonly key: string;
  readonly interaction: string;
  /** C, R, U, D or E. */
  readonly action: string;
  /** `Patient/1`, `Patient`, or ''. */
  readonly target: string;
  /** The patients whose data was touched: `Patient/1 Patient/2`, or ''. */
  readonly patients: string;
  /** HTTP status of the answer. */
  readonly status: number;
  readonly requestId: string;
  /** Address of the client. */
  readonly address: string;
  /** Query string of a search, or ''. */
  readonly query: string;
  /** Why it was refused, for people who review (`key expired`), or ''. */
  readonly reason: string;
}
export interface StoredAuditRow extends AuditRow {
  readonly sequence: number;
}

/** What of the audit log is asked for. All given conditions must hold; newest first. */
export interface AuditWindow {
  readonly sequence?: number;
  readonly from?: number;
  readonly to?: number;
  readonly patient?: string;
  readonly who?: string;
  readonly key?: string;
  readonly action?: string;
  readonly interaction?: string;
  /** `Type/id`, as the first word of what was asked for or among the patients. */
  readonly entity?: string;
  readonly before?: number; // a sequence
  readonly count: number;
}

export interface HistoryWindow {
  readonly count: number;
  /** Only versions of this number and below. */
  readonly before?: number;
  readonly since?: number;
}

/** Sees a key held by another owner: the put or drop fails when the epoch there is newer. */
export interface Lease {
  readonly key: string;
  readonly epoch: number;
}

export type Change =
  | {
      readonly op: 'write';
      readonly key: ResourceKey;
      readonly method: Method;
      /** Left out for a tombstone. */
      readonly text?: GappedText;
      readonly index: IndexEntries;
      /** 'absent' includes a tombstone; a number is the versionId that must be newest; 'any' asks nothing. */
      readonly expect: 'absent' | 'any' | { readonly versionId: number };
    }
  | { readonly op: 'expect'; readonly query: SearchQuery; readonly matches: readonly ResourceKey[] }
  | {
      readonly op: 'expect';
      readonly of: ResourceKey | { readonly kind: string; readonly key: string };
      /** versionId of a resource (its tombstone counts as 'absent') or revision of a kept value. */
      readonly at: number | 'absent';
    }
  | {
      readonly op: 'put';
      readonly kind: string;
      readonly key: string;
      readonly value: any;
      readonly expect?: number | 'absent';
      readonly expiresIn?: number; // seconds, by the store's clock
      readonly fence?: Lease;
    }
  | {
      readonly op: 'drop';
      readonly kind: string;
      readonly key: string;
      readonly expect?: number;
      readonly fence?: Lease;
    }
  | { readonly op: 'append'; readonly log: 'audit'; readonly row: AuditRow }
  | { readonly op: 'reindex'; readonly key: ResourceKey; readonly versionId: number; readonly index: IndexEntries }
  | ({ readonly op: 'restore' } & Restored);

/**
 * What another store held goes in as it was, for moving house (src/transfer). Of a resource the version that comes next goes in, and
 * rows of the audit log as they rise; anything else is a conflict. Resources are listed in the order in which their first versions went in. Whoever
 * follows the version log from an `end()` taken afterwards is told of none of it.
 */
export type Restored =
  /** `index` with the newest version of a resource alone, and with no tombstone. */
  | { readonly version: Version; readonly index?: IndexEntries }
  | { readonly row: StoredAuditRow }
  /** Gets a revision of this store. */
  | { readonly kept: HeldValue };

/** A kept value with the moment that the store forgets it at, ms since 1970 UTC. */
export interface HeldValue extends Omit<Kept, 'revision'> {
  readonly expires?: number;
}

/** What became of one 'write', in the order of the writes of the list. */
export interface Written {
  readonly key: ResourceKey;
  readonly versionId: number;
  readonly lastUpdated: number;
  /** No version was there, or a tombstone was newest. */
  readonly created: boolean;
}

export interface StoredChange {
  /** Hand it to `changes` to go on after this one. */
  readonly token: Token;
  readonly version: Version;
}

export interface Store {
  /** Newest version or tombstone of each key, in the order asked; one round trip. */
  read(keys: readonly ResourceKey[]): Promise<readonly (Version | undefined)[]>;
  vread(key: ResourceKey, versionId: number): Promise<Version | undefined>;
  /** One snapshot: matches, includes and total. Throws timeout when the signal aborts first. */
  search(query: SearchQuery, after: Cursor | undefined, signal?: AbortSignal): Promise<Page>;
  /** Versions of one resource, newest first. */
  history(key: ResourceKey, window: HistoryWindow): Promise<{ versions: readonly Version[]; total: number }>;
  get(kind: string, keys: readonly string[]): Promise<readonly (Kept | undefined)[]>;
  /** In key order, from `from` on (inclusive). */
  list(kind: string, from: string, limit: number): Promise<readonly Kept[]>;
  audit(window: AuditWindow, signal?: AbortSignal): Promise<readonly StoredAuditRow[]>;
  /**
   * The only write: all or none, once. Expectations hold against the state before the list's own changes. Resolves after
   * the data is on disk. A failed expectation throws conflict and stores nothing.
   */
  commit(changes: readonly Change[]): Promise<readonly Written[]>;
  /** The version log: every version at least once, in order per resource, of one type where it is named; waits for more until the signal aborts. */
  changes(after: Token | undefined, signal: AbortSignal, type?: string): AsyncIterable<StoredChange>;
  /** The position after everything stored so far. */
  end(): Promise<Token>;
  close(): Promise<void>;
}

/** For the few who look by criterion and need no page. */
export type Look = Pick<Store, 'read' | 'get' | 'list' | 'search'>;

/** A commit that an expectation refused (409): look again. A client's failed precondition is 412 and final. */
export const isConflict = (error: unknown): boolean =>
  error instanceof Problem && error.code === 'conflict' && error.status === 409;
