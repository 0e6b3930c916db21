/** Alert limits, read from ObservationDefinition. https://hl7.org/fhir/R4/observationdefinition.html, docs/alerts.md */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One end of an interval. A limit belongs to its interval unless it is excluded. */
export interface Limit {
  readonly value: number;
  readonly excluded: boolean;
  /** So far within a limit must a value be to end what one beyond it began. */
  readonly deadBand?: number;
  /** The alert type of what lies beyond it (of a critical interval: within it), where that is not the vital's own. */
  readonly alert?: string;
}

export interface Interval {
  /** Values within a normal interval are normal, values within a critical one are critical, all others are abnormal. */
  readonly kind: 'normal' | 'critical';
  readonly low?: Limit;
  readonly high?: Limit;
  /** Administrative gender it is for; everybody where left out. */
  readonly gender?: string;
  /** Ages in months. The first one is inclusive, the second one is not. */
  readonly fromMonth?: number;
  readonly untilMonth?: number;
  /** Kinds of devices it is for; all where left out. */
  readonly kinds?: readonly string[];
}

/** What a code says that is no number: `battery at its end of service`. */
export interface CodedLimit {
  readonly severity: 'abnormal' | 'critical';
  readonly alert?: string;
}

export interface Threshold {
  /** What one alarm stands for, such as `blood-pressure`. */
  readonly vital: string;
  /** For people: `Systolic blood pressure`. */
  readonly name: string;
  /** UCUM code of the limits; `` where values are codes. */
  readonly unit: string;
  readonly intervals: readonly Interval[];
  /** By the code that is the value; others are normal. */
  readonly coded?: ReadonlyMap<string, CodedLimit>;
}

/** All that is known for one measured thing, by `system|code`; several where limits are given in several units. */
export type Thresholds = ReadonlyMap<string, readonly Threshold[]>;

/** Whose limits they are: of vital signs, of implants, of devices about themselves, or of what is derived. The end of the system of their identifier. */
export type LimitsOf = 'vital' | 'cardiac-limit' | 'device-limit' | 'derived-limit';

/** Limits by whose they are. */
export type Limits = Readonly<Record<LimitsOf, Thresholds>>;

const months: Readonly<Record<string, number>> = { a: 12, mo: 1 };

/** Ages end with their year: `to 15 years` holds until the sixteenth birthday, `to 11 months` until the first. */
function ageOf(limit: any, end: 0 | 1): number | undefined {
  if (limit === undefined) return undefined;
  const each = months[limit.code];
  if (each === undefined) throw new Error('an alert limit gives an age that is neither in years (a) nor months (mo)');
  return (limit.value + (isExcluded(limit) ? 0 : end)) * each;
}

const extensionOf = (element: any, name: string): any =>
  (element?.extension ?? []).find(({ url }: any) => url?.endsWith(`/StructureDefinition/${name}`));

// SimpleQuantity has no comparator, so "above 180" needs a word of its own.
const isExcluded = (limit: any): boolean => extensionOf(limit, 'limit-excluded')?.valueBoolean === true;

function limitOf(limit: any, unit: string): Limit | undefined {
  if (limit === undefined) return undefined;
  if (limit.code !== unit) throw new Error(`an alert limit in ${limit.code} stands in a table in ${unit}`);
  if (typeof limit.value !== 'number') throw new Error('an alert limit has no value');
  const deadBand = extensionOf(limit, 'limit-dead-band')?.valueDecimal;
  const alert = extensionOf(limit, 'limit-alert')?.valueCode;
  return {
    value: limit.value,
    excluded: isExcluded(limit),
    ...(deadBand !== undefined && { deadBand }),
    ...(alert !== undefined && { alert }),
  };
}

function intervalOf(interval: any, unit: string): Interval {
  const low = limitOf(interval.range?.low, unit);
  const high = limitOf(interval.range?.high, unit);
  if (low === undefined && high === undefined) throw new Error('an interval of alert limits has no limit');
  if (low && high && low.value > high.value) throw new Error('a low alert limit stands above the high one');
  const kinds = (interval.appliesTo ?? []).flatMap((concept: any) => concept.coding ?? []).map(({ code }: any) => code);
  return {
    kind: interval.category === 'critical' ? 'critical' : 'normal',
    low,
    high,
    gender: interval.gender,
    fromMonth: ageOf(interval.age?.low, 0),
    untilMonth: ageOf(interval.age?.high, 1),
    ...(kinds.length > 0 && { kinds }),
  };
}

/** Sets of codes that are contained: what they mean is a limit only where it stands with the limits. */
function codedOf(definition: any): ReadonlyMap<string, CodedLimit> | undefined {
  const coded = new Map<string, CodedLimit>();
  for (const severity of ['abnormal', 'critical'] as const) {
    const reference = definition[`${severity}CodedValueSet`];
    const set = definition.contained?.find(({ id }: any) => reference?.reference === `#${id}`);
    for (const { concept = [] } of set?.compose?.include ?? [])
      for (const one of concept) {
        const alert = extensionOf(one, 'limit-alert')?.valueCode;
        coded.set(one.code, { severity, ...(alert !== undefined && { alert }) });
      }
  }
  return coded.size > 0 ? coded : undefined;
}

export const vitalOf = (definition: any, of: LimitsOf): string | undefined =>
  definition.identifier?.find(({ system }: any) => system?.endsWith(`/sid/${of}`))?.value;

/** The limits of one definition; undefined where it has none of this kind. Throws for limits that contradict themselves. */
function thresholdOf(definition: any, of: LimitsOf): Threshold | undefined {
  const vital = vitalOf(definition, of);
  const unit = definition.quantitativeDetails?.unit?.coding?.[0]?.code;
  const coded = codedOf(definition);
  if (!vital || !(coded || (unit && definition.qualifiedInterval))) return undefined;
  // What is of category absolute says what can be at all: that is for those who take it in.
  const intervals = (definition.qualifiedInterval ?? []).filter(({ category }: any) => category !== 'absolute');
  return {
    vital,
    name: definition.preferredReportName ?? vital,
    unit: unit ?? '',
    intervals: intervals.map((interval: any) => intervalOf(interval, unit)),
    ...(coded && { coded }),
  };
}

/** Reads definitions; one without a unit, a vital or intervals is no threshold. Throws for limits that contradict themselves. */
export function thresholdsFrom(definitions: readonly any[], of: LimitsOf = 'vital'): Thresholds {
  const thresholds = new Map<string, Threshold[]>();
  for (const definition of definitions) {
    const threshold = thresholdOf(definition, of);
    if (!threshold) continue;
    for (const { system, code } of definition.code?.coding ?? []) {
      const name = `${system}|${code}`;
      thresholds.set(name, [...(thresholds.get(name) ?? []), threshold]);
    }
  }
  return thresholds;
}

export const limitsFrom = (definitions: readonly any[]): Limits => ({
  vital: thresholdsFrom(definitions, 'vital'),
  'cardiac-limit': thresholdsFrom(definitions, 'cardiac-limit'),
  'device-limit': thresholdsFrom(definitions, 'device-limit'),
  'derived-limit': thresholdsFrom(definitions, 'derived-limit'),
});

/** The limits of a profiles folder: every file named ObservationDefinition-*.json. */
export function loadLimits(folder: string): Limits {
  const files = readdirSync(folder).filter((file) => /^ObservationDefinition-.+\.json$/.test(file));
  return limitsFrom(files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8'))));
}

/** Those of vital signs. */
export const loadThresholds = (folder: string): Thresholds => loadLimits(folder).vital;
