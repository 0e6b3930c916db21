/** The store has one owner: a lock file in the data folder says which process holds it and where it listens. */
import { closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What the lock file says. */
export interface Owner {
  readonly pid: number;
  /** When the process began, in the kernel's ticks since boot: a number that a later process with the same pid does not have. */
  readonly began: string;
  /** Where it listens, once it does. */
  readonly url?: string;
}

const fileOf = (dataFolder: string) => join(dataFolder, 'owner.lock');

/** Field 22 of /proc/<pid>/stat; '' on systems without /proc, where the pid alone must do. */
function beganAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive({ pid, began }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return beganAt(pid) === began;
}

/** The living owner of a data folder, or undefined. */
export function ownerOf(dataFolder: string): Owner | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(dataFolder), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const owner = JSON.parse(text) as Owner;
    return isAlive(owner) ? owner : undefined;
  } catch {
    return undefined; // its writer died before the line was whole
  }
}

export interface Ownership {
  /** Says where the owner listens. */
  listensAt(url: string): void;
  release(): void;
}

/** Takes the data folder, making it where it is missing. Throws with a sentence when somebody living holds it. */
export function takeOwnership(dataFolder: string): Ownership {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = fileOf(dataFolder);
  const mine: Owner = { pid: process.pid, began: beganAt(process.pid) };
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = openSync(file, 'wx', 0o600);
      writeSync(handle, JSON.stringify(mine));
      closeSync(handle);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = ownerOf(dataFolder);
      const isMine = owner?.pid === process.pid;
      if (owner && !isMine) {
        throw new Error(
          `the data folder ${dataFolder} belongs to the running process ${owner.pid}${owner.url ? ` at ${owner.url}` : ''}`,
        );
      }
      if (isMine || attempt > 3) throw new Error(`the data folder ${dataFolder} is in use by this process already`);
      unlinkSync(file);
    }
  }
  return {
    listensAt: (url) => writeFileSync(file, JSON.stringify({ ...mine, url }), { mode: 0o600 }),
    release: () => unlinkSync(file),
  };
}
