/** The file drop: one reader of the inbox in all servers of a store, which looks by itself, when it is rung or when it is asked. docs/file-drop.md */
import type { Config } from '../../config.ts';
import { problem } from '../../fhir/outcome.ts';
import type { Log } from '../../log.ts';
import { freshId, type Runtime } from '../../runtime.ts';
import { type Held, type Leases, noLeases, startLeases } from '../../store/lease.ts';
import { openBell } from './bell.ts';
import { type CleanedUp, cleanUp } from './cleanup.ts';
import { createDaily } from './daily.ts';
import { openFolders } from './folders.ts';
import { createOneFile } from './one-file.ts';
import { added, createPass, nothing, type Passed, type Tally } from './pass.ts';
import { createPatience } from './patience.ts';
import { createTakeInFiles, type TakeInRoom } from './take-in.ts';

/** What somebody asked for by `watchfire process-iot-data`. */
export interface Run {
  readonly id: string;
  readonly state: 'waiting' | 'running' | 'done' | 'refused';
  readonly done: number;
  readonly of: number;
  readonly tally: Tally;
  readonly cleanedUp?: CleanedUp;
  /** Why it is refused. */
  readonly error?: string;
}

export interface FileDrop {
  /** Looks through the inbox until nothing is left that is whole; and then cleans up, where days are given. */
  start(cleanupDays: number | undefined): Run;
  runOf(id: string): Run | undefined;
  /** How many runs besides this one are not over, or are and nobody has asked since. */
  othersThan(id: string): number;
  /** Since the server started. */
  readonly totals: () => Tally;
  /** When a file was last taken in, and when one last failed; milliseconds since 1970. */
  readonly last: () => { readonly success?: number; readonly failure?: number };
  /** After the signal. */
  readonly stopped: Promise<unknown>;
}

export interface FileDropRoom extends TakeInRoom {
  readonly config: Pick<Config, 'iotInbox' | 'iotArchive' | 'iotFailed' | 'iotWatch' | 'iotCleanupDays'>;
  readonly runtime: Runtime;
  readonly leases: Leases;
  /** It is here for one command, and does what that asks for. */
  readonly isBrief: boolean;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks when no bell rings: some file systems have none. */
const LOOK_EVERY = 5_000;
/** Milliseconds between two looks however often it rings: as long as the last one took, within these. */
const AT_LEAST = 250;
const AT_MOST = 2_000;
/** Milliseconds that a run waits for files that are being written, and for the lease. */
const FOR_WRITERS = 10_000;
const FOR_LEASE = 20_000;
const RUNS_KEPT = 100;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Undefined where no inbox is set. Throws a ConfigError where the folders cannot serve. */
export function openFileDrop(room: FileDropRoom): FileDrop | undefined {
  const { config, store, runtime, log, signal, isBrief } = room;
  const folders = openFolders(config);
  if (!folders) return undefined;
  if (folders.open.length > 0) log.warn('everybody on this machine may write into folders of the file drop');
  const patience = createPatience(runtime.now);
  const takeIn = createTakeInFiles(room);
  const pass = createPass(folders.inbox, createOneFile({ folders, takeIn, store, runtime, patience }), patience);
  const daily = createDaily({ store, runtime });
  let totals = nothing;
  let last: ReturnType<FileDrop['last']> = {};

  let holding: Held | undefined;
  let busy: Promise<unknown> = Promise.resolve();
  /** One reader at a time, whoever asked for it. */
  function alone<T>(work: (held: Held) => Promise<T>): Promise<T | undefined> {
    const mine = busy.then(() => (holding && !holding.signal.aborted ? work(holding) : undefined));
    busy = mine.catch(() => undefined);
    return mine;
  }

  const told = new Set<string>();
  /** Says once what is no file. */
  async function tell({ tally, error, left }: Passed): Promise<void> {
    totals = added(totals, tally);
    if (tally.processed > 0) last = { ...last, success: runtime.now() };
    if (tally.failed > 0) last = { ...last, failure: runtime.now() };
    if (error !== undefined && !signal.aborted) log.error('dropped files could not be taken in', error);
    for (const kind of new Set(left.map((one) => one.kind))) {
      if (told.has(kind)) continue;
      told.add(kind);
      const code = kind.replaceAll(' ', '-');
      log.warn('something in the inbox is no file', { code });
      await takeIn.recordRefusal('', code);
    }
  }

  async function lookThrough(held: Held, onProgress?: (done: number, of: number) => void): Promise<Passed> {
    const either = AbortSignal.any([held.signal, signal]);
    const passed = await pass({ fence: leases().isShared ? held.fence : undefined, signal: either, onProgress });
    await tell(passed);
    return passed;
  }

  async function cleanUpDaily(): Promise<void> {
    const days = config.iotCleanupDays;
    if (days === undefined || !(await daily())) return;
    const { removed, held } = await cleanUp(folders!.archive, days, runtime.now());
    log.info('archived files cleaned up', { count: removed });
    if (held > 0) log.info('archived files are held', { count: held });
  }

  async function watch(): Promise<void> {
    const bell = openBell(folders!.inbox);
    let isReadable = true;
    while (holding && !holding.signal.aborted) {
      const at = runtime.now();
      let soon: number | undefined;
      try {
        soon = (await alone((held) => lookThrough(held)))?.soon;
        await cleanUpDaily();
        isReadable = true;
      } catch (error) {
        // Gone or not mounted: said once, and looked for again and again.
        if (isReadable && !signal.aborted) log.error('the inbox cannot be looked through', error);
        isReadable = false;
      }
      const held = holding;
      if (!held) break;
      await runtime.sleep(Math.min(AT_MOST, Math.max(AT_LEAST, runtime.now() - at)), held.signal);
      await bell.wait(Math.min(soon ?? LOOK_EVERY, LOOK_EVERY), runtime, held.signal);
    }
    bell.close();
  }

  let own: Leases | undefined;
  function leases(): Leases {
    if (room.leases !== noLeases) return room.leases;
    // A command beside the servers of the store: for this one thing it waits in line with them.
    own ??= startLeases({ store, runtime, owner: freshId(runtime), isShared: true, log, signal });
    return own;
  }
  let isWanted = false;
  function want(): void {
    if (isWanted) return;
    isWanted = true;
    leases().hold('iot-files', async (held) => {
      holding = held;
      if (config.iotWatch && !isBrief) await watch();
      else await aborted(held.signal);
      await busy;
      holding = undefined;
    });
  }
  if (!isBrief) want();

  const runs = new Map<string, Run>();
  /** Whose end nobody has heard of. */
  const untold = new Set<string>();
  async function run(id: string, cleanupDays: number | undefined): Promise<void> {
    const note = (news: Partial<Run>) => runs.set(id, { ...runs.get(id)!, ...news });
    want();
    for (let waited = 0; !holding && waited < FOR_LEASE && !signal.aborted; waited += 50)
      await runtime.sleep(50, signal);
    if (!holding) throw problem('conflict', 'another server of this store reads the inbox');
    await alone(async (held) => {
      note({ state: 'running' });
      const until = runtime.now() + FOR_WRITERS;
      for (let tally = nothing; ; ) {
        const { soon, tally: more } = await lookThrough(held, (done, of) => note({ done, of }));
        tally = added(tally, more);
        note({ tally });
        if (soon === undefined || signal.aborted || runtime.now() + soon > until) break;
        await runtime.sleep(soon, signal);
      }
      if (cleanupDays !== undefined) note({ cleanedUp: await cleanUp(folders!.archive, cleanupDays, runtime.now()) });
      note({ state: 'done' });
    });
    if (runs.get(id)!.state !== 'done') throw problem('conflict', 'another server of this store reads the inbox now');
  }

  return {
    start(cleanupDays) {
      const id = freshId(runtime);
      const one: Run = { id, state: 'waiting', done: 0, of: 0, tally: nothing };
      runs.set(id, one);
      untold.add(id);
      if (runs.size > RUNS_KEPT) {
        const oldest = runs.keys().next().value!;
        runs.delete(oldest);
        untold.delete(oldest);
      }
      void run(id, cleanupDays).catch((error: unknown) => {
        const sentence =
          error instanceof Error && 'issues' in error ? error.message : 'the inbox cannot be looked through';
        runs.set(id, { ...runs.get(id)!, state: 'refused', error: sentence });
        if (!signal.aborted) log.error('the inbox could not be looked through', error);
      });
      return one;
    },
    runOf(id) {
      const one = runs.get(id);
      if (one?.state === 'done' || one?.state === 'refused') untold.delete(id);
      return one;
    },
    othersThan: (id) => untold.size - (untold.has(id) ? 1 : 0),
    totals: () => totals,
    last: () => last,
    get stopped() {
      return Promise.all([busy, own?.stopped]);
    },
  };
}
