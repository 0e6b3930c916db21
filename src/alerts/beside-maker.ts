/** What a maker has told of already is not told again by the limits of this house: of states such as a battery, not of what happened. docs/alerts.md */
import type { Resource } from '../fhir/references.ts';
import type { Pending } from '../interactions/interaction.ts';
import { keptNow, resourceNow } from '../interactions/pending.ts';
import type { Look, Store } from '../store/store.ts';
import { type Alert, type AlertSeen, alertKind } from './alert.ts';
import { kindOf } from './kinds.ts';
import { isWorse, severityIn } from './severity.ts';

/** A state goes on: the maker and the house mean the same one. Two shocks are two. */
const isState = (type: string): boolean => kindOf(type).category === 'safety';

/** Beside the alarms, under whose and what it is: the newest alert of the maker. */
const kind = 'alarm';
const keyFor = ({ patient, device, type }: Pick<AlertSeen, 'patient' | 'device' | 'type'>): string =>
  `maker|${patient}|${type}|${device}`;

/** What is kept of an alert that a maker told of. */
export async function makersRow(alert: Alert, pending: Pending, look: Look): Promise<Pending> {
  if (!isState(alert.type)) return [];
  const key = keyFor(alert);
  const { expect } = await keptNow(kind, key, pending, look);
  return [{ op: 'put', kind, key, value: alert.id, expect }];
}

const ownKeyFor = ({ patient, device, type }: Pick<AlertSeen, 'patient' | 'device' | 'type'>): string =>
  `own|${patient}|${type}|${device}`;

/** What is kept of an alert of a state that this house raised by itself: the maker may tell of it later. */
export async function ownRow(seen: AlertSeen, id: string, pending: Pending, look: Look): Promise<Pending> {
  if (!seen.isOfDevice || !isState(seen.type)) return [];
  const key = ownKeyFor(seen);
  const { expect } = await keptNow(kind, key, pending, look);
  return [{ op: 'put', kind, key, value: id, expect }];
}

/** The open alert of this house that says what a maker tells now: the two are one. */
export async function toldByUs(
  seen: Pick<AlertSeen, 'patient' | 'device' | 'type'>,
  store: Pick<Store, 'get'>,
): Promise<Alert | undefined> {
  if (!isState(seen.type)) return undefined;
  const [row] = await store.get(kind, [ownKeyFor(seen)]);
  const [kept] = row ? await store.get(alertKind, [row.value as string]) : [];
  const alert = kept?.value as Alert | undefined;
  return alert?.open && alert.flag !== undefined ? alert : undefined;
}

/** The open alert of a maker that says the same, and is as bad; also one of the same commit. */
export async function toldByMaker(
  seen: AlertSeen,
  canonical: string,
  pending: Pending,
  look: Look,
): Promise<Pick<Alert, 'id' | 'issue'> | undefined> {
  if (!seen.isOfDevice || !isState(seen.type)) return undefined;
  const { value } = await keptNow(kind, keyFor(seen), pending, look);
  const alert = value === undefined ? undefined : (await keptNow(alertKind, value, pending, look)).value;
  if (alert?.open && !isWorse(seen.severity, alert.severity)) return alert;
  for (const change of pending) {
    if (change.op !== 'write' || change.key.type !== 'Flag') continue;
    const flag = (await resourceNow(change.key, pending, look))?.resource as Resource | undefined;
    if (flag && isSame(flag, seen, canonical)) return { id: flag.id!, issue: flag.id! };
  }
  return undefined;
}

function isSame(flag: Resource, { patient, device, type, severity }: AlertSeen, canonical: string): boolean {
  const system = `${canonical}/CodeSystem/alert-type`;
  return (
    flag['status'] === 'active' &&
    flag['subject']?.reference === patient &&
    flag['author']?.reference === device &&
    flag['code']?.coding?.some((coding: any) => coding.system === system && coding.code === type) &&
    !isWorse(severity, severityIn(flag))
  );
}

/** Whether the alert of the maker that an alarm stands under is over. */
export async function isMakerDone(id: string, pending: Pending, look: Look): Promise<boolean> {
  const alert = (await keptNow(alertKind, id, pending, look)).value as Alert | undefined;
  return !alert?.open;
}
