/** `_filter`: an expression over search parameters. https://hl7.org/fhir/R4/search_filter.html */
import { type Comparison, type Expression, readFilter } from './filter-grammar.ts';
import { isResourceType } from './knowledge.ts';
import type { ParameterType } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { Criterion } from './query.ts';
import { invalid as invalidParameter, unsupported } from './refusals.ts';

/** Reads one search parameter, its name with modifiers and chains, its value with escapes. */
export type ReadParameter = (name: string, value: string) => Criterion;

/**
 * The criterion of a filter on a resource type. Throws problems of status 400 that name `_filter`: invalid for what is no
 * filter, not-supported for what this server cannot answer, too-costly beyond the limits.
 */
export function filterCriterion(type: string, text: string, criterionOf: ReadParameter): Criterion {
  return meaningOf(type, readFilter(text), criterionOf);
}

/** The terminology that a filter asks for: `_filter=code in http://vs` as `code:in` and `http://vs`, a code's type with it. */
export function filterTerminology(text: string): readonly (readonly [name: string, value: string])[] {
  const found: (readonly [string, string])[] = [];
  const visit = (expression: Expression): void => {
    if (expression.is === 'not') visit(expression.of);
    else if (expression.is !== 'comparison') expression.of.forEach(visit);
    else {
      const modifier = terminology[expression.operator];
      if (modifier) found.push([`${expression.path}:${modifier}`, escaped(expression.value, 'token')]);
    }
  };
  visit(readFilter(text));
  return found;
}

function meaningOf(type: string, expression: Expression, read: ReadParameter): Criterion {
  switch (expression.is) {
    case 'and':
      return { is: 'all', of: expression.of.map((part) => meaningOf(type, part, read)) };
    case 'or':
      return { is: 'any', of: expression.of.map((part) => meaningOf(type, part, read)) };
    case 'not':
      return { is: 'not', of: meaningOf(type, expression.of, read) };
    case 'comparison':
      return compared(type, expression, read);
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

function compared(type: string, comparison: Comparison, read: ReadParameter): Criterion {
  const { path, operator, value } = comparison;
  const kind = typeAt(type, comparison);
  if (operator === 'pr') {
    if (value !== 'true' && value !== 'false') throw invalid('takes true or false after pr');
    const present = read(`${path}:missing`, 'false');
    return value === 'true' ? present : { is: 'not', of: present };
  }
  if (/(?:^|\.)_(?:text|content)$/.test(path)) {
    if (operator !== 'co')
      throw unsupported('_filter', `compares words with co alone, from character ${comparison.at} on`);
    return read(path, escaped(value, 'string'));
  }
  if (!operators[kind].includes(operator)) {
    throw unsupported('_filter', `cannot compare a ${kind} with ${operator}, from character ${comparison.at} on`);
  }
  const text = escaped(value, kind);
  const modifier = terminology[operator];
  if (modifier) return read(`${path}:${modifier}`, text);
  if (orders.has(operator)) return read(path, operator + plainValue(text));
  if (operator === 'po') return overlapping(read(path, plainValue(text)));
  if (operator === 'ne') return unequal(kind, path, text, read);
  if (kind === 'string') return strings(operator, path, text, read);
  return read(path, kind === 'date' || kind === 'number' || kind === 'quantity' ? plainValue(text) : text);
}

/** A prefix is an operator's business: `eq gt5` means nothing. */
function plainValue(text: string): string {
  if (/^[a-z]/i.test(text)) throw invalid('takes a number or a date here');
  return text;
}

/** Of numbers and dates one value is unequal; others have a value, and none is equal. */
function unequal(kind: ParameterType, path: string, text: string, read: ReadParameter): Criterion {
  if (kind === 'date' || kind === 'number' || kind === 'quantity') return read(path, `ne${plainValue(text)}`);
  const equal = kind === 'string' ? strings('eq', path, text, read) : read(path, text);
  return { is: 'all', of: [read(`${path}:missing`, 'false'), { is: 'not', of: equal }] };
}

function strings(operator: string, path: string, text: string, read: ReadParameter): Criterion {
  if (operator === 'sw') return read(path, text);
  const containing = read(`${path}:contains`, text);
  if (operator === 'co') return containing;
  const match = operator === 'eq' ? 'same' : 'ends';
  return mapped(containing, (leaf) => (leaf.is === 'text' ? { ...leaf, match } : leaf));
}

/** An interval that is contained, as one that overlaps. */
const overlapping = (criterion: Criterion): Criterion =>
  mapped(criterion, (leaf) =>
    leaf.is === 'range'
      ? { ...leaf, low: { atMost: leaf.high!.atMost! }, high: { atLeast: leaf.low!.atLeast! } }
      : leaf,
  );

function mapped(criterion: Criterion, change: (leaf: Criterion) => Criterion): Criterion {
  switch (criterion.is) {
    case 'all':
    case 'any':
      return { ...criterion, of: criterion.of.map((part) => mapped(part, change)) };
    case 'not':
      return { ...criterion, of: mapped(criterion.of, change) };
    case 'refers':
    case 'referred':
      return { ...criterion, where: mapped(criterion.where, change) };
    default:
      return change(criterion);
  }
}

/**
 * `subject.name`, `subject:Patient.name`: the type of the last parameter, the same whatever the references lead to. What is
 * refused is told by its place: a filter is a value, and a name inside of it may be anything.
 */
function typeAt(type: string, { path, at }: Comparison): ParameterType {
  const place = `at character ${at}`;
  const unknown = () => unsupported('_filter', `names ${place} what is no search parameter here`);
  let types: readonly string[] = [type];
  const steps = path.split('.');
  for (const step of steps.slice(0, -1)) {
    const [code, only] = step.split(':');
    const followed = types.flatMap((one) => parametersOf(one).get(code!) ?? []);
    if (followed.length === 0) throw unknown();
    if (followed.some((one) => one.type !== 'reference')) throw invalid(`follows ${place} what is no reference`);
    if (only !== undefined && !isResourceType(only)) throw invalid(`takes a resource type after the colon ${place}`);
    types =
      only !== undefined ? [only] : [...new Set(followed.flatMap((one) => (one.only ? [one.only] : one.targets)))];
  }
  const last = steps.at(-1)!;
  const kinds = new Set(types.flatMap((one) => parametersOf(one).get(last)?.type ?? []));
  if (kinds.size === 0) throw unknown();
  if (kinds.size > 1) throw invalid(`must say ${place} which type is meant, as in subject:Patient.name`);
  return [...kinds][0]!;
}

/** A value of a filter as a value of a parameter: it is one, whatever stands in it. */
function escaped(value: string, kind: ParameterType): string {
  const inert = kind === 'composite' ? /[\\,]/g : kind === 'string' ? /[\\,|$]/g : /[\\,$]/g;
  return value.replace(inert, '\\$&');
}

const invalid = (why: string) => invalidParameter('_filter', why);
