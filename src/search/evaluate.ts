/** Search by FHIRPath beyond compiled paths: evaluated by @medplum/core at a bounded cost. What fails leaves its entries out and is told; a write is never lost. http://hl7.org/fhirpath/N1/ */
import {
  type Atom,
  evalFhirPathTyped,
  type FhirPathAtom,
  FunctionAtom,
  SymbolAtom,
  type TypedValue,
  UnionAtom,
} from '@medplum/core';
import { constants, inferred, partsOf, roots } from './inferred.ts';
import { type Place, type Sink, typeNamedBy, typesAt, type Visit } from './place.ts';

/** What one evaluation on one resource may look at: values that go into its parts and come out of them, long texts more than once. */
const MOST = 100_000;

/** An expression that could not be evaluated on a resource; told once for each as long as the definitions stay. */
export interface Fault {
  readonly type: string;
  readonly expression: string;
  readonly why: 'too costly' | 'failed';
}

let tell: (fault: Fault) => void = () => undefined;

/** One listener for the whole process, as what search knows is. */
export const hearFaults = (listener: (fault: Fault) => void): void => {
  tell = listener;
};

/** Hands what an expression gives to the sinks of the types that its values have, or seem to have where no definition tells. */
export function evaluated(ast: FhirPathAtom, at: Place, sink: Sink): Visit {
  const places = inferred(ast, at);
  const visits = new Map<string, Visit | undefined>();
  const visitOf = (type: string): Visit | undefined => {
    if (!visits.has(type)) {
      const known = places?.find((place) => place.type === type);
      visits.set(type, sink({ type, about: known?.about ?? [], required: false }));
    }
    return visits.get(type);
  };
  const budget = { left: 0 };
  watch(ast, budget);
  let isTold = false;
  return (value) => {
    budget.left = MOST;
    try {
      const whole = held(at.type, value);
      for (const { type: seen, value: found } of evalFhirPathTyped(ast, [whole], variablesFor(whole))) {
        if (found === undefined || found === null) continue;
        for (const type of typesOf(seen, found, places)) visitOf(type)?.(found);
      }
    } catch {
      // Nothing of the error is told: it may quote values.
      if (!isTold) tell({ type: at.type, expression: ast.original, why: budget.left < 0 ? 'too costly' : 'failed' });
      isTold = true;
    }
  };
}

const constantValues: readonly [string, TypedValue][] = Object.entries(constants).map(([name, value]) => [
  name,
  { type: 'string', value },
]);

const variablesFor = (whole: TypedValue): Record<string, TypedValue> =>
  Object.fromEntries([...constantValues, ...roots.map((name) => [name, whole] as const)]);

/** These compare each with each. */
const pairing: ReadonlySet<string> = new Set([
  'distinct',
  'isDistinct',
  'subsetOf',
  'supersetOf',
  'intersect',
  'exclude',
  'union',
]);

/** Has every part of an expression pay for what goes in and comes out. */
function watch(atom: Atom, budget: { left: number }): void {
  for (const part of partsOf(atom)) watch(part, budget);
  const isPairing = atom instanceof UnionAtom || (atom instanceof FunctionAtom && pairing.has(atom.name));
  const evaluate = evaluationOf(atom);
  const pay = (values: readonly TypedValue[]): void => {
    const { length } = values;
    budget.left -= 1 + (isPairing ? (length * length) / 8 : length);
    for (const { value } of values) if (typeof value === 'string') budget.left -= value.length >> 8;
    if (budget.left < 0) throw new Error('too costly');
  };
  atom.eval = (context, input) => {
    pay(input);
    const values = evaluate(context, input);
    pay(values);
    return values;
  };
}

/** Elements are found by their definitions, which the library does not have; `resolve()` tells what a reference says, and looks nowhere. */
function evaluationOf(atom: Atom): Atom['eval'] {
  const original = atom.eval.bind(atom);
  if (atom instanceof SymbolAtom && !/^[%$]/.test(atom.name)) {
    return (_context, input) => input.flatMap((one) => step(one, atom.name));
  }
  if (!(atom instanceof FunctionAtom)) return original;
  if (atom.name === 'replace' || atom.name === 'join') return unlessLong(atom, original);
  if (atom.name === 'resolve')
    return (_context, input) => input.flatMap(({ value }) => named(value?.reference ?? value));
  if (atom.name === 'extension') {
    return (context, input) => {
      const [url] = atom.args[0]?.eval(context, input) ?? [];
      return input.flatMap((one) => step(one, 'extension')).filter(({ value }) => value.url === url?.value);
    };
  }
  return original;
}

/** Most characters that are put together at once. */
const LONGEST = 1_000_000;

/** What is put between many others is as many times as long. */
function unlessLong({ args }: FunctionAtom, original: Atom['eval']): Atom['eval'] {
  return (context, input) => {
    const lengths = args.map((arg) => String(arg.eval(context, input)[0]?.value ?? '').length);
    const places = input.reduce((sum, { value }) => sum + 1 + String(value).length, 0);
    if (places * (1 + (lengths.at(-1) ?? 0)) > LONGEST) throw new Error('too long');
    return original(context, input);
  };
}

interface Walked extends TypedValue {
  /** What stands beside a primitive: its id and extensions. */
  readonly half?: any;
}

/** The library writes all that it was given into the message of an error: of ours it writes the type alone. */
const held = (type: string, value: any, half?: unknown): Walked & { readonly toJSON: typeof typeAlone } => ({
  type,
  value,
  half,
  toJSON: typeAlone,
});

function typeAlone(this: TypedValue): string {
  return this.type;
}

function step({ type, value, half }: Walked, name: string): Walked[] {
  if (/^[A-Z]/.test(name)) {
    const isOf = value?.resourceType === name || name === 'Resource' || name === 'DomainResource';
    return isOf ? [held(type, value)] : [];
  }
  if (/^[a-z]/.test(type)) return name === 'extension' ? walked('Extension', half?.extension, undefined) : [];
  if (typeof value !== 'object' || value === null) return [];
  return typesAt(type, name).flatMap(({ property, type: found }) =>
    walked(found, value[property], value[`_${property}`]),
  );
}

function walked(type: string, values: unknown, halves: unknown): Walked[] {
  if (!Array.isArray(values)) return values === undefined || values === null ? [] : [one(type, values, halves)];
  return values.flatMap((value, i) =>
    value === undefined || value === null ? [] : [one(type, value, Array.isArray(halves) ? halves[i] : undefined)],
  );
}

/** Of any resource that is held, the type is what it says itself. */
const one = (type: string, value: any, half: unknown): Walked => held(value.resourceType ?? type, value, half);

function named(reference: unknown): TypedValue[] {
  const type = typeNamedBy(reference);
  if (type === undefined) return [];
  const steps = `${reference}`.split('/');
  return [held(type, { resourceType: type, id: steps[steps.lastIndexOf(type) + 1] })];
}

/** The types that a value is taken as. */
function typesOf(type: string, value: any, places: readonly Place[] | undefined): readonly string[] {
  if (places === undefined) return typesSeen(type, value);
  if (places.some((place) => place.type === type)) return [type];
  const fitting = places.find((place) => couldBe(place.type, value));
  return fitting ? [fitting.type] : [];
}

/** Where no definition tells: a text is all that a text can be, as the sinks for others have no use for it. */
function typesSeen(type: string, value: any): readonly string[] {
  if (typeof value !== 'string' || type !== 'string') return [type];
  return ['string', 'uri', ...(isDated(value) ? ['dateTime'] : [])];
}

const isDated = (text: string): boolean => /^\d{4}(?:-\d\d(?:-\d\d(?:T.*)?)?)?$/.test(text);

function couldBe(type: string, value: any): boolean {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
    case 'positiveInt':
    case 'unsignedInt':
    case 'decimal':
      return typeof value === 'number';
    case 'date':
    case 'dateTime':
    case 'instant':
      return typeof value === 'string' && isDated(value);
    case 'Resource':
      return typeof value.resourceType === 'string';
    default:
      return typeof value === (/^[a-z]/.test(type) ? 'string' : 'object');
  }
}
