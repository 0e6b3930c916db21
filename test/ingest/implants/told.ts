/** What makers tell, for tests: the smallest of each, to be spread over. */
import type { AlertTold, Implant, Reading, Told } from '../../../src/ingest/implants/told.ts';

export const icd: Implant = {
  maker: 'boston-scientific',
  manufacturer: 'Boston Scientific',
  model: 'D233',
  serial: '123456',
  deviceId: 'BSX-1',
  type: 'icd',
  implanted: '2023-03-15',
  status: 'active',
};

export const john = {
  identifiers: [{ system: 'https://boston-scientific.example/patients', value: 'PAT001' }],
  family: 'Doe',
  given: ['John'],
  birthDate: '1962-02-14',
  gender: 'male',
};

export const at = '2025-11-17T03:10:00Z';

export const reading = (kind: string, code: string, value: string, unit: string, timestamp = at): Reading => ({
  id: `${kind}-${timestamp}`,
  kind,
  term: { code, quantity: { value, unit } },
  timestamp,
  instant: Date.parse(timestamp),
});

export const voltage = (value = '3.02', timestamp = at) => reading('battery_voltage', '721344', value, 'V', timestamp);

export const alert: AlertTold = {
  id: 'ALR-1',
  code: 'BATT_RRT',
  severity: 'warning',
  message: 'Battery at recommended replacement time',
  at,
  acknowledged: false,
  kind: 'battery-rrt',
};

export const told = (more: Partial<Told> = {}): Told => ({
  implant: icd,
  patient: john,
  interrogations: [],
  readings: [],
  alerts: [],
  ...more,
});

/** A CRT-D with all that can be told of one. */
export const everything: Told = {
  implant: {
    ...icd,
    type: 'crt-d',
    udi: {
      deviceIdentifier: '00802526000001',
      carrier: '(01)00802526000001(21)123456',
      issuer: 'http://hl7.org/fhir/NamingSystem/gs1',
    },
    monitor: { model: '6290', serial: 'M-77' },
    leads: [
      {
        manufacturer: 'Boston Scientific',
        model: '7841',
        serial: 'L1',
        location: 'RA',
        polarity: '754306',
        connection: '753985',
      },
      { manufacturer: 'Boston Scientific', model: '0672', serial: 'L2', location: 'RV', implanted: '2023-03' },
      { model: '4675', serial: 'L3', location: 'LV' },
    ],
    lastContact: at,
  },
  patient: john,
  interrogations: [
    {
      id: 'LAT-99817',
      at,
      instant: Date.parse(at),
      status: 'final',
      terms: [
        { code: '721026', coded: { code: '754053' } },
        { code: '721344', instance: 1, quantity: { value: '3.02', unit: 'V' } },
        { code: '721280', coded: { code: '754113' } },
        { code: '721536', instance: 1, quantity: { value: '75', unit: '%' } },
        { code: '722433', quantity: { value: '530', unit: 'ohms' } },
        { code: '722435', quantity: { value: '3000', unit: 'Ohm', comparator: '>' } },
        { code: '722055', quantity: { value: '11.2', unit: 'mV' }, questionable: true },
        { code: '722177', quantity: { value: '0.70', unit: 'V' } },
        { code: '722241', quantity: { value: '0.4', unit: 'ms' } },
        { code: '722624', instance: 1, quantity: { value: '62', unit: 'Ohm' } },
        { code: '737651', quantity: { value: '72', unit: 'bpm' } },
        { code: '737808', quantity: { value: '97', unit: '%' } },
        { code: '737696', absent: 'temp-unknown' },
        { code: '720901', dateTime: '2023-03-15' },
        { code: '739536', instance: 1, text: 'VT-0007' },
        { code: 'BSX_SLEEP', name: 'Sleep incline', vendor: true, quantity: { value: '31', unit: 'deg' } },
      ],
      report: {
        contentType: 'application/pdf',
        data: Buffer.from('%PDF-1.4 a report').toString('base64'),
        title: 'Follow-up',
      },
      strips: [
        {
          id: 'EGM-1',
          at,
          instant: Date.parse(at),
          period: '3.90625',
          samples: ['0', '12', '-7', 'E'],
          factor: '0.01',
          channel: 'RV',
        },
      ],
    },
  ],
  readings: [
    reading('heart_rate', '147842', '71', 'bpm', '2025-11-17T03:00:00+01:00'),
    reading('lead_impedance', '722432', '480', 'ohm', '2025-11-17T03:00:00+01:00'),
  ],
  alerts: [
    alert,
    {
      ...alert,
      id: 'ALR-2',
      kind: 'shock-delivered',
      severity: 'critical',
      message: 'Shock delivered',
      acknowledged: true,
    },
  ],
  connectivity: { status: 'connected', last: at },
};

export const canonical = 'https://example.org/fhir';
export const MDC = 'urn:iso:std:iso:11073:10101';

let count = 0;
/** Another implant of another patient for each test, so that they do not meet; both are called by its number. */
export function one(more: Partial<Told> = {}, implant: Partial<Implant> = {}): Told {
  count++;
  const patient = { ...john, identifiers: [{ system: 'urn:maker', value: `P-${count}` }] };
  return told({ implant: { ...icd, serial: `S${count}`, deviceId: `D${count}`, ...implant }, patient, ...more });
}
/** What its patient is called. */
export const nameIn = ({ patient }: Told): string => patient.identifiers[0]!.value;

export const hours = (n: number): string => new Date(Date.parse(at) + n * 3_600_000).toISOString();
