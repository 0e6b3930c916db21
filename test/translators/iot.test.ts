import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse, together } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

let count = 0;
/** A device of its own with a patient of its own, and what it can say. */
async function device({ birthDate, isAssigned = true }: { birthDate?: string; isAssigned?: boolean } = {}) {
  const n = ++count;
  const id = `d${n}`;
  const deviceId = `DEV${n}`;
  const patient = `Patient/p${n}`;
  await house.update({ resourceType: 'Patient', id: `p${n}`, ...(birthDate ? { birthDate } : {}) });
  const resource = {
    resourceType: 'Device',
    id,
    status: 'active',
    identifier: [{ system: 'urn:device', value: deviceId }],
    deviceName: [{ name: 'Smart BP Monitor', type: 'user-friendly-name' }],
    type: { text: 'Blood Pressure Monitor' },
  };
  await house.update({ ...resource, ...(isAssigned ? { patient: { reference: patient } } : {}) });
  const key = await house.deviceKey(deviceId);
  const authorization = `Bearer ${key}`;
  const ask = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    house.ask('POST', `/api/iot/${path}`, body, { authorization, ...headers });
  return {
    id,
    deviceId,
    patient,
    resource,
    key,
    authorization,
    post: (reading: object, headers?: Record<string, string>) =>
      ask('vitals/', { device_id: deviceId, timestamp: ago(1), ...reading }, headers),
    postText: (text: string, headers?: Record<string, string>) => ask('vitals/', text, headers),
    batch: (readings: readonly unknown[], headers?: Record<string, string>) =>
      ask('vitals/batch/', { device_id: deviceId, readings }, headers),
    status: (path = 'status/') => house.ask('GET', `/api/iot/${path}`, undefined, { authorization }),
    observations: () => house.search(`Observation?patient=p${n}&_sort=date`),
    flags: () => house.search(`Flag?patient=p${n}`),
    issues: () => house.search(`DetectedIssue?patient=p${n}`),
  };
}

const MINUTE = 60_000;
/** An instant of some minutes ago, as devices write it. */
const ago = (minutes: number) => `${new Date(Date.now() - minutes * MINUTE).toISOString().slice(0, 19)}Z`;
const outcome = ({ status, body }: Answer) => [status, body.error ?? body.success];

const seedReading = {
  heart_rate: 75,
  blood_pressure_systolic: 120,
  blood_pressure_diastolic: 80,
  temperature: 98.6,
  temperature_unit: 'F',
  respiratory_rate: 16,
  oxygen_saturation: 98.0,
  glucose: 95.0,
  weight: 150.0,
  weight_unit: 'lbs',
  notes: 'Morning reading',
  signal_quality: 95,
  battery_level: 80,
};

describe('one reading', () => {
  it('is answered in the words of the device and raises no alert where all is normal (2-001, 2-008, 2-016 to 2-030, 2-031, 2-032, 2-034)', async () => {
    const one = await device();
    const timestamp = ago(5);
    const { status, body } = await one.post({ ...seedReading, timestamp });

    expect(status).toBe(201);
    expect(body).toEqual({
      success: true,
      message: 'Vital signs received successfully',
      vital_sign_id: expect.any(Number),
      alerts_triggered: 0,
      timestamp,
    });
    const observations = await one.observations();
    expect(observations).toHaveLength(7);
    const number = { system: 'https://example.org/fhir/sid/vital-sign', value: String(body.vital_sign_id) };
    for (const observation of observations) expect(observation.identifier).toContainEqual(number);
    const found = await house.search(`Observation?identifier=${number.system}|${number.value}`);
    expect(found).toHaveLength(8); // with the battery's, which is about the device
    expect(await one.flags()).toEqual([]);
  });

  it('keeps its digits and its timestamp as sent (2-024, 2-035)', async () => {
    const one = await device();
    const timestamp = `${new Date(Date.now() - MINUTE).toISOString().slice(0, 19)}.123456Z`;
    const text = `{"device_id":"${one.deviceId}","timestamp":"${timestamp}","oxygen_saturation": 98.0}`;

    expect(outcome(await one.postText(text))).toEqual([201, true]);
    const [{ id, effectiveDateTime }] = await one.observations();
    expect(effectiveDateTime).toBe(timestamp);
    expect((await house.read(`Observation/${id}`)).text).toContain('"value":98.0,');
  });

  it('is taken with and without the trailing slash, and with members that are null (2-013)', async () => {
    const one = await device();
    const body = { device_id: one.deviceId, timestamp: ago(3), heart_rate: 70, glucose: null, notes: null };

    const answer = await house.ask('POST', '/api/iot/vitals', body, { authorization: one.authorization });
    expect(outcome(answer)).toEqual([201, true]);
    expect(await one.observations()).toHaveLength(1);
  });

  it('names the members that it could make nothing of', async () => {
    const one = await device();

    expect((await one.post({ heart_rate: 70, mood: 'good', weight_unit: 'kg' })).body.ignored).toEqual([
      'mood',
      'weight_unit',
    ]);
  });

  it('has integers for ids that no other reading has, over concurrent writers (2-033)', async () => {
    const devices = await together(8, () => device());
    const answers = await Promise.all(
      devices.flatMap((one) => [2, 3, 4].map((minutes) => one.post({ heart_rate: 70, timestamp: ago(minutes) }))),
    );
    const ids = answers.map(({ body }) => body.vital_sign_id);

    expect(ids.every(Number.isInteger)).toBe(true);
    expect(new Set(ids).size).toBe(24);
  });
});

describe('the same reading again', () => {
  it('is a repeat: 200, the first id, nothing written (2-102)', async () => {
    const one = await device();
    const reading = { ...seedReading, timestamp: ago(5) };
    const first = await one.post(reading);
    const again = await one.post(reading);

    expect([again.status, again.body.vital_sign_id]).toEqual([200, first.body.vital_sign_id]);
    expect(Object.keys(again.body)).toEqual(Object.keys(first.body));
    for (const observation of await one.observations()) expect(observation.meta.versionId).toBe('1');
  });

  it('is a repeat with other digits for the same numbers, and no repeat with another unit', async () => {
    const one = await device();
    const timestamp = ago(5);
    const text = `{"device_id":"${one.deviceId}","timestamp":"${timestamp}","weight":98.0,"weight_unit":"kg"}`;
    await one.postText(text);
    expect((await one.postText(text.replace('98.0', '98'))).status).toBe(200);
    const [{ id }] = await one.observations();
    expect((await house.read(`Observation/${id}`)).text).toContain('"value":98.0,');
    expect((await one.postText(text.replace('kg', 'lbs'))).status).toBe(201);
    expect((await one.observations())[0]).toMatchObject({ status: 'corrected', meta: { versionId: '2' } });
  });

  it('is stored once however many send it at once', async () => {
    const one = await device();
    const reading = { heart_rate: 150, timestamp: ago(5) };
    const answers = await together(16, () => one.post(reading));

    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(15).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => body.vital_sign_id)).size).toBe(1);
    expect(answers.reduce((sum, { body }) => sum + body.alerts_triggered, 0)).toBe(1);
    expect(await one.observations()).toHaveLength(1);
    expect(await one.flags()).toHaveLength(1);
  });

  it('writes what is added, under the same id (2-019, 2-020)', async () => {
    const one = await device();
    const timestamp = ago(5);
    const first = await one.post({ heart_rate: 70, blood_pressure_systolic: 118, timestamp });
    const more = await one.post({ respiratory_rate: 15, blood_pressure_diastolic: 79, timestamp });

    expect([more.status, more.body.vital_sign_id]).toEqual([201, first.body.vital_sign_id]);
    const observations = await one.observations();
    expect(observations.map(({ meta, status }) => `${meta.versionId} ${status}`).sort()).toEqual([
      '1 final',
      '1 final',
      '2 amended',
    ]);
    const pressure = observations.find(({ component }) => component);
    expect(pressure.component.map(({ valueQuantity }: any) => valueQuantity.value)).toEqual([118, 79]);
  });

  it('with another value is a correction, evaluated again', async () => {
    const one = await device();
    const timestamp = ago(5);
    const first = await one.post({ heart_rate: 70, glucose: 95, timestamp });
    const corrected = await one.post({ heart_rate: 140, glucose: 95, timestamp });

    expect(corrected.status).toBe(201);
    expect(corrected.body).toMatchObject({ vital_sign_id: first.body.vital_sign_id, alerts_triggered: 1 });
    const observations = await one.observations();
    expect(observations.map(({ meta, status }) => `${meta.versionId} ${status}`).sort()).toEqual([
      '1 final',
      '2 corrected',
    ]);
    expect((await one.post({ heart_rate: 140, glucose: 95, timestamp })).status).toBe(200);
  });

  it('leaves standing what somebody else wrote, says so once and keeps what the device sent', async () => {
    const one = await device();
    const timestamp = ago(5);
    const first = await one.post({ heart_rate: 70, timestamp });
    const [observation] = await one.observations();
    await house.update({ ...observation, status: 'amended', note: [{ text: 'checked by hand' }] });
    const again = await together(2, () => one.post({ heart_rate: 71, timestamp }));

    for (const { status, body } of again) {
      expect([status, body.vital_sign_id]).toEqual([200, first.body.vital_sign_id]);
    }
    expect((await one.observations())[0]).toMatchObject({ meta: { versionId: '2' }, status: 'amended' });
    const issues = await one.issues();
    expect(issues).toHaveLength(1);
    expect(issues[0].contained[0].valueQuantity.value).toBe(71);
    expect(issues[0].implicated).toEqual([{ reference: `Observation/${observation.id}` }]);
  });

  it('leaves a deletion standing and says so once', async () => {
    const one = await device();
    const reading = { heart_rate: 70, timestamp: ago(5) };
    const first = await one.post(reading);
    const [observation] = await one.observations();
    await house.remove(`Observation/${observation.id}`);

    for (let i = 0; i < 2; i++) {
      const again = await one.post(reading);
      expect([again.status, again.body.vital_sign_id]).toEqual([200, first.body.vital_sign_id]);
    }
    expect((await house.read(`Observation/${observation.id}`)).status).toBe(410);
    expect(await one.issues()).toHaveLength(1);
  });

  it('of another device is that device\u2019s own', async () => {
    const [one, other] = [await device(), await device()];
    const reading = { heart_rate: 70, timestamp: ago(5) };
    const answers = [await one.post(reading), await other.post(reading)];

    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect((await other.observations())[0].id).not.toBe((await one.observations())[0].id);
  });
});

describe('a refusal', () => {
  const refusals: readonly (readonly [string, object, number, string])[] = [
    ['no vital sign', { battery_level: 80, notes: 'x' }, 400, 'No vital sign measurements provided'],
    ['a string for a number', { heart_rate: '75' }, 400, 'heart_rate must be an integer'],
    ['a fraction for an integer', { heart_rate: 75.5 }, 400, 'heart_rate must be an integer'],
    ['a string for a decimal', { glucose: 'high' }, 400, 'glucose must be a number'],
    ['a number for notes', { heart_rate: 75, notes: 1 }, 400, 'notes must be a string'],
    ['a temperature without its unit', { temperature: 98.6 }, 400, 'temperature_unit is required with temperature'],
    ['a weight without its unit', { weight: 150 }, 400, 'weight_unit is required with weight'],
    ['an unknown unit', { temperature: 98.6, temperature_unit: 'K' }, 400, 'temperature_unit must be F or C'],
    ['a unit named like a built-in', { weight: 70, weight_unit: 'constructor' }, 400, 'weight_unit must be lbs or kg'],
    ['no timestamp', { heart_rate: 75, timestamp: null }, 400, 'Missing required fields (timestamp)'],
    ['no device', { heart_rate: 75, device_id: null }, 400, 'Missing required fields (device_id)'],
    ['Fahrenheit sent as Celsius', { temperature: 98.6, temperature_unit: 'C' }, 422, 'temperature is implausible'],
    ['a negative heart rate', { heart_rate: -5 }, 422, 'heart_rate is implausible'],
    ['a heart rate that cannot be', { heart_rate: 9999 }, 422, 'heart_rate is implausible'],
    ['a signal of 101 %', { heart_rate: 75, signal_quality: 101 }, 422, 'signal_quality must be from 0 to 100'],
    [
      'diastolic not below systolic',
      { blood_pressure_systolic: 80, blood_pressure_diastolic: 80 },
      422,
      'blood_pressure_systolic must be greater than blood_pressure_diastolic',
    ],
  ];

  it.each(refusals)('of %s (2-018 to 2-030, 2-096, 2-097, 2-100)', async (_what, reading, status, error) => {
    const one = await device();
    const answer = await one.post(reading);

    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ success: false, error: expect.stringContaining(error) });
    expect(await one.observations()).toEqual([]);
  });

  it.each([
    ['2025-11-17T10:30:00'],
    ['2025-11-17'],
    ['2025-02-30T10:30:00Z'],
    ['2025-11-17T24:00:00Z'],
    ['2025-11-17 10:30:00Z'],
    ['yesterday'],
    [1_763_375_400],
  ])('of the timestamp %s', async (timestamp) => {
    const one = await device();

    expect((await one.post({ heart_rate: 75, timestamp })).status).toBe(400);
  });

  it('of a timestamp more than five minutes ahead, and not of one four minutes ahead (2-017)', async () => {
    const one = await device();

    expect((await one.post({ heart_rate: 75, timestamp: ago(-6) })).status).toBe(400);
    expect((await one.post({ heart_rate: 75, timestamp: ago(-4) })).status).toBe(201);
  });

  it('of diastolic pressure that comes later and is not below systolic', async () => {
    const one = await device();
    const timestamp = ago(5);
    await one.post({ blood_pressure_systolic: 110, timestamp });

    expect((await one.post({ blood_pressure_diastolic: 115, timestamp })).status).toBe(422);
  });

  it('of what is not JSON, in the seed\u2019s words (2-036, 2-100)', async () => {
    const one = await device();

    for (const text of ['{', '[]', '"x"', '{"a":1,"a":2}', '{"__proto__":{}}']) {
      expect(outcome(await one.postText(text))).toEqual([400, 'Invalid JSON format']);
    }
  });

  it('of another content type with 415 and of another method with 405 (2-015)', async () => {
    const one = await device();
    const asText = await one.post({ heart_rate: 75 }, { 'content-type': 'text/plain' });
    const get = await house.ask('GET', '/api/iot/vitals/', undefined, { authorization: one.authorization });
    const put = await house.ask('POST', '/api/iot/status', {}, { authorization: one.authorization });

    expect([asText.status, get.status, get.headers.get('allow'), put.status]).toEqual([415, 405, 'POST', 405]);
  });

  it('of a device that is assigned to nobody (2-003, 2-009, 2-100)', async () => {
    const one = await device({ isAssigned: false });

    expect(outcome(await one.post({ heart_rate: 75 }))).toEqual([400, 'Device not assigned to patient']);
  });

  it('of a device that was deleted (2-100)', async () => {
    const one = await device();
    await house.remove(`Device/${one.id}`);

    expect(outcome(await one.post({ heart_rate: 75 }))).toEqual([400, 'Device not found in system']);
  });

  it('of a key that is unknown, expired or missing, always in the same words (2-014, 2-098)', async () => {
    const one = await device();
    const keys = ['Bearer wfk_aaaaaaaa_wrong', `Bearer ${one.key}x`, `bearer nonsense`, ''];
    for (const authorization of keys) {
      const answer = await one.post({ heart_rate: 75 }, { authorization });
      expect([answer.status, answer.body]).toEqual([401, { success: false, error: 'Invalid API key' }]);
    }
    const status = await house.ask('GET', '/api/iot/status/', undefined, { authorization: 'Bearer no' });
    expect(outcome(status)).toEqual([401, 'Invalid API key']);
  });

  it('of another device\u2019s id, of a key that may not write, and of the administrator (2-003, 2-085, 2-099)', async () => {
    const [one, other] = [await device(), await device()];
    const readOnly = await house.deviceKey(one.deviceId, { permissions: ['can_read_patient'] });
    const answers = [
      await one.post({ heart_rate: 75, device_id: other.deviceId }),
      await one.post({ heart_rate: 75 }, { authorization: `Bearer ${readOnly}` }),
      await one.post({ heart_rate: 75 }, { authorization: `Bearer ${house.adminToken}` }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(new Set(answers.map(({ body }) => body.error)).size).toBe(1);
  });

  it('of a device_id that the Device bears no longer, even for a repeat; its key goes on under the new one', async () => {
    const one = await device();
    const reading = { heart_rate: 75, timestamp: ago(5) };
    expect((await one.post(reading)).status).toBe(201);
    const renamed = `${one.deviceId}-B`;
    const identifier = [{ system: 'urn:device', value: renamed }];
    await house.update({ ...one.resource, identifier, patient: { reference: one.patient } });

    expect((await one.post(reading)).status).toBe(403);
    expect((await one.batch([reading])).status).toBe(403);
    expect((await one.post({ ...reading, device_id: renamed })).status).toBe(200);
    expect((await one.post({ heart_rate: 75, device_id: renamed })).status).toBe(201);
    expect((await one.status()).body.device_id).toBe(renamed);
  });

  it('is an OperationOutcome for clients that ask for FHIR (2-036)', async () => {
    const one = await device();
    const { status, body, headers } = await one.post({}, { accept: 'application/fhir+json' });

    expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
    expect(headers.get('content-type')).toContain('application/fhir+json');
  });
});

describe('a batch', () => {
  it('raises exactly one alert for the seed\u2019s example (2-039 to 2-044)', async () => {
    const one = await device();
    const { status, body } = await one.batch([
      { timestamp: ago(120), heart_rate: 75, blood_pressure_systolic: 120, blood_pressure_diastolic: 80 },
      { timestamp: ago(60), heart_rate: 78, blood_pressure_systolic: 122, blood_pressure_diastolic: 81 },
    ]);
    const [first] = body.vitals_created;

    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      message: 'Batch submitted successfully',
      total_readings: 2,
      processed: 2,
      failed: 0,
      vitals_created: [first, expect.any(Number)],
      alerts_triggered: 1,
    });
    expect(body.vitals_created[1]).toBeGreaterThan(first);
  });

  it('stores what it can and names what it cannot (2-041, 2-042, 2-043)', async () => {
    const one = await device();
    const readings: unknown[] = [1, 2, 3, 4].map((minutes) => ({ timestamp: ago(minutes), heart_rate: 70 }));
    readings.splice(1, 0, { timestamp: ago(9), heart_rate: 999 }, 'x', {
      timestamp: ago(8),
      device_id: 'OTHER',
      heart_rate: 1,
    });
    readings.push(readings[0]);
    const { status, body } = await one.batch(readings);

    expect(status).toBe(200);
    expect(body).toMatchObject({ total_readings: 8, processed: 5, failed: 3, duplicates: 1 });
    expect(body.errors.map(({ index }: any) => index)).toEqual([1, 2, 3]);
    expect(body.vitals_created[4]).toBe(body.vitals_created[0]);
    expect(await one.observations()).toHaveLength(4);
  });

  it('of which nothing could be processed is 422 in the same shape', async () => {
    const one = await device();
    const { status, body } = await one.batch([{ timestamp: ago(1) }]);

    expect(status).toBe(422);
    expect(body).toMatchObject({ success: false, total_readings: 1, processed: 0, failed: 1, vitals_created: [] });
  });

  it('may be empty or too large for nobody (2-038, 2-040)', async () => {
    const one = await device();
    const many = Array.from({ length: 10_000 }, () => ({ timestamp: ago(1), heart_rate: 70 }));

    expect((await one.batch([])).status).toBe(400);
    expect((await one.batch(many.slice(0, 1_001))).status).toBe(413);
    expect((await one.batch(many)).status).toBe(413);
    const without = await house.ask(
      'POST',
      '/api/iot/vitals/batch',
      { device_id: one.deviceId },
      { authorization: one.authorization },
    );
    expect(without.status).toBe(400);
  });

  it('of a day offline lands in order (2-103)', async () => {
    const one = await device();
    const readings = Array.from({ length: 200 }, (_, i) => ({ timestamp: ago(1_440 - i), heart_rate: 60 + (i % 40) }));
    const { body } = await one.batch(readings);

    expect(body.processed).toBe(200);
    expect([...body.vitals_created].sort((a, b) => a - b)).toEqual(body.vitals_created);
    expect((await one.status()).body.last_reading).toBe(readings.at(-1)!.timestamp);
  });
});

describe('the status of a device', () => {
  it('has the nine members that devices know (2-045, 2-046)', async () => {
    const one = await device();
    const newest = ago(1);
    await one.post({ heart_rate: 70, timestamp: newest });
    await one.post({ heart_rate: 70, timestamp: ago(60) });

    for (const path of ['status/', 'status']) {
      expect((await one.status(path)).body).toEqual({
        success: true,
        device_id: one.deviceId,
        device_name: 'Smart BP Monitor',
        device_type: 'Blood Pressure Monitor',
        is_active: true,
        patient_assigned: true,
        patient_id: one.patient.slice('Patient/'.length),
        api_key_valid: true,
        last_reading: newest,
      });
    }
  });

  it('names the patient by number to a key that may read the patient, and to no other (2-046)', async () => {
    const one = await device();
    const id = one.patient.slice('Patient/'.length);
    await house.update({ resourceType: 'Patient', id, identifier: [{ system: 'urn:mrn', value: 'P123' }] });
    const told = async (permissions: readonly string[]) => {
      const authorization = `Bearer ${await house.deviceKey(one.deviceId, { permissions })}`;
      return (await house.ask('GET', '/api/iot/status/', undefined, { authorization })).body.patient_id;
    };

    expect(await told(['can_write_vitals', 'can_read_patient'])).toBe('P123');
    expect(await told(['can_write_vitals'])).toBe(id);
  });

  it('says that nobody is assigned and nothing was read (2-045)', async () => {
    const one = await device({ isAssigned: false });

    expect((await one.status()).body).toMatchObject({ patient_assigned: false, patient_id: null, last_reading: null });
  });
});

describe('assignments', () => {
  it('a reading belongs to the patient of its own time: the first assignment reaches back', async () => {
    const one = await device();
    const other = await device({ isAssigned: false });
    await one.post({ heart_rate: 70, timestamp: '2020-01-01T00:00:00Z' });
    await house.update({ ...one.resource, patient: { reference: other.patient } });
    await one.post({ heart_rate: 71, timestamp: ago(10) });
    await one.post({ heart_rate: 72, timestamp: ago(-1) });

    expect((await one.observations()).map(({ valueQuantity }) => valueQuantity.value)).toEqual([70, 71]);
    expect((await other.observations()).map(({ valueQuantity }) => valueQuantity.value)).toEqual([72]);
    const statements = await house.search(`DeviceUseStatement?device=${one.id}`);
    expect(statements.map(({ status }) => status).sort()).toEqual(['active', 'completed']);
    expect(statements.find(({ status }) => status === 'completed').timingPeriod).toEqual({ end: expect.any(String) });
    expect(statements.find(({ status }) => status === 'active').timingPeriod).toEqual({ start: expect.any(String) });
  });

  it('nobody has the readings of a time between two assignments', async () => {
    const one = await device();
    const [{ id }] = await house.search(`DeviceUseStatement?device=${one.id}`);
    await house.update({ ...one.resource });
    await house.update({ ...(await house.read(`DeviceUseStatement/${id}`)).body, timingPeriod: { end: ago(60) } });

    expect(outcome(await one.post({ heart_rate: 70, timestamp: ago(30) }))).toEqual([
      400,
      'Device not assigned to patient',
    ]);
    expect((await one.post({ heart_rate: 70, timestamp: ago(90) })).status).toBe(201);
  });

  it('a client\u2019s DeviceUseStatement assigns, moves and ends like a change of the Device', async () => {
    const one = await device({ isAssigned: false });
    const statement = {
      resourceType: 'DeviceUseStatement',
      id: `use-${one.id}`,
      status: 'active',
      subject: { reference: one.patient },
      device: { reference: `Device/${one.id}` },
      timingPeriod: { start: ago(60) },
    };
    await house.update(statement);
    expect((await one.post({ heart_rate: 70, timestamp: ago(61) })).status).toBe(400);
    expect((await one.post({ heart_rate: 70, timestamp: ago(59) })).status).toBe(201);

    await house.update({ ...statement, timingPeriod: { start: ago(90) } });
    expect((await one.post({ heart_rate: 70, timestamp: ago(61) })).status).toBe(201);

    await house.remove(`DeviceUseStatement/${statement.id}`);
    expect((await one.post({ heart_rate: 70, timestamp: ago(58) })).status).toBe(400);
  });
});
