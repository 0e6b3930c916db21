/** How many calls go to one maker: so many at a time, so many a minute, in the order in which they were asked for. */
import type { Runtime } from '../runtime.ts';
import type { MakerLimits } from './maker.ts';

export interface Budget {
  /** Runs the call when its turn has come. A signal that aborts while it waits ends the waiting: the work sees to that itself. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

const MINUTE = 60_000;

export function createBudget(
  { atATime, perMinute }: Pick<MakerLimits, 'atATime' | 'perMinute'>,
  runtime: Pick<Runtime, 'now' | 'sleep'>,
): Budget {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  /** When the calls of the last minute went out, the oldest first. */
  const went: number[] = [];

  async function enter(): Promise<void> {
    if (underWay < atATime) {
      underWay++;
      return;
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** Whoever waits longest takes the place over. */
  function leave(): void {
    const next = waiting.shift();
    if (next) next();
    else underWay--;
  }

  async function turn(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const now = runtime.now();
      while (went.length > 0 && went[0]! <= now - MINUTE) went.shift();
      if (went.length < perMinute || signal?.aborted) {
        went.push(now);
        return;
      }
      await runtime.sleep(went[0]! + MINUTE - now, signal);
    }
  }

  return {
    async run(work, signal) {
      await enter();
      try {
        await turn(signal);
        return await work();
      } finally {
        leave();
      }
    },
  };
}
