/** Which of the seven parameters of NEWS2 an Observation tells, by its codes. docs/alerts.md#news2 */
import { canonical as inBase } from '../../fhir/units.ts';
import { type Measured, measuredIn } from '../interpret.ts';
import type { Thresholds } from '../thresholds.ts';
import { type Consciousness, type Inputs, type Parameter, parameters } from './news2-table.ts';

const SNOMED = 'http://snomed.info/sct';
const LOINC = 'http://loinc.org';
const MDC = 'urn:iso:std:iso:11073:10101';

/** Vitals that the limits know under several codes. */
const byVital: Readonly<Record<string, Parameter>> = {
  'heart-rate': 'pulse',
  'respiratory-rate': 'respiratory-rate',
  'oxygen-saturation': 'oxygen-saturation',
  temperature: 'temperature',
};
const systolic = new Set([`${LOINC}|8480-6`, `${MDC}|150021`]);

/** ACVPU scale observation of the NHS. */
const consciousnessCode = { system: SNOMED, code: '1104441000000107' };
const states: ReadonlyMap<string, Consciousness> = new Map([
  ['248234008', 'A'],
  ['130987000', 'C'],
  ['300202002', 'V'],
  ['450847001', 'P'],
  ['422768004', 'U'],
]);
/** Findings that are a code or a value: breathing room air; patient on oxygen. */
const airOrOxygen: ReadonlyMap<string, boolean> = new Map([
  ['722742002', false],
  ['371825009', true],
]);
/** Inhaled oxygen flow rate; inhaled oxygen concentration, of which air has 21 %. */
const inhaled: ReadonlyMap<string, number> = new Map([
  [`${LOINC}|3151-8`, 0],
  [`${LOINC}|3150-6`, 21],
]);

const units: Readonly<Partial<Record<Parameter, string>>> = {
  'respiratory-rate': '/min',
  pulse: '/min',
  'oxygen-saturation': '%',
  'systolic-pressure': 'mm[Hg]',
};

export interface Code {
  readonly system: string;
  readonly code: string;
}

const codeIn = (name: string): Code => {
  const bar = name.lastIndexOf('|');
  return { system: name.slice(0, bar), code: name.slice(bar + 1) };
};

/** The findings that are a code or a value. */
export const airOrOxygenCodes: readonly Code[] = [...airOrOxygen.keys()].map((code) => ({ system: SNOMED, code }));

/** The codes that each parameter is told under, as of limits that are known. */
export function codesIn(vitals: Thresholds): ReadonlyMap<Parameter, readonly Code[]> {
  const of = (parameter: Parameter): readonly Code[] => {
    if (parameter === 'consciousness') return [consciousnessCode];
    if (parameter === 'oxygen') return [...airOrOxygenCodes, ...[...inhaled.keys()].map(codeIn)];
    if (parameter === 'systolic-pressure') return [...systolic].map(codeIn);
    return [...vitals].flatMap(([name, [limits]]) =>
      byVital[limits?.vital ?? ''] === parameter ? [codeIn(name)] : [],
    );
  };
  return new Map(parameters.map((parameter) => [parameter, of(parameter)]));
}

function numberOf({ value, unit }: Measured, parameter: Parameter): number | undefined {
  if (parameter !== 'temperature') return unit === units[parameter] ? value : undefined;
  if (unit === 'Cel') return value;
  const base = unit === undefined ? undefined : inBase(value, unit);
  return base?.code === 'K' ? base.value - 273.15 : undefined;
}

const snomedIn = (concept: any): readonly string[] =>
  (concept?.coding ?? []).flatMap(({ system, code }: any) => (system === SNOMED ? [code] : []));

/** What one Observation says of them; nothing of what is in a unit that nobody knows. */
export function inputsIn(observation: any, vitals: Thresholds): Partial<Inputs> {
  const found: Record<string, number | boolean | string> = {};
  for (const measured of measuredIn(observation))
    for (const { system, code } of measured.coded ? [] : measured.coding) {
      const name = `${system}|${code}`;
      const vital = vitals.get(name)?.[0]?.vital;
      const parameter = systolic.has(name) ? 'systolic-pressure' : byVital[vital ?? ''];
      const value = parameter && numberOf(measured, parameter);
      if (parameter && value !== undefined) found[parameter] = value;
      const air = inhaled.get(name);
      if (air !== undefined) found['oxygen'] = measured.value > air;
    }
  for (const { code, valueCodeableConcept: answer } of [observation, ...(observation.component ?? [])]) {
    const codes = snomedIn(code);
    const values = snomedIn(answer);
    for (const one of [...codes, ...values]) {
      const oxygen = airOrOxygen.get(one);
      if (oxygen !== undefined) found['oxygen'] = oxygen;
    }
    const state = codes.includes(consciousnessCode.code)
      ? values.map((one) => states.get(one)).find(Boolean)
      : undefined;
    if (state !== undefined) found['consciousness'] = state;
  }
  return found as Partial<Inputs>;
}
