/** Readings that turn out not to be so, while an alert stands on them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';

const MDC = 'urn:iso:std:iso:11073:10101';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

let count = 0;
async function patient() {
  const id = `w${++count}`;
  await house.update({ resourceType: 'Patient', id });
  let minute = 60;
  const told = async (type: string, more = '') => (await house.search(`${type}?patient=${id}${more}`)) as any[];
  return {
    id,
    told,
    send: async (value: number, more: object = {}) => {
      const { status, body, text } = await house.create({
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
        subject: { reference: `Patient/${id}` },
        effectiveDateTime: new Date(Date.now() - minute-- * 60_000).toISOString(),
        valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
        ...more,
      });
      if (status !== 201) throw new Error(text);
      return body;
    },
    statuses: async () =>
      (await Promise.all(['Flag', 'DetectedIssue', 'Task'].map((type) => told(type))))
        .map((all) => all.map(({ status }) => status).sort())
        .join(' / '),
  };
}
const update = async (resource: any) => expect((await house.update(resource)).status).toBe(200);
const inError = 'entered-in-error / entered-in-error / entered-in-error';
const corrected = (reading: any, value: number) => ({
  ...reading,
  status: 'corrected',
  valueQuantity: { ...reading.valueQuantity, value },
});

describe('An open alert whose only reading', () => {
  it.each<[became: string, why: string, change: (reading: any) => Promise<unknown>]>([
    ['entered in error', 'withdrawn', (one) => update({ ...one, status: 'entered-in-error' })],
    ['cancelled', 'withdrawn', (one) => update({ ...one, status: 'cancelled' })],
    ['deleted', 'deleted', (one) => house.remove(`Observation/${one.id}`)],
    ['corrected to a normal one', 'corrected', (one) => update(corrected(one, 70))],
    ['another patient’s', 'corrected', (one) => update({ ...one, subject: { reference: 'Patient/somebody' } })],
  ])('is %s was an error, and the next one opens another', async (_became, why, change) => {
    const one = await patient();
    const reading = await one.send(150);
    await change(reading);
    const [[flag], [issue]] = [await one.told('Flag'), await one.told('DetectedIssue')];

    expect(await one.statuses()).toBe(inError);
    expect(flag.period.end).toBeDefined();
    expect(issue.detail).toBe(`Heart rate is critically high. Not so: the reading that it stood on was ${why}`);
    await one.send(120);
    expect((await one.told('Flag', '&status=active')).length).toBe(1);
  });

  it('is corrected by its device was an error as well', async () => {
    const one = await patient();
    const device = {
      resourceType: 'Device',
      id: one.id,
      status: 'active',
      patient: { reference: `Patient/${one.id}` },
    };
    const identifier = [{ system: 'https://example.org/fhir/sid/device-id', value: one.id }];
    await house.update({ ...device, identifier });
    const authorization = `Bearer ${await house.deviceKey(one.id)}`;
    const timestamp = new Date(Date.now() - 60_000).toISOString();
    for (const [heart_rate, statuses] of [
      [150, 'active / final / requested'],
      [72, inError],
    ] as const) {
      await house.ask('POST', '/api/iot/vitals/', { device_id: one.id, timestamp, heart_rate }, { authorization });
      expect(await one.statuses()).toBe(statuses);
    }
  });

  it('is corrected to one that is abnormal as well goes on as it was', async () => {
    const one = await patient();
    await update(corrected(await one.send(150), 120));

    expect(await one.statuses()).toBe('active / final / requested');
  });
});

describe('An open alert that stands on several readings', () => {
  it('goes on while one of them stands, and was an error when the last one goes', async () => {
    const one = await patient();
    const [first, second] = [await one.send(150), await one.send(120)];
    await one.send(140, {
      extension: [
        {
          url: 'https://example.org/fhir/StructureDefinition/signal-quality',
          valueQuantity: { value: 10, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
        },
      ],
    });
    await update({ ...first, status: 'entered-in-error' });
    expect(await one.statuses()).toBe('active / final / requested');
    await update(corrected(second, 80));
    expect(await one.statuses()).toBe(inError);
  });

  it('is an error when all are withdrawn in one commit, or at once', async () => {
    for (const isOneCommit of [true, false]) {
      const one = await patient();
      const readings = [await one.send(150), await one.send(120)].map((each) => ({
        ...each,
        status: 'entered-in-error',
      }));
      if (isOneCommit)
        await house.transaction(
          readings.map((resource) => ({ resource, request: { method: 'PUT', url: `Observation/${resource.id}` } })),
        );
      else await together(2, (i) => update(readings[i]));
      expect(await one.statuses()).toBe(inError);
    }
  });

  it('stays as it ended where it is over', async () => {
    const one = await patient();
    const reading = await one.send(150);
    for (const value of [70, 71]) await one.send(value);
    await update({ ...reading, status: 'entered-in-error' });

    expect(await one.statuses()).toBe('inactive / final / completed');
  });
});

const vt = {
  code: { coding: [{ system: MDC, code: '739568' }] },
  valueQuantity: undefined,
  valueCodeableConcept: { coding: [{ system: MDC, code: '754882' }] },
  device: { reference: 'Device/icd' },
};

it('An episode of an implant that is withdrawn was none, and is told when it is told anew', async () => {
  const one = await patient();
  const told = { ...vt, effectiveDateTime: new Date().toISOString() };
  await update({ ...(await one.send(0, told)), status: 'entered-in-error' });
  expect(await one.statuses()).toBe(inError);
  await one.send(0, told);
  expect(await one.told('Flag', '&status=active')).toHaveLength(1);
});

it('An episode of an implant that is told twice goes on while one of both stands', async () => {
  const one = await patient();
  const told = { ...vt, effectiveDateTime: new Date().toISOString() };
  const [first, second] = [await one.send(0, told), await one.send(0, told)];
  await update({ ...first, status: 'entered-in-error' });
  expect(await one.statuses()).toBe('active / final / requested');
  await house.remove(`Observation/${second.id}`);
  expect(await one.statuses()).toBe(inError);
});
