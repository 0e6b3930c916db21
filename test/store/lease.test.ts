/** Leases: one server at a time, taken over by the store's clock, and nothing from whoever was thought dead. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../src/store/engine.ts';
import { fenced, type Held, type Leases, startLeases } from '../../src/store/lease.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../src/store/store.ts';
import { createPause, pausedRuntime, pausedStore } from '../simulation/pause.ts';
import { type VirtualRuntime, virtualRuntime } from '../simulation/world.ts';
import { seeded } from '../support/seeded.ts';

let runtime: VirtualRuntime;
let store: Engine;
const servers: { stop(): Promise<void> }[] = [];

/** Lets everything happen that happens within these milliseconds. */
async function pass(milliseconds: number): Promise<void> {
  const limit = runtime.now() + milliseconds;
  do for (let rounds = 0; rounds < 12; rounds++) await new Promise((go) => setImmediate(go));
  while (runtime.leap(limit));
}

interface Server extends Leases {
  readonly store: Engine;
  /** Everything it ever held, in order. */
  readonly turns: Held[];
  /** Works from when a lease is held until its signal. */
  readonly work: (held: Held) => Promise<void>;
  readonly holding: () => number;
  readonly freeze: () => void;
  readonly goOn: () => void;
  /** Its store answers no more. */
  readonly unplug: () => void;
  /** What it commits is stored, and answered so many milliseconds later. */
  readonly slow: (milliseconds: number) => void;
  readonly stop: () => Promise<void>;
}

function server(owner: string, isShared = true): Server {
  const pause = createPause();
  let isPlugged = true;
  let slowness = 0;
  const view = pausedStore(
    {
      ...store,
      commit: async (changes: readonly Change[]) => {
        if (!isPlugged) throw new Error('unplugged');
        const written = await store.commit(changes);
        if (slowness > 0) await runtime.sleep(slowness);
        return written;
      },
    },
    pause,
  );
  const leaving = new AbortController();
  const log = { error: () => undefined };
  const own = pausedRuntime(runtime, pause);
  const leases = startLeases({ store: view, runtime: own, owner, isShared, log, signal: leaving.signal });
  const turns: Held[] = [];
  const made: Server = {
    ...leases,
    store: view,
    turns,
    async work(held) {
      turns.push(held);
      if (held.signal.aborted) return;
      await new Promise((go) => held.signal.addEventListener('abort', go));
    },
    holding: () => turns.filter(({ signal }) => !signal.aborted).length,
    freeze: pause.stop,
    goOn: pause.goOn,
    unplug: () => {
      isPlugged = false;
    },
    slow: (milliseconds) => {
      slowness = milliseconds;
    },
    async stop() {
      pause.goOn();
      leaving.abort();
      for (let turn = 0; turn < 5; turn++) await pass(10);
      await leases.stopped;
    },
  };
  servers.push(made);
  return made;
}

const mark = (value: number): Change => ({ op: 'put', kind: 'state', key: 'a', value });
const marked = async () => (await store.get('state', ['a']))[0]?.value;

beforeEach(async () => {
  runtime = virtualRuntime(seeded(1));
  store = await openSqliteStore({ file: ':memory:', runtime });
});
afterEach(async () => {
  for (const one of servers.splice(0)) await one.stop();
  await store.close();
});

describe('a lease', () => {
  it('is one server’s at a time, for as long as it lives', async () => {
    const [first, second] = [server('first'), server('second')];
    first.hold('job', first.work);
    await pass(2_000);
    second.hold('job', second.work);
    await pass(600_000);
    expect([first.turns.length, first.holding(), second.turns.length]).toEqual([1, 1, 0]);
  });

  it('is free at once when its server stops in good order', async () => {
    const [first, second] = [server('first'), server('second')];
    first.hold('job', first.work);
    await pass(2_000);
    second.hold('job', second.work);
    await pass(2_000);
    await first.stop();
    await pass(1_100);
    expect(second.holding()).toBe(1);
  });

  it('is taken over from a dead server within 20 s, under a higher epoch', async () => {
    const [first, second] = [server('first'), server('second')];
    first.hold('job', first.work);
    await pass(2_000);
    second.hold('job', second.work);
    first.freeze();
    await pass(9_000);
    expect(second.turns.length).toBe(0);
    await pass(11_000);
    expect(second.holding()).toBe(1);
    expect(second.turns[0]!.fence.epoch).toBeGreaterThan(first.turns[0]!.fence.epoch);
  });

  it('refuses what a server that was thought dead still wants to store, also when its successor is gone too', async () => {
    const [first, second] = [server('first'), server('second')];
    first.hold('job', first.work);
    await pass(2_000);
    second.hold('job', second.work);
    const late = fenced(first.store, first.turns[0]!.fence);
    await late.commit([mark(1)]);
    first.freeze();
    const refused = late.commit([mark(2)]).then(
      () => 'stored',
      (error) => error.code,
    );
    await pass(20_000);
    await fenced(second.store, second.turns[0]!.fence).commit([mark(3)]);
    await second.stop();
    await pass(60_000);
    first.goOn();
    await pass(10);
    expect(await refused).toBe('conflict');
    expect(await marked()).toBe(3);
  });

  it('is given up after 10 s without an answer of the store, before anybody can take it over', async () => {
    const [first, second] = [server('first'), server('second')];
    first.hold('job', first.work);
    await pass(2_000);
    second.hold('job', second.work);
    await pass(3_500); // the second sign of life is 500 ms old
    let [lostAt, takenAt] = [0, 0];
    first.turns[0]!.signal.addEventListener('abort', () => {
      lostAt = runtime.now();
    });
    first.unplug();
    const begun = runtime.now();
    while (second.turns.length === 0) {
      await pass(100);
      takenAt = runtime.now();
    }
    expect(lostAt - begun).toBe(9_500);
    expect(takenAt - begun).toBeGreaterThan(14_000);
    expect(takenAt - begun).toBeLessThan(16_500);
  });

  it('is not held on the strength of a sign of life that was answered too late', async () => {
    const [first, second] = [server('first'), server('second')];
    first.hold('job', first.work);
    await pass(2_000);
    first.slow(12_500);
    await pass(5_000);
    first.slow(0);
    await pass(12_000);
    second.hold('job', second.work);
    for (let step = 0; step < 100; step++) {
      await pass(100);
      expect(first.holding() + second.holding()).toBeLessThan(2);
    }
  });

  it('is taken over at once by the owner that comes back', async () => {
    const first = server('this folder', false);
    first.hold('job', first.work);
    await pass(10);
    first.freeze(); // killed
    const second = server('this folder', false);
    second.hold('job', second.work);
    await pass(10);
    expect(second.holding()).toBe(1);
    expect(second.turns[0]!.fence.epoch).toBe(2);
  });

  it('of work that is done goes to the next, and never back', async () => {
    const [first, second] = [server('first'), server('second')];
    const done: string[] = [];
    for (const [name, one] of [
      ['first', first],
      ['second', second],
    ] as const)
      one.hold('upgrade', async () => void done.push(name));
    await pass(30_000);
    expect(done.sort()).toEqual(['first', 'second']);
  });

  it('of work that failed is tried again', async () => {
    const first = server('this folder', false);
    let tries = 0;
    first.hold('job', async () => {
      if (++tries < 3) throw new Error('not yet');
    });
    await pass(10_000);
    expect(tries).toBe(3);
  });
});

describe('the shares of a lease', () => {
  it('are spread evenly over the servers that live', async () => {
    const first = server('first');
    first.hold('delivery', first.work, 16);
    await pass(2_000);
    expect(first.holding()).toBe(16);
    const second = server('second');
    second.hold('delivery', second.work, 16);
    await pass(5_000);
    expect([first.holding(), second.holding()]).toEqual([8, 8]);
    await second.stop();
    await pass(3_000);
    expect(first.holding()).toBe(16);
  });
});
