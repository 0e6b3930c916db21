/** The list of one caller, ready to be written: documents made, sizes known, and under which keys it must not meet another list. */
import type { Long } from 'mongodb';
import { problem } from '../../fhir/outcome.ts';
import { type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { IndexEntries, SearchQuery } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { AuditRow, Change, GappedText, Lease, Method, Restored, Version } from '../store.ts';
import { type IndexFields, indexFields } from './document.ts';
import { guardOf, guardOfKey, guardsOfEntries, identifiersOfQuery } from './guards.ts';
import { homeOf } from './homes.ts';
import type { Parts } from './parts.ts';
import { type AuditDocument, keptId } from './schema.ts';
import type { Common } from './sets.ts';

export interface WriteStep {
  readonly op: 'write';
  readonly key: ResourceKey;
  /** `Type/id`. */
  readonly reference: string;
  readonly method: Method;
  readonly text: GappedText | undefined;
  readonly index: IndexEntries;
  readonly fields: IndexFields;
  readonly home: number;
  readonly guards: readonly string[];
  readonly expect: number | 'absent' | 'any';
  /** Its place in listings, if it is the first version: as writes arrive, whichever group they go with. */
  readonly p: number;
}
export interface RestoreStep {
  readonly op: 'restore';
  readonly reference: string;
  readonly version: Version;
  readonly fields: IndexFields;
  /** Known with the index, which only the newest version comes with. */
  readonly home: number | undefined;
  readonly guards: readonly string[];
}
export interface QueryStep {
  readonly op: 'expect-query';
  readonly query: SearchQuery;
  readonly matches: readonly string[];
  /** Every match has one of them. Undefined: nothing that is written with a guard covers it. */
  readonly identifiers: readonly Long[] | undefined;
  readonly guards: readonly string[];
}
/** The lease that a put or drop is made under. */
export interface Fence {
  readonly key: string;
  /** Of its kept value. */
  readonly id: string;
  readonly epoch: number;
}
export type Step =
  | WriteStep
  | RestoreStep
  | { readonly op: 'restore-row'; readonly row: AuditDocument }
  | { readonly op: 'restore-kept'; readonly id: string; readonly value: string; readonly expires: Date | undefined }
  | QueryStep
  | { readonly op: 'expect-resource'; readonly reference: string; readonly at: number | 'absent' }
  | { readonly op: 'expect-kept'; readonly kind: string; readonly id: string; readonly at: number | 'absent' }
  | {
      readonly op: 'put';
      readonly kind: string;
      readonly id: string;
      /** JSON text. */
      readonly value: string;
      readonly expect: number | 'absent' | 'any';
      /** Milliseconds from now. */
      readonly expiresIn: number | undefined;
      readonly fence: Fence | undefined;
    }
  | {
      readonly op: 'drop';
      readonly kind: string;
      readonly id: string;
      readonly expect: number | 'any';
      readonly fence: Fence | undefined;
    }
  | { readonly op: 'append'; readonly row: AuditDocument }
  | {
      readonly op: 'reindex';
      readonly reference: string;
      readonly versionId: number;
      readonly fields: IndexFields;
      readonly home: number;
    };

export interface List {
  readonly steps: readonly Step[];
  /** Resources, kept values and guards: of two lists that share one, the later waits until the earlier is written. */
  readonly locks: readonly string[];
  /** It relies on something that no document of its own stands for: nothing else may be written meanwhile, on any server. */
  readonly isWide: boolean;
  readonly bytes: number;
}

/** MongoDB takes 16 MB; what its own fields and a former version beside it need stays free. */
const MOST_BYTES_OF_DOCUMENT = 12 << 20;

/** Throws too-costly for a document that is too large, and an Error for a value without a JSON form. */
export function prepareList(changes: readonly Change[], parts: Parts): List {
  const steps: Step[] = [];
  const locks = new Set<string>();
  let bytes = 0;
  for (const change of changes) {
    const step = prepare(change, parts);
    steps.push(step);
    bytes += sizeOf(step);
    for (const lock of locksOf(step, parts.isSharded)) locks.add(lock);
  }
  return { steps, locks: [...locks], isWide: steps.some((step) => isWide(step, steps)), bytes };
}

function prepare(change: Change, { hashing, common, stamps }: Parts): Step {
  switch (change.op) {
    case 'write': {
      const { key, method, text, index, expect } = change;
      if ((method === 'DELETE') !== (text === undefined)) {
        throw new Error('a tombstone has no text, every other version has one');
      }
      return {
        op: 'write',
        key,
        reference: referenceTo(key),
        method,
        text,
        index,
        fields: text === undefined ? { ix: [] } : indexFields(key.type, index, hashing, common),
        home: homeOf(key, index, hashing),
        guards: text === undefined ? [] : guardsOfEntries(index, hashing),
        expect: typeof expect === 'string' ? expect : expect.versionId,
        p: stamps.next(),
      };
    }
    case 'expect':
      return prepareExpectation(change, hashing);
    case 'put': {
      const { kind, key, expect = 'any', expiresIn, fence } = change;
      const value = JSON.stringify(change.value);
      if (value === undefined) throw new Error('a kept value must be JSON');
      const wait = expiresIn === undefined ? undefined : expiresIn * 1_000;
      return { op: 'put', kind, id: keptId(kind, key), value, expect, expiresIn: wait, fence: fenceOf(fence) };
    }
    case 'drop': {
      const { kind, key, expect = 'any', fence } = change;
      return { op: 'drop', kind, id: keptId(kind, key), expect, fence: fenceOf(fence) };
    }
    case 'append':
      return { op: 'append', row: auditDocument(stamps.next(), change.row) };
    case 'restore':
      return prepareRestored(change, hashing, common);
    case 'reindex': {
      const { key, versionId, index } = change;
      const fields = indexFields(key.type, index, hashing, common);
      return { op: 'reindex', reference: referenceTo(key), versionId, fields, home: homeOf(key, index, hashing) };
    }
  }
}

function prepareRestored(restored: Restored, hashing: Hashing, common: Common): Step {
  if ('row' in restored) {
    const { sequence, ...row } = restored.row;
    return { op: 'restore-row', row: auditDocument(sequence, row) };
  }
  if ('kept' in restored) {
    const { kind, key, value, expires } = restored.kept;
    const moment = expires === undefined ? undefined : new Date(expires);
    return { op: 'restore-kept', id: keptId(kind, key), value: JSON.stringify(value), expires: moment };
  }
  const { version, index } = restored;
  return {
    op: 'restore',
    reference: referenceTo(version.key),
    version,
    fields: index ? indexFields(version.key.type, index, hashing, common) : { ix: [] },
    home: index && homeOf(version.key, index, hashing),
    guards: index ? guardsOfEntries(index, hashing) : [],
  };
}

function prepareExpectation(change: Extract<Change, { op: 'expect' }>, hashing: Hashing): Step {
  if ('query' in change) {
    const query: SearchQuery = { ...change.query, total: 'none', includes: [] };
    const identifiers = identifiersOfQuery(query, hashing);
    const guards = identifiers?.map(guardOf) ?? [];
    return { op: 'expect-query', query, matches: change.matches.map(referenceTo), identifiers, guards };
  }
  const { of, at } = change;
  if ('kind' in of) return { op: 'expect-kept', kind: of.kind, id: keptId(of.kind, of.key), at };
  return { op: 'expect-resource', reference: referenceTo(of), at };
}

const fenceOf = (lease: Lease | undefined): Fence | undefined =>
  lease && { key: lease.key, id: keptId('lease', lease.key), epoch: lease.epoch };

function auditDocument(_id: number, { patients, ...row }: AuditRow): AuditDocument {
  return { _id, ...row, patients: patients === '' ? [] : patients.split(' ') };
}

/** Rows with numbers of their own go in one list after another. */
const AUDIT = 'audit';

function* locksOf(step: Step, isSharded: boolean): Generator<string> {
  switch (step.op) {
    case 'write':
      yield step.reference;
      yield* step.guards;
      if (isSharded) yield guardOfKey(step.reference);
      return;
    case 'restore':
      yield step.reference;
      yield* step.guards;
      if (isSharded) yield guardOfKey(step.reference);
      return;
    case 'restore-row':
      yield AUDIT;
      return;
    case 'restore-kept':
      yield step.id;
      return;
    case 'expect-query':
      yield* step.matches;
      yield* step.guards;
      return;
    case 'expect-resource':
    case 'reindex':
      yield step.reference;
      return;
    case 'expect-kept':
      yield step.id;
      return;
    case 'put':
    case 'drop':
      yield step.id;
      if (step.fence) yield step.fence.id;
  }
}

/** A condition that no guard covers, or a resource that is to stay absent: nobody who creates it would write anything in common with this list. */
function isWide(step: Step, list: readonly Step[]): boolean {
  if (step.op === 'expect-query') return step.identifiers === undefined;
  if (step.op !== 'expect-resource' || step.at !== 'absent') return false;
  return !list.some((other) => other.op === 'write' && other.reference === step.reference);
}

/** About as much as the documents of the step take. */
function sizeOf(step: Step): number {
  switch (step.op) {
    case 'write': {
      const text = step.text ? Buffer.byteLength(step.text[0]) + Buffer.byteLength(step.text[1]) : 0;
      return withinLimit(text + sizeOfFields(step.fields), step.reference);
    }
    case 'reindex':
      return withinLimit(sizeOfFields(step.fields), step.reference);
    case 'put':
      return withinLimit(Buffer.byteLength(step.value), `The ${step.kind} to be kept`);
    case 'restore':
      return withinLimit(Buffer.byteLength(step.version.text) + sizeOfFields(step.fields), step.reference);
    case 'restore-kept':
      return withinLimit(Buffer.byteLength(step.value), 'A value to be kept');
    case 'append':
    case 'restore-row':
      return withinLimit(512 + 3 * (step.row.query.length + 80 * step.row.patients.length), 'An audit row');
    default:
      return 64;
  }
}

function withinLimit(bytes: number, what: string): number {
  if (bytes > MOST_BYTES_OF_DOCUMENT) {
    throw problem('too-costly', `${what} is too large to be stored: more than ${MOST_BYTES_OF_DOCUMENT >> 20} MB`);
  }
  return bytes;
}

/** Upper bounds of what BSON makes of a hash, an interval and a text with its place in an array. */
function sizeOfFields({ ix, l = [], l2 = [], r = [], q = [], x = [], g = [], refs = [], c = [] }: IndexFields): number {
  let bytes = 256 + 16 * (ix.length + l.length + l2.length) + 56 * (r.length + q.length);
  for (const { v } of x) bytes += 40 + 3 * v.length;
  for (const { k } of refs) bytes += 40 + 3 * k.length;
  for (const canonical of c) bytes += 16 + 3 * canonical.length;
  for (const group of g) {
    bytes += 80 + 16 * group.ix.length + 56 * group.r.length;
    for (const { v } of group.x) bytes += 40 + 3 * v.length;
  }
  return bytes;
}
