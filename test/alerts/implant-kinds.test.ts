/** What anybody posts about an implant, without a profile that says so: the type of the Device and the codes say it. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { samplesIn } from '../../src/alerts/derived/trends.ts';
import { loadLimits } from '../../src/alerts/thresholds.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const MDC = 'urn:iso:std:iso:11073:10101';
const LOINC = 'http://loinc.org';
const canonical = 'https://example.org/fhir';
const coding = (system: string, code: string) => ({ coding: [{ system, code }] });

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

let count = 0;
async function deviceOf(type: object | undefined) {
  const id = `k${++count}`;
  await house.update({ resourceType: 'Patient', id });
  await house.update({
    resourceType: 'Device',
    id,
    status: 'active',
    identifier: [{ system: `${canonical}/sid/device-id`, value: id }],
    patient: { reference: `Patient/${id}` },
    ...(type && { type }),
  });
  let minute = 60;
  return {
    id,
    post: async (code: object, value: object) => {
      const { status, text } = await house.create({
        resourceType: 'Observation',
        status: 'final',
        category: [coding('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs')],
        code,
        subject: { reference: `Patient/${id}` },
        device: { reference: `Device/${id}` },
        effectiveDateTime: new Date(Date.now() - minute-- * 60_000).toISOString(),
        ...value,
      });
      if (status !== 201) throw new Error(text);
    },
    flags: async () =>
      (await house.search(`Flag?patient=${id}`))
        .map(
          ({ status, code, extension }) =>
            `${status} ${code.coding[0].code} ${extension[0].valueCodeableConcept.coding[0].code}`,
        )
        .sort(),
  };
}
const rate = (value: number) => ({
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});
const icd = coding(MDC, '753666');

describe('A heart rate without a profile', () => {
  it.each([
    ['by LOINC', coding(LOINC, '8867-4')],
    ['by MDC', coding(MDC, '147842')],
    ['by both', { coding: [...coding(LOINC, '8867-4').coding, ...coding(MDC, '147842').coding] }],
  ])('of an implant, %s, is judged by the cardiac limits alone (0-109)', async (_name, code) => {
    const device = await deviceOf(icd);
    for (const value of [30, 120, 200, 35]) await device.post(code, rate(value));
    expect(await device.flags()).toEqual([]);
    await device.post(code, rate(201));
    expect(await device.flags()).toEqual(['active heart-rate-high PM']);
    for (const value of [120, 121]) await device.post(code, rate(value));
    expect(await device.flags()).toEqual(['inactive heart-rate-high PM']);
  });

  it('of an implant is one of an implant also where the house calls it a normal vital sign', async () => {
    const quantity = (value: number) => rate(value).valueQuantity;
    await house.update({
      resourceType: 'ObservationDefinition',
      id: 'wide',
      identifier: [{ system: `${canonical}/sid/vital`, value: 'heart-rate' }],
      code: coding(LOINC, '8867-4'),
      quantitativeDetails: { unit: { coding: [{ system: 'http://unitsofmeasure.org', code: '/min' }] } },
      qualifiedInterval: [{ category: 'reference', range: { low: quantity(20), high: quantity(250) } }],
    });
    const device = await deviceOf(icd);
    await device.post(coding(LOINC, '8867-4'), rate(25));
    expect(await device.flags()).toEqual(['active heart-rate-low PM']);
    await house.remove('ObservationDefinition/wide');
  });

  it('of an implant is critical where the house says so, and a warning else', async () => {
    const rates = async () => {
      const device = await deviceOf(icd);
      for (const value of [0, 250]) await device.post(coding(LOINC, '8867-4'), rate(value));
      return device.flags();
    };
    const quantity = (value: number) => rate(value).valueQuantity;
    const id = 'rates-of-implants';
    const { status } = await house.update({
      resourceType: 'ObservationDefinition',
      id,
      identifier: [{ system: `${canonical}/sid/cardiac-limit`, value: 'implant-heart-rate' }],
      code: { coding: [...coding(LOINC, '8867-4').coding, ...coding(MDC, '737651').coding] },
      quantitativeDetails: { unit: { coding: [{ system: 'http://unitsofmeasure.org', code: '/min' }] } },
      qualifiedInterval: [{ high: quantity(0) }, { low: quantity(250) }].map((range) => ({
        category: 'critical',
        range,
      })),
    });
    expect([status, await rates()]).toEqual([201, ['active heart-rate-low PH']]);
    await house.remove(`ObservationDefinition/${id}`);
    expect(await rates()).toEqual(['active heart-rate-low PM']);
  });

  it('of any other Device is a vital sign', async () => {
    for (const type of [undefined, coding(MDC, '528402')]) {
      const device = await deviceOf(type);
      await device.post(coding(MDC, '147842'), rate(30));
      expect(await device.flags()).toEqual(['active vital-heart-rate PH']);
    }
  });

  it('that an implant sends by the device door is one of an implant, and says nothing of what is normal', async () => {
    const device = await deviceOf(icd);
    const key = await house.deviceKey(device.id);
    const sent = { device_id: device.id, timestamp: new Date(Date.now() - 60_000).toISOString(), heart_rate: 35 };
    const { status } = await house.ask('POST', '/api/iot/vitals/', sent, { authorization: `Bearer ${key}` });
    const [observation] = await house.search(`Observation?patient=${device.id}`);

    expect([status, await device.flags(), observation.interpretation]).toEqual([201, [], undefined]);
  });
});

describe('By its MDC codes an Observation without a profile', () => {
  it('is of an implant where they are those of implants: an episode has an alert', async () => {
    const device = await deviceOf(undefined);
    await device.post(coding(MDC, '739568'), { valueCodeableConcept: coding(MDC, '754882') });
    await device.post(coding(MDC, '737651'), rate(35));
    await device.post(coding(MDC, '722433'), {
      valueQuantity: { value: 2_100, unit: 'Ohm', system: 'http://unitsofmeasure.org', code: 'Ohm' },
    });

    expect(await device.flags()).toEqual(['active lead-impedance-high PH', 'active vt-episode PM']);
  });

  it('is a sample of the trend of its lead', () => {
    const limits = loadLimits(fileURLToPath(new URL('../../profiles', import.meta.url)));
    const valueQuantity = { value: 500, unit: 'Ohm', system: 'http://unitsofmeasure.org', code: 'Ohm' };
    const observation = { resourceType: 'Observation', status: 'final', code: coding(MDC, '722433'), valueQuantity };

    expect(samplesIn(observation, 'Patient/1', limits, canonical)).toMatchObject([{ isOfImplant: true, value: 500 }]);
  });
});
