/** The FHIRPath functions that constraints use, as closures over collections. http://hl7.org/fhirpath/#functions */
import { type Atom, DotAtom, type FunctionAtom, SymbolAtom } from '@medplum/core';
import {
  type Around,
  distinct,
  keyOfValue,
  type Picked,
  type Select,
  single,
  type Test,
  Unsupported,
} from './fhirpath-values.ts';

export type Apply = (values: Picked, around: Around) => Picked;

/** How an argument is compiled, which is an expression itself. */
export interface Compile {
  readonly select: (atom: Atom) => Select;
  readonly test: (atom: Atom) => Test;
}

type Maker = (args: readonly Atom[], compile: Compile) => Apply;

/** A function call; throws Unsupported for a name that is not in the table. */
export function compileFunction(atom: FunctionAtom, compile: Compile): Apply {
  const maker = makers.get(atom.name);
  if (!maker) throw new Unsupported(atom.name);
  return maker(atom.args, compile);
}

const whole =
  (result: (values: Picked) => unknown): Maker =>
  () =>
  (values) => {
    const value = result(values);
    return value === undefined ? [] : [value];
  };

/** Of one string and the argument. */
const text =
  (result: (value: string, argument: any) => unknown): Maker =>
  (args, compile) => {
    const argument = args[0] && compile.select(args[0]);
    return (values, around) => {
      const value = single(values);
      if (typeof value !== 'string') return [];
      const given = argument && single(argument(around.top, around));
      const answer = argument && given === undefined ? undefined : result(value, given);
      return answer === undefined ? [] : [answer];
    };
  };

const filtered =
  (result: (values: Picked, test: (value: any) => boolean | undefined) => Picked): Maker =>
  (args, compile) => {
    const test: Test = args[0] ? compile.test(args[0]) : () => true;
    return (values, around) => result(values, (value) => test(value, around));
  };

const combined =
  (join: (values: Picked, other: Picked) => Picked): Maker =>
  (args, compile) => {
    const other = compile.select(args[0]!);
    return (values, around) => join(values, other(around.top, around));
  };

const typed =
  (result: (matches: Picked) => Picked): Maker =>
  (args) => {
    const name = typeName(args[0]!);
    return (values) => (values.length === 0 ? [] : result(values.filter((value) => isOf(name, value))));
  };

const kinds: Readonly<Record<string, string>> = {
  boolean: 'boolean',
  decimal: 'number',
  integer: 'number',
  Quantity: 'object',
};

function typeName(atom: Atom): string {
  if (atom instanceof DotAtom) return typeName(atom.right);
  if (atom instanceof SymbolAtom) return atom.name;
  throw new Unsupported(`${atom}`);
}

/** As far as JSON tells: dates and codes are strings. */
function isOf(name: string, value: any): boolean {
  if (typeof value?.resourceType === 'string') return value.resourceType === name;
  const kind =
    kinds[name] ?? kinds[name.toLowerCase()] ?? (/^[a-z]|^String$|^Date|^Time$/.test(name) ? 'string' : 'object');
  return typeof value === kind && (kind !== 'object' || value !== null);
}

function childrenOf(values: Picked): any[] {
  return values.flatMap((value) =>
    typeof value === 'object' && value !== null ? Object.values(value).flatMap((child) => child as any) : [],
  );
}

function descendantsOf(values: Picked): any[] {
  const found: any[] = [];
  for (let level = childrenOf(values); level.length > 0; level = childrenOf(level))
    for (const one of level) found.push(one);
  return found;
}

const makers: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['exists', filtered((values, test) => [values.some((value) => test(value) === true)])],
  ['empty', whole((values) => values.length === 0)],
  ['not', whole((values) => (values.length === 1 ? values[0] === false : undefined))],
  ['count', whole((values) => values.length)],
  ['hasValue', whole((values) => values.length === 1 && typeof values[0] !== 'object')],
  ['isDistinct', whole((values) => distinct(values).length === values.length)],
  ['where', filtered((values, test) => values.filter((value) => test(value) === true))],
  ['all', filtered((values, test) => [values.every((value) => test(value) !== false)])],
  ['first', () => (values) => values.slice(0, 1)],
  ['tail', () => (values) => values.slice(1)],
  ['children', () => (values) => childrenOf(values)],
  ['descendants', () => (values) => descendantsOf(values)],
  ['trace', () => (values) => values],
  ['combine', combined((values, other) => [...values, ...other])],
  [
    'intersect',
    combined((values, other) => {
      const keys = new Set(other.map(keyOfValue));
      return distinct(values.filter((value) => keys.has(keyOfValue(value))));
    }),
  ],
  [
    'select',
    (args, compile) => {
      const projection = compile.select(args[0]!);
      return (values, around) => values.flatMap((value) => projection(value, around));
    },
  ],
  ['is', typed((matches) => [matches.length > 0])],
  ['as', typed((matches) => matches)],
  ['ofType', typed((matches) => matches)],
  ['startsWith', text((value, argument) => value.startsWith(argument))],
  ['contains', text((value, argument) => value.includes(argument))],
  ['length', text((value) => value.length)],
  ['toInteger', whole(([value]) => (/^[+-]?\d{1,10}$/.test(`${value ?? ''}`) ? Number(value) : undefined))],
  ['toString', whole(([value]) => (value === undefined || typeof value === 'object' ? undefined : String(value)))],
]);
