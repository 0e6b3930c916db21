/** A circuit breaker: who does not answer is left alone for a while, then asked once. */

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface Breaker {
  state(): BreakerState;
  /** Milliseconds until one may ask; 0 means now, and then whoever asked has to say how it went. */
  enter(): number;
  succeeded(): void;
  failed(): void;
  /** Nobody learnt how it would have gone. */
  left(): void;
}

/** So many failures within so many milliseconds open it, for so long. */
const MOST = 5;
const WITHIN = 30_000;
const OPEN = 60_000;
/** For how long those wait who come while one is asking. */
const PROBING = 1_000;

export function createBreaker(now: () => number): Breaker {
  let failures: readonly number[] = [];
  let openUntil: number | undefined;
  let isProbing = false;

  return {
    state: () => (openUntil === undefined ? 'closed' : openUntil > now() && !isProbing ? 'open' : 'half-open'),
    enter() {
      if (openUntil === undefined) return 0;
      if (openUntil > now()) return openUntil - now();
      if (isProbing) return PROBING;
      isProbing = true;
      return 0;
    },
    succeeded() {
      failures = [];
      openUntil = undefined;
      isProbing = false;
    },
    failed() {
      const at = now();
      failures = [...failures.filter((failure) => failure > at - WITHIN), at];
      if (!isProbing && failures.length < MOST) return;
      openUntil = at + OPEN;
      failures = [];
      isProbing = false;
    },
    left() {
      isProbing = false;
    },
  };
}
