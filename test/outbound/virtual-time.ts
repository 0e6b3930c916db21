/** A clock that stands still until somebody sleeps: then it jumps, once nothing is on the wire any more. */
import { setImmediate as turn } from 'node:timers/promises';
import type { GuardedClient } from '../../src/outbound/guarded-client.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';

export interface VirtualTime {
  readonly runtime: Runtime;
  /** Milliseconds that were slept, in the order in which the clock came to them. */
  readonly slept: number[];
  /** Counts what is on the wire, so that no answer is overtaken by the clock. */
  watched(client: Pick<GuardedClient, 'send'>): Pick<GuardedClient, 'send'>;
  /** Lets time pass until the work is done. */
  settle<T>(work: Promise<T>): Promise<T>;
  advance(milliseconds: number): void;
}

interface Sleeper {
  readonly at: number;
  readonly asked: number;
  readonly wake: () => void;
}

export function createVirtualTime(start = Date.parse('2026-11-29T00:00:00Z')): VirtualTime {
  let now = start;
  let onTheWire = 0;
  let sleepers: Sleeper[] = [];
  const slept: number[] = [];
  const runtime: Runtime = {
    ...systemRuntime,
    now: () => now,
    sleep: (asked, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { at: now + asked, asked, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((one) => one !== sleeper);
          resolve();
        });
      }),
  };
  return {
    runtime,
    slept,
    watched: (client) => ({
      async send(call) {
        onTheWire++;
        try {
          return await client.send(call);
        } finally {
          onTheWire--;
        }
      },
    }),
    async settle(work) {
      let isDone = false;
      const done = () => {
        isDone = true;
      };
      work.then(done, done);
      for (let quiet = 0; !isDone; ) {
        await turn();
        quiet = onTheWire > 0 ? 0 : quiet + 1;
        if (quiet < 20 || sleepers.length === 0) continue;
        const [first] = sleepers.sort((one, other) => one.at - other.at);
        sleepers = sleepers.filter((one) => one !== first);
        now = Math.max(now, first!.at);
        slept.push(first!.asked);
        first!.wake();
        quiet = 0;
      }
      return work;
    },
    advance(milliseconds) {
      now += milliseconds;
    },
  };
}
