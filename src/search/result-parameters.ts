/** The parameters that shape the answer and not the matches: order, page, total, includes, short forms. https://hl7.org/fhir/R4/search.html#return */
import { hasElement, type Shape } from '../fhir/shape.ts';
import { isInclude, readIncludes } from './includes.ts';
import type { Include, SearchQuery, SortKey } from './query.ts';
import { invalid, unsupported, wrongValue } from './refusals.ts';
import { sortKeys } from './sort.ts';

export interface Controls extends Pick<SearchQuery, 'count' | 'total'> {
  /** One list for each type that is searched. */
  readonly sorts: readonly (readonly SortKey[])[];
  readonly includes: readonly Include[];
  readonly shape: Shape;
  /** Whether resources inside others are searched, and whether they or their containers are shown. */
  readonly contained: 'false' | 'true' | 'both';
  readonly containedType: 'container' | 'contained';
}

type Parameters = readonly (readonly [name: string, value: string])[];

const names = new Set([
  '_sort',
  '_count',
  '_total',
  '_include',
  '_revinclude',
  '_format',
  '_pretty',
  '_summary',
  '_elements',
  '_contained',
  '_containedType',
]);

/** How an answer is written; every request may say it. https://hl7.org/fhir/R4/http.html#parameters */
export const isFormat = (name: string): boolean => name === '_format' || name === '_pretty';

/** Throws invalid for a form that cannot be meant. Every answer is written alike, with `_pretty` and without. */
export function checkFormat(name: string, value: string): void {
  if (name === '_pretty' && value !== 'true' && value !== 'false') throw invalid(name, 'takes true or false');
}

/** True for parameters that say nothing about which resources are meant. */
export const isControl = (name: string): boolean => names.has(name.split(':')[0]!);

const usualCount = 20;
const mostMatches = 1000;

/** The parameter as it is answered, for the links: no page has more matches than the most. */
export const answered = (parameter: Parameters[number]): Parameters[number] =>
  parameter[0] === '_count' && Number(parameter[1]) > mostMatches ? ['_count', String(mostMatches)] : parameter;

/** Reads them for a search on these types; throws problems of status 400 that name the parameter. */
export function readControls(types: readonly string[], parameters: Parameters): Controls {
  refuseRepeats(parameters);
  const includes = readIncludes(types, parameters);
  let sorts: Controls['sorts'] = types.map(() => []);
  let count = usualCount;
  let total: Controls['total'] = 'none';
  let summary: string | undefined;
  let contained: Controls['contained'] = 'false';
  let containedType: Controls['containedType'] = 'container';
  const elements: string[] = [];
  for (const [name, value] of parameters) {
    checkFormat(name, value);
    if (isInclude(name) || isFormat(name)) continue;
    if (name === '_sort') sorts = types.map((type) => sortKeys(type, value));
    else if (name === '_count') count = countOf(value);
    else if (name === '_total') total = totalOf(value);
    else if (name === '_summary') summary = summaryOf(value);
    else if (name === '_elements') elements.push(...elementsOf(types, value));
    else if (name === '_contained') contained = containedOf(value);
    else if (name === '_containedType') containedType = containedTypeOf(value);
    else throw unsupported(name, 'has a modifier that is not supported');
  }
  if (summary === 'text' && includes.length > 0)
    throw invalid('_summary', 'cannot be text beside _include and _revinclude');
  if (types.length > 1) demandSameKinds(sorts);
  if (summary === 'count') count = 0;
  const shape = shapeOf(summary, elements);
  return { sorts, count, total: count === 0 ? 'accurate' : total, includes, shape, contained, containedType };
}

/** Two of these would contradict each other, and which of them holds would be a guess. */
function refuseRepeats(parameters: Parameters): void {
  const seen = new Set<string>();
  for (const [name] of parameters) {
    if (isInclude(name) || isFormat(name) || name === '_elements') continue;
    if (seen.has(name)) throw invalid(name, 'may be given once');
    seen.add(name);
  }
}

function countOf(value: string): number {
  if (!/^\d+$/.test(value)) throw invalid('_count', 'takes a number from 0 on');
  return Math.min(Number(value), mostMatches);
}

function totalOf(value: string): Controls['total'] {
  if (value === 'none') return 'none';
  if (value === 'estimate' || value === 'accurate') return 'accurate';
  throw invalid('_total', 'takes none, estimate or accurate');
}

function summaryOf(value: string): string {
  if (['true', 'text', 'data', 'count', 'false'].includes(value)) return value;
  throw invalid('_summary', 'takes true, text, data, count or false');
}

function elementsOf(types: readonly string[], value: string): readonly string[] {
  const elements = value.split(',').map((one) => one.trim());
  if (elements.some((one) => !types.some((type) => hasElement(type, one)))) {
    const which = types.length === 1 ? types[0] : 'no searched type';
    throw wrongValue('_elements', `names an element that ${which} does not have`);
  }
  return elements;
}

function containedOf(value: string): Controls['contained'] {
  if (value === 'false' || value === 'true' || value === 'both') return value;
  throw invalid('_contained', 'takes false, true or both');
}

function containedTypeOf(value: string): Controls['containedType'] {
  if (value === 'container' || value === 'contained') return value;
  throw invalid('_containedType', 'takes container or contained');
}

const shapeOf = (summary: string | undefined, elements: readonly string[]): Shape => ({
  ...((summary === 'true' || summary === 'text' || summary === 'data') && { summary }),
  ...(elements.length > 0 && { elements }),
});

/** A listing of several types has one order. */
function demandSameKinds(sorts: Controls['sorts']): void {
  const kinds = sorts.map((keys) => keys.map(({ by }) => by).join());
  if (kinds.some((one) => one !== kinds[0]))
    throw invalid('_sort', 'names values of different kinds in the types searched');
}
