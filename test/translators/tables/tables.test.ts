/** The tables of the systems before, over the FHIR store: columns, counts, order, pages, CSV and who may read them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';

const base = 'https://example.org/fhir';

let house: TestHouse;
let key: string;
let patient: string;
let implant: string;

const get = (path: string, headers = {}) => house.ask('GET', `/legacy/${path}`, undefined, headers);
const table = async (path: string) => {
  const { status, body, text } = await get(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return body;
};
const made = async (resource: any): Promise<string> => {
  const { status, body, text } = await house.create(resource);
  if (status !== 201) throw new Error(text);
  return `${resource.resourceType}/${body.id}`;
};
const total = async (query: string) => (await house.ask('GET', `/fhir/${query}&_summary=count`)).body.total;
/** All pages. */
const rowsOf = async (path: string): Promise<readonly any[]> => {
  const rows: any[] = [];
  for (let next: string | null = `/legacy/${path}`; next; ) {
    const { body }: any = await house.ask('GET', next);
    rows.push(...body.rows);
    next = body.next;
  }
  return rows;
};

const minute = (i: number) => new Date(Date.parse('2026-11-28T10:00:00Z') + i * 60_000).toISOString();

beforeAll(async () => {
  house = await openHouse();
  patient = await made({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'P123' }] });
  await made({
    resourceType: 'Device',
    identifier: [{ system: 'urn:x', value: 'DEV001' }],
    deviceName: [{ name: 'Smart BP Monitor', type: 'user-friendly-name' }],
    patient: { reference: patient },
  });
  implant = await made({
    resourceType: 'Device',
    identifier: [{ system: `${base}/sid/maker-device/medtronic`, value: 'M-1' }],
    type: { coding: [{ system: `${base}/CodeSystem/cardiac-device-kind`, code: 'pacemaker' }] },
    status: 'active',
    patient: { reference: patient },
  });
  key = await house.deviceKey('DEV001');
  const readings = Array.from({ length: 7 }, (_, i) => ({
    timestamp: minute(i),
    heart_rate: 70 + i,
    blood_pressure_systolic: 120,
    blood_pressure_diastolic: 80,
    ...(i === 0 && { temperature: 98.6, temperature_unit: 'F', weight: 150, weight_unit: 'lbs' }),
    ...(i === 0 && { notes: '=1+1, "quoted"', signal_quality: 95, battery_level: 80 }),
  }));
  const batch = await house.ask(
    'POST',
    '/api/iot/vitals/batch/',
    JSON.stringify({ device_id: 'DEV001', readings }).replace('"weight":150', '"weight":150.0'),
    { authorization: `Bearer ${key}` },
  );
  expect(batch.body).toMatchObject({ processed: 7 });
  await made({
    resourceType: 'Device',
    identifier: [{ system: 'urn:x', value: 'DEV002' }],
    patient: { reference: patient },
  });
  // At a time that the other has a reading of, too.
  const other = { device_id: 'DEV002', timestamp: minute(3), heart_rate: 61, respiratory_rate: 16 };
  const second = { authorization: `Bearer ${await house.deviceKey('DEV002')}` };
  expect((await house.ask('POST', '/api/iot/vitals/', other, second)).status).toBeLessThan(300);
  await made({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: patient },
    effectiveDateTime: '2026-11-27T10:00:00Z',
    valueQuantity: { value: 66, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  });
  await made({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '721344' }] },
    subject: { reference: patient },
    device: { reference: implant },
    effectiveDateTime: '2026-11-29T00:00:00Z',
    valueQuantity: { value: 3.02, unit: 'V', system: 'http://unitsofmeasure.org', code: 'V' },
  });
});
afterAll(() => house.stop());

describe('The tables of the systems before', () => {
  it('have the columns and types of the data models (0-013, 0-014, 0-015)', async () => {
    const columns = async (name: string) =>
      Object.fromEntries((await table(name)).columns.map((one: any) => [one.name, one.type]));
    expect(await columns('device_readings')).toEqual({
      device_id: 'text',
      patient_id: 'text',
      manufacturer: 'text',
      reading_type: 'text',
      value: 'float',
      unit: 'text',
      timestamp: 'datetime',
      device_type: 'text',
      status: 'text',
    });
    expect(await columns('patient_devices')).toEqual({
      device_id: 'text',
      patient_id: 'text',
      manufacturer: 'text',
      model: 'text',
      device_type: 'text',
      implant_date: 'datetime',
      battery_level: 'float',
      status: 'text',
    });
    expect(await columns('device_alerts')).toEqual({
      alert_id: 'text',
      device_id: 'text',
      patient_id: 'text',
      alert_type: 'text',
      severity: 'text',
      message: 'text',
      timestamp: 'datetime',
      acknowledged: 'boolean',
    });
  });

  it('count as the FHIR search does, and hold as many rows (0-013, 0-014)', async () => {
    const readings = await total('Observation?device:missing=false&value-quantity:missing=false');
    expect(readings).toBeGreaterThan(8);
    expect((await table('device_readings?_count=3')).total).toBe(readings);
    expect(await rowsOf('device_readings?_count=3')).toHaveLength(readings);
    expect((await table('device_readings')).rows[0]).toMatchObject({
      device_id: 'M-1',
      patient_id: 'P123',
      manufacturer: 'medtronic',
      reading_type: 'battery_voltage',
      value: 3.02,
    });
    expect((await table('patient_devices')).total).toBe(await total('Device?patient:missing=false'));
    expect((await table('device_alerts')).total).toBe(await total(`Flag?identifier=${base}/sid/alert|`));
  });

  it('answer SELECT * FROM healthcare_device_data_reading WHERE device_id ORDER BY timestamp DESC LIMIT 5, a row per reading (2-091)', async () => {
    const path = 'healthcare_device_data_reading?device_id=DEV001&_sort=-timestamp&_count=5';
    const { rows, next } = await table(path);
    expect(rows.map(({ heart_rate }: any) => heart_rate)).toEqual([76, 75, 74, 73, 72]);
    const rest = (await house.ask('GET', next)).body;
    expect(rest.rows.map(({ heart_rate }: any) => heart_rate)).toEqual([71, 70]);
    expect(rest.next).toBeNull();
    expect(rest.rows[1]).toEqual({
      device_id: 'DEV001',
      timestamp: minute(0),
      heart_rate: 70,
      blood_pressure_systolic: 120,
      blood_pressure_diastolic: 80,
      temperature: 98.6,
      temperature_unit: 'F',
      respiratory_rate: null,
      oxygen_saturation: null,
      glucose: null,
      weight: 150,
      weight_unit: 'lbs',
      notes: '=1+1, "quoted"',
      signal_quality: 95,
      battery_level: 80,
    });
    const all = (await table('healthcare_device_data_reading')).rows;
    expect(all).toHaveLength(8);
    expect(all.filter(({ device_id }: any) => device_id === 'DEV001')).toEqual([...rows, ...rest.rows]);
    for (const count of [1, 3]) expect(await rowsOf(`healthcare_device_data_reading?_count=${count}`)).toEqual(all);
  });

  it('join the device to vital signs in one request, by where they come from (2-093)', async () => {
    const { rows } = await table('healthcare_vital_signs?data_source=device&_sort=-recorded_at&_count=10');
    const ofDoor = rows.filter(({ device_id }: any) => device_id === 'DEV001');
    expect(ofDoor).toHaveLength(7);
    expect(ofDoor[0]).toMatchObject({ device_name: 'Smart BP Monitor', data_source: 'device', patient_id: 'P123' });
    expect(ofDoor[0].vital_sign_id).toBeGreaterThan(0);
    const manual = await table('healthcare_vital_signs?data_source=manual&patient_id=P123');
    expect(manual.rows).toMatchObject([{ heart_rate: 66, data_source: 'manual', device_id: null }]);
    expect((await table('healthcare_vital_signs?patient_id=nobody')).rows).toEqual([]);
  });

  it('tell what devices asked for, refused keys included (2-088, 2-092)', async () => {
    const device = { authorization: `Bearer ${key}` };
    await house.ask('POST', '/api/iot/vitals/', { device_id: 'OTHER', timestamp: minute(0), heart_rate: 70 }, device);
    const wrong = `${key.slice(0, -3)}xyz`;
    await house.ask('GET', '/api/iot/status/', undefined, { authorization: `Bearer ${wrong}` });
    const log = async (query: string) => (await table(`healthcare_device_activity_log?${query}`)).rows;
    const [refused] = await log('_count=1');
    expect(refused).toMatchObject({ device_id: null, api_key: key.slice(0, 12), response_status: 401 });
    expect(refused.error_message).toBe('key wrong');
    const [mismatch, ...older] = await log('device_id=DEV001&_sort=-timestamp&_count=10');
    expect(mismatch).toEqual({
      device_id: 'DEV001',
      api_key: key.slice(0, 12),
      ip_address: '127.0.0.1',
      timestamp: expect.any(String),
      action: expect.any(String),
      response_status: 403,
      error_message: expect.any(String),
    });
    expect(older.some(({ response_status, error_message }: any) => response_status === 200 && !error_message)).toBe(
      true,
    );
  });

  it('come as CSV: a page with a link to the next, or whole; digits kept, formulas harmless', async () => {
    const page = await get('healthcare_device_data_reading?_count=6&format=csv');
    expect(page.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(page.headers.get('link')).toMatch(/^<http.+page=.+>; rel="next"$/);
    const whole = await get('healthcare_device_data_reading', { accept: 'text/csv' });
    const lines = whole.text.split('\r\n');
    expect(lines[0]).toMatch(/^device_id,timestamp,heart_rate,/);
    expect(lines).toHaveLength(10);
    expect(lines[8]).toContain(',150.0,lbs,"\'=1+1, ""quoted""",95,80');
    expect(page.text.split('\r\n')).toEqual([...lines.slice(0, 7), '']);
  });

  it.each([
    ['device_readings?_sort=value', '_sort'],
    ['device_readings?_count=0', '_count'],
    ['device_readings?format=xml', 'format'],
    ['device_readings?page=%7B%7D', 'page'],
    ['device_readings?value=3', undefined],
  ])('refuse %s with 400', async (path, expression) => {
    const { status, body } = await get(path);
    expect(status).toBe(400);
    if (expression) expect(body.issue[0].expression).toEqual([expression]);
  });

  it('are read only, by those who may read what they are made of', async () => {
    expect((await get('users')).status).toBe(404);
    expect((await house.ask('DELETE', '/legacy/device_readings')).status).toBe(405);
    expect((await get('device_readings', { authorization: '' })).status).toBe(401);
    for (const name of ['device_readings', 'healthcare_device_activity_log'])
      expect((await get(name, { authorization: `Bearer ${key}` })).status).toBe(403);
  });
});
