/** Dates, decimals and amounts as the specification compares them, in exact arithmetic. https://hl7.org/fhir/R4/search.html#prefix */

/** From `from` up to, but not including, `to`: milliseconds since 1970. An open end is infinite. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a written date stands for: the whole year, month, day, minute, second or thousandth that it names. */
export function spanOf(text: string): Span {
  const parts =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/.exec(text);
  if (parts === null) throw new Error('the oracle cannot read this date');
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const [y, m, d] = [Number(year), Number(month ?? 1) - 1, Number(day ?? 1)];
  if (month === undefined) return { from: Date.UTC(y, 0, 1), to: Date.UTC(y + 1, 0, 1) };
  if (day === undefined) return { from: Date.UTC(y, m, 1), to: Date.UTC(y, m + 1, 1) };
  if (hour === undefined) return { from: Date.UTC(y, m, d), to: Date.UTC(y, m, d + 1) };
  const away =
    zone === undefined || zone === 'Z'
      ? 0
      : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * 60_000;
  const thousandths = fraction === undefined ? 0 : Number(fraction.padEnd(3, '0'));
  const from = Date.UTC(y, m, d, Number(hour), Number(minute), Number(second ?? 0), thousandths) - away;
  const length = second === undefined ? 60_000 : fraction === undefined ? 1000 : 10 ** (3 - fraction.length);
  return { from, to: from + length };
}

export const spanOfPeriod = ({ start, end }: { start?: string; end?: string }): Span => ({
  from: start === undefined ? -Infinity : spanOf(start).from,
  to: end === undefined ? Infinity : spanOf(end).to,
});

/** Only the outer limits of a Timing matter. */
export function spansOfTiming(timing: any): Span[] {
  const spans: Span[] = (timing.event ?? []).map(spanOf);
  if (timing.repeat?.boundsPeriod) spans.push(spanOfPeriod(timing.repeat.boundsPeriod));
  if (spans.length === 0) return [];
  return [{ from: Math.min(...spans.map((one) => one.from)), to: Math.max(...spans.map((one) => one.to)) }];
}

/** `ge` and `le`: the range above or below the value intersects with the target, or the value fully contains the target. */
export function spanHolds(prefix: string, target: Span, value: Span): boolean {
  const contained = value.from <= target.from && target.to <= value.to;
  const overlaps = target.from < value.to && value.from < target.to;
  switch (prefix) {
    case 'eq':
      return contained;
    case 'ne':
      return !contained;
    case 'gt':
      return target.to > value.to;
    case 'lt':
      return target.from < value.from;
    case 'ge':
      return target.to > value.to || contained;
    case 'le':
      return target.from < value.from || contained;
    case 'sa':
      return target.from >= value.to;
    case 'eb':
      return target.to <= value.from;
    case 'ap':
      return overlaps;
    default:
      throw new Error('no such prefix');
  }
}

/** An exact fraction; the lower part is positive. */
export interface Fraction {
  readonly upper: bigint;
  readonly lower: bigint;
}

export const fraction = (upper: bigint, lower: bigint): Fraction => ({ upper, lower });
export const times = (a: Fraction, b: Fraction): Fraction => fraction(a.upper * b.upper, a.lower * b.lower);
const plus = (a: Fraction, b: Fraction): Fraction => fraction(a.upper * b.lower + b.upper * a.lower, a.lower * b.lower);
const negative = (a: Fraction): Fraction => fraction(-a.upper, a.lower);
const size = (a: Fraction): Fraction => (a.upper < 0n ? negative(a) : a);
/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compared(a: Fraction, b: Fraction): number {
  const difference = a.upper * b.lower - b.upper * a.lower;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export interface Decimal {
  readonly exact: Fraction;
  /** Half a unit of its last significant digit. */
  readonly half: Fraction;
}

/** Reads a decimal; with an exponent its digits are those written before the `e`. */
export function decimalOf(text: string): Decimal {
  const parts = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) throw new Error('the oracle cannot read this number');
  const [, sign, whole, behind = '', exponent] = parts;
  const digits = BigInt(whole! + behind) * (sign === '-' ? -1n : 1n);
  const power = Number(exponent ?? 0) - behind.length;
  const unit = power < 0 ? fraction(1n, 10n ** BigInt(-power)) : fraction(10n ** BigInt(power), 1n);
  // The specification reads 1e2 as [95, 105), though its one digit would leave [50, 150) open.
  const last = exponent !== undefined && (whole! + behind).length === 1 ? times(unit, fraction(1n, 10n)) : unit;
  return { exact: times(fraction(digits, 1n), unit), half: times(last, fraction(1n, 2n)) };
}

/** A number of a resource is a point; `least` and `most` are left out where a comparator opens that end. */
export interface Measure {
  readonly least?: Fraction;
  readonly most?: Fraction;
  /** The number itself is no part of the amount, as with `<` and `>`. */
  readonly without?: boolean;
}

/** Whether an amount fulfils prefix and value; `into` brings what the value says into the units of the amount. */
export function measureHolds(
  prefix: string,
  { least, most, without = false }: Measure,
  value: Decimal,
  into: (amount: Fraction) => Fraction = (amount) => amount,
): boolean {
  const point = into(value.exact);
  const edge = (distance: Fraction): Fraction => into(plus(value.exact, distance));
  const reaches = (end: Fraction | undefined, holds: (end: Fraction) => boolean): boolean =>
    end === undefined || holds(end);
  // A value without width contains nothing but itself.
  const isPoint =
    least !== undefined && most !== undefined && compared(least, point) === 0 && compared(most, point) === 0;
  switch (prefix) {
    case 'eq':
    case 'ne': {
      const [from, to] = [edge(negative(value.half)), edge(value.half)];
      const contained =
        least !== undefined && most !== undefined && compared(least, from) >= 0 && compared(most, to) < 0;
      return contained === (prefix === 'eq');
    }
    case 'gt':
      return reaches(most, (end) => compared(end, point) > 0);
    case 'lt':
      return reaches(least, (end) => compared(end, point) < 0);
    case 'ge':
      return isPoint || reaches(most, (end) => compared(end, point) > 0);
    case 'le':
      return isPoint || reaches(least, (end) => compared(end, point) < 0);
    case 'sa':
      return least !== undefined && compared(least, point) > (without ? -1 : 0);
    case 'eb':
      return most !== undefined && compared(most, point) < (without ? 1 : 0);
    case 'ap': {
      const tenth = size(times(value.exact, fraction(1n, 10n)));
      const slack = compared(tenth, value.half) > 0 ? tenth : value.half;
      const [from, to] = [edge(negative(slack)), edge(slack)];
      return (
        reaches(most, (end) => compared(end, from) > (without ? 0 : -1)) &&
        reaches(least, (end) => compared(end, to) < (without ? 0 : 1))
      );
    }
    default:
      throw new Error('no such prefix');
  }
}

/** What one of a UCUM unit is in the unit that all of its kind are compared in. */
const ucum: Readonly<Record<string, readonly [kind: string, factor: Fraction]>> = {
  ug: ['mass', fraction(1n, 1_000_000n)],
  mg: ['mass', fraction(1n, 1000n)],
  g: ['mass', fraction(1n, 1n)],
  kg: ['mass', fraction(1000n, 1n)],
  'mm[Hg]': ['pressure', fraction(133_322n, 1_000_000n)],
  kPa: ['pressure', fraction(1n, 1n)],
  Pa: ['pressure', fraction(1n, 1000n)],
  Cel: ['temperature', fraction(1n, 1n)],
  '/min': ['rate', fraction(1n, 1n)],
  '/h': ['rate', fraction(1n, 60n)],
  min: ['time', fraction(1n, 60n)],
  h: ['time', fraction(1n, 1n)],
  d: ['time', fraction(24n, 1n)],
  a: ['time', fraction(8766n, 1n)],
};

/** The amount of a Quantity in a unit of its kind; undefined for a unit that is not UCUM or not of this table. */
export function canonicalUnit(system: string, code: string): { kind: string; factor: Fraction } | undefined {
  const known = system === 'http://unitsofmeasure.org' ? ucum[code] : undefined;
  return known && { kind: known[0], factor: known[1] };
}

export function measureOf({ value, comparator }: { value: number; comparator?: string }): Measure {
  const { exact } = decimalOf(String(value));
  return {
    without: comparator === '<' || comparator === '>',
    ...(comparator === '<' || comparator === '<=' ? {} : { least: exact }),
    ...(comparator === '>' || comparator === '>=' ? {} : { most: exact }),
  };
}
