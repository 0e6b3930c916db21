/** The tables of the cardiac integration: device_readings, patient_devices, device_alerts, in the fields of its data models. docs/cardiac.md */
import { escaped } from '../../search/escapes.ts';
import { batteryOf, implantDatesOf, issuesOf, withoutLeads } from '../cardiac/beside.ts';
import { isAlert, isReading, ofKind } from '../cardiac/lists.ts';
import { alertIdOf } from '../cardiac/rows.ts';
import { byDevice, byPatient } from './filters.ts';
import type { Column, Setting, Table } from './table.ts';

const text = (name: string): Column => ({ name, type: 'text' });
const orNull = (column: Column): Column => ({ ...column, nullable: true });

const patientsOf = (resources: readonly any[], of: (one: any) => any, { patientIds }: Setting) =>
  patientIds(resources.flatMap((one) => of(one)?.reference ?? []));

export const deviceReadings: Table = {
  name: 'device_readings',
  columns: [
    text('device_id'),
    text('patient_id'),
    orNull(text('manufacturer')),
    text('reading_type'),
    { name: 'value', type: 'float' },
    orNull(text('unit')),
    { name: 'timestamp', type: 'datetime' },
    text('device_type'),
    text('status'),
  ],
  sort: 'timestamp',
  type: 'Observation',
  needs: ['Patient', 'Device'],
  hasTotal: true,
  where: () => [...isReading, ['_include', 'Observation:device'], ['_sort', '-date']],
  filters: {
    device_id: byDevice('device'),
    patient_id: byPatient('patient'),
    reading_type: (value, { kinds }) => [ofKind(value, kinds)],
  },
  async rowsOf(groups, { all }, setting) {
    const found = groups.flat();
    const patients = await patientsOf(found, ({ subject }) => subject, setting);
    return found.map((one) =>
      setting.rows.reading(one, all.get(one.device?.reference), patients.get(one.subject?.reference) ?? ''),
    ) as any;
  },
};

export const patientDevices: Table = {
  name: 'patient_devices',
  columns: [
    text('device_id'),
    text('patient_id'),
    orNull(text('manufacturer')),
    orNull(text('model')),
    text('device_type'),
    orNull({ name: 'implant_date', type: 'datetime' }),
    orNull({ name: 'battery_level', type: 'float' }),
    text('status'),
  ],
  sort: 'updated_at',
  type: 'Device',
  needs: ['Patient', 'DeviceUseStatement', 'Observation'],
  hasTotal: true,
  where: ({ canonical }) => [['patient:missing', 'false'], withoutLeads(canonical), ['_sort', '-_lastUpdated']],
  filters: {
    device_id: (value) => [['identifier', escaped(value)]],
    patient_id: byPatient('patient'),
    model: (value) => [['model', escaped(value)]],
    status: (value) => [['status', escaped(value)]],
  },
  async rowsOf(groups, _sight, setting) {
    const devices = groups.flat();
    const patients = await patientsOf(devices, ({ patient }) => patient, setting);
    const dates = await implantDatesOf(devices, undefined, setting.search);
    const rows: any[] = [];
    for (const device of devices) {
      rows.push({
        ...setting.rows.device(device),
        patient_id: patients.get(device.patient.reference) ?? '',
        implant_date: dates.get(`Device/${device.id}`) ?? null,
        battery_level: await batteryOf(device, setting.search),
      });
    }
    return rows;
  },
};

export const deviceAlerts: Table = {
  name: 'device_alerts',
  columns: [
    text('alert_id'),
    orNull(text('device_id')),
    text('patient_id'),
    text('alert_type'),
    text('severity'),
    text('message'),
    orNull({ name: 'timestamp', type: 'datetime' }),
    { name: 'acknowledged', type: 'boolean' },
  ],
  sort: 'timestamp',
  type: 'Flag',
  needs: ['Patient', 'Device', 'DetectedIssue'],
  hasTotal: true,
  where: ({ canonical }) => [...isAlert(canonical), ['_include', 'Flag:author'], ['_sort', '-date']],
  filters: {
    device_id: byDevice('author'),
    patient_id: byPatient('patient'),
    alert_id: (value) => [['identifier', escaped(value)]],
  },
  async rowsOf(groups, { all }, setting) {
    const flags = groups.flat();
    const { canonical, rows, search } = setting;
    const issues = await issuesOf(flags, search, canonical);
    const patients = await patientsOf(flags, ({ subject }) => subject, setting);
    return flags.map((flag) =>
      rows.alert(
        flag,
        issues.get(alertIdOf(flag, canonical)),
        all.get(flag.author?.reference),
        patients.get(flag.subject?.reference) ?? '',
      ),
    ) as any;
  },
};
