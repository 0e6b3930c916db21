/** Which types the values of evaluated FHIRPath have, told before any value is seen, and what of FHIRPath is evaluated at all. http://hl7.org/fhirpath/N1/ */
import {
  ArithmeticOperatorAtom,
  AsAtom,
  type Atom,
  ConcatAtom,
  DotAtom,
  EmptySetAtom,
  FhirPathAtom,
  FunctionAtom,
  IndexerAtom,
  LiteralAtom,
  SymbolAtom,
  UnaryOperatorAtom,
  UnionAtom,
} from '@medplum/core';
import { type Place, typesAt } from './place.ts';

/** Undefined: only the values tell. */
type Places = readonly Place[] | undefined;

/** Where the values of an expression on a place can be; undefined when only an evaluation can tell. */
export const inferred = (atom: Atom, at: Place): Places => infer(atom, [at], at);

const result = (type: string): readonly Place[] => [{ type, about: [], required: false }];

/** `root` is what the whole expression is evaluated on, `focus` what stands before this part of it. */
function infer(atom: Atom, focus: Places, root: Place): Places {
  if (atom instanceof FhirPathAtom) return infer(atom.child, focus, root);
  if (atom instanceof DotAtom) return infer(atom.right, infer(atom.left, focus, root), root);
  if (atom instanceof SymbolAtom) return symbol(atom.name, focus, root);
  if (atom instanceof FunctionAtom) return results.get(atom.name)?.(focus, atom.args, root);
  if (atom instanceof UnionAtom) return both(infer(atom.left, focus, root), infer(atom.right, focus, root));
  if (atom instanceof AsAtom) return onlyType(infer(atom.left, focus, root), atom.right);
  if (atom instanceof IndexerAtom) return infer(atom.left, focus, root);
  if (atom instanceof LiteralAtom) return result(atom.value.type);
  if (atom instanceof EmptySetAtom) return [];
  if (atom instanceof ConcatAtom) return result('string');
  if (atom instanceof UnaryOperatorAtom) return infer(atom.child, focus, root);
  if (atom instanceof ArithmeticOperatorAtom && !/^[<>]/.test(atom.operator)) {
    return sum(infer(atom.left, focus, root), infer(atom.right, focus, root));
  }
  return result('boolean'); // comparisons, membership and logic
}

function symbol(name: string, focus: Places, root: Place): Places {
  if (name === '$this') return focus;
  if (name.startsWith('%')) return Object.hasOwn(constants, name) ? result('string') : [root];
  if (/^[A-Z]/.test(name)) return onlyNamed(focus, name);
  if (focus === undefined || focus.some(({ type }) => type === 'Resource')) return undefined;
  const found = focus.flatMap(({ type }) => {
    if (!/^[a-z]/.test(type)) return typesAt(type, name).map(({ type, about }) => ({ type, about, required: false }));
    return name === 'extension' ? result('Extension') : name === 'id' ? result('string') : [];
  });
  return both(found, []);
}

/** Each type once, so that no expression makes more than there are. */
function both(some: Places, others: Places): Places {
  if (some === undefined || others === undefined) return undefined;
  const byType = new Map<string, Place>();
  for (const place of [...some, ...others]) {
    const known = byType.get(place.type);
    byType.set(place.type, known ? { ...place, about: united(known.about, place.about) } : place);
  }
  return [...byType.values()];
}

/** None means that the definition leaves it open. */
const united = (some: readonly string[], others: readonly string[]): readonly string[] =>
  some.length === 0 || others.length === 0 ? [] : [...new Set([...some, ...others])];

/** A number, or a text where both are texts; what is made of an amount is one. */
function sum(left: Places, right: Places): Places {
  if (left === undefined || right === undefined) return undefined;
  const types = new Set([...left, ...right].map(({ type }) => type));
  if (types.has('Quantity')) return result('Quantity');
  if ([...types].some((type) => texts.has(type))) return result('string');
  return result('decimal');
}
const texts: ReadonlySet<string> = new Set(['string', 'code', 'id', 'uri', 'markdown', 'date', 'dateTime', 'instant']);

const typeNamed = (atom: Atom | undefined): string =>
  atom instanceof DotAtom ? typeNamed(atom.right) : atom instanceof SymbolAtom ? atom.name : '';

const onlyType = (focus: Places, type: Atom | undefined): Places => onlyNamed(focus, typeNamed(type));

/** Any resource may be of the type. */
function onlyNamed(focus: Places, name: string): Places {
  if (name === 'Resource' || name === 'DomainResource') return focus;
  if (focus === undefined || focus.some(({ type }) => type === 'Resource')) return result(name);
  return focus.filter(({ type }) => type === name);
}

type Infer = (focus: Places, args: readonly Atom[], root: Place) => Places;

const listed = (names: string, infer: Infer): [string, Infer][] => names.split(' ').map((name) => [name, infer]);

const otherOf = (args: readonly Atom[], focus: Places, root: Place): Places =>
  args.reduce<Places>((places, arg) => both(places, infer(arg, focus, root)), []);

/** The functions that are evaluated, by what they give. Not: those that know patterns, the time, or other resources. */
const results: ReadonlyMap<string, Infer> = new Map([
  ...listed('where first last tail skip take single distinct intersect exclude', (focus) => focus),
  ...listed('union combine', (focus, args, root) => both(focus, otherOf(args, focus, root))),
  ...listed('select', (focus, args, root) => otherOf(args, focus, root)),
  ...listed('iif', (focus, args, root) => otherOf(args.slice(1), focus, root)),
  ...listed('as ofType', (focus, [type]) => onlyType(focus, type)),
  ...listed('extension', () => result('Extension')),
  ...listed('resolve', () => undefined),
  ...listed('empty hasValue exists all allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct is not', () =>
    result('boolean'),
  ),
  ...listed('startsWith endsWith contains toBoolean', () => result('boolean')),
  ...listed('convertsToBoolean convertsToInteger convertsToDecimal convertsToString', () => result('boolean')),
  ...listed('convertsToDate convertsToDateTime convertsToQuantity', () => result('boolean')),
  ...listed('count toInteger indexOf length', () => result('integer')),
  ...listed('toDecimal abs ceiling floor exp ln log power round sqrt truncate', () => result('decimal')),
  ...listed('toString substring upper lower replace join toChars', () => result('string')),
  ...listed('toDate', () => result('date')),
  ...listed('toDateTime', () => result('dateTime')),
  ...listed('toQuantity', () => result('Quantity')),
]);

/** What `%name` stands for, beside `%resource`, `%rootResource` and `%context`. */
export const constants: Readonly<Record<string, string>> = {
  '%ucum': 'http://unitsofmeasure.org',
  '%sct': 'http://snomed.info/sct',
  '%loinc': 'http://loinc.org',
};

export const roots: readonly string[] = ['%resource', '%rootResource', '%context'];

/** The first function, as `name()`, or variable that is not evaluated. */
export function notEvaluated(atom: Atom): string | undefined {
  if (atom instanceof FunctionAtom && !results.has(atom.name)) return `${atom.name}()`;
  if (atom instanceof SymbolAtom && /^[%$]/.test(atom.name)) {
    const isKnown = atom.name === '$this' || roots.includes(atom.name) || Object.hasOwn(constants, atom.name);
    if (!isKnown) return atom.name;
  }
  for (const part of partsOf(atom)) {
    const found = notEvaluated(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether an expression looks at the resource at all: `'a'`, `1/0` and `true` do not. `onResource`: what stands before it does. */
export function readsAnything(atom: Atom, onResource = true): boolean {
  if (atom instanceof DotAtom) {
    const before = readsAnything(atom.left, onResource);
    return before || readsAnything(atom.right, false);
  }
  if (atom instanceof SymbolAtom)
    return roots.includes(atom.name) || (onResource && !Object.hasOwn(constants, atom.name));
  if (atom instanceof FunctionAtom && atom.name !== 'iif' && onResource) return true;
  return partsOf(atom).some((part) => readsAnything(part, onResource));
}

/** The atoms that an atom is made of. */
export function partsOf(atom: Atom): readonly Atom[] {
  const { left, right, child, expr, args = [] } = atom as any;
  return [left, right, child, expr, ...args].filter((part) => part !== undefined);
}
