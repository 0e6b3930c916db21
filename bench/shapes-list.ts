/** The search shapes that EHRs and apps ask most, each with values of the patients that are stored. */
import type { Resource } from './synthea.ts';

/** What a request may ask about: one patient and what belongs to it. */
export interface Subject {
  readonly patient: Resource;
  readonly resources: readonly Resource[];
}

export interface Shape {
  readonly name: string;
  /** The class that an aim is set for. */
  readonly kind:
    | 'patient+code+date'
    | 'token'
    | 'reference'
    | 'string'
    | 'quantity'
    | 'date'
    | 'chain'
    | 'include'
    | 'other';
  /** Path and query below the base; undefined where this subject has no value for it. */
  readonly ask: (subject: Subject, n: number) => string | undefined;
}

const loinc = (code: string): string => `http%3A%2F%2Floinc.org%7C${code}`;
const ucum = (unit: string): string => `http%3A%2F%2Funitsofmeasure.org%7C${encodeURIComponent(unit)}`;
const category = (code: string): string =>
  `http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7C${code}`;

const day = (subject: Subject): string => {
  const readings = subject.resources.filter(({ resourceType }) => resourceType === 'Observation');
  return readings[Math.floor(readings.length / 2)]?.['effectiveDateTime'].slice(0, 10) ?? '2015-01-01';
};
const monthsLater = (date: string, months: number): string => {
  const moved = new Date(date);
  moved.setUTCMonth(moved.getUTCMonth() + months);
  return moved.toISOString().slice(0, 10);
};
const oneOf = (type: string, subject: Subject): Resource | undefined =>
  subject.resources.find(({ resourceType }) => resourceType === type);
const codeOf = (resource: Resource | undefined): string | undefined => {
  const coding = resource?.['code']?.coding?.[0] ?? resource?.['vaccineCode']?.coding?.[0];
  return coding && `${encodeURIComponent(coding.system)}%7C${coding.code}`;
};
const identifierOf = ({ patient }: Subject): string =>
  `${encodeURIComponent(patient['identifier'][0].system)}%7C${encodeURIComponent(patient['identifier'][0].value)}`;
const family = ({ patient }: Subject): string => encodeURIComponent(patient['name'][0].family);
const given = ({ patient }: Subject): string => encodeURIComponent(patient['name'][0].given[0]);

const shape = (kind: Shape['kind'], name: string, ask: Shape['ask']): Shape => ({ kind, name, ask });
const ofPatient = (type: string, more = ''): Shape =>
  shape('reference', `${type} by patient${more && ` ${decodeURIComponent(more)}`}`, ({ patient }) => {
    return `${type}?patient=${patient.id}${more}`;
  });

/** Weight, height, and one half of a blood pressure, which is a component. */
const weight = '29463-7';
const height = '8302-2';
const pressure = '55284-4';
const systolic = '8480-6';

export const shapes: readonly Shape[] = [
  shape('string', 'Patient by name', (s) => `Patient?name=${given(s)}`),
  shape('string', 'Patient by family and given', (s) => `Patient?family=${family(s)}&given=${given(s)}`),
  shape('token', 'Patient by identifier', (s) => `Patient?identifier=${identifierOf(s)}`),
  shape('date', 'Patient by birthdate', ({ patient }) => `Patient?birthdate=${patient['birthDate']}`),
  shape('reference', 'Patient by general-practitioner', ({ patient }) => {
    const [practitioner] = patient['generalPractitioner'] ?? [];
    return practitioner && `Patient?general-practitioner=${practitioner.reference}`;
  }),
  shape('token', 'Patient by _id', ({ patient }) => `Patient?_id=${patient.id}`),
  shape('patient+code+date', 'Observation by patient, code and date, newest first', (s) => {
    const from = day(s);
    return `Observation?patient=${s.patient.id}&code=${loinc(weight)}&date=ge${monthsLater(from, -24)}&date=le${from}&_sort=-date`;
  }),
  shape('patient+code+date', 'Observation by patient and code, newest first', ({ patient }) => {
    return `Observation?patient=${patient.id}&code=${loinc(height)}&_sort=-date`;
  }),
  shape('reference', 'Observation by patient and category', ({ patient }) => {
    return `Observation?patient=${patient.id}&category=${category('laboratory')}`;
  }),
  shape('reference', 'Observation by patient, category and date, newest first', (s) => {
    return `Observation?patient=${s.patient.id}&category=${category('vital-signs')}&date=ge${day(s)}&_sort=-date`;
  }),
  shape('quantity', 'Observation by code and value-quantity', (_, n) => {
    return `Observation?code=${loinc(weight)}&value-quantity=gt${60 + (n % 30)}%7C${ucum('kg')}`;
  }),
  shape('quantity', 'Observation by code-value-quantity', (_, n) => {
    return `Observation?code-value-quantity=${loinc(weight)}$gt${60 + (n % 30)}%7C${ucum('kg')}`;
  }),
  shape('quantity', 'Observation by component-code-value-quantity', (_, n) => {
    return `Observation?component-code-value-quantity=${loinc(systolic)}$gt${120 + (n % 20)}%7C${ucum('mm[Hg]')}`;
  }),
  shape('token', 'Observation by combo-code', ({ patient }) => {
    return `Observation?patient=${patient.id}&combo-code=${loinc(systolic)}`;
  }),
  shape('token', 'Observation by code', () => `Observation?code=${loinc(pressure)}`),
  shape('other', 'Observation by code:text', (_, n) => {
    return `Observation?code:text=${['Body', 'Glucose', 'Hemoglobin', 'Pain'][n % 4]}`;
  }),
  shape('date', 'Observation by date range', (s) => {
    return `Observation?date=ge${day(s)}&date=lt${monthsLater(day(s), 1)}`;
  }),
  shape('date', 'Observation by date, newest first', (s) => `Observation?date=le${day(s)}&_sort=-date`),
  shape('date', 'Observation by _lastUpdated, newest first', () => {
    return 'Observation?_lastUpdated=ge2020-01-01&_sort=-_lastUpdated';
  }),
  ofPatient('Condition', '&clinical-status=active'),
  ofPatient('Encounter', '&_sort=-date'),
  ofPatient('MedicationRequest', '&status=active,stopped'),
  ofPatient('Procedure', '&_sort=-date'),
  ofPatient('DiagnosticReport', '&category=LAB&_sort=-date'),
  ofPatient('AllergyIntolerance'),
  ofPatient('Immunization', '&_sort=-date'),
  ofPatient('CarePlan', '&status=active'),
  shape('token', 'Condition by code', (s) => {
    const code = codeOf(oneOf('Condition', s));
    return code && `Condition?code=${code}`;
  }),
  shape('chain', 'Observation by patient.identifier', (s) => {
    return `Observation?patient.identifier=${identifierOf(s)}&code=${loinc(weight)}`;
  }),
  shape('chain', 'Observation by subject:Patient.name', (s) => {
    return `Observation?subject:Patient.name=${given(s)}&code=${loinc(weight)}`;
  }),
  shape(
    'chain',
    'Patient by _has:Observation:patient:code',
    () => `Patient?_has:Observation:patient:code=${loinc(weight)}`,
  ),
  shape('chain', 'Patient by _has:Condition:patient:code', (s) => {
    const code = codeOf(oneOf('Condition', s));
    return code && `Patient?_has:Condition:patient:code=${code}`;
  }),
  shape('include', 'Observation by patient and code, _include subject and encounter', ({ patient }) => {
    return `Observation?patient=${patient.id}&code=${loinc(weight)}&_include=Observation:subject&_include=Observation:encounter`;
  }),
  shape('include', 'Encounter by patient, _include practitioner and organization', ({ patient }) => {
    return `Encounter?patient=${patient.id}&_include=Encounter:participant&_include=Encounter:service-provider`;
  }),
  shape('include', 'Patient by _id, _revinclude Condition and AllergyIntolerance', ({ patient }) => {
    return `Patient?_id=${patient.id}&_revinclude=Condition:patient&_revinclude=AllergyIntolerance:patient`;
  }),
  shape('other', 'Observation by patient, _summary=count', ({ patient }) => {
    return `Observation?patient=${patient.id}&_summary=count`;
  }),
  shape('other', 'Observation by code, _summary=count', () => `Observation?code=${loinc(weight)}&_summary=count`),
];
