/** Amounts as intervals, each under one name for every form that it is asked in. https://hl7.org/fhir/R4/search.html#quantity */
import { canonical } from '../fhir/units.ts';
import type { Gathering } from './gathering.ts';
import type { Place, Visit } from './place.ts';
import type { RangeEntry } from './query.ts';

/** The system of units of measure. https://ucum.org */
const ucumSystem = 'http://unitsofmeasure.org';
const currencySystem = 'urn:iso:std:iso:4217';

/** Largest double: the open end of a quantity such as `<5`. */
export const openEnd = Number.MAX_VALUE;

/**
 * The names that an amount stands under, one for each form of a search value: `5.4` (the name itself), `5.4|system|code`
 * and `5.4||code` (code or unit). An amount with a known UCUM code stands in canonical units instead of its own. The others are
 * found along the first: an index with a place for each would cost as much as all other entries of a vital sign.
 */
export const quantityNames = {
  canonical: (name: string, unit: string) => `${name}~${unit}`,
  coded: (name: string, system: string, code: string) => `${name}|${system}|${code}`,
  unit: (name: string, unit: string) => `${name}||${unit}`,
};

/** Writes the amounts found at a place into `into()`; undefined where none can be. */
export function quantity(name: string, place: Place, into: () => Gathering): Visit | undefined {
  if (place.type === 'SampledData') return undefined; // a curve has no one value
  if (place.type === 'Range') {
    return ({ low, high }) => {
      const [from, to] = [numberOr(low?.value, -openEnd), numberOr(high?.value, openEnd)];
      if (low || high) amounts(name, low ?? high, from, to, into());
    };
  }
  if (place.type === 'Money') {
    return ({ value, currency }) =>
      typeof value === 'number' && amounts(name, { system: currencySystem, code: currency }, value, value, into());
  }
  return (quantity) => {
    const { value, comparator } = quantity;
    if (typeof value !== 'number') return;
    const low = comparator === '<' || comparator === '<=' ? -openEnd : value;
    const high = comparator === '>' || comparator === '>=' ? openEnd : value;
    amounts(name, quantity, low, high, into());
  };
}

export const numberOr = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);

function amounts(
  name: string,
  { system, code, unit, comparator }: { system?: unknown; code?: unknown; unit?: unknown; comparator?: unknown },
  low: number,
  high: number,
  { ranges }: Gathering,
): void {
  const add = (entry: RangeEntry) => ranges.push(leftOut(comparator, entry));
  add({ name, low, high });
  if (typeof code === 'string') {
    add({ name: quantityNames.unit(name, code), low, high, along: name });
    if (typeof system === 'string') add(coded(name, system, code, low, high));
  }
  if (typeof unit === 'string' && unit !== code) {
    add({ name: quantityNames.unit(name, unit), low, high, along: name });
  }
}

/** `<5` and `>5` leave out 5 itself. */
function leftOut(comparator: unknown, entry: RangeEntry): RangeEntry {
  if (comparator === '<') return { ...entry, high: finite(nextTo(entry.high, -1)) };
  return comparator === '>' ? { ...entry, low: finite(nextTo(entry.low, 1)) } : entry;
}

const bits = new DataView(new ArrayBuffer(8));

/** The nearest double above or below. */
function nextTo(value: number, side: 1 | -1): number {
  if (value === 0) return side * Number.MIN_VALUE;
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + BigInt(value > 0 ? side : -side));
  return bits.getFloat64(0);
}

/** An amount with system and code: in canonical units where the code is UCUM, else as it stands. */
export function coded(name: string, system: string, code: string, low: number, high: number): RangeEntry {
  const from = system === ucumSystem ? canonical(low, code) : undefined;
  if (from === undefined) return { name: quantityNames.coded(name, system, code), low, high, along: name };
  const to = low === high ? from : canonical(high, code)!;
  return {
    name: quantityNames.canonical(name, from.code),
    low: low === -openEnd ? low : finite(from.value),
    high: high === openEnd ? high : finite(to.value),
  };
}

const finite = (value: number): number => Math.max(-openEnd, Math.min(openEnd, value));
