/** A dropped file as the system sees it, looked at without following it, and read through one descriptor. https://man7.org/linux/man-pages/man2/open.2.html */
import { Buffer } from 'node:buffer';
import { type BigIntStats, constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { sep } from 'node:path';

/** What tells a file from every other, and from itself after a change. */
export interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  /** Nanoseconds. What writers may set as they like. */
  readonly modified: bigint;
  /** Nanoseconds of the last change of content, name or mode. Nobody sets it. */
  readonly changed: bigint;
  readonly links: bigint;
}

/** Why a thing in the inbox is no file to read. */
export type NoFile = 'symbolic link' | 'folder' | 'pipe' | 'socket' | 'device';

const identityOf = ({ dev, ino, size, mtimeNs, ctimeNs, nlink }: BigIntStats): Identity => ({
  dev,
  ino,
  size,
  modified: mtimeNs,
  changed: ctimeNs,
  links: nlink,
});

function kindOf(stats: BigIntStats): NoFile | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isSymbolicLink()) return 'symbolic link';
  if (stats.isDirectory()) return 'folder';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'device';
}

export const within = (folder: string, name: Uint8Array): Buffer => Buffer.concat([Buffer.from(folder + sep), name]);

/** Whether it holds what it held, whatever it is called now. */
export const isSameContent = (a: Identity, b: Identity): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.modified === b.modified;
/** Whether nothing about it has changed, its name included. */
export const isUnchanged = (a: Identity, b: Identity): boolean => isSameContent(a, b) && a.changed === b.changed;

/** Undefined where it is gone. */
export async function look(path: Buffer): Promise<Identity | NoFile | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    return kindOf(stats) ?? identityOf(stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

// A pipe that took the name meanwhile must not hold us, nor a link lead us on.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The content of the file that was looked at; undefined where another is there now, or it changed while it was read. Throws what
 * the system says.
 */
export async function contentOf(path: Buffer, expected: Identity): Promise<Buffer | undefined> {
  const file = await open(path, READ);
  try {
    const before = await file.stat({ bigint: true });
    if (kindOf(before) !== undefined || !isUnchanged(identityOf(before), expected)) return undefined;
    const bytes = Buffer.alloc(Number(before.size));
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) return undefined;
      at += bytesRead;
    }
    const after = await file.stat({ bigint: true });
    return isUnchanged(identityOf(after), expected) ? bytes : undefined;
  } finally {
    await file.close();
  }
}
