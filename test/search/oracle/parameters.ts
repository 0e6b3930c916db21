/** The search parameters that the oracle knows, each with the elements it looks at, written by hand. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { type Span, spanOf, spanOfPeriod, spansOfTiming } from './spans.ts';

export type Kind =
  | 'string'
  | 'token'
  | 'reference'
  | 'canonical'
  | 'inside'
  | 'date'
  | 'number'
  | 'quantity'
  | 'uri'
  | 'composite';

/** One code with all that a token search may ask of it. */
export interface Token {
  readonly system?: string;
  readonly code?: string;
  /** What `:text` looks at: the text of the concept, the display of the coding, the text of an identifier's type. */
  readonly texts: readonly string[];
  /** Types of an identifier. */
  readonly types: readonly { system?: string; code?: string }[];
}

export interface Parameter {
  readonly kind: Kind;
  /** The values in a resource: strings (of canonicals too), resources inside, Tokens, References, Spans, numbers, Quantities or pairs of lists of them. */
  readonly get: (resource: any) => any[];
  /** Types that a reference may lead to. */
  readonly targets?: readonly string[];
  /** Codes, kinds of the two parts of a composite. */
  readonly parts?: readonly [Kind, Kind];
  /** The system of its codes is implied by the definition, or there is none (booleans). */
  readonly plain?: boolean;
}

const list = (value: any): any[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

const ofCoding = (coding: any): Token => ({
  system: coding.system,
  code: coding.code,
  texts: coding.display === undefined ? [] : [coding.display],
  types: [],
});
const ofConcept = (concept: any): Token[] => [
  ...list(concept.coding).map(ofCoding),
  ...(concept.text === undefined ? [] : [{ texts: [concept.text], types: [] }]),
];
const ofIdentifier = (identifier: any): Token => ({
  system: identifier.system,
  code: identifier.value,
  texts: identifier.type?.text === undefined ? [] : [identifier.type.text],
  types: list(identifier.type?.coding),
});
const ofCode =
  (system?: string) =>
  (code: any): Token => ({ system, code: String(code), texts: [], types: [] });
const ofContact = (contact: any): Token => ({ code: contact.value, texts: [], types: [] });

const humanName = (name: any): string[] =>
  [name.text, name.family, ...list(name.given), ...list(name.prefix), ...list(name.suffix)].filter(Boolean);
const address = (one: any): string[] =>
  [one.text, ...list(one.line), one.city, one.district, one.state, one.postalCode, one.country].filter(Boolean);

type Get = (resource: any) => any;
export const string = (get: Get): Parameter => ({
  kind: 'string',
  get: (one) => list(get(one)).flat().filter(Boolean),
});
const concept = (get: Get): Parameter => ({
  kind: 'token',
  get: (one) => list(get(one)).flat().filter(Boolean).flatMap(ofConcept),
});
const coding = (get: Get): Parameter => ({ kind: 'token', get: (one) => list(get(one)).map(ofCoding) });
const identifier: Parameter = { kind: 'token', get: (one) => list(one.identifier).map(ofIdentifier) };
const code = (get: Get, system?: string): Parameter => ({
  kind: 'token',
  plain: true,
  get: (one) =>
    list(get(one))
      .filter((value) => value !== undefined)
      .map(ofCode(system)),
});
const contact = (of: (one: any) => boolean = () => true): Parameter => ({
  kind: 'token',
  plain: true,
  get: (one) => list(one.telecom).filter(of).map(ofContact),
});
const reference = (get: Get, ...targets: string[]): Parameter => ({
  kind: 'reference',
  targets,
  get: (one) => list(get(one)).flat().filter(Boolean),
});
const canonical = (get: Get, ...targets: string[]): Parameter => ({
  kind: 'canonical',
  targets,
  get: (one) => list(get(one)).flat().filter(Boolean),
});
const date = (get: Get): Parameter => ({
  kind: 'date',
  get: (one) =>
    list(get(one))
      .filter(Boolean)
      .map((value) => spanOf(value)),
});
const spans = (get: (one: any) => Span[]): Parameter => ({ kind: 'date', get });
const number = (get: Get): Parameter => ({
  kind: 'number',
  get: (one) => list(get(one)).filter((n) => n !== undefined),
});
const quantity = (get: Get): Parameter => ({ kind: 'quantity', get: (one) => list(get(one)).flat().filter(Boolean) });
const uri = (get: Get): Parameter => ({ kind: 'uri', get: (one) => list(get(one)) });

/** A pair of values of one element. */
const composite = (parts: [Kind, Kind], elements: Get, first: Parameter, second: Parameter): Parameter => ({
  kind: 'composite',
  parts,
  get: (one) => list(elements(one)).map((element) => [first.get(element), second.get(element)]),
});

/** A reference by identifier alone is to a Patient when its `type` says so. */
const isPatient = (one: any): boolean =>
  typeof one?.reference === 'string' ? /(^|\/)Patient\//.test(one.reference) : one?.type === 'Patient';
const patientOf = (get: Get): Parameter => ({
  kind: 'reference',
  targets: ['Patient'],
  get: (one) => list(get(one)).filter(isPatient),
});

const publication = 'http://hl7.org/fhir/publication-status';
const gender = 'http://hl7.org/fhir/administrative-gender';
const own = (one: any): any => [one];
const withComponents = (one: any): any[] => [one, ...list(one.component)];
const observationCode = concept((one) => one.code);
const valueQuantity = quantity((one) => one.valueQuantity);
const valueConcept = concept((one) => one.valueCodeableConcept);
const valueString = string((one) => [one.valueString, one.valueCodeableConcept?.text]);
const valueDate = spans((one) => [
  ...list(one.valueDateTime).map((value) => spanOf(value)),
  ...list(one.valuePeriod).map(spanOfPeriod),
]);
const subjects = ['Patient', 'Group', 'Device', 'Location'];

const common: Readonly<Record<string, Parameter>> = {
  _lastUpdated: date((one) => one.meta.lastUpdated),
  _tag: coding((one) => one.meta.tag),
  _security: coding((one) => one.meta.security),
  _profile: uri((one) => one.meta.profile),
  _source: uri((one) => one.meta.source),
};

const person: Readonly<Record<string, Parameter>> = {
  name: string((one) => list(one.name).flatMap(humanName)),
  family: string((one) => list(one.name).map((name) => name.family)),
  given: string((one) => list(one.name).flatMap((name) => list(name.given))),
  gender: code((one) => one.gender, gender),
  active: code((one) => one.active),
  address: string((one) => list(one.address).flatMap(address)),
  'address-city': string((one) => list(one.address).map((place) => place.city)),
  telecom: contact(),
  email: contact((one) => one.system === 'email'),
  phone: contact((one) => one.system === 'phone'),
  identifier,
};

/** What everything has that is published under a url. */
const published: Readonly<Record<string, Parameter>> = {
  identifier,
  url: uri((one) => one.url),
  name: string((one) => one.name),
  title: string((one) => one.title),
  status: code((one) => one.status, publication),
  version: code((one) => one.version),
  date: date((one) => one.date),
};

const perType: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = {
  Patient: {
    ...person,
    birthdate: date((one) => one.birthDate),
    'general-practitioner': reference(
      (one) => one.generalPractitioner,
      'Organization',
      'Practitioner',
      'PractitionerRole',
    ),
    organization: reference((one) => one.managingOrganization, 'Organization'),
    link: reference((one) => list(one.link).map((link) => link.other), 'Patient', 'RelatedPerson'),
    'death-date': date((one) => one.deceasedDateTime),
    deceased: code((one) => [one.deceasedDateTime !== undefined || one.deceasedBoolean === true]),
  },
  Practitioner: person,
  Organization: {
    identifier,
    name: string((one) => [one.name, ...list(one.alias)]),
    type: concept((one) => one.type),
    active: code((one) => one.active),
    partof: reference((one) => one.partOf, 'Organization'),
    address: string((one) => list(one.address).flatMap(address)),
    'address-city': string((one) => list(one.address).map((place) => place.city)),
  },
  Device: {
    identifier,
    type: concept((one) => one.type),
    status: code((one) => one.status, 'http://hl7.org/fhir/device-status'),
    manufacturer: string((one) => one.manufacturer),
    model: string((one) => one.modelNumber),
    patient: reference((one) => one.patient, 'Patient'),
    organization: reference((one) => one.owner, 'Organization'),
  },
  Encounter: {
    identifier,
    class: coding((one) => one.class),
    status: code((one) => one.status, 'http://hl7.org/fhir/encounter-status'),
    type: concept((one) => one.type),
    date: spans((one) => list(one.period).map(spanOfPeriod)),
    length: quantity((one) => one.length),
    subject: reference((one) => one.subject, 'Patient', 'Group'),
    patient: patientOf((one) => one.subject),
    'service-provider': reference((one) => one.serviceProvider, 'Organization'),
    'part-of': reference((one) => one.partOf, 'Encounter'),
  },
  Observation: {
    identifier,
    code: observationCode,
    category: concept((one) => one.category),
    status: code((one) => one.status, 'http://hl7.org/fhir/observation-status'),
    method: concept((one) => one.method),
    subject: reference((one) => one.subject, ...subjects),
    patient: patientOf((one) => one.subject),
    encounter: reference((one) => one.encounter, 'Encounter', 'EpisodeOfCare'),
    device: reference((one) => one.device, 'Device', 'DeviceMetric'),
    performer: reference(
      (one) => one.performer,
      'Practitioner',
      'PractitionerRole',
      'Organization',
      'CareTeam',
      'Patient',
      'RelatedPerson',
    ),
    'has-member': reference((one) => one.hasMember, 'Observation', 'QuestionnaireResponse', 'MolecularSequence'),
    date: spans((one) => [
      ...list(one.effectiveDateTime).map((value) => spanOf(value)),
      ...list(one.effectiveInstant).map((value) => spanOf(value)),
      ...list(one.effectivePeriod).map(spanOfPeriod),
      ...list(one.effectiveTiming).flatMap(spansOfTiming),
    ]),
    'value-quantity': valueQuantity,
    'value-string': valueString,
    'value-concept': valueConcept,
    'value-date': valueDate,
    'component-code': concept((one) => list(one.component).map((part) => part.code)),
    'component-value-quantity': quantity((one) => list(one.component).map((part) => part.valueQuantity)),
    'component-value-concept': concept((one) => list(one.component).map((part) => part.valueCodeableConcept)),
    'combo-code': concept((one) => withComponents(one).map((part) => part.code)),
    'combo-value-quantity': quantity((one) => withComponents(one).map((part) => part.valueQuantity)),
    'combo-value-concept': concept((one) => withComponents(one).map((part) => part.valueCodeableConcept)),
    'code-value-quantity': composite(['token', 'quantity'], own, observationCode, valueQuantity),
    'code-value-concept': composite(['token', 'token'], own, observationCode, valueConcept),
    'code-value-string': composite(
      ['token', 'string'],
      own,
      observationCode,
      string((one) => one.valueString),
    ),
    'code-value-date': composite(['token', 'date'], own, observationCode, valueDate),
    'component-code-value-quantity': composite(
      ['token', 'quantity'],
      (one) => one.component,
      observationCode,
      valueQuantity,
    ),
    'component-code-value-concept': composite(
      ['token', 'token'],
      (one) => one.component,
      observationCode,
      valueConcept,
    ),
    'combo-code-value-quantity': composite(['token', 'quantity'], withComponents, observationCode, valueQuantity),
    'combo-code-value-concept': composite(['token', 'token'], withComponents, observationCode, valueConcept),
  },
  RiskAssessment: {
    identifier,
    probability: number((one) => list(one.prediction).map((prediction) => prediction.probabilityDecimal)),
    risk: concept((one) => list(one.prediction).map((prediction) => prediction.qualitativeRisk)),
    method: concept((one) => one.method),
    date: date((one) => one.occurrenceDateTime),
    subject: reference((one) => one.subject, 'Patient', 'Group'),
    patient: patientOf((one) => one.subject),
    condition: reference((one) => one.condition, 'Condition'),
    performer: reference((one) => one.performer, 'Practitioner', 'PractitionerRole', 'Device'),
  },
  ValueSet: {
    identifier,
    url: uri((one) => one.url),
    name: string((one) => one.name),
    title: string((one) => one.title),
    publisher: string((one) => one.publisher),
    description: string((one) => one.description),
    status: code((one) => one.status, publication),
    version: code((one) => one.version),
    date: date((one) => one.date),
    jurisdiction: concept((one) => one.jurisdiction),
  },
  Location: {
    identifier,
    name: string((one) => [one.name, ...list(one.alias)]),
    status: code((one) => one.status, 'http://hl7.org/fhir/location-status'),
    type: concept((one) => one.type),
    address: string((one) => list(one.address).flatMap(address)),
    'address-city': string((one) => list(one.address).map((place) => place.city)),
    partof: reference((one) => one.partOf, 'Location'),
    organization: reference((one) => one.managingOrganization, 'Organization'),
  },
  List: {
    identifier,
    code: concept((one) => one.code),
    title: string((one) => one.title),
    status: code((one) => one.status, 'http://hl7.org/fhir/list-status'),
    date: date((one) => one.date),
    subject: reference((one) => one.subject, ...subjects),
    patient: patientOf((one) => one.subject),
    item: reference((one) => list(one.entry).map((entry) => entry.item)),
  },
  Condition: {
    identifier,
    code: concept((one) => one.code),
    category: concept((one) => one.category),
    severity: concept((one) => one.severity),
    'clinical-status': concept((one) => one.clinicalStatus),
    subject: reference((one) => one.subject, 'Patient', 'Group'),
    patient: patientOf((one) => one.subject),
    encounter: reference((one) => one.encounter, 'Encounter'),
    asserter: reference((one) => one.asserter, 'Practitioner', 'PractitionerRole', 'Patient', 'RelatedPerson'),
    'onset-date': spans((one) => [
      ...list(one.onsetDateTime).map((value) => spanOf(value)),
      ...list(one.onsetPeriod).map(spanOfPeriod),
    ]),
    'onset-age': quantity((one) => one.onsetAge),
    'onset-info': string((one) => one.onsetString),
    'recorded-date': date((one) => one.recordedDate),
  },
  MedicationRequest: {
    identifier,
    code: concept((one) => one.medicationCodeableConcept),
    status: code((one) => one.status, 'http://hl7.org/fhir/CodeSystem/medicationrequest-status'),
    intent: code((one) => one.intent, 'http://hl7.org/fhir/CodeSystem/medicationrequest-intent'),
    priority: code((one) => one.priority, 'http://hl7.org/fhir/request-priority'),
    subject: reference((one) => one.subject, 'Patient', 'Group'),
    patient: patientOf((one) => one.subject),
    encounter: reference((one) => one.encounter, 'Encounter'),
    requester: reference(
      (one) => one.requester,
      'Practitioner',
      'PractitionerRole',
      'Organization',
      'Patient',
      'RelatedPerson',
      'Device',
    ),
    authoredon: date((one) => one.authoredOn),
    date: {
      kind: 'date',
      get: (one) =>
        list(one.dosageInstruction)
          .flatMap((dose) => list(dose.timing?.event))
          .map((value) => spanOf(value)),
    },
  },
  Questionnaire: published,
  PlanDefinition: {
    ...published,
    'depends-on': canonical((one) => [
      ...list(one.relatedArtifact)
        .filter(({ type }) => type === 'depends-on')
        .map(({ resource }) => resource),
      ...list(one.library),
    ]),
    definition: canonical(
      (one) => list(one.action).map((action) => action.definitionCanonical ?? action.definitionUri),
      'PlanDefinition',
      'Questionnaire',
      'ActivityDefinition',
    ),
  },
  ConceptMap: {
    ...published,
    source: canonical((one) => one.sourceCanonical, 'ValueSet'),
    'source-uri': canonical((one) => one.sourceUri, 'ValueSet'),
    target: canonical((one) => one.targetCanonical, 'ValueSet'),
  },
  Composition: {
    identifier,
    title: string((one) => one.title),
    type: concept((one) => one.type),
    category: concept((one) => one.category),
    status: code((one) => one.status, 'http://hl7.org/fhir/composition-status'),
    date: date((one) => one.date),
    subject: reference((one) => one.subject),
    patient: patientOf((one) => one.subject),
    encounter: reference((one) => one.encounter, 'Encounter'),
    author: reference(
      (one) => one.author,
      'Practitioner',
      'PractitionerRole',
      'Device',
      'Patient',
      'RelatedPerson',
      'Organization',
    ),
  },
  Bundle: {
    identifier,
    type: code((one) => one.type, 'http://hl7.org/fhir/bundle-type'),
    composition: {
      kind: 'inside',
      get: (one) =>
        list(one.type === 'document' ? one.entry?.[0]?.resource : undefined).filter(
          ({ resourceType }) => resourceType === 'Composition',
        ),
    },
  },
  QuestionnaireResponse: {
    identifier,
    questionnaire: canonical((one) => one.questionnaire, 'Questionnaire'),
    status: code((one) => one.status, 'http://hl7.org/fhir/questionnaire-answers-status'),
    subject: reference((one) => one.subject),
    patient: patientOf((one) => one.subject),
    encounter: reference((one) => one.encounter, 'Encounter'),
    authored: date((one) => one.authored),
  },
};

/** Type, code, parameter. */
export const parameters: Readonly<Record<string, Readonly<Record<string, Parameter>>>> = Object.fromEntries(
  Object.entries(perType).map(([type, known]) => [type, { ...common, ...known }]),
);

/** What is drawn from; Bundles have no words, and are asked for by themselves. */
export const types = Object.keys(parameters).filter((type) => type !== 'Bundle');
