/** What is measured of the calls to makers, by maker: names of folders and environments, so labels are few. */
import type { MakerState } from '../outbound/maker.ts';
import type { Metrics } from './metrics.ts';

export interface MeasuredMaker {
  readonly maker: string;
  readonly environment: string;
  readonly state: MakerState;
}

/** `read` gives every maker that is asked; called when somebody scrapes. */
export function measureMakers(
  metrics: Pick<Metrics, 'rows'>,
  read: () => readonly MeasuredMaker[],
  now: () => number,
): void {
  const labels = ['maker', 'environment'];
  const measure = (
    kind: 'counter' | 'gauge',
    name: string,
    help: string,
    value: (state: MakerState) => number | undefined,
  ): void =>
    metrics.rows({
      name,
      help,
      kind,
      labels,
      read: () =>
        read().flatMap(({ maker, environment, state }) => {
          const found = value(state);
          return found === undefined ? [] : [{ labels: { maker, environment }, value: found }];
        }),
    });
  measure('gauge', 'maker_up', 'Whether a maker answers: 1 or 0.', ({ up }) => (up ? 1 : 0));
  measure(
    'gauge',
    'maker_breaker_open',
    'Whether a maker is left alone because it did not answer: 1 or 0.',
    ({ breaker }) => (breaker === 'closed' ? 0 : 1),
  );
  measure('gauge', 'maker_token_seconds', 'Seconds until the access token of a maker ends.', ({ tokenExpires }) =>
    tokenExpires === undefined ? undefined : Math.max(0, (tokenExpires - now()) / 1_000),
  );
  measure(
    'gauge',
    'maker_quota_remaining',
    'Calls that a maker still grants, as it says.',
    ({ quota }) => quota?.remaining,
  );
  measure('gauge', 'maker_last_success_seconds', 'Seconds since a maker last answered.', ({ lastSuccess }) =>
    lastSuccess === undefined ? undefined : (now() - lastSuccess) / 1_000,
  );
  measure(
    'counter',
    'maker_calls',
    'Calls to a maker, each counted once however often it was tried.',
    ({ calls }) => calls,
  );
  measure('counter', 'maker_retries', 'Calls to a maker that were tried again.', ({ retries }) => retries);
  measure('counter', 'maker_failures', 'Calls to a maker that failed in the end.', ({ failures }) => failures);
  measure('counter', 'maker_token_requests', 'Requests for an access token of a maker.', ({ tokens }) => tokens);
}
