/** What the lists of a group make of the state that their transaction found: evolves in memory, list by list, and gathers what is to be written. */
import { type AnyBulkWriteOperation, Binary, type UpdateFilter } from 'mongodb';
import type { ResourceKey } from '../../fhir/references.ts';
import { fillGap } from '../gap.ts';
import type { Written } from '../store.ts';
import { restoreVersion } from './apply-restore.ts';
import type { IndexFields, ResourceDocument, VersionDocument } from './document.ts';
import type { List, Step, WriteStep } from './group-list.ts';
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

/** One list whose expectations hold. */
export function applyList(ledger: Ledger, { steps }: List): readonly Written[] {
  const written: Written[] = [];
  for (const step of steps) {
    switch (step.op) {
      case 'write':
        written.push(write(ledger, step));
        break;
      case 'put':
        put(ledger, step);
        break;
      case 'drop':
        ledger.kept.delete(step.id);
        ledger.keptWritten.add(step.id);
        break;
      case 'append':
        ledger.audit.push(step.row);
        ledger.lastRow = Math.max(ledger.lastRow, step.row._id);
        break;
      case 'reindex':
        reindex(ledger, step);
        break;
      case 'restore':
        restoreVersion(ledger, step);
        break;
      case 'restore-row':
        ledger.audit.push(step.row);
        ledger.lastRow = step.row._id;
        break;
      case 'restore-kept':
        keep(ledger, step.id, step.value, step.expires);
    }
  }
  return written;
}

function write(ledger: Ledger, step: WriteStep): Written {
  const { reference, key, method, text } = step;
  const newest = ledger.resources.get(reference);
  const v = newest ? newest.v + 1 : 1;
  const u = newest ? Math.max(ledger.now, newest.u + 1) : ledger.now;
  const state: ResourceState = {
    _id: reference,
    // A tombstone points to nobody: it stays where the resource was.
    s: newest && text === undefined ? newest.s : step.home,
    p: newest ? newest.p : ledger.stamps.next(),
    v,
    u,
    m: method,
    ...(text && { b: new Binary(Buffer.from(fillGap(text, v, u), 'utf8')) }),
  };
  storeVersion(ledger, state, { t: key.type, ...step.fields }, step.guards);
  return { key, versionId: v, lastUpdated: u, created: !newest || newest.m === 'DELETE' };
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

const REVISIONS_PER_MS = 1_000;

/** Revisions that rise with the clock, so that those of a value that was dropped do not come again. */
export function createRevisions(now: () => number, below: (limit: number) => number): Ledger['nextRevision'] {
  let last = 0;
  return (former) => {
    last = Math.max(former + 1, last + 1, now() * REVISIONS_PER_MS + below(REVISIONS_PER_MS));
    return last;
  };
}

function put(ledger: Ledger, { id, value, expiresIn }: Extract<Step, { op: 'put' }>): void {
  keep(ledger, id, value, expiresIn === undefined ? undefined : new Date(ledger.now + expiresIn));
}

function keep(ledger: Ledger, id: string, value: string, expires: Date | undefined): void {
  const revision = ledger.nextRevision(ledger.kept.get(id)?.revision ?? 0);
  ledger.kept.set(id, { _id: id, value, revision, ...(expires && { expires }) });
  ledger.keptWritten.add(id);
}

/** Each field that the index may lack: what the new one lacks is taken away. */
const optional: Readonly<Record<Exclude<keyof IndexFields, 'ix'>, true>> = {
  ...{ l: true, d: true, h: true, l2: true, d2: true, h2: true },
  ...{ r: true, q: true, x: true, g: true, refs: true, c: true },
};

function reindex(ledger: Ledger, step: Extract<Step, { op: 'reindex' }>): void {
  const { reference, versionId, fields, home } = step;
  const newest = ledger.resources.get(reference);
  if (!newest || newest.v !== versionId || newest.m === 'DELETE') return;
  const { s, v } = newest;
  const gone = Object.entries(optional).filter(([name]) => fields[name as keyof IndexFields] === undefined);
  const update: UpdateFilter<any> = { $set: { ...fields, s: home }, $unset: Object.fromEntries(gone) };
  const place = ledger.isSharded && s !== home ? ledger.moves : ledger.replacements;
  place.push({ updateOne: { filter: { _id: reference, s, v }, update } });
  ledger.resources.set(reference, { ...newest, s: home });
  ledger.written.add(reference);
}
