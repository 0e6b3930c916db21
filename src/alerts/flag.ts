/**
 * Opens, raises and ends the alert of one vital on one patient and device.
 * https://hl7.org/fhir/R4/flag.html, https://hl7.org/fhir/R4/detectedissue.html
 */
import { createHash } from 'node:crypto';
import { type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow } from '../interactions/pending.ts';
import { uuidv7 } from '../runtime.ts';
import type { Change, Look } from '../store/store.ts';
import type { Alert } from './alert.ts';
import { type Alarm, after, type Step } from './episode.ts';
import { judge, measuredIn, type Verdict, worst } from './interpret.ts';
import { createPersonOf } from './person.ts';
import { ended, MOST_EVIDENCE, opened, raised } from './raise.ts';
import type { Thresholds } from './thresholds.ts';
import { detailOf, type NotJudged, nameOf, notJudgedIssue } from './words.ts';

/** The kept alarm, with the ids of its newest episode. */
export interface KeptAlarm extends Alarm {
  readonly flag: string;
  readonly issue: string;
  /** References that the DetectedIssue holds as evidence. */
  readonly evidence: number;
}

const DAY = 86_400_000;
const OLDEST = 30 * DAY;
/** A signal below this opens and raises nothing by itself. */
const TRUSTED_QUALITY = 50;
const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const spoken = new Set(['preliminary', 'final', 'amended', 'corrected']);
/** What an implant says of the heart is none of what these limits are made for: a pacemaker paces at 50, an episode runs at 220. */
const ofImplants = ['cied-measurement', 'idco-observation'];

/** When it was measured, in milliseconds: the end of a period, else when it was issued, else now. */
function instantOf(observation: Resource, now: number): number {
  const { effectiveDateTime, effectiveInstant, effectivePeriod, issued } = observation;
  const text = effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.end ?? effectivePeriod?.start ?? issued;
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? now : at;
}

/** Test messages of HL7 v2 say so: nobody is to be woken by them. */
const isTest = (observation: Resource): boolean =>
  observation.meta?.security?.some(({ code, system }: any) => code === 'HTEST' && system === ACT_REASON) === true;

/** `Patient/1` out of any literal reference to a Patient, without its version. */
const patientOf = (observation: Resource): string | undefined =>
  /^((?:https?:\/\/\S+\/)?Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/\S+)?$/.exec(
    observation.subject?.reference ?? '',
  )?.[1];

function isTrusted(observation: Resource, canonical: string): boolean {
  const quality = observation.extension?.find((e: any) => e.url === `${canonical}/StructureDefinition/signal-quality`);
  return !((quality?.valueQuantity?.value ?? 100) < TRUSTED_QUALITY);
}

const isOfImplant = ({ meta }: Resource, canonical: string): boolean =>
  ofImplants.some((name) => meta?.profile?.includes(`${canonical}/StructureDefinition/${name}`));

const idFor = (now: number, ...parts: readonly (string | number)[]): string =>
  uuidv7(now, createHash('sha256').update(parts.join('|')).digest());

interface Sight {
  readonly observation: ResourceKey;
  readonly patient: string;
  readonly device: string | undefined;
  readonly verdict: Verdict;
  readonly key: string;
  readonly at: number;
  readonly now: number;
  readonly canonical: string;
}

/** Evaluates every vital sign that is written, by whatever door; the verdict lives in Flag and DetectedIssue only. */
export function flagVitals(thresholds: Thresholds): Derive {
  const personOf = createPersonOf();
  const vitals = [...new Set([...thresholds.values()].flat().map(({ vital }) => vital))];
  const asked = new WeakMap<Pending, Set<string>>();

  /** The first of several readings in a commit asks for the alarms of all vitals, which the others then need not. */
  function askForAll(about: string, keyFor: (vital: string) => string, pending: Pending, look: Look): void {
    if (pending.length < 2) return;
    let known = asked.get(pending);
    if (!known) asked.set(pending, (known = new Set()));
    if (known.has(about)) return;
    known.add(about);
    look.get('alarm', vitals.map(keyFor)).catch(() => undefined);
  }

  return async ({ key: observation, after: written }, pending, look, { now, canonical }) => {
    if (written?.resourceType !== 'Observation' || !spoken.has(written.status)) return [];
    if (isOfImplant(written, canonical)) return [];
    if (isTest(written)) return [];
    const patient = patientOf(written);
    const at = instantOf(written, now);
    if (patient === undefined || at < now - OLDEST) return [];
    const measured = measuredIn(written).filter(({ coding }) =>
      coding.some((c) => thresholds.has(`${c.system}|${c.code}`)),
    );
    if (measured.length === 0) return [];

    const device: string | undefined = written.device?.reference;
    const keyFor = (vital: string) => `${patient}|${vital}|${device ?? '-'}`;
    askForAll(keyFor(''), keyFor, pending, look);
    const person = await personOf(patient, pending, look);
    const verdicts = measured.flatMap((value) => judge(value, person, at, thresholds) ?? []);
    const changes: (Draft | Change)[] = [];
    for (const vital of new Set(verdicts.map((verdict) => verdict.vital))) {
      const ofVital = verdicts.filter((v) => v.vital === vital);
      const verdict = worst(ofVital)!;
      const key = keyFor(vital);
      const sight = { observation, patient, device, verdict, key, at, now, canonical };
      for (const reason of ['no-table', 'no-unit'] as const) {
        if (ofVital.some(({ severity }) => severity === reason))
          changes.push(...(await notJudged(reason, sight, [...pending, ...changes], look)));
      }
      // A pair of which one half could not be judged is not normal.
      if (verdict.severity === 'no-table' || verdict.severity === 'no-unit') continue;
      const held = changes.length > 0 ? [...pending, ...changes] : pending;
      const { value, expect } = await keptNow('alarm', key, held, look);
      const before = value as KeptAlarm | undefined;
      const turn = after(before, { at, severity: verdict.severity, trusted: isTrusted(written, canonical) });
      const { saves, kept } = await follow(turn.step, turn.alarm, before, sight, held, look);
      changes.push(...saves);
      if (kept && JSON.stringify(kept) !== JSON.stringify(before))
        changes.push({ op: 'put', kind: 'alarm', key, value: kept, expect });
    }
    return changes;
  };
}

/** What one step means for the alert. */
async function follow(
  step: Step,
  alarm: Alarm | undefined,
  before: KeptAlarm | undefined,
  sight: Sight,
  held: Pending,
  look: Look,
): Promise<{ saves: Pending; kept: KeptAlarm | undefined }> {
  if (alarm === undefined) return { saves: [], kept: undefined };
  if (step === 'opened') return open(alarm, sight);
  const kept = { ...before!, ...alarm };
  if (step === 'nothing') return { saves: [], kept };
  if (step === 'ended') return { saves: await ended(kept.flag, sight, held, look, olderOf(kept, sight)), kept };
  if (kept.evidence >= MOST_EVIDENCE && step !== 'raised') return { saves: [], kept };
  const again = {
    evidence: referenceTo(sight.observation),
    ...(step === 'raised' && { severity: 'critical' as const, text: detailOf(sight.verdict, 'critical') }),
  };
  const saves = await raised(kept.flag, again, sight, held, look, olderOf(before!, sight));
  return { saves, kept: { ...kept, evidence: saves.length > 0 ? kept.evidence + 1 : kept.evidence } };
}

function open(alarm: Alarm, sight: Sight): { saves: Pending; kept: KeptAlarm } {
  const { patient, device, verdict, key, at } = sight;
  const { alert, changes } = opened(
    {
      type: `vital-${verdict.vital}`,
      severity: alarm.severity === 'critical' ? 'critical' : 'warning',
      patient,
      device,
      evidence: [referenceTo(sight.observation)],
      name: nameOf(verdict),
      text: detailOf(verdict, alarm.severity),
      at,
      episodeKey: `${key}|${alarm.episode}`,
      alarm: key,
    },
    sight,
  );
  return { saves: changes, kept: { ...alarm, flag: alert.id, issue: alert.issue, evidence: 1 } };
}

/** An alarm that opened when alerts had no Task: what would be kept of it now. */
const olderOf = ({ flag, issue, severity }: KeptAlarm, { patient, device, verdict, key, at }: Sight): Alert => ({
  id: flag,
  flag,
  issue,
  task: flag,
  type: `vital-${verdict.vital}`,
  severity: severity === 'critical' ? 'critical' : 'warning',
  patient,
  device,
  queue: 'alert-review',
  at,
  alarm: key,
  open: true,
});

/** Says why a value was held against no limits: once per patient and vital, where it is the device's doing for each device. */
async function notJudged(severity: NotJudged, sight: Sight, held: Pending, look: Look): Promise<Pending> {
  const key = `${severity === 'no-unit' ? sight.key : `${sight.patient}|${sight.verdict.vital}`}|${severity}`;
  const { value, expect } = await keptNow('alarm', key, held, look);
  if (value !== undefined) return [];
  const id = idFor(sight.now, key, 'DetectedIssue');
  const observation = referenceTo(sight.observation);
  return [
    {
      op: 'save',
      key: { type: 'DetectedIssue', id },
      method: 'PUT',
      resource: notJudgedIssue({ ...sight, id, observation, reason: severity }),
      expect: 'absent',
    },
    { op: 'put', kind: 'alarm', key, value: { issue: id }, expect },
  ];
}
