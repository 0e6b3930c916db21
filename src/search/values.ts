/** Turns one value of a resource into the index entries of one search parameter. https://hl7.org/fhir/R4/search.html#ptypes */
import { canonical } from '../fhir/units.ts';
import type { Place, Visit } from './expression.ts';
import { type Interval, intervalOf, intervalOfPeriod, intervalOfTiming } from './instants.ts';
import type { Parameter } from './parameters.ts';
import type { GroupEntry, KeyEntry, RangeEntry, ReferenceEntry, TextEntry, WordEntry } from './query.ts';

/** Entries that are being gathered for one resource. */
export interface Gathering {
  keys: KeyEntry[];
  references: ReferenceEntry[];
  ranges: RangeEntry[];
  texts: TextEntry[];
  words: WordEntry[];
  groups: GroupEntry[];
}

export const emptyGathering = (): Gathering => ({
  keys: [],
  references: [],
  ranges: [],
  texts: [],
  words: [],
  groups: [],
});

/** The system of units of measure. https://ucum.org */
export const ucumSystem = 'http://unitsofmeasure.org';
const currencySystem = 'urn:iso:std:iso:4217';

/** Largest double: the open end of a quantity such as `<5`. */
const openEnd = Number.MAX_VALUE;

/** Lower case without accents, as strings are compared. */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
}

/** Writes the values found at a place into `into()`; undefined where a parameter of this type has no use for them. */
export function sinkFor(parameter: Parameter, place: Place, into: () => Gathering): Visit | undefined {
  const { name } = parameter;
  switch (parameter.type) {
    case 'token':
      return parameter.plain ? plainToken(name, place, into) : token(name, place, into);
    case 'reference':
      return reference(parameter, place, into);
    case 'string':
      return text(name, place, into);
    case 'uri':
      return (value) => typeof value === 'string' && canonicals(value, (one) => into().keys.push(entry(name, one, '')));
    case 'date':
      return date(name, place, into);
    case 'number':
      return place.type === 'Range' ? rangeOfNumbers(name, into) : number(name, into);
    case 'quantity':
      return quantity(name, place, into);
    default:
      return undefined;
  }
}

const entry = (name: string, first: string, second: string): KeyEntry => ({ name, first, second });

function plainToken(name: string, place: Place, into: () => Gathering): Visit {
  const push = (code: unknown): void => {
    if (typeof code === 'string' || typeof code === 'boolean') into().keys.push(entry(name, String(code), ''));
  };
  return place.type === 'ContactPoint' ? (value) => push(value.value) : push;
}

function token(name: string, place: Place, into: () => Gathering): Visit | undefined {
  const pair = (system: unknown, code: unknown): void => {
    const { keys } = into();
    const from = typeof system === 'string' ? `${system}|` : '|';
    if (typeof code === 'string') keys.push(entry(name, from, code), entry(name, code, ''));
    else if (from !== '|') keys.push(entry(name, from, ''));
  };
  switch (place.type) {
    case 'CodeableConcept':
      return (concept) => {
        if (Array.isArray(concept.coding))
          for (const coding of concept.coding) if (coding) pair(coding.system, coding.code);
      };
    case 'Coding':
      return (coding) => pair(coding.system, coding.code);
    case 'Identifier':
      return (identifier) => pair(identifier.system, identifier.value);
    case 'ContactPoint':
      return (contact) => pair(undefined, contact.value);
    case 'code': {
      const system = place.about.length === 1 ? place.about[0] : undefined;
      return (code) => pair(system, code);
    }
    case 'boolean':
    case 'string':
    case 'id':
    case 'uri':
    case 'canonical':
      return (value) => pair(undefined, String(value));
    default:
      return undefined;
  }
}

/** A canonical with a version is found with and without it. */
function canonicals(canonical: string, push: (one: string) => void): void {
  push(canonical);
  const bar = canonical.indexOf('|');
  if (bar > 0) push(canonical.slice(0, bar));
}

const withoutVersion = (literal: string): string => {
  const history = literal.lastIndexOf('/_history/');
  return history < 0 ? literal : literal.slice(0, history);
};

function reference({ name, targets }: Parameter, place: Place, into: () => Gathering): Visit | undefined {
  const push = (target: string) => into().references.push({ name, target });
  switch (place.type) {
    case 'Reference':
      return ({ reference: literal }) => {
        if (typeof literal === 'string' && !literal.startsWith('#')) push(withoutVersion(literal));
      };
    case 'canonical':
    case 'uri':
      return (value) => typeof value === 'string' && canonicals(value, push);
    default:
      // A resource that stands there itself, as in a Bundle.
      return ({ resourceType, id }) => targets.includes(resourceType) && id && push(`${resourceType}/${id}`);
  }
}

const partsOfStrings: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['family', 'given', 'prefix', 'suffix', 'text'],
  Address: ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'],
};

function text(name: string, place: Place, into: () => Gathering): Visit | undefined {
  const push = (original: unknown): void => {
    if (typeof original === 'string' && original !== '') into().texts.push({ name, folded: fold(original), original });
  };
  const parts = partsOfStrings[place.type];
  if (parts === undefined) return push;
  return (value) => {
    for (const part of parts) {
      const held = value[part];
      if (Array.isArray(held)) held.forEach(push);
      else push(held);
    }
  };
}

const intervals: Readonly<Record<string, (value: any) => Interval | undefined>> = {
  date: intervalOf,
  dateTime: intervalOf,
  instant: intervalOf,
  Period: intervalOfPeriod,
  Timing: intervalOfTiming,
};

function date(name: string, place: Place, into: () => Gathering): Visit | undefined {
  const interval = intervals[place.type];
  if (interval === undefined) return undefined; // "last summer" is a string, "at 40" an Age
  return (value) => {
    const covered = interval(value);
    if (covered) into().ranges.push({ name, low: covered.low, high: covered.high });
  };
}

const number =
  (name: string, into: () => Gathering): Visit =>
  (value) =>
    typeof value === 'number' && into().ranges.push({ name, low: value, high: value });

const rangeOfNumbers =
  (name: string, into: () => Gathering): Visit =>
  ({ low, high }) =>
    into().ranges.push({ name, low: numberOr(low?.value, -openEnd), high: numberOr(high?.value, openEnd) });

/**
 * The names that an amount stands under, one for each form of a search value: `5.4` (the name itself), `5.4|system|code`
 * and `5.4||code` (code or unit). An amount with a known UCUM code stands in canonical units instead of its own.
 */
export const quantityNames = {
  canonical: (name: string, unit: string) => `${name}~${unit}`,
  coded: (name: string, system: string, code: string) => `${name}|${system}|${code}`,
  unit: (name: string, unit: string) => `${name}||${unit}`,
};

function quantity(name: string, place: Place, into: () => Gathering): Visit | undefined {
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

const numberOr = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);

function amounts(
  name: string,
  { system, code, unit }: { system?: unknown; code?: unknown; unit?: unknown },
  low: number,
  high: number,
  { ranges }: Gathering,
): void {
  ranges.push({ name, low, high });
  if (typeof code === 'string') {
    ranges.push({ name: quantityNames.unit(name, code), low, high });
    if (typeof system === 'string') ranges.push(coded(name, system, code, low, high));
  }
  if (typeof unit === 'string' && unit !== code) ranges.push({ name: quantityNames.unit(name, unit), low, high });
}

/** An amount with system and code: in canonical units where the code is UCUM, else as it stands. */
export function coded(name: string, system: string, code: string, low: number, high: number): RangeEntry {
  const from = system === ucumSystem ? canonical(low, code) : undefined;
  if (from === undefined) return { name: quantityNames.coded(name, system, code), low, high };
  const to = low === high ? from : canonical(high, code)!;
  return {
    name: quantityNames.canonical(name, from.code),
    low: low === -openEnd ? low : finite(from.value),
    high: high === openEnd ? high : finite(to.value),
  };
}

const finite = (value: number): number => Math.max(-openEnd, Math.min(openEnd, value));
