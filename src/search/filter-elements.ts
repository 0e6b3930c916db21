/** What a `_filter` asks of single elements: parts of composites, behind brackets. https://hl7.org/fhir/R4/search_filter.html */
import type { Step } from './filter-grammar.ts';
import type { Component, Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import { demandIndexed, unsupported } from './refusals.ts';

/** The elements of a composite that have a value for every part. */
export interface Elements {
  /** Of their groups; undefined where the resource itself is the one element. */
  readonly group: string | undefined;
  /** Its parts, by the names that stand in the brackets and behind them. */
  readonly parts: ReadonlyMap<string, Component>;
}

/** Names that the specification gives to composites and their parts in filters, as far as R4 has what they stand for. */
const additional: Readonly<Record<string, readonly [composite: string, parts: Readonly<Record<string, string>>]>> = {
  'Group.characteristic': ['characteristic-value', { value: 'value', code: 'characteristic' }],
  'DocumentReference.relatesTo': ['relationship', { code: 'relation', target: 'relatesto' }],
};

/** The elements that a step with brackets leads to; undefined where it is no composite. Throws not-supported for one that is not answered by elements. */
export function elementsOf(type: string, { name, filter }: Step): Elements | undefined {
  if (filter === undefined) return undefined;
  const [code, names] = additional[`${type}.${name}`] ?? [name];
  const parameter = parametersOf(type).get(code);
  if (parameter?.type !== 'composite') return undefined;
  demandIndexed('_filter', parameter);
  return { group: parameter.composite?.atRoot ? undefined : parameter.name, parts: partsOf(parameter, names) };
}

function partsOf({ composite }: Parameter, names?: Readonly<Record<string, string>>): ReadonlyMap<string, Component> {
  if (composite === undefined || composite.components.some(({ ofResource }) => ofResource))
    throw unsupported('_filter', 'has brackets behind a composite that is not answered by its elements');
  const byCode = new Map(composite.components.map((component) => [component.parameter.code, component]));
  return names === undefined
    ? byCode
    : new Map(Object.entries(names).map(([name, code]) => [name, byCode.get(code)!] as const));
}
