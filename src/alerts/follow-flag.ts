/** What follows when somebody writes the Flag of an alert: inactive, in error or deleted ends it, active takes it up again. https://hl7.org/fhir/R4/flag.html */
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, resourceNow } from '../interactions/pending.ts';
import { type Change, isDeleted, type Look } from '../store/store.ts';
import { type Alert, alertKind } from './alert.ts';
import { endedBySomebody, reopenedBySomebody } from './episode.ts';
import type { KeptAlarm } from './follow-alarm.ts';
import { endedAside, reopenedAside, saveOf } from './raise.ts';

export const followFlag: Derive = async ({ key, before, after: written }, pending, look, setting) => {
  const { value, expect } = await keptNow(alertKind, key.id, pending, look);
  const alert = value as Alert | undefined;
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
  const alarm = alarmKey === undefined ? undefined : await alarmNow(alarmKey, key.id, pending, look);
  if (alarm && alarm.value.open !== isActive) {
    const next = isActive ? reopenedBySomebody(alarm.value) : endedBySomebody(alarm.value);
    changes.push({ op: 'put', kind: 'alarm', key: alarmKey, value: next, expect: alarm.expect });
  }
  const issue = alert?.issue ?? alarm?.value.issue;
  if (isError && !wasError && issue !== undefined) {
    const newest = await resourceNow({ type: 'DetectedIssue', id: issue }, pending, look);
    if (newest)
      changes.push(
        saveOf({ type: 'DetectedIssue', id: issue }, { ...newest.resource, status: 'entered-in-error' }, newest.expect),
      );
  }
  return changes;
};

/** The alarm whose newest episode this Flag is. */
async function alarmNow(key: string, flag: string, pending: Pending, look: Look) {
  const { value, expect } = await keptNow('alarm', key, pending, look);
  const alarm = value as KeptAlarm | undefined;
  return alarm?.flag === flag ? { value: alarm, expect } : undefined;
}
