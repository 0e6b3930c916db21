/** Takes a file out of the inbox: by renaming, looked at afterwards, or by copying to another disk. Nothing is ever written over. https://man7.org/linux/man-pages/man2/rename.2.html */
import { Buffer } from 'node:buffer';
import { constants, createReadStream } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Identity, isSameContent, look, within } from './dropped.ts';

export interface Leaving {
  readonly inbox: string;
  readonly name: Buffer;
  readonly identity: Identity;
  /** What was read of it, where it was: kept even where its writer has put another file in its place. */
  readonly content: Buffer | undefined;
}

/** Bytes. What is larger fails by renaming alone: a terabyte of nothing must not fill a disk. */
const MOST_COPIED = 64n * 1024n * 1024n;

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
const isIdentity = (seen: Awaited<ReturnType<typeof look>>): seen is Identity => typeof seen === 'object';

/** A name in the inbox that no scan takes for a finished file, while the file is copied to another disk. */
const asideName = ({ dev, ino }: Identity): Buffer => Buffer.from(`.watchfire-${dev}-${ino}`);
const aside = /^\.watchfire-\d+-\d+$/;

/** The first name of the row that is free there. */
async function freeName(folder: string, nameOf: (n: number) => Buffer): Promise<Buffer> {
  for (let n = 0; ; n++) {
    const name = nameOf(n);
    if ((await look(within(folder, name))) === undefined) return name;
  }
}

/** Moves without writing over what is there; on file systems without links by a look before. */
async function moveIfFree(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await link(from, to);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error)!)) throw error;
    if ((await look(to)) !== undefined) return false;
    await rename(from, to);
    return true;
  }
  await unlink(from);
  return true;
}

/** What was moved by mistake goes back, under another name where its own is taken again. */
async function putBack(from: Buffer, inbox: string, name: Buffer): Promise<void> {
  for (let n = 0; ; n++) {
    const back = n === 0 ? name : Buffer.concat([Buffer.from(`${n}_`), name.subarray(0, 240)]);
    if (await moveIfFree(from, within(inbox, back))) return;
  }
}

/** On disk when it resolves, and whole under its name or not there. */
async function writeWhole(folder: string, name: Buffer, write: (path: Buffer) => Promise<void>): Promise<void> {
  const part = within(folder, Buffer.from(`.watchfire-part-${process.pid}`));
  await unlink(part).catch(() => undefined);
  await write(part);
  const file = await open(part, 'r');
  await file.sync();
  await file.close();
  await rename(part, within(folder, name));
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const at = await open(folder, 'r');
  await at.sync().catch(() => undefined); // some file systems have nothing to sync there
  await at.close();
}

export const writeFileWhole = (folder: string, name: Buffer, content: Uint8Array): Promise<void> =>
  writeWhole(folder, name, async (path) => {
    const file = await open(path, 'wx', 0o640);
    await file.writeFile(content);
    await file.close();
  });

/** To another disk. The file stands aside meanwhile, so that nobody's new file is unlinked in its place. */
async function copyAcross(leaving: Leaving, folder: string, name: Buffer): Promise<boolean> {
  const { inbox, identity } = leaving;
  if (identity.size > MOST_COPIED) throw new Error('a file of this size is not copied to another disk');
  const from = within(inbox, asideName(identity));
  await rename(within(inbox, leaving.name), from);
  const seen = await look(from);
  if (!isIdentity(seen) || !isSameContent(seen, identity)) {
    if (seen !== undefined) await putBack(from, inbox, leaving.name);
    return false;
  }
  try {
    await writeWhole(folder, name, (path) =>
      pipeline(
        createReadStream(from, { flags: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK } as never),
        async (chunks) => {
          const file = await open(path, 'wx', 0o640);
          for await (const chunk of chunks) await file.writeFile(chunk as Buffer);
          await file.close();
        },
      ),
    );
  } catch (error) {
    await putBack(from, inbox, leaving.name);
    throw error;
  }
  await unlink(from);
  return true;
}

/** Resolves with the name it has there; undefined where it had gone from the inbox and nothing of it was known. */
export async function moveTo(
  leaving: Leaving,
  folder: string,
  nameOf: (n: number) => Buffer,
): Promise<Buffer | undefined> {
  const { inbox, identity, content } = leaving;
  const from = within(inbox, leaving.name);
  const name = await freeName(folder, nameOf);
  const to = within(folder, name);
  const seen = await look(from);
  if (isIdentity(seen) && isSameContent(seen, identity)) {
    try {
      await rename(from, to);
      const moved = await look(to);
      if (isIdentity(moved) && isSameContent(moved, identity)) return name;
      await putBack(to, inbox, leaving.name);
    } catch (error) {
      if (codeOf(error) === 'EXDEV') {
        if (await copyAcross(leaving, folder, name)) return name;
      } else if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  // Its writer has put another in its place, written it anew, or taken it away: what was read is kept all the same.
  if (content === undefined) return undefined;
  await writeFileWhole(folder, name, content);
  return name;
}

/** Files that a process left aside when it died come back into the inbox; those that were taken in are known by the ledger. */
export async function comeBack(inbox: string, names: readonly Buffer[]): Promise<void> {
  for (const name of names) {
    if (!aside.test(name.toString('latin1'))) continue;
    await putBack(within(inbox, name), inbox, Buffer.from(`recovered${name.subarray('.watchfire'.length)}.json`));
  }
}
