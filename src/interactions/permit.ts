/** What the gate asks before anything is looked up: is it promised, and may this caller? Entries of a transaction ask the same. https://hl7.org/fhir/R4/security.html */
import { type Problem, problem } from '../fhir/outcome.ts';
import type { Criterion } from '../search/query.ts';
import type { Access, Caller, FhirRequest, InteractionCode } from './interaction.ts';
import { methodsAt } from './route.ts';

/** Whether capability/ promises an interaction; '' is the system level. */
export type Declared = (interaction: InteractionCode, type: string) => boolean;

/** What is asked of whom; `id` is '' where the address names none. */
type Asked = Pick<FhirRequest, 'interaction' | 'type' | 'id' | 'compartment'>;

/** Refuses with 405 what capability/ does not promise; Allow names what the same address takes. */
export function demandDeclared(asked: Asked, declared: Declared): void {
  const { interaction, type } = asked;
  if (declared(interaction, type)) return;
  throw problem('not-supported', `${interaction} ${type ? `of ${type}` : 'of the whole system'} is not offered`, {
    status: 405,
    headers: { Allow: methodsAt(asked, declared).join(', ') },
  });
}

/** Refuses a caller without the right: with 401 where nobody said who asks, else with 403. */
export function demandPermitted({ interaction, type }: Pick<Asked, 'interaction' | 'type'>, caller: Caller): void {
  if (!caller.access.permits(interaction, type)) throw refusal(interaction, type, caller);
}

/** The same for what is made of several types: all of them, or nothing of it is told. */
export function demandTypes(types: readonly string[], caller: Caller): void {
  for (const type of types) demandPermitted({ interaction: 'search-type', type }, caller);
}

/**
 * Whether a caller may give a new resource of the type an id of its own. Not where it may see or write some of them only: what is
 * answered would tell which ids are taken, and the id could be one that somebody else's resource will have.
 */
export const choosesIds = (access: Access, type: string): boolean =>
  (
    [
      ['create', 'c'],
      ['update', 'u'],
      ['read', 'r'],
    ] as const
  ).every(([interaction, right]) => !access.permits(interaction, type) || access.finds(type, right) === undefined);

/**
 * Refuses a question that goes by resources of a type that the caller may not ask for at all, through a chain, `_has` or `_list`: where
 * there are none of it, an answer with nothing would look like the truth. What may be of several types goes by those that are open.
 */
export function demandReached(where: Criterion, access: Access): void {
  const type = closedIn(where, access);
  if (type !== undefined) throw withoutRight('search-type', type, access);
}

function closedIn(where: Criterion, access: Access, isNegated = false): string | undefined {
  switch (where.is) {
    case 'all':
      return firstOf(where.of, (part) => closedIn(part, access, isNegated));
    case 'any':
      return firstOf(where.of, (part) =>
        !isNegated && hasOpenWay(part, where.of, access) ? undefined : closedIn(part, access, isNegated),
      );
    case 'not':
      return closedIn(where.of, access, true);
    case 'refers':
    case 'referred':
      return access.permits('search-type', where.type) ? closedIn(where.where, access, isNegated) : where.type;
    default:
      return undefined;
  }
}

/** Whether the same reference may lead to another type that is open: one chain, of which what is closed is left out. What was not to be found must not be missed so. */
const hasOpenWay = (part: Criterion, ways: readonly Criterion[], access: Access): boolean =>
  part.is === 'refers' &&
  !access.permits('search-type', part.type) &&
  ways.some(
    (way) =>
      way.is === 'refers' && way.name === part.name && way.type !== part.type && closedIn(way, access) === undefined,
  );

function firstOf<T, R>(items: readonly T[], of: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = of(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function refusal(interaction: InteractionCode, type: string, { who, access }: Caller): Problem {
  if (who === 'anonymous') {
    return problem('login', 'this needs a bearer token or a device key', {
      headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' },
    });
  }
  return withoutRight(interaction, type, access);
}

const withoutRight = (interaction: InteractionCode, type: string, access: Access): Problem =>
  problem('forbidden', `${interaction}${type && ` of ${type}`} is not permitted with these rights`, {
    headers: insufficient(access.scopeFor?.(interaction, type)),
  });

/** Without a scope where no scope would help: a device's key has none. https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
const insufficient = (scope: string | undefined) => ({
  'WWW-Authenticate': `Bearer realm="watchfire", error="insufficient_scope"${scope === undefined ? '' : `, scope="${scope}"`}`,
});
