/** Vital signs besides the heart rate that charts show: those that alert limits know, by the codes that these name. docs/dashboard.md */
import type { Limits } from '../../alerts/thresholds.ts';

/** In the order of the page; the first word of each is what limits call it. */
const shown: Readonly<Record<string, string>> = {
  'oxygen-saturation': 'oxygen_saturation',
  'blood-pressure': 'systolic_pressure',
  'respiratory-rate': 'respiratory_rate',
  temperature: 'temperature',
  glucose: 'glucose',
};
/** One vital with two lines. */
const diastolic: ReadonlySet<string> = new Set(['http://loinc.org|8462-4', 'urn:iso:std:iso:11073:10101|150022']);

export const vitalKinds: readonly string[] = Object.values(shown).flatMap((kind) =>
  kind === 'systolic_pressure' ? [kind, 'diastolic_pressure'] : [kind],
);

export interface Vitals {
  /** Of each vital its codes, as the parameter `combo-code` takes them. */
  readonly searches: readonly string[];
  readonly kindOf: (part: any) => string | undefined;
}

export function vitalsIn(limits: readonly Limits[]): Vitals {
  const kinds = new Map<string, string>();
  const codes = new Map<string, Set<string>>();
  for (const { vital: known } of limits)
    for (const [code, tables] of known)
      for (const { vital } of tables) {
        const kind = shown[vital];
        if (kind === undefined) continue;
        kinds.set(code, diastolic.has(code) ? 'diastolic_pressure' : kind);
        codes.set(vital, (codes.get(vital) ?? new Set()).add(code));
      }
  return {
    searches: [...codes.values()].map((some) => [...some].join(',')),
    kindOf: ({ code }) =>
      (code?.coding ?? []).map((one: any) => kinds.get(`${one.system}|${one.code}`)).find((kind: unknown) => kind),
  };
}
