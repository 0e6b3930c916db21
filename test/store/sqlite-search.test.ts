/** How the embedded engine finds its way to a page: what ends a statement, which sets it goes through, and that every way gives the same pages. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { type Connection, openConnection } from '../../src/store/sqlite/connection.ts';
import { runSearch } from '../../src/store/sqlite/search.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../src/store/store.ts';
import { ask, entries, everything, noPatience, points, refusal, save, take } from './drafts.ts';

const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'watchfire-search-')), 'store.db');

/** A connection to a store that holds these. */
async function holding(...changes: readonly Change[]): Promise<Connection> {
  const file = newFile();
  const store = await openSqliteStore({ file, runtime: systemRuntime });
  await store.commit([...changes]);
  await store.close();
  return openConnection({ file, mode: 'read' });
}

const numbered = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

describe('SQLite: a statement that was ended under way', () => {
  it('is whole at its next use: wherever the deadline ends a page with includes, the next page is answered', async () => {
    const flags = numbered(5, (i) => save(`Flag/${i}`, { index: points(['Flag.subject', 'Task/1']) }));
    const connection = await holding(save('Task/1'), ...flags);
    const query = ask(everything, {
      includes: [{ way: 'from', type: 'Flag', name: 'Flag.subject', iterate: false }],
    });
    const late = new Error('late');
    let ended = 0;
    for (let patience = 0; ended === patience; patience++) {
      let left = patience;
      connection.watch = () => {
        if (left-- === 0) throw late;
      };
      try {
        runSearch(connection, query, undefined);
      } catch (error) {
        expect(error).toBe(late);
        ended++;
      }
      connection.watch = () => {};
      expect(runSearch(connection, query, undefined).included).toHaveLength(5);
    }
    expect(ended).toBeGreaterThan(8);
    connection.close();
  });

  it('is whole at its next use after more was to be included than a page brings along', async () => {
    const store = await openSqliteStore({ file: newFile(), runtime: systemRuntime });
    const flags = numbered(1_001, (i) => save(`Flag/${i}`, { index: points(['Flag.subject', 'Task/1']) }));
    await store.commit([save('Task/1'), save('Task/2'), save('Flag/x', { index: points(['Flag.subject', 'Task/2']) })]);
    await store.commit(flags);
    const about = (id: string) =>
      ask({ is: 'id', ids: [id] }, { includes: [{ way: 'from', type: 'Flag', name: 'Flag.subject', iterate: false }] });
    expect(await refusal(store.search(about('1'), undefined))).toBe('too-costly');
    expect((await store.search(about('2'), undefined)).included).toHaveLength(1);
    expect(await refusal(store.search(about('1'), undefined))).toBe('too-costly');
    await store.close();
  });

  it('of the version log gives each version once, however much their bodies hold', async () => {
    const store = await openSqliteStore({ file: newFile(), runtime: systemRuntime });
    const large = 'x'.repeat(3_000_000);
    for (let i = 0; i < 8; i++) await store.commit([save(`Task/${i}`, { mark: i === 5 ? '' : large })]);
    const changes = await take(store.changes(undefined, noPatience()), 8);
    expect(changes.map(({ version }) => version.key.id)).toEqual(numbered(8, String));
    await store.close();
  });
});
