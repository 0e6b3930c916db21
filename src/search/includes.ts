/** `_include` and `_revinclude`: which resources come along with the matches. https://hl7.org/fhir/R4/search.html#include */
import { resourceTypes } from '../fhir/definitions.ts';
import { type Problem, problem } from '../fhir/outcome.ts';
import { isResourceType } from './knowledge.ts';
import { formsOf, leadsTo, type Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { Include } from './query.ts';
import { demandIndexed, invalid, placeOf, tooCostly, unsupported } from './refusals.ts';
import { demandStored, ofTrail } from './trail-type.ts';

const mostIncludes = 20;
/** Most resources that one page brings along. */
export const mostIncluded = 1_000;

/** For a page that would bring along more than these: one that was cut would look whole. */
export const tooManyIncluded = ([first]: readonly Include[]): Problem =>
  problem(
    'too-costly',
    `_include and _revinclude would bring along more than ${mostIncluded} resources; ask for a smaller _count or for fewer of them`,
    { expression: placeOf(first?.way === 'from' ? '_revinclude' : '_include') },
  );

/** Reads those among the parameters, for a search on these types. Throws problems of status 400 that name the parameter. */
export function readIncludes(
  types: readonly string[],
  parameters: readonly (readonly [name: string, value: string])[],
): readonly Include[] {
  const asked = parameters.filter(([name]) => isInclude(name));
  if (asked.length > mostIncludes)
    throw tooCostly('_include', `may stand ${mostIncludes} times at most, as _revinclude may`);
  const distinct = new Map<string, Include>();
  for (const [name, value] of asked) {
    for (const include of read(types, name, value)) distinct.set(JSON.stringify(include), include);
  }
  return [...distinct.values()];
}

export const isInclude = (name: string): boolean => /^_(rev)?include(:|$)/.test(name);

function read(types: readonly string[], name: string, value: string): readonly Include[] {
  const [kind, modifier, ...more] = name.split(':');
  if (more.length > 0 || !(modifier === undefined || modifier === 'iterate' || modifier === 'recurse')) {
    throw unsupported(name, 'takes the modifier iterate and no other');
  }
  const iterate = modifier !== undefined; // recurse is what R3 called it
  return kind === '_include' ? forward(types, name, value, iterate) : backward(types, name, value, iterate);
}

function forward(types: readonly string[], name: string, value: string, iterate: boolean): readonly Include[] {
  // What comes along may be of any type, and what it refers to comes along again.
  if (value === '*') return (iterate ? stored() : types).map((type) => ({ way: 'to', type, iterate }));
  const { source, code, target } = split(name, value);
  if (iterate) demandStored(name, source);
  if (target !== undefined) demandStored(name, target);
  if (!iterate && !types.includes(source))
    throw invalid(name, `starts with a type that is searched: ${types[0]}:parameter`);
  if (code === '*') return [{ way: 'to', type: source, ...(target && { target }), iterate }];
  const parameter = referenceOf(name, source, code);
  if (target !== undefined && !leadsTo(parameter, target)) {
    throw invalid(name, `cannot be: ${source}:${parameter.code} never refers to ${target}`);
  }
  return includesOf('to', source, parameter, target ?? parameter.only, iterate);
}

function backward(types: readonly string[], name: string, value: string, iterate: boolean): readonly Include[] {
  if (value === '*') throw tooCostly(name, 'takes Type:parameter or Type:*, and not everything');
  const { source, code, target } = split(name, value);
  demandStored(name, source);
  const reached = (parameter: Parameter): boolean =>
    target !== undefined ? leadsTo(parameter, target) : iterate || types.some((type) => leadsTo(parameter, type));
  if (target !== undefined && !iterate && !types.includes(target))
    throw invalid(name, `has a target that is not searched`);
  if (code === '*') {
    const all = [...parametersOf(source).values()].filter(
      (one) => one.type === 'reference' && one.followed && reached(one),
    );
    for (const one of all) demandIndexed(name, one);
    return all.flatMap((one) => includesOf('from', source, one, target ?? one.only, iterate));
  }
  const parameter = referenceOf(name, source, code);
  if (!reached(parameter)) {
    throw invalid(name, `cannot be: ${source}:${parameter.code} never refers to ${target ?? types.join(' or ')}`);
  }
  return includesOf('from', source, parameter, target ?? parameter.only, iterate);
}

/** AuditEvents come along, and are not followed. */
const stored = (): readonly string[] => [...resourceTypes].filter((type) => type !== ofTrail);

function split(name: string, value: string): { source: string; code: string; target: string | undefined } {
  const [source = '', code = '', target, ...more] = value.split(':');
  if (more.length > 0 || code === '') throw invalid(name, 'takes Type:parameter or Type:parameter:Target');
  if (!isResourceType(source)) throw invalid(name, 'starts with a name that is no resource type');
  if (target === undefined || target === '') return { source, code, target: undefined };
  if (!isResourceType(target)) throw invalid(name, 'has a target that is no resource type');
  return { source, code, target };
}

function referenceOf(name: string, source: string, code: string): Parameter {
  const parameter = parametersOf(source).get(code);
  if (parameter === undefined) throw unsupported(name, `names a parameter that ${source} does not have`);
  if (parameter.type !== 'reference') throw invalid(name, `names ${source}:${parameter.code}, which is no reference`);
  demandIndexed(name, parameter);
  if (!parameter.followed) {
    throw unsupported(name, `names ${source}:${parameter.code}, whose values stand inside the resource`);
  }
  return parameter;
}

const includesOf = (
  way: Include['way'],
  type: string,
  parameter: Parameter,
  target: string | undefined,
  iterate: boolean,
): readonly Include[] =>
  formsOf(parameter).map(({ name }) => ({ way, type, name, ...(target && { target }), iterate }));
