/** What is asked of intervals: whether one fulfils it, and several conditions on one as one. https://hl7.org/fhir/R4/search.html#date */
import type { Bounds, Criterion, Ends } from './query.ts';

export type Range = Extract<Criterion, { is: 'range' }>;

/** Whether an interval is as a criterion asks. */
export const lies = (from: number, to: number, { low, high, except }: Ends & { except?: readonly Ends[] }): boolean =>
  within(from, low) && within(to, high) && !except?.some((one) => within(from, one.low) && within(to, one.high));

/** Whether a number keeps to all bounds that are given. */
function within(value: number, bounds: Bounds | undefined): boolean {
  if (bounds === undefined) return true;
  const { atLeast, above, atMost, below } = bounds;
  return (
    (atLeast === undefined || value >= atLeast) &&
    (above === undefined || value > above) &&
    (atMost === undefined || value <= atMost) &&
    (below === undefined || value < below)
  );
}

/** Several conditions that must hold for the same interval, in one. */
export function allOf(name: string, conditions: readonly Range[]): Range {
  let low: Bounds | undefined;
  let high: Bounds | undefined;
  const except = conditions.flatMap((condition) => condition.except ?? []);
  for (const condition of conditions) {
    low = bothBounds(low, condition.low);
    high = bothBounds(high, condition.high);
  }
  return { is: 'range', name, ...(low && { low }), ...(high && { high }), ...(except.length > 0 && { except }) };
}

/** The bounds of two conditions on the same interval. */
function bothBounds(one: Bounds | undefined, other: Bounds | undefined): Bounds | undefined {
  if (!one || !other) return one ?? other;
  return {
    ...tighter('atLeast', Math.max, one, other),
    ...tighter('above', Math.max, one, other),
    ...tighter('atMost', Math.min, one, other),
    ...tighter('below', Math.min, one, other),
  };
}

function tighter(bound: keyof Bounds, choose: (a: number, b: number) => number, one: Bounds, other: Bounds): Bounds {
  const [first, second] = [one[bound], other[bound]];
  if (first === undefined && second === undefined) return {};
  return { [bound]: first === undefined ? second : second === undefined ? first : choose(first, second) };
}
