/** The few names, codes, dates and amounts that random resources are made of. */
import type { Dice } from './dice.ts';

export const maybe = <T extends object>(roll: Dice, share: number, make: () => T): T | object =>
  roll.chance(share) ? make() : {};
export const some = <T>(roll: Dice, least: number, most: number, make: () => T): T[] =>
  Array.from({ length: least + roll.below(most - least + 1) }, make);

export const systems = ['http://hospital.example.org/mrn', 'urn:oid:1.2.36.146.595.217.0.1'];
export const numbers = Array.from({ length: 40 }, (_, i) => `N${100 + i * 7}`);
export const families = [
  'Müller',
  'Mueller',
  'Muller',
  'Ångström',
  'Angst',
  'de la Cruz',
  "O'Neil",
  'Smith',
  'SMITHSON',
  'Zoë-Lind',
  'García, Pérez',
];
export const givens = ['Anna', 'Anna-Maria', 'ANNE', 'Émile', 'Emil', 'José', 'Jo', 'Søren', 'Zoë', 'Li'];
export const cities = ['Zürich', 'Zurich', 'Genève', 'Genf', 'São Paulo', 'Graz', 'Linz'];
export const words = [
  'calm',
  'heart',
  'Rhythm',
  'pacemaker',
  'fièvre',
  'stable',
  'urgent',
  'review',
  'Außenfläche',
  'night',
];

const tags = ['red', 'green', 'blue'];
export const meta = (roll: Dice, type: string): object => ({
  ...(roll.chance(0.3)
    ? { profile: [`http://hl7.org/fhir/StructureDefinition/${type}${roll.of(['', '|4.0.1'])}`] }
    : {}),
  ...maybe(roll, 0.6, () => ({
    tag: some(roll, 1, 2, () => ({
      ...maybe(roll, 0.8, () => ({ system: roll.of(['http://tags.example.org', 'http://more.example.org']) })),
      code: roll.of(tags),
    })),
  })),
  ...maybe(roll, 0.4, () => ({
    security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: roll.of(['N', 'R', 'V']) }],
  })),
  ...maybe(roll, 0.5, () => ({ source: `http://feeds.example.org/${roll.of(['a', 'a/1', 'b', 'b/2/3'])}` })),
});

export const narrative = (roll: Dice): object => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>CO<sub>2</sub> <b>Stand</b>ard ${some(roll, 1, 3, () => roll.of(words)).join(' ')}</p><p>${roll.of(words)}, ${roll.of(words)}.</p></div>`,
});

export const identifiers = (roll: Dice): object =>
  maybe(roll, 0.75, () => ({
    identifier: some(roll, 1, 2, () => ({
      ...maybe(roll, 0.6, () => ({
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: roll.of(['MR', 'SS', 'DL']) }],
          ...maybe(roll, 0.5, () => ({ text: roll.of(['Medical Record', 'médical', 'Social Security', 'Licence']) })),
        },
      })),
      ...maybe(roll, 0.7, () => ({ system: roll.of(systems) })),
      value: roll.of(numbers),
    })),
  }));

const two = (n: number): string => String(n).padStart(2, '0');
const day = (roll: Dice): string =>
  `20${two(roll.of([19, 20, 20, 21]))}-${two(1 + roll.below(12))}-${two(1 + roll.below(28))}`;
const clock = (roll: Dice): string => `${two(roll.of([0, 6, 12, 23]))}:${two(roll.of([0, 30, 59]))}`;
export const zones = ['Z', '+01:00', '-05:00', '+05:30'];
export const instant = (roll: Dice): string =>
  `${day(roll)}T${clock(roll)}:${two(roll.of([0, 30, 59]))}${roll.of(['', '', '.000', '.500', '.999'])}${roll.of(zones)}`;
/** A date or a date with time, of any precision. */
export function dateTime(roll: Dice): string {
  const whole = day(roll);
  return roll.of([whole.slice(0, 4), whole.slice(0, 7), whole, whole, instant(roll), instant(roll)]);
}
export const dateOnly = (roll: Dice): string => day(roll).slice(0, roll.of([4, 7, 10, 10]));
export const period = (roll: Dice): object => {
  const [start, end] = [dateTime(roll), dateTime(roll)].sort();
  const shape = roll.below(6);
  // Two dates of different precision in one year may not be told apart, which a period must.
  if (start!.slice(0, 7) === end!.slice(0, 7) || start!.slice(0, 4) === end!.slice(0, 4) || shape === 0)
    return { start };
  return shape === 1 ? { end } : { start, end };
};

export const name = (roll: Dice): object => ({
  ...maybe(roll, 0.9, () => ({ family: roll.of(families) })),
  given: some(roll, 1, 2, () => roll.of(givens)),
  ...maybe(roll, 0.15, () => ({ prefix: ['Dr.'] })),
  ...maybe(roll, 0.15, () => ({ text: `${roll.of(givens)} ${roll.of(families)}` })),
});
export const address = (roll: Dice): object => ({
  line: [`${roll.of(['Hauptstraße', 'Rue du Lac', 'High Street'])} ${1 + roll.below(20)}`],
  city: roll.of(cities),
  ...maybe(roll, 0.5, () => ({ postalCode: String(1000 + roll.below(30)) })),
  ...maybe(roll, 0.5, () => ({ country: roll.of(['CH', 'AT', 'BR']) })),
});
export const telecom = (roll: Dice): object =>
  roll.chance(0.5)
    ? { system: 'phone', value: `+41 ${10 + roll.below(15)}` }
    : { system: 'email', value: `${roll.of(['anna', 'jo', 'li'])}${roll.below(6)}@example.org` };

type Codes = readonly (readonly [system: string | undefined, code: string, display: string])[];
const loinc = 'http://loinc.org';
const snomed = 'http://snomed.info/sct';
export const vitals: Codes = [
  [loinc, '8867-4', 'Heart rate'],
  [loinc, '8480-6', 'Systolic blood pressure'],
  [loinc, '29463-7', 'Body Weight'],
  [loinc, '8310-5', 'Body temperature'],
  ['http://local.example.org', 'HR', 'heart rate, local'],
  [undefined, 'HR', 'Herzfrequenz'],
  ['http://local.example.org', '8867-4', 'Élan'],
];
export const findings: Codes = [
  [snomed, '271594007', 'Syncope'],
  [snomed, '49436004', 'Atrial fibrillation'],
  [snomed, '38341003', 'Hypertension'],
  [undefined, 'weird,code', 'with a comma'],
  ['http://local.example.org', 'a|b', 'with a bar'],
];
const coded = (roll: Dice, codes: Codes): object => {
  const [system, code, display] = roll.of(codes);
  return { ...(system && { system }), code, ...maybe(roll, 0.6, () => ({ display })) };
};
export const texts = ['Puls', 'puls in Ruhe', 'Größe', 'fièvre', 'Heart', 'weight at home'];
export const concept = (roll: Dice, codes: Codes): object => {
  const text = maybe(roll, 0.4, () => ({ text: roll.of(texts) }));
  return roll.chance(0.08) ? { text: roll.of(texts) } : { coding: some(roll, 1, 2, () => coded(roll, codes)), ...text };
};

export const ucum = 'http://unitsofmeasure.org';
const amounts: readonly (readonly [code: string, unit: string, values: readonly number[]])[] = [
  ['mg', 'mg', [5.4, 5.35, 5.45, 5.449, 54, 500, 1000]],
  ['g', 'gram', [0.0054, 0.00545, 0.5, 1, 5.4, 70]],
  ['kg', 'kg', [0.07, 0.5, 69.5, 70, 70.4, 70.5, 0.001]],
  ['mm[Hg]', 'mmHg', [80, 119.5, 120, 120.4, 121]],
  ['kPa', 'kPa', [16, 15.9987, 10.67]],
  ['Cel', '°C', [-0.5, 36.6, 36.65, 37, 38.5]],
  ['/min', 'bpm', [59.5, 60, 60.49, 72]],
];
export const quantity = (roll: Dice): object => {
  const [code, unit, values] = roll.of(amounts);
  const shape = roll.below(10);
  if (shape === 0) return { value: roll.of(values), unit };
  if (shape === 1) return { value: roll.of(values) };
  if (shape === 2)
    return { value: roll.of(values), unit: 'Stück', system: 'http://local.example.org/units', code: 'pc' };
  // Values of their own, so that nothing hangs on whether the end of an open interval belongs to it.
  if (shape === 3)
    return {
      value: roll.of([3.37, 47.37, 333.37]),
      comparator: roll.of(['<', '<=', '>', '>=']),
      unit,
      system: ucum,
      code,
    };
  return { value: roll.of(values), unit, system: ucum, code };
};
export const age = (roll: Dice): object => ({ value: 20 + roll.below(30), unit: 'years', system: ucum, code: 'a' });
