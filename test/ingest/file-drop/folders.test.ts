import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cleanUp } from '../../../src/ingest/file-drop/cleanup.ts';
import { openFolders } from '../../../src/ingest/file-drop/folders.ts';
import { dayOf } from '../../../src/ingest/file-drop/names.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchfire-folders-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (inbox: string, archive?: string, failed?: string) =>
  openFolders({
    iotInbox: join(folder, inbox),
    iotArchive: archive === undefined ? undefined : join(folder, archive),
    iotFailed: failed === undefined ? undefined : join(folder, failed),
  });

describe('The folders of the file drop', () => {
  it('are made where they are missing, the failed files beside the archive (2-048)', () => {
    const { inbox, archive, failed } = open('iot/inbox', 'iot/archive')!;
    expect([inbox, archive, failed].every((path) => existsSync(path))).toBe(true);
    expect(failed).toBe(join(folder, 'iot/failed'));
  });

  it('are refused by the name of the setting where one serves twice (2-049)', () => {
    expect(() => open('a', 'a')).toThrow('IOT_ARCHIVE_DIR must be another folder than IOT_INBOX_DIR');
    expect(() => open('a', 'b', 'a')).toThrow('IOT_FAILED_DIR must be another folder than IOT_INBOX_DIR');
    expect(() => open('a', 'b', 'b')).toThrow('IOT_FAILED_DIR must be another folder than IOT_ARCHIVE_DIR');
    expect(() => open('b/in', 'b')).toThrow('IOT_INBOX_DIR must not lie in IOT_ARCHIVE_DIR');
    expect(() => open('a')).toThrow('IOT_ARCHIVE_DIR must be set');
  });

  it('are told apart behind links', () => {
    mkdirSync(join(folder, 'a'));
    symlinkSync(join(folder, 'a'), join(folder, 'b'));
    expect(() => open('a', 'b')).toThrow('IOT_ARCHIVE_DIR must be another folder');
  });

  it('are refused where something else has the name (2-048)', () => {
    writeFileSync(join(folder, 'a'), '');
    expect(() => open('a', 'b')).toThrow(/^IOT_INBOX_DIR: the folder .* is not a folder$/);
  });

  it('are named where everybody may write into them (2-050)', () => {
    mkdirSync(join(folder, 'a'));
    chmodSync(join(folder, 'a'), 0o777);
    expect(open('a', 'b')!.open).toEqual([join(folder, 'a')]);
  });
});

describe('Cleaning up', () => {
  const now = Date.now();
  const daysAgo = (days: number): string => {
    const at = new Date(now);
    return dayOf(new Date(at.getFullYear(), at.getMonth(), at.getDate() - days, 12).getTime());
  };
  const put = (day: string, name: string): void => {
    mkdirSync(join(folder, day), { recursive: true });
    writeFileSync(join(folder, day, name), '{}');
  };

  it('keeps what is 89 and 90 days old and removes what is 91 (2-054)', async () => {
    for (const days of [89, 90, 91]) put(daysAgo(days), 'a.json');
    expect(await cleanUp(folder, 90, now)).toEqual({ removed: 1, held: 0 });
    expect(readdirSync(folder)).toEqual([daysAgo(90), daysAgo(89)]);
  });

  it('keeps what is held: a file, a day, all (2-063)', async () => {
    const [first, second] = [daysAgo(100), daysAgo(101)];
    for (const name of ['a.json', 'a.json.hold', 'b.json']) put(first, name);
    for (const name of ['c.json', '.legal-hold']) put(second, name);
    expect(await cleanUp(folder, 90, now)).toEqual({ removed: 1, held: 2 });
    expect(readdirSync(join(folder, first)).sort()).toEqual(['a.json', 'a.json.hold']);
    expect(existsSync(join(folder, second, 'c.json'))).toBe(true);

    rmSync(join(folder, second, '.legal-hold'));
    writeFileSync(join(folder, '.legal-hold'), '');
    expect(await cleanUp(folder, 90, now)).toEqual({ removed: 0, held: 2 });
  });

  it('touches nothing that is no day of the archive, and follows no link', async () => {
    put('2001-01-01x', 'a.json');
    put('other', 'a.json');
    symlinkSync(join(folder, 'other'), join(folder, '2001-01-01'));
    writeFileSync(join(folder, '2001-01-02'), '');
    expect(await cleanUp(folder, 90, now)).toEqual({ removed: 0, held: 0 });
    expect(existsSync(join(folder, 'other', 'a.json'))).toBe(true);
  });
});

describe('What is done daily', () => {
  it('is done once a day, also when the clock is put forward and back (2-057)', () => {
    const script = `
      const { createDaily } = await import(${JSON.stringify(new URL('../../../src/ingest/file-drop/daily.ts', import.meta.url).href)});
      let kept; let now = 0;
      const store = { get: async () => [kept], commit: async ([{ value }]) => { kept = { value, revision: 1 }; } };
      const done = [];
      for (const server of [1, 2]) {
        const daily = createDaily({ store, runtime: { now: () => now } });
        const from = Date.parse(server === 1 ? '2026-03-27T12:00:00Z' : '2026-10-23T12:00:00Z');
        for (let minute = 0; minute < 4 * 1440; minute += 5) {
          now = from + minute * 60000;
          if (await daily()) done.push(new Date(now).toLocaleString('sv'));
        }
      }
      console.log(JSON.stringify(done));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TZ: 'Europe/Berlin' },
      encoding: 'utf8',
    });
    // In Berlin the hour from two to three does not exist on 29 March, and comes twice on 25 October.
    expect(JSON.parse(said)).toEqual([
      '2026-03-27 13:00:00',
      '2026-03-28 02:00:00',
      '2026-03-29 03:00:00',
      '2026-03-30 02:00:00',
      '2026-03-31 02:00:00',
      '2026-10-23 14:00:00',
      '2026-10-24 02:00:00',
      '2026-10-25 02:00:00',
      '2026-10-26 02:00:00',
      '2026-10-27 02:00:00',
    ]);
  });
});
