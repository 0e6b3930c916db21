/** The embedded store: the conformance suite on a file and in memory, and what is its own. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '../../src/runtime.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { storeConforms } from './conformance.ts';

const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'watchfire-store-')), 'store.db');

storeConforms('SQLite in a file', () => openSqliteStore({ file: newFile(), runtime: systemRuntime }));
storeConforms('SQLite in memory', () => openSqliteStore({ file: ':memory:', runtime: systemRuntime }));
