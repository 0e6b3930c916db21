/** The newest Observations of each kind: those of one patient that share a code. https://hl7.org/fhir/R4/observation-operation-lastn.html */
import type { Resource } from '../fhir/references.ts';
import { endOfTime, type Interval, intervalOf, intervalOfPeriod, intervalOfTiming } from '../search/instants.ts';
import type { Version } from '../store/store.ts';

interface Dated {
  readonly version: Version;
  /** -Infinity where nothing tells. */
  readonly time: number;
}

interface Group {
  names: string[];
  /** Newest first, no more than may be answered. */
  newest: Dated[];
}

export interface Newest {
  /** Takes the next Observation in, in any order. */
  add(version: Version): void;
  /** How many would be answered now. */
  count(): number;
  /** Group by group, that with the newest Observation first, and newest first within. Ties stay as they were added. */
  versions(): readonly Version[];
}

/**
 * Keeps the newest `max` of each group, and whatever is as old as the last of these. Observations that share a coding are of
 * one group, and so are all that others lead to in this way; without a code in any coding the same text does it, whatever its
 * case. No group has Observations of two subjects. `base` is the address of this server.
 */
export function createNewest(max: number, base: string): Newest {
  const groups = new Map<string, Group>();
  let kept = 0;

  const replace = (group: Group, newest: Dated[]): void => {
    kept += newest.length - group.newest.length;
    group.newest = newest;
  };

  /** The one group of all these names; what was apart until now is put together. */
  function groupOf(names: readonly string[]): Group {
    const found = [...new Set(names.flatMap((name) => groups.get(name) ?? []))];
    // The largest takes in the others, so that no name moves often.
    const [into = { names: [], newest: [] }, ...others] = found.sort((a, b) => b.names.length - a.names.length);
    for (const other of others) {
      const together = newestOf([...into.newest, ...other.newest], max);
      replace(other, []);
      replace(into, together);
    }
    const fresh = names.filter((name) => !groups.has(name));
    for (const name of [...others.flatMap((other) => other.names), ...fresh]) {
      if (groups.get(name) === into) continue;
      groups.set(name, into);
      into.names.push(name);
    }
    return into;
  }

  return {
    add(version) {
      const observation = JSON.parse(version.text);
      const time = timeOf(observation);
      const group = groupOf(namesOf(version, observation, base));
      const { newest } = group;
      const needed = newest[max - 1];
      if (needed !== undefined && time < needed.time) return;
      if (newest.length > 0 && time > newest.at(-1)!.time) {
        replace(group, newestOf([...newest, { version, time }], max));
        return;
      }
      newest.push({ version, time });
      kept++;
    },
    count: () => kept,
    versions: () =>
      [...new Set(groups.values())]
        .sort((a, b) => later(a.newest[0]!, b.newest[0]!))
        .flatMap(({ newest }) => newest.map(({ version }) => version)),
  };
}

const later = (a: Dated, b: Dated): number => (a.time === b.time ? 0 : a.time < b.time ? 1 : -1);

function newestOf(all: Dated[], max: number): Dated[] {
  const sorted = all.sort(later);
  const last = sorted[max - 1];
  return last === undefined ? sorted : sorted.filter(({ time }) => time >= last.time);
}

/** When it was true, as `_sort=date` has it: the beginning of its time; the end where only that is known. */
function timeOf(observation: Resource): number {
  const covered = coveredBy(observation);
  if (covered === undefined) return -Infinity;
  return covered.low === -endOfTime ? covered.high : covered.low;
}

function coveredBy(observation: Resource): Interval | undefined {
  const { effectivePeriod: period, effectiveTiming: timing } = observation;
  if (period) return intervalOfPeriod(period);
  return timing
    ? intervalOfTiming(timing)
    : intervalOf(observation['effectiveDateTime'] ?? observation['effectiveInstant']);
}

/** What it is counted under. Two Observations that have one of these in common belong together. */
function namesOf(version: Version, observation: Resource, base: string): readonly string[] {
  const subject = subjectOf(version, observation, base);
  const { coding, text } = observation['code'] ?? {};
  const codings: readonly any[] = Array.isArray(coding) ? coding.filter((one) => typeof one?.code === 'string') : [];
  return codings.length > 0
    ? codings.map(({ system, code }) => JSON.stringify([...subject, system ?? '', code]))
    : [JSON.stringify([...subject, foldedText(text)])];
}

/** Only its case does not count: what differs in more may be something else. */
const foldedText = (text: unknown): string =>
  typeof text === 'string' ? text.normalize('NFC').trim().toLowerCase() : '';

/** Always two parts. A contained subject is nobody else's. */
function subjectOf({ key }: Version, { subject }: Resource, base: string): readonly [string, string] {
  const literal: unknown = subject?.reference;
  if (typeof literal !== 'string') return [subject?.identifier?.system ?? '', subject?.identifier?.value ?? ''];
  if (literal.startsWith('#')) return [key.id, literal];
  const here = literal.startsWith(`${base}/`) ? literal.slice(base.length + 1) : literal;
  return ['', here.replace(/\/_history\/.*$/s, '')];
}
