/** Random resources that lie close to each other: few names, codes and days, so that random queries find some of them. */
import { type Dice, diceOf } from './dice.ts';
import {
  address,
  age,
  cities,
  concept,
  dateOnly,
  dateTime,
  families,
  findings,
  givens,
  identifiers,
  instant,
  maybe,
  meta,
  name,
  narrative,
  numbers,
  period,
  quantity,
  some,
  systems,
  telecom,
  texts,
  ucum,
  vitals,
  words,
} from './vocabulary.ts';

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
  ['Questionnaire', 40, questionnaire],
  ['PlanDefinition', 30, planDefinition],
  ['ConceptMap', 30, conceptMap],
  ['QuestionnaireResponse', 60, questionnaireResponse],
  ['Composition', 20, composition],
  ['Bundle', 30, bundle],
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
      ...maybe(roll, type === 'Bundle' ? 0 : 0.3, () => ({ text: narrative(roll) })),
      ...make(roll, { base, to }),
    })),
  );
}

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

const places = [
  ['http://types.example.org', 'ward', 'Ward'],
  ['http://types.example.org', 'clinic', 'Clinic'],
  [undefined, 'ward', 'Station'],
] as const;

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

const versions = ['1.0', '1.1', '2'];
const named = (roll: Dice, urls: readonly string[]): object => ({
  ...maybe(roll, 0.9, () => ({ url: roll.of(urls) })),
  ...maybe(roll, 0.6, () => ({ version: roll.of(versions) })),
  ...maybe(roll, 0.7, () => ({ name: roll.of(['Pain', 'Sleep', 'Vitals']) })),
  ...maybe(roll, 0.6, () => ({ title: roll.of(['Gerätearten', 'Vital signs', 'Douleur']) })),
  ...maybe(roll, 0.6, () => ({ date: dateTime(roll) })),
  status: roll.of(['draft', 'active', 'retired']),
});

const forms = ['pain', 'sleep', 'pain/long', 'gait'].map((one) => `http://example.org/forms/${one}`);
const plans = ['ward', 'home', 'night'].map((one) => `http://example.org/plans/${one}`);
/** Some urls are those of ValueSets too. */
const sets = ['vs', 'vitals', 'vs/v1', 'devices'].map((one) => `http://example.org/${one}`);

/** Of any version, of one that may be there, of a part, by id or of nothing that is there. */
const canonical = (roll: Dice, urls: readonly string[], type?: string): string => {
  const url = roll.of(urls);
  const shape = roll.below(10);
  if (shape === 0) return `${url}#part`;
  if (shape === 1) return `${url}|${roll.of(versions)}#part`;
  if (shape === 2 && type !== undefined) return `${type}/${1 + roll.below(30)}`;
  if (shape === 3) return `${url}/none`;
  return shape < 7 ? url : `${url}|${roll.of(versions)}`;
};

function questionnaire(roll: Dice): object {
  return { ...identifiers(roll), ...named(roll, [...forms, sets[0]!]) };
}

function planDefinition(roll: Dice): object {
  return {
    ...identifiers(roll),
    ...named(roll, plans),
    ...maybe(roll, 0.5, () => ({
      relatedArtifact: some(roll, 1, 3, () => ({
        type: roll.of(['depends-on', 'depends-on', 'citation']),
        resource: canonical(roll, [...plans, ...forms, ...sets]),
      })),
    })),
    ...maybe(roll, 0.7, () => ({
      action: some(roll, 1, 3, () =>
        roll.chance(0.7)
          ? { definitionCanonical: canonical(roll, [...forms, ...plans]) }
          : { definitionUri: canonical(roll, forms) },
      ),
    })),
  };
}

function conceptMap(roll: Dice): object {
  const source = canonical(roll, sets, 'ValueSet');
  return {
    ...named(roll, ['http://example.org/maps/a', 'http://example.org/maps/b', sets[1]!]),
    ...(roll.of([{ sourceCanonical: source }, { sourceUri: source }, {}]) as object),
    ...maybe(roll, 0.6, () => ({ targetCanonical: canonical(roll, sets, 'ValueSet') })),
  };
}

function questionnaireResponse(roll: Dice, { to }: Around): object {
  return {
    ...maybe(roll, 0.8, () => ({ questionnaire: canonical(roll, [...forms, sets[0]!], 'Questionnaire') })),
    status: roll.of(['in-progress', 'completed', 'amended']),
    ...maybe(roll, 0.8, () => ({ subject: to('Patient', 'Device') })),
    ...maybe(roll, 0.5, () => ({ encounter: to('Encounter') })),
    ...maybe(roll, 0.7, () => ({ authored: dateTime(roll) })),
  };
}

function composition(roll: Dice, { to }: Around): object {
  return {
    ...maybe(roll, 0.6, () => ({ identifier: { system: roll.of(systems), value: roll.of(numbers) } })),
    status: roll.of(['preliminary', 'final', 'amended']),
    type: concept(roll, findings),
    ...maybe(roll, 0.4, () => ({ category: [concept(roll, places)] })),
    ...maybe(roll, 0.8, () => ({ subject: to('Patient', 'Device') })),
    ...maybe(roll, 0.5, () => ({ encounter: to('Encounter') })),
    date: dateTime(roll),
    author: [to('Practitioner')],
    title: roll.of(texts),
  };
}

/** The first resource may have the id of one that stands alone, and another Composition may come later. */
function bundle(roll: Dice, around: Around): object {
  const one = (): object => ({
    resourceType: 'Composition',
    ...maybe(roll, 0.5, () => ({ id: String(1 + roll.below(20)) })),
    ...composition(roll, around),
  });
  const isLetter = roll.chance(0.8);
  const resources = isLetter
    ? [one(), ...(roll.chance(0.3) ? [one()] : [])]
    : [{ resourceType: 'Basic', code: { text: 'x' } }];
  return {
    type: isLetter ? 'document' : 'collection',
    identifier: { system: roll.of(systems), value: roll.of(numbers) },
    timestamp: instant(roll),
    entry: resources.map((resource, i) => ({ fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${i}`, resource })),
  };
}
