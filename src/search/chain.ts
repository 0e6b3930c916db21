/** Conditions on other resources: chains, `_has` and `_list`. https://hl7.org/fhir/R4/search.html#chaining */
import { Problem } from '../fhir/outcome.ts';
import { isId } from '../fhir/references.ts';
import { containing, insideOf } from './contained-criteria.ts';
import { splitEscaped, unescaped } from './escapes.ts';
import { isResourceType } from './knowledge.ts';
import { formsOf, leadsTo, type Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import { any, type Criterion } from './query.ts';
import { demandIndexed, invalid, quote, tooCostly, unsupported } from './refusals.ts';
import { demandStored, ofTrail } from './trail-type.ts';

/** Reads a parameter on a type; undefined where the type has none of that name. */
export type CriterionOf = (type: string, name: string, value: string) => Criterion | undefined;

export const mostSteps = 3;
const mostReversed = 2;
/** More possible types than this and a step without a type would be a guess. */
const mostTargets = 20;

/** Throws too-costly for a name with more steps than are followed. To be asked once for the whole name. */
export function checkSteps(name: string): void {
  if (name.split('.').length - 1 > mostSteps) throw tooCostly(name, `follows more than ${mostSteps} steps`);
  if (name.split('_has:').length - 1 > mostReversed) {
    throw tooCostly(name, `has _has more than ${mostReversed} deep`);
  }
}

/**
 * `subject:Patient.name`, `subject.name`: what follows the first point holds for a resource that the reference leads to. Refusals
 * name `called`, the parameter of the request that the chain stands in.
 */
export function chained(
  type: string,
  name: string,
  value: string,
  of: CriterionOf,
  called = name,
): Criterion | undefined {
  const dot = name.indexOf('.');
  const [code, target, ...more] = name.slice(0, dot).split(':');
  const rest = name.slice(dot + 1);
  const parameter = parametersOf(type).get(code!);
  if (parameter === undefined) return undefined;
  demandFollowed(type, parameter, called);
  const to = parameter.inside ? holds(parameter, called) : refersTo(parameter);
  if (target !== undefined) {
    if (more.length > 0 || !isResourceType(target))
      throw invalid(called, `takes a resource type after ${quote(code!)}`);
    if (!leadsTo(parameter, target)) throw invalid(called, `cannot lead from ${type} to ${target}`);
    demandStored(called, target);
    const where = of(target, rest, value);
    return where && to(target, where);
  }
  const possible = parameter.only === undefined ? parameter.targets : [parameter.only];
  const targets = possible.filter((one) => one !== ofTrail);
  if (targets.length === 0 && possible.length > 0) demandStored(called, ofTrail);
  if (targets.length === 0 || targets.length > mostTargets) {
    // What stands in a filter is a value, and no name of a parameter of the request.
    const example = called === name ? `${code}:Patient.${rest}` : `${code}:Patient`;
    throw tooCostly(called, `can lead to any type: say which, as ${quote(example)}`);
  }
  return acrossTargets(targets, (one) => {
    const where = of(one, rest, value);
    return where && to(one, where);
  });
}

/** Any of the types that know how to read the rest. Where none does, the refusal of the first stands. */
function acrossTargets(
  targets: readonly string[],
  read: (target: string) => Criterion | undefined,
): Criterion | undefined {
  const found: Criterion[] = [];
  let refusal: Problem | undefined;
  for (const target of targets) {
    try {
      const criterion = read(target);
      if (criterion) found.push(criterion);
    } catch (error) {
      // The rest may be a date in one type and a string in another; what is too much, or too early, is so in all.
      if (!(error instanceof Problem) || error.code === 'too-costly' || error.code === 'transient') throw error;
      refusal ??= error;
    }
  }
  if (found.length === 0 && refusal) throw refusal;
  return found.length === 0 ? undefined : any(found.flatMap((one) => (one.is === 'any' ? one.of : [one])));
}

type Follow = (type: string, where: Criterion) => Criterion;

const refersTo =
  (parameter: Parameter): Follow =>
  (type, where) =>
    any(formsOf(parameter).map(({ name, ...way }) => ({ is: 'refers', name, type, where, ...canonically(way) })));

const canonically = ({ byCanonical }: Pick<Parameter, 'byCanonical'>): { byCanonical?: true } =>
  byCanonical ? { byCanonical } : {};

/** What stands in the resource itself is asked of the entries that it has for that. */
const holds =
  (parameter: Parameter, written: string): Follow =>
  (type, where) => {
    const inner = insideOf(type, where);
    if (inner === undefined) throw unsupported(written, 'asks of a resource inside another for more than its values');
    return containing(parameter.name, type, [inner]);
  };

/** `_has:Observation:patient:code`: a resource of the type refers here and fulfils the rest. */
export function reversed(type: string, name: string, value: string, of: CriterionOf): Criterion | undefined {
  const [, source, code, rest] = /^_has:([^:]*):([^:]*):(.+)$/s.exec(name) ?? [];
  if (source === undefined || code === undefined || rest === undefined) {
    throw invalid(name, 'is written _has:Type:reference:parameter');
  }
  if (!isResourceType(source)) throw invalid(name, 'takes a resource type after _has');
  demandStored(name, source);
  const parameter = parametersOf(source).get(code);
  if (parameter === undefined) return undefined;
  demandFollowed(source, parameter, name);
  if (parameter.inside) {
    throw unsupported(name, `follows ${source}:${parameter.code}, whose values stand inside the resource`);
  }
  if (!leadsTo(parameter, type)) throw invalid(name, `cannot be: ${source}:${parameter.code} never refers to ${type}`);
  const where = of(source, rest, value);
  return (
    where &&
    any(
      formsOf(parameter).map(({ name: pointer, ...way }) => {
        return { is: 'referred', type: source, name: pointer, where, ...canonically(way) };
      }),
    )
  );
}

/** `_list=42`: entries of a List. */
export function listed(name: string, value: string, called = name): Criterion {
  if (name !== '_list') throw unsupported(called, 'takes no modifier');
  const ids = splitEscaped(value, ',').map(unescaped);
  if (ids.some((id) => id.startsWith('$'))) throw unsupported(called, 'takes ids of Lists and no functional lists');
  if (!ids.every(isId)) throw invalid(called, 'takes ids of Lists');
  return { is: 'referred', type: 'List', name: parametersOf('List').get('item')!.name, where: { is: 'id', ids } };
}

function demandFollowed(type: string, parameter: Parameter, name: string): void {
  demandIndexed(name, parameter);
  if (parameter.type !== 'reference')
    throw invalid(name, `cannot follow ${type}:${parameter.code}, which is no reference`);
  if (!parameter.followed && !parameter.inside) {
    throw unsupported(name, `follows ${type}:${parameter.code}, whose values name no resources`);
  }
}
