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
