/** Sends what waits to be sent: at least once, under one id, tried again for an hour; then its Communication says that it was not done. docs/escalation.md#delivery */
import { parseExact, writeExact } from '../../fhir/json.ts';
import { Problem } from '../../fhir/outcome.ts';
import { insideRequest, ofItself } from '../../interactions/inside.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import { system } from '../../smart/access.ts';
import { check, type Held } from '../../store/lease.ts';
import { type Change, isDeleted, type Kept, type Store } from '../../store/store.ts';
import type { Bell } from '../process/timers.ts';
import type { Channels, Sent } from './channel.ts';
import { countsKind, type KeptMessage, keepMessage, messageAt, messageKind } from './kept.ts';

export interface OutboxParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  readonly base: string;
  readonly log: Pick<Log, 'error' | 'warn'>;
  readonly channels: Channels;
  readonly bell: Bell;
  readonly lookEvery?: number;
}

/** Waits after the first, second ... failure, in milliseconds; the last one again and again. */
const waits = [1_000, 5_000, 30_000, 120_000, 600_000];
/** Nothing but failures for so long ends the tries. */
const patience = 3_600_000;
const atATime = 200;
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
} as const;

/** Until the lease is lost. */
export async function workOutbox(parts: OutboxParts, held: Held): Promise<void> {
  const { store, runtime, lookEvery = 1_000, bell } = parts;
  const busy = new Map<string, Promise<void>>();
  const toOne = new Map<string, number>();
  /** Keys that could not be recorded just now, until when. */
  const resting = new Map<string, number>();

  function begin(row: Kept): void {
    const { to } = row.value as KeptMessage;
    const address = `${to.kind} ${to.value}`;
    toOne.set(address, (toOne.get(address) ?? 0) + 1);
    const work = sendOne(parts, row, held)
      .catch((error: unknown) => {
        if (held.signal.aborted) return;
        resting.set(row.key, runtime.now() + pauseAfterFault);
        parts.log.error('a message of an alert could not be sent', error, { id: (row.value as KeptMessage).id });
      })
      .finally(() => {
        busy.delete(row.key);
        const left = toOne.get(address)! - 1;
        if (left === 0) toOne.delete(address);
        else toOne.set(address, left);
        bell.ring();
      });
    busy.set(row.key, work);
  }

  while (!held.signal.aborted) {
    const rung = bell.next();
    let nextAt = Number.POSITIVE_INFINITY;
    let from = '';
    for (let isMore = true; isMore && busy.size < abreast; ) {
      const rows = await store.list(messageKind, from, atATime);
      const now = runtime.now();
      isMore = rows.length === atATime;
      for (const row of rows) {
        if (busy.has(row.key)) continue;
        const at = Math.max(messageAt(row.key), resting.get(row.key) ?? 0);
        const { to } = row.value as KeptMessage;
        if (at > now) {
          nextAt = Math.min(nextAt, at);
          if (messageAt(row.key) > now) isMore = false;
          continue;
        }
        resting.delete(row.key);
        if (busy.size < abreast && (toOne.get(`${to.kind} ${to.value}`) ?? 0) < abreastToOne) begin(row);
      }
      from = `${rows.at(-1)?.key}\u0000`;
    }
    const wait = Math.min(lookEvery, nextAt - runtime.now());
    if (wait > 0) await runtime.sleep(wait, AbortSignal.any([held.signal, rung]));
  }
  await Promise.all(busy.values());
}

async function sendOne(parts: OutboxParts, row: Kept, held: Held): Promise<void> {
  const message = row.value as KeptMessage;
  const channel = parts.channels.get(message.to.kind);
  const sent: Sent = channel
    ? await channel.send(message, held.signal)
    : { failed: 'system-error', reason: 'The channel is no longer configured', isFinal: true };
  // Broken off by us: whoever has the lease next tries again.
  if (held.signal.aborted && sent !== 'sent') return;
  const now = parts.runtime.now();
  if (sent === 'sent') return record(parts, row, held, { status: 'completed', sent: new Date(now).toISOString() });
  parts.log.warn('a message of an alert failed', { id: message.id, attempt: message.attempts + 1 });
  if (sent.isFinal || now - message.since >= patience) {
    const statusReason = {
      coding: [{ system: REASON, code: sent.failed, display: reasons[sent.failed] }],
      text: sent.reason,
    };
    return record(parts, row, held, { status: 'not-done', statusReason });
  }
  const wait = Math.max(waits[Math.min(message.attempts, waits.length - 1)]!, sent.retryAfter ?? 0);
  await parts.store.commit([
    { op: 'drop', kind: messageKind, key: row.key },
    keepMessage({ ...message, attempts: message.attempts + 1 }, now + wait),
    ...(await counted(parts, message, 'failed')),
    check(held.fence),
  ]);
}

type Outcome = 'sent' | 'failed' | 'dead';

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
  outcome: { readonly status: 'completed' | 'not-done' } & Readonly<Record<string, unknown>>,
): Promise<void> {
  const { id } = row.value as KeptMessage;
  const word = outcome.status === 'completed' ? 'sent' : 'dead';
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
        return;
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
      return;
    } catch (error) {
      const isOvertaken = error instanceof Problem && [409, 412].includes(error.status);
      if (!isOvertaken || !(await isStillOurs(parts, row, fence))) throw error;
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
