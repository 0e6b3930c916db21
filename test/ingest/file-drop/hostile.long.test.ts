/** I43 and I44: what may lie in an inbox and is no file to read. Nothing is followed, nothing hangs, nothing of it is lost. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { until } from '../../support/until.ts';
import { type Inbox, openInbox, single } from './inbox.ts';

let box: Inbox;
let ahead = 10_000;
const TEN_MINUTES = 600_000;
beforeAll(async () => {
  box = await openInbox({ runtime: { ...systemRuntime, now: () => Date.now() + ahead } });
});
afterEach(() => {
  ahead = 10_000;
});
afterAll(() => box.stop());

const inInbox = (name: string) => join(box.inbox, name);
const failed = () => readdirSync(box.failed).filter((name) => !name.endsWith('.error.json'));

describe('What is no file', () => {
  let server: Server;
  afterAll(() => {
    server.close();
  });

  it('is left where it is, and never followed (I43)', async () => {
    const outside = join(box.folder, 'outside.json');
    writeFileSync(outside, JSON.stringify(single('DEV001', 1)));
    symlinkSync(outside, inInbox('link.json'));
    symlinkSync('/nowhere', inInbox('dangling.json'));
    mkdirSync(inInbox('folder.json'));
    execFileSync('mkfifo', [inInbox('pipe.json')]);
    server = createServer().listen(inInbox('socket.json'));
    await new Promise((go) => server.once('listening', go));
    let things = 5;
    try {
      execFileSync('mknod', [inInbox('device.json'), 'c', '1', '5'], { stdio: 'ignore' });
      things++;
    } catch {} // only root may make one

    expect(await box.process()).toMatchObject({ processed: 0, failed: 0, vitals: 0, left: things, waiting: 0 });
    expect(box.inInbox().length).toBe(things);
    expect(lstatSync(inInbox('link.json')).isSymbolicLink()).toBe(true);
    const { body } = await box.house.ask('GET', '/fhir/AuditEvent?_count=50');
    expect(JSON.stringify(body)).toContain('symbolic-link');
  });
});

describe('A file', () => {
  it('with another name elsewhere waits, and fails after ten minutes (I43)', async () => {
    writeFileSync(join(box.folder, 'secret'), JSON.stringify(single('DEV001', 2)));
    linkSync(join(box.folder, 'secret'), inInbox('hard.json'));
    expect(await box.process()).toMatchObject({ waiting: 1, failed: 0 });
    ahead += TEN_MINUTES;
    expect(await box.process()).toMatchObject({ waiting: 0, failed: 1, vitals: 0 });
    expect(existsSync(join(box.folder, 'secret'))).toBe(true);
    expect(box.reasonOf('hard.json').issue[0].diagnostics).toContain('hard link');
  });

  it('of a terabyte of nothing is not read (I43)', async () => {
    writeFileSync(join(box.folder, 'part'), '{');
    truncateSync(join(box.folder, 'part'), 2 ** 40);
    renameSync(join(box.folder, 'part'), inInbox('sparse.json'));
    const begun = Date.now();
    expect(await box.process()).toMatchObject({ failed: 1 });
    expect(Date.now() - begun).toBeLessThan(20_000);
    rmSync(join(box.failed, 'sparse.json'));
  });

  it.each([
    ['without a byte', ''],
    ['that was cut off', JSON.stringify(single('DEV001', 3)).slice(0, -1)],
    ['with zeros where its writer crashed', `${JSON.stringify(single('DEV001', 3)).slice(0, 20)}${'\0'.repeat(100)}`],
  ])('%s waits for ten minutes, then fails (I44)', async (_what, text) => {
    const before = failed().length;
    box.drop('half.json', text);
    expect(await box.process()).toMatchObject({ waiting: 1, failed: 0 });
    ahead += TEN_MINUTES;
    expect(await box.process()).toMatchObject({ waiting: 0, failed: 1, vitals: 0 });
    expect(failed().length).toBe(before + 1);
  });

  it('that is finished in time is taken in whole (I44)', async () => {
    const text = JSON.stringify(single('DEV001', 4));
    writeFileSync(inInbox('slow.json'), text.slice(0, 30));
    expect(await box.process()).toMatchObject({ waiting: 1 });
    writeFileSync(inInbox('slow.json'), text.slice(30), { flag: 'a' });
    expect(await box.process()).toMatchObject({ processed: 1, vitals: 1, waiting: 0 });
  });

  it('that nobody may read fails after ten minutes, or is read where we are root (I43)', async () => {
    box.drop('closed.json', single('DEV001', 5));
    chmodSync(inInbox('closed.json'), 0);
    ahead += TEN_MINUTES;
    const { processed, failed: fallen } = await box.process();
    expect(processed + fallen).toBe(1);
  });

  it('with a time in the future is taken in (I43)', async () => {
    box.drop('future.json', single('DEV001', 6));
    utimesSync(inInbox('future.json'), 4e9, 4e9);
    expect(await box.process()).toMatchObject({ processed: 1, vitals: 1 });
  });

  it.each([
    ['with a newline and colours', 'a\nb\u001b[31mred.json'],
    ['of 255 bytes', `${'x'.repeat(250)}.json`],
    ['of 255 bytes in many letters', `${'漢'.repeat(83)}x.json`],
    ['that looks like a way out', 'a..%2f..%2fx.json'],
    ['with quotes and spaces', `' " $(id) ;.json`],
  ])('%s is taken in under its name (I43)', async (_what, name) => {
    box.drop(name, single('DEV001', 10 + name.length));
    expect(await box.process()).toMatchObject({ processed: 1, archived: 1, waiting: 0 });
    box.drop(name, '{"device_id":nonsense}');
    expect(await box.process()).toMatchObject({ failed: 1, waiting: 0 });
  });

  it('whose name is no UTF-8 is taken in (I43)', async () => {
    box.drop(Buffer.from([0x61, 0xff, 0xfe, ...Buffer.from('.json')]), single('DEV001', 7));
    expect(await box.process()).toMatchObject({ processed: 1, archived: 1 });
    expect(readdirSync(box.inbox, { encoding: 'buffer' }).filter((name) => name.includes(0xff))).toEqual([]);
  });

  it('is not disturbed by others that fail or wait (2-064)', async () => {
    for (let i = 0; i < 30; i++) box.drop(`bad${i}.json`, i % 2 ? '{' : '{"device_id":nonsense}');
    box.drop('zz.json', single('DEV001', 8));
    expect(await box.process()).toMatchObject({ processed: 1, failed: 15, waiting: 15 });
  });
});

describe('The inbox', () => {
  it('is looked for again where it was taken away, and its files are found (I43)', async () => {
    ahead += TEN_MINUTES;
    await box.process();
    const aside = join(box.folder, 'aside');
    renameSync(box.inbox, aside);
    const run = await box.process();
    expect(run).toMatchObject({ state: 'refused', error: 'the inbox cannot be looked through' });
    renameSync(aside, box.inbox);
    box.drop('back.json', single('DEV001', 9));
    expect(await box.process()).toMatchObject({ state: 'done', processed: 1 });
  });

  it('keeps a file that the archive has no room for, and moves it later without reading it again (P11)', async () => {
    const archive = join(box.folder, 'archive');
    renameSync(archive, `${archive}-aside`);
    writeFileSync(archive, 'no folder');
    box.drop('stays.json', single('DEV001', 500));
    expect(await box.process()).toMatchObject({ processed: 1, vitals: 1, archived: 0, waiting: 1 });
    expect(readFileSync(inInbox('stays.json'), 'utf8')).toContain('DEV001');
    rmSync(archive);
    renameSync(`${archive}-aside`, archive);
    ahead += 60_000;
    expect(await box.process()).toMatchObject({ processed: 0, vitals: 0, archived: 1, waiting: 0 });
  });

  it('keeps files while the store cannot take them, and tries again (2-101)', async () => {
    const watched = await openInbox({ iotWatch: true });
    // It waits for what the server is just committing.
    const database = new DatabaseSync(join(watched.house.dataFolder, 'watchfire.db'), { timeout: 30_000 });
    try {
      database.exec('BEGIN IMMEDIATE');
      watched.drop('trouble.json', single('DEV001', 700));
      // Longer than the store waits for whoever holds it.
      await systemRuntime.sleep(13_000);
      expect([watched.inInbox(), readdirSync(watched.failed)]).toEqual([['trouble.json'], []]);
      database.exec('ROLLBACK');
      await until(() => watched.inInbox().length === 0, 60);
      expect([watched.archived().length, readdirSync(watched.failed)]).toEqual([1, []]);
      expect((await watched.house.search('Observation?_count=10')).map(({ meta }) => meta.versionId)).toEqual(['1']);
    } finally {
      database.close();
      await watched.stop();
    }
  }, 180_000);

  it('on a full disk loses nothing, and an archive elsewhere takes what is copied (P11)', async () => {
    const disk = join(box.folder, 'disk');
    mkdirSync(disk);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]).status !== 0) return; // only root may
    const small = await openInbox({ iotInbox: join(disk, 'inbox'), iotFailed: join(disk, 'failed') });
    try {
      const put = (name: string, content: unknown) =>
        writeFileSync(join(disk, 'inbox', name), typeof content === 'string' ? content : JSON.stringify(content));
      put('good.json', single('DEV001', 1));
      put('bad.json', '{"device_id":nonsense}');
      const full = () => {
        for (let i = 0; ; i++) writeFileSync(join(disk, `fill${i}`), Buffer.alloc(4_096));
      };
      expect(full).toThrow('ENOSPC');
      expect(await small.process()).toMatchObject({ processed: 1, archived: 1, failed: 0, waiting: 1 });
      expect(readdirSync(join(disk, 'inbox'))).toEqual(['bad.json']);
      for (const name of readdirSync(disk)) if (name.startsWith('fill')) rmSync(join(disk, name));
      await systemRuntime.sleep(1_100);
      expect(await small.process()).toMatchObject({ processed: 0, failed: 1, waiting: 0 });
      expect(readdirSync(join(disk, 'failed')).sort()).toEqual(['bad.json', 'bad.json.error.json']);
    } finally {
      await small.stop();
      spawnSync('umount', ['-l', disk]);
    }
  }, 60_000);
});
