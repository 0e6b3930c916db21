/** Starts all work on Subscriptions: the notifier that matches, and the delivery that sends. https://hl7.org/fhir/R4/subscription.html */
import type { Dispatch } from '../interactions/interaction.ts';
import type { GuardedClient } from '../outbound/guarded-client.ts';
import { check, fenced, type Held, type Leases } from '../store/lease.ts';
import { listenToBell, type Ring } from './bell.ts';
import { restHook } from './channels/rest-hook.ts';
import { type Delivery, startDelivery } from './deliver.ts';
import { type NotifierParts, runNotifier } from './notifier.ts';
import type { SubscriptionParts } from './parts.ts';
import { createTurns } from './turns.ts';

export type SubscriptionsParts = Omit<NotifierParts, 'delivery' | 'isShared'> & {
  readonly client: Pick<GuardedClient, 'send'>;
  readonly leases: Leases;
  /** How often it listens for what the notifier of another server has numbered, ms. */
  readonly listenEvery?: number;
};

/** Shares of the delivery where several servers may work on the store. */
const shares = 16;
/** Calls under way at a time. */
const turnsOfHealthy = 256;
const turnsOfTroubled = 128;
const pauseAfterFault = 1_000;

/** Works until the signal aborts and the leases have stopped; the store may close then. */
export function startSubscriptions({ client, leases, ...parts }: SubscriptionsParts): void {
  const { isShared } = leases;
  const count = isShared ? shares : 1;
  const channel = restHook(client, parts.runtime);
  const healthy = createTurns(turnsOfHealthy);
  const troubled = createTurns(turnsOfTroubled);
  /** By share: what this server delivers. */
  const deliveries = new Map<number, Delivery>();
  const deliveryOf = (id: string) => deliveries.get(shareOf(id, count));
  const wakeAll = async () => {
    for (const delivery of deliveries.values()) await delivery.wakeAll();
  };

  async function deliverShare(held: Held, share: number): Promise<void> {
    const own = under(parts, held);
    const isMine = (id: string) => shareOf(id, count) === share;
    const delivery = startDelivery({ ...own, channel, healthy, troubled, isMine });
    deliveries.set(share, delivery);
    await untilDone(own, () => delivery.wakeAll());
    await aborted(held.signal);
    deliveries.delete(share);
    await delivery.rest();
  }

  leases.hold('delivery', deliverShare, count);
  leases.hold('notifier', async (held) => {
    const delivery = {
      wake: (id: string, span: Ring['rows'][string]) => deliveryOf(id)?.wake(id, span),
      look: (id: string) => deliveryOf(id)?.look(id),
      wakeAll,
    };
    await runNotifier({ ...under(parts, held), extract: parts.extract, delivery, isShared });
  });
  if (!isShared) return;
  void listenToBell({
    ...parts,
    onRing({ rows, learned }) {
      for (const [id, span] of Object.entries(rows)) deliveryOf(id)?.wake(id, span);
      for (const id of learned) deliveryOf(id)?.look(id);
    },
    onGap: () => void untilDone(parts, wakeAll),
  });
}

/** The parts as work under a lease has them: whatever it commits is refused once another has the lease. */
function under(parts: SubscriptionParts, { fence, signal }: Held): SubscriptionParts {
  const dispatch: Dispatch = (request, caller, also = []) => parts.dispatch(request, caller, [...also, check(fence)]);
  return { ...parts, store: fenced(parts.store, fence), dispatch, signal };
}

/** Tries until it succeeds or the signal aborts. */
async function untilDone({ runtime, log, signal }: SubscriptionParts, work: () => Promise<void>): Promise<void> {
  for (let isDone = false; !isDone && !signal.aborted; ) {
    try {
      await work();
      isDone = true;
    } catch (error) {
      if (!signal.aborted) log.error('waiting deliveries could not be looked for', error);
      await runtime.sleep(pauseAfterFault, signal);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** FNV-1a: the same on every server, for ever. */
function shareOf(id: string, count: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % count;
}
