import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString();
const LOINC = 'http://loinc.org';
const coding = (code: string) => ({ coding: [{ system: LOINC, code }] });
const quantity = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });

let count = 0;
/** A patient whose vital signs are sent over FHIR, and what became of them. */
async function patient(more: object = {}) {
  const id = `f${++count}`;
  await house.update({ resourceType: 'Patient', id, ...more });
  const subject = { reference: `Patient/${id}` };
  const observation = (rest: object) => ({
    resourceType: 'Observation',
    status: 'final',
    category: [
      {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }],
      },
    ],
    subject,
    ...rest,
  });
  const heartRate = (value: number, minutes: number, rest: object = {}) =>
    observation({
      code: coding('8867-4'),
      effectiveDateTime: ago(minutes * MINUTE),
      valueQuantity: quantity(value, '/min'),
      ...rest,
    });
  return {
    heartRate,
    pressure: (systolic: number, diastolic: number, minutes: number) =>
      observation({
        code: coding('85354-9'),
        effectiveDateTime: ago(minutes * MINUTE),
        component: [
          { code: coding('8480-6'), valueQuantity: quantity(systolic, 'mm[Hg]') },
          { code: coding('8462-4'), valueQuantity: quantity(diastolic, 'mm[Hg]') },
        ],
      }),
    send: async (resource: object) => {
      const answer = await house.create(resource);
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.body;
    },
    flags: () => house.search(`Flag?patient=${id}`),
    issues: () => house.search(`DetectedIssue?patient=${id}`),
  };
}
type Told = Awaited<ReturnType<typeof patient>>;

const priorityOf = (flag: any) =>
  flag.extension.find((e: any) => e.url.endsWith('/flag-priority')).valueCodeableConcept.coding[0].code;
const wordsOf = (flags: any[]) =>
  flags.map((flag) => `${flag.status} ${flag.code.coding[0].code} ${priorityOf(flag)} v${flag.meta.versionId}`).sort();
const sendAll = async (one: Told, values: readonly number[]) => {
  for (const [i, value] of values.entries()) await one.send(one.heartRate(value, values.length - i));
};

describe('a vital sign sent over FHIR', () => {
  it('says in the words of its Flag which way it went, and how far by now (0-045)', async () => {
    const one = await patient();
    const texts: string[] = [];
    for (const [value, minutes] of [
      [120, 2],
      [150, 1],
    ] as const) {
      await one.send(one.heartRate(value, minutes));
      texts.push((await one.flags())[0].code.text);
    }
    expect(texts).toEqual(['Heart rate is too high', 'Heart rate is critically high']);
  });

  it('opens a Flag and a DetectedIssue, and comes back as it was sent (2-005)', async () => {
    const one = await patient();
    const sent = await one.send(one.heartRate(120, 1));

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PM v1']);
    const [issue] = await one.issues();
    expect(issue).toMatchObject({
      status: 'final',
      severity: 'moderate',
      implicated: [{ reference: `Observation/${sent.id}` }],
      evidence: [{ detail: [{ reference: `Observation/${sent.id}` }] }],
    });
    const { id: _id, meta: _meta, ...stored } = (await house.read(`Observation/${sent.id}`)).body;
    expect(stored).not.toHaveProperty('interpretation');
  });

  it('in a normal range raises nothing', async () => {
    const one = await patient();
    await sendAll(one, [60, 100]);
    await one.send(one.pressure(120, 80, 1));

    expect([await one.flags(), await one.issues()]).toEqual([[], []]);
  });

  it('says with its priority how bad it is', async () => {
    const one = await patient();
    await one.send(one.heartRate(131, 1));

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PH v1']);
    expect((await one.issues())[0].severity).toBe('high');
  });

  it('older than 30 days raises nothing, one of 29 days does', async () => {
    const one = await patient();
    await one.send({ ...one.heartRate(150, 0), effectiveDateTime: ago(30 * DAY + MINUTE) });
    expect(await one.flags()).toEqual([]);
    await one.send({ ...one.heartRate(150, 0), effectiveDateTime: ago(29 * DAY) });
    expect(await one.flags()).toHaveLength(1);
  });

  it('entered in error, cancelled or registered raises nothing; preliminary does', async () => {
    const one = await patient();
    for (const status of ['entered-in-error', 'cancelled', 'registered']) {
      await one.send(one.heartRate(150, 1, { status }));
    }
    expect(await one.flags()).toEqual([]);
    await one.send(one.heartRate(150, 1, { status: 'preliminary' }));
    expect(await one.flags()).toHaveLength(1);
  });

  it('is evaluated again when it is corrected', async () => {
    const one = await patient();
    const sent = await one.send(one.heartRate(75, 1));
    await house.update({ ...sent, status: 'corrected', valueQuantity: quantity(150, '/min') });

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PH v1']);
  });

  it('of poor signal opens nothing by itself (2-029, 2-072)', async () => {
    const one = await patient();
    const poor = (value: number) => ({
      extension: [
        { url: 'https://example.org/fhir/StructureDefinition/signal-quality', valueQuantity: quantity(value, '%') },
      ],
    });
    await one.send(one.heartRate(150, 2, poor(49)));
    expect(await one.flags()).toEqual([]);
    await one.send(one.heartRate(150, 1, poor(50)));
    expect(await one.flags()).toHaveLength(1);
  });
});

describe('a vital sign without the code of its unit', () => {
  it('is judged where its unit is written in a way that leaves no doubt', async () => {
    const one = await patient();
    const sent = await one.send(one.heartRate(150, 1, { valueQuantity: { value: 150, unit: 'bpm' } }));

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PH v1']);
    expect((await house.read(`Observation/${sent.id}`)).body.valueQuantity).toEqual({ value: 150, unit: 'bpm' });
  });

  it('is not evaluated otherwise, which is said once for each patient, vital and device', async () => {
    const one = await patient();
    const unclear = (value: number, rest: object = {}) =>
      one.heartRate(value, 1, { valueQuantity: { value, unit: 'beats' }, ...rest });
    await one.send(unclear(150));
    await one.send(unclear(150));
    await one.send(one.heartRate(150, 1, { valueQuantity: quantity(150, 'mm[Hg]') }));
    const before = await one.issues();
    expect([before.length, before[0].severity]).toEqual([1, 'low']);
    expect(before[0].detail).toBe('Heart rate: not evaluated: unit unknown, so no alert can be raised');
    await one.send(unclear(150, { device: { reference: 'Device/a' } }));
    await one.send({
      ...one.heartRate(0, 1),
      valueQuantity: undefined,
      valueInteger: 150,
      device: { reference: 'Device/b' },
    });
    await one.send({ ...one.heartRate(1, 1), code: coding('29463-7'), valueQuantity: { value: 1, unit: 'stone' } });

    expect((await one.issues()).map(({ author }) => author?.reference ?? '-').sort()).toEqual([
      '-',
      'Device/a',
      'Device/b',
    ]);
    expect(await one.flags()).toEqual([]);
  });

  it('is said even where the other half of a blood pressure raises a Flag, and is not taken for normal', async () => {
    const one = await patient();
    const half = (systolic: number, minutes: number) => {
      const sent = one.pressure(systolic, 80, minutes) as any;
      sent.component[1].valueQuantity = { value: 80 };
      return sent;
    };
    await one.send(half(190, 4));
    await one.send(half(110, 3));
    await one.send(half(110, 2));

    expect(wordsOf(await one.flags())).toEqual(['active vital-blood-pressure PH v1']);
    expect((await one.issues()).map(({ severity }) => severity).sort()).toEqual(['high', 'low']);
  });
});

describe('a Flag', () => {
  it('is left untouched by repeats, whose evidence goes to the DetectedIssue', async () => {
    const one = await patient();
    await sendAll(one, [120, 121, 122]);

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PM v1']);
    const [issue] = await one.issues();
    expect(issue.evidence).toHaveLength(3);
  });

  it('is updated by a rise, and no more by what follows', async () => {
    const one = await patient();
    await one.send(one.heartRate(120, 5));
    expect(await one.issues()).toMatchObject([{ severity: 'moderate', detail: 'Heart rate is too high' }]);
    await sendAll(one, [150, 160, 120]);

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PH v2']);
    expect(await one.issues()).toMatchObject([{ severity: 'high', detail: 'Heart rate is critically high' }]);
  });

  it('ends after two consecutive normal readings; the next reading outside opens a new one', async () => {
    const one = await patient();
    for (const [value, minutes] of [
      [120, 20],
      [75, 19],
      [120, 18],
      [75, 17],
      [76, 16],
      [130, 10],
    ] as const)
      await one.send(one.heartRate(value, minutes));
    const flags = await one.flags();

    expect(wordsOf(flags)).toEqual(['active vital-heart-rate PM v1', 'inactive vital-heart-rate PM v2']);
    const ended = flags.find(({ status }) => status === 'inactive');
    expect(Date.parse(ended.period.end)).toBeGreaterThanOrEqual(Date.parse(ended.period.start));
    expect(await one.issues()).toHaveLength(2);
  });

  it('ends when somebody says so; the next reading outside opens a new one', async () => {
    const one = await patient();
    for (const status of ['inactive', 'entered-in-error']) {
      await one.send(one.heartRate(120, 5));
      const active = (await one.flags()).find((flag) => flag.status === 'active');
      await house.update({ ...active, status });
    }
    await one.send(one.heartRate(120, 5));
    const flags = await one.flags();

    expect(flags.map(({ status }) => status).sort()).toEqual(['active', 'entered-in-error', 'inactive']);
    const issues = await one.issues();
    expect(issues.map(({ status }) => status).sort()).toEqual(['entered-in-error', 'final', 'final']);
  });

  it('that was deleted is followed by a new one', async () => {
    const one = await patient();
    await one.send(one.heartRate(120, 2));
    const [{ id }] = await one.flags();
    await house.remove(`Flag/${id}`);
    await one.send(one.heartRate(120, 1));

    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PM v1']);
  });

  it('made active again by somebody goes on', async () => {
    const one = await patient();
    await one.send(one.heartRate(120, 9));
    const [flag] = await one.flags();
    await house.update({ ...flag, status: 'inactive' });
    await house.update({ ...flag, status: 'active' });
    await one.send(one.heartRate(121, 8));
    expect(await one.flags()).toHaveLength(1);
    await sendAll(one, [75, 75]);

    expect((await one.flags()).map(({ status }) => status)).toEqual(['inactive']);
  });

  it('stands for blood pressure as one: high and low, systolic and diastolic (2-070)', async () => {
    const one = await patient();
    await one.send(one.pressure(130, 70, 4));
    await one.send(one.pressure(118, 85, 3));
    await one.send(one.pressure(85, 60, 2));

    expect(wordsOf(await one.flags())).toEqual(['active vital-blood-pressure PH v2']);
  });

  it('stands for one device: another device has another', async () => {
    const one = await patient();
    await one.send(one.heartRate(120, 3));
    await one.send(one.heartRate(120, 2, { device: { reference: 'Device/a' } }));
    await one.send(one.heartRate(120, 1, { device: { reference: 'Device/b' } }));
    const flags = await one.flags();

    expect(flags.map(({ author }) => author?.reference ?? '-').sort()).toEqual(['-', 'Device/a', 'Device/b']);
  });

  it('is one, however many readings outside come at once', async () => {
    const one = await patient();
    const sent = async (reading: object): Promise<number> => {
      const { status } = await house.create(reading);
      // Whoever was overtaken for five seconds is asked to send it again.
      return status === 503 ? sent(reading) : status;
    };
    expect(await together(16, (i) => sent(one.heartRate(120 + i, 20 - i)))).toEqual(Array(16).fill(201));
    const flags = await one.flags();

    expect(flags.filter(({ status }) => status === 'active')).toHaveLength(1);
    expect(flags).toHaveLength(1);
    expect((await one.issues())[0].evidence).toHaveLength(16);
  });

  it('is one for several readings in one transaction, and rises within it', async () => {
    const one = await patient();
    const entry = (resource: object) => ({ resource, request: { method: 'POST', url: 'Observation' } });
    const { status } = await house.transaction([
      entry(one.heartRate(120, 3)),
      entry(one.heartRate(150, 2)),
      entry(one.heartRate(151, 1)),
    ]);

    expect(status).toBe(200);
    expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PH v2']);
    expect((await one.issues())[0].evidence).toHaveLength(3);
  });

  it('keeps what a person wrote into it when it rises', async () => {
    const one = await patient();
    await one.send(one.heartRate(120, 2));
    const [flag] = await one.flags();
    await house.update({ ...flag, encounter: { reference: 'Encounter/1' } });
    await one.send(one.heartRate(150, 1));

    expect((await one.flags())[0]).toMatchObject({ encounter: { reference: 'Encounter/1' }, meta: { versionId: '3' } });
  });
});

it('the evidence of an endless alarm ends at 50', async () => {
  const one = await patient();
  await sendAll(
    one,
    Array.from({ length: 53 }, () => 120),
  );

  expect((await one.issues())[0].evidence).toHaveLength(50);
});

it('a patient whom no table is for gets no Flag, and one DetectedIssue for each vital', async () => {
  const one = await patient({ birthDate: ago(7 * DAY).slice(0, 10) });
  const glucose = (value: number, minutes: number) =>
    one.heartRate(0, minutes, { code: coding('2339-0'), valueQuantity: quantity(value, 'mg/dL') });
  for (const value of [400, 100]) await one.send(glucose(value, 1));

  expect(await one.flags()).toEqual([]);
  const issues = await one.issues();
  expect(issues.map(({ code, severity }) => [code.text, severity])).toEqual([['Glucose', 'low']]);
});

it('a child is judged by the table of its age', async () => {
  const one = await patient({ birthDate: ago(10 * 365.25 * DAY).slice(0, 10) });
  await sendAll(one, [115, 53, 105]);
  expect(await one.flags()).toEqual([]);
  await sendAll(one, [116]);

  expect(wordsOf(await one.flags())).toEqual(['active vital-heart-rate PM v1']);
});

it('alarms go on after a restart', async () => {
  const one = await patient();
  await one.send(one.heartRate(120, 4));
  await house.restart();
  await sendAll(one, [121, 75, 75]);

  expect(wordsOf(await one.flags())).toEqual(['inactive vital-heart-rate PM v2']);
});
