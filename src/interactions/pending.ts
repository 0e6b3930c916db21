/** What a derivation sees: the state before the commit with what the same commit already holds laid over it. */
import { parseExact } from '../fhir/json.ts';
import type { ResourceKey } from '../fhir/references.ts';
import { fillGap } from '../store/gap.ts';
import { type Change, isDeleted, type Look } from '../store/store.ts';
import type { Draft, Pending } from './interaction.ts';

/** A kept value as it will be, also where it is dropped, and what a further put of the same key has to expect. */
export interface KeptNow {
  readonly value: any;
  readonly expect: number | 'absent' | undefined;
}

export async function keptNow(kind: string, key: string, pending: Pending, look: Look): Promise<KeptNow> {
  const isOfKey = (change: Draft | Change) =>
    (change.op === 'put' || change.op === 'drop') && change.kind === kind && change.key === key;
  const last = pending.findLast(isOfKey);
  if (last?.op === 'put') return { value: last.value, expect: last.expect };
  const [kept] = await look.get(kind, [key]);
  return { value: last ? undefined : kept?.value, expect: kept?.revision ?? 'absent' };
}

/** A resource as it will be, its numbers exact, and what a further save has to expect; undefined where there is or will be none. */
export interface ResourceNow {
  readonly resource: any;
  readonly expect: Draft['expect'];
}

const isSame = (a: ResourceKey, b: ResourceKey) => a.type === b.type && a.id === b.id;

export async function resourceNow(key: ResourceKey, pending: Pending, look: Look): Promise<ResourceNow | undefined> {
  const last = pending.findLast((change) => (change.op === 'save' || change.op === 'write') && isSame(change.key, key));
  if (last?.op === 'save') return { resource: parseExact(last.text ?? JSON.stringify(last.resource)), expect: 'any' };
  if (last?.op === 'write') {
    // The engine alone knows what belongs into the gap; any will do, saving replaces it.
    return last.text && { resource: parseExact(fillGap(last.text, 0, 0)), expect: 'any' };
  }
  const [version] = await look.read([key]);
  if (!version || isDeleted(version)) return undefined;
  return { resource: parseExact(version.text), expect: { versionId: version.versionId } };
}
