/** How often a device is heard of, and when it counts as silent: a pure table. Times in milliseconds. docs/alerts.md#silent-devices */

/** What is kept of a device, under its reference. */
export interface Rhythm {
  /** When it was heard of first and last: by this server's clock, of an implant when its monitor had contact. */
  readonly first: number;
  readonly last: number;
  /** The longest pause of each of the newest days on which it was heard of, the oldest first. */
  readonly days: readonly (readonly [day: number, longest: number])[];
  /** Pauses so far. */
  readonly pauses: number;
  readonly isImplant: boolean;
  /** `Patient/1` of the newest reading. */
  readonly patient?: string;
  /** Key of its timer. */
  readonly timer?: string;
  /** Silences so far; ids of alerts are made of it. */
  readonly silences: number;
  /** The alert of the silence that goes on. */
  readonly alert?: string;
}

export interface Heard {
  readonly at: number;
  readonly isImplant: boolean;
  readonly patient?: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** What comes within this of the last is of the same visit: a batch is heard once. */
export const VISIT = 30_000;
const DAYS = 7;
/** A rhythm is known after so many pauses, and so long. */
const LEAST_PAUSES = 4;
const LEAST_WATCHED = DAY;
/** So many times the longest pause is silence. */
const FACTOR = 2;
const LEAST = 15 * MINUTE;
const MOST = 14 * DAY;

/** Undefined where it tells nothing new. `silentAfter` as the pause is judged by: one that was silence is no rhythm. */
export function afterHeard(
  before: Rhythm | undefined,
  heard: Heard,
  silentAfter: number | undefined,
): Rhythm | undefined {
  const { at, isImplant, patient } = heard;
  if (!before) {
    const none = { first: at, last: at, days: [], pauses: 0, isImplant, silences: 0 };
    return { ...none, ...(patient !== undefined && { patient }) };
  }
  const pause = at - before.last;
  // What was put aside is heard of again when it is taken in.
  const whose = pause < 0 ? (before.patient ?? patient) : (patient ?? before.patient);
  if (pause < VISIT && whose === before.patient && before.alert === undefined) return undefined;
  const isRhythm = pause >= VISIT && before.alert === undefined && !(silentAfter !== undefined && pause > silentAfter);
  return {
    ...before,
    last: Math.max(at, before.last),
    isImplant: before.isImplant || isImplant,
    ...(whose !== undefined && { patient: whose }),
    ...(isRhythm && { days: withPause(before.days, Math.floor(at / DAY), pause), pauses: before.pauses + 1 }),
  };
}

function withPause(days: Rhythm['days'], day: number, pause: number): Rhythm['days'] {
  const last = days.at(-1);
  if (last?.[0] === day) return pause > last[1] ? [...days.slice(0, -1), [day, pause]] : days;
  return [...days, [day, pause] as const].slice(-DAYS);
}

export interface SilenceSettings {
  /** For implants that say nothing else. */
  readonly implantAfter: number;
  /** For other devices that say nothing else, instead of their rhythm. */
  readonly deviceAfter: number | undefined;
}

/** After how long it is silent; undefined where nobody watches. `own` is what the Device says itself: 0 for never. */
export function silentAfter(rhythm: Rhythm, own: number | undefined, settings: SilenceSettings): number | undefined {
  if (own !== undefined) return own > 0 ? own : undefined;
  if (rhythm.isImplant) return settings.implantAfter;
  if (settings.deviceAfter !== undefined) return settings.deviceAfter;
  if (rhythm.pauses < LEAST_PAUSES || rhythm.last - rhythm.first < LEAST_WATCHED) return undefined;
  const longest = Math.max(...rhythm.days.map(([, pause]) => pause));
  return Math.min(MOST, Math.max(LEAST, FACTOR * longest));
}
