/** Turns one value of a resource into the index entries of one search parameter. https://hl7.org/fhir/R4/search.html#ptypes */
import { calledBy } from './canonicals.ts';
import type { Gathering } from './gathering.ts';
import { type Interval, intervalOf, intervalOfPeriod, intervalOfTiming } from './instants.ts';
import { cellsAt, isPlace, latitudeOf, longitudeOf } from './near.ts';
import type { Parameter } from './parameter.ts';
import { type Place, typeNamedBy, type Visit } from './place.ts';
import { numberOr, openEnd, quantity } from './quantities.ts';
import type { KeyEntry } from './query.ts';

/** Lower case without accents, as strings are compared: ligatures and other forms of a letter as the letters, ß as ss. */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ς', 'σ');
}

/** Names of the entries that modifiers ask for, beside those of the parameter itself. */
export const beside = {
  /** Texts of a token. */
  text: (name: string): string => `${name}:text`,
  /** Type and value of an identifier. */
  ofType: (name: string): string => `${name}:of-type`,
  /** Identifiers of references; `only` of those that say they lead to this type. */
  identifier: (name: string, only?: string): string => `${name}:identifier${only === undefined ? '' : `:${only}`}`,
  /** References that name a version, whole. */
  version: (name: string): string => `${name}:version`,
  /** URIs with a slash at their end, as texts. */
  below: (name: string): string => `${name}:below`,
};

/**
 * Writes the values found at a place into `into()`; undefined where a parameter of this type has no use for them. `narrower`
 * are the types of those parameters that share the references of this one: `Patient` for a `subject`.
 */
export function sinkFor(
  parameter: Parameter,
  place: Place,
  into: () => Gathering,
  narrower: readonly string[] = [],
): Visit | undefined {
  const { name } = parameter;
  switch (parameter.type) {
    case 'token':
      return parameter.plain ? plainToken(name, place, into) : token(name, place, into);
    case 'reference':
      return reference(parameter, place, into, narrower);
    case 'string':
      return text(name, place, into);
    case 'uri':
      return uri(name, into);
    case 'date':
      return date(name, place, into);
    case 'number':
      return place.type === 'Range' ? rangeOfNumbers(name, into) : number(name, into);
    case 'quantity':
      return quantity(name, place, into);
    case 'special':
      return place.type === 'Location.position' ? position(name, into) : undefined;
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

/** A system and a code, as they are found by both, by the one and by the other. */
const pairInto =
  (name: string, into: () => Gathering) =>
  (system: unknown, code: unknown): void => {
    const { keys } = into();
    const from = typeof system === 'string' ? `${system}|` : '|';
    if (typeof code === 'string') keys.push(entry(name, from, code), entry(name, code, ''));
    else if (from !== '|') keys.push(entry(name, from, ''));
  };

function token(name: string, place: Place, into: () => Gathering): Visit | undefined {
  const pair = pairInto(name, into);
  const textName = beside.text(name);
  const words = (text: unknown): void => {
    if (typeof text === 'string' && text !== '') into().texts.push({ name: textName, folded: fold(text) });
  };
  switch (place.type) {
    case 'CodeableConcept':
      return ({ coding, text }) => {
        words(text);
        if (!Array.isArray(coding)) return;
        for (const one of coding) {
          if (!one) continue;
          pair(one.system, one.code);
          words(one.display);
        }
      };
    case 'Coding':
      return ({ system, code, display }) => {
        pair(system, code);
        words(display);
      };
    case 'Identifier':
      return identifier(name, into, words);
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

function identifier(name: string, into: () => Gathering, words: (text: unknown) => void): Visit {
  const pair = pairInto(name, into);
  const ofType = beside.ofType(name);
  return ({ system, value, type }) => {
    pair(system, value);
    if (!type) return;
    words(type.text);
    if (!Array.isArray(type.coding) || typeof value !== 'string') return;
    for (const coding of type.coding) {
      if (typeof coding?.code !== 'string') continue;
      const from = typeof coding.system === 'string' ? coding.system : '';
      into().keys.push(entry(ofType, `${from}|${coding.code}`, value));
    }
  };
}

/** A canonical with a version is found with and without it. */
function canonicals(canonical: string, push: (one: string) => void): void {
  push(canonical);
  const bar = canonical.indexOf('|');
  if (bar > 0) push(canonical.slice(0, bar));
}

function uri(name: string, into: () => Gathering): Visit {
  const push = (one: string) => into().keys.push(entry(name, one, ''));
  const below = beside.below(name);
  return (value) => {
    if (typeof value !== 'string') return;
    canonicals(value, push);
    into().texts.push({ name: below, folded: asFolder(value) });
  };
}

/** A URI without version, a slash at its end: what it begins with are the folders that it lies in. */
export const asFolder = (uri: string): string => `${uri.replace(/\|.*$/s, '').replace(/\/+$/, '')}/`;

const withoutVersion = (literal: string): string => {
  const history = literal.lastIndexOf('/_history/');
  return history < 0 ? literal : literal.slice(0, history);
};

/** The version that a literal reference names. */
export const versionIn = (literal: string): string | undefined =>
  literal.includes('/_history/') ? /\/_history\/([A-Za-z0-9\-.]{1,64})$/.exec(literal)?.[1] : undefined;

/** The type that a Reference leads to, as far as it says so itself. */
export const typeTold = ({ reference, type }: { reference?: unknown; type?: unknown }): string | undefined =>
  typeNamedBy(reference) ?? (typeof type === 'string' ? type : undefined);

function reference(
  { name, targets }: Parameter,
  place: Place,
  into: () => Gathering,
  narrower: readonly string[],
): Visit | undefined {
  const push = (target: string) => into().references.push({ name, target });
  const pushVersion = (literal: string) => {
    if (versionIn(literal) !== undefined) into().keys.push(entry(beside.version(name), literal, ''));
  };
  const identify = pairInto(beside.identifier(name), into);
  switch (place.type) {
    case 'Reference':
      return (value) => {
        const { reference: literal, identifier } = value;
        if (typeof literal === 'string' && !literal.startsWith('#')) {
          push(withoutVersion(literal));
          pushVersion(literal);
        }
        if (!identifier) return;
        identify(identifier.system, identifier.value);
        const told = typeTold(value);
        if (told === undefined || !narrower.includes(told)) return;
        pairInto(beside.identifier(name, told), into)(identifier.system, identifier.value);
      };
    case 'canonical':
    case 'uri':
      return (value) => {
        if (typeof value !== 'string') return;
        const called = calledBy(value);
        if (called !== undefined) into().references.push({ name, target: called, canonical: true });
        const written = called === undefined ? [value] : [value, called.slice(0, called.indexOf('|'))];
        for (const one of written) if (one !== called) push(one);
        pushVersion(value);
      };
    default:
      // A resource that stands there itself, as in a Bundle: found by its id, and no way to one that stands alone.
      return ({ resourceType, id }) =>
        targets.includes(resourceType) && id && into().keys.push(entry(name, `${resourceType}/${id}`, ''));
  }
}

function position(name: string, into: () => Gathering): Visit {
  return ({ latitude, longitude }) => {
    const { keys, ranges } = into();
    if (!isPlace(latitude, longitude)) return;
    for (const cell of cellsAt(latitude, longitude)) keys.push(entry(name, cell, ''));
    ranges.push({ name: latitudeOf(name), low: latitude, high: latitude });
    ranges.push({ name: longitudeOf(name), low: longitude, high: longitude });
  };
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
