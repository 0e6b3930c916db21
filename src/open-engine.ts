/** Opens the store that the configuration names, and says which server of it this one is. docs/storage.md, docs/storage-mongodb.md */
import { join } from 'node:path';
import { type Config, ConfigError } from './config.ts';
import type { Runtime } from './runtime.ts';
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
}

/** Refuses a store that this version has no engine for, before anything is made. */
export function demandEngine({ store }: Pick<Config, 'store'>): void {
  if (store !== 'sqlite') {
    throw new ConfigError('WATCHFIRE_STORE names MongoDB, an engine that this version does not have yet; use sqlite');
  }
}

/** Rejects with a sentence where the store cannot be used. */
export async function openEngine({ config, runtime, onCommit }: OpeningEngine): Promise<OpenedEngine> {
  const file = join(config.data, 'watchfire.db');
  const engine = await openSqliteStore({ file, runtime, indexVersion: INDEX_VERSION, onCommit });
  return { engine, isShared: false, owner: 'data-folder' };
}
