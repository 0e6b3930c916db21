/** How the embedded engine finds its way to a page: what ends a statement, which sets it goes through, and that every way gives the same pages. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import type { Criterion, SearchQuery, SortKey } from '../../src/search/query.ts';
import { type Connection, openConnection } from '../../src/store/sqlite/connection.ts';
import { explainSearch } from '../../src/store/sqlite/explain.ts';
import { gather } from '../../src/store/sqlite/gather.ts';
import { runSearch } from '../../src/store/sqlite/search.ts';
import { whole } from '../../src/store/sqlite/select.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { flatten, type Task } from '../../src/store/sqlite/task.ts';
import type { Change, Cursor } from '../../src/store/store.ts';
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

describe('SQLite: ways to a page', () => {
  const DAY = 86_400_000;
  const interval = (name: string, low: number, high = low) => ({ name: `Task.${name}`, low, high });
  const from = (name: string, low: number): Criterion => ({
    is: 'range',
    name: `Task.${name}`,
    high: { atLeast: low },
  });
  const until = (name: string, high: number): Criterion => ({
    is: 'range',
    name: `Task.${name}`,
    low: { atMost: high },
  });
  const tag: Criterion = { is: 'key', name: 'Task.tag', first: 'a', second: '' };

  /** All pages forwards, which those backwards must repeat. */
  function pagesOf(connection: Connection, query: SearchQuery): string[] {
    const pages: string[] = [];
    let cursor: Cursor | undefined;
    let previous: Cursor | undefined;
    do {
      const page = runSearch(connection, query, cursor);
      pages.push(page.matches.map(({ key }) => key.id).join());
      ({ next: cursor, previous } = page);
    } while (cursor);
    const back = [pages.at(-1)!];
    while (previous) {
      const page = runSearch(connection, query, previous);
      back.unshift(page.matches.map(({ key }) => key.id).join());
      previous = page.previous;
    }
    expect(back.join()).toBe(pages.join());
    return pages;
  }

  it('sorted by several keys read along the first, go both ways, and are the same as when all is sorted', async () => {
    // Few values for many resources; some have none, some several, and both keys have two directions.
    const many = numbered(180, (i) =>
      save(`Task/${i}`, {
        index: entries({
          keys: [{ name: 'Task.tag', first: i % 4 === 0 ? 'b' : 'a', second: '' }],
          ranges: [
            ...(i % 7 === 0 ? [] : [interval('date', i % 5)]),
            ...(i % 11 === 0 ? [interval('date', 3), interval('date', 1e9)] : []),
            ...(i % 3 === 0 ? [] : [interval('rank', i % 2)]),
          ],
          texts: i % 6 === 0 ? [] : [{ name: 'Task.name', folded: `n${i % 4}` }],
        }),
      }),
    );
    const connection = await holding(...many);
    const keys: SortKey[] = [
      { by: 'range', name: 'Task.date', descending: true },
      { by: 'text', name: 'Task.name', descending: false },
      { by: 'range', name: 'Task.rank', descending: false },
      { by: 'id', descending: true },
    ];
    const turned = keys.map((key) => ({ ...key, descending: !key.descending }));
    for (const one of [...keys, ...turned]) {
      for (const other of [...keys, ...turned]) {
        for (const where of [everything, tag]) {
          const asked = ask(where, { sort: [one, other], count: 40 });
          expect(explainSearch(connection, asked).ways.at(-1)?.way).toBe('stream');
          expect(pagesOf(connection, asked).join()).toBe(gathered(connection, asked));
        }
      }
    }
    connection.close();
  });

  /** The ids in order when everything is gathered and sorted. */
  function gathered(connection: Connection, query: SearchQuery): string {
    const { called } = connection;
    called.looks.length = called.edges.length = called.firsts.length = called.aims.length = 0;
    const { type, where, sort } = query;
    const parts = flatten(where);
    const known = { denials: new Map(), links: new Map(), beyond: new Map() };
    const task: Task = { connection, type, parts, sort, withRefs: false, ...known };
    const rows = gather(task, whole(task), { start: undefined, back: false, limit: 1_000 });
    return rows.map(([, key]) => String(key).slice('Task/'.length)).join();
  }

  it('stop at several sort keys when the page is full', async () => {
    const connection = await holding(
      ...numbered(1_000, (i) => save(`Task/${i}`, { index: entries({ ranges: [interval('date', i)] }) })),
    );
    const sort: SortKey[] = [
      { by: 'range', name: 'Task.date', descending: true },
      { by: 'id', descending: false },
    ];
    expect(explainSearch(connection, ask(everything, { sort, count: 10 })).looked).toBeLessThan(30);
    connection.close();
  });

  it('read an interval asked from both sides as one, also where a resource has several', async () => {
    const connection = await holding(
      ...numbered(2_000, (i) => save(`Task/${i}`, { index: entries({ ranges: [interval('date', i * DAY)] }) })),
      save('Task/two', { index: entries({ ranges: [interval('date', 0), interval('date', 1_990 * DAY)] }) }),
      save('Task/long', { index: entries({ ranges: [interval('date', -1e12, 1e15)] }) }),
    );
    const where: Criterion = { is: 'all', of: [from('date', 900 * DAY), until('date', 905 * DAY)] };
    const found = ['900', '901', '902', '903', '904', '905', 'long', 'two'];
    for (const sort of [[], [{ by: 'range', name: 'Task.date', descending: true }]] as SortKey[][]) {
      const told = explainSearch(connection, ask(where, { sort, total: 'accurate' }));
      expect(told).toMatchObject({ matches: 8, total: 8 });
      expect(told.looked).toBeLessThan(100);
      const { matches } = runSearch(connection, ask(where, { sort }), undefined);
      expect(matches.map(({ key }) => key.id).sort()).toEqual(found);
    }
    connection.close();
  });

  it('through the lanes of a chain look at few, and find what the chain finds without them', async () => {
    const lane = (i: number) => `Task.for+code=Patient/${i % 10} c${i % 50}`;
    const tasks = numbered(2_000, (i) =>
      save(`Task/${i}`, {
        index: entries({
          keys: [{ name: 'Task.code', first: `c${i % 50}`, second: '' }],
          references: [{ name: 'Task.for', target: `Patient/${i % 10}` }],
          ranges: [
            { name: lane(i), low: i, high: i },
            ...(i % 100 === 3 ? [{ name: lane(i), low: 9e15, high: -9e15 }] : []),
          ],
        }),
      }),
    );
    const patients = numbered(10, (i) =>
      save(`Patient/${i}`, { index: entries({ keys: [{ name: 'Patient.name', first: `p${i}`, second: '' }] }) }),
    );
    const connection = await holding(...patients, ...tasks);
    const lanes = { before: 'Task.for+code=', after: [' c3', ' c13'] };
    const named: Criterion = { is: 'key', name: 'Patient.name', first: 'p3', second: '' };
    const codes: Criterion = {
      is: 'any',
      of: ['c3', 'c13'].map((first) => ({ is: 'key', name: 'Task.code', first, second: '' })),
    };
    const chain = { is: 'refers', name: 'Task.for', type: 'Patient', where: named } as const;
    const plain = ask({ is: 'all', of: [chain, codes] });
    const short = ask({ is: 'all', of: [{ ...chain, lanes }, codes] });
    expect(pagesOf(connection, short)).toEqual(pagesOf(connection, plain));
    const told = explainSearch(connection, { ...short, count: 50, total: 'accurate' });
    expect(told).toMatchObject({ matches: 50, total: 80 });
    const has = { is: 'referred', type: 'Task', name: 'Task.for', where: codes } as const;
    const holders = (more: object, sort: SortKey[] = []): SearchQuery => ({
      ...ask({ is: 'not', of: { ...has, ...more } }, { sort }),
      type: 'Patient',
    });
    const ids = (query: SearchQuery) => runSearch(connection, query, undefined).matches.map(({ key }) => key.id);
    expect(ids(holders({ lanes }))).toEqual(['0', '1', '2', '4', '5', '6', '7', '8', '9']);
    expect(ids(holders({}))).toEqual(ids(holders({ lanes })));
    const [far, near] = [explainSearch(connection, holders({})), explainSearch(connection, holders({ lanes }))];
    expect(near.looked).toBeLessThan(far.looked / 10);
    connection.close();
  });
});
