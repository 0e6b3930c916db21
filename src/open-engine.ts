/** Opens the store that the configuration names, and says which server of it this one is. docs/storage.md, docs/storage-mongodb.md */
import { join } from 'node:path';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { freshId, type Runtime } from './runtime.ts';
import { INDEX_VERSION } from './search/index-version.ts';
import type { Engine } from './store/engine.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';

export interface OpenedEngine {
  readonly engine: Engine;
  /** Whether other servers may work on the same store: the data folder is this server's own, a MongoDB is anybody's. */
  readonly isShared: boolean;
  /** The name under which this server holds leases. The server of a data folder comes back under the same one. */
  readonly owner: string;
}

export interface OpeningEngine {
  readonly config: Pick<Config, 'store' | 'data' | 'mongodbAcceptRelease'>;
  readonly runtime: Runtime;
  /** How many lists of changes one commit took along, how many of them were refused, and the seconds it took. */
  readonly onCommit: (lists: number, refused: number, seconds: number) => void;
  readonly log: Pick<Log, 'warn' | 'error'>;
}

/** Rejects with a sentence where the store cannot be used. */
export async function openEngine(opening: OpeningEngine): Promise<OpenedEngine> {
  const { config, runtime, onCommit, log } = opening;
  const shared = { runtime, indexVersion: INDEX_VERSION, onCommit };
  if (config.store === 'sqlite') {
    const engine = await openSqliteStore({ ...shared, file: join(config.data, 'watchfire.db') });
    return { engine, isShared: false, owner: 'data-folder' };
  }
  // The driver takes memory and time of the start that the embedded store has no use for.
  const { openMongoStore } = await import('./store/mongodb/open.ts');
  const engine = await openMongoStore({
    ...shared,
    uri: config.store,
    acceptRelease: config.mongodbAcceptRelease,
    log: (sentence, error) => (error === undefined ? log.warn(sentence) : log.error(sentence, error)),
  });
  return { engine, isShared: true, owner: freshId(runtime) };
}
