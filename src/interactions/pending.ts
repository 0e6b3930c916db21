/** What a derivation sees: the state before the commit with what the same commit already holds laid over it. */
import { parseExact } from '../fhir/json.ts';
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import { fillGap } from '../store/gap.ts';
import { type Change, isDeleted, type Look } from '../store/store.ts';
import type { Draft, Pending } from './interaction.ts';

type Held = Draft | Change;

/** The newest change of each key in a list that only grows, so that nobody walks it for each of thousands of entries. */
interface Newest {
  /** So many of the list stand here, or in the list that it is laid over. */
  until: number;
  readonly under?: Pending;
  readonly kept: Map<string, Held>;
  readonly resources: Map<string, Held>;
}
const newestIn = new WeakMap<Pending, Newest>();

const keptName = (kind: string, key: string) => `${kind}\n${key}`;

function newestOf(pending: Pending): Newest {
  let newest = newestIn.get(pending);
  if (!newest) newestIn.set(pending, (newest = { until: 0, kept: new Map(), resources: new Map() }));
  for (; newest.until < pending.length; newest.until++) {
    const change = pending[newest.until]!;
    if (change.op === 'put' || change.op === 'drop') newest.kept.set(keptName(change.kind, change.key), change);
    else if (change.op === 'save' || change.op === 'write') newest.resources.set(referenceTo(change.key), change);
  }
  return newest;
}

/** What a derivation is about to add, laid over what the commit holds: what is known of that is not looked for again. */
export function laidOver(pending: Pending, more: Pending): Pending {
  if (more.length === 0) return pending;
  const list = [...pending, ...more];
  newestIn.set(list, { until: pending.length, under: pending, kept: new Map(), resources: new Map() });
  return list;
}

function newestChange(pending: Pending, of: 'kept' | 'resources', name: string): Held | undefined {
  const newest = newestOf(pending);
  return newest[of].get(name) ?? (newest.under && newestChange(newest.under, of, name));
}

/** Whether the same commit writes the resource. */
export const isWritten = (key: ResourceKey, pending: Pending): boolean =>
  newestChange(pending, 'resources', referenceTo(key)) !== undefined;

/** Whether the same commit puts or drops what is kept under the key. */
export const isKeptAnew = (kind: string, key: string, pending: Pending): boolean =>
  newestChange(pending, 'kept', keptName(kind, key)) !== undefined;

/** A kept value as it will be, also where it is dropped, and what a further put of the same key has to expect. */
export interface KeptNow {
  readonly value: any;
  readonly expect: number | 'absent' | undefined;
}

export async function keptNow(kind: string, key: string, pending: Pending, look: Look): Promise<KeptNow> {
  const last = newestChange(pending, 'kept', keptName(kind, key));
  if (last?.op === 'put') return { value: last.value, expect: last.expect };
  const [kept] = await look.get(kind, [key]);
  return { value: last ? undefined : kept?.value, expect: kept?.revision ?? 'absent' };
}

/** A resource as it will be, its numbers exact, and what a further save has to expect; undefined where there is or will be none. */
export interface ResourceNow {
  readonly resource: any;
  readonly expect: Draft['expect'];
}

export async function resourceNow(key: ResourceKey, pending: Pending, look: Look): Promise<ResourceNow | undefined> {
  const last = newestChange(pending, 'resources', referenceTo(key));
  if (last?.op === 'save') return { resource: parseExact(last.text ?? JSON.stringify(last.resource)), expect: 'any' };
  if (last?.op === 'write') {
    // The engine alone knows what belongs into the gap; any will do, saving replaces it.
    return last.text && { resource: parseExact(fillGap(last.text, 0, 0)), expect: 'any' };
  }
  const [version] = await look.read([key]);
  if (!version || isDeleted(version)) return undefined;
  return { resource: parseExact(version.text), expect: { versionId: version.versionId } };
}
