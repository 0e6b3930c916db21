/** Sends what waits to be sent: at least once, under one id, tried again for an hour; then its Communication says that it was not done. docs/escalation.md#delivery */
import { parseExact, writeExact } from '../../fhir/json.ts';
import { isOvertaken } from '../../fhir/outcome.ts';
import { insideRequest, ofItself } from '../../interactions/inside.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import { system } from '../../smart/access.ts';
import { check, type Held } from '../../store/lease.ts';
import { type Change, isDeleted, type Kept, type Store } from '../../store/store.ts';
import type { Channels, NotDone, Sent } from './channel.ts';
import { countsKind, type KeptMessage, keepMessage, messageAt, messageKey, messageKind } from './kept.ts';
import { createQueue, type Waiting } from './queue.ts';
import type { Tray } from './tray.ts';

export type Verdict =
  /** What is said instead of its own words, where that is something else by now. */
  | { readonly said?: { readonly subject: string; readonly text: string } }
  /** A sentence why nobody need be told any more. */
  | { readonly withdrawn: string; readonly code?: NotDone };

export interface OutboxParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  readonly base: string;
  readonly log: Pick<Log, 'error' | 'warn'>;
  readonly channels: Channels;
  readonly tray: Tray;
  /** Asked before every try: whether it is still to be sent, and in which words. */
  readonly judge: (message: KeptMessage) => Promise<Verdict>;
  /** Milliseconds between two looks for what other servers kept. */
  readonly lookEvery?: number;
}

/** Waits after the first, second ... failure, in milliseconds; the last one again and again. */
const waits = [1_000, 5_000, 30_000, 120_000, 600_000];
/** Nothing but failures for so long ends the tries. */
const patience = 3_600_000;
const atATime = 200;
/** So manieth look is for all that waits, and not for what is new alone. */
const wholeEvery = 60;
/** Milliseconds by which what is new may look older, or younger, than it is. */
const slack = 10_000;
const abreast = 32;
/** Messages to one address at a time: who is slow crowds nobody else out. */
const abreastToOne = 2;
const pauseAfterFault = 1_000;
const caller = system('alerts');
const REASON = 'http://terminology.hl7.org/CodeSystem/communication-not-done-reason';
const reasons = {
  unknown: 'Unknown',
  'system-error': 'System Error',
  'invalid-phone-number': 'Invalid Phone Number',
  'recipient-unavailable': 'Recipient Unavailable',
  'patient-objection': 'Patient Objection',
} as const;

/** Until the lease is lost. What waits is known here from the first look on: the store is asked for what is new alone. */
export async function workOutbox(parts: OutboxParts, held: Held): Promise<void> {
  const { store, runtime, log, lookEvery = 1_000, tray } = parts;
  const queue = createQueue(abreastToOne);
  const underWay = new Set<Promise<void>>();
  let looks = 0;
  let lookedAt = 0;

  async function look(): Promise<void> {
    const now = runtime.now();
    // Whole at first, and now and then: clocks of servers differ, and a step may be long between its moment and its commit.
    const isWhole = looks++ % wholeEvery === 0;
    const last = isWhole ? Number.POSITIVE_INFINITY : now + slack;
    let from = isWhole ? '' : messageKey(Math.min(lookedAt, now) - slack, '');
    for (let isMore = true; isMore && !held.signal.aborted; ) {
      const rows = await store.list(messageKind, from, atATime);
      for (const row of rows) queue.add(waiting(row));
      const end = rows.at(-1)?.key;
      isMore = rows.length === atATime && messageAt(end!) <= last;
      from = `${end}\u0000`;
    }
    lookedAt = now;
  }

  function begin(one: Waiting): void {
    const work = sendOne(parts, one.key, held)
      .catch((error: unknown) => {
        if (held.signal.aborted) return undefined;
        log.error('a message of an alert could not be sent', error, { id: one.key.slice(one.key.indexOf('|') + 1) });
        return { ...one, at: runtime.now() + pauseAfterFault };
      })
      .then((again) => {
        queue.done(one);
        if (again) queue.add(again);
        underWay.delete(work);
        tray.ring();
      });
    underWay.add(work);
  }

  try {
    while (!held.signal.aborted) {
      const rung = tray.next();
      for (const laid of tray.take()) queue.add(waiting(laid));
      // Also where the clock was set back.
      if (looks === 0 || Math.abs(runtime.now() - lookedAt) >= lookEvery) await look();
      while (underWay.size < abreast) {
        const one = queue.next(runtime.now());
        if (!one) break;
        begin(one);
      }
      const wait = Math.min(lookEvery, queue.dueAt() - runtime.now());
      if (wait > 0) await runtime.sleep(wait, AbortSignal.any([held.signal, rung]));
    }
  } finally {
    tray.leave();
    await Promise.all(underWay);
  }
}

const waiting = ({ key, value }: Pick<Kept, 'key' | 'value'>): Waiting => {
  const { to, priority } = value as KeptMessage;
  return { key, address: `${to.kind} ${to.value}`, priority, at: messageAt(key) };
};

/** Resolves with what is to be tried again, and when. */
async function sendOne(parts: OutboxParts, key: string, held: Held): Promise<Waiting | undefined> {
  const [row] = await parts.store.get(messageKind, [key]);
  // Another server had the lease meanwhile.
  if (!row) return undefined;
  const verdict = await parts.judge(row.value as KeptMessage);
  if ('withdrawn' in verdict) {
    const { withdrawn: text, code } = verdict;
    return record(parts, row, held, 'withdrawn', { status: 'not-done', statusReason: statusReason(text, code) });
  }
  const message: KeptMessage = { ...(row.value as KeptMessage), ...verdict.said };
  const channel = parts.channels.get(message.to.kind);
  const sent: Sent = channel
    ? await channel.send(message, held.signal)
    : { failed: 'system-error', reason: 'The channel is no longer configured', isFinal: true };
  // Broken off by us: whoever has the lease next tries again.
  if (held.signal.aborted && sent !== 'sent') return undefined;
  const now = parts.runtime.now();
  const payload = verdict.said && { payload: [{ contentString: message.text }] };
  if (sent === 'sent')
    return record(parts, row, held, 'sent', { status: 'completed', sent: new Date(now).toISOString(), ...payload });
  parts.log.warn('a message of an alert failed', { id: message.id, attempt: message.attempts + 1 });
  if (sent.isFinal || now - message.since >= patience) {
    const reason = statusReason(sent.reason, sent.failed);
    return record(parts, row, held, 'dead', { status: 'not-done', statusReason: reason });
  }
  const wait = Math.max(waits[Math.min(message.attempts, waits.length - 1)]!, sent.retryAfter ?? 0);
  const next = keepMessage({ ...(row.value as KeptMessage), attempts: message.attempts + 1 }, now + wait);
  await parts.store.commit([
    { op: 'drop', kind: messageKind, key: row.key },
    next,
    ...(await counted(parts, message, 'failed')),
    check(held.fence),
  ]);
  return waiting(next);
}

const statusReason = (text: string, code: NotDone | undefined) => ({
  ...(code && { coding: [{ system: REASON, code, display: reasons[code] }] }),
  text,
});

type Outcome = 'sent' | 'failed' | 'dead' | 'withdrawn';

/** One more of its kind; only who has the lease counts. Expects what was read, since messages end side by side. */
async function counted({ store }: OutboxParts, { to }: KeptMessage, outcome: Outcome): Promise<readonly Change[]> {
  const key = `${to.kind}|${outcome}`;
  const [kept] = await store.get(countsKind, [key]);
  return [{ op: 'put', kind: countsKind, key, value: (kept?.value ?? 0) + 1, expect: kept?.revision ?? 'absent' }];
}

/** What became of it, in one commit with its end. */
async function record(
  parts: OutboxParts,
  row: Kept,
  { fence }: Held,
  word: Exclude<Outcome, 'failed'>,
  outcome: { readonly status: 'completed' | 'not-done' } & Readonly<Record<string, unknown>>,
): Promise<undefined> {
  const { id } = row.value as KeptMessage;
  for (;;) {
    const also = [
      { op: 'drop', kind: messageKind, key: row.key } as const,
      ...(await counted(parts, row.value as KeptMessage, word)),
      check(fence),
    ];
    const [version] = await parts.store.read([{ type: 'Communication', id }]);
    try {
      if (!version || isDeleted(version)) {
        await parts.store.commit(also);
        return undefined;
      }
      const resource: any = { ...parseExact(version.text), ...outcome };
      const text = writeExact(resource);
      const url = `Communication/${id}`;
      const body = { text, resource: JSON.parse(text) };
      const conditions = { ifMatch: version.versionId };
      // A transaction of ours is not settled on the way: what it expects besides is for us to look at again.
      const entries = [{ fullUrl: url, method: 'PUT', url, body, conditions }] as const;
      const asked = { interaction: 'transaction', type: '', entries } as const;
      await parts.dispatch(insideRequest(ofItself(parts.base), asked), caller, also);
      return undefined;
    } catch (error) {
      if (!isOvertaken(error) || !(await isStillOurs(parts, row, fence))) throw error;
    }
  }
}

/** A conflict may be the lease's: then it is for its new owner to send. */
async function isStillOurs({ store }: OutboxParts, row: Kept, fence: Held['fence']): Promise<boolean> {
  const [kept] = await store.get(messageKind, [row.key]);
  if (!kept) return false;
  return store.commit([check(fence)]).then(
    () => true,
    () => false,
  );
}
