/** Gathers what was delivered into few commits: a row recorded late is at worst sent a second time under the same id. */
import type { Change, Store } from '../store/store.ts';

export interface Recorder {
  /** Takes the changes along in the next commit; several calls share one. */
  add(changes: readonly Change[]): void;
  /** Resolves when all that was added is stored; throws when it could not be, and keeps it for the next flush. */
  flush(): Promise<void>;
}

const mostPerCommit = 1_000;

export function createRecorder(store: Pick<Store, 'commit'>): Recorder {
  const waiting: Change[] = [];
  let running: Promise<void> | undefined;

  async function storeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, mostPerCommit);
      await store.commit(batch);
      waiting.splice(0, batch.length);
    }
  }

  function run(): Promise<void> {
    running ??= storeAll().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    add(changes) {
      waiting.push(...changes);
      // A failure shows to whoever flushes; the rows stay in the list for that.
      run().catch(() => undefined);
    },
    async flush() {
      while (waiting.length > 0) await run();
    },
  };
}
