/** Trends as pure tables: a value that goes one way over several samples, and one that has left its own baseline. docs/alerts.md#trends */

import { AHEAD } from '../spoken.ts';

/** One value of one channel. Times in milliseconds. */
export interface Sample {
  readonly at: number;
  readonly value: number;
  /** `Observation/1/_history/1` */
  readonly source: string;
}

/** What is kept of a channel: its newest samples, the oldest first. */
export interface Channel {
  readonly samples: readonly Sample[];
  /** So many more that are at rest are told of, so that what was told of can end. */
  readonly rest: number;
}

export interface Told {
  readonly channel: Channel;
  /** What is to be told; undefined where nothing is. */
  readonly change?: { readonly value: number; readonly from: readonly Sample[] };
}

/** Samples of a drift, and the milliseconds between two of them at least: a stream of every second is sampled. */
export const DRIFT_SAMPLES = 6;
const DRIFT_APART = 15 * 60_000;
/** Older samples are no part of a drift. */
const DRIFT_WITHIN = 24 * 3_600_000;
/** Alerts end with the second reading that is at rest. */
const RESTS = 2;

const none: Channel = { samples: [], rest: 0 };
const rounded = (value: number): number => Number(value.toPrecision(6));

/** No sample before this changes a channel of vital signs. */
export const restsUntil = (channel: Channel | undefined): number =>
  (channel?.samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) + DRIFT_APART;

/**
 * What lies ahead of the clock of the server is no sample: nothing would come after it. Those that were taken before that was so go.
 */
function withoutAhead(channel: Channel, now: number): Channel {
  const samples = channel.samples.filter(({ at }) => at <= now + AHEAD);
  return samples.length === channel.samples.length ? channel : { ...channel, samples };
}

/** A reading that is withdrawn is no sample any more. `Observation/1` */
export function withoutReading(channel: Channel | undefined, reading: string): Channel | undefined {
  const samples = channel?.samples.filter(({ source }) => !source.startsWith(`${reading}/_history/`));
  return channel && samples!.length < channel.samples.length ? { ...channel, samples: samples! } : channel;
}

/** Late ones have no place: a drift is told forward. */
export function afterVital(before: Channel = none, sample: Sample, now: number): Told {
  const channel = withoutAhead(before, now);
  if (sample.at > now + AHEAD) return { channel };
  const last = channel.samples.at(-1);
  if (last && sample.at < last.at + DRIFT_APART) return { channel };
  const samples = [...channel.samples.filter(({ at }) => at > sample.at - DRIFT_WITHIN), sample].slice(-DRIFT_SAMPLES);
  const change = samples.length < DRIFT_SAMPLES ? 0 : driftOf(samples.map(({ value }) => value));
  if (change !== 0) return { channel: { samples, rest: RESTS }, change: { value: change, from: samples } };
  const { rest } = channel;
  if (rest === 0) return { channel: { samples, rest } };
  return { channel: { samples, rest: rest - 1 }, change: { value: 0, from: samples } };
}

/** The whole way of values that each go further than the one before; 0 of all others. */
function driftOf(values: readonly number[]): number {
  const steps = values.slice(1).map((value, i) => value - values[i]!);
  const isOneWay = steps.every((step) => step > 0) || steps.every((step) => step < 0);
  return isOneWay ? rounded(values.at(-1)! - values[0]!) : 0;
}

/** Interrogations that the baseline is made of, and how many it takes at least. */
export const BASELINE = 10;
const BASELINE_LEAST = 3;

/** Percent that a value lies beside the median of those before it. Each one is told of. */
export function afterInterrogation(kept: Channel = none, sample: Sample, now: number): Told {
  const channel = withoutAhead(kept, now);
  if (sample.at > now + AHEAD) return { channel };
  const last = channel.samples.at(-1);
  if (last && sample.at <= last.at) return { channel };
  const before = channel.samples;
  const next = { samples: [...before, sample].slice(-BASELINE), rest: 0 };
  const baseline = median(before.map(({ value }) => value));
  if (before.length < BASELINE_LEAST || baseline <= 0) return { channel: next };
  const value = rounded(((sample.value - baseline) / baseline) * 100);
  return { channel: next, change: { value, from: [...before, sample] } };
}

function median(values: readonly number[]): number {
  const inOrder = [...values].sort((a, b) => a - b);
  const middle = inOrder.length >> 1;
  return inOrder.length % 2 === 1 ? inOrder[middle]! : (inOrder[middle - 1]! + inOrder[middle]!) / 2;
}
