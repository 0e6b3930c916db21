/**
 * Judges every Observation that is written, by whatever door, and opens, raises and ends the alerts that follow; the verdict
 * lives in them alone. https://hl7.org/fhir/R4/observation.html, docs/alerts.md
 */
import { createHash } from 'node:crypto';
import { referenceTo } from '../fhir/references.ts';
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver } from '../interactions/pending.ts';
import { uuidv7 } from '../runtime.ts';
import { type Change, isDeleted, type Look } from '../store/store.ts';
import { flagEpisodes } from './arrhythmia.ts';
import { type FloodCap, usualCap } from './flood.ts';
import { follow, type KeptAlarm, type Sight } from './follow-alarm.ts';
import { type Verdict, worst } from './interpret.ts';
import { createJudging } from './judging.ts';
import { instantOf, isTrusted, placedAt } from './spoken.ts';
import type { Limits, LimitsOf, Thresholds } from './thresholds.ts';
import { takeBack } from './withdrawn.ts';
import { type NotJudged, notJudgedIssue } from './words.ts';

const DAY = 86_400_000;
const OLDEST = 30 * DAY;
const idFor = (now: number, ...parts: readonly string[]): string =>
  uuidv7(now, createHash('sha256').update(parts.join('|')).digest());

export function flagVitals(shipped: Limits, cap: FloodCap = usualCap): Derive {
  const judging = createJudging(shipped);

  return async ({ key: observation, before: version, after: written }, pending, look, setting) => {
    const { now, canonical } = setting;
    const taken =
      version && !isDeleted(version)
        ? await takeBack(observation, JSON.parse(version.text), written, judging, pending, look, setting)
        : [];
    if (written?.resourceType !== 'Observation' || placedAt(instantOf(written, now), now) < now - OLDEST) return taken;
    const judged = await judging(written, pending, look, setting);
    if (!judged) return taken;
    const { of, at, patient, device, layers, keyFor } = judged;
    const changes: (Draft | Change)[] = [...taken];
    const trusted = isTrusted(written, canonical);
    for (const [name, ofName] of judged.verdicts) {
      const verdict = named(worst(ofName)!, of, shipped[of]);
      const key = keyFor(name);
      const sight: Sight = { observation, patient, device, verdict, of, key, at, now, canonical, cap };
      for (const reason of ['no-table', 'no-unit'] as const) {
        if (ofName.some(({ severity }) => severity === reason))
          changes.push(...(await notJudged(reason, sight, laidOver(pending, changes), look)));
      }
      // A pair of which one half could not be judged is not normal.
      const { severity, near } = verdict;
      if (severity === 'no-table' || severity === 'no-unit') continue;
      const held = laidOver(pending, changes);
      const { value, expect } = await keptNow('alarm', key, held, look);
      const before = value as KeptAlarm | undefined;
      const { saves, kept } = await follow(before, { at, severity, trusted, near }, sight, held, look);
      changes.push(...saves);
      if (kept && JSON.stringify(kept) !== JSON.stringify(before))
        changes.push({ op: 'put', kind: 'alarm', key, value: kept, expect });
    }
    if (of === 'cardiac-limit' && patient !== undefined && device !== undefined) {
      const sight = { patient, device, observation: referenceTo(observation), at, now, canonical, cap };
      changes.push(...(await flagEpisodes(written, layers, sight, laidOver(pending, changes), look)));
    }
    return changes;
  };
}

/** Limits that do not say what lies beyond them mean the alert that the shipped ones name. */
function named(verdict: Verdict, of: LimitsOf, shipped: Thresholds): Verdict {
  const { alert, direction, vital } = verdict;
  if (of === 'vital' || alert !== undefined || direction === undefined) return verdict;
  for (const { vital: known, intervals } of [...shipped.values()].flat())
    for (const { kind, low, high } of known === vital ? intervals : []) {
      // A critical interval begins at the limit on the other side.
      const beyond = (direction === 'low') === (kind === 'normal') ? low : high;
      if (beyond?.alert !== undefined) return { ...verdict, alert: beyond.alert };
    }
  return verdict;
}

/** Says why a value was held against no limits: once per patient and vital, where it is the device's doing for each device. */
async function notJudged(reason: NotJudged, sight: Sight, held: Pending, look: Look): Promise<Pending> {
  const { patient, device, verdict, now } = sight;
  if (patient === undefined) return [];
  const key = `${reason === 'no-unit' ? sight.key : `${patient}|${verdict.vital}`}|${reason}`;
  const { value, expect } = await keptNow('alarm', key, held, look);
  if (value !== undefined) return [];
  const id = idFor(now, key, 'DetectedIssue');
  const observation = referenceTo(sight.observation);
  return [
    {
      op: 'save',
      key: { type: 'DetectedIssue', id },
      method: 'PUT',
      resource: notJudgedIssue({ id, patient, device, observation, verdict, reason, now }),
      expect: 'absent',
    },
    { op: 'put', kind: 'alarm', key, value: { issue: id }, expect },
  ];
}
