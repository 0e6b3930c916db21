/** A SearchParameter that comes while the server runs: what of it is kept, or why it is refused. https://hl7.org/fhir/R4/searchparameter.html */
import { parseFhirPath } from '@medplum/core';
import { type Problem, problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { branchesFor, placesOf } from './expression.ts';
import { canonicalOf, type Definition, definitionsOf, isResourceType } from './knowledge.ts';
import type { ParameterType } from './parameter.ts';

const longestExpression = 4_000;

/**
 * The definition that searches go by from now on; undefined for one that asks for nothing: not active, or a copy of one that
 * the server has anyway. Refuses with 422 what could not be answered exactly.
 */
export function customDefinition(resource: Resource): Definition | undefined {
  if (resource.status !== 'active') return undefined;
  const { code, type, base, url, expression } = resource;
  demandCode(code);
  demandType(type, resource);
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
  for (const name of bases) demandExpression(expression, name, type);
  const target: readonly string[] | undefined = resource.target;
  return { id: resource.id!, code, base: bases, type, expression, url, ...(target && { target }) };
}

/** R4's or ours; those of every resource type too. */
const builtIn = (type: string, code: string): Definition | undefined =>
  [type, 'Resource', 'DomainResource'].flatMap(definitionsOf).find((definition) => definition.code === code);

function demandCode(code: unknown): void {
  if (typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(code)) return;
  const sentence = 'a code has 1 to 64 letters, digits, - and _, the first a letter';
  throw refused('value', sentence, 'SearchParameter.code');
}

function demandType(type: unknown, { component }: Resource): void {
  if (!Object.hasOwn(fitting, String(type))) {
    throw refused(
      'not-supported',
      `supported are the types ${Object.keys(fitting).join(', ')}`,
      'SearchParameter.type',
    );
  }
  if (component !== undefined) {
    throw refused('not-supported', 'composites are not supported', 'SearchParameter.component');
  }
}

function demandBase(name: unknown, at: string): void {
  if (typeof name === 'string' && isResourceType(name)) return;
  if (name === 'Resource' || name === 'DomainResource') {
    throw refused('not-supported', 'a base must be a resource type that can be stored; name each', at);
  }
  throw refused('value', 'a base must be a resource type of R4', at);
}

function demandExpression(expression: string, type: string, kind: ParameterType) {
  const at = 'SearchParameter.expression';
  if (expression.length > longestExpression) {
    throw refused('value', `an expression has at most ${longestExpression} characters`, at);
  }
  const branches = branchesFor(type, expression).filter((branch) => branch !== '');
  if (!isReadable(expression)) throw refused('invalid', 'the expression is not valid FHIRPath', at);
  if (branches.length === 0) throw refused('invalid', `the expression says nothing of ${type}`, at);
  const places = branches.flatMap((branch) => {
    const found = isReadable(branch) ? placesOf(branch, type) : undefined;
    if (found !== undefined) return found;
    const sentence =
      'the expression does more than paths, unions, indexes, where, hasExtension, as, ofType and extension do';
    throw refused('not-supported', sentence, at);
  });
  if (places.length === 0) throw refused('invalid', `the expression leads to no element of ${type}`, at);
  if (!places.some((place) => fitting[kind]!.includes(place.type))) {
    throw refused('invalid', `no value of the expression in ${type} can be searched as a ${kind}`, at);
  }
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

function isReadable(expression: string): boolean {
  try {
    parseFhirPath(expression);
    return true;
  } catch {
    return false;
  }
}

type Refused = 'not-supported' | 'business-rule' | 'value' | 'required' | 'invalid' | 'duplicate';

/** A refusal of the element of a SearchParameter that is to blame. */
export const refused = (code: Refused, sentence: string, expression: string): Problem =>
  problem(code, sentence, { expression, status: 422 });
