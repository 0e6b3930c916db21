/** The hours of a day in which nobody is woken for what is not life-threatening, by the clock on the wall of a time zone. docs/escalation.md#quiet-hours */

export interface QuietHours {
  /** Minutes since midnight; they may reach over it. */
  readonly from: number;
  readonly to: number;
  readonly zone: string;
}

const MINUTE = 60_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes since midnight on the wall. */
function wallMinutes(at: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return parts['hour']! * 60 + parts['minute']!;
}

const isWithin = (minutes: number, { from, to }: QuietHours): boolean =>
  from <= to ? minutes >= from && minutes < to : minutes >= from || minutes < to;

/** When the quiet hours end that `now` lies in; undefined where it lies in none. The first minute whose wall clock is past them: a night that the clock is changed in has an hour more or less. */
export function quietUntil(now: number, hours: QuietHours | undefined): number | undefined {
  if (!hours || hours.from === hours.to || !isWithin(wallMinutes(now, hours.zone), hours)) return undefined;
  const start = Math.floor(now / MINUTE) * MINUTE;
  for (let at = start; at < start + 26 * 60 * MINUTE; at += MINUTE)
    if (!isWithin(wallMinutes(at, hours.zone), hours)) return at;
  return undefined;
}
