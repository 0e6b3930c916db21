/** Tells the other servers of a store what the notifier has numbered: small rows, one for each of its commits, that expire by themselves. */
import type { Runtime } from '../runtime.ts';
import type { Change, Store } from '../store/store.ts';
import { kinds } from './kept.ts';
import type { Span } from './waiting.ts';

/** What one commit of the notifier led to. */
export interface Ring {
  /** New events by Subscription. */
  readonly rows: Readonly<Record<string, Span>>;
  /** Subscriptions whose status may have changed. */
  readonly learned: readonly string[];
}

/** Seconds; a server that hears nothing for so long has lost its leases and begins anew. */
const remembered = 60;
const atATime = 100;

const keyOf = (number: number): string => String(number).padStart(12, '0');

/** The change that rings for the `number`th time. */
export const ringing = (number: number, ring: Ring): Change => ({
  op: 'put',
  kind: kinds.bell,
  key: keyOf(number),
  value: ring,
  expiresIn: remembered,
});

export interface Listening {
  readonly store: Pick<Store, 'list'>;
  readonly runtime: Pick<Runtime, 'sleep'>;
  readonly signal: AbortSignal;
  /** Milliseconds between two times. Default 250. */
  readonly listenEvery?: number;
  readonly onRing: (ring: Ring) => void;
  /** Some were missed. */
  readonly onGap: () => void;
}

/** Until the signal. What cannot be heard now is heard later. */
export async function listenToBell(listening: Listening): Promise<void> {
  const { store, runtime, signal, listenEvery = 250, onRing, onGap } = listening;
  let heard: number | undefined;
  while (!signal.aborted) {
    const from = heard === undefined ? '' : keyOf(heard + 1);
    const rings = await store.list(kinds.bell, from, atATime).catch(() => []);
    for (const { key, value } of rings) {
      if (heard !== undefined && Number(key) !== heard + 1) onGap();
      heard = Number(key);
      onRing(value as Ring);
    }
    if (rings.length < atATime) await runtime.sleep(listenEvery, signal);
  }
}
