/** The process of alerts and its messages, put together: what starts them, what works them, what a server tells of them. docs/escalation.md */
import { keyOf } from '../../fhir/references.ts';
import { plainQuery } from '../../search/query.ts';
import type { Consents } from '../../smart/policies/parts.ts';
import type { Leases } from '../../store/lease.ts';
import type { Change, Store } from '../../store/store.ts';
import { type Bell, createBell } from '../bell.ts';
import type { Channels } from '../channels/channel.ts';
import { countsKind, messageKind } from '../channels/kept.ts';
import { workOutbox } from '../channels/outbox.ts';
import { createTray, type Tray } from '../channels/tray.ts';
import { createJudge } from './judge.ts';
import { processKinds } from './kept.ts';
import type { ProcessParts } from './parts.ts';
import { takeStep } from './step.ts';
import { workTimers } from './timers.ts';

export interface AlertBells {
  readonly timers: Bell;
  readonly messages: Tray;
  /** The store for everybody who writes: what they set going here is begun at once. */
  watch<S extends Store>(store: S): S;
}

export function createAlertBells(): AlertBells {
  const [timers, messages] = [createBell(), createTray()];
  const isTimer = (change: Change) => change.op === 'put' && change.kind === processKinds.timer;
  return {
    timers,
    messages,
    watch: (store) => ({
      ...store,
      async commit(changes) {
        const written = await store.commit(changes);
        if (changes.some(isTimer)) timers.ring();
        return written;
      },
    }),
  };
}

export interface AlertRoomParts extends Omit<ProcessParts, 'kinds' | 'mayKnow' | 'onQueued'> {
  readonly channels: Channels;
  readonly consents: Pick<Consents, 'narrow'>;
  readonly leases: Leases;
  readonly bells: AlertBells;
  /** Milliseconds between two looks for what other servers wrote. */
  readonly lookEvery?: number;
}

/** Work begins when the leases are held, and ends with them. */
export function startAlerts(parts: AlertRoomParts): void {
  const { leases, bells, channels } = parts;
  const process: ProcessParts = {
    ...parts,
    kinds: new Set(channels.keys()),
    mayKnow: createMayKnow(parts),
    onQueued: bells.messages.lay,
  };
  const step = (timer: string, alert: string, held: { readonly fence: { key: string; epoch: number } }) =>
    takeStep(process, timer, alert, held.fence);
  leases.hold('alerts', (held) => workTimers({ ...parts, step, bell: bells.timers }, held));
  leases.hold('alert-messages', (held) =>
    workOutbox({ ...parts, tray: bells.messages, judge: createJudge(parts) }, held),
  );
}

/** Whether somebody may read the alert, as far as consents go: whom the care team of a patient has is for that team to say. */
const createMayKnow =
  ({ store, consents }: Pick<AlertRoomParts, 'store' | 'consents'>): ProcessParts['mayKnow'] =>
  async (who, about) => {
    const key = keyOf(about);
    if (!key) return false;
    const grant = { who, client: 'alerts', roles: [], scopes: [], purposeOfUse: 'TREAT', token: '' };
    const left = await consents.narrow(grant, key.type, 'r');
    if (left === undefined) return true;
    const where = { is: 'all', of: [left, { is: 'id', ids: [key.id] }] } as const;
    return (await store.search(plainQuery(key.type, where, 1), undefined)).matches.length > 0;
  };

const most = 1_000;

/** Shaped as the measures of a room: `MeasureWithLabels` of http/metrics.ts. The same on every server. */
export const alertMeasures = (store: Pick<Store, 'list'>) => {
  const counted = (outcome: string) => async () =>
    (await store.list(countsKind, '', 100)).flatMap(({ key, value }) => {
      const [channel, what] = key.split('|');
      return what === outcome ? [{ labels: { channel: channel! }, value: value as number }] : [];
    });
  const waiting = async () => {
    const counts = new Map<string, number>();
    for (const { value } of await store.list(messageKind, '', most))
      counts.set(value.to.kind, (counts.get(value.to.kind) ?? 0) + 1);
    return [...counts].map(([channel, value]) => ({ labels: { channel }, value }));
  };
  return [
    ['counter', 'alert_messages_sent', 'Messages of alerts that were taken by their channel.', counted('sent')],
    ['counter', 'alert_messages_failed', 'Tries to send one that failed.', counted('failed')],
    ['counter', 'alert_messages_dead', 'Messages of alerts that were given up.', counted('dead')],
    ['counter', 'alert_messages_withdrawn', 'Messages that nobody needed any more.', counted('withdrawn')],
    ['gauge', 'alert_messages_waiting', 'Messages of alerts that wait, up to a thousand.', waiting],
  ].map(([kind, name, help, read]) => ({ kind, name, help, labels: ['channel'], read })) as {
    readonly kind: 'counter' | 'gauge';
    readonly name: string;
    readonly help: string;
    readonly labels: readonly string[];
    readonly read: () => Promise<{ labels: { channel: string }; value: number }[]>;
  }[];
};
