/** Criteria on what stands inside a resource: of `_contained`, and of chains. https://hl7.org/fhir/R4/search.html#contained */
import { groupOf, holds, leading, localId, pointedBy } from './contained-entries.ts';
import { customDefinitionsOf } from './knowledge.ts';
import { missingEntry } from './missing.ts';
import { isEntryOf } from './parameter.ts';
import { any, type Criterion } from './query.ts';

/** More leaves than these are not repeated for every type of container; the group then decides. */
const mostLeaves = 50;
/** The same for every type that a chain may lead to. */
const mostLeavesOfChain = 4;

/**
 * What holds one resource of the type that fulfils all conditions together: a container of the type `from`, or one whose
 * references of the parameter `from` lead there.
 */
export function containing(from: string, type: string, inner: readonly Criterion[]): Criterion {
  const isHeld: Criterion = { is: 'key', ...holds(from, type) };
  const [first, ...more] = inner;
  if (first === undefined) return isHeld;
  const isChain = from.includes('.');
  let left = isChain ? mostLeavesOfChain : mostLeaves;
  const few = inner.filter((one) => {
    const leaves = leavesOf(one);
    if (leaves > left) return false;
    left -= leaves;
    return true;
  });
  const alone = more.length === 0 && few.length === 1 ? exactly(from, first) : undefined;
  if (alone) return alone;
  const needed = few.flatMap((one) => neededIn(from, one) ?? []);
  const pointed: readonly Criterion[] = isChain ? [{ is: 'key', ...pointedBy(from) }] : [];
  return {
    is: 'all',
    of: [
      ...(needed.length > 0 ? needed : [isHeld]),
      { is: 'together', name: groupOf(type), of: [...pointed, ...inner] },
    ],
  };
}

function leavesOf(criterion: Criterion): number {
  if (criterion.is === 'all' || criterion.is === 'any') {
    return criterion.of.reduce((sum, part) => sum + leavesOf(part), 0);
  }
  if (criterion.is === 'not') return leavesOf(criterion.of);
  return criterion.is === 'near' ? criterion.cells.length : 1;
}

/**
 * The same criterion with chains that also look into contained resources: at their last step, and where that asks for values.
 * What asks for ids, versions, words, composites of one element or further resources is asked of resources that stand alone.
 */
export function intoContained(criterion: Criterion): Criterion {
  switch (criterion.is) {
    case 'all':
      return { is: 'all', of: criterion.of.map(intoContained) };
    case 'any':
      return { is: 'any', of: criterion.of.map(intoContained).flatMap((one) => (one.is === 'any' ? one.of : [one])) };
    case 'not':
      return { is: 'not', of: intoContained(criterion.of) };
    case 'referred':
      return { ...criterion, where: intoContained(criterion.where) };
    case 'refers': {
      const { name, type, where } = criterion;
      const outside: Criterion = { ...criterion, where: intoContained(where) };
      const inner = asksForIds(where) ? undefined : insideOf(type, where);
      if (inner === undefined || (inner.is === 'any' && inner.of.length === 0)) return outside;
      return { is: 'any', of: [outside, ...alternatives(containing(name, type, [inner]))] };
    }
    default:
      return criterion;
  }
}

const alternatives = (criterion: Criterion): readonly Criterion[] =>
  criterion.is === 'any' ? criterion.of : [criterion];

/** Local ids are nobody's but the container's. */
function asksForIds(criterion: Criterion): boolean {
  if (criterion.is === 'all' || criterion.is === 'any') return criterion.of.some(asksForIds);
  return criterion.is === 'not' ? asksForIds(criterion.of) : criterion.is === 'id';
}

/** The condition on the entries of one contained resource; undefined where those cannot tell. */
export function insideOf(type: string, criterion: Criterion): Criterion | undefined {
  switch (criterion.is) {
    case 'all':
    case 'any': {
      const of = criterion.of.map((part) => insideOf(type, part));
      return of.every((part) => part !== undefined) ? { is: criterion.is, of } : undefined;
    }
    case 'not': {
      const of = insideOf(type, criterion.of);
      return of && { is: 'not', of };
    }
    case 'id':
      return any(criterion.ids.map((id) => ({ is: 'key', ...localId(type, id) })));
    case 'range':
      return criterion.name === `${type}._lastUpdated` || isCustom(type, criterion.name) ? undefined : criterion;
    case 'key':
      return isCustom(type, criterion.name, criterion.first) ? undefined : criterion;
    case 'word':
    case 'together':
    case 'refers':
    case 'referred':
      return undefined;
    default:
      return isCustom(type, criterion.name) ? undefined : criterion;
  }
}

/** A parameter that came while the server ran: only resources of its own type are surely indexed with it. */
function isCustom(type: string, name: string, first?: string): boolean {
  return customDefinitionsOf(type).some(({ code }) => {
    if (name === missingEntry(type, code, true).name) return first === code;
    return isEntryOf(`${type}.${code}`, name);
  });
}

/** The condition on the entries that lead to contained resources, where those alone decide. */
function exactly(from: string, criterion: Criterion): Criterion | undefined {
  if (criterion.is === 'any') {
    const of = criterion.of.map((part) => exactly(from, part));
    return of.every((part) => part !== undefined) ? any(of.flatMap(alternatives)) : undefined;
  }
  const isAlone = ['key', 'text', 'reference'].includes(criterion.is);
  return isAlone || (criterion.is === 'range' && criterion.along === undefined) ? neededIn(from, criterion) : undefined;
}

/** What every container has that holds a resource which fulfils the condition; undefined where nothing can be said. */
function neededIn(from: string, criterion: Criterion): Criterion | undefined {
  switch (criterion.is) {
    case 'all': {
      const of = criterion.of.flatMap((part) => neededIn(from, part) ?? []);
      return of.length === 0 ? undefined : { is: 'all', of };
    }
    case 'any': {
      const of = criterion.of.map((part) => neededIn(from, part));
      return of.every((part) => part !== undefined) ? any(of) : undefined;
    }
    case 'reference':
      return { is: 'key', name: leading(from, criterion.name), first: criterion.target, second: '' };
    case 'range': {
      const { along, ...range } = criterion;
      return { ...range, name: leading(from, along ?? criterion.name) };
    }
    case 'near': {
      const name = leading(from, criterion.name);
      return any(criterion.cells.map((cell) => ({ is: 'key', name, first: cell, second: '' })));
    }
    case 'key':
    case 'text':
      return { ...criterion, name: leading(from, criterion.name) };
    default:
      return undefined;
  }
}
