/** The time that a FHIR date, dateTime, instant, Period or Timing covers. https://hl7.org/fhir/R4/search.html#date */

/** Milliseconds since 1970 UTC, both ends inclusive. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What an open end of a Period stands for: the ends of time that JavaScript knows. */
export const endOfTime = 8.64e15;

const shape = /^(?!0000)(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** The interval that a date of any precision implies; without a zone it is UTC. Undefined when it is no date. */
export function intervalOf(date: unknown): Interval | undefined {
  if (typeof date !== 'string') return undefined;
  const parts = shape.exec(date);
  if (parts === null) return undefined;
  const year = Number(parts[1]);
  if (parts[2] === undefined) return span(utc(year, 0, 1), utc(year + 1, 0, 1));
  const month = Number(parts[2]) - 1;
  if (month < 0 || month > 11) return undefined;
  if (parts[3] === undefined) return span(utc(year, month, 1), utc(year, month + 1, 1));
  const day = Number(parts[3]);
  const start = utc(year, month, day);
  if (day < 1 || (day > 28 && new Date(start).getUTCDate() !== day)) return undefined;
  if (parts[4] === undefined) return span(start, start + 86_400_000);
  const [hour, minute, second] = [Number(parts[4]), Number(parts[5]), Number(parts[6] ?? 0)];
  const zone = offsetOf(parts[8]);
  if (hour > 23 || minute > 59 || second > 60 || zone === undefined) return undefined;
  const time = start + hour * 3_600_000 + minute * 60_000 + second * 1000 - zone;
  if (parts[6] === undefined) return span(time, time + 60_000);
  if (parts[7] === undefined) return span(time, time + 1000);
  const fraction = parts[7].slice(0, 3);
  const low = time + Number(fraction.padEnd(3, '0'));
  return span(low, low + 10 ** (3 - fraction.length));
}

const span = (low: number, next: number): Interval => ({ low, high: next - 1 });

function utc(year: number, month: number, day: number): number {
  if (year > 99) return Date.UTC(year, month, day);
  return new Date(0).setUTCFullYear(year, month, day); // Date.UTC takes 0 to 99 for 1900 to 1999
}

function offsetOf(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4));
  if (hours > 14 || minutes > 59) return undefined;
  return (zone[0] === '-' ? -1 : 1) * (hours * 3_600_000 + minutes * 60_000);
}

/** From the beginning of its start to the end of its end; a missing end is open. */
export function intervalOfPeriod(period: { start?: unknown; end?: unknown }): Interval | undefined {
  const start = period.start === undefined ? undefined : intervalOf(period.start);
  const end = period.end === undefined ? undefined : intervalOf(period.end);
  if (start === undefined && end === undefined) return undefined;
  return { low: start?.low ?? -endOfTime, high: end?.high ?? endOfTime };
}

/** The outer limits of a schedule: all its events and its bounds. https://hl7.org/fhir/R4/search.html#date */
export function intervalOfTiming(timing: any): Interval | undefined {
  const parts: Interval[] = [];
  for (const event of Array.isArray(timing.event) ? timing.event : []) {
    const interval = intervalOf(event);
    if (interval) parts.push(interval);
  }
  const bounds = timing.repeat?.boundsPeriod && intervalOfPeriod(timing.repeat.boundsPeriod);
  if (bounds) parts.push(bounds);
  if (parts.length === 0) return undefined;
  return {
    low: parts.reduce((low, part) => Math.min(low, part.low), endOfTime),
    high: parts.reduce((high, part) => Math.max(high, part.high), -endOfTime),
  };
}
