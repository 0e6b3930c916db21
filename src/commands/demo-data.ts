/** Demo data: a few patients, a device or an implant for each, a key, and an EHR that wants to know of every active Flag. Synthetic, labelled HTEST. */
import { freshId, systemRuntime } from '../runtime.ts';
import { cardiac } from './demo-cardiac.ts';
import { ask, type Reached } from './running.ts';

const label = {
  security: [
    { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HTEST', display: 'test health data' },
  ],
};

/** `mdc` is the device's type in IEEE 11073-10101. */
const people = [
  {
    id: 'demo-p1',
    mrn: 'P123',
    family: 'Larsen',
    given: 'Ingrid',
    gender: 'female',
    birthDate: '1958-04-12',
    device: 'DEV001',
    name: 'Smart BP Monitor',
    kind: 'Blood Pressure Monitor',
    mdc: '528391',
  },
  {
    id: 'demo-p2',
    mrn: 'P124',
    family: 'Okafor',
    given: 'Samuel',
    gender: 'male',
    birthDate: '1949-11-30',
    device: 'DEV002',
    name: 'Ward Oximeter 7',
    kind: 'Pulse Oximeter',
    mdc: '528388',
  },
  {
    id: 'demo-p3',
    mrn: 'P125',
    family: 'Marchetti',
    given: 'Elena',
    gender: 'female',
    birthDate: '1987-08-03',
    device: 'DEV003',
    name: 'Glucose Meter',
    kind: 'Glucose Meter',
    mdc: '528401',
  },
] as const;

/** A poll may have told of them before: whoever is known by the maker's identifier is not there twice. */
function cardiacEntries(canonical: string) {
  return cardiac.flatMap(({ id, device, ...person }) => {
    const patient = { system: `${canonical}/sid/boston-scientific-patient`, value: id };
    const implant = { system: `${canonical}/sid/cied`, value: `model:${person.model}/serial:${person.serial}` };
    const fullUrl = `urn:uuid:${freshId(systemRuntime)}`;
    return [
      {
        fullUrl,
        request: { method: 'POST', url: 'Patient', ifNoneExist: `identifier=${patient.system}|${patient.value}` },
        resource: {
          resourceType: 'Patient',
          meta: label,
          identifier: [patient],
          active: true,
          name: [{ use: 'official', family: person.family, given: [person.given] }],
          gender: person.gender,
          birthDate: person.birthDate,
        },
      },
      {
        request: { method: 'POST', url: 'Device', ifNoneExist: `identifier=${implant.system}|${implant.value}` },
        resource: {
          resourceType: 'Device',
          meta: label,
          identifier: [implant, { system: `${canonical}/sid/maker-device/boston-scientific`, value: device }],
          status: 'active',
          manufacturer: 'Boston Scientific',
          modelNumber: person.model,
          serialNumber: person.serial,
          type: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: person.mdc }], text: person.kind },
          patient: { reference: fullUrl },
        },
      },
    ];
  });
}

function entries(canonical: string) {
  return people.flatMap((person) => [
    {
      request: { method: 'PUT', url: `Patient/${person.id}` },
      resource: {
        resourceType: 'Patient',
        id: person.id,
        meta: label,
        identifier: [{ system: `${canonical}/sid/patient`, value: person.mrn }],
        active: true,
        name: [{ use: 'official', family: person.family, given: [person.given] }],
        gender: person.gender,
        birthDate: person.birthDate,
      },
    },
    {
      request: { method: 'PUT', url: `Device/demo-${person.device.toLowerCase()}` },
      resource: {
        resourceType: 'Device',
        id: `demo-${person.device.toLowerCase()}`,
        meta: label,
        identifier: [{ system: `${canonical}/sid/device`, value: person.device }],
        status: 'active',
        deviceName: [{ name: person.name, type: 'user-friendly-name' }],
        type: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: person.mdc }], text: person.kind },
        patient: { reference: `Patient/${person.id}` },
      },
    },
  ]);
}

export interface Demo {
  readonly deviceId: string;
  readonly key: string;
  /** What the EHR's endpoint is signed with, where it was told of one. */
  readonly secret?: string;
}

/** Loads it; whoever repeats it gets a new key and the same resources. `endpoint` is where the EHR listens. */
export async function loadDemo(reached: Reached, canonical: string, endpoint: string | undefined): Promise<Demo> {
  const entry = [...entries(canonical), ...cardiacEntries(canonical)];
  await ask(reached, 'POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry });
  const { key } = await ask(reached, 'POST', '/admin/devices/DEV001/keys', {
    key_name: 'demo',
    permissions: ['can_write_vitals', 'can_read_patient'],
  });
  if (endpoint === undefined) return { deviceId: 'DEV001', key };
  await ask(reached, 'PUT', '/fhir/Subscription/demo-ehr', {
    resourceType: 'Subscription',
    id: 'demo-ehr',
    status: 'requested',
    reason: 'The demo EHR wants to know of every active Flag',
    criteria: 'Flag?status=active',
    channel: { type: 'rest-hook', endpoint, payload: 'application/fhir+json' },
  });
  const { secret } = await ask(reached, 'POST', '/admin/subscriptions/demo-ehr/secret');
  return { deviceId: 'DEV001', key, secret };
}
