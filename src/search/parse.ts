/** Turns search parameters into a query tree. https://hl7.org/fhir/R4/search.html */
import { type Issue, problem } from '../fhir/outcome.ts';
import { BadValue, type Setting } from './conditions.ts';
import { isResourceType } from './knowledge.ts';
import { BadModifier, withModifier } from './modifiers.ts';
import { parametersOf } from './parameters.ts';
import { plan } from './plan.ts';
import type { Criterion, SearchQuery } from './query.ts';
import { type Controls, isControl, readControls } from './result-parameters.ts';
import { splitEscaped } from './words.ts';

type Parameters = readonly (readonly [name: string, value: string])[];

export interface SearchOptions extends Setting {
  /** Refuse unknown parameters. */
  readonly strict: boolean;
  /** The criterion of a conditional: unknown parameters are refused, as is a criterion that asks for nothing. */
  readonly conditional?: boolean;
}

export interface ParsedSearch {
  readonly query: SearchQuery;
  /** What was understood, for the self link. */
  readonly used: Parameters;
  /** Names of unknown parameters that were passed over. */
  readonly ignored: readonly string[];
  /** A warning for each ignored parameter. */
  readonly issues: readonly Issue[];
}

const mostParameters = 100;
const mostValues = 500;
const longestValue = 4096;

/**
 * Parses decoded parameters of a search on one resource type. Throws problems of status 400: not-supported for what this
 * server does not do, invalid or value for what cannot be meant, too-costly beyond the limits. Each names the parameter.
 */
export function parseSearch(type: string, parameters: Parameters, options: SearchOptions): ParsedSearch {
  if (!isResourceType(type)) throw problem('not-supported', `${type} is not a resource type of R4`, { status: 404 });
  checkLimits(parameters);
  const where: Criterion[] = [];
  const used: (readonly [string, string])[] = [];
  const ignored: string[] = [];
  const controls: (readonly [string, string])[] = [];
  for (const parameter of parameters) {
    const [name, value] = parameter;
    if (isControl(name)) {
      if (options.conditional) refuseControl(name);
      controls.push(parameter);
      used.push(parameter);
      continue;
    }
    const criterion = criterionOf(type, name, value, options);
    if (criterion === undefined) {
      ignored.push(name);
      continue;
    }
    where.push(criterion);
    used.push(parameter);
  }
  if (options.conditional && where.length === 0) {
    throw problem('invalid', 'A conditional needs at least one search parameter');
  }
  const read: Controls = readControls(type, controls);
  const query = plan({ type, where: where.length === 1 ? where[0]! : { is: 'all', of: where }, ...read });
  return { query, used, ignored, issues: ignored.map((name) => passedOver(type, name)) };
}

const passedOver = (type: string, name: string): Issue => ({
  severity: 'warning',
  code: 'not-supported',
  diagnostics: `${type} has no search parameter ${quote(name)}; it was ignored`,
});

/** Names come from outside: short and without odd characters in a message. */
const quote = (name: string): string => `'${name.slice(0, 64).replace(/[^\w.:*-]/g, '?')}'`;

function refuseControl(name: string): void {
  if (name === '_format' || name === '_pretty') return;
  throw problem('invalid', `${quote(name)} cannot stand in a conditional`);
}

function checkLimits(parameters: Parameters): void {
  if (parameters.length > mostParameters)
    throw problem('too-costly', `A search takes at most ${mostParameters} parameters`);
  let values = 0;
  for (const [name, value] of parameters) {
    if (value.length > longestValue) {
      throw problem('too-costly', `The value of ${quote(name)} is longer than ${longestValue} characters`);
    }
    values += splitEscaped(value, ',').length;
  }
  if (values > mostValues) throw problem('too-costly', `A search takes at most ${mostValues} values`);
}

/** Parameters of R4 that this server does not answer. */
const notDone = new Set(['_filter', '_query', '_text', '_content', '_list', '_has', '_type']);

function criterionOf(type: string, name: string, value: string, options: SearchOptions): Criterion | undefined {
  const [code, modifier, ...more] = name.split(':');
  if (code!.includes('.')) throw unsupported(name, 'follows a chain, which is not supported');
  if (notDone.has(code!)) throw unsupported(name, 'is not supported');
  const parameter = parametersOf(type).get(code!);
  if (parameter === undefined) {
    if (!options.strict && !options.conditional) return undefined;
    throw problem('not-supported', `${type} has no search parameter ${quote(name)}`);
  }
  if (more.length > 0 || parameter.type === 'composite' || parameter.type === 'special') {
    throw unsupported(name, 'is not supported');
  }
  if (value === '') throw problem('invalid', `${quote(name)} has no value`);
  try {
    return withModifier(type, parameter, modifier, value, options);
  } catch (error) {
    if (error instanceof BadValue) throw problem('value', `${quote(name)} ${error.message}`);
    if (error instanceof BadModifier) throw unsupported(name, 'has a modifier that is not supported');
    throw error;
  }
}

const unsupported = (name: string, why: string) => problem('not-supported', `Search parameter ${quote(name)} ${why}`);
