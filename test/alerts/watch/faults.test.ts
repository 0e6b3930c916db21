/** What goes wrong while readings are looked through: it holds up nobody else, is counted, and nothing that may yet go well is lost. docs/alerts.md#what-fails */
import { afterEach, describe, expect, it } from '@jest/globals';
import { problem } from '../../../src/fhir/outcome.ts';
import { canonical, hour, minute, openWatchWorld, vital, type WatchWorld } from './world.ts';

let world: WatchWorld;
afterEach(() => world?.close());

const always = Number.POSITIVE_INFINITY;
const bug = new TypeError('x is not a function');
const busy = problem('transient', 'the store is busy');
/** A commit writes a resource of this type about somebody. */
const writes = (type: string, about: string) => (change: any) =>
  change.op === 'write' && change.key.type === type && change.text?.join('').includes(`"${about}"`);
const later = (milliseconds: number) => world.until(world.runtime.now() + milliseconds);
const patient = (id: string) => world.save({ resourceType: 'Patient', id, birthDate: '1950-01-01' });

describe('A device that cannot be told of', () => {
  const flags = async () => (await world.find('Flag')).map(({ author }) => author.reference).sort();
  const fallSilent = async () => {
    world = await openWatchWorld({ deviceAfter: hour });
    await world.start();
    await later(5 * minute);
    await patient('1');
    for (const id of ['1', '2']) {
      await world.save({ resourceType: 'Device', id, status: 'active', patient: { reference: 'Patient/1' } });
      const device = { reference: `Device/${id}` };
      await world.save(vital('1', '8867-4', 70, '/min', world.runtime.now(), { device }));
    }
    await later(minute);
  };

  it.each([
    ['by a fault that nobody foresaw', bug],
    ['while the store is busy', busy],
  ])('%s holds up no other, is tried again after pauses of up to a minute, and is told of once', async (_, error) => {
    await fallSilent();
    world.fail(writes('Flag', 'Device/1'), error, always);
    await later(hour);
    expect([await flags(), (await world.faults())['device']]).toEqual([['Device/2'], world.errors.length]);
    world.fail(() => false);
    await later(minute);
    expect(await flags()).toEqual(['Device/1', 'Device/2']);
    await later(3 * hour);
    expect(await flags()).toHaveLength(2);
  });

  it('since the house refuses it holds up no other, and is asked for once', async () => {
    await fallSilent();
    world.fail(writes('Flag', 'Device/1'), problem('not-found', 'gone'), always);
    await later(3 * hour);
    expect([await flags(), await world.faults()]).toEqual([['Device/2'], { refused: 1 }]);
    expect(await world.kept('silence-timer')).toEqual([]);
  });
});

describe('A reading that cannot be looked through', () => {
  const drift = [70, 74, 78, 82, 86, 90];
  const send = async (id: string, value: number) => world.save(vital(id, '8867-4', value, '/min', world.runtime.now()));
  const drifts = async () =>
    (await world.find('Flag'))
      .filter(({ code }) => code.coding[0].code === 'vital-drift')
      .map(({ subject }) => subject.reference)
      .sort();
  const begin = async () => {
    world = await openWatchWorld();
    const server = await world.start();
    for (const id of ['1', '2']) await patient(id);
    return server;
  };
  const bothDrift = async (values: readonly number[]) => {
    for (const value of values) {
      for (const id of ['1', '2']) await send(id, value);
      await later(15 * minute);
    }
  };
  const isDrift = (change: any) =>
    writes('Observation', 'Patient/1')(change) && change.text.join('').includes(`${canonical}/CodeSystem/derived`);

  it('by a fault that nobody foresaw is passed over after three more tries, and said; what comes later is looked through', async () => {
    await begin();
    world.fail(isDrift, bug, always);
    await bothDrift(drift);
    expect([await drifts(), await world.faults()]).toEqual([['Patient/2'], { reading: 4, 'passed-over': 1 }]);
    expect([await world.kept('alert-watch-aside'), world.errors.length]).toEqual([[], 2]);
    world.fail(() => false);
    await bothDrift([94]);
    expect(await drifts()).toEqual(['Patient/1', 'Patient/2']);
  });

  it('while the store is busy is tried again until it goes well, in its order and over restarts; nobody waits for it', async () => {
    const server = await begin();
    await bothDrift(drift.slice(0, 5));
    const first = new Date(world.runtime.now()).toISOString();
    world.fail((change) => isDrift(change) && change.text.join('').includes(first), busy, always);
    for (const id of ['1', '2']) await send(id, 90);
    await later(10_000);
    expect(await drifts()).toEqual(['Patient/2']);
    // They go behind: taken before the other they would leave no place for that.
    for (let i = 1; i <= 2; i++) {
      await later(15 * minute);
      await send('1', 90 + 4 * i);
    }
    await later(minute);
    expect(await world.kept('alert-watch-aside')).toHaveLength(3);
    world.kill(server);
    await world.start();
    await later(10 * minute);
    expect(await drifts()).toEqual(['Patient/2']);
    world.fail(() => false);
    await later(2 * minute);
    expect(await drifts()).toEqual(['Patient/1', 'Patient/2']);
    const told = (await world.find('Observation')).filter(
      ({ meta, subject }) => meta.profile !== undefined && subject.reference === 'Patient/1',
    );
    expect(told.map(({ valueQuantity }) => valueQuantity.value)).toEqual([20, 20, 20]);
    expect([await world.kept('alert-watch-aside'), (await world.faults())['passed-over']]).toEqual([[], undefined]);
  });

  it('for now, and is deleted or moved by then, is none of the patient’s', async () => {
    await begin();
    await bothDrift(drift.slice(0, 5));
    world.fail(
      (change) => change.op === 'write' && change.text?.join('').includes('/derived-observation'),
      busy,
      always,
    );
    const [one, other] = [await send('1', 90), await send('2', 90)];
    await later(10_000);
    await world.remove(one);
    await world.save({ ...other, subject: { reference: 'Patient/3' } });
    await later(10_000);
    world.fail(() => false);
    await later(2 * minute);
    expect([await drifts(), await world.kept('alert-watch-aside')]).toEqual([[], []]);
  });
});
