/** Readings that are withdrawn: what was derived of them, and alerts that stand on nothing else, are in error too. docs/alerts.md#derived */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { problem } from '../../../src/fhir/outcome.ts';
import { minute, openWatchWorld, vital, type WatchWorld } from '../watch/world.ts';

let world: WatchWorld;
let server: number;
beforeEach(async () => {
  world = await openWatchWorld();
  server = await world.start();
  await world.save({ resourceType: 'Patient', id: '1', birthDate: '1950-01-01' });
});
afterEach(() => world.close());

const later = (milliseconds: number) => world.until(world.runtime.now() + milliseconds);
const sct = (code: string) => ({ coding: [{ system: 'http://snomed.info/sct', code }] });
const pulse = (value: number) => vital('1', '8867-4', value, '/min', world.runtime.now());
/** All of NEWS2 but the pulse. */
async function round(): Promise<void> {
  const at = world.runtime.now();
  const finding = (code: string, value?: string) => ({
    ...vital('1', '', 0, '', at),
    category: undefined,
    valueQuantity: undefined,
    code: sct(code),
    ...(value !== undefined && { valueCodeableConcept: sct(value) }),
  });
  await world.save(vital('1', '9279-1', 22, '/min', at));
  await world.save(vital('1', '2708-6', 97, '%', at));
  await world.save(vital('1', '8310-5', 37, 'Cel', at));
  await world.save(vital('1', '8480-6', 118, 'mm[Hg]', at));
  await world.save(finding('371825009'));
  await world.save(finding('1104441000000107', '248234008'));
}
const withdraw = async (reading: any) => {
  await world.save({ ...reading, status: 'entered-in-error' });
  await later(minute);
};
const of = (code: string) => (resource: any) => resource.code.coding.some((one: any) => one.code === code);
const alerts = async (code: string) => (await world.find('Flag')).filter(of(code)).map(({ status }) => status);
const derived = async (code: string) =>
  (await world.find('Observation'))
    .filter(of(code))
    .map(({ status, valueQuantity }) => `${valueQuantity.value} ${status}`)
    .sort();

describe('A reading that is withdrawn', () => {
  it('takes its score back, the alert with all three of its resources, and leaves the score of the others', async () => {
    await round();
    await world.save(pulse(80));
    await later(minute);
    const wrong = await world.save(pulse(140));
    await later(minute);
    expect([await derived('news2-total'), await alerts('news2-high')]).toEqual([['4 final', '7 final'], ['active']]);
    await withdraw(wrong);
    expect([await derived('news2-total'), await alerts('news2-high')]).toEqual([
      ['4 final', '7 entered-in-error'],
      ['entered-in-error'],
    ]);
    const [flag] = (await world.find('Flag')).filter(of('news2-high'));
    const task = (await world.find('Task')).find(({ focus }) => focus.reference === `Flag/${flag.id}`);
    const issue = (await world.find('DetectedIssue')).find(({ id }) => task.reasonReference.reference.endsWith(id));
    expect([task.status, issue.status]).toEqual(['entered-in-error', 'entered-in-error']);
    expect(flag.period.end).toBeDefined();
    // So does what was told of the reading itself, in the commit that withdraws it.
    expect(await alerts('vital-heart-rate')).toEqual(['entered-in-error']);
    expect(world.errors).toEqual([]);
  });

  it('leaves the alert that another score tells of too', async () => {
    await round();
    await world.save(pulse(140));
    await later(minute);
    const wrong = await world.save(pulse(150));
    await later(6 * minute);
    await withdraw(await world.save(pulse(160)));
    await withdraw(wrong);
    expect(await alerts('news2-high')).toEqual(['active']);
    await world.save(pulse(141));
    await later(minute);
    expect(await alerts('news2-high')).toEqual(['active']);
  });

  it('is told of by no score, though the same pulse comes again within five minutes', async () => {
    await round();
    const wrong = await world.save(pulse(140));
    await later(minute);
    await withdraw(wrong);
    expect(await alerts('news2-high')).toEqual(['entered-in-error']);
    await world.save(pulse(140));
    await later(minute);
    expect((await alerts('news2-high')).sort()).toEqual(['active', 'entered-in-error']);
  });

  it('is no sample of a drift any more', async () => {
    const readings: any[] = [];
    for (const value of [70, 74, 78, 82, 86, 99]) {
      readings.push(await world.save(pulse(value)));
      await later(15 * minute);
    }
    expect(await alerts('vital-drift')).toEqual(['active']);
    await withdraw(readings.at(-1));
    expect([await derived('drift-heart-rate'), await alerts('vital-drift')]).toEqual([
      ['29 entered-in-error'],
      ['entered-in-error'],
    ]);
    await world.save(pulse(90));
    await later(minute);
    expect([await derived('drift-heart-rate'), (await alerts('vital-drift')).sort()]).toEqual([
      ['20 final', '29 entered-in-error'],
      ['active', 'entered-in-error'],
    ]);
    expect(world.errors).toEqual([]);
  });

  it('of which something cannot be taken back since the house refuses it is no sample any more all the same', async () => {
    const readings: any[] = [];
    for (const value of [70, 74, 78, 82, 86, 99]) {
      readings.push(await world.save(pulse(value)));
      await later(15 * minute);
    }
    const isTakenBack = ({ key, text }: any) =>
      key.type === 'Observation' && text?.join('').includes('/derived-observation');
    world.fail(
      (change) => change.op === 'write' && isTakenBack(change),
      problem('not-found', 'gone'),
      Number.POSITIVE_INFINITY,
    );
    await withdraw(readings.at(-1));
    expect([await world.faults(), await derived('drift-heart-rate')]).toEqual([{ refused: 1 }, ['29 final']]);
    world.fail(() => false);
    await world.save(pulse(90));
    await later(minute);
    expect(await derived('drift-heart-rate')).toEqual(['20 final', '29 final']);
  });

  it('before anybody looked at it leaves nothing behind', async () => {
    for (const value of [70, 74, 78, 82, 86]) {
      await world.save(pulse(value));
      await later(15 * minute);
    }
    const wrong = await world.save(pulse(99));
    await withdraw(wrong);
    expect(await alerts('vital-drift')).not.toContain('active');
    expect((await derived('drift-heart-rate')).filter((one) => one.endsWith('final'))).toEqual([]);
  });
});

describe('A reading that is', () => {
  const to = (value: number) => (one: any) =>
    world.save({ ...one, status: 'corrected', valueQuantity: { ...one.valueQuantity, value } });
  const toAnother = (one: any) => world.save({ ...one, subject: { reference: 'Patient/2' } });
  const remove = (one: any) => world.remove(one);

  it.each([
    ['deleted', remove, []],
    ['corrected', to(80), ['4 final']],
    ['moved to another patient', toAnother, []],
  ])('%s takes its score and the alert back, and again after a restart', async (_, change, left) => {
    await round();
    const wrong = await world.save(pulse(140));
    await later(minute);
    await change(wrong);
    await later(500);
    world.kill(server);
    await world.start();
    await later(minute);
    expect([await derived('news2-total'), await alerts('news2-high')]).toEqual([
      [...left, '7 entered-in-error'],
      ['entered-in-error'],
    ]);
    expect(world.errors).toEqual([]);
  });

  it.each([
    ['deleted', remove, [], 'entered-in-error'],
    ['corrected', to(90), ['20 final'], 'active'],
    ['moved to another patient', toAnother, [], 'entered-in-error'],
    [
      'amended by what tells nothing else',
      (one: any) => world.save({ ...one, status: 'amended', note: [{ text: 'x' }] }),
      ['29 final'],
      'active',
    ],
  ])('%s is the sample of a drift that it is by now', async (_, change, left, status) => {
    let last: any;
    for (const value of [70, 74, 78, 82, 86, 99]) {
      last = await world.save(pulse(value));
      await later(15 * minute);
    }
    await change(last);
    await later(minute);
    expect([await derived('drift-heart-rate'), await alerts('vital-drift')]).toEqual([
      left.includes('29 final') ? left : [...left, '29 entered-in-error'],
      [status],
    ]);
    expect(world.errors).toEqual([]);
  });
});
