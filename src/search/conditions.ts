/** One search value of each parameter type as a criterion: prefixes, intervals, precision. https://hl7.org/fhir/R4/search.html#prefix */
import { canonical } from '../fhir/units.ts';
import { typeNamedBy } from './expression.ts';
import { isOf } from './implied-systems.ts';
import { type Interval, intervalOf } from './instants.ts';
import { cellsAround, isPlace } from './near.ts';
import type { Parameter } from './parameter.ts';
import { coded, quantityNames } from './quantities.ts';
import type { Bounds, Criterion, Ends } from './query.ts';
import { fold } from './values.ts';
import { splitEscaped, unescaped } from './words.ts';

/** What a value is read with. */
export interface Setting {
  /** Base URL of this server: absolute references below it are its own. */
  readonly base?: string;
  /** Milliseconds since 1970, for `ap` on dates; without it `ap` means overlap. */
  readonly now?: number;
  /** What the server's terminology says of values, by modifier and value: `in http://vs`, `above http://sys|code`. */
  readonly expansions?: ReadonlyMap<string, readonly { readonly system: string; readonly code: string }[]>;
}

/** Thrown for a value that its parameter cannot have; says why without the value. */
export class BadValue extends Error {}

const none: Criterion = { is: 'any', of: [] };
export const any = (of: readonly Criterion[]): Criterion => (of.length === 1 ? of[0]! : { is: 'any', of });

export const prefixes = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
export type Prefix = (typeof prefixes)[number];

function prefixed(value: string): [Prefix, string] {
  const prefix = value.slice(0, 2) as Prefix;
  return prefixes.includes(prefix) ? [prefix, value.slice(2)] : ['eq', value];
}

/** The criterion for one escaped value, without modifiers. */
export function condition(parameter: Parameter, value: string, setting: Setting): Criterion {
  switch (parameter.type) {
    case 'token':
      return token(parameter, value);
    case 'string':
      return { is: 'text', name: parameter.name, match: 'starts', value: fold(unescaped(value)) };
    case 'uri':
      return { is: 'key', name: parameter.name, first: unescaped(value), second: '' };
    case 'reference':
      return reference(parameter, unescaped(value), undefined, setting);
    case 'date':
      return dateRange(parameter.name, value, setting);
    case 'number':
      return number(parameter.name, value);
    case 'quantity':
      return quantity(parameter.name, value);
    case 'special':
      if (parameter.code === 'near') return near(parameter.name, value);
      throw new BadValue('has a meaning that this server does not know');
    default:
      throw new BadValue('has a type that cannot be searched');
  }
}

function token(parameter: Parameter, value: string): Criterion {
  const { name, plain, systems } = parameter;
  if (!plain) return systemAndCode(name, value);
  const { system, code } = readToken(value);
  if (system === undefined) return { is: 'key', name, first: code, second: '' };
  // The system is implied by the definition, so it is compared here and not in the index.
  if (system !== '') {
    if (systems.length === 0) throw new BadValue('has values without a system');
    if (code === '' && systems.includes(system)) throw new BadValue('takes a code with this system');
    const same = isOf(system, code, systems);
    if (same === undefined) throw new BadValue('takes a code without its system');
    if (!same) return none;
  } else if (systems.length > 0) return none;
  return { is: 'key', name, first: code, second: '' };
}

/** `code`, `system|code`, `|code` or `system|`, among entries that have both. */
export function systemAndCode(name: string, value: string): Criterion {
  const { system, code } = readToken(value);
  if (system === undefined) return { is: 'key', name, first: code, second: '' };
  return code === ''
    ? { is: 'key', name, first: `${system}|` }
    : { is: 'key', name, first: `${system}|`, second: code };
}

function readToken(value: string): { readonly system?: string; readonly code: string } {
  const [first, rest, ...more] = splitEscaped(value, '|');
  const code = unescaped(rest ?? first!);
  if (rest === undefined && code !== '') return { code };
  const system = unescaped(first!);
  if (more.length > 0 || (system === '' && code === '')) {
    throw new BadValue('takes `code`, `system|code`, `|code` or `system|`');
  }
  return { system, code };
}

/** More possible types than this and a bare id would be a guess. */
const mostTypesOfBareId = 20;

/** `1`, `Patient/1`, an absolute URL or a canonical; `modifier` is the type of `subject:Patient`. */
export function reference(
  parameter: Parameter,
  value: string,
  modifier: string | undefined,
  setting: Setting,
): Criterion {
  const { name, targets } = parameter;
  const only = modifier ?? parameter.only;
  const at = (target: string): Criterion => ({ is: 'reference', name, target });
  const literal = withoutVersion(belowBase(value, setting.base));
  if (literal.includes(':')) {
    return only !== undefined && typeNamedBy(literal) !== only ? none : at(literal); // an absolute URL, urn or canonical
  }
  const type = typeNamedBy(literal);
  if (type !== undefined && literal.split('/').length === 2)
    return only !== undefined && type !== only ? none : at(literal);
  if (!/^[A-Za-z0-9\-.]{1,64}$/.test(literal)) throw new BadValue('takes an id, `Type/id` or an absolute URL');
  const types = only === undefined ? targets : [only];
  if (types.length === 0 || types.length > mostTypesOfBareId)
    throw new BadValue('can lead to any type: say which, as `Type/id`');
  return any(types.map((target) => at(`${target}/${literal}`)));
}

const belowBase = (value: string, base: string | undefined): string =>
  base !== undefined && value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value;

const withoutVersion = (literal: string): string => literal.replace(/\/_history\/[^/]*$/, '');

/** A date of any precision with its prefix. */
export function dateRange(name: string, value: string, setting: Setting): Criterion {
  const [prefix, text] = prefixed(unescaped(value));
  const interval = intervalOf(text.replace(' ', '+')) ?? intervalOf(withMinutes(text));
  if (interval === undefined) throw new BadValue('takes a date: YYYY, YYYY-MM, YYYY-MM-DD or a date with time');
  if (prefix !== 'ap') return compare(name, prefix, { low: interval.low, high: interval.high });
  const middle = (interval.low + interval.high) / 2;
  const slack = setting.now === undefined ? 0 : Math.round(Math.abs(setting.now - middle) / 10);
  return compare(name, 'ap', { low: interval.low - slack, high: interval.high + slack });
}

/** `2026-11-24T10` is read as `2026-11-24T10:00`. */
const withMinutes = (text: string): string => (/T\d\d$/.test(text) ? `${text}:00` : text);

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
  const parts = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
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

function number(name: string, value: string): Criterion {
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

function quantity(name: string, value: string): Criterion {
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

/** What `near` means without a distance, in kilometres. */
const NEARBY = 20;

/** `latitude|longitude|distance|units`, the distance in kilometres where no unit of length is given. */
function near(name: string, value: string): Criterion {
  const [latitude, longitude, distance = '', units = '', ...more] = splitEscaped(value, '|').map(unescaped);
  const [north, eastward] = [decimalOf(latitude ?? '')?.value, decimalOf(longitude ?? '')?.value];
  if (north === undefined || eastward === undefined || !isPlace(north, eastward) || more.length > 0) {
    throw new BadValue('takes `latitude|longitude|distance|units` in degrees');
  }
  const kilometres = distance === '' ? NEARBY : kilometresOf(decimalOf(distance)?.value, units);
  if (kilometres === undefined || !(kilometres >= 0)) {
    throw new BadValue('takes a distance of at least 0 and a unit of length, such as km, m or [mi_us]');
  }
  return {
    is: 'near',
    name,
    latitude: north,
    longitude: eastward,
    kilometres,
    cells: cellsAround(north, eastward, kilometres),
  };
}

/** UCUM's units of length, those in brackets also without them. https://ucum.org */
function kilometresOf(distance: number | undefined, units: string): number | undefined {
  if (distance === undefined || units === '') return distance;
  const metres = canonical(distance, units) ?? canonical(distance, `[${units}]`);
  return metres?.code === 'm' ? metres.value / 1000 : undefined;
}
