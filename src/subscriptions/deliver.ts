/** Takes waiting events to their receivers: one at a time and in order for each Subscription, all Subscriptions side by side. */
import { isSeen } from '../interactions/answer.ts';
import type { Access } from '../interactions/interaction.ts';
import { isDeleted, type Kept } from '../store/store.ts';
import type { Channel, Outcome } from './channels/channel.ts';
import { drop, type KeptDelivery, type KeptTrouble, kinds, put, readDeliveryKey } from './kept.ts';
import type { SubscriptionParts } from './parts.ts';
import { createRecorder } from './record.ts';
import { afterFailure, failuresUntilTold, patience } from './schedule.ts';
import { mayNotRead, type Step, takeStep } from './status.ts';
import { isEnded, type OpenSubscription, targetReader } from './target.ts';
import type { Turns } from './turns.ts';
import { createWaiting, type Span } from './waiting.ts';

export interface Delivery {
  /** These events wait. */
  wake(id: string, span: Span): void;
  /** The Subscription's status has changed: what stood still may go on. */
  look(id: string): void;
  /** Sets all going that waits in the store. */
  wakeAll(): Promise<void>;
  /** After the signal: resolves when no call is under way and what was accepted is recorded, as far as the store still takes it. */
  rest(): Promise<void>;
}

/** What is delivered, and how much at a time. */
export interface DeliveryParts extends SubscriptionParts {
  readonly channel: Channel;
  /** Turns with receivers that answer. */
  readonly healthy: Turns;
  /** Turns with those that failed last time: the slow crowd only each other. */
  readonly troubled: Turns;
  /** Whether the Subscription's events are delivered here. */
  readonly isMine: (id: string) => boolean;
}

const rowsAtATime = 32;
const pauseAfterFault = 1_000;
/** The same before a version that is not there is taken for gone. */
const pauseForMissing = 5_000;
/** Alarms go before bulk where there are more calls than turns. */
const urgentTypes: ReadonlySet<string> = new Set(['Flag', 'DetectedIssue', 'CommunicationRequest', 'Task']);

/** One Subscription that has rows; lives until they are delivered or stand still. */
interface Worker {
  readonly open: (now: number) => Promise<OpenSubscription | undefined>;
  /** Something came while it worked. */
  again: boolean;
  /** Ends the wait for the next try. */
  interrupt: () => void;
  done: Promise<void>;
}

type Next = 'go on' | 'look again' | 'rest';

export function startDelivery(parts: DeliveryParts): Delivery {
  const { store, runtime, log, channel, counters, signal, healthy, troubled } = parts;
  const workers = new Map<string, Worker>();
  const waiting = createWaiting(store, counters, parts.isMine);
  const recorder = createRecorder(store);

  function begin(id: string): void {
    if (signal.aborted) return;
    const known = workers.get(id);
    if (known) {
      known.again = true;
      return;
    }
    const worker: Worker = {
      open: targetReader(store, id),
      again: false,
      interrupt: () => undefined,
      done: Promise.resolve(),
    };
    workers.set(id, worker);
    worker.done = run(id, worker);
  }

  async function run(id: string, worker: Worker): Promise<void> {
    for (;;) {
      worker.again = false;
      let next: Next;
      try {
        next = await round(id, worker);
      } catch (error) {
        if (signal.aborted) return;
        log.error('delivery interrupted', error, { subscription: id });
        await pause(worker, pauseAfterFault);
        next = 'look again';
      }
      if (signal.aborted) return;
      if (next === 'rest' && !worker.again) break;
    }
    workers.delete(id);
  }

  async function round(id: string, worker: Worker): Promise<Next> {
    const last = waiting.last(id);
    const rows = await store.list(kinds.delivery, waiting.from(id), rowsAtATime);
    const own = rows.filter(({ key }) => key.startsWith(`${id}|`));
    if (own.length === 0) {
      waiting.none(id, last);
      return 'rest';
    }
    const [kept] = await store.get(kinds.trouble, [id]);
    let trouble = kept?.value as KeptTrouble | undefined;
    if (trouble && trouble.next > runtime.now()) {
      await pause(worker, trouble.next - runtime.now());
      return 'look again';
    }
    for (const row of own) {
      const isUrgent = urgentTypes.has((row.value as KeptDelivery).key.type);
      const had = trouble;
      const next = await (had ? troubled : healthy).take(isUrgent, () => deliver(row, worker, had));
      if (next !== 'go on') return next;
      trouble = undefined;
    }
    return 'look again';
  }

  async function pause(worker: Worker, milliseconds: number): Promise<void> {
    const interrupted = new AbortController();
    worker.interrupt = () => interrupted.abort();
    await runtime.sleep(milliseconds, AbortSignal.any([signal, interrupted.signal]));
    worker.interrupt = () => undefined;
  }

  async function deliver(row: Kept, worker: Worker, trouble: KeptTrouble | undefined): Promise<Next> {
    const now = runtime.now();
    const open = signal.aborted ? undefined : await worker.open(now);
    if (!open) return 'rest';
    if (isEnded(open.subscription, now)) return step(open, { status: 'off' });
    const { id, eventNumber } = readDeliveryKey(row.key);
    const { key, versionId } = row.value as KeptDelivery;
    let version = await store.vread(key, versionId);
    if (!version) {
      // Just after an election the new primary may not know yet that all of the others have it.
      await pause(worker, pauseForMissing);
      if (signal.aborted) return 'rest';
      version = await store.vread(key, versionId);
    }
    const first = await parts.accessOf(open.owner);
    if (!first.permits('read', key.type)) return step(open, mayNotRead);
    const isShown = async (access: Access) =>
      version !== undefined && !isDeleted(version) && (await isSeen(access, version));
    const park = (): Next => {
      log.warn('delivery parked', { subscription: id, type: key.type, id: key.id, versionId });
      settleRow(row.key, [put(kinds.parked, row.key, row.value)]);
      return 'go on';
    };
    if (!version || !(await isShown(first))) return park();
    // What may be looked up to tell whether it is seen takes time, in which the owner may lose the right, or a patient deny it.
    const access = await parts.accessOf(open.owner);
    if (!access.permits('read', key.type)) return step(open, mayNotRead);
    if (access !== first && !(await isShown(access))) return park();
    if (signal.aborted) return 'rest'; // the next owner of the lease may be at it
    const notification = { id: `${id}_${eventNumber}`, key, text: access.shows(version.text) };
    const outcome = await channel.send(notification, open.target, signal);
    // A call that was broken off by us is no failure of its receiver.
    return signal.aborted && outcome.is !== 'accepted' ? 'rest' : conclude(row, open, trouble, outcome);
  }

  async function conclude(
    row: Kept,
    open: OpenSubscription,
    trouble: KeptTrouble | undefined,
    outcome: Outcome,
  ): Promise<Next> {
    switch (outcome.is) {
      case 'accepted':
        counters.delivered++;
        settleRow(row.key, trouble ? [drop(kinds.trouble, open.id)] : []);
        if (open.subscription.error !== undefined) await step(open, { status: 'active' });
        return 'go on';
      case 'gone':
        counters.failed++;
        return step(open, { status: 'off', error: 'The endpoint answered 410' });
      case 'failed':
        counters.failed++;
        return failed(row, open, trouble, outcome);
    }
  }

  async function failed(
    row: Kept,
    open: OpenSubscription,
    before: KeptTrouble | undefined,
    { reason, retryAfter }: Extract<Outcome, { is: 'failed' }>,
  ): Promise<Next> {
    const now = runtime.now();
    const chance = runtime.random(1)[0]! / 256;
    const { eventNumber } = readDeliveryKey(row.key);
    const trouble = afterFailure(before, { eventNumber, now, chance, retryAfter });
    log.warn('delivery failed', { subscription: open.id, attempt: trouble.attempts });
    if (now - trouble.since >= patience) {
      return step(open, { status: 'error', error: `The endpoint ${reason}; it failed for 72 hours` });
    }
    const isTold = trouble.isTold || trouble.attempts >= failuresUntilTold;
    await store.commit([put(kinds.trouble, open.id, { ...trouble, isTold } satisfies KeptTrouble)]);
    if (isTold && !trouble.isTold) await step(open, { status: 'active', error: `The endpoint ${reason}` });
    return 'look again';
  }

  /** Off the list of what waits; in the same commit as `others`. */
  function settleRow(key: string, others: Parameters<typeof recorder.add>[0]): void {
    waiting.settle(key);
    recorder.add([drop(kinds.delivery, key), ...others]);
  }

  /** A step for the version that was looked at; where that is no longer the newest, the next look decides. */
  async function step({ id, versionId }: OpenSubscription, to: Step): Promise<Next> {
    await takeStep(parts, id, ({ meta }) => (meta?.versionId === String(versionId) ? to : undefined));
    return 'look again';
  }

  async function wakeAll(): Promise<void> {
    await recorder.flush();
    for (const id of await waiting.scan()) begin(id);
  }

  async function rest(): Promise<void> {
    await Promise.all([...workers.values()].map(({ done }) => done));
    await recorder.flush().catch((error) => log.error('deliveries could not be recorded', error));
    waiting.leave();
  }

  return {
    wake(id, span) {
      waiting.add(id, span);
      begin(id);
    },
    look(id) {
      workers.get(id)?.interrupt();
      begin(id);
    },
    wakeAll,
    rest,
  };
}
