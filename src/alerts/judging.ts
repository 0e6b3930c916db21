/** An Observation held against its limits: whose they are, in which layers, and what they say of all that it measures. https://hl7.org/fhir/R4/observation.html, docs/alerts.md#what-is-judged */
import { keyOf, type Resource } from '../fhir/references.ts';
import type { Pending } from '../interactions/interaction.ts';
import type { Look } from '../store/store.ts';
import type { AlertSetting } from './alert.ts';
import { isDerived } from './derived/derived.ts';
import { judge, type Measured, measuredIn, type Person, type Verdict } from './interpret.ts';
import { createKindsOf, createPersonOf } from './person.ts';
import { deviceOf, instantOf, isImplant, isOfImplant, isSpoken, patientOf, placedAt } from './spoken.ts';
import { createStoredLimits, limitKeys } from './stored-limits.ts';
import type { Limits, LimitsOf, Thresholds } from './thresholds.ts';

export interface Judged {
  readonly of: LimitsOf;
  readonly at: number;
  /** `Patient/1`; none of a device about itself. */
  readonly patient: string | undefined;
  readonly device: string | undefined;
  /** The first goes before those that follow. */
  readonly layers: readonly Thresholds[];
  /** By what one alarm stands for: the vital, and which of several. */
  readonly verdicts: ReadonlyMap<string, readonly Verdict[]>;
  /** Key of the alarm of this name. */
  readonly keyFor: (name: string) => string;
}

/** Undefined where none of what it measures has limits, or it says nothing. */
export type Judging = (
  observation: Resource,
  pending: Pending,
  look: Look,
  setting: AlertSetting,
) => Promise<Judged | undefined>;

const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const isVitalSign = ({ category }: Resource): boolean =>
  category?.some(({ coding }: any) =>
    coding?.some(({ system, code }: any) => system === CATEGORY && code === 'vital-signs'),
  ) === true;

const isKnown = (thresholds: Thresholds, { coding }: Measured): boolean =>
  coding.some(({ system, code }) => thresholds.has(`${system}|${code}`));

/** By which limits it is judged; undefined where none of what it measured has any. */
function limitsOf(
  observation: Resource,
  measured: readonly Measured[],
  shipped: Limits,
  canonical: string,
): LimitsOf | undefined {
  if (isDerived(observation, canonical)) return 'derived-limit';
  if (isOfImplant(observation, canonical)) return 'cardiac-limit';
  if (patientOf(observation) === undefined)
    return measured.some((one) => isKnown(shipped['device-limit'], one)) ? 'device-limit' : undefined;
  return isVitalSign(observation) || measured.some((one) => isKnown(shipped.vital, one)) ? 'vital' : undefined;
}

interface Sought {
  readonly patient: string | undefined;
  /** Left out where nobody need know what it is. */
  readonly device: string | undefined;
  readonly keyFor: (name: string) => string;
}

export function createJudging(shipped: Limits): Judging {
  const personOf = createPersonOf();
  const kindsOf = createKindsOf();
  const storedFor = createStoredLimits(shipped);
  const all = [...new Set([...shipped.vital.values()].flat().map(({ vital }) => vital))];
  const asked = new WeakMap<Pending, Set<string>>();

  /**
   * One round trip for the alarms and the limits beside them, and one for whose and what it is. The first of several readings in
   * a commit asks for the alarms of all vitals, which the others then need not.
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

  return async (observation, pending, look, { now, canonical }) => {
    if (!isSpoken(observation)) return undefined;
    const measured = measuredIn(observation);
    const claimed = measured.length > 0 ? limitsOf(observation, measured, shipped, canonical) : undefined;
    if (claimed === undefined) return undefined;
    // What an implant told at once is judged at once, by the panel that single values are taken from.
    if (claimed === 'cardiac-limit' && observation['derivedFrom']) return undefined;
    const patient = patientOf(observation);
    const device: string | undefined = patient === undefined ? deviceOf(observation) : observation['device']?.reference;
    if (patient === undefined && device === undefined) return undefined;

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
    const at = placedAt(instantOf(observation, now), now);
    return { of, at, patient, device, layers, keyFor, verdicts: verdictsOn(measured, person, at, layers) };
  };
}

const vitalsOf = (thresholds: Thresholds, measured: readonly Measured[]): readonly string[] => [
  ...new Set(
    measured.flatMap(({ coding }) =>
      coding.flatMap(({ system, code }) => (thresholds.get(`${system}|${code}`) ?? []).map(({ vital }) => vital)),
    ),
  ),
];

/** Episodes have an alert each, and are judged for themselves. */
const EPISODES = 'cardiac-episode';

function verdictsOn(
  measured: readonly Measured[],
  person: Person,
  at: number,
  layers: readonly Thresholds[],
): ReadonlyMap<string, readonly Verdict[]> {
  const verdicts = new Map<string, Verdict[]>();
  for (const value of measured) {
    const verdict = judge(value, person, at, ...layers);
    if (!verdict || verdict.vital === EPISODES) continue;
    // Who has but one need not number it.
    const { instance = 1 } = value;
    const name = instance === 1 ? verdict.vital : `${verdict.vital}#${instance}`;
    const others = verdicts.get(name);
    if (others) others.push(verdict);
    else verdicts.set(name, [verdict]);
  }
  return verdicts;
}
