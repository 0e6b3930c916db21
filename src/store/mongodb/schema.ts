/** The collections of a store on MongoDB and their indexes. docs/storage-mongodb.md */
import type { Binary, Collection, Db, IndexDescription } from 'mongodb';
import type { AuditRow } from '../store.ts';
import type { ResourceDocument, VersionDocument } from './document.ts';
import type { CommonDocument } from './sets.ts';

/** Rises when collections or documents change their shape; a store of a higher one is refused. */
export const SCHEMA_VERSION = 2;

/** Private state. A dropped value leaves nothing; revisions rise with the clock, so that they never come again. */
export interface KeptDocument {
  /** The kind, a line feed, the key: kinds lie together and in the order of their keys. */
  readonly _id: string;
  /** JSON text. */
  readonly value: string;
  readonly revision: number;
  /** The store forgets it then. */
  readonly expires?: Date;
  /** The last group of writes that relied on it; makes two transactions that must not both succeed touch one document. */
  readonly w?: string;
}
export const keptId = (kind: string, key: string): string => `${kind}\n${key}`;

export interface AuditDocument extends Omit<AuditRow, 'patients'> {
  /** The sequence. */
  readonly _id: number;
  readonly patients: readonly string[];
}

/** What two writers must not both pass: one per identifier, and in a sharded cluster one per key. */
export interface GuardDocument {
  readonly _id: string;
  readonly n: number;
}

/** One place of one server through which transactions pass, one at a time; `last` is the last that was stored. */
export interface WriterDocument {
  /** `<server>/<place>`. */
  readonly _id: string;
  readonly last?: string;
  /** Another word each time that a server takes the place: what it finds there is of nobody else. */
  readonly taken?: string;
  readonly n?: number;
}

/** A running server. */
export interface ServerDocument {
  /** What its stamps end with. */
  readonly _id: number;
  readonly boot: string;
  /** By the database's clock. */
  readonly seen: Date;
  /** Ids of the sessions of its transactions; see abandoned.ts. */
  readonly sessions?: readonly Binary[];
}

/** A small fact about the store. */
export interface FactDocument {
  readonly _id: string;
  readonly value: string;
}

export interface Collections {
  readonly resource: Collection<ResourceDocument>;
  readonly version: Collection<VersionDocument>;
  readonly kept: Collection<KeptDocument>;
  readonly audit: Collection<AuditDocument>;
  readonly guard: Collection<GuardDocument>;
  readonly writer: Collection<WriterDocument>;
  readonly server: Collection<ServerDocument>;
  readonly fact: Collection<FactDocument>;
  readonly common: Collection<CommonDocument>;
}

export const collectionsOf = (db: Db): Collections => ({
  resource: db.collection('resource'),
  version: db.collection('version'),
  kept: db.collection('kept'),
  audit: db.collection('audit'),
  guard: db.collection('guard'),
  writer: db.collection('writer'),
  server: db.collection('server'),
  fact: db.collection('fact'),
  common: db.collection('common'),
});

/** The indexes of each collection, beside that on `_id`. */
export const indexes: Readonly<Partial<Record<keyof Collections, readonly IndexDescription[]>>> = {
  resource: [
    { name: 'equal', key: { ix: 1, p: 1 } },
    { name: 'place', key: { l: 1, d: 1, p: 1 }, partialFilterExpression: { l: { $exists: true } } },
    { name: 'place2', key: { l2: 1, d2: 1, p: 1 }, partialFilterExpression: { l2: { $exists: true } } },
    { name: 'interval', key: { 'r.n': 1, 'r.l': 1 }, sparse: true },
    { name: 'text', key: { 'x.n': 1, 'x.v': 1 }, sparse: true },
    { name: 'updated', key: { t: 1, u: 1, p: 1 } },
  ],
  version: [
    { name: 'of', key: { k: 1, v: -1 } },
    { name: 'updated', key: { u: 1 } },
  ],
  kept: [{ name: 'expires', key: { expires: 1 }, expireAfterSeconds: 0, sparse: true }],
  audit: [
    { name: 'at', key: { at: 1 } },
    { name: 'who', key: { who: 1, _id: 1 } },
    { name: 'patient', key: { patients: 1, _id: 1 } },
    // Most rows were written for somebody without a device key.
    { name: 'device-key', key: { key: 1, _id: 1 }, partialFilterExpression: { key: { $gt: '' } } },
    { name: 'target', key: { target: 1, _id: 1 } },
    { name: 'interaction', key: { interaction: 1, _id: 1 } },
  ],
};

/** What a text is stored as. */
export const bodyOf = (text: Binary | undefined): string =>
  text === undefined ? '' : Buffer.from(text.buffer.buffer, text.buffer.byteOffset, text.position).toString('utf8');
