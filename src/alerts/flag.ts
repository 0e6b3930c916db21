/**
 * Opens, raises and ends the Flag of one vital on one patient and device; what was seen stands in a DetectedIssue beside it.
 * https://hl7.org/fhir/R4/flag.html, https://hl7.org/fhir/R4/detectedissue.html
 */
import { createHash } from 'node:crypto';
import { writeExact } from '../fhir/json.ts';
import { type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, resourceNow } from '../interactions/pending.ts';
import { uuidv7 } from '../runtime.ts';
import { type Change, isDeleted, type Look } from '../store/store.ts';
import { type Alarm, after, endedBySomebody, reopenedBySomebody, type Step } from './episode.ts';
import { judge, measuredIn, type Verdict, worst } from './interpret.ts';
import { createPersonOf } from './person.ts';
import type { Thresholds } from './thresholds.ts';
import { detailOf, detectedIssue, flag, type NotJudged, priority, seenIn } from './words.ts';

/** The kept alarm, with the ids of its newest episode. */
interface KeptAlarm extends Alarm {
  readonly flag: string;
  readonly issue: string;
  /** References that the DetectedIssue holds as evidence. */
  readonly evidence: number;
}

const DAY = 86_400_000;
const OLDEST = 30 * DAY;
const MOST_EVIDENCE = 50;
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
      const sight = { observation, patient, device, verdict, key, now, canonical };
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

/** What one step means for the two resources. */
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
  if (step === 'ended') return { saves: await end(kept, sight, held, look), kept };
  const issue = await addEvidence(kept, step, sight, held, look);
  const saves = [...issue.saves, ...(step === 'raised' ? await raise(kept, sight, held, look) : [])];
  return { saves, kept: { ...kept, evidence: issue.evidence } };
}

function open(alarm: Alarm, sight: Sight): { saves: Pending; kept: KeptAlarm } {
  const kept = {
    ...alarm,
    flag: idFor(sight.now, sight.key, alarm.episode, 'Flag'),
    issue: idFor(sight.now, sight.key, alarm.episode, 'DetectedIssue'),
    evidence: 1,
  };
  const words = { ...sight, id: kept.flag, severity: alarm.severity, observation: referenceTo(sight.observation) };
  return {
    kept,
    saves: [
      { op: 'save', key: { type: 'Flag', id: kept.flag }, method: 'PUT', resource: flag(words), expect: 'absent' },
      {
        op: 'save',
        key: { type: 'DetectedIssue', id: kept.issue },
        method: 'PUT',
        resource: detectedIssue({ ...words, id: kept.issue, alert: kept.flag }),
        expect: 'absent',
      },
      { op: 'put', kind: 'alarm-of-flag', key: kept.flag, value: sight.key, expect: 'absent' },
    ],
  };
}

const saveOf = (key: ResourceKey, resource: Resource, expect: Draft['expect']): Draft => {
  const text = writeExact(resource);
  return { op: 'save', key, method: 'PUT', resource: JSON.parse(text), text, expect };
};

async function raise({ flag: id }: KeptAlarm, sight: Sight, held: Pending, look: Look): Promise<readonly Draft[]> {
  const key = { type: 'Flag', id };
  const newest = await resourceNow(key, held, look);
  if (!newest) return [];
  const { extension: before = [], ...rest } = newest.resource;
  const others = before.filter((e: any) => e.url !== priority('critical').url);
  const extension = [priority('critical'), ...others, seenIn(referenceTo(sight.observation))];
  return [saveOf(key, { ...rest, extension }, newest.expect)];
}

async function end({ flag: id }: KeptAlarm, { now }: Sight, held: Pending, look: Look): Promise<readonly Draft[]> {
  const key = { type: 'Flag', id };
  const newest = await resourceNow(key, held, look);
  if (newest?.resource.status !== 'active') return [];
  const period = { ...newest.resource.period, end: new Date(now).toISOString() };
  return [saveOf(key, { ...newest.resource, status: 'inactive', period }, newest.expect)];
}

async function addEvidence(
  kept: KeptAlarm,
  step: Step,
  sight: Sight,
  held: Pending,
  look: Look,
): Promise<{ saves: readonly Draft[]; evidence: number }> {
  if (kept.evidence >= MOST_EVIDENCE && step !== 'raised') return { saves: [], evidence: kept.evidence };
  const key = { type: 'DetectedIssue', id: kept.issue };
  const newest = await resourceNow(key, held, look);
  if (!newest) return { saves: [], evidence: kept.evidence };
  const reference = referenceTo(sight.observation);
  const evidence: any[] = newest.resource.evidence ?? [];
  const isNew =
    evidence.length < MOST_EVIDENCE && !evidence.some((e) => e.detail?.some((d: any) => d.reference === reference));
  if (!isNew && step !== 'raised') return { saves: [], evidence: evidence.length };
  const more = isNew ? [...evidence, { detail: [{ reference }] }] : evidence;
  const worse = step === 'raised' ? { severity: 'high', detail: detailOf(sight.verdict, 'critical') } : {};
  return {
    saves: [saveOf(key, { ...newest.resource, ...worse, evidence: more }, newest.expect)],
    evidence: more.length,
  };
}

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
      resource: detectedIssue({ ...sight, id, observation, severity, alert: undefined }),
      expect: 'absent',
    },
    { op: 'put', kind: 'alarm', key, value: { issue: id }, expect },
  ];
}

/** What follows when somebody writes a Flag of ours: inactive, entered-in-error or deleted ends the episode, active takes it up again. */
export const followFlag: Derive = async ({ key, before, after: written }, pending, look) => {
  const alarmKey = (await keptNow('alarm-of-flag', key.id, pending, look)).value;
  if (alarmKey === undefined) return [];
  const { value, expect } = await keptNow('alarm', alarmKey, pending, look);
  const alarm = value as KeptAlarm;
  if (alarm.flag !== key.id) return [];
  const isActive = written?.status === 'active';
  const changes: (Draft | Change)[] = [];
  if (isActive !== alarm.open) {
    const next = isActive ? reopenedBySomebody(alarm) : endedBySomebody(alarm);
    changes.push({ op: 'put', kind: 'alarm', key: alarmKey, value: next, expect });
  }
  const wasError = before && !isDeleted(before) && JSON.parse(before.text).status === 'entered-in-error';
  if (written?.status === 'entered-in-error' && !wasError) {
    const issue = { type: 'DetectedIssue', id: alarm.issue };
    const newest = await resourceNow(issue, pending, look);
    if (newest) changes.push(saveOf(issue, { ...newest.resource, status: 'entered-in-error' }, newest.expect));
  }
  return changes;
};
