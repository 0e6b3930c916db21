/** Makes the search index anew where an older Watchfire made it, then takes on the SearchParameters that it stored. docs/storage.md */
import type { Log } from '../log.ts';
import { INDEX_VERSION } from '../search/index-version.ts';
import type { IndexEntries } from '../search/query.ts';
import type { Engine } from '../store/engine.ts';
import type { Leases } from '../store/lease.ts';

interface Parts {
  readonly store: Pick<Engine, 'indexVersion' | 'upgradeIndex'>;
  readonly leases: Pick<Leases, 'hold'>;
  readonly extract: (text: string) => IndexEntries;
  readonly registerStored: () => Promise<void>;
  readonly log: Pick<Log, 'error'>;
  readonly signal: AbortSignal;
}

interface Upgrade {
  /** From 0 to 1. Searches are refused before: they would miss what is not indexed yet. */
  progress(): number;
  /** Resolves when all is over that no lease stands behind. */
  readonly settled: Promise<void>;
}

/** One server of a store does the work; where there is none, every server only looks. */
export function startIndexUpgrade({ store, leases, extract, registerStored, log, signal }: Parts): Upgrade {
  let indexed = store.indexVersion() >= INDEX_VERSION ? 1 : 0;
  const upgrade = async (until: AbortSignal) => {
    const isDone = await store.upgradeIndex({
      indexVersion: INDEX_VERSION,
      extract: ({ text }) => extract(text),
      signal: until,
      onProgress: (done, of) => {
        indexed = done / of;
      },
    });
    if (!isDone) return;
    indexed = 1;
    await registerStored();
  };
  const progress = () => indexed;
  if (indexed < 1) {
    leases.hold('index-upgrade', (held) => upgrade(held.signal));
    return { progress, settled: Promise.resolve() };
  }
  return { progress, settled: upgrade(signal).catch((error: unknown) => log.error('index upgrade stopped', error)) };
}
