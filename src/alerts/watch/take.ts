/** What a stretch of the version log means for scores, trends and silent devices. docs/alerts.md#derived */
import { Problem } from '../../fhir/outcome.ts';
import { type Resource, type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { Log } from '../../log.ts';
import { check } from '../../store/lease.ts';
import { type Change, isDeleted, type Lease, type Store, type Version } from '../../store/store.ts';
import type { News2 } from '../derived/news2.ts';
import { takeBackAlerts, takeBackDerived } from '../derived/take-back.ts';
import { type Channel, restsUntil, withoutReading } from '../derived/trend-table.ts';
import { followSample, type Reading, type Sampled, samplesIn, trendKind } from '../derived/trends.ts';
import { type HeardOf, heardIn } from '../silence/heard.ts';
import type { Silence } from '../silence/watch.ts';
import { instantOf, patientOf } from '../spoken.ts';
import type { Limits } from '../thresholds.ts';
import { isRefused, storeDerived, type Writing } from '../write-alert.ts';
import type { CountFault } from './faults.ts';
import { goneBy } from './gone.ts';

export interface TakeParts {
  readonly store: Store;
  readonly writing: Writing;
  readonly canonical: string;
  readonly limits: Limits;
  readonly now: () => number;
  readonly news2: News2;
  readonly silence: Silence;
  readonly fence: Lease;
  readonly log: Pick<Log, 'error'>;
  readonly count: CountFault;
  /** Until when a channel takes no further sample: a stream of every second asks the store for nothing. */
  readonly resting: Map<string, number>;
}

/** A sample of a channel, or one that is none any more. */
interface OfChannel {
  readonly sampled: Sampled;
  readonly reading: Reading;
  readonly isGone?: true;
}

const MOST_RESTING = 50_000;

/** Devices that these tell of. */
export const heardOf = (batch: readonly Version[], canonical: string): readonly HeardOf[] =>
  batch.flatMap((version) =>
    isDeleted(version) ? [] : (heardIn(JSON.parse(version.text), version.lastUpdated, canonical) ?? []),
  );

/**
 * The changes that belong into the commit which moves the place in the log. What is derived is stored by then, once. A device is
 * heard of by what is `aside` as well.
 */
export async function take(
  batch: readonly Version[],
  parts: TakeParts,
  aside: readonly Version[] = [],
): Promise<readonly Change[]> {
  const { canonical, limits, news2, silence, now, resting } = parts;
  const heard = [...heardOf(aside, canonical)];
  const samples: OfChannel[] = [];
  const gone: ResourceKey[] = [];
  const patients = new Set<string>();
  const told = batch.map((version) => (isDeleted(version) ? undefined : (JSON.parse(version.text) as Resource)));
  const before = await Promise.all(batch.map((version, i) => goneBy(version, told[i], parts)));
  for (const [i, version] of batch.entries()) {
    const observation = told[i];
    const was = before[i];
    if (was) {
      gone.push(version.key);
      const patient = patientOf(was.observation);
      const reading = readingOf(was.observation, version, was.arrived);
      for (const sampled of reading ? samplesIn(was.observation, reading.patient, limits, canonical) : []) {
        samples.push({ sampled, reading: reading!, isGone: true });
        resting.delete(sampled.key);
      }
      const inError = { ...was.observation, status: 'entered-in-error' };
      if (patient !== undefined && (await news2.learn(patient, inError, was.arrived))) patients.add(patient);
    }
    if (!observation) continue;
    const one = heardIn(observation, version.lastUpdated, canonical);
    if (one) heard.push(one);
    const reading = readingOf(observation, version, version.lastUpdated);
    if (!reading) continue;
    const { patient, at } = reading;
    for (const sampled of samplesIn(observation, patient, limits, canonical))
      if (at >= (resting.get(sampled.key) ?? Number.NEGATIVE_INFINITY)) samples.push({ sampled, reading });
    if (await news2.learn(patient, observation, version.lastUpdated)) patients.add(patient);
  }
  const made = new Map<string, Resource>();
  const trends = await trendsOf(samples, made, parts);
  const takingBack = { ...parts, fence: check(parts.fence) };
  const concerned = await takeBackDerived(gone, made, takingBack);
  for (const patient of patients) {
    const score = await news2.scoreOf(patient, now());
    if (!score) continue;
    await stored(score, parts);
    news2.settled(patient, score);
  }
  // After the scores: one that is as bad without the reading keeps its alert.
  for (const patient of concerned) await takeBackAlerts(patient, takingBack);
  return [...trends, ...(await silence.hear(heard))];
}

/** Undefined where it is of no patient. */
function readingOf(observation: Resource, { key, versionId }: Version, arrived: number): Reading | undefined {
  const patient = patientOf(observation);
  if (patient === undefined) return undefined;
  const at = instantOf(observation, arrived);
  const source = { reference: referenceTo(key), versionId };
  return { patient, device: observation['device']?.reference, at, arrived, source };
}

/** What is derived goes into `made`, by its id, and out of it again where a version that follows takes it back. */
async function trendsOf(
  samples: readonly OfChannel[],
  made: Map<string, Resource>,
  parts: TakeParts,
): Promise<readonly Change[]> {
  if (samples.length === 0) return [];
  const keys = [...new Set(samples.map(({ sampled }) => sampled.key))];
  const rows = await parts.store.get(trendKind, keys);
  const before = new Map(keys.map((key, i) => [key, rows[i]?.value as Channel | undefined]));
  const channels = new Map(before);
  const implants = new Set(samples.flatMap(({ sampled }) => (sampled.isOfImplant ? [sampled.key] : [])));
  for (const { sampled, reading, isGone } of samples) {
    if (isGone) {
      for (const [id, { derivedFrom }] of made)
        if (derivedFrom.some((one: any) => one.reference === reading.source.reference)) made.delete(id);
      const left = withoutReading(channels.get(sampled.key), reading.source.reference);
      if (left) channels.set(sampled.key, left);
      continue;
    }
    const { channel, derived } = followSample(sampled, reading, channels.get(sampled.key), parts.canonical);
    channels.set(sampled.key, channel);
    if (!derived) continue;
    made.set(derived.id, derived);
    await stored(derived, parts);
  }
  return keys.flatMap((key): Change[] => {
    const value = channels.get(key);
    if (value !== before.get(key)) return [{ op: 'put', kind: trendKind, key, value }];
    // Only what is stored already may rest: a commit that fails is tried again.
    if (parts.resting.size >= MOST_RESTING) parts.resting.clear();
    if (!implants.has(key)) parts.resting.set(key, restsUntil(value));
    return [];
  });
}

/** One that the house refuses must not hold up the log for all others. */
async function stored(derived: Resource & { readonly id: string }, parts: TakeParts): Promise<void> {
  const { writing, fence, log, count } = parts;
  try {
    await storeDerived(derived, writing, [check(fence)]);
  } catch (error) {
    // It is there already.
    if (error instanceof Problem && error.status === 412) return;
    if (!isRefused(error)) throw error;
    count('refused');
    log.error('what was derived could not be stored', error, { id: derived.id });
  }
}
