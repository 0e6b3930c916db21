/** Values that hover, and values that come in a flood: what is told of them, and what always is. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { alert as makersAlert, one } from '../ingest/implants/told.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { type ImplantsHouse, openImplantsHouse } from '../support/implants-house.ts';

let house: TestHouse;
let implants: ImplantsHouse;
let now = Date.parse('2026-11-28T08:00:00Z');
beforeAll(async () => {
  const runtime = { ...(await import('../../src/runtime.ts')).systemRuntime, now: () => now };
  house = await openHouse({ runtime });
  implants = await openImplantsHouse('sqlite');
}, 60_000);
afterAll(async () => {
  await house.stop();
  await implants.stop();
});

const MINUTE = 60_000;
const heartRate = (patient: string, value: number, at: number, device = 'd') => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  device: { reference: `Device/${device}` },
  effectiveDateTime: new Date(at).toISOString(),
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});
/** All of them in one transaction, in the order of their times. */
async function send(readings: readonly any[]): Promise<void> {
  for (let i = 0; i < readings.length; i += 250) {
    const entries = readings
      .slice(i, i + 250)
      .map((resource) => ({ resource, request: { method: 'POST', url: 'Observation' } }));
    const { status, text } = await house.transaction(entries);
    if (status !== 200) throw new Error(text);
  }
}
const flags = async (patient: string) =>
  (await house.search(`Flag?patient=${patient}`)).map(({ status, code }) => `${status} ${code.coding[0].code}`).sort();

describe('A thousand noisy readings around a limit', () => {
  it('are one episode, and one Flag', async () => {
    await house.update({ resourceType: 'Patient', id: 'noisy' });
    let seed = 7;
    const noise = () => ((seed = (seed * 16_807) % 2_147_483_647) % 5) - 2;
    // 98 to 102 around 100, whose dead band is 3.
    const readings = Array.from({ length: 1_000 }, (_, i) =>
      heartRate('noisy', 100 + noise(), now - 20 * MINUTE + i * 1_000),
    );
    await send(readings);

    expect(readings.filter(({ valueQuantity: { value } }) => value > 100).length).toBeGreaterThan(300);
    expect(await flags('noisy')).toEqual(['active vital-heart-rate']);
    await send([90, 91].map((value, i) => heartRate('noisy', value, now + i * 1_000)));
    expect(await flags('noisy')).toEqual(['inactive vital-heart-rate']);
  });
});

describe('A flood of warnings of one patient', () => {
  // As many devices, so that each reading is an alarm of its own.
  const warnings = (patient: string, from: number, count: number, value = 110) =>
    Array.from({ length: count }, (_, i) => heartRate(patient, value, now - MINUTE, `d${from + i}`));

  it('is told as ten and one that stands for those that follow; critical ones are told each, and so are others’', async () => {
    for (const id of ['flooded', 'neighbour']) await house.update({ resourceType: 'Patient', id });
    await send(warnings('flooded', 0, 40));
    const all = await flags('flooded');
    expect(all.filter((flag) => flag === 'active vital-heart-rate')).toHaveLength(10);
    expect(all.filter((flag) => flag === 'active alert-flood')).toHaveLength(1);
    expect(all).toHaveLength(11);

    await send([...warnings('flooded', 100, 5, 140), ...warnings('neighbour', 0, 1)]);
    expect(await flags('flooded')).toHaveLength(16);
    expect(await flags('neighbour')).toEqual(['active vital-heart-rate']);
  });

  it('does not keep what turns critical under it', async () => {
    await send(
      warnings('flooded', 20, 1, 145).map((reading) => ({
        ...reading,
        effectiveDateTime: new Date(now).toISOString(),
      })),
    );
    const high = (await house.search('Flag?patient=flooded')).filter(
      ({ author }) => author?.reference === 'Device/d20',
    );

    expect(high.map(({ extension }) => extension[0].valueCodeableConcept.coding[0].code)).toEqual(['PH']);
  });

  it('is over when the warnings are: what still goes on is told of then', async () => {
    now += 11 * MINUTE;
    await send(warnings('flooded', 30, 1));

    expect(await flags('flooded')).toContain('inactive alert-flood');
    expect((await house.search('Flag?patient=flooded')).map(({ author }) => author?.reference)).toContain('Device/d30');
  });
});

describe('An alert that gets worse when somebody has acknowledged it', () => {
  it('is to be looked at again', async () => {
    await house.update({ resourceType: 'Patient', id: 'worse' });
    await send([heartRate('worse', 110, now - 3 * MINUTE)]);
    const [flag] = await house.search('Flag?patient=worse');
    const [task] = await house.search(`Task?patient=worse`);
    const issue = (await house.read(task.reasonReference.reference)).body;
    const action = (code: string) => ({
      action: { coding: [{ system: 'https://example.org/fhir/CodeSystem/alert-action', code }] },
    });
    await house.update({ ...task, status: 'accepted' });
    await house.update({ ...issue, mitigation: [action('acknowledged')] });
    await send([heartRate('worse', 150, now - 2 * MINUTE)]);

    expect((await house.read(`Task/${task.id}`)).body).toMatchObject({ status: 'requested', priority: 'stat' });
    expect((await house.read(`DetectedIssue/${issue.id}`)).body.mitigation).toMatchObject([
      action('acknowledged'),
      action('worsened'),
    ]);
    expect(flag.status).toBe('active');
  });

  it('that was made inactive by somebody is done, and open again when it is made active', async () => {
    const [flag] = await house.search('Flag?patient=worse');
    const status = async () => (await house.search(`Task?patient=worse`)).map((task) => task.status);
    await house.update({ ...flag, status: 'inactive' });
    expect(await status()).toEqual(['completed']);
    await house.update({ ...flag, status: 'active' });
    expect(await status()).toEqual(['requested']);
  });
});

describe('The battery of an external device', () => {
  const battery = (value: number, minute: number, id = 'd') => ({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '67996' }] },
    subject: { reference: `Device/${id}` },
    device: { reference: `Device/${id}` },
    effectiveDateTime: new Date(now - 3_600_000 + minute * 60_000).toISOString(),
    valueQuantity: { value, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
  });

  it('that is low is a DetectedIssue and a Task on the Device, and no Flag of its patient (2-030)', async () => {
    await house.update({ resourceType: 'Patient', id: 'p' });
    await house.update({
      resourceType: 'Device',
      id: 'd',
      identifier: [{ system: 'https://example.org/fhir/sid/device', value: 'DEV9' }],
      patient: { reference: 'Patient/p' },
    });
    // Around the limit, never far above it: one episode. Then it is charged.
    for (const [minute, value] of [80, 20, 21, 20, 22, 19, 23, 22].entries())
      expect((await house.create(battery(value, minute))).status).toBe(201);
    const [task, ...others] = await house.search('Task?focus=Device/d');

    expect(others).toEqual([]);
    const patient = { reference: 'Patient/p' };
    expect(task).toMatchObject({ status: 'requested', for: patient, priority: 'urgent' });
    expect(await house.search('Flag?patient=p')).toEqual([]);
    expect(await house.search('DetectedIssue?implicated=Device/d')).toMatchObject([
      { patient, evidence: expect.any(Array), author: { reference: 'Device/d' } },
    ]);
    for (const [minute, value] of [90, 91].entries()) await house.create(battery(value, 10 + minute));
    expect((await house.read(`Task/${task.id}`)).body.status).toBe('completed');
  });

  it('goes with it: the alert of whoever wore it ends at its next reading, whatever that says', async () => {
    const wornBy = async (id: string) => {
      await house.update({ resourceType: 'Patient', id });
      await house.update({ resourceType: 'Device', id: 'e', patient: { reference: `Patient/${id}` } });
    };
    const tasks = async () =>
      (await house.search('Task?focus=Device/e')).map((task: any) => `${task.for.reference} ${task.status}`).sort();
    await wornBy('p1');
    await house.create(battery(15, 0, 'e'));
    await wornBy('p2');
    // Within the dead band: by itself it ends nothing.
    await house.create(battery(21, 1, 'e'));
    expect(await tasks()).toEqual(['Patient/p1 completed']);
    await house.create(battery(15, 2, 'e'));
    expect(await tasks()).toEqual(['Patient/p1 completed', 'Patient/p2 requested']);
  });
});

describe('An alert of a maker', () => {
  it('is kept like any other, gets worse with its priority and ends with its Flag', async () => {
    const said = one({ alerts: [makersAlert] });
    const kept = async () =>
      (await implants.store.list('alert', '', 10)).map(({ value }: any) => [value.type, value.severity, value.open]);
    await implants.tell(said);
    expect(await kept()).toEqual([['battery-rrt', 'warning', true]]);
    await implants.tell({ ...said, alerts: [{ ...makersAlert, severity: 'critical' }] });
    expect(await kept()).toEqual([['battery-rrt', 'critical', true]]);
    const [flag] = await implants.search('Flag');
    await implants.write({ ...flag, status: 'inactive' });
    expect(await kept()).toEqual([['battery-rrt', 'critical', false]]);
    expect((await implants.search('Task')).map(({ status }: any) => status)).toEqual(['completed']);
  });
});
