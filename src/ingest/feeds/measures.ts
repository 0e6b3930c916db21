/** What the makers' feeds tell Prometheus, by maker; the same on every server. docs/feeds.md */
import type { Measure } from '../../measure.ts';
import type { Feeds, MakerStatus } from './feeds.ts';

const measures: readonly (readonly [
  kind: Measure['kind'],
  name: string,
  help: string,
  read: (of: MakerStatus) => number | undefined,
])[] = [
  ['counter', 'feed_devices_read', 'Devices of makers that were read to the end.', ({ counts }) => counts.success],
  [
    'counter',
    'feed_devices_failed',
    'Devices, or lists, of makers that could not be read to the end.',
    ({ counts }) => counts.failure,
  ],
  ['counter', 'feed_rows', 'Rows that makers sent.', ({ counts }) => counts.received],
  ['counter', 'feed_rows_new', 'Rows of makers that were stored.', ({ counts }) => counts.new],
  ['counter', 'feed_rows_corrected', 'Rows of makers that changed what was stored.', ({ counts }) => counts.corrected],
  ['counter', 'feed_rows_duplicate', 'Rows of makers that were stored already.', ({ counts }) => counts.duplicate],
  ['counter', 'feed_rows_quarantined', 'Rows of makers that were set aside.', ({ counts }) => counts.quarantined],
  [
    'counter',
    'feed_validation_failures',
    'Rows of makers that could not be read, or cannot be true.',
    ({ counts }) => counts.validationFailures,
  ],
  [
    'gauge',
    'feed_missing_intervals',
    'Intervals for which readings were expected and none came.',
    (of) => of.missingIntervals,
  ],
  ['gauge', 'feed_last_sync_seconds', 'Seconds since a poll of a maker last went to its end.', ({ lag }) => lag],
  [
    'gauge',
    'feed_acknowledgements_waiting',
    'Acknowledgements that a maker has not confirmed.',
    (of) => of.acknowledgementsWaiting,
  ],
  [
    'gauge',
    'feed_reports_waiting',
    'Reports that readings of a maker named and that are not here yet.',
    (of) => of.reportsWaiting,
  ],
];

/** Makers that are off are left out. */
export const feedMeasures = ({ status }: Pick<Feeds, 'status'>): readonly Measure[] => {
  // One look serves all measures of a scrape.
  let looking: Promise<readonly MakerStatus[]> | undefined;
  const look = () => {
    looking ??= status().finally(() => setImmediate(() => (looking = undefined)));
    return looking;
  };
  return measures.map(([kind, name, help, of]) => ({
    kind,
    name,
    help,
    labels: ['maker'],
    read: async () =>
      (await look()).flatMap((one) => {
        const value = one.state === 'off' ? undefined : of(one);
        return value === undefined ? [] : [{ labels: { maker: one.maker }, value }];
      }),
  }));
};
