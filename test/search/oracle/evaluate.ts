/** A search held against resources in memory, the slow and obvious way, from the words of the specification. https://hl7.org/fhir/R4/search.html */
import { filterHolds } from './filter.ts';
import { type Kind, type Parameter, parameters, type Token } from './parameters.ts';
import {
  canonicalUnit,
  decimalOf,
  fraction,
  measureHolds,
  measureOf,
  type Span,
  spanHolds,
  spanOf,
  times,
} from './spans.ts';

/** All resources, and how the server calls itself. */
export interface World {
  readonly resources: readonly any[];
  readonly byKey: ReadonlyMap<string, any>;
  /** Base URL of the server: absolute references below it are its own. */
  readonly base: string;
  readonly now: number;
  /** What part of the distance to now `ap` allows; the specification only recommends a tenth. */
  readonly slack: number;
}

export const keyOf = (resource: any): string => `${resource.resourceType}/${resource.id}`;

export const worldOf = (resources: readonly any[], base: string, now: number): World => ({
  resources,
  byKey: new Map(resources.map((one) => [keyOf(one), one])),
  base,
  now,
  slack: 0.1,
});

/** Splits at every separator that no backslash stands before. */
export function split(text: string, separator: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === separator) parts.push('');
    else parts.push(parts.pop() + (text[at] === '\\' ? text.slice(at, ++at + 1) : text[at]!));
  }
  return parts;
}

const plainText = (text: string): string => text.replace(/\\(.)/gs, '$1');

/** Case and accents do not count, nor whether letters are joined; capitals have no ß and no ς. */
export const folded = (text: string): string =>
  [...text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '')].map((one) => one.toUpperCase().toLowerCase()).join('');

/** The parameters of a query string, in order. */
export const asked = (query: string): [name: string, value: string][] =>
  query.split('&').map((part) => {
    const at = part.indexOf('=');
    return [decodeURIComponent(part.slice(0, at)), decodeURIComponent(part.slice(at + 1))];
  });

const shaping = /^_(sort|count|total|include|revinclude|summary)(:|$)/;

/** The resources of the type, or of the types between commas, that fulfil all conditions of the query. */
export function evaluate(world: World, type: string, query: string): any[] {
  const conditions = asked(query).filter(([name]) => !shaping.test(name));
  return world.resources.filter(
    (one) =>
      type.split(',').includes(one.resourceType) && conditions.every(([name, value]) => holds(world, one, name, value)),
  );
}

/** Whether the resource fulfils one `name=value`; the name may be a chain, a `_has` or carry a modifier. */
export function holds(world: World, resource: any, name: string, value: string): boolean {
  if (name.startsWith('_has:')) {
    const [, type, code, ...rest] = name.split(':');
    return world.resources.some(
      (one) =>
        one.resourceType === type &&
        parameterOf(one, code!)
          .get(one)
          .some((held) =>
            ledTo(world, held, parameterOf(one, code!)).some((other) => keyOf(other) === keyOf(resource)),
          ) &&
        holds(world, one, rest.join(':'), value),
    );
  }
  const [step, ...rest] = name.split('.');
  const [code, modifier] = step!.split(':');
  if (rest.length > 0) {
    return parameterOf(resource, code!)
      .get(resource)
      .flatMap((held) => ledTo(world, held, parameterOf(resource, code!)))
      .some(
        (target) =>
          (modifier === undefined || target.resourceType === modifier) &&
          isKnown(target, rest.join('.')) &&
          holds(world, target, rest.join('.'), value),
      );
  }
  const values = split(value, ',');
  if (code === '_id') return values.map(plainText).includes(resource.id) !== (modifier === 'not');
  if (code === '_list') return values.some((id) => isListed(world, resource, plainText(id)));
  if (code === '_text') return values.some((words) => hasWords([resource.text?.div ?? ''], plainText(words)));
  if (code === '_content') return values.some((words) => hasWords(stringsIn(resource), plainText(words)));
  if (code === '_filter') return filterHolds(world, resource, value);
  if (code === 'near') return values.some((place) => isNear(resource, plainText(place)));
  const parameter = parameterOf(resource, code!);
  if (modifier === 'missing') return (parameter.get(resource).length === 0) === (value === 'true');
  const any = values.some((one) =>
    parameter.get(resource).some((held) => valueHolds(world, parameter, held, one, modifier)),
  );
  return modifier === 'not' ? !any : any;
}

/** An untyped chain only follows targets whose type has the next parameter. */
const isKnown = (target: any, name: string): boolean => {
  const code = name.split(/[.:]/)[0]!;
  return code.startsWith('_') || parameters[target.resourceType]?.[code] !== undefined;
};

export function parameterOf(resource: any, code: string): Parameter {
  const parameter = parameters[resource.resourceType]?.[code];
  if (parameter === undefined) throw new Error(`the oracle does not know ${resource.resourceType}.${code}`);
  return parameter;
}

/** `Type/id` of a reference into this server, without its version. */
export function localKey(world: World, reference: any): string | undefined {
  const literal = reference?.reference;
  if (typeof literal !== 'string') return undefined;
  const local = literal.startsWith(`${world.base}/`) ? literal.slice(world.base.length + 1) : literal;
  const parts = /^([A-Z]\w+\/[A-Za-z0-9.-]{1,64})(\/_history\/.+)?$/.exec(local);
  return parts?.[1];
}

/** Types whose `url` is no name but an address. */
const addressed = ['Device', 'DeviceDefinition', 'Binary'];

/**
 * The resources that a Reference or a canonical leads to, or the one that stands there itself: whatever has the url, and where one is named the version; for a
 * parameter only of the types that it leads to. A canonical without a scheme is taken as a reference.
 */
export function ledTo(world: World, held: any, { targets = [] }: Pick<Parameter, 'targets'> = {}): any[] {
  if (held.resourceType !== undefined) return [held];
  const key = localKey(world, typeof held === 'string' ? { reference: held } : held);
  const one = key !== undefined && world.byKey.get(key);
  if (one) return [one];
  if (typeof held !== 'string') return [];
  const [, url, version] = /^([^|#]*)(?:\|([^#]*))?/.exec(held)!;
  return world.resources.filter(
    (other) =>
      other.url === url &&
      (targets.length === 0 || targets.includes(other.resourceType)) &&
      !addressed.includes(other.resourceType) &&
      (!version || other.version === version),
  );
}

/** One held value against one written value. */
export function valueHolds(world: World, parameter: Parameter, held: any, text: string, modifier?: string): boolean {
  if (parameter.kind === 'reference') return referenceHolds(world, parameter, held, text, modifier);
  if (parameter.kind === 'composite') {
    const written = split(text, '$');
    return parameter.parts!.every((kind, i) =>
      held[i].some((one: any) => simpleHolds(world, kind, one, written[i]!, undefined)),
    );
  }
  return simpleHolds(world, parameter.kind, held, text, modifier);
}

function simpleHolds(world: World, kind: Kind, held: any, text: string, modifier: string | undefined): boolean {
  switch (kind) {
    case 'string':
      if (modifier === 'exact') return held === plainText(text);
      return modifier === 'contains'
        ? folded(held).includes(folded(plainText(text)))
        : folded(held).startsWith(folded(plainText(text)));
    case 'token':
      return tokenHolds(held, text, modifier);
    case 'canonical':
      return [held, held.replace(/#.*/, ''), held.replace(/[#|].*/, '')].includes(plainText(text));
    case 'uri':
      return uriHolds(held, plainText(text), modifier);
    case 'date':
      return dateHolds(world, held, plainText(text));
    case 'number': {
      const [prefix, number] = prefixed(text);
      return measureHolds(prefix, measureOf({ value: held }), decimalOf(number));
    }
    case 'quantity':
      return quantityHolds(held, text);
    default:
      throw new Error(`the oracle has no simple ${kind}`);
  }
}

export const prefixes = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;

const prefixed = (text: string): [prefix: string, rest: string] =>
  (prefixes as readonly string[]).includes(text.slice(0, 2)) ? [text.slice(0, 2), text.slice(2)] : ['eq', text];

function tokenHolds(held: Token, text: string, modifier: string | undefined): boolean {
  if (modifier === 'text') return held.texts.some((one) => folded(one).startsWith(folded(plainText(text))));
  const [first, second, third] = split(text, '|').map(plainText);
  if (modifier === 'of-type') {
    return held.code === third && held.types.some((type) => type.system === first && type.code === second);
  }
  if (second === undefined) return held.code === first;
  if (second === '') return held.system === first;
  return held.code === second && (first === '' ? held.system === undefined : held.system === first);
}

function referenceHolds(
  world: World,
  parameter: Parameter,
  held: any,
  text: string,
  modifier: string | undefined,
): boolean {
  if (modifier === 'identifier') {
    const { system, value } = held.identifier ?? {};
    return held.identifier !== undefined && tokenHolds({ system, code: value, texts: [], types: [] }, text, undefined);
  }
  const written = plainText(text);
  const key = localKey(world, held);
  if (written.includes('/_history/')) {
    const inside = (literal?: string): string | undefined => literal?.replace(`${world.base}/`, '');
    return inside(held.reference) === inside(written);
  }
  if (modifier !== undefined) return key === `${modifier}/${written}`;
  if (!written.includes('/'))
    return key !== undefined && parameter.targets!.some((type) => key === `${type}/${written}`);
  return key === undefined ? held.reference === written : key === localKey(world, { reference: written });
}

/** A canonical with a version is also found by what stands before it. */
function uriHolds(held: string, written: string, modifier: string | undefined): boolean {
  const isAtOrBelow = (low: string, high: string): boolean =>
    low === high || low.startsWith(high.endsWith('/') ? high : `${high}/`);
  return [held, held.split('|')[0]!].some((one) => {
    if (modifier === 'below') return isAtOrBelow(one, written);
    return modifier === 'above' ? isAtOrBelow(written, one) : one === written;
  });
}

function dateHolds(world: World, held: Span, text: string): boolean {
  const [prefix, date] = prefixed(text);
  const { from, to } = spanOf(date);
  if (prefix !== 'ap') return spanHolds(prefix, held, { from, to });
  const slack = world.slack * Math.abs(world.now - (from + to) / 2);
  return spanHolds('ap', held, { from: from - slack, to: to + slack });
}

function quantityHolds(held: any, text: string): boolean {
  const [amount, system, code] = split(text, '|').map(plainText);
  const [prefix, number] = prefixed(amount!);
  const measure = measureOf(held);
  const value = decimalOf(number);
  if (code === undefined) return measureHolds(prefix, measure, value);
  if (system === '') return (held.code === code || held.unit === code) && measureHolds(prefix, measure, value);
  const [of, asking] = [canonicalUnit(held.system, held.code), canonicalUnit(system!, code)];
  if (of === undefined || asking === undefined)
    return held.system === system && held.code === code && measureHolds(prefix, measure, value);
  if (of.kind !== asking.kind) return false;
  const factor = times(asking.factor, fraction(of.factor.lower, of.factor.upper));
  return measureHolds(prefix, measure, value, (one) => times(one, factor));
}

const isListed = (world: World, resource: any, id: string): boolean =>
  (world.byKey.get(`List/${id}`)?.entry ?? []).some((entry: any) => localKey(world, entry.item) === keyOf(resource));

const wordsOf = (text: string): string[] => folded(text).match(/[\p{L}\p{N}]+/gu) ?? [];

/** What a reader of a narrative sees: our inline elements are `b` and `sub`, all others stand apart. */
export const seen = (html: string): string => html.replace(/<\/?(?:b|sub)>/g, '').replace(/<[^>]*>/g, ' ');

/** Whether the texts fulfil what is asked: words, `and`, `or`, `not` and parentheses, the innermost of which is decided first. */
function hasWords(texts: readonly string[], asking: string): boolean {
  const held = new Set(texts.flatMap((text) => wordsOf(seen(text))));
  const inner = /^(.*)\(([^()]*)\)(.*)$/s.exec(asking);
  if (inner) return hasWords([...held, 'true'], `${inner[1]} ${hasWords(texts, inner[2]!)} ${inner[3]}`);
  return asking.split(/\bor\b/i).some((part) => {
    const asked = wordsOf(part).filter((word) => word !== 'and');
    return asked.every((word, at) => word === 'not' || held.has(word) !== (asked[at - 1] === 'not'));
  });
}

/** The elements of our resources that are texts; codes, addresses of systems, dates and references are none. */
const textElements = new Set(
  'family given prefix suffix text display value unit name alias title publisher version description'
    .concat(' line city postalCode country manufacturer modelNumber valueString onsetString div')
    .split(' '),
);

const stringsIn = (value: any, element = ''): string[] => {
  if (typeof value === 'string') return textElements.has(element) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((one) => stringsIn(one, element));
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, held]) => stringsIn(held, name));
};

/** Kilometres between two places on a sphere. */
export function kilometres(
  a: { latitude: number; longitude: number },
  b: { latitude: number; longitude: number },
): number {
  const turn = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (one: number, other: number): number => Math.sin(turn(one - other) / 2) ** 2;
  const share =
    half(a.latitude, b.latitude) +
    Math.cos(turn(a.latitude)) * Math.cos(turn(b.latitude)) * half(a.longitude, b.longitude);
  return 2 * 6371 * Math.asin(Math.sqrt(share));
}

function isNear({ position }: any, text: string): boolean {
  if (position === undefined) return false;
  const [latitude, longitude, distance, unit] = text.split('|');
  const inKilometres: Readonly<Record<string, number>> = { km: 1, m: 0.001, '[mi_us]': 1.609347 };
  const reach = Number(distance) * inKilometres[unit!]!;
  return kilometres(position, { latitude: Number(latitude), longitude: Number(longitude) }) <= reach;
}
