/** search of one type, of a compartment and of the whole system, over GET and POST _search. https://hl7.org/fhir/R4/http.html#search */
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { PageTokens } from '../search/page-token.ts';
import { none, type SearchQuery } from '../search/query.ts';
import { type Cursor, isDeleted, type Version } from '../store/store.ts';
import { isSeen, patientsIn } from './answer.ts';
import { askedOf } from './asked.ts';
import { pageOfContainers, shownInside } from './contained.ts';
import { expansionsFor } from './expansions.ts';
import type { Context, Interaction } from './interaction.ts';
import { narrow, reachOf } from './narrow.ts';
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

const search = (code: 'search-type' | 'search-system', tokens: PageTokens, now: () => number): Interaction => ({
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
    const narrowed = narrow(found, caller.access);
    const page = await (contained
      ? pageOfContainers(narrowed, after, contained, caller.access, store)
      : store.search(narrowed, after));
    // The query is narrowed already: whatever it missed stays hidden all the same.
    const visible = (versions: readonly Version[]) => versions.filter((version) => isSeen(caller.access, version));
    const [matches, included] = [visible(page.matches), visible(page.included)];
    const sealed = (cursor: Cursor | undefined) => cursor && tokens.seal(cursor, bound(), caller.who, at);
    const shown: ShownPage = {
      address: path ? `${base}/${path}` : base,
      used,
      token,
      next: sealed(page.next),
      previous: sealed(page.previous),
      matches: contained ? matches.flatMap((version) => shownInside(version, contained, caller.access)) : matches,
      included,
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

export const searchType = (tokens: PageTokens, now: () => number): Interaction => search('search-type', tokens, now);
export const searchSystem = (tokens: PageTokens, now: () => number): Interaction =>
  search('search-system', tokens, now);
