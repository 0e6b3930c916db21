/** What a vital sign says about a patient: normal, abnormal or critical, low or high. https://hl7.org/fhir/R4/valueset-observation-interpretation.html */
import { canonical } from '../fhir/units.ts';
import { weigh, weighCode } from './sides.ts';
import type { Interval, Threshold, Thresholds } from './thresholds.ts';

/** What limits depend on. Where the birth date is unknown the adult table applies. */
export interface Person {
  /** FHIR date of any precision. */
  readonly birthDate?: string;
  readonly gender?: string;
  /** Codes of the type of the device that measured, where that is asked for. */
  readonly kinds?: readonly string[];
}

/** One measured value with its codings. */
export interface Measured {
  readonly coding: readonly { readonly system?: string; readonly code?: string }[];
  readonly value: number;
  /** UCUM code; left out where nobody can tell. */
  readonly unit?: string;
  /** Codes that are the value instead of a number. */
  readonly coded?: readonly string[];
  /** Which of several of its kind, where the device has several. */
  readonly instance?: number;
}

export type Severity = 'normal' | 'abnormal' | 'critical';

export interface Verdict {
  readonly vital: string;
  readonly name: string;
  /** `no-table`: no limits are known for somebody of this age or sex. `no-unit`: the unit is unknown or is none of this vital's. */
  readonly severity: Severity | 'no-table' | 'no-unit';
  readonly direction?: 'low' | 'high';
  /** Normal, but so close to a limit that it ends nothing. */
  readonly near?: true;
  /** The alert type, where that is not the vital's own. */
  readonly alert?: string;
}

const ADULT = 18;

/** Completed months at an instant, at most: a birth date of `2010` counts from the first day of that year. */
function monthsAt(birthDate: string | undefined, instant: number): number {
  const parts = birthDate && /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?/.exec(birthDate);
  if (!parts) return ADULT * 12;
  const at = new Date(instant);
  const months = (at.getUTCFullYear() - Number(parts[1])) * 12 + at.getUTCMonth() + 1 - Number(parts[2] ?? 1);
  return at.getUTCDate() < Number(parts[3] ?? 1) ? months - 1 : months;
}

/** The same in completed years. */
export const ageAt = (birthDate: string | undefined, instant: number): number =>
  Math.floor(monthsAt(birthDate, instant) / 12);

/** Those of its intervals that are for somebody of this age and sex; undefined where they are for other kinds of devices. */
export function intervalsFor(
  { intervals }: Threshold,
  person: Person,
  instant: number,
): readonly Interval[] | undefined {
  const months = monthsAt(person.birthDate, instant);
  const ofKind = intervals.filter(({ kinds }) => !kinds || kinds.some((kind) => person.kinds?.includes(kind)));
  if (ofKind.length === 0) return undefined;
  return ofKind.filter(
    ({ gender, fromMonth, untilMonth }) =>
      (gender === undefined || gender === person.gender) &&
      months >= (fromMonth ?? 0) &&
      months < (untilMonth ?? Number.POSITIVE_INFINITY),
  );
}

/** The ages that tables for several ages call adult. */
export function adultBandOf(tables: readonly Threshold[]): Pick<Interval, 'fromMonth' | 'untilMonth'> {
  const band = tables
    .flatMap(({ intervals }) => intervals)
    .find(
      ({ fromMonth = 0, untilMonth = Number.POSITIVE_INFINITY }) => fromMonth <= ADULT * 12 && ADULT * 12 < untilMonth,
    );
  return { fromMonth: band?.fromMonth, untilMonth: band?.untilMonth };
}

/** The value in a wanted unit: as sent where that is the unit, else converted with the noise of the arithmetic rounded off. */
export function inUnit({ value, unit }: Pick<Measured, 'value' | 'unit'>, wanted: string): number | undefined {
  if (unit === wanted) return value;
  if (unit === undefined) return undefined;
  const given = canonical(value, unit);
  const zero = canonical(0, wanted);
  const one = canonical(1, wanted);
  if (!given || !zero || !one || given.code !== one.code) return undefined;
  return Number(((given.value - zero.value) / (one.value - zero.value)).toPrecision(9));
}

/**
 * Those of one layer that know this unit, with the value in theirs. Where no arithmetic is needed goes first, since published
 * limits in degF and Cel are no exact conversions of each other; else they stand in their order.
 */
const fittingIn = (tables: readonly Threshold[], measured: Measured) =>
  tables
    .flatMap((table) => {
      const value = inUnit(measured, table.unit);
      return value === undefined ? [] : [{ table, value }];
    })
    .sort((a, b) => Number(b.value === measured.value) - Number(a.value === measured.value));

const said = ({ vital, name }: Pick<Threshold, 'vital' | 'name'>, rest: Omit<Verdict, 'vital' | 'name'>): Verdict => ({
  vital,
  name,
  ...rest,
});

/**
 * The verdict on one value, or undefined where it is none that limits are known for. Of several layers of limits each says what
 * those before it leave open for somebody of this age, sex and kind of device.
 */
export function judge(
  measured: Measured,
  person: Person,
  instant: number,
  ...layers: readonly Thresholds[]
): Verdict | undefined {
  const known = layers.map((layer) =>
    measured.coding.flatMap(({ system, code }) => layer.get(`${system}|${code}`) ?? []),
  );
  if (measured.coded) return judgeCodes(measured.coded, known.flat());
  const fitting = known.flatMap((tables) => fittingIn(tables, measured));
  if (fitting.length === 0) {
    const [any] = known.flat();
    return any && said(any, { severity: 'no-unit' });
  }
  const ofKind = fitting.flatMap(({ table, value }) => {
    const intervals = intervalsFor(table, person, instant);
    return intervals ? [{ table, value, intervals }] : [];
  });
  const speaks = ofKind.find(({ intervals }) => intervals.length > 0) ?? ofKind[0];
  return speaks && said(speaks.table, weigh(ofKind) ?? { severity: 'no-table' });
}

function judgeCodes(codes: readonly string[], known: readonly Threshold[]): Verdict | undefined {
  const tables = known.filter(({ coded }) => coded);
  return (
    tables[0] &&
    said(
      tables[0],
      weighCode(
        codes,
        tables.map(({ coded }) => coded!),
      ),
    )
  );
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

/** `<200` says that it is below: enough below to be beyond a limit of 200. */
const nudge: Readonly<Record<string, number>> = { '<': -1e-9, '>': 1e-9 };

const instanceOf = ({ extension }: any): number | undefined =>
  extension?.find(({ url }: any) => url?.endsWith('/StructureDefinition/instance-idco'))?.valueInteger;

/** All that is measured in an Observation and has a code: its own value and those of its components, numbers and codes. */
export function measuredIn(observation: any): readonly Measured[] {
  return [observation, ...(observation.component ?? [])].flatMap((measured: any): Measured[] => {
    const {
      code,
      valueCodeableConcept: concept,
      valueQuantity: quantity = { value: measured.valueInteger },
    } = measured;
    if (!code?.coding) return [];
    const instance = measured.extension === undefined ? undefined : instanceOf(measured);
    const which = instance === undefined ? {} : { instance };
    if (concept !== undefined) {
      const coded = (concept.coding ?? []).map((one: any) => one.code);
      return [{ coding: code.coding, value: Number.NaN, coded, ...which }];
    }
    if (typeof quantity.value !== 'number') return [];
    const value = quantity.value + (nudge[quantity.comparator] ?? 0);
    return [{ coding: code.coding, value, unit: quantity.code ?? written.get(quantity.unit), ...which }];
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
