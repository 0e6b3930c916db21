/** Real work beside a virtual clock, which stands while anything is under way. */
import type { VirtualRuntime } from './world.ts';

/** Turns of the event loop without a call, after which nothing is to come but by the clock. */
const QUIET_TURNS = 6;

export interface Work {
  /** The same method, whose calls hold the clock. */
  followed<A extends unknown[], R>(method: (...parameters: A) => Promise<R>): (...parameters: A) => Promise<R>;
  settled(): Promise<void>;
  /** Lets all happen that happens by then. */
  until(at: number): Promise<void>;
}

export function followWork({ leap }: Pick<VirtualRuntime, 'leap'>): Work {
  let calls = 0;
  let busy = 0;
  async function settled(): Promise<void> {
    for (let still = 0; still < QUIET_TURNS; ) {
      const before = calls;
      await new Promise((go) => setImmediate(go));
      still = busy === 0 && calls === before ? still + 1 : 0;
    }
  }
  return {
    followed:
      (method) =>
      async (...parameters) => {
        calls++;
        busy++;
        try {
          return await method(...parameters);
        } finally {
          busy--;
        }
      },
    settled,
    async until(at) {
      await settled();
      while (leap(at)) await settled();
      await settled();
    },
  };
}
