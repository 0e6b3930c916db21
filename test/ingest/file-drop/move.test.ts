import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { contentOf, type Identity, look } from '../../../src/ingest/file-drop/dropped.ts';
import { comeBack, moveTo } from '../../../src/ingest/file-drop/move.ts';

let folder: string;
let inbox: string;
let archive: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchfire-move-'));
  [inbox, archive] = [join(folder, 'in'), join(folder, 'out')];
  for (const path of [inbox, archive]) mkdirSync(path);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const name = Buffer.from('a.json');
const numbered = (n: number) => Buffer.from(`a_${n}.json`);
const seen = async (path = join(inbox, 'a.json')) => (await look(Buffer.from(path))) as Identity;
async function dropped(text: string) {
  writeFileSync(join(inbox, 'a.json'), text);
  const identity = await seen();
  return { inbox, name, identity, content: Buffer.from(text) };
}

describe('A file on its way out of the inbox', () => {
  it('takes the first free name, and writes over nothing (2-062)', async () => {
    writeFileSync(join(archive, 'a_0.json'), 'older');
    const leaving = await dropped('new');
    expect(String(await moveTo(leaving, archive, numbered))).toBe('a_1.json');
    expect(readFileSync(join(archive, 'a_0.json'), 'utf8')).toBe('older');
    expect(await seen(join(archive, 'a_1.json'))).toMatchObject({ ino: leaving.identity.ino });
    expect(readdirSync(inbox)).toEqual([]);
  });

  it('leaves a newer one of its name where it is, and is kept all the same (P11)', async () => {
    const leaving = await dropped('old');
    writeFileSync(join(folder, 'new'), 'new');
    renameSync(join(folder, 'new'), join(inbox, 'a.json'));
    await moveTo(leaving, archive, numbered);
    expect(readFileSync(join(inbox, 'a.json'), 'utf8')).toBe('new');
    expect(readFileSync(join(archive, 'a_0.json'), 'utf8')).toBe('old');
  });

  it('stays where its writer has written it anew meanwhile, and what was read is kept (P11)', async () => {
    const leaving = await dropped('old');
    writeFileSync(join(inbox, 'a.json'), 'newer');
    await moveTo(leaving, archive, numbered);
    expect(readFileSync(join(inbox, 'a.json'), 'utf8')).toBe('newer');
    expect(readFileSync(join(archive, 'a_0.json'), 'utf8')).toBe('old');
  });

  it('crosses to another disk by a copy (P11)', async () => {
    const elsewhere = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/watchfire-move-') : undefined;
    if (elsewhere === undefined || statSync(elsewhere).dev === statSync(inbox).dev) return;
    try {
      const leaving = await dropped('x'.repeat(200_000));
      await moveTo(leaving, elsewhere, numbered);
      expect(readdirSync(elsewhere)).toEqual(['a_0.json']);
      expect(readFileSync(join(elsewhere, 'a_0.json'), 'utf8')).toBe('x'.repeat(200_000));
      expect(readdirSync(inbox)).toEqual([]);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('comes back where a process left it aside when it died', async () => {
    await dropped('x');
    renameSync(join(inbox, 'a.json'), join(inbox, '.watchfire-1-2'));
    await comeBack(inbox, [Buffer.from('.watchfire-1-2'), Buffer.from('.other')]);
    expect(readdirSync(inbox)).toEqual(['recovered-1-2.json']);
  });
});

describe('A file that is read', () => {
  it('is not read where another stands in its place, or it has grown (I43)', async () => {
    const { identity } = await dropped('old');
    expect(String(await contentOf(Buffer.from(join(inbox, 'a.json')), identity))).toBe('old');
    writeFileSync(join(inbox, 'a.json'), 'older');
    expect(await contentOf(Buffer.from(join(inbox, 'a.json')), identity)).toBeUndefined();
  });
});
