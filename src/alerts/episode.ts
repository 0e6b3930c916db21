/** An alarm's life as a pure table: what one more reading does to it. Times are those of the readings, in milliseconds. */
import type { Severity } from './interpret.ts';
import { placedAt } from './spoken.ts';

/** What is kept of the alarm of one patient, vital and device. */
export interface Alarm {
  readonly open: boolean;
  /** Episodes so far. */
  readonly episode: number;
  /** The worst of this episode. */
  readonly severity: 'abnormal' | 'critical';
  /** The earliest and the newest reading outside the limits. */
  readonly first: number;
  readonly last: number;
  /** The first normal reading after `last`, while the episode is open. */
  readonly normal?: number;
  /** The normal reading that ended the episode; left out where somebody ended the Flag. */
  readonly until?: number;
}

export interface Reading {
  readonly at: number;
  readonly severity: Severity;
  /** False where the signal was too poor to open, raise or end anything by itself. */
  readonly trusted: boolean;
  /** Normal, but within the dead band of a limit: it neither ends an episode nor helps to. */
  readonly near?: boolean;
}

/** After the end of an episode a reading that is not critical opens no other for so long: a value that hovers is cried once. */
export const HOLD_OFF = 5 * 60_000;

export type Step =
  | 'nothing'
  | 'opened'
  /** Outside the limits once more, no worse than before: evidence. */
  | 'repeated'
  | 'raised'
  /** Outside the limits within an episode that normal readings have ended since: evidence. */
  | 'late'
  | 'ended';

export interface Turn {
  readonly step: Step;
  readonly alarm: Alarm | undefined;
}

/**
 * Readings may come in any order; each is placed by its own time. The same reading again (a corrected value) replaces itself. What
 * lies ahead of the server's clock is of now: else no reading of tomorrow would end what one of the year 2040 began.
 */
export function after(before: Alarm | undefined, given: Reading, now: number): Turn {
  const alarm = before && placed(before, now);
  const reading = { ...given, at: placedAt(given.at, now) };
  return reading.severity === 'normal' ? afterNormal(alarm, reading) : afterOutside(alarm, reading, reading.severity);
}

/** Also what was kept before that was so. */
function placed(alarm: Alarm, now: number): Alarm {
  const { first, last, normal, until } = alarm;
  const newest = Math.max(first, last, normal ?? 0, until ?? 0);
  if (placedAt(newest, now) === newest) return alarm;
  return {
    ...alarm,
    first: placedAt(first, now),
    last: placedAt(last, now),
    ...(normal !== undefined && { normal: placedAt(normal, now) }),
    ...(until !== undefined && { until: placedAt(until, now) }),
  };
}

function afterNormal(alarm: Alarm | undefined, { at, trusted, near }: Reading): Turn {
  if (!alarm?.open || !trusted || near || at < alarm.last) return { step: 'nothing', alarm };
  if (alarm.normal === undefined) return { step: 'nothing', alarm: { ...alarm, normal: at } };
  if (alarm.normal === at) return { step: 'nothing', alarm };
  return {
    step: 'ended',
    alarm: { ...alarm, open: false, normal: undefined, until: Math.max(at, alarm.normal) },
  };
}

function afterOutside(alarm: Alarm | undefined, { at, trusted }: Reading, severity: 'abnormal' | 'critical'): Turn {
  if (!alarm?.open) {
    const isWithin = alarm?.until !== undefined && at >= alarm.first && at < alarm.until;
    // Of a warning that is over nobody knows that it was critical: that is told.
    const isUnheardOf = trusted && severity === 'critical' && alarm?.severity === 'abnormal';
    if (isWithin && !isUnheardOf) return { step: 'late', alarm };
    if (!trusted || isHeldOff(alarm, at, severity)) return { step: 'nothing', alarm };
    const episode = (alarm?.episode ?? 0) + 1;
    return { step: 'opened', alarm: { open: true, episode, severity, first: at, last: at } };
  }
  if (!trusted) return { step: 'repeated', alarm };
  const isWorse = severity === 'critical' && alarm.severity === 'abnormal';
  const isBeforeNormal = alarm.normal !== undefined && at < alarm.normal;
  return {
    step: isWorse ? 'raised' : 'repeated',
    alarm: {
      ...alarm,
      severity: isWorse ? severity : alarm.severity,
      first: Math.min(alarm.first, at),
      last: Math.max(alarm.last, at),
      normal: isBeforeNormal ? alarm.normal : undefined,
    },
  };
}

const isHeldOff = (alarm: Alarm | undefined, at: number, severity: 'abnormal' | 'critical'): boolean =>
  severity === 'abnormal' && alarm?.until !== undefined && at >= alarm.until && at < alarm.until + HOLD_OFF;

/** Somebody ended the Flag: the next reading outside the limits opens another. */
export const endedBySomebody = (alarm: Alarm): Alarm => ({
  ...alarm,
  open: false,
  normal: undefined,
  until: undefined,
});

/** Somebody made an ended Flag active again: the episode goes on. */
export const reopenedBySomebody = (alarm: Alarm): Alarm => ({
  ...alarm,
  open: true,
  normal: undefined,
  until: undefined,
});
