/** NEWS2 out of the readings of a patient: when there is one, what it names, and the alert that it raises. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { canonical, hour, minute, openWatchWorld, vital, type WatchWorld } from '../watch/world.ts';

let world: WatchWorld;
afterEach(() => world?.close());

const sct = (code: string) => ({ coding: [{ system: 'http://snomed.info/sct', code }] });
const finding = (patient: string, code: string, at: number, value?: string) => {
  const { valueQuantity: _none, category: _neither, ...rest } = vital(patient, '', 0, '', at) as any;
  return { ...rest, code: sct(code), ...(value !== undefined && { valueCodeableConcept: sct(value) }) };
};

interface Round {
  readonly pulse?: number;
  readonly rate?: number;
  readonly state?: string;
  readonly air?: string;
  readonly saturation?: number;
}
/** Everything that a nurse charts on one round. */
async function round(patient: string, at: number, { pulse = 75, rate = 16, saturation = 98, ...more }: Round = {}) {
  const { state = '248234008', air = '722742002' } = more;
  const readings = [
    vital(patient, '9279-1', rate, '/min', at),
    vital(patient, '2708-6', saturation, '%', at),
    vital(patient, '8867-4', pulse, '/min', at),
    vital(patient, '8310-5', 98.6, '[degF]', at),
    finding(patient, '1104441000000107', at, state),
    finding(patient, air, at),
    {
      ...vital(patient, '85354-9', 0, '', at),
      valueQuantity: undefined,
      component: [
        { code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] }, ...quantity(120) },
        { code: { coding: [{ system: 'http://loinc.org', code: '8462-4' }] }, ...quantity(80) },
      ],
    },
  ];
  for (const reading of readings) await world.save(reading);
  return readings;
}
const quantity = (value: number) => ({
  valueQuantity: { value, unit: 'mm[Hg]', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
});
const patient = (id: string, more: object = {}) =>
  world.save({ resourceType: 'Patient', id, birthDate: '1950-01-01', ...more });
const scores = async () => {
  const all = await world.find('Observation');
  return all
    .filter(({ code }) => code.coding.some((one: any) => one.code === 'news2-total'))
    .sort((a, b) => (a.effectiveDateTime < b.effectiveDateTime ? -1 : 1));
};
const totals = async () => (await scores()).map(({ valueQuantity }) => valueQuantity.value);
const flags = async () =>
  (await world.find('Flag'))
    .filter(({ code }) => code.coding[0].code === 'news2-high')
    .map(({ status, extension }) => [status, extension[0].valueCodeableConcept.coding[0].code]);
const writes = (type: string) => (change: any) => change.op === 'write' && change.key.type === type;
const later = (milliseconds: number) => world.until(world.runtime.now() + milliseconds);

describe('NEWS2', () => {
  it('is an Observation of its own that names the seven readings, its parts and its source (3-012)', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    const readings = await round('1', world.runtime.now(), { pulse: 95, rate: 22 });
    await later(minute);
    const [score, ...more] = await scores();
    expect(more).toEqual([]);
    expect(score).toMatchObject({
      meta: { profile: [`${canonical}/StructureDefinition/derived-observation`] },
      status: 'final',
      valueQuantity: { value: 3, code: '{score}' },
      category: [{ coding: [{ code: 'survey' }] }],
    });
    expect(score.code.coding.map(({ code }: any) => code)).toEqual(['1104051000000101', 'news2-total']);
    expect(score.derivedFrom.map(({ reference }: any) => reference).sort()).toEqual(
      readings.map(({ id }) => `Observation/${id}`).sort(),
    );
    const parts = score.component.map((one: any) => [one.code.coding[0].code, one.valueQuantity.value]);
    expect(Object.fromEntries(parts)).toEqual({
      'news2-highest': 2,
      'news2-respiratory-rate': 2,
      'news2-oxygen-saturation': 0,
      'news2-oxygen': 0,
      'news2-systolic-pressure': 0,
      'news2-pulse': 1,
      'news2-consciousness': 0,
      'news2-temperature': 0,
    });
    expect(score.note[0].text).toMatch(/Royal College of Physicians, 2017.*Not validated for clinical use/);
    expect(await flags()).toEqual([]);
    expect(world.errors).toEqual([]);
  });

  it('is not there while one of the seven is missing or too old, nor for anybody under 16 (3-012)', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    await patient('2', { birthDate: '2010-01-02' });
    await patient('3', { birthDate: '2010-01-01' });
    const now = world.runtime.now();
    await world.save(finding('1', '1104441000000107', now, '248234008'));
    await world.save(vital('1', '8867-4', 140, '/min', now));
    await round('2', now);
    await later(minute);
    expect(await totals()).toEqual([]);
    // 16 today.
    await round('3', now);
    await later(minute);
    expect(await totals()).toEqual([0]);
    // All seven, but the state of an hour and a minute before.
    await round('1', now);
    await later(minute);
    expect(await totals()).toHaveLength(2);
    await world.until(now + hour + minute);
    await world.save(vital('1', '8867-4', 140, '/min', now + hour + 1));
    await later(minute);
    expect(await totals()).toHaveLength(2);
  });

  it('takes a reading that is exactly as old as the window allows (3-012)', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    const now = world.runtime.now();
    await round('1', now);
    await world.until(now + hour);
    await world.save(vital('1', '8867-4', 100, '/min', now + hour));
    await later(minute);
    expect(await totals()).toEqual([0, 1]);
  });

  it('knows nothing of what implants say, nor of poor signals (3-012)', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    const now = world.runtime.now();
    await round('1', now);
    await later(minute);
    const implant = {
      meta: { profile: [`${canonical}/StructureDefinition/idco-observation`] },
      identifier: [{ system: 'urn:test', value: '1' }],
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'procedure' }] },
      ],
      code: { coding: [{ system: 'http://hl7.org/fhir/uv/cardx-cied/CodeSystem/CardXCIED', code: 'IDCO' }] },
      device: { reference: 'Device/1' },
      valueQuantity: undefined,
      component: [
        {
          code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '147842' }] },
          valueQuantity: { value: 200, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
        },
      ],
    };
    await world.save(vital('1', '', 0, '', now + minute, implant));
    const quality = {
      url: `${canonical}/StructureDefinition/signal-quality`,
      valueQuantity: { value: 20, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
    };
    await world.save(vital('1', '2708-6', 80, '%', now + minute, { extension: [quality] }));
    await later(minute);
    expect(await totals()).toEqual([0]);
  });

  it('goes by scale 2 where the patient has that set, and by scale 1 else (3-012)', async () => {
    world = await openWatchWorld();
    await world.start();
    const scale = { url: `${canonical}/StructureDefinition/oxygen-saturation-scale`, valueInteger: 2 };
    await patient('1');
    await patient('2', { extension: [scale] });
    for (const id of ['1', '2']) await round(id, world.runtime.now(), { saturation: 97, air: '371825009' });
    await later(minute);
    const both = (await scores()).map(({ subject, valueQuantity }) => [subject.reference, valueQuantity.value]);
    expect(both.sort()).toEqual([
      ['Patient/1', 2],
      ['Patient/2', 5],
    ]);
  });

  it.each([
    ['4 in all, none of them 3, raises nothing', { rate: 22, pulse: 115 }, []],
    ['3 in one raises a warning', { rate: 8 }, [['active', 'PM']]],
    ['5 in all raises a warning', { rate: 22, pulse: 115, saturation: 95 }, [['active', 'PM']]],
    ['6 in all raises a warning', { rate: 22, pulse: 115, saturation: 93 }, [['active', 'PM']]],
    [
      '7 in all raises a critical alert',
      { rate: 22, pulse: 115, saturation: 95, air: '371825009' },
      [['active', 'PH']],
    ],
  ])('%s (3-012)', async (_, given, expected) => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    await round('1', world.runtime.now(), given);
    await later(minute);
    expect(await flags()).toEqual(expected);
  });

  it('has one Flag for one episode, over restarts and repeats, ended by the second score at rest (3-012)', async () => {
    world = await openWatchWorld();
    let server = await world.start();
    await patient('1');
    for (const [i, pulse] of [140, 75, 140, 141, 75, 76].entries()) {
      await round('1', world.runtime.now(), { pulse });
      if (i === 2) {
        world.kill(server);
        await later(minute);
        server = await world.start();
      }
      await later(6 * minute);
    }
    expect(await totals()).toEqual([3, 0, 3, 3, 0, 0]);
    expect(await flags()).toEqual([['inactive', 'PM']]);
    expect(world.errors).toEqual([]);
  });

  it('is stored after all where its commit failed at first', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    world.fail(writes('Observation'));
    await round('1', world.runtime.now(), { pulse: 140, rate: 30, saturation: 90 });
    await later(10_000);
    expect([await totals(), await flags()]).toEqual([[9], [['active', 'PH']]]);
    expect([world.errors, await world.faults()]).toEqual([[], {}]);
  });

  it('is not stored again within five minutes while the scores stay the same', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    await round('1', world.runtime.now());
    await later(10_000);
    const begun = Date.parse((await scores())[0].effectiveDateTime);
    for (let i = 1; i <= 30; i++) {
      await world.until(begun + i * 10_000);
      await world.save(vital('1', '8867-4', 70 + (i % 9), '/min', world.runtime.now()));
    }
    await later(1_000);
    expect((await scores()).map((one) => Date.parse(one.effectiveDateTime) - begun)).toEqual([0, 5 * minute]);
  });

  it('is there beside a monitor of every second: consciousness of 40 minutes ago, and few rows are read for it', async () => {
    world = await openWatchWorld();
    await patient('1');
    const now = world.runtime.now();
    await round('1', now - 40 * minute);
    const stream = Array.from({ length: 2_100 }, (_, i) => vital('1', '8867-4', 75, '/min', now - i * 1_000));
    for (let i = 0; i < stream.length; i += 700) await world.saveAll(stream.slice(i, i + 700));
    await world.start();
    world.rows();
    await world.save(vital('1', '8867-4', 140, '/min', now));
    await later(10_000);
    expect(await flags()).toEqual([['active', 'PM']]);
    expect(world.rows()).toBeLessThan(100);
    expect(world.errors).toEqual([]);
  });

  it('finds a pressure in a panel of another code than those before', async () => {
    world = await openWatchWorld();
    await world.start();
    await patient('1');
    await round('1', world.runtime.now());
    await later(minute);
    const component = [{ code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] }, ...quantity(85) }];
    const panel = vital('1', '55284-4', 0, '', world.runtime.now(), { valueQuantity: undefined, component });
    await world.save(panel);
    await later(minute);
    expect(await totals()).toEqual([0, 3]);
  });
});
