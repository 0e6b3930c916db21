/** Compiles the FHIRPath of constraints to closures over plain JSON. https://hl7.org/fhir/R4/fhirpath.html */
import {
  AndAtom,
  ArithmeticOperatorAtom,
  AsAtom,
  type Atom,
  ConcatAtom,
  ContainsAtom,
  DotAtom,
  EmptySetAtom,
  EqualsAtom,
  FhirPathAtom,
  FunctionAtom,
  ImpliesAtom,
  InAtom,
  IsAtom,
  LiteralAtom,
  NotEqualsAtom,
  OrAtom,
  parseFhirPath,
  SymbolAtom,
  UnionAtom,
  XorAtom,
} from '@medplum/core';
import { type Compile, compileFunction } from './fhirpath-functions.ts';
import {
  compared,
  distinct,
  keyOfValue,
  type Picked,
  type Select,
  single,
  type Test,
  truth,
  Unsupported,
} from './fhirpath-values.ts';

/** JSON members of an element: `value` gives `valueQuantity`, `valueString` and so on. */
export type Naming = (name: string) => readonly string[];

/**
 * A test of one value: anything but true is false, as an empty result is. Throws Unsupported for what constraints of R4
 * do not use.
 */
export function compileConstraint(expression: string, naming: Naming): (value: any, resource: any) => boolean {
  const test = compileTest(parseFhirPath(expression), naming);
  return (value, resource) => test(value, { resource, top: value }) === true;
}

const compiling = (naming: Naming): Compile => ({
  select: (atom) => compileSelect(atom, naming),
  test: (atom) => compileTest(atom, naming),
});

/** A condition: true, false, or undefined when it is empty. */
function compileTest(atom: Atom, naming: Naming): Test {
  if (atom instanceof FhirPathAtom) return compileTest(atom.child, naming);
  if (atom instanceof AndAtom) return both(atom, naming, (l, r) => (l === false ? false : and(l, r())));
  if (atom instanceof OrAtom) return both(atom, naming, (l, r) => (l === true ? true : or(l, r())));
  if (atom instanceof ImpliesAtom) return both(atom, naming, (l, r) => (l === false ? true : implies(l, r())));
  if (atom instanceof XorAtom) return both(atom, naming, (l, r) => xor(l, r()));
  if (atom instanceof EqualsAtom) return equality(atom, naming, true);
  if (atom instanceof NotEqualsAtom) return equality(atom, naming, false);
  const select = compileSelect(atom, naming);
  return (focus, around) => truth(select(focus, around));
}

type Logical = boolean | undefined;

const and = (l: Logical, r: Logical): Logical => (r === false ? false : l && r);
const or = (l: Logical, r: Logical): Logical => (r === true ? true : l === false && r === false ? false : undefined);
const implies = (l: Logical, r: Logical): Logical => (r === true ? true : l === true ? r : undefined);
const xor = (l: Logical, r: Logical): Logical => (l === undefined || r === undefined ? undefined : l !== r);

interface Infix {
  readonly left: Atom;
  readonly right: Atom;
}

function both(atom: Infix, naming: Naming, join: (left: Logical, right: () => Logical) => Logical): Test {
  const left = compileTest(atom.left, naming);
  const right = compileTest(atom.right, naming);
  return (focus, around) => join(left(focus, around), () => right(focus, around));
}

function equality(atom: Infix, naming: Naming, wanted: boolean): Test {
  const left = compileSelect(atom.left, naming);
  const right = compileSelect(atom.right, naming);
  return (focus, around) => {
    const l = left(focus, around);
    const r = right(focus, around);
    if (l.length === 0 || r.length === 0) return undefined;
    const isSame = l.length === r.length && l.every((value, i) => keyOfValue(value) === keyOfValue(r[i]));
    return isSame === wanted;
  };
}

/** A collection. */
function compileSelect(atom: Atom, naming: Naming): Select {
  if (atom instanceof FhirPathAtom) return compileSelect(atom.child, naming);
  if (atom instanceof SymbolAtom) return symbol(atom.name, naming);
  if (atom instanceof DotAtom) return dot(atom, naming);
  if (atom instanceof FunctionAtom) {
    const apply = compileFunction(atom, compiling(naming));
    return (focus, around) => apply([focus], around);
  }
  if (atom instanceof LiteralAtom) return always([atom.value.value]);
  if (atom instanceof EmptySetAtom) return always([]);
  if (atom instanceof UnionAtom) return infix(atom, naming, (l, r) => distinct([...l, ...r]));
  if (atom instanceof InAtom) return infix(atom, naming, isIn);
  if (atom instanceof ContainsAtom) return infix(atom, naming, (l, r) => isIn(r, l));
  if (atom instanceof ConcatAtom)
    return infix(atom, naming, (l, r) => [String(single(l) ?? '') + String(single(r) ?? '')]);
  if (atom instanceof ArithmeticOperatorAtom) return arithmetic(atom, naming);
  if (atom instanceof IsAtom) return typeTest(atom, naming, (matches) => [matches.length > 0]);
  if (atom instanceof AsAtom) return typeTest(atom, naming, (matches) => matches);
  if (isLogical(atom)) {
    const test = compileTest(atom, naming);
    return (focus, around) => {
      const value = test(focus, around);
      return value === undefined ? [] : [value];
    };
  }
  throw new Unsupported(`${atom}`);
}

const logical = [AndAtom, OrAtom, ImpliesAtom, XorAtom, EqualsAtom, NotEqualsAtom];
const isLogical = (atom: Atom): boolean => logical.some((kind) => atom instanceof kind);

const always =
  (values: Picked): Select =>
  () =>
    values;

const isIn = (left: Picked, right: Picked): Picked => {
  if (left.length === 0) return [];
  const key = keyOfValue(left[0]);
  return [right.some((value) => keyOfValue(value) === key)];
};

function infix(atom: Infix, naming: Naming, join: (left: Picked, right: Picked) => Picked): Select {
  const left = compileSelect(atom.left, naming);
  const right = compileSelect(atom.right, naming);
  return (focus, around) => join(left(focus, around), right(focus, around));
}

function arithmetic(atom: ArithmeticOperatorAtom, naming: Naming): Select {
  const { operator } = atom as unknown as { operator: string };
  return infix(atom, naming, (l, r) => {
    const a = single(l);
    const b = single(r);
    if (a === undefined || b === undefined) return [];
    if (operator === '+') return typeof a === typeof b ? [(a as any) + (b as any)] : [];
    if (operator === '-') return typeof a === 'number' && typeof b === 'number' ? [a - b] : [];
    const order = compared(a, b);
    if (order === undefined) return [true]; // dates of different precision, other units: the benefit of the doubt
    if (operator === '<') return [order < 0];
    if (operator === '<=') return [order <= 0];
    if (operator === '>') return [order > 0];
    if (operator === '>=') return [order >= 0];
    throw new Unsupported(operator);
  });
}

function typeTest(atom: Infix, naming: Naming, end: (matches: Picked) => Picked): Select {
  const apply = compileFunction(new FunctionAtom('ofType', [atom.right]), compiling(naming));
  const left = compileSelect(atom.left, naming);
  return (focus, around) => {
    const values = left(focus, around);
    return values.length === 0 ? [] : end(apply(values, around));
  };
}

function dot({ left, right }: Infix, naming: Naming): Select {
  const first = compileSelect(left, naming);
  if (right instanceof FunctionAtom) {
    const apply = compileFunction(right, compiling(naming));
    return (focus, around) => apply(first(focus, around), around);
  }
  const next = compileSelect(right, naming);
  return (focus, around) => {
    const values = first(focus, around);
    return values.length === 1 ? next(values[0], around) : values.flatMap((value) => next(value, around));
  };
}

function symbol(name: string, naming: Naming): Select {
  if (name === '$this') return (focus) => [focus];
  if (name === '%resource') return (_focus, { resource }) => [resource];
  if (name === '%context') return (_focus, { top }) => [top];
  if (name === '%ucum') return always(['http://unitsofmeasure.org']);
  if (name[0] === '%' || name[0] === '$') throw new Unsupported(name);
  const keys = naming(name);
  const halves = keys.map((key) => `_${key}`);
  const isType = name[0]! >= 'A' && name[0]! <= 'Z';
  return (focus) => {
    if (typeof focus !== 'object' || focus === null) return [];
    if (isType) return focus.resourceType === name ? [focus] : [];
    for (let i = 0; i < keys.length; i++) {
      const value = focus[keys[i]!] ?? focus[halves[i]!]; // a primitive may have nothing but extensions
      if (value !== undefined && value !== null) return Array.isArray(value) ? value : [value];
    }
    return [];
  };
}
