/**
 * A reading that an open alert stands on is withdrawn, deleted, moved to somebody else or corrected to what is normal: where no
 * other reading tells the same the alert was an error, and it ends with its process. docs/alerts.md#episodes
 */
import { writeExact } from '../fhir/json.ts';
import { keyOf, type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver, resourceNow } from '../interactions/pending.ts';
import type { Change, Look } from '../store/store.ts';
import { type Alert, type AlertSetting, alertKind } from './alert.ts';
import { episodeKeysIn, type KeptEpisode } from './arrhythmia.ts';
import { isDerived } from './derived/derived.ts';
import { endedBySomebody } from './episode.ts';
import type { KeptAlarm } from './follow-alarm.ts';
import { worst } from './interpret.ts';
import type { Judging } from './judging.ts';
import { endedInError, MOST_EVIDENCE } from './raise.ts';
import { isTrusted } from './spoken.ts';

/** Alarms, and episodes of implants beside them, that an Observation is reason for by itself. */
async function reasonFor(
  observation: Resource | undefined,
  judging: Judging,
  pending: Pending,
  look: Look,
  setting: AlertSetting,
): Promise<ReadonlySet<string>> {
  const judged = observation && (await judging(observation, pending, look, setting));
  if (!judged) return new Set();
  const names = [...judged.verdicts].flatMap(([name, verdicts]) => {
    const severity = worst(verdicts)?.severity;
    return severity === 'abnormal' || severity === 'critical' ? [judged.keyFor(name)] : [];
  });
  return new Set([...names, ...episodeKeysIn(observation!, judged)]);
}

function whatBecameOf(after: Resource | undefined): string {
  if (after === undefined) return 'deleted';
  return ['entered-in-error', 'cancelled'].includes(after['status']) ? 'withdrawn' : 'corrected';
}

/** What follows for the alerts that `before` was reason for and `after`, where there is one, is not. */
export async function takeBack(
  key: ResourceKey,
  before: Resource,
  after: Resource | undefined,
  judging: Judging,
  pending: Pending,
  look: Look,
  setting: AlertSetting,
): Promise<Pending> {
  // What is derived is taken back by whoever derives: it looks first whether there is another.
  if (isDerived(before, setting.canonical)) return [];
  const was = await reasonFor(before, judging, pending, look, setting);
  if (was.size === 0) return [];
  const is = await reasonFor(after, judging, pending, look, setting);
  let changes: Pending = [];
  for (const alarm of was) {
    if (is.has(alarm)) continue;
    const held = laidOver(pending, changes);
    const standing = await standingOn(alarm, held, look);
    if (!standing) continue;
    const others = await othersOf(standing.alert, key, held, look);
    if (!others) continue;
    const stands = await firstThatStands(others, alarm, judging, held, look, setting);
    if (stands) {
      changes = [...changes, ...stands];
      continue;
    }
    const detail = `Not so: the reading that it stood on was ${whatBecameOf(after)}`;
    changes = [...changes, ...(await endedInError(standing.alert.id, detail, setting, held, look)), standing.ended];
  }
  return changes;
}

/** The open alert of an alarm, and the alarm without it. A maker's, or that of a flood, stands on more than readings of one kind. */
async function standingOn(
  alarm: string,
  pending: Pending,
  look: Look,
): Promise<{ readonly alert: Alert; readonly ended: Change } | undefined> {
  const { value, expect } = await keptNow('alarm', alarm, pending, look);
  const kept = value as KeptAlarm | KeptEpisode | undefined;
  if (!kept) return undefined;
  const isAlarm = 'flag' in kept;
  if (isAlarm && (!kept.open || kept.told || kept.capped)) return undefined;
  const id = isAlarm ? kept.flag : kept.alert;
  if (id === undefined) return undefined;
  const alert = (await keptNow(alertKind, id, pending, look)).value as Alert | undefined;
  if (!alert?.open || alert.type === 'alert-flood') return undefined;
  const next = isAlarm ? endedBySomebody(kept) : { isCritical: false, taken: (kept.taken ?? 0) + 1 };
  return { alert, ended: { op: 'put', kind: 'alarm', key: alarm, value: next, expect } };
}

/** What else its DetectedIssue names; undefined where it does not name this one, or is too full to tell. */
async function othersOf(
  { issue }: Alert,
  key: ResourceKey,
  pending: Pending,
  look: Look,
): Promise<readonly ResourceKey[] | undefined> {
  const found = (await resourceNow({ type: 'DetectedIssue', id: issue }, pending, look))?.resource;
  const evidence: readonly any[] = found?.evidence ?? [];
  const named = evidence.flatMap(({ detail = [] }) => detail.map(({ reference }: any) => reference));
  if (evidence.length >= MOST_EVIDENCE || !named.includes(referenceTo(key))) return undefined;
  return named.flatMap((reference) => {
    const other = keyOf(reference);
    return other && referenceTo(other) !== referenceTo(key) ? [other] : [];
  });
}

/** What to expect of the one that stands, so that two who withdraw two at a time leave none behind. */
async function firstThatStands(
  others: readonly ResourceKey[],
  alarm: string,
  judging: Judging,
  pending: Pending,
  look: Look,
  setting: AlertSetting,
): Promise<Pending | undefined> {
  await look.read(others);
  for (const key of others) {
    const newest = await resourceNow(key, pending, look);
    if (!newest) continue;
    const observation = JSON.parse(writeExact(newest.resource));
    // What opens nothing by itself is no reason to go on.
    if (!isTrusted(observation, setting.canonical)) continue;
    if (!(await reasonFor(observation, judging, pending, look, setting)).has(alarm)) continue;
    return typeof newest.expect === 'object' ? [{ op: 'expect', of: key, at: newest.expect.versionId }] : [];
  }
  return undefined;
}
