/** A fleet of devices and all that they send: mostly normal, out of order, repeated, some of it broken. The same for the same seed. */
import { seeded } from '../../support/seeded.ts';
import type { Told } from './oracle.ts';

export interface Batch {
  readonly body: string;
  /** Places of readings that are broken. */
  readonly broken: readonly number[];
  /** What it tells that was not told before, in the order of its times. */
  readonly told: readonly Told[];
}

export interface Device {
  readonly number: number;
  readonly id: string;
  readonly patient: string;
  readonly hasOwnLimits: boolean;
  readonly batches: readonly Batch[];
  /** Readings that are stored in the end, and the Observations that they make. */
  readonly readings: number;
  readonly observations: number;
  /** Those with a critical value that can be relied on. */
  readonly critical: number;
}

type Severity = Told['severity'];

export const READINGS = 100;
const MINUTE = 60_000;
const DAY = 86_400_000;

/** From and to, both included, in tenths where the vital has them: an adult's by docs/alerts.md, and those of the patients that have limits of their own. */
const ranges: Readonly<Record<string, Readonly<Record<Severity, readonly (readonly [number, number])[]>>>> = {
  heart_rate: {
    normal: [[64, 96]],
    near: [
      [60, 62],
      [98, 100],
    ],
    warning: [
      [41, 59],
      [101, 130],
    ],
    critical: [
      [25, 40],
      [131, 180],
    ],
  },
  oxygen_saturation: { normal: [[97, 100]], near: [[95, 95]], warning: [[92, 94]], critical: [[80, 91]] },
  'own heart_rate': { normal: [[102, 108]], near: [[102, 108]], warning: [[111, 139]], critical: [[140, 180]] },
};

const perMinute = (value: number) => ({ value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' });

/** The limits of which `own heart_rate` are values; no dead band. */
export const ownLimits = (patient: string, number: number) => ({
  resourceType: 'ObservationDefinition',
  id: `soak-limits-${number}`,
  extension: [
    { url: 'https://example.org/fhir/StructureDefinition/limits-for', valueReference: { reference: patient } },
  ],
  identifier: [{ system: 'https://example.org/fhir/sid/vital', value: 'heart-rate' }],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  quantitativeDetails: { unit: { coding: [{ system: 'http://unitsofmeasure.org', code: '/min' }] } },
  qualifiedInterval: [
    { category: 'reference', range: { low: perMinute(50), high: perMinute(110) } },
    { category: 'critical', range: { low: perMinute(140) } },
  ],
});

const breaks: readonly ((reading: any) => unknown)[] = [
  (reading) => ({ ...reading, heart_rate: 999 }),
  ({ timestamp: _, ...rest }) => rest,
  (reading) => ({ ...reading, heart_rate: 'a hundred' }),
  (reading) => ({ ...reading, timestamp: '2026-13-40T99:00:00Z' }),
  () => 'no reading',
];

interface Reading {
  readonly json: any;
  readonly told: readonly Told[];
}

export function openDevice(number: number, seed: number, now: number): Device {
  const random = seeded(seed * 100_003 + number);
  const between = ([low, high]: readonly [number, number]) => low + Math.floor(random() * (high - low + 1));
  const hasOwnLimits = number % 20 === 7;
  const begin = Math.floor((now - DAY * (1 + random() * 20)) / MINUTE) * MINUTE;
  const states = new Map<string, Severity>();

  /** What has begun goes on for a while. */
  function severityOf(vital: string): Severity {
    const was = states.get(vital) ?? 'normal';
    const chance = random();
    const begun = chance < 0.005 ? 'critical' : chance < 0.015 ? 'warning' : chance < 0.06 ? 'near' : 'normal';
    const is = was !== 'normal' && random() < 0.4 ? was : begun;
    states.set(vital, is);
    return is;
  }

  const readings = Array.from({ length: READINGS }, (_, minute): Reading => {
    const at = begin + minute * MINUTE;
    const isTrusted = random() >= 0.01;
    const json: any = { timestamp: new Date(at).toISOString(), ...(!isTrusted && { signal_quality: 30 }) };
    const told: Told[] = [];
    for (const vital of random() < 0.3 ? ['heart_rate', 'oxygen_saturation'] : ['heart_rate']) {
      const severity = severityOf(vital);
      const of = ranges[hasOwnLimits && vital === 'heart_rate' ? 'own heart_rate' : vital]![severity];
      json[vital] = between(of[Math.floor(random() * of.length)]!);
      const hasDeadBand = vital !== 'heart_rate' || !hasOwnLimits;
      told.push({ vital, at, severity: severity === 'near' && !hasDeadBand ? 'normal' : severity, isTrusted });
    }
    return { json, told };
  });

  // Two thirds by their times, a third late; and in each batch in no order at all.
  const isLate = readings.map(() => random() < 0.33);
  const id = `SOAK${number}`;
  const batches = [false, true].map((late): Batch => {
    const own = readings.filter((_, i) => isLate[i] === late);
    const sent: { readonly json: unknown; readonly isBroken: boolean }[] = own.map(({ json }) => ({
      json,
      isBroken: false,
    }));
    const before = late ? readings : own;
    for (const { json } of before) if (random() < 0.04) sent.push({ json, isBroken: false });
    for (const { json } of own)
      if (random() < 0.01) {
        const odd = { ...json, timestamp: new Date(Date.parse(json.timestamp) + 30_000).toISOString() };
        sent.push({ json: breaks[Math.floor(random() * breaks.length)]!(odd), isBroken: true });
      }
    const shuffled = sent
      .map((one) => [random(), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one);
    return {
      body: JSON.stringify({ device_id: id, readings: shuffled.map(({ json }) => json) }),
      broken: shuffled.flatMap(({ isBroken }, i) => (isBroken ? [i] : [])),
      told: own.flatMap(({ told }) => told),
    };
  });
  return {
    number,
    id,
    patient: `Patient/soak-${number}`,
    hasOwnLimits,
    batches,
    readings: READINGS,
    observations: readings.reduce((sum, { told }) => sum + told.length, 0),
    critical: readings.filter(({ told }) =>
      told.some(({ severity, isTrusted }) => severity === 'critical' && isTrusted),
    ).length,
  };
}
