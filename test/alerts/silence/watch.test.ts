/** Devices that fall silent, on a clock of ours: one alert for one silence, to the millisecond, over restarts and on two servers (0-059, 0-111). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { problem } from '../../../src/fhir/outcome.ts';
import { canonical, day, hour, minute, openWatchWorld, vital, type WatchWorld } from '../watch/world.ts';

let world: WatchWorld;
afterEach(() => world?.close());

const silentAfter = (value: number, code: string) => ({
  extension: [
    {
      url: `${canonical}/StructureDefinition/silent-after`,
      valueDuration: { value, unit: code, system: 'http://unitsofmeasure.org', code },
    },
  ],
});
const device = (id: string, more: object = {}) =>
  world.save({ resourceType: 'Device', id, status: 'active', patient: { reference: 'Patient/1' }, ...more });
/** The device sends; when, by the clock of the server. */
async function send(id: string, more: object = {}): Promise<number> {
  const at = world.runtime.now();
  await world.save(vital('1', '8867-4', 70, '/min', at, { device: { reference: `Device/${id}` }, ...more }));
  return at;
}
const flags = async () => (await world.find('Flag')).map(({ status }) => status).sort();
async function begin(settings?: Parameters<typeof openWatchWorld>[0], isShared = false): Promise<number> {
  world = await openWatchWorld(settings, isShared);
  const server = await world.start();
  await world.until(world.runtime.now() + 5 * minute);
  await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
  return server;
}

describe('A device that falls silent', () => {
  it('is told of when the time it says itself is over, not a millisecond before, once, with the gap, and until it is heard of (0-104, 0-111)', async () => {
    await begin();
    await device('1', silentAfter(1, 'h'));
    const last = await send('1');
    await world.until(last + hour - 1);
    expect(await flags()).toEqual([]);
    await world.until(last + hour);
    expect(await flags()).toEqual(['active']);
    await world.until(last + 3 * day);
    expect(await flags()).toEqual(['active']);
    const [flag] = await world.find('Flag');
    const [since, by] = [last, last + hour].map((at) => new Date(at).toISOString());
    expect(flag).toMatchObject({
      code: {
        coding: [{ code: 'device-offline' }],
        text: `Nothing was heard of the device since ${since}; expected by ${by}`,
      },
      category: [{ coding: [{ code: 'safety' }] }],
      subject: { reference: 'Patient/1' },
      author: { reference: 'Device/1' },
      period: { start: new Date(last + hour).toISOString() },
    });

    const heard = await send('1');
    await world.until(heard + minute);
    const [ended] = await world.find('Flag');
    expect([ended.status, ended.period.end]).toEqual(['inactive', new Date(heard).toISOString()]);
    expect((await world.find('Task')).map(({ status }) => status)).toEqual(['completed']);
    // And watched again from then on.
    await world.until(heard + hour - 1);
    expect(await flags()).toEqual(['inactive']);
    await world.until(heard + hour);
    expect(await flags()).toEqual(['active', 'inactive']);
    expect(world.errors).toEqual([]);
  });

  it('is told of though its last two readings came within seconds of each other', async () => {
    await begin();
    await device('1', silentAfter(1, 'h'));
    const last = await send('1');
    await world.until(last + 10_000);
    await send('1');
    await world.until(last + hour + minute);
    expect(await flags()).toEqual(['active']);
  });

  it('is told of by its newest reading, to the millisecond, though that came within seconds of others', async () => {
    await begin();
    await device('1', silentAfter(0.25, 'min'));
    await device('2', silentAfter(1, 'h'));
    let last = 0;
    for (let i = 0; i < 30; i++) {
      last = await send('1');
      await send('2');
      await world.until(last + 7_000);
    }
    expect(await flags()).toEqual([]);
    await world.until(last + 15_000 - 1);
    expect(await flags()).toEqual([]);
    await world.until(last + 15_000);
    expect(await flags()).toEqual(['active']);
    await world.until(last + hour - 1);
    expect(await flags()).toEqual(['active']);
    await world.until(last + hour);
    expect(await flags()).toEqual(['active', 'active']);
    const again = await send('1');
    await world.until(again + 5_000);
    expect(await flags()).toEqual(['active', 'inactive']);
    expect(world.errors).toEqual([]);
  });

  it('is told of beside one that says it may be silent for millions of years', async () => {
    await begin();
    await device('1', silentAfter(1, 'h'));
    await device('2', silentAfter(3_000_000, 'd'));
    await device('3', silentAfter(200_000_000, 'd'));
    for (const id of ['2', '3']) await send(id);
    const last = await send('1');
    await world.until(last + hour + minute);
    expect([await flags(), world.errors]).toEqual([['active'], []]);
  });

  it('is not told of while it is heard of, however often its timer rings', async () => {
    await begin();
    await device('1', silentAfter(1, 'h'));
    for (let i = 0; i < 10; i++) {
      const at = await send('1');
      await world.until(at + 59 * minute);
    }
    expect(await flags()).toEqual([]);
  });

  it('is not told of when it is heard of in the last millisecond, though nobody has read that yet (0-111)', async () => {
    await begin();
    await device('1', silentAfter(1, 'h'));
    const last = await send('1');
    await world.until(last + hour - 1);
    await send('1');
    await world.until(last + hour + minute);
    expect(await world.find('Flag')).toEqual([]);
  });

  it('has a timer that moves when it rings, not with every reading', async () => {
    await begin();
    await device('1', silentAfter(1, 'h'));
    const begun = await send('1');
    const timers: unknown[] = [];
    for (let i = 1; i <= 8; i++) {
      await world.until(begun + i * 10 * minute);
      await send('1');
      await world.until(begun + i * 10 * minute + minute);
      timers.push(...(await world.kept('silence-timer')).map(({ key }) => Date.parse(key.split('|')[0]) - begun));
    }
    // At 60 minutes it was last heard of at 50, or at 60.
    expect(timers.slice(0, 5)).toEqual(Array(5).fill(hour));
    expect(new Set(timers).size).toBe(2);
  });

  it('is told of at the same moment after a restart, by another server too, and only once (0-111)', async () => {
    const first = await begin({}, true);
    const second = await world.start();
    await device('1', silentAfter(1, 'h'));
    const last = await send('1');
    await world.until(last + 30 * minute);
    world.kill(first);
    await world.until(last + hour - 1);
    expect(await flags()).toEqual([]);
    await world.until(last + hour);
    expect(await flags()).toEqual(['active']);
    world.kill(second);
    await world.start();
    await world.until(last + 5 * hour);
    expect(await flags()).toEqual(['active']);
    expect(await world.find('DetectedIssue')).toHaveLength(1);
  });

  it('has two minutes to come back to a server that was away (0-111)', async () => {
    const server = await begin();
    for (const id of ['1', '2']) await device(id, silentAfter(1, 'h'));
    await send('1');
    const last = await send('2');
    await world.until(last + minute);
    world.kill(server);
    await world.until(last + 2 * hour);
    await world.start();
    await send('1');
    await world.until(last + 2 * hour + 2 * minute - 1);
    expect(await flags()).toEqual([]);
    await world.until(last + 2 * hour + 2 * minute);
    expect((await world.find('Flag')).map(({ author }) => author.reference)).toEqual(['Device/2']);
  });

  it('goes by its own rhythm where nothing is said, and by none before that is known (0-059)', async () => {
    await begin();
    await device('1');
    await device('2');
    await send('2');
    let last = 0;
    for (let i = 0; i <= 24; i++) {
      last = await send('1');
      await world.until(last + hour);
    }
    await world.until(last + 2 * hour - 1);
    expect(await flags()).toEqual([]);
    await world.until(last + 2 * hour);
    expect(await flags()).toEqual(['active']);
    await world.until(last + 20 * day);
    expect(await flags()).toEqual(['active']);
  });

  it('without a patient is a DetectedIssue and a Task that ends when it is heard of', async () => {
    await begin({ deviceAfter: hour });
    await device('1', { patient: undefined });
    const battery = {
      subject: { reference: 'Device/1' },
      category: undefined,
      code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '67996' }] },
      valueQuantity: { value: 80, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
    };
    const last = await send('1', battery);
    await world.until(last + hour);
    expect([await flags(), (await world.find('Task')).map(({ status }) => status)]).toEqual([[], ['requested']]);
    await send('1', battery);
    await world.until(last + hour + minute);
    expect((await world.find('Task')).map(({ status }) => status)).toEqual(['completed']);
    expect(world.errors).toEqual([]);
  });

  it('is nobody to be waited for when it is put away, deleted from use or says 0', async () => {
    await begin({ deviceAfter: hour });
    await device('1', silentAfter(0, 'h'));
    await device('2');
    await send('1');
    const last = await send('2');
    await world.until(last + minute);
    await device('2', { status: 'inactive' });
    await world.until(last + day);
    expect(await flags()).toEqual([]);
  });

  it('stays told of where somebody ended the Flag: one silence, one alert', async () => {
    await begin({ deviceAfter: hour });
    await device('1');
    const last = await send('1');
    await world.until(last + hour);
    const [flag] = await world.find('Flag');
    await world.save({ ...flag, status: 'inactive' });
    await world.until(last + 3 * day);
    expect(await flags()).toEqual(['inactive']);
    const again = await send('1');
    await world.until(again + hour);
    expect(await flags()).toEqual(['active', 'inactive']);
    expect(world.errors).toEqual([]);
  });

  it('costs nothing while nothing changes: two hundred devices that wait are no commit', async () => {
    await begin();
    for (let i = 0; i < 200; i++) {
      await device(`d${i}`, silentAfter(30, 'd'));
      await send(`d${i}`);
    }
    await world.until(world.runtime.now() + minute);
    world.commits();
    await world.until(world.runtime.now() + hour);
    expect(world.commits()).toBe(0);
    expect(await world.kept('silence-timer')).toHaveLength(200);
  });
});

describe('A device of which a reading cannot be looked through', () => {
  const isTrend = (change: any) => change.kind === 'trend';
  const texts = async () => (await world.find('Flag')).map(({ code }) => code.text.slice(0, 60));
  const fallSilent = async (error: Error): Promise<number> => {
    await begin({ deviceAfter: hour });
    await device('1');
    const first = await send('1');
    await world.until(first + 20 * minute);
    world.fail(isTrend, error, Number.POSITIVE_INFINITY);
    const last = await send('1');
    await world.until(last + hour - 1);
    expect([await flags(), (await world.kept('silence'))[0].value.last]).toEqual([[], last]);
    return last;
  };

  it.each([
    ['is passed over', new TypeError('x is not a function')],
    ['waits aside while the store is busy', problem('transient', 'the store is busy')],
  ])('that %s is told of when it is silent, by that reading, and is heard of again', async (_, error) => {
    const last = await fallSilent(error);
    await world.until(last + hour);
    expect(await texts()).toEqual([
      `Nothing was heard of the device since ${new Date(last).toISOString()}`.slice(0, 60),
    ]);
    await send('1');
    await world.until(last + hour + 30_000);
    expect(await flags()).toEqual(['inactive']);
  });
});

it('A device is not heard of by what another one tells about it', async () => {
  await begin({ deviceAfter: hour });
  await device('1', silentAfter(0, 'h'));
  await device('2');
  const last = await send('2');
  await world.until(last + 30 * minute);
  await send('1', { subject: { reference: 'Device/2' } });
  await world.until(last + hour);
  expect((await world.find('Flag')).map(({ author }) => author.reference)).toEqual(['Device/2']);
});

describe('The monitor of an implant', () => {
  const connectivity = (last: number) => ({
    meta: { profile: [`${canonical}/StructureDefinition/cied-connectivity`] },
    category: undefined,
    valueQuantity: undefined,
    code: { coding: [{ system: `${canonical}/CodeSystem/cied-connectivity`, code: 'connectivity' }] },
    component: [
      {
        code: { coding: [{ system: `${canonical}/CodeSystem/cied-connectivity`, code: 'connectivity-status' }] },
        valueCodeableConcept: { coding: [{ system: `${canonical}/CodeSystem/cied-connectivity`, code: 'connected' }] },
      },
      {
        code: { coding: [{ system: `${canonical}/CodeSystem/cied-connectivity`, code: 'last-connectivity' }] },
        valueDateTime: new Date(last).toISOString(),
      },
    ],
  });

  it('is silent fourteen days after its last contact, whenever that was told, of low priority (0-059)', async () => {
    await begin();
    await device('1');
    const contact = world.runtime.now() - 5 * day;
    await send('1', connectivity(contact));
    await world.until(contact + 14 * day - 1);
    // A maker that says the same once more is no contact.
    await send('1', connectivity(contact));
    expect(await flags()).toEqual([]);
    await world.until(contact + 14 * day);
    expect(await flags()).toEqual(['active']);
    const [flag] = await world.find('Flag');
    expect(flag.extension[0].valueCodeableConcept.coding[0].code).toBe('PL');
    await send('1', connectivity(world.runtime.now() - minute));
    await world.until(world.runtime.now() + minute);
    expect(await flags()).toEqual(['inactive']);
    expect(world.errors).toEqual([]);
  });
});
