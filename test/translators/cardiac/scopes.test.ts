/** Which scopes open which list, and that none tells what it may not see as if it were not so. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuthorizationHouse, openAuthorizationHouse } from '../../smart/authorization/authorization-house.ts';
import { tokenOf } from './seed-house.ts';

const base = 'https://example.org/fhir';
let house: AuthorizationHouse;

beforeAll(async () => {
  house = await openAuthorizationHouse();
  const made = async (resource: object) => (await house.create(resource)).body.id;
  const patient = { reference: `Patient/${await made({ resourceType: 'Patient', identifier: [{ value: 'P-1' }] })}` };
  const device = {
    reference: `Device/${await made({
      resourceType: 'Device',
      identifier: [{ system: `${base}/sid/maker-device/medtronic`, value: 'M-1' }],
      type: { coding: [{ system: `${base}/CodeSystem/cardiac-device-kind`, code: 'icd' }] },
      status: 'active',
      patient,
    })}`,
  };
  await made({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: patient,
    device,
    effectiveDateTime: '2026-01-01T00:00:00Z',
    valueQuantity: { value: 1, unit: 'V' },
  });
  await made({
    resourceType: 'Flag',
    status: 'active',
    identifier: [{ system: `${base}/sid/alert`, value: 'a' }],
    code: { text: 'x' },
    subject: patient,
    author: device,
  });
});
afterAll(() => house.stopAll());

const paths = [
  '/cardiac/patients/P-1/devices',
  '/cardiac/patients/P-1/readings',
  '/cardiac/patients/P-1/alerts',
  '/legacy/patient_devices',
  '/legacy/device_readings',
  '/legacy/device_alerts',
];

describe('A list of implants', () => {
  it.each([
    [
      'device_data',
      [
        'system/Patient.s',
        'system/Patient.s',
        'system/Patient.s',
        'system/Patient.s',
        'system/Patient.s',
        'system/Flag.s',
      ],
    ],
    [
      'patient_data',
      ['system/Device.s', 'system/Device.s', 'system/Device.s', 'system/Device.s', 'system/Device.s', 'system/Flag.s'],
    ],
    [
      'alerts',
      [
        'system/Patient.s',
        'system/Patient.s',
        'system/Patient.s',
        'system/Device.s',
        'system/Observation.s',
        'system/Patient.s',
      ],
    ],
    [
      'patient_data alerts',
      [
        'system/Device.s',
        'system/Device.s',
        'system/Device.s',
        'system/Device.s',
        'system/Device.s',
        'system/Device.s',
      ],
    ],
    ['device_data patient_data', [200, 200, 'system/Flag.s', 200, 200, 'system/Flag.s']],
    ['device_data patient_data alerts', [200, 200, 200, 200, 200, 200]],
  ])(
    'is told to a token of `%s` whole or not at all, and what it lacks is named (0-023, 0-080)',
    async (scope, expected) => {
      const authorization = `Bearer ${await tokenOf(house, scope)}`;
      const answers = [];
      for (const path of paths) {
        const { status, headers, body, text } = await house.ask('GET', path, undefined, { authorization });
        const lacking = /insufficient_scope", scope="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1];
        answers.push(status === 403 ? lacking : status);
        if (status === 403) expect(text).not.toContain('unknown');
        else expect((body.devices ?? body.readings ?? body.alerts ?? body.rows)[0].device_id).toBe('M-1');
      }
      expect(answers).toEqual(expected);
    },
  );
});
