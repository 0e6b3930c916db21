/** A moment as a header writes it, with its zone. HL7 v2.5.1 section 2.A.77 */

/** `20251117031500-0500`: the clock of the IANA zone, and how far it is ahead of UTC. */
export function dtm(instant: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  }).formatToParts(instant);
  const { year, month, day, hour, minute, second, timeZoneName } = Object.fromEntries(
    parts.map(({ type, value }) => [type, value]),
  ) as Record<string, string>;
  const offset = timeZoneName!.replace(/^GMT|:/g, '') || '+0000';
  return `${year}${month}${day}${hour}${minute}${second}${offset}`;
}
