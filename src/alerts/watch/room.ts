/**
 * Reads the Observations of the version log behind everybody who writes: derives scores and trends, and watches for silent devices.
 * One server of a store does, under a lease; its place is kept. docs/alerts.md#derived
 */
import { referenceTo } from '../../fhir/references.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import type { Log } from '../../log.ts';
import type { Measure } from '../../measure.ts';
import type { Runtime } from '../../runtime.ts';
import { check, type Held, type Leases } from '../../store/lease.ts';
import type { Change, Store, StoredChange, Token } from '../../store/store.ts';
import { createNews2 } from '../derived/news2.ts';
import { createSilence, dueOf, type SilenceParts, silenceKinds } from '../silence/watch.ts';
import type { Limits } from '../thresholds.ts';
import { openAside } from './aside.ts';
import { type CountFault, createFaults, isTransient } from './faults.ts';
import { heardOf, take } from './take.ts';

export interface WatchParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now' | 'sleep'>;
  readonly base: string;
  readonly canonical: string;
  readonly limits: Limits;
  readonly settings: SilenceParts['settings'] & {
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
/** A stretch that meets a passing fault is tried so often before it is taken one by one. */
const MOST_TRIES = 3;

/** The measure tells what goes wrong. */
export function startAlertWatch(parts: WatchParts): Measure {
  const { count, measure } = createFaults();
  parts.leases.hold('alert-watch', (held) => watch(parts, held, count));
  return measure;
}

async function watch(parts: WatchParts, held: Held, count: CountFault): Promise<void> {
  const { store, runtime, log, dispatch, base, canonical, limits, settings, lookEvery = 60_000 } = parts;
  const { now } = runtime;
  const { fence, signal } = held;
  const writing = { dispatch, store, base };
  const silence = createSilence({ store, writing, canonical, now, settings, held, log, count });
  const news2 = createNews2({ store, canonical, vitals: limits.vital, window: settings.news2Window });
  const resting = new Map<string, number>();
  const taking = { store, writing, canonical, limits, now, news2, silence, fence, log, count, resting };
  const aside = await openAside({ store, now, held, log, count, take: (version) => take([version], taking) });
  const moved = (token: Token): Change => ({ op: 'put', ...cursor, value: token, fence });

  const [row] = await store.get(cursor.kind, [cursor.key]);
  let begin = row?.value as Token | undefined;
  // Who comes new derives nothing of what was before.
  if (begin === undefined) await store.commit([moved((begin = await store.end()))]);
  const reader = readLog(store, begin, signal);
  let batch: readonly StoredChange[] = [];
  let tries = 0;
  /** So many of the batch are taken one by one: one of them was at fault. */
  let alone = 0;
  let movedAt = now();
  let ringAt = now();

  /** A stretch of the log and its place in one commit. */
  async function takeIn(part: readonly StoredChange[]): Promise<void> {
    const behind = part.filter(({ version }) => aside.isBehind(version));
    const free = behind.length > 0 ? part.filter((change) => !behind.includes(change)) : part;
    const changes = [
      ...(await take(
        free.map(({ version }) => version),
        taking,
        behind.map(({ version }) => version),
      )),
      ...behind.map(({ version }) => aside.put(version)),
    ];
    if (changes.length === 0 && now() - movedAt < LOOK_AGAIN) return;
    await store.commit([...changes, moved(part.at(-1)!.token), check(fence)]);
    movedAt = now();
    ringFor(changes);
  }

  function ringFor(changes: readonly Change[]): void {
    for (const change of changes)
      if (change.op === 'put' && change.kind === silenceKinds.rhythm && change.value.timer !== undefined)
        ringAt = Math.min(ringAt, dueOf(change.value.timer));
  }

  /** Past one that cannot be looked through now: the others do not wait for it. */
  async function setAside({ version, token }: StoredChange, error: unknown): Promise<void> {
    await store.commit([aside.put(version), moved(token), check(fence)]);
    movedAt = now();
    ringAt = Math.min(ringAt, aside.began(version));
    count('reading');
    log.error('a reading could not be looked through for alerts', error, { id: referenceTo(version.key) });
    try {
      const heard = await silence.hear(heardOf([version], canonical));
      if (heard.length > 0) await store.commit([...heard, check(fence)]);
      ringFor(heard);
    } catch {
      // It may be what fails: it is heard of when it is tried again.
    }
  }

  /** The timers of devices and what was put aside; when the next of them is due. */
  async function ring(): Promise<number> {
    const again = await aside.work();
    const next = [again, await silence.ring(), now() + lookEvery];
    return Math.min(...next.filter((at) => at !== undefined));
  }

  while (!signal.aborted) {
    try {
      if (ringAt <= now()) ringAt = await ring();
      if (batch.length === 0) batch = reader.next(MOST);
      if (batch.length === 0) {
        await reader.wait((until) => runtime.sleep(Math.max(1, ringAt - now()), until));
        if (reader.hasMore()) await runtime.sleep(Math.min(GATHER, Math.max(0, ringAt - now())), signal);
        continue;
      }
      const part = alone > 0 ? batch.slice(0, 1) : batch;
      // The same stretch once more, where it fails: what was stored of it has the same ids.
      const fault = await takeIn(part).catch((error: unknown) => ({ error }));
      if (signal.aborted) return;
      if (fault && alone === 0) {
        if (!isTransient(fault.error) || ++tries >= MOST_TRIES) alone = batch.length;
        else await runtime.sleep(PAUSE_AFTER_FAULT, signal);
        continue;
      }
      if (fault) await setAside(part[0]!, fault.error);
      batch = batch.slice(part.length);
      alone = Math.max(0, alone - 1);
      tries = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (reader.isOver()) throw error;
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
