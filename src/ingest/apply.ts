/** Applies readings of a device, one or many, however often they are sent: as few transactions as can be, and each reading stored once. */
import { Problem, problem } from '../fhir/outcome.ts';
import type { Origin } from '../interactions/inside.ts';
import { createLine, settle } from '../interactions/settle.ts';
import type { Change } from '../store/store.ts';
import { createAttempt } from './attempt.ts';
import type { Parsed } from './mapping.ts';
import type { Applied, DeviceContext, IngestRoom } from './room.ts';
import { joined, turnsOf } from './same-time.ts';

export interface Refused {
  /** Place in the list. */
  readonly index: number;
  readonly problem: Problem;
}

/**
 * Throws what the mapping throws, `business-rule` (400) where no patient is assigned at the reading's time or the device
 * is gone, `transient` (503) where others kept changing the same reading for 5 seconds.
 * `also` goes into the commit of a reading that is not a repeat.
 */
export type Apply = (
  parsed: Parsed,
  device: DeviceContext,
  origin: Origin,
  also?: readonly Change[],
) => Promise<Applied>;

/** What became of each, in the order given; alarms follow the order of their times. Throws only what is no reading's fault. */
export type ApplyMany = (
  readings: readonly Parsed[],
  device: DeviceContext,
  origin: Origin,
) => Promise<readonly (Applied | Problem)[]>;

/** All of them in one transaction, or none; none where others of the same batch are refused already, and then what else is refused is told. */
export type ApplyAll = (
  readings: readonly Parsed[],
  device: DeviceContext,
  origin: Origin,
  areOthersRefused?: boolean,
) => Promise<{ readonly applied: readonly Applied[] } | { readonly refused: readonly Refused[] }>;

export interface Ingest {
  readonly one: Apply;
  readonly many: ApplyMany;
  readonly all: ApplyAll;
}

/** As often is looked again at a list that others overtook, before each reading goes by itself. */
const TOGETHER = 3;

/**
 * What anybody else's commit may have changed under our feet, so that looking again helps. Where something stands that the device
 * did not send it is told that nothing is found there.
 */
const isOvertaken = (error: unknown): boolean =>
  error instanceof Problem && ([404, 409, 412].includes(error.status) || error.code === 'lock-error');

const tooBusy = (): Problem =>
  problem('transient', 'The reading is being written by others; try again', { headers: { 'Retry-After': '1' } });

/** What is our fault is not the reading's: the device sends all of it again, and what is stored stays once. */
function refusal(error: unknown): Problem {
  if (!(error instanceof Problem) || error.status >= 500) throw error;
  return error;
}

/** One for a store: devices wait in one line each, whichever way their readings come. */
export function createIngest(room: IngestRoom): Ingest {
  const { mapping, runtime } = room;
  const attempt = createAttempt(room);
  const line = createLine();

  /** Undefined where what was sent can be, as far as it tells by itself. */
  function implausible({ sent }: Parsed): Problem | undefined {
    try {
      for (const [name, value] of sent) mapping.demandPlausible(name, value);
    } catch (error) {
      return refusal(error);
    }
    return undefined;
  }

  async function single(
    parsed: Parsed,
    device: DeviceContext,
    origin: Origin,
    also: readonly Change[] = [],
  ): Promise<Applied> {
    const refused = implausible(parsed);
    if (refused) throw refused;
    const [outcome] = await settle(
      runtime,
      (isRetry) => attempt([parsed], device, origin, { isRetry, wholly: false, also }),
      { isOvertaken, tooBusy },
    );
    if (outcome instanceof Problem) throw outcome;
    return outcome!;
  }

  /** Readings whose times differ: in one transaction, unless that is refused as a whole or overtaken again and again. */
  async function together(readings: readonly Parsed[], device: DeviceContext, origin: Origin) {
    for (let tries = 0; readings.length > 1 && tries < TOGETHER; tries++) {
      try {
        return (await attempt(readings, device, origin, { isRetry: tries > 0, wholly: false })) as (
          | Applied
          | Problem
        )[];
      } catch (error) {
        if (isOvertaken(error)) continue;
        refusal(error);
        break;
      }
    }
    const outcomes: (Applied | Problem)[] = [];
    for (const parsed of readings) outcomes.push(await single(parsed, device, origin).catch(refusal));
    return outcomes;
  }

  async function many(readings: readonly Parsed[], device: DeviceContext, origin: Origin) {
    const outcomes: (Applied | Problem)[] = readings.map((parsed) => implausible(parsed) as Problem);
    const possible = readings.flatMap((_, i) => (outcomes[i] ? [] : [i]));
    for (const turn of turnsOf(possible.map((i) => readings[i]!))) {
      const places = turn.map((n) => possible[n]!);
      const done = await together(
        places.map((i) => readings[i]!),
        device,
        origin,
      );
      for (const [n, outcome] of done.entries()) outcomes[places[n]!] = outcome;
    }
    return outcomes;
  }

  async function all(
    readings: readonly Parsed[],
    device: DeviceContext,
    origin: Origin,
    areOthersRefused = false,
  ): ReturnType<ApplyAll> {
    const byTime = Map.groupBy(readings.keys(), (i) => readings[i]!.instant);
    const groups = [...byTime.values()].sort((a, b) => readings[a[0]!]!.instant - readings[b[0]!]!.instant);
    const each = groups.map((group) => joined(group.map((i) => readings[i]!)));
    const refused = (outcomes: readonly unknown[]) => ({
      refused: outcomes
        .flatMap((problem, n) => (problem instanceof Problem ? [{ index: groups[n]!.at(-1)!, problem }] : []))
        .sort((a, b) => a.index - b.index),
    });
    const faults = each.map((parsed) => (parsed instanceof Problem ? parsed : implausible(parsed)));
    const sound = each.flatMap((one, n) => (faults[n] ? [] : [{ n, parsed: one as Parsed }]));
    const isInVain = areOthersRefused || sound.length < each.length;
    const tried = await settle(
      runtime,
      (isRetry) => {
        const parsed = sound.map((one) => one.parsed);
        return attempt(parsed, device, origin, { isRetry, wholly: true, isInVain });
      },
      { isOvertaken, tooBusy },
    );
    const outcomes: (Applied | Problem | undefined)[] = [...faults];
    for (const [k, { n }] of sound.entries()) outcomes[n] = tried[k];
    if (isInVain || outcomes.some((outcome) => outcome instanceof Problem)) return refused(outcomes);
    const applied: Applied[] = [];
    for (const [n, group] of groups.entries()) {
      const one = outcomes[n] as Applied;
      // What several say together is new with the first of them.
      for (const [k, i] of group.entries())
        applied[i] = k === 0 ? one : { ...one, isNew: false, alerts: 0, created: 0 };
    }
    return { applied };
  }

  const inLine =
    <R>(work: (readings: readonly Parsed[], device: DeviceContext, origin: Origin) => Promise<R>) =>
    (readings: readonly Parsed[], device: DeviceContext, origin: Origin) =>
      line(device.key.id, () => work(readings, device, origin));

  return {
    one: (parsed, device, origin, also) => line(device.key.id, () => single(parsed, device, origin, also)),
    many: inLine(many),
    all: (readings, device, origin, areOthersRefused) =>
      line(device.key.id, () => all(readings, device, origin, areOthersRefused)),
  };
}
