/** Trends: a vital sign that goes one way, and an impedance that leaves its baseline; each told as derived, one Flag for one episode (0-119). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { afterInterrogation, afterVital, type Channel } from '../../../src/alerts/derived/trend-table.ts';
import { canonical, day, minute, openWatchWorld, vital, type WatchWorld } from '../watch/world.ts';

const every = 15 * minute;

/** What is told of values that come one after another. */
function told(
  values: readonly number[],
  after: typeof afterVital,
  apart: number | ((i: number) => number),
): readonly (number | undefined)[] {
  let channel: Channel | undefined;
  return values.map((value, i) => {
    const at = typeof apart === 'number' ? i * apart : apart(i);
    const next = after(channel, { at, value, source: `Observation/${i}/_history/1` }, 1e12);
    channel = next.channel;
    return next.change?.value;
  });
}

describe('A drift of a vital sign', () => {
  it('is the whole change of six samples that each go further, and nothing before the sixth (0-119)', () => {
    expect(told([60, 64, 68, 72, 76, 80], afterVital, every)).toEqual([...Array(5).fill(undefined), 20]);
    expect(told([99, 98, 97, 96, 95, 94], afterVital, every).at(-1)).toBe(-5);
    expect(told([60, 64, 68, 72, 76, 76], afterVital, every).at(-1)).toBeUndefined();
    expect(told([60, 64, 63, 72, 76, 80], afterVital, every).at(-1)).toBeUndefined();
  });

  it('is told as 0 twice after it was told, and then no more (0-119)', () => {
    const values = [60, 64, 68, 72, 76, 80, 79, 80, 79, 80];
    expect(told(values, afterVital, every).slice(5)).toEqual([20, 0, 0, undefined, undefined]);
  });

  it('samples a stream: a reading within fifteen minutes of a sample is none, one at fifteen is', () => {
    const values = [60, 64, 68, 72, 76, 80];
    expect(told(values, afterVital, every - 1)).toEqual(Array(6).fill(undefined));
    expect(told(values, afterVital, every).at(-1)).toBe(20);
  });

  it('is none of samples older than a day, and late ones have no place', () => {
    expect(told([60, 64, 68, 72, 76, 80], afterVital, (i) => (i < 5 ? i * every : day + 1)).at(-1)).toBeUndefined();
    expect(told([60, 64, 68, 72, 76, 99, 80], afterVital, (i) => (i === 5 ? 0 : i * every)).at(-1)).toBe(20);
  });
});

it.each([
  ['drift of a vital sign', afterVital, every, [60, 64, 68, 72, 76, 80], 20],
  ['change of impedance', afterInterrogation, day, [500, 500, 500, 650], 30],
])('A %s passes over a sample of the year 2040, and one that was kept', (_, after, apart, values, change) => {
  const odd = { at: Date.UTC(2040, 0), value: 1, source: 'Observation/odd/_history/1' };
  let channel: Channel | undefined = { samples: [odd], rest: 0 };
  const changes = values.map((value, i) => {
    const now = i * apart;
    channel = after(channel, { ...odd, at: now + 5 * minute + 1 }, now).channel;
    const next = after(channel, { at: now, value, source: `Observation/${i}/_history/1` }, now);
    channel = next.channel;
    return next.change?.value;
  });
  expect(changes.at(-1)).toBe(change);
});

describe('A change of impedance', () => {
  it('is held against the median of the interrogations before, three at least and ten at most (0-119)', () => {
    expect(told([500, 500, 500, 650], afterInterrogation, day)).toEqual([undefined, undefined, undefined, 30]);
    expect(told([500, 400, 9_000, 350], afterInterrogation, day).at(-1)).toBe(-30);
    // Ten of 600 and the 500 before them no more.
    expect(told([...Array(9).fill(500), ...Array(10).fill(600), 600], afterInterrogation, day).at(-1)).toBe(0);
    expect(told([500, 500, 500, 700], afterInterrogation, (i) => (i === 3 ? 0 : i)).at(-1)).toBeUndefined();
  });
});

describe('What is told of a trend', () => {
  let world: WatchWorld;
  afterEach(() => world?.close());
  const flags = async () =>
    (await world.find('Flag')).map(
      ({ status, code, category, extension }: any) =>
        `${status} ${code.coding[0].code} ${category[0].coding[0].code} ${extension[0].valueCodeableConcept.coding[0].code}`,
    );
  const derived = async () =>
    (await world.find('Observation'))
      .filter(({ meta }) => meta.profile?.includes(`${canonical}/StructureDefinition/derived-observation`))
      .sort((a, b) => (a.effectiveDateTime < b.effectiveDateTime ? -1 : 1));

  it.each([
    ['20 beats over six samples are a Flag', [70, 74, 78, 82, 86, 90], ['active vital-drift clinical PM']],
    ['19 beats are none', [70, 74, 78, 82, 86, 89], []],
    ['20 beats down are one', [100, 96, 92, 88, 84, 80], ['active vital-drift clinical PM']],
  ])('%s, derived of the six (0-119)', async (_, values, expected) => {
    world = await openWatchWorld();
    await world.start();
    await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
    for (const value of values) {
      await world.save(vital('1', '8867-4', value, '/min', world.runtime.now()));
      await world.until(world.runtime.now() + every);
    }
    const [drift] = await derived();
    expect(await flags()).toEqual(expected);
    expect(drift.derivedFrom).toHaveLength(6);
    expect(drift.note[0].text).toMatch(/Derived by the server. Not validated for clinical use/);
    expect(drift.category).toBeUndefined();
    expect(world.errors).toEqual([]);
  });

  it('is one Flag of a drift that goes on and a restart within it, and ends with the second sample at rest (0-119)', async () => {
    world = await openWatchWorld();
    let server = await world.start();
    await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
    for (const value of [70, 74, 78, 82, 86, 90, 94, 98, 97, 98, 97]) {
      await world.save(vital('1', '8867-4', value, '/min', world.runtime.now()));
      if (value === 86) {
        world.kill(server);
        server = await world.start();
      }
      await world.until(world.runtime.now() + every);
    }
    expect(await flags()).toEqual(['inactive vital-drift clinical PM']);
    expect((await derived()).map(({ valueQuantity }) => valueQuantity.value)).toEqual([20, 20, 20, 0, 0]);
  });

  const IDCO = { coding: [{ system: 'http://hl7.org/fhir/uv/cardx-cied/CodeSystem/CardXCIED', code: 'IDCO' }] };
  const interrogation = (ohm: number, at: number) =>
    vital('1', '', 0, '', at, {
      meta: { profile: [`${canonical}/StructureDefinition/idco-observation`] },
      identifier: [{ system: 'urn:test', value: String(at) }],
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'procedure' }] },
      ],
      code: IDCO,
      device: { reference: 'Device/1' },
      valueQuantity: undefined,
      component: [
        {
          code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '722433' }] },
          valueQuantity: { value: ohm, unit: 'Ohm', system: 'http://unitsofmeasure.org', code: 'Ohm' },
        },
      ],
    });

  it('of a lead is a Flag of category safety, once the change is 30 % of its baseline (0-119)', async () => {
    world = await openWatchWorld();
    await world.start();
    await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
    await world.save({ resourceType: 'Device', id: '1', patient: { reference: 'Patient/1' } });
    const seen: string[][] = [];
    for (const ohm of [500, 510, 490, 650, 640, 500, 500]) {
      await world.save(interrogation(ohm, world.runtime.now()));
      await world.until(world.runtime.now() + day);
      seen.push(await flags());
    }
    const open = ['active lead-impedance safety PM'];
    // 640 is within the dead band of the limit: it ends nothing, and helps nothing to end.
    expect(seen).toEqual([[], [], [], open, open, open, ['inactive lead-impedance safety PM']]);
    const told = (await derived()).map(({ valueQuantity }) => Math.round(valueQuantity.value));
    expect(told).toEqual([30, 27, -2, -1]);
    expect((await world.find('Flag'))[0].meta.profile).toEqual([`${canonical}/StructureDefinition/device-alert-flag`]);
  });

  it('of a lead is none below 30 % (0-119)', async () => {
    world = await openWatchWorld();
    await world.start();
    await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
    await world.save({ resourceType: 'Device', id: '1', patient: { reference: 'Patient/1' } });
    for (const ohm of [500, 510, 490, 649]) {
      await world.save(interrogation(ohm, world.runtime.now()));
      await world.until(world.runtime.now() + day);
    }
    expect([(await derived()).length, await flags()]).toEqual([1, []]);
  });

  it('and an episode end and go on though a reading of the year 2040 is among them', async () => {
    world = await openWatchWorld();
    await world.start();
    await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
    await world.save(vital('1', '8867-4', 170, '/min', Date.UTC(2040, 0)));
    for (const value of [70, 74, 78, 82, 86, 90]) {
      await world.save(vital('1', '8867-4', value, '/min', world.runtime.now()));
      await world.until(world.runtime.now() + every);
    }
    expect(await flags()).toEqual(['inactive vital-heart-rate clinical PH', 'active vital-drift clinical PM']);
    expect(world.errors).toEqual([]);
  });
});
