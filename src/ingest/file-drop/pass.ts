/** One look through the inbox: every file that is whole and quiet, in order of their names, those of one device one after another. docs/file-drop.md */
import { readdir } from 'node:fs/promises';
import type { Lease } from '../../store/store.ts';
import { comeBack } from './move.ts';
import { isFinished } from './names.ts';
import { type Done, isReady, type OneFile, type Ready } from './one-file.ts';
import type { Patience } from './patience.ts';

/** So many are read before they are stored: their devices share commits. */
const WAVE = 256;
/** So many files of one reading share a commit at most. */
const MOST_TOGETHER = 100;
/** So many at a time are opened. */
const READERS = 8;

/** What a pass has done; the words are those of the command. */
export interface Tally {
  /** Files whose readings are all stored. */
  readonly processed: number;
  /** Files that went to the failed ones, some of their readings stored or none. */
  readonly failed: number;
  readonly readings: number;
  /** Observations that were not there before. */
  readonly vitals: number;
  /** Flags that were opened or raised. */
  readonly alerts: number;
  readonly archived: number;
  readonly duplicates: number;
  /** Files that stay in the inbox for now. */
  readonly waiting: number;
  /** Things with the name of a file that are none. */
  readonly left: number;
}

export const nothing: Tally = {
  processed: 0,
  failed: 0,
  readings: 0,
  vitals: 0,
  alerts: 0,
  archived: 0,
  duplicates: 0,
  waiting: 0,
  left: 0,
};

/** Of two passes, one after the other: what waits is what waited last. */
export const added = (a: Tally, b: Tally): Tally => ({
  processed: a.processed + b.processed,
  failed: a.failed + b.failed,
  readings: a.readings + b.readings,
  vitals: a.vitals + b.vitals,
  alerts: a.alerts + b.alerts,
  archived: a.archived + b.archived,
  duplicates: a.duplicates + b.duplicates,
  waiting: b.waiting,
  left: b.left,
});

export interface Passed {
  readonly tally: Tally;
  /** Milliseconds after which a file is worth another look; undefined where none is. */
  readonly soon: number | undefined;
  /** The first thing that went wrong and is no fault of a file. */
  readonly error: unknown;
  readonly left: readonly (Done & { readonly is: 'left' })[];
}

export interface Passing {
  readonly fence: Lease | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
}

/** Throws what the system says where the inbox cannot be read. */
export type Pass = (passing: Passing) => Promise<Passed>;

/** What one file adds. */
function tallyOf(done: Done): Tally {
  const taken = 'taken' in done ? done.taken : undefined;
  const { readings = 0, vitals = 0, alerts = 0, duplicates = 0, refused = [] } = taken ?? {};
  const stored = { ...nothing, readings: readings - refused.length, vitals, alerts, duplicates };
  if (done.is === 'failed') return { ...stored, failed: 1 };
  if (done.is === 'moved') return { ...nothing, archived: 1 };
  if (done.is === 'waiting') return { ...nothing, waiting: 1 };
  if (done.is === 'left') return { ...nothing, left: 1 };
  if (done.is === 'gone') return nothing;
  const isInPart = refused.length > 0;
  const stays = done.error === undefined ? 0 : 1;
  return { ...stored, processed: isInPart ? 0 : 1, archived: isInPart || stays ? 0 : 1, waiting: stays };
}

async function inTurns<T, R>(items: readonly T[], workers: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, worker));
  return results;
}

/** What goes in together, in order: files of one reading each that follow one another, and each of many by itself. */
function together(files: readonly Ready[]): readonly (readonly Ready[])[] {
  const groups: Ready[][] = [];
  for (const file of files) {
    const last = groups.at(-1);
    const isOne = !file.payload.isBatch && last !== undefined && !last[0]!.payload.isBatch;
    if (isOne && last.length < MOST_TOGETHER) last.push(file);
    else groups.push([file]);
  }
  return groups;
}

export function createPass(inbox: string, files: OneFile, patience: Patience): Pass {
  let isFirst = true;

  async function take(seen: readonly (Ready | Done)[], fence: Lease | undefined): Promise<readonly Done[]> {
    const ready = seen.filter(isReady);
    const byDevice = [...Map.groupBy(ready, ({ payload }) => payload.deviceId).values()];
    const takeAll = async (ofDevice: readonly Ready[]) => {
      const done: Done[] = [];
      for (const some of together(ofDevice)) done.push(...(await files.take(some, fence)));
      return done;
    };
    const taken = await Promise.all(byDevice.map(takeAll));
    return [...seen.filter((one): one is Done => !isReady(one)), ...taken.flat()];
  }

  return async ({ fence, signal, onProgress }) => {
    let found = await readdir(inbox, { encoding: 'buffer' });
    if (isFirst) {
      await comeBack(inbox, found);
      found = await readdir(inbox, { encoding: 'buffer' });
      isFirst = false;
    }
    const names = found.filter(isFinished).sort((a, b) => a.compare(b));
    patience.keep(names);
    let tally = nothing;
    let soon: number | undefined;
    let error: unknown;
    const left: Passed['left'][number][] = [];
    const lookAt = (at: number) => inTurns(names.slice(at, at + WAVE), READERS, files.look);
    let ahead = lookAt(0);
    for (let at = 0; at < names.length; at += WAVE) {
      const seen = await ahead;
      if (signal.aborted) break;
      // Read while those before are stored.
      ahead = lookAt(at + WAVE);
      const done = await take(seen, fence);
      for (const one of done) {
        const more = tallyOf(one);
        tally = added(tally, { ...more, waiting: tally.waiting + more.waiting, left: tally.left + more.left });
        if (one.is === 'waiting' && one.soon !== undefined) soon = Math.min(soon ?? one.soon, one.soon);
        if ('error' in one) error ??= one.error;
        if (one.is === 'left') left.push(one);
      }
      onProgress?.(Math.min(at + WAVE, names.length), names.length);
    }
    await ahead;
    return { tally, soon, error, left };
  };
}
