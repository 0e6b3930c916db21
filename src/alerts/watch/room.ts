/**
 * Reads the Observations of the version log behind everybody who writes: derives scores and trends, and watches for silent devices.
 * One server of a store does, under a lease; its place is kept. docs/alerts.md#derived
 */
import type { Dispatch } from '../../interactions/interaction.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import { check, type Held, type Leases } from '../../store/lease.ts';
import type { Change, Store, StoredChange, Token } from '../../store/store.ts';
import { createNews2 } from '../derived/news2.ts';
import type { SilenceSettings } from '../silence/rhythm.ts';
import { createSilence, dueOf, silenceKinds } from '../silence/watch.ts';
import type { Limits } from '../thresholds.ts';
import { take } from './take.ts';

export interface WatchParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now' | 'sleep'>;
  readonly base: string;
  readonly canonical: string;
  readonly limits: Limits;
  readonly settings: SilenceSettings & {
    /** Milliseconds beside the newest reading within which others count for NEWS2. */
    readonly news2Window: number;
  };
  readonly leases: Leases;
  readonly log: Pick<Log, 'error'>;
  /** Milliseconds after which timers are looked at in any case: clocks are set. */
  readonly lookEvery?: number;
}

/** Kind of the place in the log: it means nothing to another store. */
export const watchKind = 'alert-watch';
const cursor = { kind: watchKind, key: 'cursor' } as const;
const MOST = 200;
/** Milliseconds that readings are gathered: what belongs together comes together, and a commit is for many. */
const GATHER = 200;
/** Milliseconds of readings that led to nothing and that a restart may look at again. */
const LOOK_AGAIN = 1_000;
const PAUSE_AFTER_FAULT = 1_000;

export function startAlertWatch(parts: WatchParts): void {
  parts.leases.hold('alert-watch', (held) => watch(parts, held));
}

async function watch(parts: WatchParts, held: Held): Promise<void> {
  const { store, runtime, log, dispatch, base, canonical, limits, settings, lookEvery = 60_000 } = parts;
  const { now } = runtime;
  const { fence, signal } = held;
  const writing = { dispatch, store, base };
  const silence = createSilence({ store, writing, canonical, now, settings, fence, log });
  const news2 = createNews2({ store, canonical, vitals: limits.vital, window: settings.news2Window });
  const taking = {
    store,
    writing,
    canonical,
    limits,
    now,
    news2,
    silence,
    fence,
    log,
    resting: new Map<string, number>(),
  };
  const moved = (token: Token): Change => ({ op: 'put', ...cursor, value: token, fence });

  const [row] = await store.get(cursor.kind, [cursor.key]);
  let begin = row?.value as Token | undefined;
  // Who comes new derives nothing of what was before.
  if (begin === undefined) await store.commit([moved((begin = await store.end()))]);
  const reader = readLog(store, begin, signal);
  let batch: readonly StoredChange[] = [];
  let movedAt = now();
  let ringAt = now();
  while (!signal.aborted) {
    try {
      if (ringAt <= now()) ringAt = Math.min((await silence.ring()) ?? Number.POSITIVE_INFINITY, now() + lookEvery);
      if (batch.length === 0) batch = reader.next(MOST);
      if (batch.length === 0) {
        await reader.wait((until) => runtime.sleep(Math.max(1, ringAt - now()), until));
        if (reader.hasMore()) await runtime.sleep(Math.min(GATHER, Math.max(0, ringAt - now())), signal);
        continue;
      }
      const changes = await take(batch, taking);
      if (changes.length > 0 || now() - movedAt >= LOOK_AGAIN) {
        await store.commit([...changes, moved(batch.at(-1)!.token), check(fence)]);
        movedAt = now();
      }
      for (const change of changes)
        if (change.op === 'put' && change.kind === silenceKinds.rhythm && change.value.timer !== undefined)
          ringAt = Math.min(ringAt, dueOf(change.value.timer));
      batch = [];
    } catch (error) {
      if (signal.aborted) return;
      if (reader.isOver()) throw error;
      // The same stretch once more: what was stored of it has the same ids.
      log.error('readings could not be looked through for alerts', error);
      await runtime.sleep(PAUSE_AFTER_FAULT, signal);
    }
  }
}

/** Reads ahead a little, so that nobody waits for the next while timers are due. */
function readLog(store: Pick<Store, 'changes'>, begin: Token, signal: AbortSignal) {
  const buffer: StoredChange[] = [];
  let fault: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;
  let makeRoom = (): void => undefined;
  async function pump(): Promise<void> {
    for await (const change of store.changes(begin, signal, 'Observation')) {
      buffer.push(change);
      wake();
      if (buffer.length >= 2 * MOST) await new Promise<void>((go) => (makeRoom = go));
      if (signal.aborted) return;
    }
  }
  signal.addEventListener('abort', () => makeRoom(), { once: true });
  pump().catch((error: unknown) => {
    fault = { error };
    wake();
  });
  return {
    hasMore: () => buffer.length > 0,
    isOver: () => fault !== undefined,
    next(most: number): readonly StoredChange[] {
      if (buffer.length === 0 && fault) throw fault.error;
      const batch = buffer.splice(0, most);
      makeRoom();
      return batch;
    },
    /** Until there is more, or the sleep that is handed over ends. */
    async wait(sleep: (until: AbortSignal) => Promise<void>): Promise<void> {
      if (buffer.length > 0 || fault) return;
      const more = new AbortController();
      wake = () => more.abort();
      await sleep(AbortSignal.any([more.signal, signal]));
    },
  };
}
