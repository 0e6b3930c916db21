/** Readings of one device that bear the same time: in turns where each stands for itself, as one where all go in together. */
import { type Problem, problem } from '../fhir/outcome.ts';
import { difference, mergeSent, type Parsed } from './mapping.ts';

/** The places of readings in a list, in turns within which no time comes twice; every turn in order of time. */
export function turnsOf(readings: readonly Parsed[]): readonly (readonly number[])[] {
  const turns: number[][] = [];
  const times = new Map<number, number>();
  for (const [i, { instant }] of readings.entries()) {
    const turn = times.get(instant) ?? 0;
    times.set(instant, turn + 1);
    const places = turns[turn] ?? [];
    turns[turn] = places;
    places.push(i);
  }
  return turns.map((places) => places.sort((a, b) => readings[a]!.instant - readings[b]!.instant));
}

/** Several readings of one time as one; a Problem where a later one says something else than one before it. */
export function joined(readings: readonly Parsed[]): Parsed | Problem {
  const [first, ...others] = readings;
  const sent = new Map(first!.sent);
  for (const other of others) {
    for (const [name, now] of other.sent) {
      const was = sent.get(name);
      const both = mergeSent(was, now);
      if (was && difference(was, both) === 'changed')
        return problem('business-rule', 'Another reading of the same time has another value', { status: 422 });
      sent.set(name, both);
    }
  }
  return { ...first!, sent };
}
