/** The embedded store: one SQLite file behind the port of the store. How it is laid out and why: docs/storage.md. */
import type { Engine } from '../engine.ts';
import { openStore, type SqliteOptions } from './open.ts';

export type { SqliteOptions } from './open.ts';

/** Opens the store, or makes a new one. Rejects with a sentence for people when the file was written by a newer Watchfire or is no store. */
export const openSqliteStore = (options: SqliteOptions): Promise<Engine> => openStore(options);
