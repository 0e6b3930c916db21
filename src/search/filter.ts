/** `_filter`: an expression over search parameters. https://hl7.org/fhir/R4/search_filter.html */
import { chained } from './chain.ts';
import { type Elements, elementsOf } from './filter-elements.ts';
import { type Comparison, type Expression, readFilter, type Step } from './filter-grammar.ts';
import { isResourceType } from './knowledge.ts';
import type { Parameter, ParameterType } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import { type Criterion, none } from './query.ts';
import { invalid as invalidParameter, tooCostly, unsupported } from './refusals.ts';
import { ofTrail } from './trail-type.ts';

/** How parameters are read, their values with escapes. */
export interface Reading {
  /** One of a type, its name with a modifier; undefined where the type has none of that name. */
  readonly named: (type: string, name: string, value: string) => Criterion | undefined;
  /** A part of a composite, as it stands in a group. */
  readonly part: (type: string, parameter: Parameter, modifier: string | undefined, value: string) => Criterion;
}

/** What the names in a filter are asked of: resources of a type, or elements of them. */
interface Scope {
  readonly type: string;
  readonly reading: Reading;
  readonly elements?: Elements;
  /** Only what the resource as a whole must have, so that one of its elements may fulfil the filter. */
  readonly loosely?: boolean;
  /** Ways to understand the outermost path, counted where its steps are followed. */
  readonly spent?: { ways: number };
}

/** Reads the last parameter of a path with a modifier and a value. */
type Ask = (read: (modifier: string | undefined, value: string) => Criterion | undefined) => Criterion | undefined;

const everything: Criterion = { is: 'all', of: [] };
/** More ways than this to understand a path without types are too many. */
const mostWays = 100;

/**
 * The criterion of a filter on a resource type. Throws problems of status 400 that name `_filter`: invalid for what is no
 * filter, not-supported for what this server cannot answer, too-costly beyond the limits.
 */
export function filterCriterion(type: string, text: string, reading: Reading): Criterion {
  return meaningOf(readFilter(text), { type, reading });
}

/** The terminology that a filter asks for: `_filter=code in http://vs` as `code:in` and `http://vs`, a code's type with it. */
export function filterTerminology(text: string): readonly (readonly [name: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  const visit = (expression: Expression, before: string): void => {
    if (expression.is === 'not') visit(expression.of, before);
    else if (expression.is !== 'comparison') for (const part of expression.of) visit(part, before);
    else {
      const modifier = terminology[expression.operator];
      const name = before + namesOf(expression.path);
      if (modifier) found.push([`${name}:${modifier}`, escaped(expression.value, 'token')]);
      for (const [i, { filter }] of expression.path.entries())
        if (filter) visit(filter, `${before}${namesOf(expression.path.slice(0, i + 1))}.`);
    }
  };
  visit(readFilter(text), '');
  return found;
}

const namesOf = (path: readonly Step[]): string => path.map(({ name }) => name).join('.');

function meaningOf(expression: Expression, scope: Scope): Criterion {
  switch (expression.is) {
    case 'and':
      return { is: 'all', of: expression.of.map((part) => meaningOf(part, scope)) };
    case 'or':
      return { is: 'any', of: expression.of.map((part) => meaningOf(part, scope)) };
    case 'not': {
      const of = meaningOf(expression.of, scope);
      return scope.loosely ? everything : { is: 'not', of };
    }
    case 'comparison':
      return compared(expression, scope);
  }
}

/** Modifiers that ask the terminology: `ss` finds what the value subsumes, `sb` what it is subsumed by. */
const terminology: Readonly<Record<string, string>> = { ss: 'below', sb: 'above', in: 'in', ni: 'not-in' };

const orders: ReadonlySet<string> = new Set(['gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb']);

/** The operators of each type of parameter, beside `pr` that all have. */
const operators: Readonly<Record<ParameterType, readonly string[]>> = {
  string: ['eq', 'ne', 'co', 'sw', 'ew'],
  token: ['eq', 'ne', 'ss', 'sb', 'in', 'ni'],
  reference: ['eq', 'ne', 're'],
  uri: ['eq', 'ne'],
  date: ['eq', 'ne', 'po', ...orders],
  number: ['eq', 'ne', ...orders],
  quantity: ['eq', 'ne', ...orders],
  composite: ['eq'],
  special: [],
};

function compared(comparison: Comparison, scope: Scope): Criterion {
  const { path, operator, value, at } = comparison;
  const kind = kindAt(scope, comparison);
  const ask = (how: Ask): Criterion => {
    const criterion = reached(path, { ...scope, spent: scope.spent ?? { ways: 0 } }, how);
    if (criterion === undefined) throw unknown(at);
    return criterion;
  };
  const isPresent = () => ask((read) => read('missing', 'false'));
  // The path gives a set of values: that none is there, or none is equal, is said of the whole set.
  const unless = (of: Criterion): Criterion => (scope.loosely ? everything : { is: 'not', of });
  if (operator === 'pr') {
    if (value !== 'true' && value !== 'false') throw invalid('takes true or false after pr');
    return value === 'true' ? isPresent() : unless(isPresent());
  }
  if (/^_(?:text|content)$/.test(path.at(-1)!.name)) {
    if (operator !== 'co') throw unsupported('_filter', `compares words with co alone, from character ${at} on`);
    return ask((read) => read(undefined, escaped(value, 'string')));
  }
  if (!operators[kind].includes(operator))
    throw unsupported('_filter', `cannot compare a ${kind} with ${operator}, from character ${at} on`);
  const text = escaped(value, kind);
  const modifier = terminology[operator];
  if (modifier) return ask((read) => read(modifier, text));
  if (operator === 'ne' && !isOrdered(kind)) return { is: 'all', of: [isPresent(), unless(ask(equal(kind, text)))] };
  if (operator === 'ne' || orders.has(operator)) return ask((read) => read(undefined, operator + plainValue(text)));
  if (operator === 'po') return ask((read) => mapped(read(undefined, plainValue(text)), overlapping));
  return ask(operator === 'eq' || operator === 're' ? equal(kind, text) : strings(operator, text));
}

/**
 * What a path leads to. All that is said of one step, in its brackets and behind them, one and the same resource or element
 * must fulfil. Undefined where no type that the path may lead to knows its last parameter.
 */
function reached(path: readonly Step[], scope: Scope, ask: Ask): Criterion | undefined {
  const [step, ...rest] = path;
  const { type, reading, elements, spent } = scope;
  if (rest.length === 0) return ask((modifier, value) => lastRead(step!.name, scope, modifier, value));
  const inside = elements === undefined ? elementsOf(type, step!) : undefined;
  if (inside) return inElements(inside, step!, rest, scope, ask);
  const within = (target: string): Criterion | undefined => {
    if (++spent!.ways > mostWays) throw tooCostly('_filter', 'can lead to too many types: say which in each step');
    const on: Scope = { type: target, reading, spent };
    const behind = reached(rest, on, ask);
    return behind && step!.filter ? { is: 'all', of: [meaningOf(step!.filter, on), behind] } : behind;
  };
  return chained(type, namesOf(path), '', within, '_filter');
}

function inElements(
  elements: Elements,
  step: Step,
  rest: readonly Step[],
  { type, reading, spent }: Scope,
  ask: Ask,
): Criterion | undefined {
  const fulfilled = (scope: Scope): Criterion[] => {
    const behind = reached(rest, scope, ask);
    return behind ? [meaningOf(step.filter!, scope), behind] : [none];
  };
  const of = fulfilled({ type, reading, spent, elements });
  if (elements.group === undefined) {
    const present = [...elements.parts.values()].map(({ parameter: { code } }) =>
      reading.named(type, `${code}:missing`, 'false'),
    );
    return { is: 'all', of: [...present.map((one) => one ?? none), ...of] };
  }
  // What the resource as a whole must have leads to few resources; the group then decides.
  const anywhere = fulfilled({ type, reading, spent, elements, loosely: true });
  return { is: 'all', of: [...anywhere, { is: 'together', name: elements.group, of }] };
}

function lastRead(
  name: string,
  { type, reading, elements, loosely }: Scope,
  modifier: string | undefined,
  value: string,
): Criterion | undefined {
  const named = (code: string) => reading.named(type, modifier === undefined ? code : `${code}:${modifier}`, value);
  if (elements === undefined) return named(name);
  // An element has a value for every part, or it is none.
  if (modifier === 'missing') return everything;
  // That one element has no such code says nothing of the others.
  if (loosely && modifier === 'not-in') return everything;
  const { parameter } = elements.parts.get(name)!;
  // Parts that are no parameter's values stand on the resource under their own name.
  const isElsewhere = elements.group === undefined || (loosely && parameter.name === `${type}.${parameter.code}`);
  return isElsewhere ? named(parameter.code) : reading.part(type, parameter, modifier, value);
}

/** A prefix is an operator's business: `eq gt5` means nothing. */
function plainValue(text: string): string {
  if (/^[a-z]/i.test(text)) throw invalid('takes a number or a date here');
  return text;
}

/** One value is unequal, where values have an order; of others there are some, and none is equal. */
const isOrdered = (kind: ParameterType): boolean => kind === 'date' || kind === 'number' || kind === 'quantity';

const equal = (kind: ParameterType, text: string): Ask =>
  kind === 'string' ? strings('eq', text) : (read) => read(undefined, isOrdered(kind) ? plainValue(text) : text);

const strings =
  (operator: string, text: string): Ask =>
  (read) => {
    if (operator === 'sw') return read(undefined, text);
    const containing = read('contains', text);
    if (operator === 'co') return containing;
    const match = operator === 'eq' ? 'same' : 'ends';
    return mapped(containing, (leaf) => (leaf.is === 'text' ? { ...leaf, match } : leaf));
  };

/** An interval that is contained, as one that overlaps. */
const overlapping = (leaf: Criterion): Criterion =>
  leaf.is === 'range' ? { ...leaf, low: { atMost: leaf.high!.atMost! }, high: { atLeast: leaf.low!.atLeast! } } : leaf;

/** The criterion of one parameter, with its leaves changed. */
function mapped<T extends Criterion | undefined>(criterion: T, change: (leaf: Criterion) => Criterion): T | Criterion {
  if (criterion?.is === 'all' || criterion?.is === 'any')
    return { ...criterion, of: criterion.of.map((part) => mapped(part, change)) };
  return criterion && change(criterion);
}

/**
 * `subject.name`, `subject:Patient.name`: the type of the last parameter, the same whatever the references lead to. What is
 * refused is told by its place: a filter is a value, and a name inside of it may be anything.
 */
function kindAt(scope: Scope, { path, at }: Comparison): ParameterType {
  let scopes: readonly Scope[] = [scope];
  for (const step of path.slice(0, -1)) scopes = following(step, scopes, at);
  const last = path.at(-1)!.name;
  const kinds = new Set(
    scopes.flatMap(({ type, elements }) =>
      elements ? (elements.parts.get(last)?.parameter.type ?? []) : (parametersOf(type).get(last)?.type ?? []),
    ),
  );
  if (kinds.size === 0) throw unknown(at);
  if (kinds.size > 1) throw invalid(`must say at character ${at} which type is meant, as in subject:Patient.name`);
  return [...kinds][0]!;
}

/** Where one step leads from there. */
function following(step: Step, scopes: readonly Scope[], at: number): readonly Scope[] {
  const [code, only] = step.name.split(':');
  const found = new Map<string, Scope>();
  let isKnown = false;
  for (const { type, reading, elements: within } of scopes) {
    if (within !== undefined) continue;
    const elements = elementsOf(type, step);
    const parameter = parametersOf(type).get(code!);
    if (elements) found.set(`${type}.${code}`, { type, reading, elements });
    isKnown ||= elements !== undefined || parameter !== undefined;
    if (elements || parameter === undefined) continue;
    if (parameter.type !== 'reference') throw followsNone(step, at);
    for (const target of parameter.only ? [parameter.only] : parameter.targets)
      if (target !== ofTrail) found.set(target, { type: target, reading });
    if (only !== undefined && !isResourceType(only))
      throw invalid(`takes a resource type after the colon at character ${at}`);
    if (only !== undefined) found.set(only, { type: only, reading });
  }
  if (!isKnown) throw unknown(at);
  return only === undefined ? [...found.values()] : [found.get(only)!];
}

const unknown = (at: number) => unsupported('_filter', `names at character ${at} what is no search parameter here`);

const followsNone = ({ filter }: Step, at: number) =>
  filter === undefined
    ? invalid(`follows at character ${at} what is no reference`)
    : unsupported('_filter', `has brackets, at character ${at}, behind what is neither a reference nor a composite`);

/** Names that stand for namespaces in filters. https://hl7.org/fhir/R4/search_filter.html#ops */
const namespaces: Readonly<Record<string, string>> = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ucum: 'http://unitsofmeasure.org',
};

/** A value of a filter as a value of a parameter: it is one, whatever stands in it. */
function escaped(value: string, kind: ParameterType): string {
  const inert = kind === 'composite' ? /[\\,]/g : kind === 'string' ? /[\\,|$]/g : /[\\,$]/g;
  const text = value.replace(inert, '\\$&');
  if (kind !== 'token' && kind !== 'quantity' && kind !== 'composite') return text;
  return text.replace(/(?<=^|[$|])(?:loinc|snomed|rxnorm|ucum)(?=\|)/g, (name) => namespaces[name]!);
}

const invalid = (why: string) => invalidParameter('_filter', why);
