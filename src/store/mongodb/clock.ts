/** The store's clock: that of the database, carried on by one that nobody sets, so that all servers on one store agree on the time. */
import type { Runtime } from '../../runtime.ts';

export interface Clock {
  /** Whole milliseconds since 1970 UTC. Never goes back. */
  now(): number;
  /** Asks the database for its time and goes by it from now on, if the answer can be relied on. */
  measure(): Promise<void>;
}

/** Ms from question to answer beyond which half of the way tells nothing: the question waited for a primary. */
const SLOW = 1_000;

/** `askDatabase` resolves with the database's time in ms since 1970 UTC. The clock begins as the runtime's; `ticks` are ms of one that nobody sets. */
export function createClock(
  runtime: Pick<Runtime, 'now'>,
  askDatabase: () => Promise<number>,
  ticks: () => number = () => performance.now(),
): Clock {
  let offset = runtime.now() - ticks();
  let last = 0;
  /** When the question was asked by whose answer the clock goes, and whether it was a slow one. */
  let measured: { readonly asked: number; readonly isSlow: boolean } | undefined;
  return {
    now() {
      last = Math.max(last, Math.floor(ticks() + offset));
      return last;
    },
    async measure() {
      const asked = ticks();
      const theirs = await askDatabase();
      const answered = ticks();
      const isSlow = answered - asked > SLOW;
      // A slow one is still better than the machine's own time, or than another slow one.
      if (measured && ((isSlow && !measured.isSlow) || asked < measured.asked)) return;
      measured = { asked, isSlow };
      // What they said was true somewhere on the way: half of it is the best guess.
      offset = theirs - (asked + answered) / 2;
    },
  };
}
