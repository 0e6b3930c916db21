/** A SearchParameter that comes while the server runs: what of it is kept, or why it is refused. https://hl7.org/fhir/R4/searchparameter.html */
import { parseFhirPath } from '@medplum/core';
import { type Problem, problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { elementsOf, expressionOfPart, ofWhole } from './composite-parts.ts';
import { branchesFor, placesOf } from './expression.ts';
import { notEvaluated, readsAnything } from './inferred.ts';
import { canonicalOf, type DefinedComponent, type Definition, definitionsOf, isResourceType } from './knowledge.ts';
import { ofTheEngine, type Parameter, type ParameterType } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { Place } from './place.ts';

const longestExpression = 4_000;

/**
 * The definition that searches go by from now on; undefined for one that asks for nothing: not active, or a copy of one that
 * the server has anyway. Refuses with 422 what could not be answered exactly.
 */
export function customDefinition(resource: Resource): Definition | undefined {
  if (resource.status !== 'active') return undefined;
  const { code, type, base, url, expression, component } = resource;
  demandCode(code);
  demandType(type);
  base.forEach((name: unknown, i: number) => {
    demandBase(name, `SearchParameter.base[${i}]`);
  });
  const bases: readonly string[] = [...new Set<string>(base)];
  const known = bases.map((name) => builtIn(name, code));
  if (known.every((definition) => definition !== undefined && canonicalOf(definition) === url)) return undefined;
  const clash = bases.find((_, i) => known[i] !== undefined);
  if (clash !== undefined) {
    const sentence = `${clash} has a search parameter of this code already, defined elsewhere`;
    throw refused('business-rule', sentence, 'SearchParameter.code');
  }
  if (typeof expression !== 'string') {
    throw refused('required', 'a search parameter needs an expression', 'SearchParameter.expression');
  }
  demandReadable(expression, expressionAt);
  const target: readonly string[] | undefined = resource.target;
  const made = { id: resource.id!, code, base: bases, type, expression, url, ...(target && { target }) };
  if (type === 'composite') return { ...made, component: componentsOf(component, expression, bases) };
  if (component !== undefined)
    throw refused('invalid', 'a composite alone has components', 'SearchParameter.component');
  for (const name of bases) demandFitting(placesIn(expression, name, expressionAt), name, type, expressionAt);
  return made;
}

const expressionAt = 'SearchParameter.expression';

/** R4's or ours; those of every resource type too. */
const builtIn = (type: string, code: string): Definition | undefined =>
  [type, 'Resource', 'DomainResource'].flatMap(definitionsOf).find((definition) => definition.code === code);

function demandCode(code: unknown): void {
  if (typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(code)) return;
  const sentence = 'a code has 1 to 64 letters, digits, - and _, the first a letter';
  throw refused('value', sentence, 'SearchParameter.code');
}

function demandType(type: unknown): void {
  const at = 'SearchParameter.type';
  if (type === 'special') {
    throw refused(
      'not-supported',
      'what a special parameter means is code of a server, which no definition brings',
      at,
    );
  }
  if (type !== 'composite' && !Object.hasOwn(fitting, String(type))) {
    throw refused('value', `the types are ${Object.keys(fitting).join(', ')} and composite`, at);
  }
}

function demandBase(name: unknown, at: string): void {
  if (typeof name === 'string' && isResourceType(name)) return;
  if (name === 'Resource' || name === 'DomainResource') {
    throw refused('not-supported', 'a base must be a resource type that can be stored; name each', at);
  }
  throw refused('value', 'a base must be a resource type of R4', at);
}

/** The parts of a composite, each with what it is searched as. */
function componentsOf(component: unknown, expression: string, bases: readonly string[]): readonly DefinedComponent[] {
  if (!Array.isArray(component) || component.length < 2) {
    throw refused('required', 'a composite needs components, two at least', 'SearchParameter.component');
  }
  for (const base of bases) placesIn(expression, base, expressionAt);
  return component.map(({ definition, expression: part }, i) => {
    const at = `SearchParameter.component[${i}]`;
    if (typeof part !== 'string') throw refused('required', 'a component needs an expression', `${at}.expression`);
    const { code, type, targets } = bases.map((base) => parameterNamed(definition, base, `${at}.definition`))[0]!;
    for (const base of bases) {
      const whole = partIn(part, base, expression, `${at}.expression`);
      demandFitting(placesIn(whole, base, `${at}.expression`), base, type, `${at}.expression`);
    }
    return { definition, expression: part, is: { code, type, ...(targets.length > 0 && { target: targets }) } };
  });
}

/** A component from the resource on; its own text is read first, so that no parenthesis of it closes one of ours. */
function partIn(part: string, base: string, expression: string, at: string): string {
  demandReadable(part, at);
  if (branchesFor('', part).some((branch) => /%(?:resource|rootResource|context)/.test(ofWhole(branch) ?? branch))) {
    throw refused('not-supported', 'what the resource says stands as `%resource.` at the start of an alternative', at);
  }
  return expressionOfPart(base, elementsOf(base, expression), part);
}

function parameterNamed(canonical: unknown, base: string, at: string): Parameter {
  const [url] = String(canonical).split('|');
  const named = [...parametersOf(base).values()].find(({ definition }) => definition === url);
  if (named === undefined) throw refused('not-found', `no search parameter of ${base} here has this url`, at);
  const { type, code } = named;
  if (!Object.hasOwn(fitting, type) || ofTheEngine.has(code) || code === '_text' || code === '_content') {
    throw refused('not-supported', `${code} cannot be a part of a composite`, at);
  }
  return named;
}

function demandReadable(expression: string, at: string): void {
  if (expression.length > longestExpression) {
    throw refused('value', `an expression has at most ${longestExpression} characters`, at);
  }
  if (!isReadable(expression)) throw refused('invalid', 'the expression is not valid FHIRPath', at);
}

/** Where the values of an expression are on a type; undefined where only the values can tell. */
function placesIn(expression: string, type: string, at: string): readonly Place[] | undefined {
  const branches = branchesFor(type, expression).filter((branch) => branch !== '');
  if (branches.length === 0) throw refused('invalid', `the expression says nothing of ${type}`, at);
  const places = branches.map((branch) => {
    const atom = isReadable(branch) ? parseFhirPath(branch) : undefined;
    const beyond = atom === undefined ? 'a part that is no expression' : notEvaluated(atom);
    if (atom !== undefined && !readsAnything(atom)) {
      throw refused('invalid', 'an alternative of the expression says the same of every resource', at);
    }
    if (beyond === undefined) return placesOf(branch, type);
    const sentence = `${beyond} is not evaluated here: patterns, the time and what other resources say have no place in an index`;
    throw refused('not-supported', sentence, at);
  });
  if (places.some((found) => found === undefined)) return undefined;
  const known = places.flatMap((found) => found!);
  if (known.length === 0) throw refused('invalid', `the expression leads to no element of ${type}`, at);
  return known;
}

function demandFitting(places: readonly Place[] | undefined, type: string, kind: ParameterType, at: string): void {
  if (places === undefined || places.some((place) => fitting[kind]!.includes(place.type))) return;
  throw refused('invalid', `no value of the expression in ${type} can be searched as a ${kind}`, at);
}

/** The datatypes whose values a parameter of each type is searched by. */
const fitting: Readonly<Partial<Record<ParameterType, readonly string[]>>> = {
  token: [
    ...['CodeableConcept', 'Coding', 'Identifier', 'ContactPoint'],
    ...['code', 'boolean', 'string', 'id', 'uri', 'canonical'],
  ],
  string: ['string', 'markdown', 'HumanName', 'Address'],
  reference: ['Reference', 'canonical', 'uri'],
  date: ['date', 'dateTime', 'instant', 'Period', 'Timing'],
  number: ['integer', 'positiveInt', 'unsignedInt', 'decimal', 'Range'],
  quantity: ['Quantity', 'Age', 'Duration', 'Count', 'Distance', 'Money', 'Range'],
  uri: ['uri', 'url', 'canonical', 'oid', 'uuid'],
};

/** The parser stops where an expression could end; in parentheses it has to read all, as long as none of them is closed before. */
function isReadable(expression: string): boolean {
  if (!isBalanced(expression)) return false;
  try {
    parseFhirPath(`(${expression}\n)`);
    return true;
  } catch {
    return false;
  }
}

/** Outside of texts and names in quotes. */
function isBalanced(expression: string): boolean {
  let depth = 0;
  let quote = '';
  for (let i = 0; i < expression.length; i++) {
    const char = expression[i]!;
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === "'" || char === '`') quote = char;
    else if (char === '(') depth++;
    else if (char === ')' && --depth < 0) return false;
  }
  return depth === 0 && quote === '';
}

type Refused = 'not-supported' | 'not-found' | 'business-rule' | 'value' | 'required' | 'invalid' | 'duplicate';

/** A refusal of the element of a SearchParameter that is to blame. */
export const refused = (code: Refused, sentence: string, expression: string): Problem =>
  problem(code, sentence, { expression, status: 422 });
