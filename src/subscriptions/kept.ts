/** The private state behind Subscriptions: what is kept under which kind and key. docs/storage.md */
import type { ResourceKey } from '../fhir/references.ts';
import { SECRET_KIND } from '../operations/signing-secret.ts';
import type { Standing } from '../smart/authorization/tokens.ts';
import type { Change } from '../store/store.ts';

/** Key: the Subscription's id. */
export const kinds = {
  /** Who made it: {@link KeptOwner}. */
  owner: 'subscription-owner',
  /** Its header lines with their values: {@link KeptHeaders}. */
  headers: 'subscription-headers',
  /** What its notifications are signed with: see operations/signing-secret.ts. */
  secret: SECRET_KIND,
  /** The version that the notifier follows as of its cursor: {@link KeptLive}. */
  live: 'subscription-live',
  /** The number of its newest event: {@link KeptCounter}. */
  counter: 'subscription-counter',
  /** How its first waiting event fares; absent while all is well: {@link KeptTrouble}. */
  trouble: 'subscription-trouble',
  /** One row per event that waits for its receiver, keyed by `deliveryKey`: {@link KeptDelivery}. */
  delivery: 'delivery',
  /** Rows that were passed over and wait for somebody to look, keyed the same way. */
  parked: 'delivery-parked',
  /** Key `notifier`: how far the version log has been matched. */
  cursor: 'cursor',
  /** What other servers are to hear of; see bell.ts. */
  bell: 'delivery-bell',
} as const;

export interface KeptOwner {
  readonly who: string;
  /** What it was made with, where that was a token: asked anew at each delivery. */
  readonly standing?: Standing;
}
/** Of a Subscription whose owner was not kept: sees nothing. */
export const nobody: KeptOwner = { who: '' };
export interface KeptHeaders {
  /** Lines as the client wrote them, `Name: value`. */
  readonly lines: readonly string[];
}
export interface KeptLive {
  readonly versionId: number;
}
export interface KeptCounter {
  readonly last: number;
  /** Fingerprints of the versions of its newest events, where the version log may hand over a version twice. */
  readonly recent?: readonly string[];
}
export interface KeptDelivery {
  readonly key: ResourceKey;
  readonly versionId: number;
  /** When the version was written, ms. */
  readonly at: number;
}
export interface KeptTrouble {
  readonly eventNumber: number;
  readonly attempts: number;
  /** Of the first failure in a row, ms. */
  readonly since: number;
  /** Not before, ms. */
  readonly next: number;
  /** Whether Subscription.error tells of it. */
  readonly isTold: boolean;
}

/** Rows of one Subscription stand together, in the order of their numbers. */
export const deliveryKey = (id: string, eventNumber: number): string =>
  `${id}|${String(eventNumber).padStart(12, '0')}`;

export function readDeliveryKey(key: string): { readonly id: string; readonly eventNumber: number } {
  const at = key.indexOf('|');
  return { id: key.slice(0, at), eventNumber: Number(key.slice(at + 1)) };
}

export const put = (kind: string, key: string, value: unknown): Change => ({ op: 'put', kind, key, value });
export const drop = (kind: string, key: string): Change => ({ op: 'drop', kind, key });
