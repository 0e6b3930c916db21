/** One file from the inbox to where it belongs: read once it is whole and quiet, taken in, then moved; what cannot be goes to the failed ones with its reason. docs/file-drop.md */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { operationOutcome, Problem, problem } from '../../fhir/outcome.ts';
import { createLine } from '../../interactions/settle.ts';
import type { Runtime } from '../../runtime.ts';
import type { Lease, Store } from '../../store/store.ts';
import { contentOf, type Identity, look, type NoFile, within } from './dropped.ts';
import type { Folders } from './folders.ts';
import { lineOf } from './ledger.ts';
import { type Leaving, moveTo, writeFileWhole } from './move.ts';
import { archivedName, dayOf, errorName, failedName } from './names.ts';
import { GIVEN_UP, type Patience, QUIET } from './patience.ts';
import { type Content, itsFault, refusalOf, type TakeInFiles, type TakenIn } from './take-in.ts';
import { isCutOff } from './whole.ts';

/** As a batch over HTTP. */
const LARGEST = 16n * 1024n * 1024n;

/** A file that can be taken in, read to its end. */
export interface Ready extends Content {
  readonly identity: Identity;
  readonly bytes: Buffer;
}

export type Done =
  /** And in the archive, unless something kept it in the inbox: the ledger knows it. */
  | { readonly is: 'taken-in'; readonly taken: TakenIn; readonly error?: unknown }
  /** It had been taken in before, and stands where it belongs now. */
  | { readonly is: 'moved' }
  | { readonly is: 'failed'; readonly taken?: TakenIn }
  /** `soon`: milliseconds after which it is worth another look. */
  | { readonly is: 'waiting'; readonly soon?: number; readonly error?: unknown }
  | { readonly is: 'left'; readonly kind: NoFile }
  | { readonly is: 'gone' };

export interface OneFileRoom {
  readonly folders: Folders;
  readonly takeIn: TakeInFiles;
  readonly store: Pick<Store, 'get'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly patience: Patience;
}

export interface OneFile {
  /** A file to take in, or what became of it already. Never rejects. */
  look(name: Buffer): Promise<Ready | Done>;
  /** Of one device: one of many readings, or several of one reading each. */
  take(files: readonly Ready[], fence: Lease | undefined): Promise<readonly Done[]>;
}

export const isReady = (seen: Ready | Done): seen is Ready => 'payload' in seen;

const textOf = (value: object): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

export function createOneFile({ folders, takeIn, store, runtime, patience }: OneFileRoom): OneFile {
  const { inbox, archive, failed } = folders;
  // One moves at a time: a name that was found free must be so still.
  const line = createLine();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => line('move', work);

  /** Its reason first: a file without one would have failed for nothing. */
  async function fail(
    name: Buffer,
    identity: Identity,
    { content, digest = '' }: { readonly content?: Buffer; readonly digest?: string },
    refused: Problem,
    isRecorded = false,
  ): Promise<void> {
    if (!isRecorded) await takeIn.recordRefusal(digest, refused.code);
    await inTurn(() => moveWithReason({ inbox, name, identity, content }, refused));
  }

  async function moveWithReason(leaving: Leaving, refused: Problem): Promise<void> {
    const { name } = leaving;
    let n = 0;
    while ((await look(within(failed, failedName(name, n)))) !== undefined) n++;
    const called = failedName(name, n);
    const say = (as: Buffer) => writeFileWhole(failed, errorName(as), textOf(operationOutcome(refused.issues)));
    await say(called);
    const moved = await moveTo(leaving, failed, (k) => failedName(name, n + k));
    if (moved !== undefined && !moved.equals(called)) await say(moved);
  }

  async function archived({ name, identity, bytes }: Pick<Ready, 'name' | 'identity' | 'bytes'>): Promise<void> {
    const at = runtime.now();
    const day = join(archive, dayOf(at));
    await mkdir(day, { recursive: true, mode: 0o755 });
    await inTurn(() => moveTo({ inbox, name, identity, content: bytes }, day, (n) => archivedName(name, at, n)));
  }

  function waits(name: Buffer, error: unknown): Done {
    patience.putOff(name);
    return { is: 'waiting', error };
  }

  /** Moves a file to where it belongs. */
  async function settled(file: Ready, outcome: TakenIn | Problem): Promise<Done> {
    const { name, identity, bytes, digest } = file;
    const content = { content: bytes, digest };
    try {
      if (outcome instanceof Problem) {
        await fail(name, identity, content, outcome);
        return { is: 'failed' };
      }
      if (outcome.refused.length === 0) {
        await archived(file);
        return { is: 'taken-in', taken: outcome };
      }
      await fail(name, identity, content, refusalOf(outcome.refused), true);
      return { is: 'failed', taken: outcome };
    } catch (error) {
      const waiting = waits(name, error);
      return outcome instanceof Problem ? waiting : { is: 'taken-in', taken: outcome, error };
    }
  }

  return {
    async look(name) {
      const path = within(inbox, name);
      try {
        const seen = await look(path);
        if (seen === undefined) return { is: 'gone' };
        if (typeof seen === 'string') return { is: 'left', kind: seen };
        const quiet = patience.unchangedFor(name, seen);
        if (quiet < QUIET) return { is: 'waiting', soon: QUIET - quiet };
        if (patience.untilDue(name) > 0) return { is: 'waiting' };
        if (seen.size > LARGEST) {
          await fail(name, seen, {}, problem('too-long', 'The file is larger than 16 MiB'));
          return { is: 'failed' };
        }
        // Its writer may have linked it into place, and have the other name to take away yet.
        if (seen.links > 1n) {
          if (quiet < GIVEN_UP) return { is: 'waiting' };
          await fail(name, seen, {}, problem('security', 'The file has another name elsewhere (a hard link)'));
          return { is: 'failed' };
        }
        const bytes = await contentOf(path, seen).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'EACCES' || error.code === 'EPERM') return 'unreadable' as const;
          if (error.code === 'ENOENT' || error.code === 'ELOOP' || error.code === 'ENXIO') return undefined;
          throw error;
        });
        if (bytes === undefined) return { is: 'waiting', soon: QUIET };
        if (bytes === 'unreadable' || isCutOff(bytes)) {
          if (quiet < GIVEN_UP) return { is: 'waiting' };
          const why =
            bytes === 'unreadable'
              ? problem('forbidden', 'The file may not be read')
              : problem('incomplete', 'The file ends before its JSON does, and nobody wrote on for 10 minutes');
          await fail(name, seen, { content: bytes === 'unreadable' ? undefined : bytes }, why);
          return { is: 'failed' };
        }
        const digest = createHash('sha256').update(bytes).digest('hex');
        const line = await lineOf(store, seen, digest);
        if (line.entered) {
          const { refused } = line.entered;
          if (refused.length > 0) await fail(name, seen, { content: bytes, digest }, refusalOf(refused), true);
          else await archived({ name, identity: seen, bytes });
          return { is: 'moved' };
        }
        try {
          return { name, identity: seen, bytes, digest, line, payload: takeIn.payloadOf(name, bytes) };
        } catch (error) {
          await fail(name, seen, { content: bytes, digest }, itsFault(error));
          return { is: 'failed' };
        }
      } catch (error) {
        return waits(name, error);
      }
    },

    async take(files, fence) {
      try {
        const [first] = files;
        const outcomes = first!.payload.isBatch
          ? [await takeIn.takeInBatch(first!, fence)]
          : await takeIn.takeInSingles(files, fence);
        return await Promise.all(files.map((file, i) => settled(file, outcomes[i]!)));
      } catch (error) {
        return files.map(({ name }) => waits(name, error));
      }
    },
  };
}
