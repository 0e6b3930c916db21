import { describe, expect, it } from '@jest/globals';
import {
  archivedName,
  claimsAnother,
  dayOf,
  errorName,
  failedName,
  isFinished,
  shown,
} from '../../../src/ingest/file-drop/names.ts';

const name = (text: string) => Buffer.from(text);
const at = new Date(2025, 10, 17, 10, 30, 45).getTime();

describe('The name of a dropped file', () => {
  it('is advice: the form DEVICE_DATE_TIME.json claims a device, any other claims none (2-051)', () => {
    expect(claimsAnother(name('DEV001_20251117_103000.json'), 'DEV001')).toBe(false);
    expect(claimsAnother(name('DEV002_20251117_103000.json'), 'DEV001')).toBe(true);
    expect(claimsAnother(name('DEV001_20251117_103000_1.json'), 'DEV001')).toBe(false);
    // As it stands in the archive.
    expect(claimsAnother(name('DEV001_20251117_103000_20251117_103045.json'), 'DEV001')).toBe(false);
    expect(claimsAnother(name('test.json'), 'DEV001')).toBe(false);
    expect(claimsAnother(name('ward_7_20251117_103000.json'), 'ward_7')).toBe(false);
  });

  it('gets a timestamp behind it in the archive, and a number where that is taken (2-062)', () => {
    expect(String(archivedName(name('DEV001_reading1.json'), at, 0))).toBe('DEV001_reading1_20251117_103045.json');
    expect(String(archivedName(name('DEV001_reading1.json'), at, 2))).toBe('DEV001_reading1_20251117_103045_2.json');
    expect(dayOf(at)).toBe('2025-11-17');
  });

  it('stays as it was among the failed ones, its reason beside it (2-064)', () => {
    expect(String(failedName(name('a.json'), 0))).toBe('a.json');
    expect(String(failedName(name('a.json'), 1))).toBe('a_1.json');
    expect(String(errorName(name('a.json')))).toBe('a.json.error.json');
  });

  it.each([archivedName, (given: Buffer, _at: number, n: number) => failedName(given, n + 1), errorName] as const)(
    'is never longer than 255 bytes, nor cut within a letter (I43)',
    (called) => {
      for (const letter of ['x', 'é', '漢']) {
        const long = name(`${letter.repeat(300)}`).subarray(0, 250);
        const made = called(Buffer.concat([long, name('.json')]), at, 3);
        expect(made.length).toBeLessThanOrEqual(255);
        expect(made.toString('utf8').replace(/\ufffd.{0,4}json|\ufffd_/g, '!')).not.toContain('\ufffd'.repeat(3));
      }
    },
  );

  it('is escaped where people see it (I43)', () => {
    expect(shown(name('a\nb\u001b[31m"\u202e.json'))).toBe('a\\u{000a}b\\u{001b}[31m\\"\\u{202e}.json');
    expect(shown(Buffer.from([0x61, 0xff, 0x62]))).toBe('a\ufffdb');
  });

  it('tells files that are being written under another name, and reasons that were moved back with their files', () => {
    expect(['a.json', 'A.JSON'].map((one) => isFinished(name(one)))).toEqual([true, true]);
    expect(['.a.json', 'a.json.tmp', 'a.part', 'json', 'a.json.error.json'].some((one) => isFinished(name(one)))).toBe(
      false,
    );
  });
});
