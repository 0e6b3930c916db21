/** The embedded store: the conformance suite on a file and in memory, and what is its own. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { type Criterion, noEntries, type SearchQuery } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { type Connection, openConnection } from '../../src/store/sqlite/connection.ts';
import { openStore } from '../../src/store/sqlite/open.ts';
import { runSearch } from '../../src/store/sqlite/search.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { createWriter } from '../../src/store/sqlite/writer.ts';
import { inProcess } from '../../src/store/sqlite/writer-thread.ts';
import { storeConforms } from './conformance.ts';
import { auditRow, key, noPatience, refusal, save, take, tombstone } from './drafts.ts';
import { countingUpgrade, fillOlder, tag, tagged } from './older-index.ts';

const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'watchfire-store-')), 'store.db');
const open = (file: string, more: object = {}): Promise<Engine> =>
  openSqliteStore({ file, runtime: systemRuntime, ...more });

storeConforms('SQLite in a file', () => open(newFile()));
storeConforms('SQLite in memory', () => open(':memory:'));

const ask = (where: Criterion, more: Partial<SearchQuery> = {}): SearchQuery => ({
  type: 'Task',
  where,
  sort: [],
  count: 10,
  total: 'none',
  includes: [],
  ...more,
});

describe('SQLite: the file', () => {
  it('lets one of several that keep a fact at once decide it', async () => {
    const store = await open(newFile());
    const kept = await Promise.all(['a', 'b', 'c'].map((value) => store.keepFact('canonical', value)));
    expect(kept).toEqual(['a', 'a', 'a']);
    expect(await store.fact('canonical')).toBe('a');
    await store.close();
  });

  it('keeps everything when it is closed and opened again', async () => {
    const file = newFile();
    const first = await open(file);
    await first.commit([save('Task/1', tagged('a')), save('Task/2', tagged('a'))]);
    await first.commit([tombstone('Task/2'), { op: 'put', kind: 'cursor', key: 'a', value: 7 }]);
    await first.keepFact('canonical', 'https://example.org/fhir');
    const end = await first.end();
    const [before] = await first.get('cursor', ['a']);
    await first.close();

    const again = await open(file, { seed: new Uint8Array(8) });
    expect((await again.search(ask(tag('a')), undefined)).matches.map(({ key }) => key.id)).toEqual(['1']);
    expect((await again.read([key('Task/2')]))[0]!.method).toBe('DELETE');
    expect(await again.get('cursor', ['a'])).toEqual([before]);
    expect(await again.fact('canonical')).toBe('https://example.org/fhir');
    expect(await again.fact('unknown')).toBeUndefined();
    expect(await again.end()).toBe(end);
    const [written] = await again.commit([save('Task/2'), { op: 'put', kind: 'cursor', key: 'a', value: 8 }]);
    expect(written!.versionId).toBe(3);
    expect((await again.get('cursor', ['a']))[0]!.revision).toBeGreaterThan(before!.revision);
    expect(await take(again.changes(end, noPatience()), 1)).toHaveLength(1);
    await again.close();
  });

  it('is the whole store when it was closed: a copy of the .db alone holds everything', async () => {
    const file = newFile();
    const store = await open(file, { shortSearch: -1 });
    await store.commit(Array.from({ length: 200 }, (_, i) => save(`Task/${i}`, tagged('a'))));
    // A reader thread and a transaction of the main thread are open.
    await store.search(ask(tag('a')), undefined);
    await store.read([key('Task/1')]);
    await store.commit([tombstone('Task/199')]);
    await store.close();
    expect(existsSync(`${file}-wal`)).toBe(false);

    const copy = newFile();
    copyFileSync(file, copy);
    const again = await open(copy);
    expect(await again.sizes()).toMatchObject({ resources: 200, versions: 201 });
    expect((await again.search(ask(tag('a'), { total: 'accurate' }), undefined)).total).toBe(199);
    await again.close();
  });

  it('tells how much is stored', async () => {
    const store = await open(newFile());
    await store.commit([save('Task/1'), save('Task/2')]);
    await store.commit([save('Task/1')]);
    expect(await store.sizes()).toMatchObject({ resources: 2, versions: 3, auditRows: 0 });
    expect((await store.sizes()).bytes).toBeGreaterThan(40_000);
    await store.close();
  });

  it('is written with a write-ahead log and synchronous=FULL, which opening reads back', () => {
    const connection = openConnection({ file: newFile(), mode: 'write', seed: new Uint8Array(8) });
    expect(connection.sql('PRAGMA synchronous').get()).toEqual([2]);
    expect(connection.sql('PRAGMA journal_mode').get()).toEqual(['wal']);
    expect(connection.sql('PRAGMA wal_autocheckpoint').get()).toEqual([0]);
    connection.close();
  });

  it('is refused with a sentence when a newer program made its tables or its index', async () => {
    const file = newFile();
    await (await open(file, { indexVersion: 3 })).close();
    await expect(open(file, { indexVersion: 2 })).rejects.toThrow(/newer Watchfire \(index 3, this one makes 2\)/);
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(open(file, { indexVersion: 3 })).rejects.toThrow(/newer Watchfire \(schema 99/);
  });

  it('is refused with a sentence when its folder does not exist or it is no store', async () => {
    await expect(open('/nonexistent/folder/store.db')).rejects.toThrow(/open/);
    await expect(open(import.meta.filename)).rejects.toThrow(/not a database/);
  });

  it('stores nothing after it was closed', async () => {
    const store = await open(newFile());
    const last = store.commit([save('Task/1')]);
    await store.close();
    expect(await last).toHaveLength(1);
    expect(await refusal(store.commit([save('Task/2')]))).toBe('no-store');
  });
});

describe('SQLite: the log', () => {
  it('begins anew under constant reads that each leave an audit row, and so does not grow without end', async () => {
    const file = newFile();
    const store = await openStore({ file, runtime: systemRuntime }, { manyPages: 200 });
    await store.commit([save('Task/1')]);
    /** How often the log began anew. https://sqlite.org/fileformat2.html#walformat */
    const beginnings = () => readFileSync(`${file}-wal`).readUInt32BE(12);
    const before = beginnings();
    const end = systemRuntime.now() + 45_000;
    const client = async () => {
      while (systemRuntime.now() < end && beginnings() - before < 2) {
        await store.read([key('Task/1')]);
        await store.commit([{ op: 'append', log: 'audit', row: auditRow() }]);
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    expect(beginnings() - before).toBeGreaterThanOrEqual(2);
    await store.close();
  });
});

describe('SQLite: the index', () => {
  it('is made anew where an older program made it, goes on where it was stopped, and leaves newer writes alone', async () => {
    const file = newFile();
    const old = await open(file, { indexVersion: 1 });
    await fillOlder(old);
    await old.close();

    const store = await open(file, { indexVersion: 2 });
    const stop = new AbortController();
    const { upgrade, extracted } = countingUpgrade();
    const done = await store.upgradeIndex({ ...upgrade, signal: stop.signal, onProgress: () => stop.abort() });
    expect([done, extracted(), store.indexVersion()]).toEqual([false, 100, 1]);
    await store.commit([save('Task/200', tagged('newest'))]);
    const steps: number[] = [];
    const signal = new AbortController().signal;
    expect(await store.upgradeIndex({ ...upgrade, signal, onProgress: (at) => steps.push(at) })).toBe(true);
    expect([extracted(), store.indexVersion(), steps]).toEqual([249, 2, [200, 249]]);
    const count = async (first: string) =>
      (await store.search(ask(tag(first), { count: 0, total: 'accurate' }), undefined)).total;
    expect(await Promise.all(['old', 'new', 'newest'].map(count))).toEqual([0, 249, 0]);
    expect(await store.upgradeIndex({ ...upgrade, signal })).toBe(true);
    expect(extracted()).toBe(249);
    await store.close();
  });

  it('of schema 1 is made anew as a whole, and no search is answered from it before', async () => {
    const file = newFile();
    const store = await open(file);
    await store.commit([save('Task/1', tagged('a'))]);
    await store.close();
    const before = new DatabaseSync(file);
    before.exec(
      "DROP TABLE words; DROP TABLE fresh_words; UPDATE resource SET entries = x'00'; PRAGMA user_version = 1",
    );
    before.close();

    const upgraded = await open(file);
    const asked = () => upgraded.search(ask(tag('a')), undefined);
    await expect(asked()).rejects.toMatchObject({ code: 'transient', status: 503 });
    expect((await upgraded.read([{ type: 'Task', id: '1' }]))[0]!.versionId).toBe(1);
    const { signal } = new AbortController();
    await upgraded.upgradeIndex({ indexVersion: 1, extract: () => tagged('a').index, signal });
    expect((await asked()).matches.map(({ key }) => key.id)).toEqual(['1']);
    await upgraded.close();
  });

  it('is read along its order by every shape of search, never from end to end', async () => {
    const file = newFile();
    const store = await open(file);
    const interval = (name: string, low: number, high: number) => ({ name: `Task.${name}`, low, high });
    await store.commit(
      Array.from({ length: 40 }, (_, i) =>
        save(`Task/${i}`, {
          index: {
            ...noEntries,
            keys: tagged('a').index.keys,
            references: [{ name: 'Task.subject', target: 'Patient/1' }],
            ranges: [interval('date', i, i), interval('period', i, i + 1e10)],
            texts: [{ name: 'Task.name', folded: `n${i}`, original: `N${i}` }],
          },
        }),
      ),
    );
    await store.close();

    const connection = openConnection({ file, mode: 'read' });
    const [plans, watched] = watchPlans(connection);
    const wheres: Criterion[] = [
      { is: 'all', of: [] },
      tag('a'),
      { is: 'key', name: 'Task.tag', first: 'a' },
      { is: 'reference', name: 'Task.subject', target: 'Patient/1' },
      { is: 'range', name: 'Task.date', low: { atLeast: 3 }, high: { below: 30 } },
      { is: 'range', name: 'Task.period', high: { atLeast: 30 } },
      { is: 'text', name: 'Task.name', match: 'starts', value: 'n1' },
      { is: 'text', name: 'Task.name', match: 'contains', value: '1' },
      { is: 'text', name: 'Task.name', match: 'equals', value: 'N1' },
      { is: 'text', name: 'Task.name', match: 'ends', value: '1' },
      { is: 'id', ids: ['1', '2'] },
      { is: 'any', of: [tag('a'), tag('b')] },
      { is: 'not', of: tag('b') },
      { is: 'word', name: 'Task._text', word: 'pain' },
      { is: 'near', name: 'Task.near', latitude: 1, longitude: 1, kilometres: 1, cells: ['a', 'b'] },
      { is: 'refers', name: 'Task.subject', type: 'Patient', where: { is: 'all', of: [] } },
      { is: 'not', of: { is: 'refers', name: 'Task.subject', type: 'Patient', where: tag('a') } },
      { is: 'not', of: { is: 'referred', name: 'Flag.focus', type: 'Flag', where: { is: 'not', of: tag('a') } } },
      { is: 'any', of: [tag('a'), { is: 'referred', name: 'Flag.focus', type: 'Flag', where: tag('a') }] },
      {
        is: 'all',
        of: [tag('a'), { is: 'range', name: 'Task.date', low: { atLeast: 3 } }, { is: 'not', of: tag('c') }],
      },
    ];
    const sorts: SearchQuery['sort'][] = [
      [],
      [{ by: 'range', name: 'Task.date', descending: true }],
      [{ by: 'range', name: 'Task.period', descending: false }],
      [{ by: 'text', name: 'Task.name', descending: false }],
      [{ by: 'id', descending: true }],
      [
        { by: 'range', name: 'Task.date', descending: true },
        { by: 'id', descending: false },
      ],
    ];
    for (const where of wheres) {
      for (const sort of sorts) {
        const query = ask(where, {
          sort,
          count: 3,
          total: 'accurate',
          includes: [
            { way: 'to', type: 'Task', name: 'Task.subject', iterate: false },
            { way: 'from', type: 'Flag', name: 'Flag.focus', iterate: true },
          ],
        });
        const { next } = runSearch(watched, query, undefined);
        const { previous } = next ? runSearch(watched, query, next) : {};
        if (previous) runSearch(watched, query, previous);
      }
    }
    expect(plans.size).toBeGreaterThan(40);
    for (const [sql, plan] of plans) {
      const scans = plan.filter((line) =>
        /^SCAN (?!\(|s$|c$|j VIRTUAL|json_each|words VIRTUAL|fresh_words$|CONSTANT|max)/.test(line),
      );
      // At most 500 fresh words wait; `c` and `s` are also names of inner queries; then their plan stands beside them.
      const tables = plan.filter((line) => /^SCAN [cs]$/.test(line)).length;
      const inner = plan.filter((line) => /^(CO-ROUTINE|MATERIALIZE) [cs]$/.test(line)).length;
      expect({ sql, scans, bare: tables - inner }).toEqual({ sql, scans: [], bare: 0 });
    }
    connection.close();
  });

  it('gives one patient and code sorted by time in one scan, without sorting', async () => {
    const file = newFile();
    const store = await open(file);
    const name = 'Task.patient+code=Patient/1 a|b';
    await store.commit(
      Array.from({ length: 30 }, (_, i) =>
        save(`Task/${i}`, { index: { ...noEntries, ranges: [{ name, low: i, high: i }] } }),
      ),
    );
    await store.close();
    const connection = openConnection({ file, mode: 'read' });
    const [plans, watched] = watchPlans(connection);
    const query = ask({ is: 'range', name }, { sort: [{ by: 'range', name, descending: true }] });
    expect(runSearch(watched, query, undefined).matches.map(({ key }) => key.id)).toEqual(
      Array.from({ length: 10 }, (_, i) => String(29 - i)),
    );
    const [plan] = [...plans].filter(([sql]) => sql.includes('v.body')).map(([, lines]) => lines);
    expect(plan!.filter((line) => line.startsWith('SEARCH c'))).toEqual(['SEARCH c USING PRIMARY KEY (hash=?)']);
    expect(plan!.join()).not.toContain('TEMP B-TREE');
    connection.close();
  });

  it('is explained: what was considered and chosen, by which plans, with how many rows looked at, and no values', async () => {
    const store = await open(newFile());
    const flag = (i: number) =>
      save(`Flag/${i}`, {
        index: { ...noEntries, references: [{ name: 'Flag.subject', target: `Task/secret${i}` }], keys: flagKeys },
      });
    const flagKeys = [{ name: 'Flag.tag', first: 'secret', second: '' }];
    await store.commit(Array.from({ length: 300 }, (_, i) => save(`Task/secret${i}`, tagged('secret'))));
    await store.commit([flag(1), flag(2)]);
    const where: Criterion = { is: 'key', name: 'Flag.tag', first: 'secret', second: '' };
    const chain: Criterion = { is: 'referred', type: 'Flag', name: 'Flag.subject', where };
    const told = await store.explain(ask({ is: 'all', of: [tag('secret'), chain] }, { total: 'accurate' }));
    expect(told).toMatchObject({ matches: 2, included: 0, total: 2 });
    expect(told.considered).toContainEqual({ type: 'Task', by: 'key Task.tag', size: 300, cap: 1_000 });
    expect(told.followed[0]).toEqual({
      type: 'Task',
      by: 'Flag by Flag.subject with key Flag.tag',
      size: 2,
      cap: 1_000,
    });
    expect(told.ways).toEqual([{ type: 'Task', way: 'gather', by: 'Flag by Flag.subject with key Flag.tag' }]);
    expect(told.looked).toBeGreaterThan(2);
    expect(told.looked).toBeLessThan(50);
    expect(told.statements.flatMap(({ plan }) => plan)).toContain('SEARCH c USING PRIMARY KEY (hash=? AND sort=?)');
    expect(JSON.stringify(told)).not.toContain('secret');
    expect(JSON.parse(JSON.stringify(told))).toEqual(told);
    const sorted = await store.explain(ask(tag('secret'), { sort: [{ by: 'id', descending: true }] }));
    expect(sorted.ways.at(-1)).toEqual({ type: 'Task', way: 'stream', by: '_id' });
    const lane = 'Task.patient+code=Patient/secret a|secret';
    const laned = [
      ask({ is: 'all', of: [tag('secret'), { is: 'range', name: lane }] }),
      ask({ is: 'range', name: lane }, { sort: [{ by: 'range', name: lane, descending: true }] }),
    ];
    for (const query of laned) {
      const shown = JSON.stringify(await store.explain(query));
      expect(shown).toContain('Task.patient+code=');
      expect(shown).not.toContain('secret');
    }
    await store.close();
  });

  it('has statements that do not grow with values', async () => {
    const connection = openConnection({ file: ':memory:', mode: 'write', seed: new Uint8Array(8) });
    const statementsOf = (count: number) => {
      const [plans, watched] = watchPlans(connection);
      const tags = Array.from({ length: count }, (_, i) => tag(String(i)));
      const ids: Criterion = { is: 'id', ids: tags.map((_, i) => String(i)) };
      const chain: Criterion = { is: 'refers', name: 'Task.partOf', type: 'Task', where: ids };
      runSearch(watched, ask({ is: 'any', of: tags }), undefined);
      runSearch(watched, ask({ is: 'all', of: [chain, ids] }), undefined);
      return [...plans.keys()];
    };
    expect(statementsOf(30)).toEqual(statementsOf(20));
    connection.close();
  });

  it('uses hashes that differ from store to store', () => {
    const hash = (byte: number) => {
      const connection = openConnection({ file: ':memory:', mode: 'write', seed: new Uint8Array(8).fill(byte) });
      const { hashing } = connection;
      connection.close();
      return hashing.big(0, 'Task.tag', 'a');
    };
    expect(hash(1)).toBe(hash(1));
    expect(hash(1)).not.toBe(hash(2));
  });
});

describe('SQLite: long searches', () => {
  const many = async (file: string, more: object): Promise<Engine> => {
    const store = await open(file, more);
    await store.commit(Array.from({ length: 3_000 }, (_, i) => save(`Task/${i}`, tagged('a'))));
    return store;
  };
  const sorted = ask(tag('a'), {
    count: 5,
    total: 'accurate',
    sort: [
      { by: 'text', name: 'Task.name', descending: false },
      { by: 'id', descending: true },
    ],
  });

  it('move to a reader thread and find the same there', async () => {
    const file = newFile();
    const store = await many(file, { shortSearch: -1 });
    const patient = await open(file, { shortSearch: 60_000 });
    const far = await store.search(sorted, undefined);
    expect(far).toEqual(await patient.search(sorted, undefined));
    expect(far.total).toBe(3_000);
    expect(far.matches[0]!.key.id).toBe('999');
    expect(await store.search(sorted, far.next)).toEqual(await patient.search(sorted, far.next));
    await patient.close();
    await store.close();
  });

  it('end with a timeout when the time is up, and the reader goes on with the next', async () => {
    const store = await many(newFile(), { shortSearch: -1, longSearch: 1 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => refusal(store.search(sorted, undefined))));
    expect(answers).toContain('timeout');
    await store.close();
  });

  it('end with a timeout as soon as nobody waits', async () => {
    const store = await many(newFile(), { shortSearch: -1 });
    const given = new AbortController();
    const answer = refusal(store.search(sorted, undefined, given.signal));
    given.abort();
    expect(await answer).toBe('timeout');
    expect((await store.search(sorted, undefined)).total).toBe(3_000);
    await store.close();
  });

  it('in memory end with a timeout too', async () => {
    const store = await many(':memory:', { longSearch: -1 });
    expect(await refusal(store.search(sorted, undefined))).toBe('timeout');
    await store.close();
  });
});

describe('SQLite: a full disk', () => {
  it('acknowledges nothing more, keeps what was acknowledged, and says why', async () => {
    const file = newFile();
    await (await open(file)).close();
    const connection = openConnection({ file, mode: 'write' });
    connection.exec('PRAGMA max_page_count = 40');
    const writer = createWriter(inProcess(connection, Date.now), connection.hashing, systemRuntime, {
      onSettled: () => {},
      onStored: () => {},
    });
    const answers: string[] = [];
    for (let i = 0; i < 40; i++) {
      const group = [save(`Task/${i}-a`, { mark: 'x'.repeat(3_000) }), save(`Task/${i}-b`)];
      answers.push(...(await Promise.all(group.map((change) => refusal(writer.commit([change]))))));
    }
    expect(writer.fault()).toBe('the disk is full');
    const stored = answers.indexOf('no-store');
    expect(stored).toBeGreaterThan(4);
    expect(new Set(answers.slice(stored))).toEqual(new Set(['no-store']));
    await writer.close();
    connection.close();

    const again = await open(file);
    expect((await again.sizes()).versions).toBe(stored);
    expect(await again.commit([save('Task/after')])).toHaveLength(1);
    await again.close();
  });
});

describe('SQLite: a list that cannot be written', () => {
  it('fails alone, and the others of its group are stored', async () => {
    const connection = openConnection({ file: ':memory:', mode: 'write', seed: new Uint8Array(8) });
    connection.exec(
      "CREATE TRIGGER broken BEFORE INSERT ON kept WHEN new.key = 'bad' BEGIN SELECT RAISE(ABORT, 'broken'); END",
    );
    const writer = createWriter(inProcess(connection, Date.now), connection.hashing, systemRuntime, {
      onSettled: () => {},
      onStored: () => {},
    });
    const answers = await Promise.all(
      ['good', 'bad', 'better'].map((name) =>
        refusal(writer.commit([save(`Task/${name}`), { op: 'put', kind: 'state', key: name, value: 1 }])),
      ),
    );
    expect(answers).toEqual(['fulfilled', 'transient', 'fulfilled']);
    expect(connection.sql('SELECT key FROM resource ORDER BY key').all()).toEqual([['Task/better'], ['Task/good']]);
    expect(connection.sql('SELECT key FROM kept ORDER BY key').all()).toEqual([['better'], ['good']]);
    connection.close();
  });
});

/** A connection whose statements leave their query plans. */
function watchPlans(connection: Connection): readonly [Map<string, string[]>, Connection] {
  const plans = new Map<string, string[]>();
  const watched: Connection = {
    ...connection,
    sql(text) {
      if (!plans.has(text) && text.startsWith('SELECT')) {
        const values = Array.from({ length: text.split('?').length - 1 }, () => 0);
        const rows = connection.sql(`EXPLAIN QUERY PLAN ${text}`).all(...values) as unknown as [
          number,
          number,
          number,
          string,
        ][];
        plans.set(
          text,
          rows.map(([, , , line]) => line),
        );
      }
      return connection.sql(text);
    },
  };
  return [plans, watched];
}
