/** Moves that are stopped, damaged or refused: they go on where they were, or say why not. docs/moving-stores.md */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { problem } from '../../src/fhir/outcome.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { INDEX_VERSION } from '../../src/search/index-version.ts';
import { noEntries } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../src/store/store.ts';
import { exportTo } from '../../src/transfer/export.ts';
import { exportToFolder } from '../../src/transfer/export-folder.ts';
import { type Manifest, readManifest } from '../../src/transfer/folder.ts';
import { importFrom } from '../../src/transfer/import.ts';
import { fromFolder } from '../../src/transfer/source.ts';
import { auditRow, save, tombstone } from '../store/drafts.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type SharedSet, sharedReplicaSet } from '../support/mongod.ts';
import { runCommand, startServer } from '../support/process.ts';
import { type Ended, importText, on, program } from './world.ts';

const root = mkdtempSync(join(tmpdir(), 'watchfire-stopped-'));
let names = 0;
const fresh = () => join(root, String(++names));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const open = (file: string): Promise<Engine> =>
  openSqliteStore({ file, runtime: systemRuntime, indexVersion: INDEX_VERSION });
const parts = (engine: Engine, signal = new AbortController().signal) => ({
  engine,
  canonical: 'https://example.org/fhir',
  now: Date.now,
  version: 'test',
  onProgress: () => undefined,
  signal,
});
const taking = (engine: Engine, onProgress: (what: string, done: number) => void = () => undefined) => ({
  ...parts(engine),
  extract: () => noEntries,
  learnParameters: async () => undefined,
  sleep: async () => undefined,
  onProgress,
});

/** 1,200 resources, some of them with former versions or deleted, as many audit rows, and kept values. */
async function fillStore(engine: Engine): Promise<void> {
  for (let i = 0; i < 12; i++) {
    const list: Change[] = [];
    for (let j = 0; j < 100; j++) {
      list.push(save(`Task/${i}-${j}`, { mark: 'ü'.repeat(200) }), {
        ...{ op: 'append', log: 'audit', row: auditRow({ at: j }) },
      } as Change);
    }
    await engine.commit(list);
    await engine.commit([save(`Task/${i}-1`), tombstone(`Task/${i}-2`)]);
    await engine.commit([{ op: 'put', kind: 'state', key: String(i), value: { i }, ...(i > 9 && { expiresIn: 600 }) }]);
  }
}

/** Everything that a store holds and that moves, as one text. */
async function all(engine: Engine): Promise<string> {
  const out = new PassThrough();
  const [, text] = await Promise.all([exportTo(out, parts(engine)).finally(() => out.end()), textOf(out)]);
  return text.slice(text.indexOf('\n'));
}

describe('An export that is stopped', () => {
  let source: Engine;
  let whole: string;
  beforeAll(async () => {
    source = await open(':memory:');
    await fillStore(source);
    whole = await all(source);
  });
  afterAll(() => source.close());

  it('goes on behind its last whole part, and is in the end what it would have been', async () => {
    const [folder, other] = [fresh(), fresh()];
    await exportToFolder(other, parts(source), 50_000);
    let turns = 0;
    for (let isDone = false; !isDone; turns++) {
      const stop = new AbortController();
      let written = 0;
      const onProgress = () => ++written === 3 && stop.abort(new Error('stopped'));
      const attempt = exportToFolder(folder, { ...parts(source, stop.signal), onProgress }, 50_000);
      isDone = await attempt.then(
        () => true,
        (error) => expect(error.message).toBe('stopped') as never,
      );
    }
    expect(turns).toBeGreaterThan(3);
    const files = readdirSync(other).filter((name) => name.startsWith('part'));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) expect(readFileSync(join(folder, file))).toEqual(readFileSync(join(other, file)));
    const manifest = (of: string) => JSON.parse(readFileSync(join(of, 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest(folder).tallies).toEqual(manifest(other).tallies);
    expect(manifest(folder).parts.reduce((sum, { records }) => sum + records, 0)).toBe(whole.split('\n').length - 3);
  });

  it('is not gone on with when somebody wrote meanwhile', async () => {
    const changed = await open(':memory:');
    await fillStore(changed);
    const folder = fresh();
    await exportToFolder(folder, parts(changed), 50_000);
    await changed.commit([{ op: 'put', kind: 'state', key: 'new', value: 1 }]);
    await expect(exportToFolder(folder, parts(changed), 50_000)).rejects.toThrow(/before it changed/);
    await changed.close();
  });

  it('is no import yet', async () => {
    const folder = fresh();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('stopped'));
    await expect(exportToFolder(folder, { ...parts(source, stop.signal), onProgress }, 50_000)).rejects.toThrow();
    expect(() => fromFolder(folder)).toThrow(/not finished/);
    expect(() => fromFolder(root)).toThrow(/no export/);
  });
});

describe('An import that is stopped', () => {
  const folder = fresh();
  let whole: string;
  beforeAll(async () => {
    const source = await open(':memory:');
    await fillStore(source);
    await exportToFolder(folder, parts(source), 50_000);
    whole = await all(source);
    await source.close();
  });

  it('goes on behind what is stored, as often as it takes', async () => {
    const target = await open(':memory:');
    const begun: number[] = [];
    for (let stopAt = 1; ; stopAt = 1) {
      let batches = 0;
      const onProgress = (what: string, done: number) => {
        if (what !== 'imported' || ++batches < stopAt) return;
        begun.push(done);
        throw new Error('stopped');
      };
      const comparison = await importFrom(fromFolder(folder), taking(target, onProgress)).catch(() => undefined);
      if (comparison === undefined) continue;
      expect(comparison.isSame).toBe(true);
      break;
    }
    expect(begun.length).toBeGreaterThan(3);
    expect(begun).toEqual([...begun].sort((a, b) => a - b));
    expect(new Set(begun).size).toBe(begun.length);
    expect(await all(target)).toBe(whole);
    await target.close();
  });

  it('waits where the store cannot answer for a while, and stores nothing twice when an answer was lost', async () => {
    const target = await open(':memory:');
    let calls = 0;
    const commit: Engine['commit'] = async (changes) => {
      const turn = calls++ % 3;
      if (turn === 0) throw problem('transient', 'no primary');
      const written = await target.commit(changes);
      if (turn === 1) throw problem('transient', 'the answer was lost');
      return written;
    };
    const comparison = await importFrom(fromFolder(folder), taking({ ...target, commit }));
    expect([comparison.isSame, calls]).toEqual([true, expect.any(Number)]);
    expect(calls).toBeGreaterThan(10);
    expect(await all(target)).toBe(whole);
    await target.close();
  });

  it('is refused another export, and a store that holds something', async () => {
    const target = await open(':memory:');
    const onProgress = () => {
      throw new Error('stopped');
    };
    await importFrom(fromFolder(folder), taking(target, onProgress)).catch(() => undefined);
    const other = await open(':memory:');
    await fillStore(other);
    await other.commit([{ op: 'put', kind: 'state', key: '0', value: 'another' }]);
    const otherFolder = fresh();
    await exportToFolder(otherFolder, parts(other));
    await expect(importFrom(fromFolder(otherFolder), taking(target))).rejects.toThrow(/another export/);
    await expect(importFrom(fromFolder(folder), taking(other))).rejects.toThrow(/holds resources already/);
    await Promise.all([target.close(), other.close()]);
  });

  it('finds what the store holds otherwise than it was exported', async () => {
    const data = fresh();
    mkdirSync(data);
    const file = join(data, 'watchfire.db');
    const target = await open(file);
    const onProgress = (what: string) => {
      if (what === 'compared') throw new Error('stopped');
    };
    await importFrom(fromFolder(folder), taking(target, onProgress)).catch(() => undefined);
    await target.close();
    const db = new DatabaseSync(file);
    db.exec(`UPDATE version SET body = replace(body, 'Task', 'Tusk') WHERE seq = 7;
      UPDATE audit SET who = 'nobody' WHERE sequence = 100; DELETE FROM kept WHERE key = '3'`);
    db.close();
    const again = await runCommand(['import', '--from', folder], on(data));
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^resources +1,200 +1,200 {2}DIFFERS$/m);
    expect(again.stderr).toMatch(/^of them deletions +12 +12 {2}equal$/m);
    expect(again.stderr).toMatch(/^audit rows +1,200 +1,200 {2}DIFFERS$/m);
    expect(again.stderr).toMatch(/^kept state +10 +9 {2}DIFFERS$/m);
    await expect(startServer(data, on(data))).rejects.toThrow(/the import into this store is not finished/);
  });

  it('takes no part that is damaged or missing', async () => {
    const copied = fresh();
    cpSync(folder, copied, { recursive: true });
    const part = join(copied, 'part-00004.ndjson');
    const content = readFileSync(part);
    content[content.length >> 1]! ^= 1;
    writeFileSync(part, content);
    const data = fresh();
    const damaged = await runCommand(['import', '--from', copied], on(data));
    expect([damaged.code, damaged.stderr]).toEqual([
      1,
      expect.stringContaining('part-00004.ndjson of the export is damaged'),
    ]);
    rmSync(part);
    const missing = await runCommand(['import', '--from', copied], on(data));
    expect(missing.stderr).toContain('part-00004.ndjson of the export cannot be read');
    const whole = await runCommand(['import', '--from', folder], on(data));
    expect([whole.code, whole.stderr]).toEqual([0, expect.not.stringContaining('DIFFERS')]);
  });

  it('through a pipe that breaks off goes on when the same comes again, and notices what was changed on the way', async () => {
    const header = JSON.stringify(fromFolder(folder).header);
    const text = header + whole;
    const data = fresh();
    const cut = await importText(text.slice(0, Math.floor(text.length * 0.7)), on(data));
    expect([cut.code, cut.stderr]).toEqual([1, expect.stringContaining('stops before its end')]);
    await expect(startServer(data, on(data))).rejects.toThrow(/not finished/);
    const changed = text.replace('"state","key":"1","value":{"i":1}', '"state","key":"1","value":{"i":2}');
    expect(changed).not.toBe(text);
    expect((await importText(changed, on(data))).stderr).toContain('another export');
    expect((await importText(changed, on(fresh()))).stderr).toContain('the export is damaged: its kept');
    const second = text.split('\n').find((line) => line.includes('"versionId":1,') && line.includes('"newest":false'))!;
    const lacking = await importText(text.replace(`${second}\n`, ''), on(fresh()));
    expect(lacking.stderr).toContain(`the export is damaged: version 1 of ${JSON.parse(second).key} is missing`);
    const doubled = await importText(text.replace(second, `${second}\n${second}`), on(fresh()));
    expect(doubled.stderr).toContain(`the export is damaged: version 1 of ${JSON.parse(second).key} comes twice`);
    expect((await importText('{"what":1}\n', on(fresh()))).stderr).toContain('no export of Watchfire');
    expect((await importText(header.replace('"format":1', '"format":2'), on(fresh()))).stderr).toContain(
      'nothing came',
    );
    expect((await importText(`${header.replace('"format":1', '"format":2')}\n`, on(fresh()))).stderr).toContain(
      'format 2',
    );
    const whole2 = await importText(text, on(data));
    expect([whole2.code, whole2.stderr]).toEqual([0, expect.not.stringContaining('DIFFERS')]);
  });
});

describeOnMongod('A move to MongoDB', () => {
  const folder = fresh();
  let set: SharedSet;
  let uri: string;
  let whole: string;
  beforeAll(async () => {
    set = await sharedReplicaSet({ members: 1 });
    const source = await open(':memory:');
    await fillStore(source);
    await exportToFolder(folder, parts(source), 50_000);
    whole = await all(source);
    await source.close();
  });

  /** Resources in the order in which they are listed. */
  const firsts = (text: string) =>
    text.split('\n').flatMap((line) => /"key":"(Task[^"]+)","versionId":1,/.exec(line)?.[1] ?? []);
  const inOrder = (text: string) => text.split('\n').sort().join('\n');

  it('that is killed in the middle goes on, and the way back too', async () => {
    const client = await new MongoClient(set.uri).connect();
    const countIn = (collection: string, filter: object = {}) =>
      client.db(databaseOf(uri)).collection(collection).countDocuments(filter);
    const versions = whole.split('\n').filter((line) => line.includes('"versionId":')).length;
    let mongo: Record<string, string>;
    let before = 0;
    // Where all was stored by then, another is begun.
    for (let attempt = 0; attempt === 0 || (before === versions && attempt < 10); attempt++) {
      uri = set.freshUri();
      mongo = on(fresh(), uri);
      const importing = start(['import', '--from', folder], mongo);
      while (importing.child.exitCode === null && (await countIn('kept', { _id: 'import\nprogress' })) === 0);
      importing.child.kill('SIGKILL');
      await importing.ended;
      before = await countIn('version');
    }
    const again = await runCommand(['import', '--from', folder], mongo!);
    expect([again.code, again.stderr]).toEqual([0, expect.not.stringContaining('DIFFERS')]);
    expect(before).toBeLessThan(await countIn('version'));
    await client.close();

    const store = await openMongoStore({
      uri,
      runtime: systemRuntime,
      indexVersion: INDEX_VERSION,
      acceptRelease: '6.0.5',
    });
    expect(inOrder(await all(store))).toBe(inOrder(whole));
    const back = fresh();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('stopped'));
    await expect(exportToFolder(back, { ...parts(store, stop.signal), onProgress }, 50_000)).rejects.toThrow('stopped');
    await exportToFolder(back, parts(store), 50_000);
    await store.close();
    const target = await open(':memory:');
    expect((await importFrom(fromFolder(back), taking(target))).isSame).toBe(true);
    const moved = await all(target);
    expect(inOrder(moved)).toBe(inOrder(whole));
    expect(firsts(moved)).toEqual(firsts(whole));
    await target.close();
  });

  it('is refused while a server works on it', async () => {
    const mongo = on(fresh(), uri);
    const server = await startServer(mongo['WATCHFIRE_DATA']!, mongo);
    const exported = await runCommand(['export', '--to', fresh()], mongo);
    expect([exported.code, exported.stderr]).toEqual([1, expect.stringMatching(/the server \S+ works on this store/)]);
    await server.kill('SIGTERM');
    expect((await runCommand(['export', '--to', fresh()], mongo)).code).toBe(0);
  });
});

describe('The commands', () => {
  it('leave a store alone that a server works on, and say so', async () => {
    const data = fresh();
    const server = await startServer(data, on(data));
    const exported = await runCommand(['export', '--to', fresh()], on(data));
    expect([exported.code, exported.stderr]).toEqual([
      1,
      expect.stringMatching(/belongs to the running process \d+ at/),
    ]);
    await server.kill('SIGTERM');
  });

  it('make no store where there is none to export, and no export in a folder of other things', async () => {
    const data = fresh();
    const nothing = await runCommand(['export', '--to', fresh()], on(data));
    expect([nothing.code, nothing.stderr, existsSync(data)]).toEqual([1, expect.stringContaining('no store'), false]);
    await runCommand(['keys', 'list'], on(data));
    const other = await runCommand(['export', '--to', data], on(data));
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('holds other files')]);
  });

  it('killed in the middle go on, both of them', async () => {
    const data = fresh();
    await runCommand(['keys', 'list'], on(data));
    const source = await open(join(data, 'watchfire.db'));
    for (let i = 0; i < 40; i++) {
      const large = save(`Task/${i}`, {
        text: [
          `{"resourceType":"Task","status":"draft","intent":"order","meta":{`,
          `},"description":"${'x'.repeat(900_000)}"}`,
        ],
      });
      await source.commit([large]);
    }
    await source.close();
    const to = await killedInTheMiddle(
      (folder) => start(['export', '--to', folder], on(data)),
      (folder) => readManifest(folder)?.isWhole === false,
    );
    expect(() => fromFolder(to)).toThrow(/not finished/);
    expect((await runCommand(['export', '--to', to], on(data))).code).toBe(0);

    const target = await killedInTheMiddle(
      (folder) => start(['import', '--from', to], on(folder)),
      (folder) => isBegun(join(folder, 'watchfire.db')),
    );
    await expect(startServer(target, on(target))).rejects.toThrow(/not finished/);
    const again = await runCommand(['import', '--from', to], on(target));
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/^resources +40 +40 {2}equal$/m)]);
    const server = await startServer(target, on(target));
    expect((await server.ask('GET', '/fhir/Task/39')).text).toHaveLength(900_000 + (await lengthBeside(server)));
    await server.kill('SIGTERM');
  });
});

const lengthBeside = async (server: { ask(method: string, path: string): Promise<{ text: string }> }) =>
  (await server.ask('GET', '/fhir/Task/1')).text.length - 900_000;

function start(args: readonly string[], settings: Record<string, string>) {
  const env = { PATH: process.env['PATH'], ...settings };
  const child: ChildProcess = spawn(process.execPath, [program, ...args], { env, stdio: 'ignore' });
  return { child, ended: new Promise<Ended['code']>((resolve) => child.once('close', resolve)) };
}

/** The folder of what was killed while it was under way. Where it was done by then, another is begun. */
async function killedInTheMiddle(
  begin: (folder: string) => ReturnType<typeof start>,
  isUnderWay: (folder: string) => boolean,
): Promise<string> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const folder = fresh();
    const { child, ended } = begin(folder);
    await until(() => child.exitCode !== null || isUnderWay(folder));
    child.kill('SIGKILL');
    const code = await ended;
    if (code === null && isUnderWay(folder)) return folder;
    if (code !== null && code !== 0) throw new Error(`it ended by itself with ${code}`);
  }
  throw new Error('it was always done before it could be killed');
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Whether an import into the store file has stored something and is not at its end. */
function isBegun(file: string): boolean {
  if (!existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    return db.prepare("SELECT 1 FROM kept WHERE kind = 'import'").get() !== undefined;
  } catch {
    return false; // it is being made
  } finally {
    db.close();
  }
}
