/** What the one reader of the log remembers for those who were gone for a moment: so many characters, not so many reports. docs/live-events.md */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { createReader, type Reader } from '../../../src/console/live/reader.ts';
import { readTopics } from '../../../src/console/live/topics.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { noEntries } from '../../../src/search/query.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { until } from '../../support/until.ts';
import { flag } from './event-stream.ts';

const base = 'http://test/fhir';

it('forgets the oldest by their size, and who asks for those reads the log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-reader-'));
  const store = await openSqliteStore({ file: join(folder, 'store.db'), runtime: systemRuntime });
  const stop = new AbortController();
  const readers: readonly Reader[] = [25_000, undefined].map((most) =>
    createReader({
      ...{ store, base, most, runtime: systemRuntime, signal: stop.signal },
      topics: readTopics('https://example.org/fhir', base),
      log: { error: (_, error) => process.stderr.write(`${error}\n`) },
    }),
  );
  try {
    for (const reader of readers) await reader.start();
    const tokens: string[] = [];
    readers[0]!.join(({ token }) => tokens.push(token));
    for (let i = 0; i < 5; i++) {
      const resource = flag('p1');
      const text = JSON.stringify({ ...resource, note: 'x'.repeat(10_000) });
      const key = { type: 'Flag', id: resource.id };
      await store.commit([
        {
          op: 'write',
          key,
          method: 'PUT',
          text: [`${text.slice(0, -1)},"meta":{`, '}}'],
          index: noEntries,
          expect: 'any',
        },
      ]);
    }
    await until(() => tokens.length === 5 && readers.every((reader) => reader.position() === tokens[4]));
    const known = readers.map((reader) => tokens.map((token) => reader.since(token)?.length));
    expect(known).toEqual([
      [undefined, undefined, undefined, 1, 0],
      [4, 3, 2, 1, 0],
    ]);
  } finally {
    stop.abort();
    await Promise.all(readers.map(({ stopped }) => stopped));
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
