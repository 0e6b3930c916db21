import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { linkSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ownerOf, takeOwnership } from '../../src/process/owner.ts';
import { together } from '../support/house.ts';

const folder = mkdtempSync(join(tmpdir(), 'watchfire-owner-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const lock = join(folder, 'owner.lock');

const claim = `
  import { takeOwnership } from ${JSON.stringify(new URL('../../src/process/owner.ts', import.meta.url).href)};
  process.stdout.write('ready\\n');
  process.stdin.once('data', () => {
    try { takeOwnership(process.argv[1]); process.stdout.write('won\\n'); }
    catch (error) { process.stdout.write(error.message + '\\n'); }
  });
  process.stdin.on('end', () => process.exit());
`;

/** A process that takes the folder when it is told to, and holds it until it is let go. */
function claimant() {
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', claim, folder]);
  let written = '';
  child.stdout.on('data', (chunk) => {
    written += chunk;
  });
  const line = async (n: number): Promise<string> => {
    while (written.split('\n').length <= n + 1) await new Promise((resolve) => child.stdout.once('data', resolve));
    return written.split('\n')[n]!;
  };
  return {
    ready: () => line(0),
    answer: () => line(1),
    go: () => child.stdin.write('go\n'),
    end: () => new Promise((resolve) => child.once('exit', resolve) && child.stdin.end()),
  };
}

describe('The owner of a data folder', () => {
  it('is one of many who want it at once, whether the lock is free, dead or half written', async () => {
    const dead = JSON.stringify({ pid: process.pid, began: '1' });
    for (const left of [undefined, dead, dead.slice(0, 9), undefined, dead, '']) {
      if (left !== undefined) writeFileSync(lock, left);
      const all = Array.from({ length: 4 }, claimant);
      await together(4, (i) => all[i]!.ready());
      for (const { go } of all) go();
      const answers = await together(4, (i) => all[i]!.answer());
      expect([left, answers.filter((answer) => answer === 'won')]).toEqual([left, ['won']]);
      expect(answers.filter((answer) => /belongs to the running process \d+/.test(answer))).toHaveLength(3);
      await together(4, (i) => all[i]!.end());
      rmSync(lock);
    }
  }, 60_000);

  describe('that died', () => {
    const dead = (began: string) => JSON.stringify({ pid: process.pid, began });
    /** Where somebody stands who takes over from who wrote that. */
    const claimOn = (text: string) => `${lock}.${hash('sha256', text, 'hex').slice(0, 16)}`;

    it('is followed by one process, while another that began to follow still lives', async () => {
      const other = claimant();
      await other.ready();
      other.go();
      expect(await other.answer()).toBe('won');
      // Before it was moved to its place.
      renameSync(lock, claimOn(dead('1')));
      writeFileSync(lock, dead('1'));
      expect(() => takeOwnership(folder)).toThrow(/belongs to the running process \d+/);
      await other.end();
      takeOwnership(folder).release();
      expect(readdirSync(folder)).toEqual([]);
    });

    it('is followed by a process of the same number that finds what it left', () => {
      writeFileSync(lock, dead('1'));
      linkSync(lock, `${lock}.${process.pid}`);
      takeOwnership(folder).release();
      expect(readdirSync(folder)).toEqual([]);
    });

    it('is followed though whoever began to follow died at it too, and so did the next', () => {
      writeFileSync(lock, dead('1'));
      writeFileSync(claimOn(dead('1')), dead('2'));
      writeFileSync(claimOn(dead('2')), dead('3'));
      const ownership = takeOwnership(folder);
      expect(ownerOf(folder)).toMatchObject({ pid: process.pid });
      expect(readdirSync(folder)).toEqual(['owner.lock']);
      ownership.release();
    });
  });

  it('says where it listens, and leaves nothing behind', () => {
    const ownership = takeOwnership(folder);
    expect(ownerOf(folder)).toMatchObject({ pid: process.pid });
    expect(ownerOf(folder)!.url).toBeUndefined();
    ownership.listensAt('http://127.0.0.1:1');
    expect(ownerOf(folder)!.url).toBe('http://127.0.0.1:1');
    expect(() => takeOwnership(folder)).toThrow('in use by this process already');
    ownership.release();
    expect(ownerOf(folder)).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });
});
