/** Times of HL7 v2 as FHIR has them, as exact as they were told. HL7 v2.5.1 section 2.A.22, https://hl7.org/fhir/R4/datatypes.html#dateTime */

export interface DateTime {
  readonly text: string;
  /** It had a time of day and no zone: that of the connection was taken. */
  readonly assumed?: true;
}

const FORM = /^(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?$/;

const isDay = (year: number, month: number, day: number): boolean => {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
};

const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes that a zone is ahead of UTC at an instant. */
function offsetAt(instant: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    formats.set(zone, format);
  }
  const name = format.formatToParts(instant).find(({ type }) => type === 'timeZoneName')!.value;
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? ['', '+', '0', '0'];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** Twice, since the offset is asked of the instant that it leads to. */
function offsetOf(local: number, zone: string): string {
  const first = offsetAt(local, zone);
  const minutes = offsetAt(local - first * 60_000, zone);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/**
 * undefined where it is no time. `2025111710` and `202511171015` get the seconds that FHIR asks for and keep their zone; a date
 * without a time of day stays one.
 */
export function dateTimeOf(value: string, zone: string): DateTime | undefined {
  const parts = FORM.exec(value.trim());
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = parts;
  if (year === '0000') return undefined;
  if (month === undefined) return { text: year! };
  if (Number(month) < 1 || Number(month) > 12) return undefined;
  if (day === undefined) return { text: `${year}-${month}` };
  if (!isDay(Number(year), Number(month), Number(day))) return undefined;
  const date = `${year}-${month}-${day}`;
  if (hour === undefined) return { text: date };
  if (Number(hour) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) return undefined;
  const time = `${hour}:${minute ?? '00'}:${second ?? '00'}${fraction ? `.${fraction}` : ''}`;
  if (offset) {
    if (Number(offset.slice(1, 3)) > 14 || Number(offset.slice(3)) > 59) return undefined;
    return { text: `${date}T${time}${offset.slice(0, 3)}:${offset.slice(3)}` };
  }
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute ?? 0),
    Number(second ?? 0),
  );
  return { text: `${date}T${time}${offsetOf(local, zone)}`, assumed: true };
}

/** `YYYY-MM-DD`, or as much of it as was told. */
export const dateOf = (value: string): string | undefined => dateTimeOf(value, 'UTC')?.text.slice(0, 10);

/** `HHMMSS.SSS` as FHIR's time; a zone has no place there. */
export function timeOf(value: string): string | undefined {
  const parts = /^(\d\d)(\d\d)?(\d\d(?:\.\d{1,6})?)?(?:[+-]\d{4})?$/.exec(value.trim());
  if (!parts) return undefined;
  const [, hour, minute = '00', second = '00'] = parts;
  const isTime = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  return isTime ? `${hour}:${minute}:${second}` : undefined;
}
