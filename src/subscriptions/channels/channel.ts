/** What a way to reach a subscriber is. https://hl7.org/fhir/R4/valueset-subscription-channel-type.html */
import type { ResourceKey } from '../../fhir/references.ts';

export interface Notification {
  /** `{subscription}_{eventNumber}`; the same for every try of one event. */
  readonly id: string;
  readonly key: ResourceKey;
  /** Exact text of the version that the event is about, as its subscriber may see it. */
  readonly text: string;
}

/** Where and how one Subscription wants to be told, with its private parts. */
export interface Target {
  readonly endpoint: string;
  /** Whether the resource itself is sent. */
  readonly hasPayload: boolean;
  /** `Name: value`. */
  readonly headerLines: readonly string[];
  /** Those that sign, the newest first. */
  readonly secrets: readonly string[];
}

export type Outcome =
  | { readonly is: 'accepted' }
  | { readonly is: 'gone' }
  /** `reason` completes the sentence "The endpoint ..." and holds nothing that the receiver wrote. */
  | { readonly is: 'failed'; readonly reason: string; readonly retryAfter?: number };

export interface Channel {
  /** Never throws for what the receiver does. */
  send(notification: Notification, target: Target, signal: AbortSignal): Promise<Outcome>;
}
