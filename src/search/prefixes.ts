/** Dates, numbers and quantities as criteria: prefixes, intervals, precision. https://hl7.org/fhir/R4/search.html#prefix */
import { canonical } from '../fhir/units.ts';
import { splitEscaped, unescaped } from './escapes.ts';
import { type Interval, intervalOf } from './instants.ts';
import { coded, quantityNames } from './quantities.ts';
import { any, type Bounds, type Criterion, type Ends } from './query.ts';
import { BadValue } from './refusals.ts';
import type { Setting } from './setting.ts';

const prefixes = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
type Prefix = (typeof prefixes)[number];

function prefixed(value: string): [Prefix, string] {
  const prefix = value.slice(0, 2) as Prefix;
  return prefixes.includes(prefix) ? [prefix, value.slice(2)] : ['eq', value];
}

/** A date of any precision with its prefix. */
export function dateRange(name: string, value: string, setting: Setting): Criterion {
  const [prefix, text] = prefixed(unescaped(value));
  const interval = intervalOf(text.replace(' ', '+'));
  if (interval === undefined)
    throw new BadValue('takes a date: YYYY, YYYY-MM, YYYY-MM-DD or a date with hours and minutes');
  if (prefix !== 'ap') return compare(name, prefix, { low: interval.low, high: interval.high });
  const middle = (interval.low + interval.high) / 2;
  const slack = setting.now === undefined ? 0 : Math.round(Math.abs(setting.now - middle) / 10);
  return compare(name, 'ap', { low: interval.low - slack, high: interval.high + slack });
}

/** Whole milliseconds: both ends of the value are inclusive. */
function compare(name: string, prefix: Prefix, { low, high }: Interval): Criterion {
  const range = (lowBounds?: Bounds, highBounds?: Bounds, except?: Ends): Criterion => ({
    is: 'range',
    name,
    ...(lowBounds && { low: lowBounds }),
    ...(highBounds && { high: highBounds }),
    // When a resource was last written is one instant: it crosses no edge.
    ...(except && !name.endsWith('._lastUpdated') && { except: [except] }),
  });
  switch (prefix) {
    case 'eq':
      return range({ atLeast: low }, { atMost: high });
    case 'ne':
      return any([range({ below: low }), range(undefined, { above: high })]);
    case 'gt':
      return range(undefined, { above: high });
    case 'lt':
      return range({ below: low });
    // Contained or beyond: not what begins before the value and ends in it,
    case 'ge':
      return range(undefined, { atLeast: low }, { low: { below: low }, high: { atMost: high } });
    // nor what begins in the value and ends after it.
    case 'le':
      return range({ atMost: high }, undefined, { low: { atLeast: low }, high: { above: high } });
    case 'sa':
      return range({ above: high });
    case 'eb':
      return range(undefined, { below: low });
    case 'ap':
      return range({ atMost: high }, { atLeast: low });
  }
}

/** A decimal with what its last digit leaves open: 5.4 is anything from 5.35 up to, but not including, 5.45. */
interface Decimal {
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/** Reads a decimal exactly; undefined when it is none. https://hl7.org/fhir/R4/search.html#number */
export function decimalOf(text: string): Decimal | undefined {
  const parts = /^([+-]?)(0|[1-9]\d{0,39})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction = '', exponent] = parts;
  // R4 reads 1e2 as [95, 105), one digit finer than its only digit leaves open. Of 5.40e-3 it says 0.0054 ± 0.00005, as if
  // the last digit were not there; later releases say ± 0.000005, which are its digits, and so it is read here.
  const finer = exponent !== undefined && whole!.length === 1 && fraction === '' ? 2 : 1;
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`) * 10n ** BigInt(finer);
  const power = Number(exponent ?? 0) - fraction.length - finer;
  const [value, from, to] = [Number(text), Number(`${digits - 5n}e${power}`), Number(`${digits + 5n}e${power}`)];
  return [value, from, to].every(Number.isFinite) ? { value, from, to } : undefined;
}

export function number(name: string, value: string): Criterion {
  const [prefix, text] = prefixed(unescaped(value));
  const decimal = decimalOf(text);
  if (decimal === undefined) throw new BadValue('takes a number');
  return measure(name, prefix, decimal);
}

function measure(name: string, prefix: Prefix, { value, from, to }: Decimal): Criterion {
  switch (prefix) {
    case 'eq':
      return { is: 'range', name, low: { atLeast: from }, high: { below: to } };
    case 'ne':
      return any([
        { is: 'range', name, low: { below: from } },
        { is: 'range', name, high: { atLeast: to } },
      ]);
    case 'ap': {
      // Not by the wider of two distances: adding it again would not give the same double.
      const slack = Math.abs(value) / 10;
      return compare(name, 'ap', { low: Math.min(from, value - slack), high: Math.max(to, value + slack) });
    }
    default:
      return compare(name, prefix, { low: value, high: value }); // the other prefixes ignore precision
  }
}

/** The same, of entries that are found along those of the bare number. */
function along(name: string, criterion: Criterion): Criterion {
  if (criterion.is === 'any') return { is: 'any', of: criterion.of.map((part) => along(name, part)) };
  return criterion.is === 'range' ? { ...criterion, along: name } : criterion;
}

export function quantity(name: string, value: string): Criterion {
  const parts = splitEscaped(value, '|').map(unescaped);
  const [prefix, text] = prefixed(parts[0]!);
  const decimal = decimalOf(text);
  if (decimal === undefined || (parts.length !== 1 && parts.length !== 3)) {
    throw new BadValue('takes `number`, `number|system|code` or `number||code`');
  }
  const [, system = '', code = ''] = parts;
  if (code === '' && system !== '') throw new BadValue('takes a code with this system');
  if (code === '') return measure(name, prefix, decimal);
  if (system === '') return along(name, measure(quantityNames.unit(name, code), prefix, decimal));
  const inUnit = coded(name, system, code, decimal.value, decimal.value);
  if (inUnit.along !== undefined) return along(name, measure(inUnit.name, prefix, decimal));
  const converted = (amount: number): number => canonical(amount, code)!.value;
  if (prefix === 'ap') {
    const slack = Math.abs(decimal.value) / 10;
    return compare(inUnit.name, 'ap', {
      low: converted(Math.min(decimal.from, decimal.value - slack)),
      high: converted(Math.max(decimal.to, decimal.value + slack)),
    });
  }
  return measure(inUnit.name, prefix, {
    value: inUnit.low,
    from: converted(decimal.from),
    to: converted(decimal.to),
  });
}
