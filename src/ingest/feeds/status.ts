/** How the makers' feeds are doing, by what is kept: the same on every server, also after a restart. docs/feeds.md */
import type { Store } from '../../store/store.ts';
import type { DeviceStatus, MakerStatus } from './feeds.ts';
import { reportsWaiting } from './report-line.ts';
import { feedKinds, type KeptAcknowledgement, type KeptDevice, type KeptMaker, keptOf, keyIn, none } from './state.ts';

const iso = (instant: number): string => new Date(instant).toISOString();

/** `notSet`: why nothing is asked at all, on this server. */
export async function makerStatus(
  store: Pick<Store, 'get' | 'list'>,
  maker: string,
  now: number,
  notSet: string | undefined,
): Promise<MakerStatus> {
  const [kept] = await store.get(feedKinds.maker, [maker]);
  const value = kept?.value as KeptMaker | undefined;
  const acknowledgements = { waiting: 0, refused: 0 };
  for await (const { value: one } of keptOf(store, feedKinds.acknowledgement, maker))
    acknowledgements[(one as KeptAcknowledgement).state]++;
  const { lastSuccess, lastError, lastFailure, next, environment, connection, since } = value ?? {};
  return {
    maker,
    ...(environment === undefined ? {} : { environment }),
    state: notSet === undefined ? (value?.state ?? 'waiting') : 'off',
    ...(notSet !== undefined ? { why: notSet } : value?.why === undefined ? {} : { why: value.why }),
    ...(since === undefined || notSet !== undefined ? {} : { pollingSince: iso(since) }),
    counts: value?.counts ?? none,
    patients: value?.patients ?? 0,
    devices: value?.devices ?? 0,
    missingIntervals: value?.missingIntervals ?? 0,
    ...(lastSuccess === undefined
      ? {}
      : { lastSuccess: iso(lastSuccess), lag: Math.max(0, (now - lastSuccess) / 1_000) }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(lastFailure === undefined ? {} : { lastFailure: { at: iso(lastFailure.at), why: lastFailure.why } }),
    ...(next === undefined || notSet !== undefined ? {} : { nextPoll: iso(next) }),
    acknowledgementsWaiting: acknowledgements.waiting,
    acknowledgementsRefused: acknowledgements.refused,
    reportsWaiting: await reportsWaiting(store, maker),
    ...(connection === undefined ? {} : { connection }),
  };
}

/** In the order of the maker's ids, those after `after`. */
export async function deviceStatuses(
  store: Pick<Store, 'list'>,
  maker: string,
  after: string | undefined,
  limit: number,
): Promise<readonly DeviceStatus[]> {
  const prefix = `${maker}/`;
  const from = after === undefined ? prefix : `${keyIn(maker, after)}\u0000`;
  const kept = await store.list(feedKinds.device, from, limit);
  return kept
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key, value }) => deviceStatus(key.slice(prefix.length), value));
}

function deviceStatus(device: string, kept: KeptDevice): DeviceStatus {
  const { patient, counts, gaps, lastSuccess, lastError, watermark } = kept;
  return {
    device,
    patient,
    counts,
    gaps: gaps.map(({ kind, from, to }) => ({ kind, from: iso(from), to: iso(to) })),
    ...(lastSuccess === undefined ? {} : { lastSuccess: iso(lastSuccess) }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(watermark === undefined ? {} : { newest: iso(watermark) }),
  };
}
