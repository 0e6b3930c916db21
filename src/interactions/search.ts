/** search of one type, over GET and POST _search. https://hl7.org/fhir/R4/search.html */
import { type BundleEntry, bundleText, type Link } from '../fhir/bundle.ts';
import { operationOutcome, problem } from '../fhir/outcome.ts';
import { referenceTo } from '../fhir/references.ts';
import type { PageTokens } from '../search/page-token.ts';
import { parseSearch } from '../search/parse.ts';
import type { Cursor, Version } from '../store/store.ts';
import { isSeen, patientsIn } from './answer.ts';
import type { Interaction, Parameters } from './interaction.ts';
import { narrow } from './narrow.ts';
import { queryOf } from './route.ts';

const PAGE = '_page';

/** Splits off the page that a `next` link named. */
export function pageOf(parameters: Parameters): { asked: Parameters; token: string | undefined } {
  const tokens = parameters.filter(([name]) => name === PAGE);
  if (tokens.length > 1) throw problem('invalid', '_page may be given once');
  return { asked: parameters.filter(([name]) => name !== PAGE), token: tokens[0]?.[1] };
}

/** The Bundle of one page of hits. */
export function searchset(
  base: string,
  type: string,
  used: Parameters,
  page: { matches: readonly Version[]; included: readonly Version[]; total?: number; next?: string },
  shows: (text: string) => string,
  outcome = '',
): string {
  const entryOf =
    (mode: 'match' | 'include') =>
    (version: Version): BundleEntry => ({
      fullUrl: `${base}/${referenceTo(version.key)}`,
      resource: shows(version.text),
      mode,
    });
  const entries = [...page.matches.map(entryOf('match')), ...page.included.map(entryOf('include'))];
  if (outcome) entries.push({ resource: outcome, mode: 'outcome' });
  const query = queryOf(used);
  const links: Link[] = [{ relation: 'self', url: `${base}/${type}${query && `?${query}`}` }];
  if (page.next) links.push({ relation: 'next', url: `${base}/${type}?${query && `${query}&`}${PAGE}=${page.next}` });
  return bundleText('searchset', entries, { total: page.total, links });
}

export const search = (tokens: PageTokens, now: () => number): Interaction => ({
  code: 'search-type',
  right: 's',
  async handle({ type, base, parameters, strict }, { store, caller }) {
    const { asked, token } = pageOf(parameters);
    const { query, used, issues } = parseSearch(type, asked, { strict, base, now: now() });
    const bound = `${type}?${queryOf(used)}`;
    const after = token === undefined ? undefined : (tokens.open(token, bound, caller.who, now()) as Cursor);
    const page = await store.search(narrow(query, caller.access), after);
    const included = caller.access.unrestricted
      ? page.included
      : page.included.filter((version) => isSeen(caller.access, version));
    const next = page.next && tokens.seal(page.next, bound, caller.who, now());
    const outcome = issues.length ? JSON.stringify(operationOutcome(issues)) : '';
    const patients = [
      ...new Set([...page.matches, ...included].flatMap((version) => patientsIn(version.key, version.text))),
    ];
    const text = searchset(
      base,
      type,
      used,
      { matches: page.matches, included, total: page.total, next },
      caller.access.shows,
      outcome,
    );
    return { status: 200, text, patients };
  },
});
