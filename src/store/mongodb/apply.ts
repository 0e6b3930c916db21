/** What the lists of a group make of the state that their transaction found, list by list. */
import { Binary, type UpdateFilter } from 'mongodb';
import { fillGap } from '../gap.ts';
import type { Written } from '../store.ts';
import { restoreVersion } from './apply-restore.ts';
import type { IndexFields } from './document.ts';
import type { List, Step, WriteStep } from './group-list.ts';
import { type Ledger, type ResourceState, storeVersion } from './ledger.ts';

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
    p: newest?.p ?? step.p,
    v,
    u,
    m: method,
    ...(text && { b: new Binary(Buffer.from(fillGap(text, v, u), 'utf8')) }),
  };
  storeVersion(ledger, state, { t: key.type, ...step.fields }, step.guards);
  return { key, versionId: v, lastUpdated: u, created: !newest || newest.m === 'DELETE' };
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
