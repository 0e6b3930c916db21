/** Patients whose scores and trends are derived, and devices of which some fall silent: what each sends in which tick, and which alerts must stand in the end. */
import { seeded } from '../../support/seeded.ts';

export type Told = 'active' | 'inactive';

/** What is derived of one patient or device, and nothing else. */
export interface Expected {
  /** Code of CodeSystem/alert-type; undefined where nothing must be told. */
  readonly code: string | undefined;
  readonly status: Told;
  readonly priority: string;
}

export interface Member {
  readonly id: string;
  readonly kind: string;
  readonly expected: Expected;
  /** Readings by tick, in order; a tick that has none is left out. */
  readonly sends: ReadonlyMap<number, readonly any[]>;
  /** After all of the first are told: one round after another, each once the one before is looked through. */
  readonly later: readonly (readonly any[])[];
}

const canonical = 'https://example.org/fhir';
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const SNOMED = 'http://snomed.info/sct';
const MINUTE = 60_000;

const none: Expected = { code: undefined, status: 'active', priority: '' };
const told = (code: string, priority: string, status: Told = 'active'): Expected => ({ code, status, priority });

let count = 0;
const observation = (patient: string, at: number, rest: object) => ({
  resourceType: 'Observation',
  id: `derived-soak-${count++}`,
  status: 'final',
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: new Date(at).toISOString(),
  ...rest,
});
const vital = (patient: string, at: number, code: string, value: number, unit: string, more: object = {}) =>
  observation(patient, at, {
    category: [{ coding: [{ system: CATEGORY, code: 'vital-signs' }] }],
    code: { coding: [{ system: 'http://loinc.org', code }] },
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
    ...more,
  });
const finding = (patient: string, at: number, code: string, value?: string) =>
  observation(patient, at, {
    code: { coding: [{ system: SNOMED, code }] },
    ...(value !== undefined && { valueCodeableConcept: { coding: [{ system: SNOMED, code: value }] } }),
  });

/** All seven of NEWS2: 7 in all, 5 in all, or 0. */
const rounds = {
  critical: { rate: 22, saturation: 95, pulse: 115, air: '371825009' },
  warning: { rate: 22, saturation: 95, pulse: 115, air: '722742002' },
  calm: { rate: 16, saturation: 98, pulse: 75, air: '722742002' },
} as const;
function round(patient: string, at: number, kind: keyof typeof rounds): readonly any[] {
  const { rate, saturation, pulse, air } = rounds[kind];
  return [
    vital(patient, at, '9279-1', rate, '/min'),
    vital(patient, at, '2708-6', saturation, '%'),
    vital(patient, at, '8867-4', pulse, '/min'),
    vital(patient, at, '8310-5', 37, 'Cel'),
    vital(patient, at, '8480-6', 118, 'mm[Hg]'),
    finding(patient, at, '1104441000000107', '248234008'),
    finding(patient, at, air),
  ];
}

/** What an alive device sends now. */
export const alive = (id: string, number: number, now: number): any =>
  vital(id, now, '8867-4', 68 + (number % 5), '/min', { device: { reference: `Device/${id}` } });

export const patientOf = ({ id }: Member) => ({ resourceType: 'Patient', id, birthDate: '1960-05-05' });

/** `minutes` of silence are the end of patience with it. */
export const deviceOf = (id: string, minutes: number) => ({
  resourceType: 'Device',
  id,
  status: 'active',
  patient: { reference: `Patient/${id}` },
  extension: [
    {
      url: `${canonical}/StructureDefinition/silent-after`,
      valueDuration: { value: minutes, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' },
    },
  ],
});

/** The same for the same seed, but for the clock. */
export function openMembers(seed: number, ticks: number, now: number): readonly Member[] {
  const random = seeded(seed);
  const members: Member[] = [];
  function add(kind: string, expected: Expected, make: (id: string) => (readonly any[])[], later = false) {
    const id = `${kind}-${members.length}`;
    const steps = make(id);
    const first = later ? steps.slice(0, 1) : steps;
    // Each step in a tick of its own, in order, somewhere between the kills.
    const places = new Set<number>();
    while (places.size < first.length) places.add(Math.floor(random() * ticks));
    const inOrder = [...places].sort((a, b) => a - b);
    const sends = new Map(first.map((step, i) => [inOrder[i]!, step]));
    members.push({ id, kind, expected, sends, later: later ? steps.slice(1) : [] });
  }
  const times = (n: number, what: () => void) => Array.from({ length: n }, what);
  const news2 =
    (...kinds: readonly (keyof typeof rounds)[]) =>
    (id: string) =>
      kinds.map((kind, i) => [...round(id, now - (52 - 6 * i) * MINUTE, kind)]);
  const pulses =
    (...values: readonly number[]) =>
    (id: string) =>
      values.map((value, i) => [vital(id, now - (125 - 15 * i) * MINUTE, '8867-4', value, '/min')]);

  times(30, () => add('critical', told('news2-high', 'PH'), news2('critical')));
  times(15, () => add('critical-again', told('news2-high', 'PH'), news2('critical', 'critical', 'critical')));
  times(15, () => add('worse', told('news2-high', 'PH'), news2('warning', 'critical')));
  times(10, () => add('warned', told('news2-high', 'PM'), news2('warning')));
  times(20, () => add('recovered', told('news2-high', 'PH', 'inactive'), news2('critical', 'calm', 'calm'), true));
  times(30, () => add('calm', none, news2('calm', 'calm')));
  times(10, () => add('incomplete', none, (id) => [[...round(id, now - 20 * MINUTE, 'critical').slice(0, 5)]]));
  times(30, () => add('drifting', told('vital-drift', 'PM'), pulses(70, 74, 78, 82, 86, 90)));
  times(15, () => add('drifting-on', told('vital-drift', 'PM'), pulses(70, 74, 78, 82, 86, 90, 94, 98)));
  times(15, () => add('at-rest', told('vital-drift', 'PM', 'inactive'), pulses(70, 74, 78, 82, 86, 90, 88, 90)));
  times(20, () => add('wavering', none, pulses(70, 78, 74, 82, 78, 86)));
  return members;
}
