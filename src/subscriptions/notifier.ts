/** Reads the version log and turns each new version into numbered delivery rows of the Subscriptions that watch for it. */
import { Problem } from '../fhir/outcome.ts';
import { relativeTo } from '../fhir/own-base.ts';
import type { Resource } from '../fhir/references.ts';
import { asksHidden } from '../interactions/hidden.ts';
import { type IndexEntries, plainQuery } from '../search/query.ts';
import { type Change, isDeleted, type Store, type StoredChange, type Token, type Version } from '../store/store.ts';
import { inBatches } from './batches.ts';
import { type Ring, ringing } from './bell.ts';
import type { Delivery } from './deliver.ts';
import { type Followed, type FollowedSet, loadFollowed } from './followed.ts';
import { deliveryKey, drop, type KeptDelivery, kinds } from './kept.ts';
import { createNumbers, type Numbers } from './numbers.ts';
import type { SubscriptionParts } from './parts.ts';
import { mayNotRead, type Step, takeStep } from './status.ts';
import { isEnded } from './target.ts';

export interface NotifierParts extends SubscriptionParts {
  readonly extract: (resource: Resource) => IndexEntries;
  readonly delivery: Pick<Delivery, 'wake' | 'look' | 'wakeAll'>;
  /** Whether other servers deliver too, which have to hear of what is new. */
  readonly isShared: boolean;
}

/** What is asked to tell whom a version is an event for. */
export type Matching = Pick<NotifierParts, 'extract' | 'accessOf' | 'runtime' | 'base'>;

export const cursorKey = 'notifier';
/** Versions whose rows go into one commit. */
export const mostPerCommit = 200;
/** Milliseconds of versions that led to nothing and that a restart may look at again. */
const lookAgain = 1_000;
const pauseAfterFault = 1_000;
const sweepEvery = 30_000;

/** How far the log is matched, and the revision that this notifier alone may move on. */
interface Mark {
  readonly token: Token | undefined;
  /** How often the bell has rung. */
  readonly rung: number;
  readonly revision: number | 'absent';
}

/** Runs until the signal aborts; resolves then. */
export async function runNotifier(parts: NotifierParts): Promise<void> {
  const { store, runtime, log, signal, base } = parts;
  let followed: FollowedSet | undefined;
  const sweeping = sweep(parts, () => followed);
  while (!signal.aborted) {
    const stop = new AbortController();
    try {
      // The mark first: whoever moves the log on after it, such as a holder that was thought dead, makes our next commit fail.
      const mark = await readMark(parts);
      followed = await loadFollowed(store, base);
      await parts.delivery.wakeAll();
      for (const subscription of followed.all()) await activate(parts, subscription);
      await follow(parts, followed, mark, AbortSignal.any([signal, stop.signal]));
    } catch (error) {
      // Whatever was decided in memory and not stored is forgotten: the next turn begins at the stored cursor.
      if (!signal.aborted) log.error('notifier interrupted', error);
      await runtime.sleep(pauseAfterFault, signal);
    } finally {
      stop.abort();
    }
  }
  await sweeping;
}

async function follow(parts: NotifierParts, followed: FollowedSet, begin: Mark, signal: AbortSignal): Promise<void> {
  const { store, runtime } = parts;
  const numbers = createNumbers(store, parts.isShared);
  let mark = begin;
  let movedAt = runtime.now();
  for await (const batch of inBatches(store.changes(mark.token, signal), mostPerCommit)) {
    const { changes, rows, learned, barred } = await rowsFor(parts, followed, numbers, batch);
    // Before the cursor moves: nobody else would tell.
    for (const id of barred) await stop(parts, followed.get(id));
    // A commit of the cursor alone after every group of writes would cost as much as a write.
    if (changes.length === 0 && learned.size === 0 && runtime.now() - movedAt < lookAgain) continue;
    movedAt = runtime.now();
    const token = batch[batch.length - 1]!.token;
    const ring: Ring = { rows: Object.fromEntries(rows), learned: [...learned] };
    const isHeard = parts.isShared && rows.size + learned.size > 0;
    const rung = mark.rung + (isHeard ? 1 : 0);
    await store.commit([
      ...changes,
      ...(isHeard ? [ringing(rung, ring)] : []),
      { op: 'put', kind: kinds.cursor, key: cursorKey, value: { token, rung }, expect: mark.revision },
    ]);
    for (const [id, span] of rows) parts.delivery.wake(id, span);
    for (const id of learned) {
      parts.delivery.look(id);
      const subscription = followed.get(id);
      if (subscription) await activate(parts, subscription);
    }
    mark = await readMark(parts);
    if (mark.token !== token) throw new Error('another notifier moves the cursor');
  }
}

export async function readMark({ store }: { readonly store: Pick<Store, 'get'> }): Promise<Mark> {
  const [cursor] = await store.get(kinds.cursor, [cursorKey]);
  return { token: cursor?.value.token, rung: cursor?.value.rung ?? 0, revision: cursor?.revision ?? 'absent' };
}

/** The commit that one stretch of the log leads to, but for the cursor. */
export async function rowsFor(
  parts: Matching,
  followed: FollowedSet,
  numbers: Numbers,
  batch: readonly StoredChange[],
) {
  const changes: Change[] = [];
  const learned = new Set<string>();
  /** Those that an event was none for, as their owners may not read it at all. */
  const barred = new Set<string>();
  for (const { version } of batch) {
    if (version.key.type === 'Subscription') {
      changes.push(...(await followed.learn(version)));
      learned.add(version.key.id);
    }
    for (const id of await matching(parts, followed, version, barred)) {
      const eventNumber = await numbers.next(id, version);
      if (eventNumber === undefined) continue;
      const { key, versionId, lastUpdated } = version;
      const value: KeptDelivery = { key, versionId, at: lastUpdated };
      changes.push({ op: 'put', kind: kinds.delivery, key: deliveryKey(id, eventNumber), value, expect: 'absent' });
    }
  }
  const { rows, puts } = numbers.given();
  return { changes: [...changes, ...puts], rows, learned, barred };
}

/** Ids of the Subscriptions that a version is an event for. */
async function matching(
  { extract, accessOf, runtime, base }: Matching,
  followed: FollowedSet,
  version: Version,
  barred: Set<string>,
): Promise<readonly string[]> {
  const { key, lastUpdated, text } = version;
  if (isDeleted(version) || !followed.watches(key.type)) return [];
  const resource = JSON.parse(relativeTo(base)(text)) as Resource;
  const found: string[] = [];
  for (const id of followed.index().candidates(extract(resource), key, lastUpdated)) {
    const { subscription, owner, criteria } = followed.get(id)!;
    if (isEnded(subscription, runtime.now())) continue;
    const access = await accessOf(owner);
    if (
      !access.permits('read', key.type) ||
      (criteria && asksHidden(plainQuery(criteria.type, criteria.where), access))
    ) {
      barred.add(id);
      continue;
    }
    if (await access.sees(resource)) found.push(id);
  }
  return found;
}

/** A requested Subscription becomes active, and its deliveries begin anew. */
async function activate(parts: NotifierParts, { id, status, criteria }: Followed): Promise<void> {
  if (status !== 'requested') return;
  const decide = (newest: Resource): Step | undefined => {
    if (newest.status !== 'requested') return undefined;
    return criteria ? { status: 'active' } : { status: 'error', error: 'Its criteria are not understood' };
  };
  await tryStep(parts, id, decide, [drop(kinds.trouble, id)]);
}

/** One whose owner may not read what it watches for says so, once. */
async function stop(parts: NotifierParts, subscription: Followed | undefined): Promise<void> {
  if (subscription === undefined || !canStop(subscription)) return;
  const { id, versionId } = subscription;
  // Where another version is the newest, whoever wrote it may have the right: the next event tells.
  const decide = (newest: Resource): Step | undefined =>
    newest.meta?.versionId === String(versionId) && canStop(newest) ? mayNotRead : undefined;
  await tryStep(parts, id, decide);
}

const canStop = ({ status }: Resource | Followed): boolean => status === 'active' || status === 'requested';

/** One Subscription that the write path refuses must not hold up the log for all others. */
async function tryStep(
  parts: NotifierParts,
  id: string,
  decide: Parameters<typeof takeStep>[2],
  also?: readonly Change[],
): Promise<void> {
  try {
    await takeStep(parts, id, decide, also);
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    parts.log.error('the status of a subscription could not be changed', error, { subscription: id });
  }
}

/** Switches off what has reached its end, also where no event comes by. */
async function sweep(parts: NotifierParts, followed: () => FollowedSet | undefined): Promise<void> {
  const { runtime, signal, log } = parts;
  while (!signal.aborted) {
    await runtime.sleep(sweepEvery, signal);
    const now = runtime.now();
    for (const { id, subscription } of followed()?.all() ?? []) {
      if (signal.aborted || !isEnded(subscription, now)) continue;
      await takeStep(parts, id, (newest) =>
        newest.status !== 'off' && isEnded(newest, runtime.now()) ? { status: 'off' } : undefined,
      ).catch((error) => signal.aborted || log.error('subscription could not be ended', error, { subscription: id }));
    }
  }
}
