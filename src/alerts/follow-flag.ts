/**
 * What follows when somebody writes the Flag of an alert: one that a maker told of is kept as an alert from then on, a higher
 * priority raises it, inactive, in error or deleted ends it, active takes it up again. https://hl7.org/fhir/R4/flag.html
 */
import { keyOf, type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver, resourceNow } from '../interactions/pending.ts';
import { type Change, isDeleted, type Look } from '../store/store.ts';
import { type Alert, type AlertSetting, alertKind } from './alert.ts';
import { makersRow } from './beside-maker.ts';
import { endedBySomebody, reopenedBySomebody } from './episode.ts';
import type { KeptAlarm } from './follow-alarm.ts';
import { raiseProcess } from './process/start.ts';
import { endedAside, openedAside, reopenedAside, saveOf } from './raise.ts';
import { isWorse, severityIn } from './severity.ts';
import { alertTypeIn } from './triple.ts';

export const followFlag: Derive = async ({ key, before, after: written }, pending, look, setting) => {
  const { value, expect } = await keptNow(alertKind, key.id, pending, look);
  const alert = value as Alert | undefined;
  if (!alert && !before && written && isOfDevice(written, setting.canonical))
    return adopted(key, written, pending, look, setting);
  const isActive = written?.status === 'active';
  const isError = written?.status === 'entered-in-error';
  const wasError = before && !isDeleted(before) && JSON.parse(before.text).status === 'entered-in-error';
  // Flags of before alerts had Tasks are known by their alarm alone.
  const alarmKey = alert ? alert.alarm : (await keptNow('alarm-of-flag', key.id, pending, look)).value;
  const changes: (Draft | Change)[] = [];
  if (alert && alert.open !== isActive)
    changes.push(
      ...(isActive
        ? await reopenedAside(alert, expect, setting, pending, look)
        : await endedAside(alert, expect, setting, pending, look, isError ? 'entered-in-error' : 'completed')),
    );
  else if (alert && written) changes.push(...(await worse(alert, expect, written, pending, look, setting)));
  const alarm = alarmKey === undefined ? undefined : await alarmNow(alarmKey, key.id, pending, look);
  if (alarm && alarm.value.open !== isActive) {
    const next = isActive ? reopenedBySomebody(alarm.value) : endedBySomebody(alarm.value);
    changes.push({ op: 'put', kind: 'alarm', key: alarmKey, value: next, expect: alarm.expect });
  }
  const issue = alert?.issue ?? alarm?.value.issue;
  const isAgain = isActive && alert?.open === false;
  const status = isError && !wasError ? 'entered-in-error' : written === undefined ? 'cancelled' : isAgain && 'final';
  if (status && issue !== undefined) changes.push(...(await issueIs(status, issue, laidOver(pending, changes), look)));
  return changes;
};

/** What was found goes with its Flag: in error, or no more where that was deleted, and again where it is active again. */
async function issueIs(
  status: 'entered-in-error' | 'cancelled' | 'final',
  id: string,
  pending: Pending,
  look: Look,
): Promise<Pending> {
  const key = { type: 'DetectedIssue', id };
  const newest = await resourceNow(key, pending, look);
  const was = newest?.resource.status;
  const isSo = was === status || (status === 'cancelled' && was === 'entered-in-error');
  // One that somebody amended is as it should be.
  if (!newest || isSo || (status === 'final' && !['cancelled', 'entered-in-error'].includes(was))) return [];
  return [saveOf(key, { ...newest.resource, status }, newest.expect)];
}

const isOfDevice = ({ meta }: Resource, canonical: string): boolean =>
  meta?.profile?.includes(`${canonical}/StructureDefinition/device-alert-flag`) === true;

/** The Task of the same commit that asks for a look at the Flag, with the DetectedIssue that it names. */
async function taskFor(flag: ResourceKey, pending: Pending, look: Look) {
  for (const change of pending) {
    if ((change.op !== 'write' && change.op !== 'save') || change.key.type !== 'Task') continue;
    const task = (await resourceNow(change.key, pending, look))?.resource;
    if (task?.focus?.reference === referenceTo(flag)) return task;
  }
  return undefined;
}

/** An alert that came whole, from a maker: from now on it is one of ours. */
async function adopted(
  key: ResourceKey,
  flag: Resource,
  pending: Pending,
  look: Look,
  setting: AlertSetting,
): Promise<Pending> {
  if (flag.status !== 'active') return [];
  const task = await taskFor(key, pending, look);
  const issue = keyOf(task?.reasonReference?.reference ?? '');
  if (!task || issue?.type !== 'DetectedIssue') return [];
  const since = Date.parse(flag.period?.start);
  const alert: Alert = {
    id: key.id,
    flag: key.id,
    issue: issue.id,
    task: task.id,
    type: alertTypeIn(flag.code?.coding, setting.canonical)?.code ?? 'device-alert',
    severity: severityIn(flag),
    patient: flag.subject?.reference,
    device: flag.author?.reference,
    queue: 'alert-review',
    at: Number.isNaN(since) ? setting.now : since,
    open: true,
  };
  return [...openedAside(alert, setting, task.status !== 'requested'), ...(await makersRow(alert, pending, look))];
}

/** The priority of the Flag has risen: DetectedIssue and Task were written beside it. */
async function worse(
  alert: Alert,
  expect: number | 'absent' | undefined,
  flag: Resource,
  pending: Pending,
  look: Look,
  setting: AlertSetting,
): Promise<Pending> {
  const severity = severityIn(flag);
  if (severity === alert.severity) return [];
  const next = { ...alert, severity };
  const kept = { op: 'put', kind: alertKind, key: alert.id, value: next, expect } as const;
  return isWorse(severity, alert.severity) ? [kept, ...(await raiseProcess(next, setting, pending, look))] : [kept];
}

/** The alarm whose newest episode this Flag is. */
async function alarmNow(key: string, flag: string, pending: Pending, look: Look) {
  const { value, expect } = await keptNow('alarm', key, pending, look);
  const alarm = value as KeptAlarm | undefined;
  return alarm?.flag === flag ? { value: alarm, expect } : undefined;
}
