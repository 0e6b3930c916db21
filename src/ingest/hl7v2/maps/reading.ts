/** A message of which it is remembered what was read, so that nobody need keep a list of what was not. HL7 v2.5.1 chapter 2 */
import { problem } from '../../../fhir/outcome.ts';
import { type Hl7Message, NULLED, type Segment } from '../wire/message.ts';

/** One value of several parts: a repetition of a field, or a component of it. Parts count from 1. */
export interface Part {
  /** undefined where nothing stands there, or where it is to be removed. */
  get(n: number): string | undefined;
  part(n: number): Part;
  /** All of it with its delimiters. */
  whole(): string | undefined;
}

export interface Unmapped {
  /** `PID-10`, `OBX[3]-24.5`: segments of a name count from 1, components and repetitions too. */
  readonly path: string;
  readonly reason: string;
}

/** What is said about fields that nobody reads: `PID-10`, or a whole segment `FT1`. */
export type Reasons = Readonly<Record<string, string>>;

export interface ReadMessage extends Hl7Message {
  /** All that it holds but its first field, which only counts; nothing is read by it. */
  sentIn(segment: Segment): string;
  /** Place among the segments of its name, from 0. */
  position(segment: Segment): number;
  /** Whether a field is to be removed: `""`. */
  isNulled(segment: Segment, field: number): boolean;
  /** The repetitions of a field that hold anything. */
  parts(segment: Segment, field: number): readonly Part[];
  /** The whole segment counts as read: another was the same, or it has served its purpose. */
  taken(segment: Segment): void;
  /** A field that was read and is left out all the same in this message, and why. */
  leave(segment: Segment, field: number, reason: string): void;
  /** What was never read; `fields` counts the populated fields, and those of which something was read. */
  unread(reasons: Reasons): {
    readonly unmapped: readonly Unmapped[];
    readonly fields: { readonly populated: number; readonly mapped: number };
  };
}

/** More are no field but a bomb. A waveform of a minute has 30,000 samples. */
const MOST_REPETITIONS = 10_000;
const MOST_COMPONENTS = 100_000;

const DEFAULT_REASON = 'the mapping has no place for it';

const said = (value: string | undefined): string | undefined => {
  const text = value?.trim();
  return text === undefined || text === '' || text === NULLED ? undefined : text;
};

const isPopulated = (raw: string): boolean => /[^~^&\s]/.test(raw) && raw !== NULLED;

/** Segments of the message read through it count as read, part by part. */
export function readingOf(message: Hl7Message): ReadMessage {
  const seen = new Set<string>();
  const wholly = new Set<number>();
  const reasonsHere = new Map<string, string>();
  const see = (segment: number, field: number, repetition: number, component: number) =>
    seen.add(`${segment}.${field}.${repetition}.${component}`);

  function watched(segment: Segment): Segment {
    const { index } = segment;
    const seeAll = (field: number, repetition: number) => {
      for (let c = segment.components(field, repetition); c > 0; c--) see(index, field, repetition, c);
    };
    return {
      ...segment,
      get(field, component = 1, subcomponent = 1, repetition = 1) {
        see(index, field, repetition, component);
        return segment.get(field, component, subcomponent, repetition);
      },
      whole(field, repetition = 1) {
        seeAll(field, repetition);
        return segment.whole(field, repetition);
      },
      raw(field) {
        for (let r = segment.repetitions(field); r > 0; r--) seeAll(field, r);
        return segment.raw(field);
      },
    };
  }

  const plain = message.segments;
  const segments = plain.map(watched);
  const mine = (segment: Segment) => segments[segment.index]!;
  const named = new Map<string, readonly Segment[]>();
  const all = (name: string) => {
    const known = named.get(name) ?? message.all(name).map(mine);
    named.set(name, known);
    return known;
  };
  const positions = new Map<number, number>();
  const counts = new Map<string, number>();
  for (const { name, index } of plain) {
    const position = counts.get(name) ?? 0;
    positions.set(index, position);
    counts.set(name, position + 1);
  }

  function partOf(segment: Segment, field: number, repetition: number): Part {
    return {
      get: (component) => said(segment.get(field, component, 1, repetition)),
      part: (component) => ({
        get: (subcomponent) => said(segment.get(field, component, subcomponent, repetition)),
        part: () => nothing,
        whole: () => said(segment.get(field, component, 1, repetition)),
      }),
      whole: () => said(segment.whole(field, repetition)),
    };
  }

  /** `OBX[3]`, or `PID` where there is one. */
  function nameOf(segment: Segment): string {
    const isOne = counts.get(segment.name) === 1;
    return isOne ? segment.name : `${segment.name}[${positions.get(segment.index)! + 1}]`;
  }

  return {
    ...message,
    segments,
    all,
    first: (name) => all(name)[0],
    groups: (name, until) =>
      message.groups(name, until).map(({ head, rest }) => ({ head: mine(head), rest: rest.map(mine) })),
    sentIn({ index }) {
      const one = plain[index]!;
      return Array.from({ length: Math.max(0, one.last - 1) }, (_, i) => one.raw(i + 2)).join('|');
    },
    position: ({ index }) => positions.get(index)!,
    isNulled(segment, field) {
      const isIt = plain[segment.index]!.raw(field) === NULLED;
      if (isIt) see(segment.index, field, 1, 1);
      return isIt;
    },
    parts(segment, field) {
      const one = plain[segment.index]!;
      const count = one.repetitions(field);
      if (count > MOST_REPETITIONS || (count > 0 && one.components(field) > MOST_COMPONENTS))
        throw problem(
          'too-long',
          `a field has more than ${MOST_REPETITIONS} repetitions or ${MOST_COMPONENTS} components`,
        );
      return Array.from({ length: count }, (_, i) => i + 1)
        .filter((repetition) => isPopulated(one.whole(field, repetition) ?? ''))
        .map((repetition) => partOf(segments[segment.index]!, field, repetition));
    },
    taken: (segment) => wholly.add(segment.index),
    leave(segment, field, reason) {
      reasonsHere.set(`${segment.index}.${field}`, reason);
      for (const { repetition, component } of partsOf(plain[segment.index]!, field))
        seen.delete(`${segment.index}.${field}.${repetition}.${component}`);
    },
    unread(reasons) {
      const unmapped: Unmapped[] = [];
      let populated = 0;
      let mapped = 0;
      for (const segment of plain) {
        for (let field = 1; field <= segment.last; field++) {
          if (!isPopulated(segment.raw(field)) && !(segment.name === 'MSH' && field === 1)) continue;
          populated += 1;
          if (wholly.has(segment.index)) {
            mapped += 1;
            continue;
          }
          const missed = partsOf(segment, field).filter(
            ({ repetition, component }) => !seen.has(`${segment.index}.${field}.${repetition}.${component}`),
          );
          const isUntouched = missed.length === partsOf(segment, field).length;
          if (!isUntouched) mapped += 1;
          const named = `${segment.name}-${field}`;
          const path = `${nameOf(segment)}-${field}`;
          const reasonOf = (component?: number) =>
            reasonsHere.get(`${segment.index}.${field}`) ??
            (component === undefined ? undefined : reasons[`${named}.${component}`]) ??
            reasons[named] ??
            reasons[segment.name] ??
            DEFAULT_REASON;
          if (isUntouched) unmapped.push({ path, reason: reasonOf() });
          else
            for (const { repetition, component } of missed) {
              const which = segment.repetitions(field) > 1 ? `(${repetition})` : '';
              unmapped.push({ path: `${path}${which}.${component}`, reason: reasonOf(component) });
            }
        }
      }
      return { unmapped, fields: { populated, mapped } };
    },
  };
}

/** The components that hold anything. */
function partsOf(segment: Segment, field: number): readonly { repetition: number; component: number }[] {
  const parts: { repetition: number; component: number }[] = [];
  for (let repetition = 1; repetition <= segment.repetitions(field); repetition++) {
    for (let component = 1; component <= segment.components(field, repetition); component++) {
      const count = Math.max(1, segment.subcomponents(field, component, repetition));
      const isThere = Array.from({ length: count }, (_, i) => segment.get(field, component, i + 1, repetition)).some(
        (value) => said(value) !== undefined,
      );
      if (isThere) parts.push({ repetition, component });
    }
  }
  return parts;
}

const nothing: Part = { get: () => undefined, part: () => nothing, whole: () => undefined };
