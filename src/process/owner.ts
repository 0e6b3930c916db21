/** The store has one owner: a lock file in the data folder says which process holds it and where it listens. */
import { hash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
    if (codeOf(error) === 'ESRCH') return false;
  }
  return beganAt(pid) === began;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The living process that a lock file names. What cannot be read as one was written by no version of this program. */
function livingIn(text: string | undefined): Owner | undefined {
  if (text === undefined) return undefined;
  try {
    const owner = JSON.parse(text) as Owner;
    return isAlive(owner) ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** The living owner of a data folder, or undefined. */
export const ownerOf = (dataFolder: string): Owner | undefined => livingIn(textOf(fileOf(dataFolder)));

export interface Ownership {
  /** Says where the owner listens. */
  listensAt(url: string): void;
  release(): void;
}

/** Puts a whole file there, or nothing where one is: a lock that is seen half written would be taken for a dead one. */
function isPlaced(whole: string, file: string): boolean {
  try {
    linkSync(whole, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error)!)) throw error;
    if (textOf(file) !== undefined) return false;
    writeFileSync(file, readFileSync(whole), { mode: 0o600, flag: 'wx' }); // a file system without links
    return true;
  }
}

/**
 * Puts our file in the place of what was found dead there. One at a time may: whoever is first at a file named after what is dead. It is
 * moved there only where the dead one still stands, and nobody else moves that. Says whether it was, or which living process is at it.
 */
function takeOver(path: string, dead: string, own: string, lock: string): boolean | Owner {
  const claim = `${lock}.${hash('sha256', dead, 'hex').slice(0, 16)}`;
  if (!isPlaced(own, claim)) {
    const former = textOf(claim);
    if (former === undefined) return false;
    const taken = livingIn(former) ?? takeOver(claim, former, own, lock); // who died at it is taken over as well
    if (taken !== true) return taken;
  }
  if (textOf(path) !== dead) {
    rmSync(claim);
    return false;
  }
  renameSync(claim, path);
  return true;
}

/** Takes the data folder, making it where it is missing. Throws with a sentence when somebody living holds it. */
export function takeOwnership(dataFolder: string): Ownership {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = fileOf(dataFolder);
  const own = `${file}.${process.pid}`;
  const mine: Owner = { pid: process.pid, began: beganAt(process.pid) };
  const write = (owner: Owner) => writeFileSync(own, JSON.stringify(owner), { mode: 0o600 });
  // One that was killed with our pid may have left it, as a second name of the lock.
  rmSync(own, { force: true });
  write(mine);
  try {
    for (let attempt = 0; !isPlaced(own, file); attempt++) {
      const text = textOf(file);
      const owner = livingIn(text) ?? (text !== undefined && takeOver(file, text, own, file));
      if (owner === true) break;
      if (owner && owner.pid === process.pid)
        throw new Error(`the data folder ${dataFolder} is in use by this process already`);
      if (attempt > 3) throw new Error(`the lock of the data folder ${dataFolder} cannot be taken`);
      if (owner) {
        const where = owner.url ? ` at ${owner.url}` : '';
        throw new Error(`the data folder ${dataFolder} belongs to the running process ${owner.pid}${where}`);
      }
    }
  } finally {
    rmSync(own, { force: true });
  }
  return {
    listensAt(url) {
      write({ ...mine, url });
      renameSync(own, file);
    },
    release() {
      if (ownerOf(dataFolder)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}
