/**
 * Judges every Observation that is written, by whatever door, and opens, raises and ends the alerts that follow; the verdict
 * lives in them alone. https://hl7.org/fhir/R4/observation.html, docs/alerts.md
 */
import { createHash } from 'node:crypto';
import { keyOf, type Resource, referenceTo } from '../fhir/references.ts';
import type { Derive, Draft, Pending } from '../interactions/interaction.ts';
import { keptNow, laidOver } from '../interactions/pending.ts';
import { uuidv7 } from '../runtime.ts';
import type { Change, Look } from '../store/store.ts';
import { flagEpisodes } from './arrhythmia.ts';
import { isDerived } from './derived/derived.ts';
import { type FloodCap, usualCap } from './flood.ts';
import { follow, type KeptAlarm, type Sight } from './follow-alarm.ts';
import { judge, type Measured, measuredIn, type Person, type Verdict, worst } from './interpret.ts';
import { createKindsOf, createPersonOf } from './person.ts';
import { deviceOf, instantOf, isImplant, isOfImplant, isSpoken, isTrusted, patientOf, placedAt } from './spoken.ts';
import { createStoredLimits, limitKeys } from './stored-limits.ts';
import type { Limits, LimitsOf, Thresholds } from './thresholds.ts';
import { type NotJudged, notJudgedIssue } from './words.ts';

const DAY = 86_400_000;
const OLDEST = 30 * DAY;
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const isVitalSign = ({ category }: Resource): boolean =>
  category?.some(({ coding }: any) =>
    coding?.some(({ system, code }: any) => system === CATEGORY && code === 'vital-signs'),
  ) === true;

const isKnown = (thresholds: Thresholds, { coding }: Measured): boolean =>
  coding.some(({ system, code }) => thresholds.has(`${system}|${code}`));

const idFor = (now: number, ...parts: readonly string[]): string =>
  uuidv7(now, createHash('sha256').update(parts.join('|')).digest());

/** By which limits it is judged; undefined where none of what it measured has any. */
function limitsOf(
  written: Resource,
  measured: readonly Measured[],
  shipped: Limits,
  canonical: string,
): LimitsOf | undefined {
  if (isDerived(written, canonical)) return 'derived-limit';
  if (isOfImplant(written, canonical)) return 'cardiac-limit';
  if (patientOf(written) === undefined)
    return measured.some((one) => isKnown(shipped['device-limit'], one)) ? 'device-limit' : undefined;
  return isVitalSign(written) || measured.some((one) => isKnown(shipped.vital, one)) ? 'vital' : undefined;
}

interface Judged {
  readonly verdict: Verdict;
  /** What one alarm stands for: the vital, and which of several. */
  readonly name: string;
}

interface Sought {
  readonly patient: string | undefined;
  /** Left out where nobody need know what it is. */
  readonly device: string | undefined;
  /** Key of the alarm of this name. */
  readonly keyFor: (name: string) => string;
}

export function flagVitals(shipped: Limits, cap: FloodCap = usualCap): Derive {
  const personOf = createPersonOf();
  const kindsOf = createKindsOf();
  const storedFor = createStoredLimits(shipped);
  const all = [...new Set([...shipped.vital.values()].flat().map(({ vital }) => vital))];
  const asked = new WeakMap<Pending, Set<string>>();

  /**
   * One round trip for the alarms and the limits beside them, and one for whose and what it is. The first of several readings in a commit asks for the alarms of
   * all vitals, which the others then need not.
   */
  function ask(sought: Sought, vitals: readonly string[], pending: Pending, look: Look): void {
    const { patient, device, keyFor } = sought;
    let names = vitals;
    if (pending.length >= 2) {
      let known = asked.get(pending);
      if (!known) asked.set(pending, (known = new Set()));
      if (!known.has(keyFor(''))) names = [...new Set([...all, ...vitals])];
      known.add(keyFor(''));
    }
    look.get('alarm', [...names.map(keyFor), ...limitKeys(patient)]).catch(() => undefined);
    if (device !== undefined)
      look.read([patient, device].flatMap((one) => keyOf(one ?? '') ?? [])).catch(() => undefined);
  }

  return async ({ key: observation, after: written }, pending, look, { now, canonical }) => {
    if (written?.resourceType !== 'Observation' || !isSpoken(written)) return [];
    const at = placedAt(instantOf(written, now), now);
    if (at < now - OLDEST) return [];
    const measured = measuredIn(written);
    const claimed = measured.length > 0 ? limitsOf(written, measured, shipped, canonical) : undefined;
    if (claimed === undefined) return [];
    // What an implant told at once is judged at once, by the panel that single values are taken from.
    if (claimed === 'cardiac-limit' && written.derivedFrom) return [];
    const patient = patientOf(written);
    const device: string | undefined = patient === undefined ? deviceOf(written) : written.device?.reference;
    if (patient === undefined && device === undefined) return [];

    const keyFor = (name: string) => `${patient ?? device}|${name}|${device ?? '-'}`;
    // A heart rate is a vital sign or what an implant counts: its Device tells which.
    const isEither = claimed === 'vital' && measured.some((one) => isKnown(shipped['cardiac-limit'], one));
    const asks = claimed !== 'vital' || isEither ? device : undefined;
    ask({ patient, device: asks, keyFor }, vitalsOf(shipped[claimed], measured), pending, look);
    const [stored, about, kinds] = await Promise.all([
      storedFor(patient, pending, look),
      patient === undefined ? {} : personOf(patient, pending, look),
      kindsOf(asks, pending, look),
    ]);
    const of = isEither && isImplant(kinds) ? 'cardiac-limit' : claimed;
    const layers = [...stored.map((limits) => limits[of]), shipped[of]];
    const person = of === 'vital' ? about : { ...about, kinds };
    const judged = judgedIn(measured, person, at, layers);
    const changes: (Draft | Change)[] = [];
    const trusted = isTrusted(written, canonical);
    for (const name of new Set(judged.map((one) => one.name))) {
      const ofName = judged.filter((one) => one.name === name).map((one) => one.verdict);
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

const vitalsOf = (thresholds: Thresholds, measured: readonly Measured[]): readonly string[] => [
  ...new Set(
    measured.flatMap(({ coding }) =>
      coding.flatMap(({ system, code }) => (thresholds.get(`${system}|${code}`) ?? []).map(({ vital }) => vital)),
    ),
  ),
];

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

/** Episodes have an alert each, and are judged for themselves. */
const EPISODES = 'cardiac-episode';

function judgedIn(
  measured: readonly Measured[],
  person: Person,
  at: number,
  layers: readonly Thresholds[],
): readonly Judged[] {
  return measured.flatMap((value): Judged[] => {
    const verdict = judge(value, person, at, ...layers);
    if (!verdict || verdict.vital === EPISODES) return [];
    // Who has but one need not number it.
    const { instance = 1 } = value;
    return [{ verdict, name: instance === 1 ? verdict.vital : `${verdict.vital}#${instance}` }];
  });
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
