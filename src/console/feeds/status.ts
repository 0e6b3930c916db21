/** How makers and doors are doing, as the page of feeds shows it: words of a state, counts, the last time it went well and the last time it did not. */
import { isoOf } from '../../http/admin-desk.ts';
import type { MakerStatus } from '../../ingest/feeds/feeds.ts';
import type { Quarantine } from '../../ingest/intake/quarantine.ts';
import type { Tallied } from '../../ingest/tally.ts';

/** A way in that others use by themselves. What it counts is of this server, since it started. */
export interface Door {
  readonly name: 'hl7v2' | 'mqtt' | 'iot-files' | 'iot';
  /** False where no setting opens it. */
  readonly isOpen: boolean;
  readonly tallied: Tallied;
  readonly port?: number;
  readonly connections?: number;
  /** Files that are not whole yet, or wait for the store. */
  readonly waiting?: number;
}

/** What a reader has to know at once: `ok`, `attention` where somebody has to look, `failing`, `idle` where nothing came yet, `off`. */
export type Health = 'ok' | 'attention' | 'failing' | 'idle' | 'off';

function healthOfMaker({ state, connection }: MakerStatus): Health {
  if (state === 'off') return 'off';
  if (state === 'no-credential') return 'attention';
  if (state === 'failing' || connection?.up === false) return 'failing';
  return state === 'waiting' ? 'idle' : 'ok';
}

function healthOfDoor({ isOpen, tallied: { lastSuccess, lastFailure } }: Door): Health {
  if (!isOpen) return 'off';
  if (lastFailure !== undefined && lastFailure >= (lastSuccess ?? 0)) return 'attention';
  return lastSuccess === undefined ? 'idle' : 'ok';
}

/** What waits in the quarantine waits for somebody. */
const withAside = (health: Health, aside: number): Health =>
  aside > 0 && (health === 'ok' || health === 'idle') ? 'attention' : health;

export function makerRow(status: MakerStatus, aside: number) {
  const { connection, counts, lastFailure } = status;
  const health = withAside(healthOfMaker(status), aside);
  return {
    name: status.maker,
    kind: 'maker',
    health,
    state: status.state,
    why: status.why ?? (health === 'failing' ? (status.lastError ?? null) : null),
    environment: status.environment ?? null,
    polling_since: status.pollingSince ?? null,
    last_success: status.lastSuccess ?? null,
    last_failure: lastFailure?.at ?? null,
    reason: lastFailure?.why ?? null,
    next_poll: status.nextPoll ?? null,
    breaker: connection?.breaker ?? null,
    quota_remaining: connection?.quotaRemaining ?? null,
    token_expires_at: isoOf(connection?.tokenExpires),
    devices: status.devices,
    acknowledgements_waiting: status.acknowledgementsWaiting,
    counts: {
      success: counts.success,
      failure: counts.failure,
      duplicate: counts.duplicate,
      missing: status.missingIntervals,
      quarantined: aside,
    },
  };
}

export function doorRow(door: Door, aside: number) {
  const { success, failure, duplicate, lastSuccess, lastFailure, reason } = door.tallied;
  return {
    name: door.name,
    kind: 'door',
    health: withAside(healthOfDoor(door), aside),
    last_success: isoOf(lastSuccess),
    last_failure: isoOf(lastFailure),
    reason: reason ?? null,
    port: door.port ?? null,
    connections: door.connections ?? null,
    waiting: door.waiting ?? null,
    counts: { success, failure, duplicate, quarantined: aside },
  };
}

/** Rows of the quarantine that are looked at for one answer; with more the counts are a least. */
const MOST_LOOKED_AT = 20_000;
const STEP = 1_000;

export interface Aside {
  readonly byFeed: ReadonlyMap<string, number>;
  /** Not all rows were looked at. */
  readonly isMore: boolean;
}

/** How many wait for somebody, by feed. */
export async function countAside({ list }: Pick<Quarantine, 'list'>): Promise<Aside> {
  const byFeed = new Map<string, number>();
  let after: string | undefined;
  for (let seen = 0; seen < MOST_LOOKED_AT; seen += STEP) {
    const rows = await list(undefined, after, STEP);
    for (const { feed, state } of rows) if (state === 'open') byFeed.set(feed, (byFeed.get(feed) ?? 0) + 1);
    if (rows.length < STEP) return { byFeed, isMore: false };
    after = rows.at(-1)!.id;
  }
  return { byFeed, isMore: true };
}
