/** When a delivery that failed is tried again: the delivery contract of docs/promises.md. */
import type { KeptTrouble } from './kept.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Waits after the first, second ... failure, ms; hourly afterwards. */
const waits: readonly number[] = [second, 5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour];
const jitter = 0.2;
/** Nothing but failures for so long ends the tries, ms. */
export const patience = 72 * hour;
const longestRetryAfter = hour;

/** State after one more failure. `chance` in [0, 1) spreads the hourly tries; `retryAfter` is the receiver's wish in ms. */
export function afterFailure(
  trouble: KeptTrouble | undefined,
  failed: { readonly eventNumber: number; readonly now: number; readonly chance: number; readonly retryAfter?: number },
): KeptTrouble {
  const attempts = (trouble?.attempts ?? 0) + 1;
  const wait = waits[attempts - 1] ?? hour * (1 - jitter + 2 * jitter * failed.chance);
  return {
    eventNumber: failed.eventNumber,
    attempts,
    since: trouble?.since ?? failed.now,
    next: failed.now + Math.max(wait, failed.retryAfter ?? 0),
    isTold: trouble?.isTold ?? false,
  };
}

/** Failures in a row after which Subscription.error tells of them, about 40 minutes. */
export const failuresUntilTold = 6;

/** Milliseconds that a Retry-After header asks for, at most an hour; undefined where it says nothing. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d{1,9}$/.test(header) ? Number(header) * second : Date.parse(header) - now;
  return Number.isFinite(wait) && wait > 0 ? Math.min(wait, longestRetryAfter) : undefined;
}
