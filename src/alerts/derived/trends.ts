/** Which channels an Observation has a sample of, and what follows for their trends. docs/alerts.md#trends */
import type { Resource } from '../../fhir/references.ts';
import { canonical as inBase } from '../../fhir/units.ts';
import { type Measured, measuredIn } from '../interpret.ts';
import { isOfImplant, isSpoken, isTrusted } from '../spoken.ts';
import type { Limits } from '../thresholds.ts';
import { type Derived, derivedObservation, isDerived, type Source } from './derived.ts';
import { afterInterrogation, afterVital, BASELINE, type Channel, DRIFT_SAMPLES, type Sample } from './trend-table.ts';

/** Kind of what is kept of a channel, under patient, what is derived, and device. */
export const trendKind = 'trend';

interface Rule {
  /** A code of CodeSystem/derived. */
  readonly code: string;
  /** UCUM of the samples. */
  readonly unit: string;
  /** UCUM of what is told. */
  readonly told: string;
}

const vitalRules: Readonly<Record<string, Rule>> = {
  'heart-rate': { code: 'drift-heart-rate', unit: '/min', told: '/min' },
  'respiratory-rate': { code: 'drift-respiratory-rate', unit: '/min', told: '/min' },
  'oxygen-saturation': { code: 'drift-oxygen-saturation', unit: '%', told: '%' },
  'blood-pressure': { code: 'drift-systolic-pressure', unit: 'mm[Hg]', told: 'mm[Hg]' },
  // A difference in Cel is one in K.
  temperature: { code: 'drift-body-temperature', unit: 'Cel', told: 'K' },
};
const diastolic = /\|(8462-4|150022)$/;
const ohm = (chamber: string): Rule => ({ code: `impedance-change-${chamber}`, unit: 'Ohm', told: '%' });
const implantRules: Readonly<Record<string, Rule>> = {
  'lead-impedance-ra': ohm('ra'),
  'lead-impedance-rv': ohm('rv'),
  'lead-impedance-la': ohm('la'),
  'lead-impedance-lv': ohm('lv'),
  'shock-impedance': ohm('shock'),
};

/** One sample, and where it belongs. */
export interface Sampled {
  readonly key: string;
  readonly rule: Rule;
  readonly isOfImplant: boolean;
  readonly value: number;
  readonly instance: number | undefined;
}

/** None of what is derived, untrusted, a test, or a single value that was taken from a panel which tells it too. */
export function samplesIn(
  observation: Resource,
  patient: string,
  limits: Limits,
  canonical: string,
): readonly Sampled[] {
  if (isDerived(observation, canonical) || !isSpoken(observation) || !isTrusted(observation, canonical)) return [];
  const ofImplant = isOfImplant(observation, canonical);
  if (ofImplant && observation['derivedFrom']) return [];
  const device = observation['device']?.reference ?? '-';
  const [tables, rules] = ofImplant
    ? ([limits['cardiac-limit'], implantRules] as const)
    : ([limits.vital, vitalRules] as const);
  return measuredIn(observation).flatMap((measured): Sampled[] => {
    if (measured.coded) return [];
    const names = measured.coding.map(({ system, code }) => `${system}|${code}`);
    const vital = names.map((name) => tables.get(name)?.[0]?.vital).find(Boolean);
    const rule = rules[vital ?? ''];
    if (!rule || (!ofImplant && names.some((name) => diastolic.test(name)))) return [];
    const value = inUnit(measured, rule.unit);
    if (value === undefined) return [];
    const { instance } = measured;
    const which = instance === undefined || instance === 1 ? '' : `#${instance}`;
    return [{ key: `${patient}|${rule.code}${which}|${device}`, rule, isOfImplant: ofImplant, value, instance }];
  });
}

function inUnit({ value, unit }: Measured, wanted: string): number | undefined {
  if (unit === wanted) return value;
  const base = wanted === 'Cel' && unit !== undefined ? inBase(value, unit) : undefined;
  return base?.code === 'K' ? base.value - 273.15 : undefined;
}

export interface Reading {
  readonly patient: string;
  readonly device: string | undefined;
  readonly at: number;
  /** When it came in, by the clock of the server. */
  readonly arrived: number;
  readonly source: Source;
}

const notes = {
  drift: `The whole change of ${DRIFT_SAMPLES} samples in one direction, 0 where they go both ways. Limits are usual in practice.`,
  impedance: `Against the median of up to ${BASELINE} interrogations before. Limits are usual in practice.`,
} as const;

/** What one sample does to its channel, and the Observation that tells of it. */
export function followSample(
  sampled: Sampled,
  reading: Reading,
  before: Channel | undefined,
  canonical: string,
): { readonly channel: Channel; readonly derived?: Resource & { readonly id: string } } {
  const { rule, value, instance } = sampled;
  const { patient, device, at, arrived, source } = reading;
  const sample: Sample = { at, value, source: `${source.reference}/_history/${source.versionId}` };
  const after = sampled.isOfImplant ? afterInterrogation : afterVital;
  const { channel, change } = after(before, sample, arrived);
  if (!change) return { channel };
  const derived: Derived = {
    code: rule.code,
    patient,
    ...(device !== undefined && { device }),
    at,
    value: change.value,
    unit: rule.told,
    from: change.from.map((one) => sourceOf(one.source)),
    note: sampled.isOfImplant ? notes.impedance : notes.drift,
    ...(instance !== undefined && {
      extension: [{ url: `${canonical}/StructureDefinition/instance-idco`, valueInteger: instance }],
    }),
  };
  return { channel, derived: derivedObservation(derived, canonical) };
}

function sourceOf(version: string): Source {
  const [reference, versionId] = version.split('/_history/') as [string, string];
  return { reference, versionId: Number(versionId) };
}
