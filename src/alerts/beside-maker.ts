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

/** One state, in words of which each says more than the one before: whoever was told of a later one knows of the earlier ones. */
const battery = ['battery-low', 'battery-rrt', 'battery-eos'];
const asMuchAs = (type: string): readonly string[] =>
  battery.includes(type) ? battery.slice(battery.indexOf(type)) : [type];

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

/** The open alert of this house that says what a maker tells now, or more: the two are one. */
export async function toldByUs(
  seen: Pick<AlertSeen, 'patient' | 'device' | 'type'>,
  store: Pick<Store, 'get'>,
): Promise<Alert | undefined> {
  if (!isState(seen.type)) return undefined;
  const rows = await store.get(
    kind,
    asMuchAs(seen.type).map((type) => ownKeyFor({ ...seen, type })),
  );
  const kept = await store.get(
    alertKind,
    rows.flatMap((row) => (row ? [row.value as string] : [])),
  );
  return kept.map((row) => row?.value as Alert | undefined).find((alert) => alert?.open && alert.flag !== undefined);
}

/** The open alert of a maker that says the same or more, and is as bad; also one of the same commit. */
export async function toldByMaker(
  seen: AlertSeen,
  canonical: string,
  pending: Pending,
  look: Look,
): Promise<Pick<Alert, 'id' | 'issue'> | undefined> {
  if (!seen.isOfDevice || !isState(seen.type)) return undefined;
  for (const type of asMuchAs(seen.type)) {
    const { value } = await keptNow(kind, keyFor({ ...seen, type }), pending, look);
    const alert = value === undefined ? undefined : (await keptNow(alertKind, value, pending, look)).value;
    if (alert?.open && !isWorse(seen.severity, alert.severity)) return alert;
  }
  for (const change of pending) {
    if (change.op !== 'write' || change.key.type !== 'Flag') continue;
    const flag = (await resourceNow(change.key, pending, look))?.resource as Resource | undefined;
    if (flag && isSame(flag, seen, canonical)) return { id: flag.id!, issue: flag.id! };
  }
  return undefined;
}

function isSame(flag: Resource, { patient, device, type, severity }: AlertSeen, canonical: string): boolean {
  const system = `${canonical}/CodeSystem/alert-type`;
  const types = asMuchAs(type);
  return (
    flag['status'] === 'active' &&
    flag['subject']?.reference === patient &&
    flag['author']?.reference === device &&
    flag['code']?.coding?.some((coding: any) => coding.system === system && types.includes(coding.code)) &&
    !isWorse(severity, severityIn(flag))
  );
}

/** Whether the alert of the maker that an alarm stands under is over. */
export async function isMakerDone(id: string, pending: Pending, look: Look): Promise<boolean> {
  const alert = (await keptNow(alertKind, id, pending, look)).value as Alert | undefined;
  return !alert?.open;
}
