/** What the page of a patient asks for of vital signs besides the heart rate. docs/dashboard.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';
import { observation, openWard, store } from './cardiac-world.ts';

const MINUTE = 60_000;
const loinc = (code: string, display: string) => ({ coding: [{ system: 'http://loinc.org', code, display }] });
const quantity = (value: number, unit: string, code = unit) => ({
  value,
  unit,
  system: 'http://unitsofmeasure.org',
  code,
});
/** As a hospital writes it: of no device, and without a word about limits. */
const measured = (id: string, at: number, code: object, value?: object, more: object = {}) =>
  observation(id, 'p1', at, 0, { device: undefined, code, valueQuantity: value, ...more });

let house: TestHouse;
const chart = async (hours = 24) => (await house.ask('GET', `/console/api/patients/p1?hours=${hours}`)).body;

beforeAll(async () => {
  house = await openHouse();
  await openWard(house);
  const now = Date.now();
  const saturation = loinc('59408-5', 'Oxygen saturation in Arterial blood by Pulse oximetry');
  await store(house, [
    observation('hr', 'p1', now - 5 * MINUTE, 71, { device: undefined }),
    measured('s1', now - 10 * MINUTE, saturation, quantity(80, '%')),
    measured('s2', now - 5 * MINUTE, saturation, quantity(97, '%')),
    measured('s3', now - 30 * 60 * MINUTE, saturation, quantity(96, '%')),
    measured('s4', now - 4 * MINUTE, saturation, quantity(99, '%'), { status: 'entered-in-error' }),
    measured('bp', now - 5 * MINUTE, loinc('85354-9', 'Blood pressure panel'), undefined, {
      component: [
        { code: loinc('8480-6', 'Systolic blood pressure'), valueQuantity: quantity(210, 'mmHg', 'mm[Hg]') },
        { code: loinc('8462-4', 'Diastolic blood pressure'), valueQuantity: quantity(70, 'mmHg', 'mm[Hg]') },
      ],
    }),
    measured('g1', now - 5 * MINUTE, loinc('2339-0', 'Glucose'), quantity(41, 'mg/dL'), { category: undefined }),
    measured('t1', now - 5 * MINUTE, loinc('8310-5', 'Body temperature'), quantity(40.5, 'Cel')),
    measured('w1', now - 5 * MINUTE, loinc('29463-7', 'Body weight'), quantity(70, 'kg')),
  ]);
});
afterAll(() => house.stop());

describe('Vital signs of a patient', () => {
  it('are each a line with its band, and what is beyond it is marked (Part 4.2, 5)', async () => {
    const { heart_rate, vitals } = await chart();

    expect(heart_rate).toHaveLength(1);
    expect(vitals.map(({ kind, unit, points }: any) => [kind, unit, points.map(([, ...rest]: any) => rest)])).toEqual([
      ['oxygen_saturation', '%', [[80, 'LL'], [97]]],
      ['systolic_pressure', 'mmHg', [[210, 'HH']]],
      ['diastolic_pressure', 'mmHg', [[70]]],
      ['temperature', 'Cel', [[40.5, 'HH']]],
      ['glucose', 'mg/dL', [[41, 'LL']]],
    ]);
    for (const { kind, band } of vitals) expect([kind, band?.low ?? band?.high]).toEqual([kind, expect.any(Number)]);
  });

  it('are of the time that is asked for, and in the CSV', async () => {
    const [saturation] = (await chart(168)).vitals;
    expect(saturation.points.map(([, value]: any) => value)).toEqual([96, 80, 97]);
    const { text } = await house.ask('GET', '/console/api/patients/p1/values?hours=24');
    expect(text).toMatch(/"systolic_pressure","Systolic blood pressure",210,"mmHg","HH",/);
  });
});
