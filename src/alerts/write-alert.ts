/** An alert that begins or ends by itself, outside anybody's write: through the gate, as an inside caller. docs/alerts.md */
import { writeExact } from '../fhir/json.ts';
import { Problem } from '../fhir/outcome.ts';
import { type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import { insideRequest, ofItself } from '../interactions/inside.ts';
import type { Conditions, Dispatch, Draft, Entry, Pending } from '../interactions/interaction.ts';
import { system } from '../smart/access.ts';
import { type Change, isConflict, type Look } from '../store/store.ts';
import type { AlertSeen, AlertSetting } from './alert.ts';
import { toldByMaker } from './beside-maker.ts';
import { ended, opened, saveOf } from './raise.ts';

export interface Writing {
  readonly dispatch: Dispatch;
  readonly store: Look;
  readonly base: string;
}

const caller = system('alerts');

/** The house will not have it, such as a Flag of a Patient who is gone: asked again it says the same. Not where somebody wrote meanwhile. */
export const isRefused = (error: unknown): boolean =>
  error instanceof Problem && error.status < 500 && ![412, 429].includes(error.status) && !isConflict(error);

const entryOf = ({ key, resource, text, expect }: Draft): Entry => {
  const conditions: Conditions =
    expect === 'absent' ? { ifNoneMatch: '*' } : expect === 'any' ? {} : { ifMatch: expect.versionId };
  const url = referenceTo(key);
  return { fullUrl: url, method: 'PUT', url, body: { text: text ?? writeExact(resource), resource }, conditions };
};

async function write(pending: Pending, { dispatch, base }: Writing, also: readonly Change[]): Promise<void> {
  const drafts = pending.filter((one): one is Draft => one.op === 'save');
  const kept = pending.filter((one): one is Change => one.op !== 'save');
  const asked = { interaction: 'transaction', type: '', entries: drafts.map(entryOf) } as const;
  await dispatch(insideRequest(ofItself(base), asked), caller, [...kept, ...also]);
}

/** Opens it, unless the maker tells the same. `also` is stored in the same commit, given the id; false where nothing was. */
export async function openAlert(
  seen: AlertSeen,
  setting: AlertSetting,
  writing: Writing,
  also: (id: string) => readonly Change[],
): Promise<boolean> {
  const maker = await toldByMaker(seen, setting.canonical, [], writing.store);
  if (maker) return false;
  const { alert, changes } = opened(seen, setting);
  // A Flag of a device is taken for an alert by whoever writes it (follow-flag.ts): what is kept of it comes with it.
  const isAdopted = seen.isOfDevice === true && alert.flag !== undefined;
  await write(isAdopted ? changes.filter(({ op }) => op === 'save') : changes, writing, also(alert.id));
  return true;
}

/** Ends it; false where somebody has. */
export async function endAlert(
  id: string,
  at: number,
  setting: AlertSetting,
  writing: Writing,
  also: readonly Change[],
): Promise<boolean> {
  const changes = await ended(id, setting, [], writing.store, undefined, at);
  const drafts = changes.filter((one): one is Draft => one.op === 'save');
  if (drafts.length === 0) return false;
  // The Flag ends its Task and its process when it is written (follow-flag.ts); without one the Task ends the process.
  const flag = drafts.filter(({ key }) => key.type === 'Flag');
  const kept = changes.filter((one) => one.op === 'put' && one.kind === 'alert');
  await write(flag.length > 0 ? flag : [...drafts, ...kept], writing, also);
  return true;
}

/** A new version of something that was read as `versionId`: with what follows from it, such as the end of the alert of a Flag. */
export const updateAlert = (
  key: ResourceKey,
  resource: Resource,
  versionId: number,
  writing: Writing,
  also: readonly Change[],
): Promise<void> => write([saveOf(key, resource, { versionId })], writing, also);

/** Stores what was derived, once: what is there already is left. */
export async function storeDerived(
  resource: Resource & { readonly id: string },
  { dispatch, base }: Writing,
  also: readonly Change[],
): Promise<void> {
  const text = writeExact(resource);
  const asked = {
    interaction: 'update',
    type: resource.resourceType,
    id: resource.id,
    conditions: { ifNoneMatch: '*' },
    body: { text, resource },
  } as const;
  await dispatch(insideRequest(ofItself(base), asked), caller, also);
}
