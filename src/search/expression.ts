/** Compiles the FHIRPath of search parameters to closures that know the types on their way. https://hl7.org/fhir/R4/fhirpath.html */
import {
  AsAtom,
  type Atom,
  DotAtom,
  EqualsAtom,
  FhirPathAtom,
  FunctionAtom,
  IndexerAtom,
  IsAtom,
  LiteralAtom,
  parseFhirPath,
  SymbolAtom,
  UnionAtom,
} from '@medplum/core';
import { evaluated } from './evaluate.ts';
import { inferred } from './inferred.ts';
import { type Place, type Sink, typeNamedBy, typesAt, type Visit } from './place.ts';

class Unsupported extends Error {}

/**
 * A closure that walks a resource of this type and hands each value of the expression to the sink of its place. Expressions
 * beyond paths, unions, type filters and simple `where`s are evaluated: see evaluate.ts.
 */
export function compile(expression: string, type: string, sink: Sink): Visit {
  const ast = parseFhirPath(expression);
  const at: Place = { type, about: [], required: true };
  try {
    return walk(ast, at, sink) ?? (() => {});
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return evaluated(ast, at, sink);
  }
}

/** The places where an expression can find values; undefined when only an evaluation can tell. */
export function placesOf(expression: string, type: string): readonly Place[] | undefined {
  const places: Place[] = [];
  const ast = parseFhirPath(expression);
  const at: Place = { type, about: [], required: true };
  try {
    walk(ast, at, (place) => {
      places.push(place);
      return () => {};
    });
    return places;
  } catch (error) {
    if (error instanceof Unsupported) return inferred(ast, at);
    throw error;
  }
}

function walk(atom: Atom, at: Place, next: Sink): Visit | undefined {
  if (atom instanceof FhirPathAtom) return walk(atom.child, at, next);
  if (atom instanceof DotAtom) return dot(atom, at, next);
  if (atom instanceof SymbolAtom) return step(atom.name, at, next);
  if (atom instanceof UnionAtom) return both(walk(atom.left, at, optional(next)), walk(atom.right, at, optional(next)));
  if (atom instanceof AsAtom) return walk(atom.left, at, onlyType(atom.right, next));
  if (atom instanceof FunctionAtom) return call(atom, at, next);
  if (atom instanceof IndexerAtom) return nth(atom, at, next);
  throw new Unsupported();
}

function dot({ left, right }: DotAtom, at: Place, next: Sink): Visit | undefined {
  if (left instanceof DotAtom && left.right instanceof SymbolAtom && asksExtensions(right)) {
    const { name } = left.right;
    return walk(left.left, at, (place) => extensionsAt(name, right, place, next));
  }
  return walk(left, at, (place) => walk(right, place, next));
}

const asksExtensions = (atom: Atom): boolean =>
  (atom instanceof FunctionAtom || atom instanceof SymbolAtom) && atom.name === 'extension';

/** Those of a primitive stand beside it. */
function extensionsAt(name: string, extension: Atom, at: Place, next: Sink): Visit | undefined {
  let visit: Visit | undefined;
  for (const { property, type, about } of typesAt(at.type, name)) {
    const isPrimitive = /^[a-z]/.test(type);
    const inner = walk(extension, { type: isPrimitive ? 'Extension' : type, about, required: false }, next);
    if (inner) visit = both(visit, each(isPrimitive ? `_${property}` : property, inner));
  }
  return visit;
}

const optional =
  (next: Sink): Sink =>
  (place) =>
    next({ ...place, required: false });

function both(first: Visit | undefined, second: Visit | undefined): Visit | undefined {
  if (!first || !second) return first ?? second;
  return (value) => {
    first(value);
    second(value);
  };
}

function step(name: string, at: Place, next: Sink): Visit | undefined {
  if (/^[A-Z]/.test(name)) {
    if (name === at.type || name === 'Resource' || name === 'DomainResource') return next(at);
    throw new Unsupported();
  }
  if (/^[%$]/.test(name)) throw new Unsupported();
  if (/^[a-z]/.test(at.type) && !['id', 'extension', 'value'].includes(name)) return undefined;
  if (/^[a-z]/.test(at.type) || at.type === 'Resource') throw new Unsupported(); // extensions of primitives, any resource
  const found = typesAt(at.type, name);
  let visit: Visit | undefined;
  for (const { property, type, about, required } of found) {
    const inner = next({ type, about, required: at.required && required && found.length === 1 });
    if (inner) visit = both(visit, each(property, inner));
  }
  return visit;
}

const each =
  (property: string, visit: Visit): Visit =>
  (parent) => {
    const value = parent[property];
    if (value === undefined) return;
    if (!Array.isArray(value)) return value === null ? undefined : visit(value);
    for (const one of value) if (one !== null && one !== undefined) visit(one);
  };

const onlyType =
  (type: Atom, next: Sink): Sink =>
  (place) => {
    if (place.type === 'Resource') throw new Unsupported();
    return type instanceof SymbolAtom && type.name === place.type ? next({ ...place, required: false }) : undefined;
  };

function call(atom: FunctionAtom, at: Place, next: Sink): Visit | undefined {
  const [argument] = atom.args;
  if (argument === undefined) throw new Unsupported();
  if (atom.name === 'as' || atom.name === 'ofType') return onlyType(argument, next)(at);
  if (atom.name === 'extension') return extensions(argument, at, next);
  if (atom.name !== 'where') throw new Unsupported();
  const visit = next({ ...at, about: narrowed(at, argument), required: false });
  const holds = condition(argument, at);
  return visit && ((value) => (holds(value) ? visit(value) : undefined));
}

const textOf = (atom: Atom | undefined): string => {
  if (!(atom instanceof LiteralAtom) || atom.value.type !== 'string') throw new Unsupported();
  return atom.value.value;
};

function extensions(url: Atom, at: Place, next: Sink): Visit | undefined {
  const wanted = textOf(url);
  return step('extension', at, (place) => {
    const visit = optional(next)(place);
    return visit && ((extension) => (extension.url === wanted ? visit(extension) : undefined));
  });
}

const resolvesTo = (argument: Atom): string | undefined =>
  argument instanceof IsAtom &&
  argument.left instanceof FunctionAtom &&
  argument.left.name === 'resolve' &&
  argument.right instanceof SymbolAtom
    ? argument.right.name
    : undefined;

const narrowed = (at: Place, argument: Atom): readonly string[] => {
  const type = resolvesTo(argument);
  return type === undefined ? at.about : [type];
};

function condition(argument: Atom, at: Place): (value: any) => boolean {
  const type = resolvesTo(argument);
  if (type !== undefined) return (value) => typeNamedBy(value?.reference) === type;
  if (argument instanceof FunctionAtom && argument.name === 'hasExtension') {
    const url = textOf(argument.args[0]);
    return ({ extension }) => Array.isArray(extension) && extension.some((one) => one?.url === url);
  }
  if (
    argument instanceof EqualsAtom &&
    argument.left instanceof SymbolAtom &&
    argument.right instanceof LiteralAtom &&
    ['string', 'boolean', 'integer'].includes(argument.right.value.type)
  ) {
    const { name } = argument.left;
    const { value: wanted } = argument.right.value;
    // Not `$this`, nor a choice, which stands under another name.
    if (!/^[a-z]/.test(name) || typesAt(at.type, name).some(({ property }) => property !== name))
      throw new Unsupported();
    return ({ [name]: held }) => (Array.isArray(held) ? held.length === 1 && held[0] === wanted : held === wanted);
  }
  throw new Unsupported();
}

function nth(atom: IndexerAtom, at: Place, next: Sink): Visit | undefined {
  if (!(atom.expr instanceof LiteralAtom) || atom.expr.value.type !== 'integer') throw new Unsupported();
  const wanted: number = atom.expr.value.value;
  let passed = 0;
  const visit = walk(atom.left, at, (place) => {
    const inner = next({ ...place, required: false });
    return inner && ((value) => (passed++ === wanted ? inner(value) : undefined));
  });
  return (
    visit &&
    ((value) => {
      passed = 0;
      visit(value);
    })
  );
}

/** The branches of a union that speak of this type, without their outer parentheses. */
export function branchesFor(type: string, expression: string): readonly string[] {
  return topLevelUnion(expression).filter((branch) => {
    const [, base] = /^\(*([A-Z]\w*)/.exec(branch) ?? [];
    return base === undefined || base === type || base === 'Resource' || base === 'DomainResource';
  });
}

function topLevelUnion(expression: string): string[] {
  const branches: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i <= expression.length; i++) {
    const char = expression[i];
    if (char === "'") quoted = !quoted;
    else if (!quoted && char === '(') depth++;
    else if (!quoted && char === ')') depth--;
    if (i === expression.length || (char === '|' && depth === 0 && !quoted)) {
      branches.push(bare(expression.slice(start, i)));
      start = i + 1;
    }
  }
  return branches;
}

function bare(branch: string): string {
  const text = branch.trim();
  if (!text.startsWith('(')) return text;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i === text.length - 1 ? bare(text.slice(1, -1)) : text;
  }
  return text;
}
