/** The store's clock: the runtime's, corrected by that of the database, so that all servers on one store agree on the time. */
import type { Runtime } from '../../runtime.ts';

export interface Clock {
  /** Whole milliseconds since 1970 UTC. Never goes back. */
  now(): number;
  /** Asks the database for its time and goes by it from now on. */
  measure(): Promise<void>;
}

/** `askDatabase` resolves with the database's time in ms since 1970 UTC. The clock is the runtime's until it was measured. */
export function createClock(runtime: Runtime, askDatabase: () => Promise<number>): Clock {
  let offset = 0;
  let last = 0;
  return {
    now() {
      last = Math.max(last, Math.floor(runtime.now() + offset));
      return last;
    },
    async measure() {
      const asked = runtime.now();
      const theirs = await askDatabase();
      // What they said was true somewhere on the way: half of it is the best guess.
      offset = theirs - (asked + runtime.now()) / 2;
    },
  };
}
