/** Intervals in which readings were expected and none came: told by the readings around them, forgotten when a late one fills them. docs/feeds.md */
import type { Cadence } from './document.ts';
import type { KeptGap } from './state.ts';

const mostMarks = 100;
const mostGaps = 500;
/** With fewer intervals nobody knows how often a device sends. */
const fewest = 4;

/** Times of both, rising, each once. */
export const marksOf = (marks: readonly number[] = [], more: Iterable<number>): readonly number[] =>
  [...new Set([...marks, ...more])].sort((a, b) => a - b);

/** The newest of them, to be kept. */
export const marksAfter = (marks: readonly number[] | undefined, more: Iterable<number>): readonly number[] =>
  marksOf(marks, more).slice(-mostMarks);

/** A device that sends more seldom than its maker's document says is measured by its own habit: the median of its intervals. */
export function gapsAfter(
  gaps: readonly KeptGap[],
  kind: string,
  marks: readonly number[],
  { everyMinutes, missingAfterMinutes }: Cadence,
): readonly KeptGap[] {
  const intervals = marks.slice(1).map((instant, at) => instant - marks[at]!);
  if (intervals.length < fewest) return gaps;
  const median = [...intervals].sort((a, b) => a - b)[Math.floor((intervals.length - 1) / 2)]!;
  const longest = Math.max(missingAfterMinutes * 60_000, median * (missingAfterMinutes / everyMinutes));
  const found = intervals.flatMap((interval, at): KeptGap[] =>
    interval > longest ? [{ kind, from: marks[at]!, to: marks[at + 1]! }] : [],
  );
  // What lies before the marks is no longer judged.
  const before = gaps.filter((gap) => gap.kind === kind && gap.to <= marks[0]!);
  const others = gaps.filter((gap) => gap.kind !== kind);
  return [...others, ...before, ...found].slice(-mostGaps);
}
