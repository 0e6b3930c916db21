/** Rings when something happens in a folder, where the system tells; where it does not, the wait is simply over in time. https://nodejs.org/api/fs.html#fswatchfilename-options-listener */
import { type FSWatcher, watch } from 'node:fs';
import type { Runtime } from '../../runtime.ts';

export interface Bell {
  /** Resolves when it rings, or rang since the last wait, at the latest after `most` milliseconds, or when the signal aborts. */
  wait(most: number, runtime: Pick<Runtime, 'sleep'>, signal: AbortSignal): Promise<void>;
  close(): void;
}

export function openBell(folder: string): Bell {
  let hasRung = false;
  let ring = (): void => undefined;
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, () => {
      hasRung = true;
      ring();
    });
    // A folder that is gone or a system without room for more: from now on the time alone tells.
    watcher.on('error', () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  return {
    async wait(most, runtime, signal) {
      if (!hasRung && !signal.aborted) {
        const rung = new AbortController();
        ring = () => rung.abort();
        await runtime.sleep(most, AbortSignal.any([rung.signal, signal]));
      }
      hasRung = false;
    },
    close: () => watcher?.close(),
  };
}
