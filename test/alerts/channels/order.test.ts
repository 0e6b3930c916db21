/** In which order messages are sent, and what it costs to know: the more urgent first, then who has waited longer; two at a time to one address. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Channel, Message } from '../../../src/alerts/channels/channel.ts';
import { type KeptMessage, keepMessage, messageKind } from '../../../src/alerts/channels/kept.ts';
import { workOutbox } from '../../../src/alerts/channels/outbox.ts';
import { createQueue, type Waiting } from '../../../src/alerts/channels/queue.ts';
import { createTray } from '../../../src/alerts/channels/tray.ts';
import { systemRuntime as runtime } from '../../../src/runtime.ts';
import type { Engine } from '../../../src/store/engine.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { until } from '../../support/until.ts';

describe('the queue', () => {
  const one = (key: string, more: Partial<Waiting> = {}): Waiting => ({
    key,
    address: key,
    priority: 'routine',
    at: 0,
    ...more,
  });
  const drained = (queue: ReturnType<typeof createQueue>, now = 10) => {
    const keys: string[] = [];
    for (let next = queue.next(now); next; next = queue.next(now)) keys.push(next.key);
    return keys;
  };

  it('gives the more urgent first, then what was due earlier, however they came', () => {
    const queue = createQueue(2);
    for (const key of ['d7', 'b2', 'd1', 'a9', 'c3', 'b1', 'a3', 'later'])
      queue.add(
        one(key, {
          priority: ({ a: 'stat', b: 'asap', c: 'urgent' } as const)[key[0]!] ?? 'routine',
          at: key === 'later' ? 11 : Number(key[1]),
        }),
      );
    expect(drained(queue)).toEqual(['a3', 'a9', 'b1', 'b2', 'c3', 'd1', 'd7']);
    expect(queue.dueAt()).toBe(11);
    expect(drained(queue, 11)).toEqual(['later']);
  });

  it('holds up what goes to an address that has as many under way as it takes, and nobody else', () => {
    const queue = createQueue(2);
    const slow = (key: string, more: Partial<Waiting> = {}) => one(key, { address: 'slow', ...more });
    for (const key of ['1', '2', '3', '4']) queue.add(slow(key));
    queue.add(one('other'));
    expect(drained(queue)).toEqual(['1', '2', 'other']);
    queue.add(slow('urgent', { priority: 'stat' }));
    expect(drained(queue)).toEqual([]);
    queue.done(slow('1'));
    expect(drained(queue)).toEqual(['urgent']);
    queue.done(slow('2'));
    queue.done(slow('urgent'));
    expect(drained(queue)).toEqual(['3', '4']);
  });

  it('knows each once, until it is done', () => {
    const queue = createQueue(2);
    queue.add(one('a'));
    queue.add(one('a', { at: 5 }));
    expect(drained(queue)).toEqual(['a']);
    queue.add(one('a'));
    expect(drained(queue)).toEqual([]);
    queue.done(one('a'));
    queue.add(one('a'));
    expect(drained(queue)).toEqual(['a']);
  });
});

describe('five hundred messages that wait', () => {
  let store: Engine;
  let lists = 0;
  const begun = runtime.now() - 60_000;
  const fence = { key: 'alert-messages', epoch: 1 };
  beforeEach(async () => {
    store = await openSqliteStore({ file: ':memory:', runtime });
    lists = 0;
  });
  afterEach(() => store.close());

  const message = (id: string, at: number, more: Partial<KeptMessage> = {}) => {
    const to = { kind: 'webhook', value: 'inbox' } as const;
    const base = { to, subject: '', text: '', about: 'Flag/1', alert: '1', request: 'r', purpose: 'alert' } as const;
    return keepMessage({ ...base, id, priority: 'routine', attempts: 0, since: at, ...more }, at);
  };
  const priorities = ['routine', 'urgent', 'stat'] as const;
  /** To one inbox, of every priority in turn, each a millisecond after the one before. */
  const backlog = () =>
    Array.from({ length: 500 }, (_, i) =>
      message(String(i).padStart(3, '0'), begun + i, { priority: priorities[i % 3]! }),
    );

  /** Sends until it is stopped. `onSend` may lay more. */
  function work({ onSend, lookEvery = 60_000 }: { onSend?: (message: Message) => unknown; lookEvery?: number } = {}) {
    const sent: string[] = [];
    const tray = createTray();
    const stop = new AbortController();
    const channel: Channel = {
      kind: 'webhook',
      async send(message) {
        sent.push(message.id);
        await onSend?.(message);
        return 'sent';
      },
    };
    const counting = {
      ...store,
      async list(kind: string, from: string, count: number) {
        if (kind === messageKind) lists++;
        return store.list(kind, from, count);
      },
    };
    const done = workOutbox(
      {
        store: counting,
        // Their Communications are not there: nothing is written about them.
        dispatch: () => Promise.reject(new Error('nothing is to be written')),
        runtime,
        base: 'http://test/fhir',
        log: { warn: () => undefined, error: (_, error) => void errors.push(error) },
        channels: new Map([['webhook', channel]]),
        tray,
        judge: async () => ({}),
        lookEvery,
      },
      { fence, signal: stop.signal },
    );
    return {
      sent,
      tray,
      stop: () => {
        stop.abort();
        return done;
      },
    };
  }
  const errors: unknown[] = [];

  it('are sent in the order of their urgency, then of their times, and are looked for once', async () => {
    await store.commit(backlog());
    const { sent, stop } = work();
    await until(() => sent.length === 500);
    await stop();
    const rank = (id: string) => 2 - (Number(id) % 3);
    const inOrder = [...sent].sort((a, b) => rank(a) - rank(b) || Number(a) - Number(b));
    expect(sent).toEqual(inOrder);
    expect(lists).toBe(3);
    expect(await store.list(messageKind, '', 10)).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('hold up nothing that is more urgent and comes later', async () => {
    await store.commit(backlog().slice(0, 200));
    const late = message('late', runtime.now(), { priority: 'stat' });
    const { sent, tray, stop } = work({
      async onSend() {
        if (sent.length !== 100) return;
        await store.commit([late]);
        tray.lay([late]);
      },
    });
    await until(() => sent.length === 201);
    await stop();
    // Two were under way.
    expect(sent.indexOf('late')).toBeGreaterThanOrEqual(100);
    expect(sent.indexOf('late')).toBeLessThanOrEqual(102);
  });

  it('hold up nothing that another server has kept, though its clock be behind', async () => {
    const { sent, stop } = work({ lookEvery: 25 });
    await until(() => lists > 0);
    await store.commit([message('elsewhere', runtime.now() - 5_000)]);
    await until(() => sent.length === 1);
    await stop();
    expect(sent).toEqual(['elsewhere']);
  });

  it('are all sent over a change of who sends them, at most those under way twice', async () => {
    await store.commit(backlog());
    const first = work();
    await until(() => first.sent.length >= 100);
    await first.stop();
    const second = work();
    await until(async () => (await store.list(messageKind, '', 1)).length === 0);
    await second.stop();
    expect(new Set([...first.sent, ...second.sent]).size).toBe(500);
    expect(first.sent.length + second.sent.length).toBeLessThanOrEqual(502);
  });
});
