/** Which results belong together: by their time, by OBX-4, and lines of one text. HL7 v2.5.1 section 7.4.2.4 */
import { isPlace, placesAbove, trimmed } from './devices.ts';
import type { Making } from './making.ts';
import type { Result } from './result.ts';
import { isText } from './value.ts';

/** A metric of a device has the time of what stands above it, where it tells none. */
export function withTimes(results: readonly Result[]): readonly Result[] {
  const times = new Map(
    results.flatMap(({ sub, time }) => (time !== undefined && isPlace(sub) ? [[trimmed(sub), time] as const] : [])),
  );
  return results.map((result) => {
    if (result.time !== undefined || !isPlace(result.sub)) return result;
    const above = placesAbove(result.sub).find((place) => times.has(place));
    return above === undefined ? result : { ...result, time: times.get(above)! };
  });
}

/** Pressures belong together by the number of their measurement; in a device's tree by what stands above them. */
export function groupOf({ sub, mdc, vital }: Result): string {
  if (vital === 'panel' || mdc === '' || !isPlace(sub) || !sub.includes('.')) return sub;
  return sub.slice(0, sub.lastIndexOf('.'));
}

/** More numbers at one time than the parts of a pressure. */
const MOST_APART = 4;

/** Some senders give each half a number of its own: what is the only half of each kind at one time is a pair all the same. */
export function paired(groups: ReadonlyMap<string, readonly Result[]>): ReadonlyMap<string, readonly Result[]> {
  const has = (group: readonly Result[], name: string) => group.some(({ vital }) => vital === name);
  const out = new Map(groups);
  const timeOf = ([first]: readonly Result[]) => first!.time ?? '';
  const byTime = new Map<string, [string, readonly Result[]][]>();
  for (const one of groups) {
    const known = byTime.get(timeOf(one[1]));
    if (known) known.push(one);
    else byTime.set(timeOf(one[1]), [one]);
  }
  for (const [key, group] of groups) {
    if (!has(group, 'systolic') || has(group, 'diastolic')) continue;
    const together = byTime.get(timeOf(group))!;
    if (together.length > MOST_APART) continue;
    const others = together.filter(([, other]) => has(other, 'diastolic'));
    const isOnly = together.filter(([, other]) => has(other, 'systolic')).length === 1 && others.length === 1;
    if (!isOnly || has(others[0]![1], 'systolic')) continue;
    out.set(key, [...group, ...others[0]![1]]);
    out.delete(others[0]![0]);
    const means = together.filter(([, other]) => other.every(({ vital }) => vital === 'mean'));
    if (means.length !== 1 || has(out.get(key)!, 'mean')) continue;
    out.set(key, [...out.get(key)!, ...means[0]![1]]);
    out.delete(means[0]![0]);
  }
  return out;
}

/** Lines of text of one thing are one text; what is the same twice is once. */
export function joined(results: readonly Result[], { message, around }: Making): readonly Result[] {
  const out: Result[] = [];
  const seen = new Set<string>();
  for (const result of results) {
    const { segment, codeKey, sub, value } = result;
    const same = message.sentIn(segment);
    if (seen.has(same) && codeKey !== '') {
      message.taken(segment);
      around.warn('a result that stands in the message twice is stored once');
      continue;
    }
    seen.add(same);
    const last = out.at(-1);
    const isMore =
      last !== undefined &&
      last.codeKey === codeKey &&
      last.sub === sub &&
      isLine(last) &&
      isLine(result) &&
      last.time === result.time;
    if (!isMore) out.push(result);
    else {
      const text = [last.value.text, value.text].filter((line) => line !== undefined).join('\n');
      const notes = [...last.notes, ...result.notes];
      // Lines with nothing on them are no text.
      const said = text === '' ? {} : { text, values: [{ valueString: text }] };
      out[out.length - 1] = { ...last, notes, value: { ...last.value, ...said } };
      message.taken(segment);
    }
  }
  return out;
}

/** A line of text, and nothing else. */
export const isLine = ({ segment, value }: Result): boolean =>
  isText((segment.get(2) ?? '').toUpperCase()) && value.values.every((one) => 'valueString' in one);
