/** One resource of each kind that somebody meets first, ready to be sent from the portal. All are valid R4. */
import type { Resource } from '../fhir/references.ts';

const vitalSigns = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }],
};
const mmHg = (value: number) => ({ value, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' });
const loinc = (code: string, display: string) => ({ coding: [{ system: 'http://loinc.org', code, display }] });

const patient: Resource = {
  resourceType: 'Patient',
  identifier: [{ system: 'https://hospital.example/patients', value: 'P123' }],
  name: [{ family: 'Example', given: ['Ada'] }],
  gender: 'female',
  birthDate: '1961-04-12',
};

const device: Resource = {
  resourceType: 'Device',
  identifier: [{ system: 'https://hospital.example/devices', value: 'DEV001' }],
  status: 'active',
  deviceName: [{ name: 'Smart BP Monitor', type: 'user-friendly-name' }],
  type: { text: 'Blood Pressure Monitor' },
  patient: { reference: 'Patient/p123' },
};

const observation: Resource = {
  resourceType: 'Observation',
  meta: { profile: ['http://hl7.org/fhir/StructureDefinition/bp'] },
  status: 'final',
  category: [vitalSigns],
  code: loinc('85354-9', 'Blood pressure panel with all children optional'),
  subject: { reference: 'Patient/p123' },
  device: { reference: 'Device/dev001' },
  effectiveDateTime: '2025-11-17T10:30:00Z',
  component: [
    { code: loinc('8480-6', 'Systolic blood pressure'), valueQuantity: mmHg(182) },
    { code: loinc('8462-4', 'Diastolic blood pressure'), valueQuantity: mmHg(121) },
  ],
};

const flag: Resource = {
  resourceType: 'Flag',
  status: 'active',
  category: [
    {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/flag-category', code: 'clinical', display: 'Clinical' },
      ],
    },
  ],
  code: loinc('85354-9', 'Blood pressure panel with all children optional'),
  subject: { reference: 'Patient/p123' },
  period: { start: '2025-11-17T10:30:00Z' },
};

const subscription: Resource = {
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'The ward wants to hear of every alarm',
  criteria: 'Flag?status=active',
  channel: {
    type: 'rest-hook',
    endpoint: 'https://ehr.example/hooks/flags',
    payload: 'application/fhir+json',
    header: ['Authorization: Bearer the-receivers-own-token'],
  },
};

/** A patient and a first reading, stored together or not at all. */
export const transactionExample: Resource = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    {
      fullUrl: 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a',
      resource: patient,
      request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=https://hospital.example/patients|P123' },
    },
    {
      fullUrl: 'urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059',
      resource: {
        resourceType: 'Observation',
        status: 'final',
        category: [vitalSigns],
        code: loinc('8867-4', 'Heart rate'),
        subject: { reference: 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a' },
        effectiveDateTime: '2025-11-17T10:30:00Z',
        valueQuantity: { value: 75, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' },
      },
      request: { method: 'POST', url: 'Observation' },
    },
  ],
};

/** By resource type; `id` is what the portal fills in. */
export const resourceExamples: Readonly<Record<string, { readonly id: string; readonly resource: Resource }>> = {
  Patient: { id: 'p123', resource: patient },
  Device: { id: 'dev001', resource: device },
  Observation: { id: 'bp-1', resource: observation },
  Flag: { id: 'flag-1', resource: flag },
  Subscription: { id: 'ehr-flags', resource: subscription },
};
