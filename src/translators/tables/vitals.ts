/** The tables of the device door: healthcare_device_data_reading and healthcare_vital_signs; a row is what was measured at one time, out of several Observations. docs/cardiac.md */
import type { Parameters } from '../../interactions/interaction.ts';
import { measuredAt } from '../cardiac/rows.ts';
import { byDevice, byPatient } from './filters.ts';
import type { Column, Row, Setting, Table } from './table.ts';

const text = (name: string): Column => ({ name, type: 'text', nullable: true });
const whole = (name: string): Column => ({ name, type: 'integer', nullable: true });
const decimal = (name: string): Column => ({ name, type: 'float', nullable: true });

const measured: readonly Column[] = [
  whole('heart_rate'),
  whole('blood_pressure_systolic'),
  whole('blood_pressure_diastolic'),
  decimal('temperature'),
  text('temperature_unit'),
  whole('respiratory_rate'),
  decimal('oxygen_saturation'),
  decimal('glucose'),
  decimal('weight'),
  text('weight_unit'),
  text('notes'),
];

/** Units in the words of the devices. */
const unitWords: Readonly<Record<string, string>> = { '[degF]': 'F', Cel: 'C', '[lb_av]': 'lbs', kg: 'kg' };

/** Field of the payload by what it is coded as. */
function fieldsOf({ spec }: Setting['mapping']): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const { code, value, components = [] } of spec.values())
    for (const part of [...(value ? [{ code, value }] : []), ...components])
      for (const coding of part.code) fields.set(`${coding.system}|${coding.code}`, part.value.field);
  return fields;
}

const fieldOf = (fields: ReadonlyMap<string, string>, { coding = [] }: any = {}): string | undefined =>
  coding.map((one: any) => fields.get(`${one.system}|${one.code}`)).find(Boolean);

/** The fields of a row, as far as its Observations tell. */
function valuesIn(observations: readonly any[], { mapping, canonical }: Setting): Record<string, unknown> {
  const fields = fieldsOf(mapping);
  const values: Record<string, unknown> = {};
  for (const observation of observations) {
    for (const { code, valueQuantity } of [observation, ...(observation.component ?? [])]) {
      const field = valueQuantity && fieldOf(fields, code);
      if (!field) continue;
      values[field] = valueQuantity.value ?? null;
      values[`${field}_unit`] = unitWords[valueQuantity.code] ?? valueQuantity.code ?? null;
    }
    const note = observation.note?.[0]?.text;
    if (note !== undefined) values['notes'] = note;
    const quality = observation.extension?.find(
      ({ url }: any) => url === `${canonical}/StructureDefinition/signal-quality`,
    )?.valueQuantity?.value;
    if (quality !== undefined) values['signal_quality'] = quality;
  }
  return values;
}

const vitalSignId = (observation: any): string | undefined =>
  observation.identifier?.find(({ system }: any) => system?.endsWith('/sid/vital-sign'))?.value;

const group: Table['group'] = {
  time: (one) => `${Date.parse(measuredAt(one) ?? '')}`,
  row: (one) => vitalSignId(one) ?? one.id,
};

const filled = (columns: readonly Column[], values: Row): Row =>
  Object.fromEntries(columns.map(({ name }) => [name, values[name] ?? null]));

/** Of two observations of a reading one may be about the device itself. */
const patientIn = (observations: readonly any[]): string | undefined =>
  observations.map(({ subject }) => subject?.reference).find((one) => one?.startsWith('Patient/'));

const readingColumns: readonly Column[] = [
  text('device_id'),
  { name: 'timestamp', type: 'datetime' },
  ...measured,
  whole('signal_quality'),
  whole('battery_level'),
];

export const deviceDataReading: Table = {
  name: 'healthcare_device_data_reading',
  columns: readingColumns,
  sort: 'timestamp',
  type: 'Observation',
  needs: ['Device'],
  hasTotal: false,
  where: ({ canonical }) => [
    ['identifier', `${canonical}/sid/vital-sign|`],
    ['status:not', 'entered-in-error'],
    ['_include', 'Observation:device'],
    ['_sort', '-date'],
  ],
  filters: { device_id: byDevice('device') },
  group,
  rowsOf: async (groups, { all }, setting) =>
    groups.map((observations) => {
      const [first] = observations;
      const device = all.get(first.device?.reference);
      return filled(readingColumns, {
        ...valuesIn(observations, setting),
        device_id: device ? setting.rows.device(device).device_id : null,
        timestamp: measuredAt(first),
      });
    }),
};

const vitalColumns: readonly Column[] = [
  whole('vital_sign_id'),
  text('patient_id'),
  { name: 'recorded_at', type: 'datetime' },
  { name: 'data_source', type: 'text' },
  text('device_id'),
  text('device_name'),
  text('recorded_by'),
  text('recorded_by_nurse'),
  ...measured,
];

const nameOf = ({ deviceName = [] }: any): string | null =>
  (deviceName.find(({ type }: any) => type === 'user-friendly-name') ?? deviceName[0])?.name ?? null;

/** All that the device door takes for a vital sign, whoever measured it. */
const vitalCodes = ({ spec }: Setting['mapping']): string =>
  [...spec.values()]
    .filter(({ about }) => about !== 'device')
    .map(({ code }) => `${code[0]!.system}|${code[0]!.code}`)
    .join(',');

export const vitalSigns: Table = {
  name: 'healthcare_vital_signs',
  columns: vitalColumns,
  sort: 'recorded_at',
  type: 'Observation',
  needs: ['Patient', 'Device'],
  hasTotal: false,
  where: ({ mapping }) => [
    ['code', vitalCodes(mapping)],
    ['status:not', 'entered-in-error'],
    ['_include', 'Observation:device'],
    ['_sort', '-date'],
  ],
  filters: {
    device_id: byDevice('device'),
    patient_id: byPatient('patient'),
    data_source: (value): Parameters | undefined =>
      value === 'device' || value === 'manual' ? [['device:missing', `${value === 'manual'}`]] : undefined,
  },
  group,
  async rowsOf(groups, { all }, setting) {
    const patients = await setting.patientIds(groups.flatMap((observations) => patientIn(observations) ?? []));
    return groups.map((observations) => {
      const [first] = observations;
      const device = all.get(first.device?.reference);
      const id = vitalSignId(first);
      return filled(vitalColumns, {
        ...valuesIn(observations, setting),
        vital_sign_id: id === undefined ? null : Number(id),
        patient_id: patients.get(patientIn(observations) ?? '') ?? null,
        recorded_at: measuredAt(first),
        data_source: first.device ? 'device' : 'manual',
        device_id: device ? setting.rows.device(device).device_id : null,
        device_name: device ? nameOf(device) : null,
        recorded_by: first.device ? null : (first.performer?.[0]?.reference ?? null),
      });
    });
  },
};
