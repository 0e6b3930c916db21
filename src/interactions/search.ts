/** search of one type, of a compartment and of the whole system, over GET and POST _search. https://hl7.org/fhir/R4/http.html#search */
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { PageTokens } from '../search/page-token.ts';
import { type Include, none, type SearchQuery } from '../search/query.ts';
import { type Cursor, isDeleted, type Version } from '../store/store.ts';
import { isSeen, patientsIn, seenOf } from './answer.ts';
import { askedOf } from './asked.ts';
import { pageOfContainers, shownInside } from './contained.ts';
import { expansionsFor } from './expansions.ts';
import type { Context, Interaction } from './interaction.ts';
import { narrowed, reachOf } from './narrow.ts';
import { queryOf } from './route.ts';
import { renderingOf, type ShownPage, searchset } from './searchset.ts';

/** A compartment is there for those who may see the resource it is named after. */
async function isThere(
  compartment: ResourceKey,
  { store, caller }: Pick<Context, 'store' | 'caller'>,
): Promise<boolean> {
  const [version] = await store.read([compartment]);
  return version !== undefined && !isDeleted(version) && isSeen(caller.access, version);
}

const ofNothing = (query: SearchQuery): SearchQuery => ({
  ...query,
  where: none,
  ...(query.also && { also: query.also.map((asked) => ({ ...asked, where: none })) }),
});

/** A page as it was found, and what is to come along. */
export interface Accompanied {
  readonly includes: readonly Include[];
  readonly matches: readonly Version[];
  readonly included: readonly Version[];
  readonly base: string;
}

/** What comes along that is not in the store. */
export type Along = (page: Accompanied, context: Pick<Context, 'store' | 'caller'>) => Promise<readonly Version[]>;

type Code = 'search-type' | 'search-system';

const search = (code: Code, tokens: PageTokens, now: () => number, along: Along): Interaction => ({
  code,
  right: 's',
  async handle(request, context) {
    const { base, compartment } = request;
    const { caller, store } = context;
    const at = now();
    const expansions = await expansionsFor(request.type, request.parameters, context);
    const { query, used, issues, shape, path, token, contained } = askedOf(request, caller, at, expansions);
    const bound = () => `${path}?${queryOf(used)}\n${reachOf(caller.access)}`;
    const after = token === undefined ? undefined : (tokens.open(token, bound(), caller.who, at) as Cursor);
    const found = compartment && !(await isThere(compartment, context)) ? ofNothing(query) : query;
    const asked = await narrowed(found, caller.access);
    const page = await (contained
      ? pageOfContainers(asked, after, contained, caller.access, store)
      : store.search(asked, after));
    // The query is narrowed already: whatever it missed stays hidden all the same.
    const matches = await seenOf(caller.access, page.matches);
    const included = await seenOf(caller.access, page.included);
    const elsewhere = await along({ includes: asked.includes, matches, included, base }, context);
    const sealed = (cursor: Cursor | undefined) => cursor && tokens.seal(cursor, bound(), caller.who, at);
    const shown: ShownPage = {
      address: path ? `${base}/${path}` : base,
      used,
      token,
      next: sealed(page.next),
      previous: sealed(page.previous),
      matches: contained ? matches.flatMap((version) => shownInside(version, contained, caller.access)) : matches,
      included: [...included, ...elsewhere],
      total: page.total,
      issues,
    };
    const patients = new Set([...matches, ...included].flatMap((version) => patientsIn(version.key, version.text)));
    if (compartment?.type === 'Patient') patients.add(referenceTo(compartment));
    return {
      status: 200,
      text: searchset(base, shown, renderingOf(shape, caller.access.shows)),
      patients: [...patients],
    };
  },
});

export const searchType = (tokens: PageTokens, now: () => number, along: Along): Interaction =>
  search('search-type', tokens, now, along);
export const searchSystem = (tokens: PageTokens, now: () => number, along: Along): Interaction =>
  search('search-system', tokens, now, along);
