/**
 * The process whose power fails: writes lists of two resources and a kept value through the store, many at once, and notes
 * each in the file `acknowledged` as soon as its commit has resolved. Arguments: folder, FULL or NORMAL, number of lists.
 */
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemRuntime } from '../../src/runtime.ts';
import { noEntries } from '../../src/search/query.ts';
import { openStore } from '../../src/store/sqlite/open.ts';
import { save } from './drafts.ts';

const [folder, synchronous, lists] = process.argv.slice(2) as [string, 'FULL' | 'NORMAL', string];
const acknowledged = openSync(join(folder, 'acknowledged'), 'w');
const file = join(folder, 'store.db');
// The log is moved again and again while lists are written.
const store = await openStore({ file, runtime: systemRuntime }, { synchronous, manyPages: 100 });
const tags = (i: number) =>
  Array.from({ length: 12 }, (_, j) => ({ name: 'Task.tag', first: `${j} ${i % (j + 3)}`, second: '' }));
let next = 0;
let quiet = Promise.resolve();

async function write(): Promise<void> {
  while (next < Number(lists)) {
    const i = next++;
    const draft = { index: { ...noEntries, keys: tags(i) }, mark: 'x'.repeat(600) };
    await store.commit([
      save(`Task/${i}-a`, draft),
      save(`Task/${i}-b`, draft),
      { op: 'put', kind: 'list', key: String(i), value: i },
    ]);
    writeSync(acknowledged, `${i}\n`);
    // Now and then all is quiet, so that the log is moved into the file.
    if (i % 100 === 99) quiet = systemRuntime.sleep(100);
    await quiet;
  }
}

await Promise.all(Array.from({ length: 6 }, write));
process.kill(process.pid, 'SIGKILL');
