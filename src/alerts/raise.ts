/**
 * The one place where an alert comes to be, gets worse and ends: its Flag, its DetectedIssue, its Task and what is kept of it,
 * all in the commit of what was noticed. docs/alerts.md
 */
import { writeExact } from '../fhir/json.ts';
import type { Resource, ResourceKey } from '../fhir/references.ts';
import type { Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, resourceNow } from '../interactions/pending.ts';
import type { Look } from '../store/store.ts';
import { type Alert, type AlertSeen, type AlertSetting, type AlertSeverity, alertKind } from './alert.ts';
import { endProcess, raiseProcess, reopenProcess, startProcess } from './process/start.ts';
import { isWorse, severities, withPriority } from './severity.ts';
import { alertOf, alertResources, alertTypeOf, seenIn, worsened } from './triple.ts';

/** Longest list of evidence that a DetectedIssue holds. */
export const MOST_EVIDENCE = 50;
/** Whoever declines a Task does not have the alert, which goes on: somebody else may. */
const declined = ['rejected', 'failed', 'cancelled'];
/** Tasks that somebody may still do something about. */
const undone = new Set(['draft', 'requested', 'received', 'accepted', 'ready', 'in-progress', 'on-hold', ...declined]);

/** A new version of a resource that was read exactly. */
export const saveOf = (key: ResourceKey, resource: Resource, expect: Draft['expect']): Draft => {
  const text = writeExact(resource);
  return { op: 'save', key, method: 'PUT', resource: JSON.parse(text), text, expect };
};

/** What there is to write when an alert opens, and what is kept of it. */
export function opened(seen: AlertSeen, setting: AlertSetting): { readonly alert: Alert; readonly changes: Pending } {
  const alert = alertOf(seen);
  const drafts = alertResources(seen, alert, setting).map(
    (resource): Draft => ({
      op: 'save',
      key: { type: resource.resourceType, id: resource.id },
      method: 'PUT',
      resource,
      expect: 'absent',
    }),
  );
  return { alert, changes: [...drafts, ...openedAside(alert, setting, seen.acknowledged)] };
}

/** What is kept besides, for those who write the three resources as entries of a transaction. */
export function openedAside(alert: Alert, setting: AlertSetting, acknowledged = false): Pending {
  const kept = { op: 'put', kind: alertKind, key: alert.id, value: alert, expect: 'absent' } as const;
  const isForPeople = alert.queue === 'alert-review' && !acknowledged;
  return [kept, ...(isForPeople ? startProcess(alert, setting) : [])];
}

/** What an alert that is seen once more may add. */
export interface Again {
  /** A worse one raises it; a milder one changes nothing. */
  readonly severity?: AlertSeverity;
  /** What it has become, with its severity. */
  readonly type?: string;
  readonly text?: string;
  readonly evidence?: string;
}

/**
 * Seen again: evidence, and where it is worse than before the priority of all three. A worse alert that somebody had accepted
 * is asked for again, since nobody has looked at what it has become. `older` stands in where nothing is kept of it yet.
 */
export async function raised(
  id: string,
  again: Again,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
  older?: Alert,
): Promise<Pending> {
  const { value, expect } = await keptNow(alertKind, id, pending, look);
  const alert = (value as Alert | undefined) ?? older;
  if (!alert) return [];
  const { severity = alert.severity, evidence } = again;
  const hasRisen = isWorse(severity, alert.severity);
  const issue = await issueAgain(alert, hasRisen ? again : { evidence }, setting, pending, look);
  if (!hasRisen) return issue;
  const next: Alert = { ...alert, severity, type: again.type ?? alert.type };
  return [
    ...issue,
    ...(await flagRaised(next, again, setting, pending, look)),
    ...(await taskRaised(next, again.text, setting, pending, look)),
    { op: 'put', kind: alertKind, key: id, value: next, expect },
    ...(alert.queue === 'alert-review' ? await raiseProcess(next, setting, pending, look) : []),
  ];
}

async function issueAgain(
  { issue: id }: Alert,
  again: Again,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const key = { type: 'DetectedIssue', id };
  const newest = await resourceNow(key, pending, look);
  if (!newest) return [];
  const { severity, text, evidence: reference } = again;
  const before: readonly any[] = newest.resource.evidence ?? [];
  const isKnown = before.some((e) => e.detail?.some((d: any) => d.reference === reference));
  const isNew = reference !== undefined && !isKnown && before.length < MOST_EVIDENCE;
  if (!isNew && severity === undefined) return [];
  const evidence = isNew ? [...before, { detail: [{ reference }] }] : before;
  const mitigation = severity === undefined ? [] : (newest.resource.mitigation ?? []);
  const next = {
    ...newest.resource,
    // Nobody has seen what it is now: the last deed counts.
    ...(mitigation.length > 0 && { mitigation: [...mitigation, worsened(setting)] }),
    ...(severity && { severity: severities[severity].issue }),
    ...(text !== undefined && { detail: text }),
    ...(evidence.length > 0 && { evidence }),
  };
  return [saveOf(key, next, newest.expect)];
}

async function flagRaised(
  { flag: id, severity }: Alert,
  { evidence, type, text }: Again,
  { canonical }: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  if (id === undefined) return [];
  const key = { type: 'Flag', id };
  const newest = await resourceNow(key, pending, look);
  if (!newest) return [];
  const more = evidence === undefined ? [] : [seenIn(evidence)];
  const extension = [...withPriority(newest.resource.extension, severity), ...more];
  const code = type === undefined ? newest.resource.code : codeAgain(newest.resource.code, type, text, canonical);
  return [saveOf(key, { ...newest.resource, extension, code }, newest.expect)];
}

/** The type or the words change; what a maker calls it beside that stays, and its words while the type does. */
function codeAgain(code: any, type: string, text: string | undefined, canonical: string) {
  const coding = alertTypeOf(type, canonical);
  const others = (code?.coding ?? []).filter(({ system }: any) => system !== coding.system);
  const isSame = code?.coding?.some(({ system, code: was }: any) => system === coding.system && was === coding.code);
  return isSame && others.length > 0 ? code : { ...code, coding: [coding, ...others], text: text ?? code?.text };
}

async function taskRaised(
  { task: id, severity }: Alert,
  text: string | undefined,
  { now }: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const key = { type: 'Task', id };
  const newest = await resourceNow(key, pending, look);
  if (!newest || !undone.has(newest.resource.status)) return [];
  const { status } = newest.resource;
  const next = {
    ...newest.resource,
    status: ['accepted', ...declined].includes(status) ? 'requested' : status,
    priority: severities[severity].task,
    ...(text !== undefined && { description: text }),
    lastModified: new Date(now).toISOString(),
  };
  return [saveOf(key, next, newest.expect)];
}

/** Over since `at`: the Flag is inactive, its Task done. The DetectedIssue stays: it was found. */
export async function ended(
  id: string,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
  older?: Alert,
  at = setting.now,
): Promise<Pending> {
  const { value, expect } = await keptNow(alertKind, id, pending, look);
  const alert = (value as Alert | undefined) ?? older;
  if (!alert?.open) return [];
  return [...(await flagEnded(alert, at, pending, look)), ...(await endedAside(alert, expect, setting, pending, look))];
}

/** What it stood on is not so: it was an error, and says why. */
export async function endedInError(
  id: string,
  why: string,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const { value, expect } = await keptNow(alertKind, id, pending, look);
  const alert = value as Alert | undefined;
  if (!alert?.open) return [];
  const key = { type: 'DetectedIssue', id: alert.issue };
  const issue = await resourceNow(key, pending, look);
  const { detail } = issue?.resource ?? {};
  const inError = { ...issue?.resource, status: 'entered-in-error', detail: detail ? `${detail}. ${why}` : why };
  return [
    ...(await flagEnded(alert, setting.now, pending, look, 'entered-in-error')),
    ...(issue ? [saveOf(key, inError, issue.expect)] : []),
    ...(await endedAside(alert, expect, setting, pending, look, 'entered-in-error')),
  ];
}

/** What follows where the Flag is no longer active, by whomever; one in error was never anybody's to do. */
export async function endedAside(
  alert: Alert,
  expect: number | 'absent' | undefined,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
  status: 'completed' | 'entered-in-error' = 'completed',
): Promise<Pending> {
  return [
    ...(await taskEnded(alert, status, setting, pending, look)),
    { op: 'put', kind: alertKind, key: alert.id, value: { ...alert, open: false }, expect },
    ...(alert.queue === 'alert-review' ? await endProcess(alert, setting, pending, look) : []),
  ];
}

async function flagEnded(
  { flag: id }: Alert,
  at: number,
  pending: Pending,
  look: Look,
  status: 'inactive' | 'entered-in-error' = 'inactive',
): Promise<Pending> {
  if (id === undefined) return [];
  const key = { type: 'Flag', id };
  const newest = await resourceNow(key, pending, look);
  if (newest?.resource.status !== 'active') return [];
  return [saveOf(key, { ...newest.resource, status, period: periodUntil(at, newest.resource.period) }, newest.expect)];
}

/** The period of a Flag that ends: over before it began is none, since clocks differ. */
export function periodUntil(at: number, period: any) {
  const since = Date.parse(period?.start);
  return { ...period, end: new Date(Number.isNaN(since) ? at : Math.max(at, since)).toISOString() };
}

async function taskEnded(
  { task: id }: Alert,
  status: 'completed' | 'entered-in-error',
  { now }: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const key = { type: 'Task', id };
  const newest = await resourceNow(key, pending, look);
  if (!newest || !undone.has(newest.resource.status)) return [];
  const time = new Date(now).toISOString();
  return [saveOf(key, { ...newest.resource, status, lastModified: time }, newest.expect)];
}

/** Somebody made its Flag active again: it is open, and so is its Task where that was done. */
export async function reopenedAside(
  alert: Alert,
  expect: number | 'absent' | undefined,
  setting: AlertSetting,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const kept = { op: 'put', kind: alertKind, key: alert.id, value: { ...alert, open: true }, expect } as const;
  const key = { type: 'Task', id: alert.task };
  const newest = await resourceNow(key, pending, look);
  const process = alert.queue === 'alert-review' ? await reopenProcess(alert, setting, pending, look) : [];
  if (newest?.resource.status !== 'completed') return [kept, ...process];
  const time = new Date(setting.now).toISOString();
  const task = { ...newest.resource, status: 'requested', lastModified: time };
  return [kept, saveOf(key, task, newest.expect), ...process];
}
