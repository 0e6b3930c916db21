/** Turns search parameters into a query tree. https://hl7.org/fhir/R4/search.html */
import { type Issue, problem } from '../fhir/outcome.ts';
import type { Shape } from '../fhir/shape.ts';
import { type ContainedAsked, containedQuery } from './contained.ts';
import { intoContained } from './contained-criteria.ts';
import { criterionOf } from './criterion.ts';
import { splitEscaped } from './escapes.ts';
import { isResourceType } from './knowledge.ts';
import { plan } from './plan.ts';
import type { Criterion, SearchQuery } from './query.ts';
import { invalid, placeOf, quote, tooCostly, unsupported } from './refusals.ts';
import { answered, type Controls, isControl, isFormat, readControls } from './result-parameters.ts';
import type { Setting } from './setting.ts';

type Parameters = readonly (readonly [name: string, value: string])[];

export interface SearchOptions extends Setting {
  /** Refuse unknown parameters. */
  readonly strict: boolean;
  /** The criterion of a conditional: unknown parameters are refused, as is a criterion that asks for nothing. */
  readonly conditional?: boolean;
  /** The types that contained resources are looked for in; without it `_contained` may only be false. */
  readonly containers?: readonly string[];
}

export interface ParsedSearch {
  readonly query: SearchQuery;
  /** What was understood, for the self link. */
  readonly used: Parameters;
  /** Names of unknown parameters that were passed over. */
  readonly ignored: readonly string[];
  /** A warning for each ignored parameter. */
  readonly issues: readonly Issue[];
  /** How much of each resource the answer shows. */
  readonly shape: Shape;
  /** Where contained resources are to be shown instead of what contains them. */
  readonly contained?: ContainedAsked;
}

const mostParameters = 100;
const mostValues = 500;
const longestValue = 4096;

/**
 * Parses decoded parameters of a search on one resource type. Throws problems of status 400: not-supported for what this
 * server does not do, invalid or value for what cannot be meant, too-costly beyond the limits. Each names the parameter.
 */
export function parseSearch(type: string, parameters: Parameters, options: SearchOptions): ParsedSearch {
  if (!isResourceType(type))
    throw problem('not-supported', 'What is searched is no resource type of R4', { status: 404 });
  return parseFor([type], parameters, options);
}

/** The same for a search on several types at once: a parameter is known where every one of them has it. */
export function parseFor(types: readonly string[], parameters: Parameters, options: SearchOptions): ParsedSearch {
  checkLimits(parameters);
  const criteria: (readonly Criterion[])[] = [];
  const asked: (readonly [string, string])[] = [];
  const used: (readonly [string, string])[] = [];
  const ignored: string[] = [];
  const controls: (readonly [string, string])[] = [];
  for (const parameter of parameters) {
    const [name, value] = parameter;
    if (isControl(name)) {
      if (options.conditional) refuseControl(name);
      controls.push(parameter);
      used.push(answered(parameter));
      continue;
    }
    const read = types.map((type) => criterionOf(type, name, value, options));
    const lacking = read.indexOf(undefined);
    if (lacking < 0) {
      criteria.push(read.map((one) => intoContained(one!)));
      asked.push(parameter);
      used.push(parameter);
    } else {
      if (options.strict || options.conditional)
        throw problem('not-supported', unknown(types[lacking]!, name), { expression: placeOf(name) });
      ignored.push(name);
    }
  }
  if (options.conditional && criteria.length === 0) {
    throw problem('invalid', 'A conditional needs at least one search parameter');
  }
  const controlled = readControls(types, controls);
  const issues = ignored.map((name) => passedOver(types, name));
  const told = { used, ignored, issues, shape: controlled.shape };
  if (controlled.contained === 'false') return { ...told, query: queryOf(types, criteria, controlled) };
  const [type, ...others] = types;
  if (!options.containers || others.length > 0) throw unsupported('_contained', 'may only be false here');
  const read = asked.map(([name, value], i) => ({ name, value, criterion: criteria[i]![0]! }));
  return { ...told, ...containedQuery(type!, read, controlled, options.containers) };
}

function queryOf(
  types: readonly string[],
  criteria: readonly (readonly Criterion[])[],
  { sorts, count, total, includes }: Controls,
): SearchQuery {
  const asked = types.map((type, i) => ({ type, where: both(criteria.map((read) => read[i]!)), sort: sorts[i]! }));
  const [first, ...also] = asked;
  const query: SearchQuery = { ...first!, count, total, includes };
  return also.length === 0 ? plan(query) : { ...query, also };
}

/** All of them, those inside each other laid out side by side, where the fast lane looks for what it knows. */
function both(criteria: readonly Criterion[]): Criterion {
  const of = criteria.flatMap((one) => (one.is === 'all' ? one.of : [one]));
  return of.length === 1 ? of[0]! : { is: 'all', of };
}

const unknown = (type: string, name: string): string => `${type} has no search parameter ${quote(name)}`;

const passedOver = (types: readonly string[], name: string): Issue => ({
  severity: 'warning',
  code: 'not-supported',
  diagnostics: `${
    types.length === 1 ? unknown(types[0]!, name) : `not every type searched has a search parameter ${quote(name)}`
  }; it was ignored`,
  expression: placeOf(name),
});

function refuseControl(name: string): void {
  if (isFormat(name)) return;
  throw invalid(name, 'cannot stand in a conditional');
}

function checkLimits(parameters: Parameters): void {
  const surplus = parameters[mostParameters];
  if (surplus) throw tooCostly(surplus[0], `is one more than the ${mostParameters} parameters that a search takes`);
  let values = 0;
  for (const [name, value] of parameters) {
    if (value.length > longestValue) {
      throw tooCostly(name, `has a value longer than ${longestValue} characters`);
    }
    values += splitEscaped(value, ',').length;
    if (values > mostValues) throw tooCostly(name, `brings the search to more than ${mostValues} values`);
  }
}
