/** Resources of every type as R4 defines them, and what becomes of them in careless hands: dropped, doubled, retyped, nested and odd elements. */
import fc from 'fast-check';
import { codesOf, type ElementRule, resourceTypes, structureOf, type TypeRule } from '../../src/fhir/definitions.ts';
import { ExactNumber } from '../../src/fhir/json.ts';

export const types: readonly string[] = [...resourceTypes];

const numbers = ['0', '1', '98.0', '-0.50', '1e2', '7.0E-3', '120', '0.1000', '2147483647', '999999999999999.5'];
const words = [
  'a',
  'Larsen',
  'café 火🔥',
  'with "quotes" and \\',
  'two\nlines',
  '<b>',
  'x'.repeat(300),
  '%s',
  '../..',
  '$ref',
];
const number = (...texts: readonly string[]) => fc.constantFrom(...texts).map((text) => new ExactNumber(text));

/** Values that are right for each primitive type, though some look strange. */
const primitives: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  base64Binary: fc.constantFrom('AAAA', 'aGVsbG8=', '/+8='),
  boolean: fc.boolean(),
  canonical: fc.constantFrom('http://example.org/a|1', 'http://hl7.org/fhir/ValueSet/languages'),
  code: fc.constantFrom('a', 'final', 'en', 'a-b c'),
  date: fc.constantFrom('2024', '2024-02', '2024-02-29', '0001-01-01', '9999-12-31'),
  dateTime: fc.constantFrom('2024', '2024-02-29', '2024-02-29T23:59:60Z', '2024-03-01T00:00:00.123456789+14:00'),
  decimal: number(...numbers),
  id: fc.constantFrom('a', 'A-1.b', '1'.repeat(64)),
  instant: fc.constantFrom('2024-02-29T23:59:59Z', '2024-03-01T00:00:00.1-12:00'),
  integer: number('0', '-1', '120', '2147483647'),
  markdown: fc.constantFrom(...words),
  oid: fc.constantFrom('urn:oid:1.2.3'),
  positiveInt: number('1', '2147483647'),
  string: fc.constantFrom(...words),
  time: fc.constantFrom('00:00:00', '23:59:59.999'),
  unsignedInt: number('0', '2147483647'),
  uri: fc.constantFrom('urn:a', 'http://example.org/x', 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a', '#'),
  url: fc.constantFrom('http://example.org/x', 'ftp://a'),
  uuid: fc.constantFrom('urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a'),
  xhtml: fc.constantFrom('<div xmlns="http://www.w3.org/1999/xhtml">a &amp; b<br/></div>'),
};

const DEEPEST = 4;
const cache = new Map<string, fc.Arbitrary<any>>();

function remembered(key: string, make: () => fc.Arbitrary<any>): fc.Arbitrary<any> {
  const known = cache.get(key);
  if (known) return known;
  const made = make();
  cache.set(key, made);
  return made;
}

const nameOf = ({ id }: ElementRule): string => id.slice(id.lastIndexOf('.') + 1);
const isList = ({ max }: ElementRule): boolean => max !== undefined && max !== '1' && max !== '0';

const saying = { url: 'urn:a', valueString: 'something' };
const extension = fc.oneof(
  fc.constantFrom<object>(saying, { url: 'urn:b', valueCode: 'a' }, { url: 'urn:d', extension: [saying] }),
  number(...numbers).map((valueDecimal) => ({ url: 'urn:c', valueDecimal })),
);

/** The members of the element at `path` of a structure: those that must be, and some of those that may. */
function membersOf(structureName: string, path: string, depth: number): fc.Arbitrary<any> {
  return remembered(`${path} ${depth}`, () => {
    const elements = structureOf(structureName)!.elements.filter(
      ({ id, max }) => id.startsWith(`${path}.`) && !id.slice(path.length + 1).includes('.') && max !== '0',
    );
    const members = elements
      .filter((element) => isWanted(element, depth))
      .map((element) => memberOf(structureName, element, depth));
    return fc.tuple(...members).map((pairs) => {
      const made = Object.fromEntries(pairs.filter((pair) => pair !== undefined));
      return Object.keys(made).length > 0 ? made : { extension: [saying] }; // ele-1: nothing may be empty
    });
  });
}

const isWanted = (element: ElementRule, depth: number): boolean =>
  (element.min ?? 0) > 0 ||
  (depth < DEEPEST && !['id', 'implicitRules', 'contained', 'modifierExtension'].includes(nameOf(element)));

/** `[name, value]`, or undefined where it is left out. */
function memberOf(
  structureName: string,
  element: ElementRule,
  depth: number,
): fc.Arbitrary<[string, unknown] | undefined> {
  const name = nameOf(element);
  const { same } = element;
  const alternatives: readonly TypeRule[] = same === undefined ? (element.types ?? []) : [{ code: 'BackboneElement' }];
  if (alternatives.length === 0) return fc.constant(undefined);
  const one = fc.constantFrom(...alternatives).chain((type) => {
    const value = arbitraryOf(structureName, same ?? element.id, element, type, depth + 1);
    const called = name.endsWith('[x]') ? name.slice(0, -3) + type.code[0]!.toUpperCase() + type.code.slice(1) : name;
    const whole = isList(element) ? fc.array(value, { minLength: 1, maxLength: 2 }) : value;
    return whole.map((made): [string, unknown] => [called, made]);
  });
  if ((element.min ?? 0) > 0) return one;
  const nothing = { weight: depth < 2 ? 3 : 7, arbitrary: fc.constant(undefined) };
  return fc.oneof(nothing, { weight: 1, arbitrary: one });
}

function arbitraryOf(
  structureName: string,
  path: string,
  element: ElementRule,
  type: TypeRule,
  depth: number,
): fc.Arbitrary<unknown> {
  const { code } = type;
  const codes = element.binding === undefined ? undefined : codesOf(element.binding);
  const bound = codes && Object.entries(codes).flatMap(([system, list]) => list.map((one) => ({ system, code: one })));
  if (bound?.length && code === 'code') return fc.constantFrom(...bound.map((coding) => coding.code));
  if (bound?.length && code === 'Coding') return fc.constantFrom(...bound);
  if (bound?.length && code === 'CodeableConcept')
    return fc.constantFrom(...bound).map((coding) => ({ coding: [coding] }));
  if (code === 'BackboneElement' || code === 'Element') return membersOf(structureName, path, depth);
  if (code === 'Resource') return fc.constant({ resourceType: 'Basic', code: { text: 'inside' } });
  if (code === 'Reference') return reference(type.targets);
  if (code === 'Extension') return extension;
  const primitive = primitives[code];
  if (primitive) return primitive;
  return structureOf(code) ? membersOf(code, code, depth) : fc.constant({});
}

const reference = (targets: readonly string[] = []): fc.Arbitrary<unknown> => {
  const fitting = targets.filter((target) => resourceTypes.has(target));
  const type = fc.constantFrom(...(fitting.length > 0 ? fitting : ['Patient', 'Basic']));
  return type.chain((name) =>
    fc.constantFrom(
      { reference: `${name}/a` },
      { reference: `http://other.example/fhir/${name}/1/_history/2` },
      { display: 'somebody' },
    ),
  );
};

/** A resource of that type that is right, as far as elements, types and bindings go. */
export const resourceOf = (type: string): fc.Arbitrary<any> =>
  membersOf(type, type, 1).map((members) => ({ resourceType: type, ...members }));

const odd: readonly unknown[] = [
  undefined,
  '',
  ' ',
  'a\u0000b',
  '\ud800',
  '__proto__',
  'constructor',
  'x'.repeat(5_000),
  '<script>alert(1)</script>',
  "'; DROP TABLE version; --",
  true,
  [],
  {},
  [[]],
  [null],
  null,
  { value: 1 },
  ['a', 'a'],
  { resourceType: 'Patient' },
  { extension: [{ url: 'urn:a' }] },
  new ExactNumber('1e400'),
  new ExactNumber('-0'),
  new ExactNumber('12345678901234567890'),
  new ExactNumber(`0.${'1'.repeat(60)}`),
  '2024-02-30',
  '2024-13',
  '24:00:00',
  '0000',
  'Patient/',
  'Patient/../1',
  'http://[::1',
  'urn:uuid:none',
  '#a',
  'a'.repeat(65),
];

/** One careless edit: of which node (of all, in order), and how. */
export interface Edit {
  readonly at: number;
  readonly how: 'drop' | 'double' | 'retype' | 'nest' | 'unlist' | 'rename' | 'add' | 'shadow';
  readonly value: unknown;
}

export const edits: fc.Arbitrary<Edit[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Edit[]>([]) },
  {
    weight: 3,
    arbitrary: fc.array(
      fc.record({
        at: fc.nat(400),
        how: fc.constantFrom('drop', 'double', 'retype', 'nest', 'unlist', 'rename', 'add', 'shadow'),
        value: fc.constantFrom(...odd),
      }) as fc.Arbitrary<Edit>,
      { minLength: 1, maxLength: 3 },
    ),
  },
);

interface Place {
  readonly holder: any;
  readonly key: string | number;
}

function placesIn(value: any, found: Place[] = []): Place[] {
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return found;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    found.push({ holder: value, key });
    placesIn(value[key], found);
  }
  return found;
}

const copy = (value: any): any => {
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map(copy);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]));
};

/** The resource after all edits; the resource that came in stays as it is. */
export function edited(resource: any, all: readonly Edit[]): any {
  const result = copy(resource);
  for (const { at, how, value } of all) {
    const places = placesIn(result);
    if (places.length === 0) return result;
    const { holder, key } = places[at % places.length]!;
    const before = holder[key];
    if (how === 'drop') {
      if (Array.isArray(holder)) holder.splice(key as number, 1);
      else delete holder[key];
    } else if (how === 'double')
      holder[key] = Array.isArray(before) ? [...before, ...copy(before)] : [before, copy(before)];
    else if (how === 'retype') holder[key] = copy(value);
    else if (how === 'nest') holder[key] = { [String(key)]: before };
    else if (how === 'unlist') holder[key] = Array.isArray(before) ? before[0] : before;
    else if (how === 'add') Object.assign(holder, Array.isArray(holder) ? {} : { [`x${at}`]: copy(value) });
    else if (!Array.isArray(holder)) {
      const name = how === 'rename' ? `${key}x` : `_${key}`;
      if (how === 'rename') delete holder[key];
      Object.defineProperty(holder, name, {
        value: how === 'rename' ? before : copy(value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  return result;
}
