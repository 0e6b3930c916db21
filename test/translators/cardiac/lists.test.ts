/** The lists of a patient: digits, filters, pages, names of patients, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';

const base = 'https://example.org/fhir';
const MDC = 'urn:iso:std:iso:11073:10101';

let house: TestHouse;
let patient: string;

const get = (path: string, headers = {}) => house.ask('GET', `/cardiac/patients/${path}`, undefined, headers);
const made = async (resource: any): Promise<string> => {
  const { status, body, text } = await house.create(resource);
  if (status !== 201) throw new Error(text);
  return `${resource.resourceType}/${body.id}`;
};
const isDevice = (id: string, kind: string, more = {}) => ({
  resourceType: 'Device',
  identifier: [{ system: `${base}/sid/maker-device/medtronic`, value: id }],
  type: { coding: [{ system: `${base}/CodeSystem/cardiac-device-kind`, code: kind }] },
  status: 'active',
  patient: { reference: patient },
  ...more,
});
const isReading = (device: string, code: object, value: string, unit: string, at: string): string =>
  JSON.stringify({
    resourceType: 'Observation',
    status: 'final',
    code,
    subject: { reference: patient },
    device: { reference: device },
    effectiveDateTime: at,
    valueQuantity: { value: 0, unit, system: 'http://unitsofmeasure.org', code: unit },
  }).replace('"value":0', `"value":${value}`);
const mdc = (code: string) => ({ coding: [{ system: MDC, code }] });

const readings = async (query: string): Promise<readonly any[]> => {
  const { status, body, text } = await get(`P-1/readings?${query}`);
  if (status !== 200) throw new Error(text);
  return body.readings;
};

beforeAll(async () => {
  house = await openHouse();
  patient = await made({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'P-1' }] });
  const [icd, crt] = [
    await made(isDevice('M-1', 'icd', { modelNumber: 'DDBB' })),
    await made(isDevice('M-2', 'crt-d')),
  ];
  await made(isDevice('L-1', 'lead'));
  await made({
    resourceType: 'DeviceUseStatement',
    status: 'active',
    subject: { reference: patient },
    device: { reference: crt },
    timingPeriod: { start: '2021-07' },
  });
  for (const reading of [
    isReading(
      icd,
      { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      '98.0',
      '/min',
      '2026-01-01T00:00:00Z',
    ),
    isReading(icd, mdc('722433'), '0.30000000000000004', 'Ohm', '2026-01-02T01:00:00+02:00'),
    isReading(icd, mdc('722624'), '55', 'Ohm', '2026-01-03T00:00:00Z'),
    isReading(crt, mdc('721536'), '75.50', '%', '2026-01-04T00:00:00Z'),
    isReading(crt, { text: 'lunar_phase' }, '3', '1', '2026-01-05T00:00:00Z'),
  ])
    expect((await house.ask('POST', '/fhir/Observation', reading)).status).toBe(201);
  // Not a reading: the interrogation as a whole.
  await made({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'IDCO' },
    subject: { reference: patient },
    device: { reference: icd },
    component: [{ code: mdc('721344'), valueQuantity: { value: 3 } }],
  });
});
afterAll(() => house.stop());

describe('The lists of a patient', () => {
  it('have devices without leads, dates as precise as told, null for a battery that nobody reported (0-037, 0-040, 0-041)', async () => {
    const { body, text } = await get('P-1/devices');
    expect(body.total).toBe(2);
    expect(body.devices.find((one: any) => one.device_id === 'M-1')).toEqual({
      device_id: 'M-1',
      patient_id: 'P-1',
      manufacturer: 'medtronic',
      model: 'DDBB',
      device_type: 'icd',
      implant_date: null,
      battery_level: null,
      status: 'active',
    });
    const crt = body.devices.find((one: any) => one.device_id === 'M-2');
    expect(crt).toMatchObject({ device_type: 'crt', implant_date: '2021-07', model: null });
    expect(text).toContain('"battery_level":75.50');
  });

  it('have readings newest first, one name for a code, digits and zones as they came (0-033, 0-034, 0-035, 0-036)', async () => {
    const { text, body } = await get('P-1/readings');
    expect(body.readings.map(({ reading_type }: any) => reading_type)).toEqual([
      'lunar_phase',
      'battery_level',
      'lead_impedance',
      'lead_impedance',
      'heart_rate',
    ]);
    expect(body).toMatchObject({ patient_id: 'P-1', total: 5, next: null });
    for (const digits of ['"value":98.0,', '"value":0.30000000000000004,', '"value":75.50,'])
      expect(text).toContain(digits);
    expect(body.readings[3]).toMatchObject({ timestamp: '2026-01-02T01:00:00+02:00', unit: 'Ohm', device_id: 'M-1' });
  });

  it.each([
    ['type=lead_impedance', 2],
    ['type=heart_rate', 1],
    ['type=lunar_phase', 1],
    ['type=unheard_of', 0],
    ['device_id=M-2', 2],
    ['device_id=M-2&type=heart_rate', 0],
    ['device_id=nobodys', 0],
    ['from=2026-01-04', 2],
    ['to=2026-01-01T23:30:00Z', 2],
    ['from=2026-01-03&to=2026-01-04', 2],
  ])('are narrowed by %s (0-024)', async (query, count) => {
    expect(await readings(query)).toHaveLength(count);
  });

  it('come in pages that hold each reading once, the filters kept in the link (0-024)', async () => {
    const whole = await readings('limit=1000');
    const seen: any[] = [];
    let next: string | null = '/cardiac/patients/P-1/readings?limit=2&from=2026';
    for (let pages = 0; next; pages++) {
      const { body }: any = await house.ask('GET', next);
      expect(body.total).toBe(5);
      seen.push(...body.readings);
      next = body.next;
      expect(pages).toBeLessThan(3);
    }
    expect(seen).toEqual(whole);
  });

  it.each([
    ['readings?limit=0', 'limit'],
    ['readings?limit=1001', 'limit'],
    ['readings?from=yesterday', 'from'],
    ['readings?type=', 'type'],
    ['readings?type=a&type=b', 'type'],
    ['alerts?status=closed', 'status'],
    ['readings?page=xyz', undefined],
    ['readings?patient=Patient/2', undefined],
    ['devices?type=icd', undefined],
  ])('refuse %s with 400', async (path, expression) => {
    const { status, body } = await get(`P-1/${path}`);
    expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
    if (expression) expect(body.issue[0].expression).toEqual([expression]);
  });

  it('know the patient by any identifier, with its system where two have it, and whom one was merged into (0-031)', async () => {
    const other = await made({ resourceType: 'Patient', identifier: [{ system: 'urn:other', value: 'P-1' }] });
    const both = await get('P-1/readings');
    expect([both.status, both.body.issue[0].code]).toEqual([409, 'multiple-matches']);
    expect((await get(`${encodeURIComponent('urn:mrn|P-1')}/readings`)).body).toMatchObject({
      patient_id: 'P-1',
      total: 5,
    });
    expect((await get(`${encodeURIComponent('urn:other|P-1')}/readings`)).body.total).toBe(0);
    await house.update({
      resourceType: 'Patient',
      id: other.split('/')[1],
      identifier: [{ system: 'urn:other', value: 'P-1' }],
      active: false,
      link: [{ type: 'replaced-by', other: { reference: patient } }],
    });
    expect((await get('P-1/readings')).body.total).toBe(5);
    expect((await get(`${encodeURIComponent('urn:other|P-1')}/readings`)).body.total).toBe(5);
    expect((await get('P,1/readings')).status).toBe(404);
  });

  it('answer with a slash at the end, to GET alone, in one case (as the device door)', async () => {
    expect((await get('P-1/devices/')).status).toBe(200);
    const posted = await house.ask('POST', '/cardiac/patients/P-1/devices', {});
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await house.ask('GET', '/cardiac/Patients/P-1/devices')).status).toBe(404);
  });

  it('are in the trail as the searches that they are, with the patient (0-144)', async () => {
    await get('P-1/readings');
    const [row] = await house.search('AuditEvent?subtype=search-type&_count=1');
    expect(row.entity.some(({ what }: any) => what?.reference === patient)).toBe(true);
  });

  it('say that nobody can be asked where no maker is set up (0-026)', async () => {
    const { status, body } = await house.ask('POST', '/cardiac/patients/P-1/ingest');
    expect([status, body.issue[0].code]).toEqual([409, 'business-rule']);
    expect((await house.ask('POST', '/cardiac/patients/P-9/ingest')).status).toBe(404);
  });
});
