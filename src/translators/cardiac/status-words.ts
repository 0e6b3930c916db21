/** How the feeds of makers and the store are doing, and what became of a run, in the customer's words. docs/cardiac.md */
import { isoOf } from '../../http/admin-desk.ts';
import type { Counts, DeviceStatus, Job, MakerStatus } from '../../ingest/feeds/feeds.ts';

const countsIn = (counts: Counts) => ({
  success: counts.success,
  failure: counts.failure,
  received: counts.received,
  new: counts.new,
  corrected: counts.corrected,
  duplicate: counts.duplicate,
  quarantined: counts.quarantined,
  validation_failures: counts.validationFailures,
  alerts_new: counts.alertsNew,
});

/** A breaker that is open is a maker that does not answer. */
const isBad = ({ state, connection }: MakerStatus): boolean => state === 'failing' || connection?.up === false;

export function makerWords(status: MakerStatus, now: number) {
  const { state, connection, counts } = status;
  const expires = connection?.tokenExpires;
  return {
    manufacturer: status.maker,
    environment: status.environment ?? null,
    state,
    why: status.why ?? (isBad(status) ? (status.lastError ?? 'The maker does not answer') : null),
    polling_since: status.pollingSince ?? null,
    api_connection: connection === undefined ? 'unknown' : connection.up ? 'up' : 'down',
    breaker: connection?.breaker ?? null,
    token_expires_at: isoOf(expires),
    token_expires_in: expires === undefined ? null : Math.floor((expires - now) / 1_000),
    last_sync: status.lastSuccess ?? null,
    queue_lag_seconds: status.lag === undefined ? null : Math.floor(status.lag),
    last_error: status.lastError ?? null,
    quota_remaining: connection?.quotaRemaining ?? null,
    patients: status.patients,
    devices: status.devices,
    counts: { ...countsIn(counts), missing: status.missingIntervals },
    acknowledgements_waiting: status.acknowledgementsWaiting,
    acknowledgements_refused: status.acknowledgementsRefused,
    reports_waiting: status.reportsWaiting,
  };
}

/** `ok`, or what is not; makers that nobody set up are no fault. */
export const overall = (makers: readonly MakerStatus[], isStoreUp: boolean): string =>
  !isStoreUp ? 'down' : makers.some(isBad) ? 'degraded' : 'ok';

export const jobWords = (job: Job) => ({
  job_id: job.id,
  patient_id: job.patient,
  state: job.state,
  asked_at: job.asked,
  ended_at: job.ended ?? null,
  counts: countsIn(job.counts),
  errors: job.errors,
});

export const deviceWords = (status: DeviceStatus) => ({
  device_id: status.device,
  patient_id: status.patient,
  last_sync: status.lastSuccess ?? null,
  last_error: status.lastError ?? null,
  newest_reading: status.newest ?? null,
  counts: { ...countsIn(status.counts), missing: status.gaps.length },
  missing_intervals: status.gaps.map(({ kind, from, to }) => ({ reading_type: kind, from, to: to ?? null })),
});
