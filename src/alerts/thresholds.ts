/** Alert limits, read from ObservationDefinition.qualifiedInterval. https://hl7.org/fhir/R4/observationdefinition.html */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One end of an interval. A limit belongs to its interval unless it is excluded. */
export interface Limit {
  readonly value: number;
  readonly excluded: boolean;
}

export interface Interval {
  /** Values within a normal interval are normal, values within a critical one are critical, all others are abnormal. */
  readonly kind: 'normal' | 'critical';
  readonly low?: Limit;
  readonly high?: Limit;
  /** Administrative gender it is for; everybody where left out. */
  readonly gender?: string;
  /** Ages in completed years, inclusive. */
  readonly fromAge?: number;
  readonly toAge?: number;
}

export interface Threshold {
  /** The vital that one alarm stands for, such as `blood-pressure`. */
  readonly vital: string;
  /** For people: `Systolic blood pressure`. */
  readonly name: string;
  /** UCUM code of the limits. */
  readonly unit: string;
  readonly intervals: readonly Interval[];
}

/** All that is known for one measured thing, by `system|code`; several where limits are given in several units. */
export type Thresholds = ReadonlyMap<string, readonly Threshold[]>;

const years = (limit: any): number | undefined => {
  if (limit === undefined) return undefined;
  if (limit.code !== 'a') throw new Error('an alert limit gives an age that is not in years');
  return limit.value;
};

// SimpleQuantity has no comparator, so "above 180" needs a word of its own.
const isExcluded = (limit: any): boolean =>
  (limit.extension ?? []).some((e: any) => e.url.endsWith('/StructureDefinition/limit-excluded') && e.valueBoolean);

function limitOf(limit: any, unit: string): Limit | undefined {
  if (limit === undefined) return undefined;
  if (limit.code !== unit) throw new Error(`an alert limit in ${limit.code} stands in a table in ${unit}`);
  return { value: limit.value, excluded: isExcluded(limit) };
}

function intervalOf(interval: any, unit: string): Interval {
  const kind = interval.category === 'critical' ? 'critical' : 'normal';
  return {
    kind,
    low: limitOf(interval.range.low, unit),
    high: limitOf(interval.range.high, unit),
    gender: interval.gender,
    fromAge: years(interval.age?.low),
    toAge: years(interval.age?.high),
  };
}

/** Reads definitions; one without a unit, a vital or intervals is no threshold. Throws for limits that contradict themselves. */
export function thresholdsFrom(definitions: readonly any[]): Thresholds {
  const thresholds = new Map<string, Threshold[]>();
  for (const definition of definitions) {
    const unit = definition.quantitativeDetails?.unit?.coding?.[0]?.code;
    const vital = definition.identifier?.find((i: any) => i.system?.endsWith('/sid/vital'))?.value;
    if (!unit || !vital || !definition.qualifiedInterval) continue;
    const threshold: Threshold = {
      vital,
      name: definition.preferredReportName ?? vital,
      unit,
      intervals: definition.qualifiedInterval.map((interval: any) => intervalOf(interval, unit)),
    };
    for (const { system, code } of definition.code.coding) {
      const name = `${system}|${code}`;
      thresholds.set(name, [...(thresholds.get(name) ?? []), threshold]);
    }
  }
  return thresholds;
}

/** The thresholds of a profiles folder: every file named ObservationDefinition-*.json. */
export function loadThresholds(folder: string): Thresholds {
  const files = readdirSync(folder).filter((file) => /^ObservationDefinition-.+\.json$/.test(file));
  return thresholdsFrom(files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8'))));
}
