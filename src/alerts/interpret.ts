/** What a vital sign says about a patient: normal, abnormal or critical, low or high. https://hl7.org/fhir/R4/valueset-observation-interpretation.html */
import { canonical } from '../fhir/units.ts';
import type { Limit, Threshold, Thresholds } from './thresholds.ts';

/** What limits depend on. Where the birth date is unknown the adult table applies. */
export interface Person {
  /** FHIR date of any precision. */
  readonly birthDate?: string;
  readonly gender?: string;
}

/** One measured value with its codings. */
export interface Measured {
  readonly coding: readonly { readonly system?: string; readonly code?: string }[];
  readonly value: number;
  /** UCUM code; left out where nobody can tell. */
  readonly unit?: string;
}

export type Severity = 'normal' | 'abnormal' | 'critical';

export interface Verdict {
  readonly vital: string;
  readonly name: string;
  /** `no-table`: no limits are known for somebody of this age or sex. `no-unit`: the unit is unknown or is none of this vital's. */
  readonly severity: Severity | 'no-table' | 'no-unit';
  readonly direction?: 'low' | 'high';
}

const ADULT = 18;

/** Completed years at an instant, at most: a birth date of `2010` counts from the first day of that year. */
export function ageAt(birthDate: string | undefined, instant: number): number {
  const parts = birthDate && /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?/.exec(birthDate);
  if (!parts) return ADULT;
  const at = new Date(instant);
  const years = at.getUTCFullYear() - Number(parts[1]);
  const months = at.getUTCMonth() + 1 - Number(parts[2] ?? 1);
  const days = at.getUTCDate() - Number(parts[3] ?? 1);
  return months < 0 || (months === 0 && days < 0) ? years - 1 : years;
}

const reaches = (value: number, low: Limit | undefined): boolean =>
  low === undefined || (low.excluded ? value > low.value : value >= low.value);
const stays = (value: number, high: Limit | undefined): boolean =>
  high === undefined || (high.excluded ? value < high.value : value <= high.value);

/** Holds a value, in the table's unit, against its intervals. Limits are inclusive; critical goes before normal. */
function weigh(value: number, { vital, name, intervals }: Threshold, person: Person, instant: number): Verdict {
  const age = ageAt(person.birthDate, instant);
  const mine = intervals.filter(
    ({ gender, fromAge, toAge }) =>
      (gender === undefined || gender === person.gender) && age >= (fromAge ?? 0) && age <= (toAge ?? age),
  );
  const normal = mine.filter(({ kind }) => kind === 'normal');
  if (normal.length === 0) return { vital, name, severity: 'no-table' };
  const critical = mine.find(({ kind, low, high }) => kind === 'critical' && reaches(value, low) && stays(value, high));
  if (critical) return { vital, name, severity: 'critical', direction: critical.low === undefined ? 'low' : 'high' };
  if (normal.some(({ low, high }) => reaches(value, low) && stays(value, high)))
    return { vital, name, severity: 'normal' };
  const isLow = normal.every(({ low }) => !reaches(value, low));
  return { vital, name, severity: 'abnormal', direction: isLow ? 'low' : 'high' };
}

/** The value in the table's unit: as sent where that is the unit, else converted with the noise of the arithmetic rounded off. */
function inUnit({ value, unit }: Measured, table: Threshold): number | undefined {
  if (unit === table.unit) return value;
  if (unit === undefined) return undefined;
  const given = canonical(value, unit);
  const zero = canonical(0, table.unit);
  const one = canonical(1, table.unit);
  if (!given || !zero || !one || given.code !== one.code) return undefined;
  return Number(((given.value - zero.value) / (one.value - zero.value)).toPrecision(9));
}

/** The verdict on one value, or undefined where it is no vital sign that limits are known for. */
export function judge(
  measured: Measured,
  person: Person,
  instant: number,
  thresholds: Thresholds,
): Verdict | undefined {
  const tables = measured.coding.flatMap(({ system, code }) => thresholds.get(`${system}|${code}`) ?? []);
  // A table in the unit as sent goes first: published limits in degF and Cel are not exact conversions of each other.
  const inOrder = [...tables].sort((a, b) => Number(b.unit === measured.unit) - Number(a.unit === measured.unit));
  for (const table of inOrder) {
    const value = inUnit(measured, table);
    if (value !== undefined) return weigh(value, table, person, instant);
  }
  return tables[0] && { vital: tables[0].vital, name: tables[0].name, severity: 'no-unit' };
}

/** Units that are often written without their code, and mean one thing only where a vital sign is meant. For judging; nothing is rewritten. */
const written: ReadonlyMap<string, string> = new Map([
  ['bpm', '/min'],
  ['beats/minute', '/min'],
  ['breaths/minute', '/min'],
  ['/min', '/min'],
  ['mmHg', 'mm[Hg]'],
  ['%', '%'],
  ['degF', '[degF]'],
  ['F', '[degF]'],
  ['degC', 'Cel'],
  ['C', 'Cel'],
  ['Cel', 'Cel'],
  ['mg/dL', 'mg/dL'],
  ['mmol/L', 'mmol/L'],
]);

/** All numbers in an Observation that have a code: its own and those of its components. */
export function measuredIn(observation: any): readonly Measured[] {
  return [observation, ...(observation.component ?? [])].flatMap((measured: any): Measured[] => {
    const { code, valueQuantity: quantity = { value: measured.valueInteger } } = measured;
    if (typeof quantity.value !== 'number' || !code?.coding) return [];
    return [{ coding: code.coding, value: quantity.value, unit: quantity.code ?? written.get(quantity.unit) }];
  });
}

const rank = { normal: 0, 'no-table': 1, 'no-unit': 1, abnormal: 2, critical: 3 } as const;

/** The worst of several verdicts on one vital. */
export const worst = (verdicts: readonly Verdict[]): Verdict | undefined =>
  verdicts.reduce<Verdict | undefined>(
    (worse, verdict) => (worse && rank[worse.severity] >= rank[verdict.severity] ? worse : verdict),
    undefined,
  );

/** N, L, LL, H or HH of v3-ObservationInterpretation; undefined where nothing could be judged. */
export function interpretationOf({ severity, direction }: Verdict): 'N' | 'L' | 'LL' | 'H' | 'HH' | undefined {
  if (severity === 'no-table' || severity === 'no-unit') return undefined;
  if (severity === 'normal') return 'N';
  if (direction === 'low') return severity === 'critical' ? 'LL' : 'L';
  return severity === 'critical' ? 'HH' : 'H';
}
