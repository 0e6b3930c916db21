/** Whether what is said is news: the same said later is none, nor is what is older or less ripe than what stands. */
import { writeExact } from '../../../fhir/json.ts';

/** Everything but what the store adds and when it was said: so that the same said later is no news. */
export function isSame(a: any, b: any): boolean {
  const content = ({ meta, issued: _issued, ...rest }: any) => {
    const { versionId: _version, lastUpdated: _updated, source: _source, ...said } = meta ?? {};
    return writeExact(sorted({ ...rest, ...(Object.keys(said).length > 0 ? { meta: said } : {}) }));
  };
  return content(a) === content(b);
}

const sorted = (value: any): any =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((name) => [name, sorted(value[name])]),
        )
      : value;

const spoken = new Set(['final', 'amended', 'corrected', 'appended']);
const unripe = new Set(['registered', 'preliminary', 'partial', 'unknown']);
/** Zones are up to 26 hours apart. */
const AHEAD = 26 * 3_600_000;

/** What was said earlier, or is only preliminary, does not replace what is final. `now`: milliseconds. */
export function isOutdated(existing: any, said: any, now: number): boolean {
  if (spoken.has(existing.status) && unripe.has(said.status)) return true;
  const [before, next] = [Date.parse(existing.issued), Date.parse(said.issued)];
  return before <= now + AHEAD && next < before;
}
