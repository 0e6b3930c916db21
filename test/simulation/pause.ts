/** A process that stands still for a while: its timers and the answers of its store come when it goes on. */
import type { Runtime } from '../../src/runtime.ts';

export interface Pause {
  stop(): void;
  goOn(): void;
  /** Resolves while the process runs. */
  readonly gate: () => Promise<void>;
}

export function createPause(): Pause {
  let going: Promise<void> | undefined;
  let go = (): void => undefined;
  return {
    stop() {
      going ??= new Promise((resolve) => {
        go = resolve;
      });
    },
    goOn() {
      going = undefined;
      go();
    },
    async gate() {
      while (going) await going;
    },
  };
}

/** Timers that are due meanwhile fire when the process goes on; one whose signal aborts resolves at once. */
export const pausedRuntime = (runtime: Runtime, { gate }: Pause): Runtime => ({
  ...runtime,
  async sleep(milliseconds, signal) {
    await runtime.sleep(milliseconds, signal);
    if (!signal?.aborted) await gate();
  },
});

/** Each call leaves and comes back while the process runs. */
export function pausedStore<S extends object>(store: S, { gate }: Pause): S {
  const call =
    (method: any) =>
    async (...parameters: unknown[]) => {
      await gate();
      const answer = await method(...parameters);
      await gate();
      return answer;
    };
  const methods = ['read', 'vread', 'search', 'history', 'get', 'list', 'audit', 'end', 'commit'];
  const paused = methods.filter((name) => name in store).map((name) => [name, call((store as any)[name])]);
  return { ...store, ...Object.fromEntries(paused) };
}
