/** Cuts a query down to what the caller may find, wherever in it resources are looked for. https://hl7.org/fhir/R4/security.html */
import { createHash } from 'node:crypto';
import { resourceTypes } from '../fhir/definitions.ts';
import type { Asked, Criterion, SearchQuery } from '../search/query.ts';
import { type Targets, targetsOf } from '../search/targets.ts';
import { leftOf, pinnedBy, type Told } from './entails.ts';
import { demandShown, shownIncludes } from './hidden.ts';
import type { Access } from './interaction.ts';
import { demandReached } from './permit.ts';

/**
 * The same query for this caller: matches, what chains and `_has` go through, and what is included. Throws forbidden for one
 * that goes by hidden elements, or through a type that is not open to the caller.
 */
export function narrow(query: SearchQuery, access: Access, told?: Told): SearchQuery {
  if (access.unrestricted) return query;
  demandShown(query, access);
  for (const { where } of [query, ...(query.also ?? [])]) demandReached(where, access);
  const asked = <T extends Asked>(one: T): T => ({ ...one, where: found(one.type, one.where, access, told) });
  return {
    ...asked(query),
    ...(query.also && { also: query.also.map(asked) }),
    ...(query.includes.length > 0 && {
      includes: shownIncludes(query.includes, access),
      includable: includable(access),
    }),
  };
}

/** The same, where a query about single patients is told first whether the caller may see those: then nothing more is asked of each match. */
export async function narrowed(query: SearchQuery, access: Access): Promise<SearchQuery> {
  if (access.unrestricted || access.leads === undefined) return narrow(query, access);
  const told = new Map<Criterion, Targets>();
  for (const { type, where } of [query, ...(query.also ?? [])]) {
    for (const chain of chainsIn(access.finds(type))) {
      const targets = [...new Set(pinnedBy(where, chain.name))];
      if (targets.length === 0 || targets.length > MOST_LOOKED_UP) continue;
      const seen = await Promise.all(targets.map((target) => access.leads!(chain, target)));
      told.set(chain, targetsOf(targets.filter((_, i) => seen[i])));
    }
  }
  return narrow(query, access, told);
}

/** More patients than these are asked about with the chain. */
const MOST_LOOKED_UP = 10;

type Chain = Extract<Criterion, { is: 'refers' }>;

function chainsIn(criterion: Criterion | undefined): readonly Chain[] {
  if (criterion?.is === 'refers') return [criterion];
  return criterion?.is === 'all' || criterion?.is === 'any' ? criterion.of.flatMap(chainsIn) : [];
}

/** What the caller may find among what fulfils the criterion. */
function found(type: string, where: Criterion, access: Access, told?: Told): Criterion {
  const inner = within(where, access);
  const more = access.finds(type);
  const left = more && leftOf(where, more, told);
  return left ? { is: 'all', of: [inner, left] } : inner;
}

function within(criterion: Criterion, access: Access): Criterion {
  switch (criterion.is) {
    case 'all':
    case 'any':
      return { ...criterion, of: criterion.of.map((part) => within(part, access)) };
    case 'not':
      return { ...criterion, of: within(criterion.of, access) };
    case 'refers':
    case 'referred':
      return { ...criterion, where: found(criterion.type, criterion.where, access) };
    default:
      return criterion;
  }
}

const everything: Criterion = { is: 'all', of: [] };

/** What is worked out of an Access once: what one finds never changes. */
function ofAccess<T>(work: (access: Access) => T): (access: Access) => T {
  const known = new WeakMap<Access, { readonly is: T }>();
  return (access) => {
    let found = known.get(access);
    if (!found) {
      found = { is: work(access) };
      known.set(access, found);
    }
    return found.is;
  };
}

const includable = ofAccess(
  (access): Record<string, Criterion> =>
    Object.fromEntries([...resourceTypes].map((type) => [type, access.finds(type) ?? everything])),
);

const reached = (access: Access, type: string): Criterion | undefined =>
  access.reaches ? access.reaches(type) : access.finds(type);

/**
 * All that the caller may find, as a hash: the token of a page is bound to it, so that it is worth nothing once the rights
 * are others. '' where that is everything.
 */
export const reachOf = ofAccess((access): string =>
  access.unrestricted
    ? ''
    : createHash('sha256')
        .update(
          JSON.stringify(
            [...resourceTypes].map((type) => [
              access.permits('search-type', type) && (reached(access, type) ?? everything),
              ...(access.hides?.(type) ?? []),
            ]),
          ),
        )
        .digest('base64'),
);
