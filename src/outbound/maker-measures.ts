/** What Prometheus is told of the calls to makers, by maker and environment: names of folders, so labels are few. docs/credentials.md */
import type { Measure, Values } from '../measure.ts';
import type { MakerState } from './maker.ts';

export interface MeasuredMaker {
  readonly maker: string;
  readonly environment: string;
  readonly state: MakerState;
}

type Told = readonly [
  kind: Measure['kind'],
  name: string,
  help: string,
  value: (state: MakerState, now: number) => number | undefined,
];

const told: readonly Told[] = [
  ['gauge', 'maker_up', 'Whether a maker answers: 1 or 0.', ({ up }) => (up ? 1 : 0)],
  [
    'gauge',
    'maker_breaker_open',
    'Whether a maker is left alone because it did not answer: 1 or 0.',
    ({ breaker }) => (breaker === 'closed' ? 0 : 1),
  ],
  [
    'gauge',
    'maker_token_seconds',
    'Seconds until the access token of a maker ends.',
    ({ tokenExpires }, now) => (tokenExpires === undefined ? undefined : Math.max(0, (tokenExpires - now) / 1_000)),
  ],
  ['gauge', 'maker_quota_remaining', 'Calls that a maker still grants, as it says.', ({ quota }) => quota?.remaining],
  [
    'gauge',
    'maker_last_success_seconds',
    'Seconds since a maker last answered.',
    ({ lastSuccess }, now) => (lastSuccess === undefined ? undefined : (now - lastSuccess) / 1_000),
  ],
  ['counter', 'maker_calls', 'Calls to a maker, each once however often it was tried.', ({ calls }) => calls],
  ['counter', 'maker_retries', 'Calls to a maker that were tried again.', ({ retries }) => retries],
  ['counter', 'maker_failures', 'Calls to a maker that failed in the end.', ({ failures }) => failures],
  ['counter', 'maker_token_requests', 'Requests for an access token of a maker.', ({ tokens }) => tokens],
];

/** `read` gives every maker that is asked. */
export const makerMeasures = (read: () => readonly MeasuredMaker[], now: () => number): readonly Measure<Values>[] =>
  told.map(([kind, name, help, value]) => ({
    kind,
    name,
    help,
    labels: ['maker', 'environment'],
    read: () =>
      read().flatMap(({ maker, environment, state }) => {
        const found = value(state, now());
        return found === undefined ? [] : [{ labels: { maker, environment }, value: found }];
      }),
  }));
