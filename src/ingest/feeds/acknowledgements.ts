/** Acknowledgements on their way back to the maker: tried until it says itself that the alert is acknowledged, never lost. docs/feeds.md */
import { asProblem } from '../../fhir/outcome.ts';
import { check, type Held } from '../../store/lease.ts';
import { type Change, isConflict, type Kept, type Store } from '../../store/store.ts';
import { type Asking, isMakers, pagesOf } from './asking.ts';
import { callFor } from './pages.ts';
import { feedKinds, type KeptAcknowledgement, type KeptDevice, keptOf, keyIn } from './state.ts';

const second = 1_000;
const minute = 60 * second;
/** After the first, second ... try; hourly afterwards, without an end. */
const waits: readonly number[] = [second, 5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute];
const hourly = 60 * minute;

type Put = Extract<Change, { op: 'put' }>;

/** Puts an acknowledgement in line, in the commit in which it is made; once, however often it is asked. */
export function acknowledgementChange(maker: string, alert: string, device: string | undefined, now: number): Put {
  const value: KeptAcknowledgement = { maker, alert, device, asked: now, attempts: 0, next: now, state: 'waiting' };
  return { op: 'put', kind: feedKinds.acknowledgement, key: keyIn(maker, alert), value };
}

export async function askForAcknowledgement(store: Pick<Store, 'get' | 'commit'>, change: Put): Promise<void> {
  const [kept] = await store.get(change.kind, [change.key]);
  if (kept) return;
  await store.commit([{ ...change, expect: 'absent' }]).catch((error) => {
    if (!isConflict(error)) throw error;
  });
}

/** When the next one of a maker has to be tried; undefined where none waits. */
export async function nextAcknowledgement(store: Pick<Store, 'list'>, maker: string): Promise<number | undefined> {
  let next: number | undefined;
  for await (const { value } of keptOf(store, feedKinds.acknowledgement, maker)) {
    const one = value as KeptAcknowledgement;
    if (one.state === 'waiting') next = Math.min(next ?? one.next, one.next);
  }
  return next;
}

/** Tries those that are due. */
export async function pushAcknowledgements(asking: Asking, held: Held): Promise<void> {
  const { document, store, runtime } = asking;
  for await (const kept of keptOf(store, feedKinds.acknowledgement, document.name)) {
    if (held.signal.aborted) return;
    const one = kept.value as KeptAcknowledgement;
    if (one.state === 'waiting' && one.next <= runtime.now()) await push(asking, kept, one, held);
  }
}

async function push(asking: Asking, kept: Kept, one: KeptAcknowledgement, held: Held): Promise<void> {
  const { store, runtime } = asking;
  const device = one.device ?? (await deviceOf(asking, one.alert));
  let error: string | undefined;
  let state: KeptAcknowledgement['state'] = 'waiting';
  try {
    const said = await tell(asking, one.alert);
    if (said === 'unknown') {
      state = 'refused';
      error = 'the maker does not know this alert';
    } else if (device === undefined || (await isAcknowledged(asking, device, one.alert))) {
      await store.commit([
        { op: 'drop', kind: feedKinds.acknowledgement, key: kept.key, expect: kept.revision },
        check(held.fence),
      ]);
      return;
    } else error = 'the maker does not show it as acknowledged';
  } catch (failure) {
    if (!isMakers(failure) && !isClients(failure)) throw failure;
    error = asProblem(failure).message;
  }
  const attempts = one.attempts + 1;
  const next = runtime.now() + (waits[attempts - 1] ?? hourly);
  const value: KeptAcknowledgement = { ...one, device, attempts, next, state, error };
  await store.commit([
    { op: 'put', kind: feedKinds.acknowledgement, key: kept.key, value, expect: kept.revision },
    check(held.fence),
  ]);
}

const clients = new WeakSet<object>();
const isClients = (error: unknown): boolean => typeof error === 'object' && error !== null && clients.has(error);

/** That somebody else was there first is as good. */
async function tell({ document, client, signal }: Asking, alertId: string): Promise<'told' | 'unknown'> {
  const endpoint = document.endpoints.acknowledge;
  if (!endpoint) return 'unknown';
  try {
    const idempotencyKey = `acknowledge-${document.name}-${alertId}`;
    await client.call({ ...callFor(endpoint, { alertId }), idempotencyKey, signal });
    return 'told';
  } catch (error) {
    const { code } = asProblem(error);
    if (code === 'not-found' || code === 'deleted') return 'unknown';
    if (code === 'conflict') return 'told';
    if (typeof error === 'object' && error !== null) clients.add(error);
    throw error;
  }
}

/** By what the maker says when it is asked again: an answer of 200 alone proves nothing. */
async function isAcknowledged(asking: Asking, device: string, alert: string): Promise<boolean> {
  const { document, reader, runtime } = asking;
  for await (const { page } of pagesOf(asking, document.endpoints.alerts!, { deviceId: device }))
    for (const row of page.rows) {
      const read = reader.alert(row, device, runtime.now());
      if ('alert' in read && read.alert.id === alert) return read.alert.acknowledged;
    }
  return false;
}

async function deviceOf({ document, store }: Asking, alert: string): Promise<string | undefined> {
  for await (const { key, value } of keptOf(store, feedKinds.device, document.name))
    if ((value as KeptDevice).open.includes(alert)) return key.slice(document.name.length + 1);
  return undefined;
}
