/** Times of any precision, as FHIR has them. HL7 v2.5.1 section 2.A.22 (DTM), https://hl7.org/fhir/R4/datatypes.html#dateTime */

export interface Told {
  /** FHIR date or dateTime: `2025`, `2025-11`, `2025-11-17`, `2025-11-17T03:15:00.25+01:00`. */
  readonly value: string;
  /** First moment of it, ms since 1970 UTC. */
  readonly instant: number;
  /** The sender named no zone, so that the configured one was taken: to be stated with what is stored. */
  readonly isAssumed: boolean;
}

const DTM = /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,9}))?)?)?)?)?)?([+-]\d{4})?$/;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes that a zone is ahead of UTC at a moment. */
function aheadOf(zone: string, instant: number): number {
  let format = formats.get(zone);
  if (!format) {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...numeric });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  const { year, month, day, hour, minute } = parts as Record<string, number>;
  const local = Date.UTC(year!, month! - 1, day!, hour!, minute!);
  return Math.round((local - instant) / 60_000);
}

/** Minutes ahead of UTC where a clock of the zone shows this time; of two such moments the first, and where there is none the time before the leap. */
function offsetAt(zone: string, shown: number): number {
  const before = aheadOf(zone, shown - 24 * 3_600_000);
  if (aheadOf(zone, shown - before * 60_000) === before) return before;
  const after = aheadOf(zone, shown + 24 * 3_600_000);
  return aheadOf(zone, shown - after * 60_000) === after ? after : before;
}

const two = (n: number) => String(n).padStart(2, '0');
const written = (minutes: number) =>
  `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;

/** undefined where the text is no time: a month 13, seven digits, words. `zone` is an IANA name. Minutes and seconds that are missing are 00, since FHIR has no hour alone. */
export function timeOf(text: string | undefined, zone: string): Told | undefined {
  const match = DTM.exec(text?.trim() ?? '');
  if (!match) return undefined;
  const [, year, month, day, hour, minute = '00', second = '00', fraction, offset] = match;
  const shown = Date.UTC(
    Number(year),
    Number(month ?? 1) - 1,
    Number(day ?? 1),
    Number(hour ?? 0),
    Number(minute),
    Math.min(Number(second), 59),
    Math.floor(Number(`0.${fraction ?? 0}`) * 1_000),
  );
  const date = new Date(shown);
  const isReal =
    Number(year) > 0 &&
    date.getUTCMonth() + 1 === Number(month ?? 1) &&
    date.getUTCDate() === Number(day ?? 1) &&
    date.getUTCHours() === Number(hour ?? 0) &&
    Number(minute) < 60 &&
    Number(second) <= 60;
  if (!isReal) return undefined;
  if (offset !== undefined && (Number(offset.slice(1, 3)) > 14 || Number(offset.slice(3)) > 59)) return undefined;
  const ahead =
    offset === undefined
      ? offsetAt(zone, shown)
      : Number(`${offset[0]}1`) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3)));
  const instant = shown - ahead * 60_000;
  if (hour === undefined) {
    const value = [year, month, day].filter((part) => part !== undefined).join('-');
    return { value, instant, isAssumed: false };
  }
  const seconds = second === '60' ? '59' : second;
  const clock = `${hour}:${minute}:${seconds}${fraction === undefined ? '' : `.${fraction}`}`;
  return { value: `${year}-${month}-${day}T${clock}${written(ahead)}`, instant, isAssumed: offset === undefined };
}

/** A moment as a header writes it, with its zone. */
export function dtm(instant: number, zone: string): string {
  const ahead = aheadOf(zone, instant);
  const shown = new Date(instant + ahead * 60_000).toISOString();
  return `${shown.slice(0, 19).replaceAll(/[-T:]/g, '')}${written(ahead).replace(':', '')}`;
}
