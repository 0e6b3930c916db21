/** Removes archived files of days that are long over, unless somebody said that they are held. docs/file-drop.md#keeping */
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { dayOf } from './names.ts';

/** In the archive: nothing is removed. In the folder of a day: nothing of that day. */
const HOLD = '.legal-hold';
/** Behind the name of one file: that one is kept. */
const HELD = '.hold';

export interface CleanedUp {
  readonly removed: number;
  /** Files that are old enough but held. */
  readonly held: number;
}

const exists = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** The last day of which nothing is removed yet: `days` before today, by the calendar of this machine. */
function firstKept(now: number, days: number): string {
  const at = new Date(now);
  // At noon, which no clock is ever put over.
  return dayOf(new Date(at.getFullYear(), at.getMonth(), at.getDate() - days, 12).getTime());
}

/** Files of the day `days` ago are kept, those of the day before go. */
export async function cleanUp(archive: string, days: number, now: number): Promise<CleanedUp> {
  const from = firstKept(now, days);
  const isHeld = await exists(join(archive, HOLD));
  let removed = 0;
  let held = 0;
  for (const folder of (await readdir(archive)).sort()) {
    if (!/^\d{4}-\d\d-\d\d$/.test(folder) || folder >= from) continue;
    const path = join(archive, folder);
    if (!(await lstat(path)).isDirectory()) continue;
    const names = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    const files = names.filter((entry) => entry.isFile() && !isMark(entry.name));
    if (isHeld || names.some(({ name }) => name.toString('latin1') === HOLD)) {
      held += files.length;
      continue;
    }
    const marks = new Set(names.map(({ name }) => name.toString('latin1')));
    for (const { name } of files) {
      if (marks.has(name.toString('latin1') + HELD)) held++;
      else {
        await unlink(Buffer.concat([Buffer.from(`${path}/`), name]));
        removed++;
      }
    }
    await rmdir(path).catch(() => undefined); // not empty: something in it is held or not ours
  }
  return { removed, held };
}

const isMark = (name: Buffer): boolean => name.toString('latin1').endsWith(HELD) || name.toString('latin1') === HOLD;
