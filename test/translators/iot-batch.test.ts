import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

let count = 0;
async function device() {
  const n = ++count;
  const [id, deviceId, patient] = [`b${n}`, `BATCH${n}`, `Patient/b${n}`];
  await house.update({ resourceType: 'Patient', id: `b${n}` });
  const identifier = [{ system: 'urn:device', value: deviceId }];
  await house.update({ resourceType: 'Device', id, identifier, patient: { reference: patient } });
  const key = await house.deviceKey(deviceId);
  const authorization = `Bearer ${key}`;
  const ask = (path: string, body: unknown) => house.ask('POST', `/api/iot/${path}`, body, { authorization });
  return {
    id,
    deviceId,
    patient,
    key,
    post: (reading: object) => ask('vitals/', { device_id: deviceId, ...reading }),
    batch: (readings: readonly object[], more: object = {}, query = '') =>
      ask(`vitals/batch/${query}`, { device_id: deviceId, readings, ...more }),
    observations: () => house.search(`Observation?patient=b${n}&_sort=date&_count=500`),
    flags: () => house.search(`Flag?patient=b${n}`),
    issues: () => house.search(`DetectedIssue?patient=b${n}`),
  };
}

const MINUTE = 60_000;
const ago = (minutes: number) => `${new Date(Date.now() - minutes * MINUTE).toISOString().slice(0, 19)}Z`;
const good = (minutes: number) => ({ timestamp: ago(minutes), heart_rate: 70 });

describe('an atomic batch', () => {
  it('is stored as a whole, told by query or by member (2-037)', async () => {
    const one = await device();
    const answers = [
      await one.batch([good(4), good(3)], {}, '?mode=atomic'),
      await one.batch([good(2), good(1)], { mode: 'atomic' }),
    ];

    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body).toEqual({
        success: true,
        message: 'Batch submitted successfully',
        total_readings: 2,
        processed: 2,
        failed: 0,
        vitals_created: [expect.any(Number), expect.any(Number)],
        alerts_triggered: 0,
      });
    }
    expect(await one.observations()).toHaveLength(4);
  });

  it('stores nothing where one reading is refused, and names it (2-037, 2-041)', async () => {
    const one = await device();
    const cannotBe = { timestamp: ago(3), heart_rate: 999 };
    for (const bad of [cannotBe, { timestamp: ago(3) }]) {
      const { status, body } = await one.batch([good(4), bad, good(2)], {}, '?mode=atomic');

      expect(status).toBe(422);
      expect(body).toMatchObject({ success: false, total_readings: 3, processed: 0, failed: 3, vitals_created: [] });
      expect(body.errors.map(({ index }: any) => index)).toEqual([1]);
    }
    expect(await one.observations()).toEqual([]);
  });

  it('names every reading that is refused, whichever way it is', async () => {
    const one = await device();
    const [{ id }] = await house.search(`DeviceUseStatement?device=${one.id}`);
    const statement = (await house.read(`DeviceUseStatement/${id}`)).body;
    await house.update({ ...statement, timingPeriod: { start: ago(60) } });
    const words = { timestamp: ago(5), heart_rate: '70' };
    const cannotBe = { timestamp: ago(3), heart_rate: 999 };
    const { status, body } = await one.batch([words, good(4), cannotBe, good(90)], { mode: 'atomic' });

    expect(status).toBe(422);
    expect(body.errors.map(({ index }: any) => index)).toEqual([0, 2, 3]);
    expect(await one.observations()).toEqual([]);
  });

  it('stores nothing where one reading is of a time at which nobody had the device', async () => {
    const one = await device();
    const [{ id }] = await house.search(`DeviceUseStatement?device=${one.id}`);
    const statement = (await house.read(`DeviceUseStatement/${id}`)).body;
    await house.update({ ...statement, timingPeriod: { start: ago(60) } });
    const readings = [good(90), good(30)];

    expect((await one.batch(readings, { mode: 'atomic' })).body.errors).toEqual([
      { index: 0, error: 'Device not assigned to patient' },
    ]);
    expect(await one.observations()).toEqual([]);
    expect((await one.batch(readings)).body).toMatchObject({ processed: 1, failed: 1 });
  });

  it('is a repeat where it is sent again', async () => {
    const one = await device();
    const readings = [good(4), good(3)];
    const first = await one.batch(readings, { mode: 'atomic' });
    const again = await one.batch(readings, { mode: 'atomic' });

    expect(again.body).toEqual({ ...first.body, duplicates: 2 });
  });

  it('takes parts of one reading together, and refuses two values for one', async () => {
    const one = await device();
    const timestamp = ago(5);
    const parts = [
      { timestamp, blood_pressure_systolic: 120 },
      { timestamp, blood_pressure_diastolic: 80 },
    ];
    const { body } = await one.batch(parts, { mode: 'atomic' });
    expect(body.vitals_created[0]).toBe(body.vitals_created[1]);
    const [pressure] = await one.observations();
    expect(pressure.component.map(({ valueQuantity }: any) => valueQuantity.value)).toEqual([120, 80]);

    const two = [good(3), { ...good(3), timestamp: ago(2) }, { timestamp: ago(2), heart_rate: 71 }];
    const refused = await one.batch(two, { mode: 'atomic' });
    expect([refused.status, refused.body.errors[0].index]).toEqual([422, 2]);
  });

  it('is none where the mode has another name', async () => {
    const one = await device();

    expect((await one.batch([good(1)], { mode: 'all' })).status).toBe(400);
    expect((await one.batch([good(1)], {}, '?mode=atomically')).status).toBe(400);
    expect((await one.batch([good(1)], {}, '?mod=atomic')).status).toBe(400);
    expect((await one.batch([good(1)], {}, '?mode=atomic&mode=partial')).status).toBe(400);
    expect(await one.observations()).toEqual([]);
  });

  it('is none where body and address say different modes', async () => {
    const one = await device();

    expect((await one.batch([good(1)], { mode: 'atomic' }, '?mode=partial')).status).toBe(400);
    expect((await one.batch([good(1)], { mode: 'partial' }, '?mode=atomic')).status).toBe(400);
    expect(await one.observations()).toEqual([]);
    expect((await one.batch([good(1)], { mode: 'atomic' }, '?mode=atomic')).status).toBe(200);
  });
});

describe('a batch', () => {
  it('is one transaction with one row in the trail', async () => {
    const one = await device();
    await one.batch(Array.from({ length: 20 }, (_, i) => good(40 - i)));
    const rows = await house.search(`AuditEvent?agent=Device/${one.id}`);

    expect(rows.filter(({ subtype }) => subtype[0].code === 'transaction')).toHaveLength(1);
  });

  it('raises the alarms that the same readings raise one by one, in whatever order it has them (2-044, 2-103)', async () => {
    const [batched, single] = [await device(), await device()];
    // Twice too high, worse, well for a while; then an episode that goes on.
    const rates = [70, 130, 131, 190, 80, 80, 75, 72, 135, 136];
    const readings = rates.map((heart_rate, i) => ({ timestamp: ago(100 - i), heart_rate }));
    let alerts = 0;
    for (const reading of readings) alerts += (await single.post(reading)).body.alerts_triggered;
    const order = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5];
    const { body } = await batched.batch(order.map((i) => readings[i]!));

    expect(body.alerts_triggered).toBe(alerts);
    const told = async (one: typeof single) =>
      (await one.flags())
        .map(({ status, extension }) => [status, extension[0].valueCodeableConcept.coding[0].code])
        .sort();
    expect(await told(batched)).toEqual(await told(single));
    const seen = async (one: typeof single) =>
      (await one.issues()).map(({ severity, evidence }) => [severity, evidence.length]).sort();
    expect(await seen(batched)).toEqual(await seen(single));
  });

  it('is stored once however many send it at once, and beside single readings of the same device', async () => {
    const one = await device();
    const readings = Array.from({ length: 10 }, (_, i) => good(30 - i));
    const answers = await together(8, (i) => (i % 2 ? one.batch(readings) : one.post(readings[i]!)));

    expect(answers.every(({ status }) => status === 200 || status === 201)).toBe(true);
    const observations = await one.observations();
    expect(observations).toHaveLength(10);
    expect(observations.every(({ meta }) => meta.versionId === '1')).toBe(true);
  });
});

describe('where a reading comes from', () => {
  const found = async (query: string) => (await house.search(query)).map(({ id }) => id).sort();

  it('is told by a tag, a label, the device and the performer (2-004, 2-075 to 2-081)', async () => {
    const [one, other] = [await device(), await device()];
    await one.batch([good(3), good(2)]);
    await other.post(good(1));
    const entered = {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: one.patient },
      effectiveDateTime: ago(1),
      valueQuantity: { value: 72, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
      performer: [{ reference: 'Practitioner/n1' }],
    };
    const tag = [{ system: 'https://example.org/fhir/CodeSystem/data-source', code: 'manual' }];
    const label = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'CLINRPT' }];
    await house.create({ ...entered, meta: { tag, security: label } });
    const of = `patient=${one.patient}`;
    const all = await found(`Observation?${of}`);
    const sent = await found(`Observation?${of}&_tag=device`);
    const manual = await found(`Observation?${of}&_tag=manual`);

    expect([sent.length, manual.length]).toEqual([2, 1]);
    expect([...sent, ...manual].sort()).toEqual(all);
    expect(await found(`Observation?${of}&_security=DEVRPT`)).toEqual(sent);
    expect(await found(`Observation?${of}&_security=CLINRPT,PATRPT`)).toEqual(manual);
    expect(await found(`Observation?${of}&device:missing=true`)).toEqual(manual);
    expect(await found(`Observation?device.identifier=${one.deviceId}`)).toEqual(sent);
    expect(await found(`Observation?${of}&performer:missing=true`)).toEqual(sent);
    const { body } = await house.ask('GET', `/fhir/Device?_id=${one.id}&_revinclude=Observation:device`);
    expect(body.entry).toHaveLength(3);
  });
});
