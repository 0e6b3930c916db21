/** What waits to be sent: tried again under one id, given up where that is no use, never lost by a server that dies. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AlertWorld, openAlertWorld } from '../process/world.ts';

let world: AlertWorld;
afterEach(() => world?.close());
const busy = { failed: 'system-error', reason: 'The endpoint answered 503', isFinal: false } as const;
const minute = 60_000;

async function open(answers: AlertWorld['answers'] = []): Promise<number> {
  world = await openAlertWorld();
  world.answers.push(...answers);
  await world.save({ resourceType: 'Patient', id: '1' });
  await world.start();
  await world.open('critical', 'a');
  return world.runtime.now();
}
const waits = (begun: number) => world.sent.map(({ at }) => at - begun);
const first = async () => (await world.find('Communication')).find(({ about }) => about[0].reference === 'Flag/a');

describe('a message that fails', () => {
  it('is tried again later and later under the same id, until it is taken', async () => {
    const begun = await open([busy, busy, { ...busy, retryAfter: 60_000 }]);
    await world.until(begun + 500);
    expect(await first()).toMatchObject({ status: 'in-progress' });
    await world.until(begun + 3 * minute);
    expect(waits(begun)).toEqual([0, 1_000, 6_000, 66_000]);
    expect(new Set(world.sent.map(({ id }) => id)).size).toBe(1);
    expect(await first()).toMatchObject({ status: 'completed', sent: new Date(begun + 66_000).toISOString() });
    expect(await world.kept('alert-message')).toEqual([]);
    const counts = Object.fromEntries((await world.kept('alert-message-count')).map(({ key, value }) => [key, value]));
    expect(counts).toEqual({ 'webhook|failed': 3, 'webhook|sent': 1 });
  });

  it('is given up at once where that is final, and its Communication says why', async () => {
    const begun = await open([{ failed: 'invalid-phone-number', reason: 'The number is none', isFinal: true }]);
    await world.until(begun + minute);
    expect(waits(begun)).toEqual([0]);
    expect(await first()).toMatchObject({
      status: 'not-done',
      statusReason: { coding: [{ code: 'invalid-phone-number' }], text: 'The number is none' },
    });
    expect((await world.kept('alert-message-count')).map(({ key }) => key)).toEqual(['webhook|dead']);
  });

  it('is given up after an hour, while the escalation goes on', async () => {
    const begun = await open(Array(100).fill(busy));
    await world.until(begun + 70 * minute);
    const message = (await world.find('Communication')).filter(({ status }) => status === 'not-done');
    expect(message.map(({ statusReason }) => statusReason.coding[0].code)).toEqual(['system-error', 'system-error']);
    expect(world.sent.filter(({ id }) => id === world.sent[0]!.id).at(-1)!.at - begun).toBeGreaterThanOrEqual(
      60 * minute,
    );
  });
});

describe('a message that was sent by a server that died before it could say so', () => {
  it('is sent again under its id', async () => {
    const begun = await open([busy]);
    await world.until(begun + 500);
    world.kill(0);
    await world.start();
    await world.until(begun + 2_000);
    expect(world.sent.map(({ server }) => server)).toEqual([0, 1]);
    expect(world.sent[0]!.id).toBe(world.sent[1]!.id);
  });
});

describe('a server that stands still after a try that failed', () => {
  it('does not bring a message back that another has sent meanwhile', async () => {
    world = await openAlertWorld({}, true);
    await world.save({ resourceType: 'Patient', id: '1' });
    await Promise.all([world.start(), world.start()]);
    await world.until(world.runtime.now() + 5_000);
    await world.open('critical', 'a');
    await world.until(world.runtime.now() + 30_000);
    const holder = world.sent[0]!.server;
    world.answers.push(busy);
    const isRetry = (changes: readonly any[]) =>
      changes.some(({ op, kind }) => op === 'put' && kind === 'alert-message') &&
      changes.some(({ op, kind }) => op === 'drop' && kind === 'alert-message');
    world.pauseAt(holder, isRetry);
    await world.open('critical', 'b');
    await world.until(world.runtime.now() + 60_000);
    const ofB = () => world.sent.filter(({ about }) => about === 'Flag/b').map(({ server }) => server);
    expect(ofB()).toEqual([holder, 1 - holder]);
    world.goOn(holder);
    await world.until(world.runtime.now() + 60_000);
    expect(ofB()).toEqual([holder, 1 - holder]);
    expect(await world.kept('alert-message')).toEqual([]);
  });
});
