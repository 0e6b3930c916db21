/** In which order matches stand, and what comes along with them. https://hl7.org/fhir/R4/search.html#return */
import { asked, folded, keyOf, ledTo, parameterOf, type World } from './evaluate.ts';
import { parameters } from './parameters.ts';

/** The place of a resource under one key of `_sort`: the lowest value ascending, the highest descending; an interval stands where it begins. */
export function placeOf(resource: any, key: string): number | string | undefined {
  const [code, down] = key.startsWith('-') ? [key.slice(1), true] : [key, false];
  if (code === '_id') return resource.id;
  const { kind, get } = parameterOf(resource, code);
  const places = get(resource).map((held): number | string => {
    if (kind === 'date') return held.from;
    if (kind === 'number') return held;
    // What is greater than a number begins after it.
    if (kind === 'quantity')
      return held.comparator?.startsWith('<') ? -Infinity : held.value + (held.comparator === '>' ? 1e-9 : 0);
    return folded(held);
  });
  return places.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).at(down ? -1 : 0);
}

/** Below 0 where the first has to stand before the second, 0 where the keys leave it open. */
export function ordered(one: any, other: any, sort: readonly string[]): number {
  for (const key of sort) {
    const [a, b] = [placeOf(one, key), placeOf(other, key)];
    if (a === b) continue;
    if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
    return a < b === key.startsWith('-') ? 1 : -1;
  }
  return 0;
}

/** `Type/id` of all that the includes of the query add to these matches. */
export function included(world: World, matches: readonly any[], query: string): Set<string> {
  const found = new Map(matches.map((one) => [keyOf(one), one]));
  const includes = asked(query).filter(([name]) => /^_(rev)?include/.test(name));
  for (let fresh = [...matches], first = true; fresh.length > 0; first = false) {
    const next: any[] = [];
    for (const [name, value] of includes) {
      if (!first && !name.endsWith(':iterate')) continue;
      for (const one of name.startsWith('_rev') ? pointing(world, fresh, value) : pointedAt(world, fresh, value)) {
        if (!found.has(keyOf(one))) next.push(one);
        found.set(keyOf(one), one);
      }
    }
    fresh = next;
  }
  for (const one of matches) found.delete(keyOf(one));
  return new Set(found.keys());
}

const referencesOf = (resource: any, code: string): any[] =>
  code === '*'
    ? Object.values(parameters[resource.resourceType]!)
        .filter(({ kind }) => kind === 'reference' || kind === 'canonical')
        .flatMap(({ get }) => get(resource))
    : parameterOf(resource, code).get(resource);

function pointedAt(world: World, from: readonly any[], value: string): any[] {
  const [type, code = '*', target] = value.split(':');
  return from
    .filter((one) => type === '*' || one.resourceType === type)
    .flatMap((one) => referencesOf(one, code))
    .flatMap((held) => ledTo(world, held))
    .filter((one) => target === undefined || one.resourceType === target);
}

function pointing(world: World, to: readonly any[], value: string): any[] {
  const [type, code, target] = value.split(':');
  const keys = new Set(to.filter((one) => target === undefined || one.resourceType === target).map(keyOf));
  return world.resources.filter(
    (one) =>
      one.resourceType === type &&
      referencesOf(one, code!).some((held) => ledTo(world, held).some((other) => keys.has(keyOf(other)))),
  );
}
