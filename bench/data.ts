/** The data that is measured with: patients, devices and vital-sign Observations (LOINC, UCUM), the same for the same seed. */

export const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';
export const PATIENT_IDS = 'urn:watchfire:bench:patient';
export const DEVICE_IDS = 'urn:watchfire:bench:device';
export const READING_IDS = 'urn:watchfire:bench:reading';

interface Vital {
  readonly code: string;
  readonly display: string;
  readonly unit: string;
  readonly ucum: string;
  readonly from: number;
  readonly to: number;
}

/** Five vital signs with a resting adult's range. https://hl7.org/fhir/R4/observation-vitalsigns.html */
export const VITALS: readonly Vital[] = [
  { code: '8867-4', display: 'Heart rate', unit: 'beats/minute', ucum: '/min', from: 61, to: 99 },
  { code: '9279-1', display: 'Respiratory rate', unit: 'breaths/minute', ucum: '/min', from: 12, to: 19 },
  { code: '2708-6', display: 'Oxygen saturation in Arterial blood', unit: '%', ucum: '%', from: 96, to: 99 },
  { code: '8310-5', display: 'Body temperature', unit: 'degrees C', ucum: 'Cel', from: 36.2, to: 37.1 },
  { code: '29463-7', display: 'Body weight', unit: 'kilograms', ucum: 'kg', from: 52, to: 94 },
];

const FIRST_READING = Date.UTC(2025, 2, 1, 6);
const HOUR = 3_600_000;

/** A number in [0, 1) that depends on nothing but its arguments. */
export function chance(...of: readonly number[]): number {
  let hash = 0x2545f491;
  for (const part of of) {
    hash = Math.imul(hash ^ (part >>> 0), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    hash ^= hash >>> 13;
  }
  return (hash >>> 0) / 0x1_0000_0000;
}

/** An endless row of numbers in [0, 1), the same for the same seed (xorshift32). */
export function sequence(seed: number): () => number {
  let state = Math.floor(chance(seed) * 0xffff_fffe) + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

const NAMES = ['Abara', 'Brandt', 'Castillo', 'Dahl', 'Eriksen', 'Farouk', 'Greco', 'Hoang', 'Ito', 'Jansen', 'Kaya'];
const GIVEN = ['Amal', 'Bruno', 'Chiara', 'Deniz', 'Elif', 'Femi', 'Greta', 'Hugo', 'Imani', 'Jonas', 'Kenji'];
const TOWNS = ['Aarhus', 'Bologna', 'Cork', 'Dresden', 'Evora', 'Freiburg', 'Ghent'];

export function patientResource(space: string, n: number) {
  const pick = (list: readonly string[], salt: number) => list[Math.floor(chance(n, salt) * list.length)]!;
  const year = 1935 + Math.floor(chance(n, 3) * 65);
  return {
    resourceType: 'Patient',
    identifier: [{ use: 'usual', system: PATIENT_IDS, value: `${space}.${n}` }],
    active: true,
    name: [{ use: 'official', family: pick(NAMES, 1), given: [pick(GIVEN, 2), pick(GIVEN, 7)] }],
    telecom: [{ system: 'email', value: `patient${n}@example.org`, use: 'home' }],
    gender: chance(n, 4) < 0.5 ? 'female' : 'male',
    birthDate: `${year}-0${1 + Math.floor(chance(n, 5) * 9)}-1${Math.floor(chance(n, 6) * 10)}`,
    address: [{ use: 'home', city: pick(TOWNS, 8), postalCode: String(10_000 + n) }],
  };
}

export function deviceResource(space: string, n: number, patient: string) {
  return {
    resourceType: 'Device',
    identifier: [{ system: DEVICE_IDS, value: `${space}.${n}` }],
    status: 'active',
    manufacturer: 'Bench Instruments',
    serialNumber: `BI-${n}`,
    deviceName: [{ name: 'Bedside monitor', type: 'user-friendly-name' }],
    type: { text: 'Vital signs monitor' },
    patient: { reference: patient },
  };
}

/** When reading `hour` of a vital was taken: one an hour, so that the order by date has one answer. */
export const readingTime = (vital: number, hour: number): number => FIRST_READING + hour * HOUR + vital * 60_000;

export const readingValue = (vital: number, hour: number, salt: number): number => {
  const { from, to } = VITALS[vital]!;
  return Math.round((from + chance(vital, hour, salt) * (to - from)) * 10) / 10;
};

export interface Reading {
  readonly vital: number;
  readonly hour: number;
  readonly salt: number;
  readonly patient: string;
  readonly device: string;
}

/** One vital-sign Observation: about 770 bytes with the id and meta that a server adds. */
export function observationResource(identifier: string, { vital, hour, salt, patient, device }: Reading) {
  const { code, display, unit, ucum } = VITALS[vital]!;
  return {
    resourceType: 'Observation',
    identifier: [{ system: READING_IDS, value: identifier }],
    status: 'final',
    category: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/observation-category',
            code: 'vital-signs',
            display: 'Vital Signs',
          },
        ],
      },
    ],
    code: { coding: [{ system: LOINC, code, display }], text: display },
    subject: { reference: patient },
    effectiveDateTime: new Date(readingTime(vital, hour)).toISOString(),
    valueQuantity: { value: readingValue(vital, hour, salt), unit, system: UCUM, code: ucum },
    device: { reference: device },
  };
}

/** One post of a device in the IoT door's own words, all values normal: four Observations (blood pressure is one panel). */
export function iotReading(device: string, at: number, salt: number) {
  const between = (from: number, to: number, of: number) => Math.round(from + chance(salt, of) * (to - from));
  return {
    device_id: device,
    timestamp: new Date(at).toISOString(),
    heart_rate: between(62, 98, 1),
    blood_pressure_systolic: between(102, 118, 2),
    blood_pressure_diastolic: between(64, 78, 3),
    temperature: between(976, 988, 4) / 10,
    temperature_unit: 'F',
    oxygen_saturation: between(96, 99, 5),
  };
}

export type IotReading = ReturnType<typeof iotReading>;
export type ObservationResource = ReturnType<typeof observationResource>;
