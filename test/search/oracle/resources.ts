/** Random resources that lie close to each other: few names, codes and days, so that random queries find some of them. */
import { type Dice, diceOf } from './dice.ts';

const sizes: readonly (readonly [type: string, many: number, make: Make])[] = [
  ['Organization', 30, organization],
  ['Practitioner', 25, practitioner],
  ['Patient', 110, patient],
  ['Location', 50, location],
  ['Device', 40, device],
  ['Encounter', 80, encounter],
  ['Condition', 80, condition],
  ['Observation', 330, observation],
  ['MedicationRequest', 70, medicationRequest],
  ['RiskAssessment', 60, riskAssessment],
  ['ValueSet', 50, valueSet],
  ['List', 30, listOfItems],
];

type Make = (roll: Dice, around: Around) => object;

interface Around {
  readonly base: string;
  /** A reference to one of the types: literal, below the own base, to a version, elsewhere or only by identifier. */
  readonly to: (...types: string[]) => object;
}

const withContent = (name: string, value: object): object => (Object.keys(value).length > 0 ? { [name]: value } : {});

/** The same resources for the same seed and base URL. */
export function randomResources(seed: number, base: string): any[] {
  const roll = diceOf(seed);
  const many = new Map(sizes.map(([type, count]) => [type, count]));
  const to = (...types: string[]): object => {
    const type = roll.of(types);
    const literal = `${type}/${1 + roll.below(many.get(type)!)}`;
    const shape = roll.below(20);
    if (shape === 0) return { reference: `${base}/${literal}` };
    if (shape === 1) return { reference: `${literal}/_history/1` };
    if (shape === 2) return { reference: `http://elsewhere.example.org/fhir/${literal}` };
    if (shape === 3) return { identifier: { system: roll.of(systems), value: roll.of(numbers) }, type };
    if (shape === 4) return { reference: literal, identifier: { value: roll.of(numbers) }, display: 'Somebody' };
    return { reference: literal };
  };
  return sizes.flatMap(([type, count, make]) =>
    Array.from({ length: count }, (_, i) => ({
      resourceType: type,
      id: String(i + 1),
      ...maybe(roll, 0.6, () => withContent('meta', meta(roll, type))),
      ...maybe(roll, 0.3, () => ({ text: narrative(roll) })),
      ...make(roll, { base, to }),
    })),
  );
}

const maybe = <T extends object>(roll: Dice, share: number, make: () => T): T | object =>
  roll.chance(share) ? make() : {};
const some = <T>(roll: Dice, least: number, most: number, make: () => T): T[] =>
  Array.from({ length: least + roll.below(most - least + 1) }, make);

export const systems = ['http://hospital.example.org/mrn', 'urn:oid:1.2.36.146.595.217.0.1'];
const numbers = Array.from({ length: 40 }, (_, i) => `N${100 + i * 7}`);
const families = [
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
const givens = ['Anna', 'Anna-Maria', 'ANNE', 'Émile', 'Emil', 'José', 'Jo', 'Søren', 'Zoë', 'Li'];
const cities = ['Zürich', 'Zurich', 'Genève', 'Genf', 'São Paulo', 'Graz', 'Linz'];
const words = ['calm', 'heart', 'Rhythm', 'pacemaker', 'fièvre', 'stable', 'urgent', 'review', 'Zürich', 'night'];

const tags = ['red', 'green', 'blue'];
const meta = (roll: Dice, type: string): object => ({
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

const narrative = (roll: Dice): object => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${some(roll, 1, 3, () => roll.of(words)).join(' ')}</p><p>${roll.of(words)}, ${roll.of(words)}.</p></div>`,
});

const identifiers = (roll: Dice): object =>
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
const instant = (roll: Dice): string =>
  `${day(roll)}T${clock(roll)}:${two(roll.of([0, 30, 59]))}${roll.of(['', '', '.000', '.500', '.999'])}${roll.of(zones)}`;
/** A date or a date with time, of any precision. */
export function dateTime(roll: Dice): string {
  const whole = day(roll);
  return roll.of([whole.slice(0, 4), whole.slice(0, 7), whole, whole, instant(roll), instant(roll)]);
}
const dateOnly = (roll: Dice): string => day(roll).slice(0, roll.of([4, 7, 10, 10]));
const period = (roll: Dice): object => {
  const [start, end] = [dateTime(roll), dateTime(roll)].sort();
  const shape = roll.below(6);
  // Two dates of different precision in one year may not be told apart, which a period must.
  if (start!.slice(0, 7) === end!.slice(0, 7) || start!.slice(0, 4) === end!.slice(0, 4) || shape === 0)
    return { start };
  return shape === 1 ? { end } : { start, end };
};

const name = (roll: Dice): object => ({
  ...maybe(roll, 0.9, () => ({ family: roll.of(families) })),
  given: some(roll, 1, 2, () => roll.of(givens)),
  ...maybe(roll, 0.15, () => ({ prefix: ['Dr.'] })),
  ...maybe(roll, 0.15, () => ({ text: `${roll.of(givens)} ${roll.of(families)}` })),
});
const address = (roll: Dice): object => ({
  line: [`${roll.of(['Hauptstraße', 'Rue du Lac', 'High Street'])} ${1 + roll.below(20)}`],
  city: roll.of(cities),
  ...maybe(roll, 0.5, () => ({ postalCode: String(1000 + roll.below(30)) })),
  ...maybe(roll, 0.5, () => ({ country: roll.of(['CH', 'AT', 'BR']) })),
});
const telecom = (roll: Dice): object =>
  roll.chance(0.5)
    ? { system: 'phone', value: `+41 ${10 + roll.below(15)}` }
    : { system: 'email', value: `${roll.of(['anna', 'jo', 'li'])}${roll.below(6)}@example.org` };

type Codes = readonly (readonly [system: string | undefined, code: string, display: string])[];
const loinc = 'http://loinc.org';
const snomed = 'http://snomed.info/sct';
const vitals: Codes = [
  [loinc, '8867-4', 'Heart rate'],
  [loinc, '8480-6', 'Systolic blood pressure'],
  [loinc, '29463-7', 'Body Weight'],
  [loinc, '8310-5', 'Body temperature'],
  ['http://local.example.org', 'HR', 'heart rate, local'],
  [undefined, 'HR', 'Herzfrequenz'],
  ['http://local.example.org', '8867-4', 'Élan'],
];
const findings: Codes = [
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
const texts = ['Puls', 'puls in Ruhe', 'Größe', 'fièvre', 'Heart', 'weight at home'];
const concept = (roll: Dice, codes: Codes): object => {
  const text = maybe(roll, 0.4, () => ({ text: roll.of(texts) }));
  return roll.chance(0.08) ? { text: roll.of(texts) } : { coding: some(roll, 1, 2, () => coded(roll, codes)), ...text };
};

const ucum = 'http://unitsofmeasure.org';
const amounts: readonly (readonly [code: string, unit: string, values: readonly number[]])[] = [
  ['mg', 'mg', [5.4, 5.35, 5.45, 5.449, 54, 500, 1000]],
  ['g', 'gram', [0.0054, 0.00545, 0.5, 1, 5.4, 70]],
  ['kg', 'kg', [0.07, 0.5, 69.5, 70, 70.4, 70.5, 0.001]],
  ['mm[Hg]', 'mmHg', [80, 119.5, 120, 120.4, 121]],
  ['kPa', 'kPa', [16, 15.9987, 10.67]],
  ['Cel', '°C', [-0.5, 36.6, 36.65, 37, 38.5]],
  ['/min', 'bpm', [59.5, 60, 60.49, 72]],
];
const quantity = (roll: Dice): object => {
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
const age = (roll: Dice): object => ({ value: 20 + roll.below(30), unit: 'years', system: ucum, code: 'a' });

function person(roll: Dice): object {
  return {
    ...identifiers(roll),
    ...maybe(roll, 0.9, () => ({ name: some(roll, 1, 2, () => name(roll)) })),
    ...maybe(roll, 0.8, () => ({ gender: roll.of(['male', 'female', 'other', 'unknown']) })),
    ...maybe(roll, 0.7, () => ({ active: roll.chance(0.6) })),
    ...maybe(roll, 0.6, () => ({ address: some(roll, 1, 2, () => address(roll)) })),
    ...maybe(roll, 0.6, () => ({ telecom: some(roll, 1, 2, () => telecom(roll)) })),
    ...maybe(roll, 0.8, () => ({ birthDate: dateOnly(roll) })),
  };
}

function patient(roll: Dice, { to }: Around): object {
  return {
    ...person(roll),
    ...(roll.of([
      {},
      {},
      {},
      { deceasedBoolean: true },
      { deceasedBoolean: false },
      { deceasedDateTime: dateTime(roll) },
    ]) as object),
    ...maybe(roll, 0.5, () => ({ generalPractitioner: some(roll, 1, 2, () => to('Practitioner', 'Organization')) })),
    ...maybe(roll, 0.5, () => ({ managingOrganization: to('Organization') })),
    ...maybe(roll, 0.2, () => ({ link: [{ other: to('Patient'), type: 'seealso' }] })),
  };
}

function practitioner(roll: Dice): object {
  return person(roll);
}

const places: Codes = [
  ['http://types.example.org', 'ward', 'Ward'],
  ['http://types.example.org', 'clinic', 'Clinic'],
  [undefined, 'ward', 'Station'],
];

function organization(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    name: `${roll.of(['Clinique', 'Klinik', 'St. Éloi', 'Watch'])} ${roll.of(cities)}`,
    ...maybe(roll, 0.3, () => ({ alias: [roll.of(families)] })),
    ...maybe(roll, 0.7, () => ({ active: roll.chance(0.7) })),
    ...maybe(roll, 0.6, () => ({ type: [concept(roll, places)] })),
    ...maybe(roll, 0.6, () => ({ partOf: to('Organization') })),
    ...maybe(roll, 0.4, () => ({ address: [address(roll)] })),
  };
}

function location(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    ...maybe(roll, 0.9, () => ({ name: `${roll.of(['Ward', 'Salle', 'Zimmer'])} ${1 + roll.below(6)}` })),
    ...maybe(roll, 0.3, () => ({ alias: [roll.of(givens)] })),
    ...maybe(roll, 0.8, () => ({ status: roll.of(['active', 'suspended', 'inactive']) })),
    ...maybe(roll, 0.5, () => ({ type: [concept(roll, places)] })),
    ...maybe(roll, 0.5, () => ({ address: address(roll) })),
    ...maybe(roll, 0.9, () => ({
      position: { longitude: 8.5 + roll.below(200) / 100, latitude: 47 + roll.below(200) / 100 },
    })),
    ...maybe(roll, 0.4, () => ({ partOf: to('Location') })),
    ...maybe(roll, 0.4, () => ({ managingOrganization: to('Organization') })),
  };
}

function device(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    ...maybe(roll, 0.8, () => ({ status: roll.of(['active', 'inactive']) })),
    ...maybe(roll, 0.7, () => ({ type: concept(roll, findings) })),
    ...maybe(roll, 0.7, () => ({ manufacturer: roll.of(['Boston Scientific', 'BIOTRONIK', 'Médicale', 'abbott']) })),
    ...maybe(roll, 0.7, () => ({ modelNumber: roll.of(['L101', 'l102', 'X-9']) })),
    ...maybe(roll, 0.6, () => ({ patient: to('Patient') })),
    ...maybe(roll, 0.4, () => ({ owner: to('Organization') })),
  };
}

function encounter(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    status: roll.of(['planned', 'in-progress', 'finished']),
    class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: roll.of(['AMB', 'IMP', 'EMER']) },
    ...maybe(roll, 0.6, () => ({ type: [concept(roll, findings)] })),
    ...maybe(roll, 0.85, () => ({ period: period(roll) })),
    ...maybe(roll, 0.6, () => ({
      length: { value: roll.of([30, 60, 90, 1, 1.5, 24]), unit: 'time', system: ucum, code: roll.of(['min', 'h']) },
    })),
    ...maybe(roll, 0.9, () => ({ subject: to('Patient') })),
    ...maybe(roll, 0.4, () => ({ serviceProvider: to('Organization') })),
    ...maybe(roll, 0.3, () => ({ partOf: to('Encounter') })),
  };
}

function condition(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    clinicalStatus: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/condition-clinical',
          code: roll.of(['active', 'resolved', 'remission']),
        },
      ],
    },
    ...maybe(roll, 0.8, () => ({ category: [concept(roll, findings)] })),
    ...maybe(roll, 0.5, () => ({ severity: concept(roll, findings) })),
    ...maybe(roll, 0.9, () => ({ code: concept(roll, findings) })),
    subject: to('Patient'),
    ...maybe(roll, 0.5, () => ({ encounter: to('Encounter') })),
    ...maybe(roll, 0.4, () => ({ asserter: to('Practitioner', 'Patient') })),
    ...(roll.of([
      {},
      { onsetDateTime: dateTime(roll) },
      { onsetPeriod: period(roll) },
      { onsetAge: age(roll) },
      { onsetString: roll.of(texts) },
    ]) as object),
    ...maybe(roll, 0.6, () => ({ recordedDate: dateTime(roll) })),
  };
}

const effective = (roll: Dice): object =>
  roll.of([
    {},
    { effectiveDateTime: dateTime(roll) },
    { effectiveDateTime: dateTime(roll) },
    { effectiveDateTime: dateTime(roll) },
    { effectivePeriod: period(roll) },
    { effectiveInstant: instant(roll) },
    roll.chance(0.5)
      ? { effectiveTiming: { event: some(roll, 1, 3, () => dateTime(roll)) } }
      : { effectiveTiming: { repeat: { boundsPeriod: period(roll) } } },
  ]);

const value = (roll: Dice): object =>
  roll.of([
    {},
    { valueQuantity: quantity(roll) },
    { valueQuantity: quantity(roll) },
    { valueQuantity: quantity(roll) },
    { valueString: roll.of(texts) },
    { valueCodeableConcept: concept(roll, findings) },
    { valueDateTime: dateTime(roll) },
    { valuePeriod: period(roll) },
  ]);

function observation(roll: Dice, { to }: Around): object {
  // An Observation with a value may not have a component of its own code (obs-7).
  const isPanel = roll.chance(0.35);
  return {
    ...identifiers(roll),
    status: roll.of(['final', 'final', 'preliminary', 'amended']),
    code: concept(roll, isPanel ? vitals.slice(0, 3) : vitals),
    ...maybe(roll, 0.7, () => ({
      category: [
        {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/observation-category',
              code: roll.of(['vital-signs', 'laboratory']),
            },
          ],
        },
      ],
    })),
    ...maybe(roll, 0.9, () => ({ subject: to('Patient', 'Patient', 'Patient', 'Device', 'Location') })),
    ...maybe(roll, 0.4, () => ({ encounter: to('Encounter') })),
    ...maybe(roll, 0.4, () => ({ device: to('Device') })),
    ...maybe(roll, 0.4, () => ({ performer: some(roll, 1, 2, () => to('Practitioner', 'Organization', 'Patient')) })),
    ...maybe(roll, 0.2, () => ({ hasMember: some(roll, 1, 2, () => to('Observation')) })),
    ...maybe(roll, 0.4, () => ({ method: concept(roll, findings) })),
    ...effective(roll),
    ...value(roll),
    ...(isPanel && {
      component: some(roll, 1, 3, () => ({
        code: concept(roll, vitals.slice(3)),
        ...(roll.of([
          { valueQuantity: quantity(roll) },
          { valueQuantity: quantity(roll) },
          { valueCodeableConcept: concept(roll, findings) },
          {},
        ]) as object),
      })),
    }),
  };
}

function medicationRequest(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    status: roll.of(['active', 'completed', 'on-hold']),
    intent: roll.of(['order', 'plan']),
    ...maybe(roll, 0.6, () => ({ priority: roll.of(['routine', 'urgent']) })),
    medicationCodeableConcept: concept(roll, findings),
    subject: to('Patient'),
    ...maybe(roll, 0.4, () => ({ encounter: to('Encounter') })),
    ...maybe(roll, 0.5, () => ({ requester: to('Practitioner', 'Organization', 'Device') })),
    ...maybe(roll, 0.7, () => ({ authoredOn: dateTime(roll) })),
    ...maybe(roll, 0.5, () => ({
      dosageInstruction: some(roll, 1, 2, () => ({ timing: { event: [dateTime(roll)] } })),
    })),
  };
}

function riskAssessment(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    status: 'final',
    subject: to('Patient'),
    ...maybe(roll, 0.5, () => ({ condition: to('Condition') })),
    ...maybe(roll, 0.5, () => ({ performer: to('Practitioner', 'Device') })),
    ...maybe(roll, 0.5, () => ({ method: concept(roll, findings) })),
    ...maybe(roll, 0.7, () => ({ occurrenceDateTime: dateTime(roll) })),
    ...maybe(roll, 0.85, () => ({
      prediction: some(roll, 1, 2, () => ({
        probabilityDecimal: roll.of([0, 0.1, 0.15, 0.25, 0.5, 0.55, 0.75, 1, 5, 5.4, 99.5, 100]),
        ...maybe(roll, 0.4, () => ({ qualitativeRisk: concept(roll, findings) })),
      })),
    })),
  };
}

function valueSet(roll: Dice): object {
  const path = some(roll, 1, 3, () => roll.of(['vs', 'vitals', 'v1', 'devices'])).join('/');
  return {
    ...identifiers(roll),
    ...maybe(roll, 0.9, () => ({ url: `http://example.org/${path}` })),
    ...maybe(roll, 0.6, () => ({ version: roll.of(['1.0', '1.1', '2']) })),
    ...maybe(roll, 0.7, () => ({ name: roll.of(['Vitals', 'VitalSigns', 'Devices']) })),
    ...maybe(roll, 0.6, () => ({ title: roll.of(['Vital signs', 'Gerätearten', 'Geräte und mehr']) })),
    ...maybe(roll, 0.6, () => ({ publisher: roll.of(families) })),
    ...maybe(roll, 0.5, () => ({ description: `${roll.of(words)} ${roll.of(words)}` })),
    ...maybe(roll, 0.6, () => ({ date: dateTime(roll) })),
    ...maybe(roll, 0.4, () => ({ jurisdiction: [concept(roll, findings)] })),
    status: roll.of(['draft', 'active', 'retired']),
  };
}

function listOfItems(roll: Dice, { to }: Around): object {
  return {
    ...identifiers(roll),
    status: roll.of(['current', 'retired']),
    mode: 'working',
    ...maybe(roll, 0.7, () => ({ title: roll.of(texts) })),
    ...maybe(roll, 0.7, () => ({ code: concept(roll, findings) })),
    ...maybe(roll, 0.7, () => ({ date: dateTime(roll) })),
    ...maybe(roll, 0.7, () => ({ subject: to('Patient', 'Device') })),
    entry: some(roll, 1, 6, () => ({ item: to('Patient', 'Observation', 'Condition', 'Location', 'Device') })),
  };
}
