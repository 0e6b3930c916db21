/** Conditionals: which resources a criterion finds, compared by stored values and never by hash alone. https://hl7.org/fhir/R4/http.html#cond-update */
import { type Problem, problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { extract } from '../search/extract.ts';
import { matches } from '../search/match.ts';
import { parseSearch } from '../search/parse.ts';
import { plainQuery, type SearchQuery } from '../search/query.ts';
import type { Change, Look, Version } from '../store/store.ts';
import type { Parameters } from './interaction.ts';
import { parametersOf } from './route.ts';

/** What a criterion found, and the expectation that keeps it true at commit. */
export interface Resolved {
  readonly found: readonly Version[];
  readonly expectation: Change;
}

/** Name=value pairs of a criterion such as `identifier=urn:x|1&active=true`; a leading `?` is allowed. */
export const criterionParameters = (criterion: string): Parameters =>
  parametersOf(criterion.startsWith('?') ? criterion.slice(1) : criterion);

/** Finds at most `limit` resources. An empty criterion, or one with an unknown parameter, is refused: it must never mean "all". */
export async function resolve(
  type: string,
  parameters: Parameters,
  look: Look,
  narrow: (query: SearchQuery) => SearchQuery,
): Promise<Resolved> {
  const { query } = parseSearch(type, parameters, { strict: true, conditional: true });
  const narrowed = narrow(plainQuery(type, query.where, 3));
  const { matches: hits } = await look.search(narrowed, undefined);
  const found = hits.filter(({ key, text, lastUpdated }) =>
    matches(narrowed.where, extract(JSON.parse(text) as Resource), key, lastUpdated),
  );
  return { found, expectation: { op: 'expect', query: narrowed, matches: hits.map(({ key }) => key) } };
}

export const multipleMatches = (type: string): Problem =>
  problem('multiple-matches', `several ${type} resources match the criterion; it must name one`);

/** The one that a criterion found, or undefined where it found none. Several are refused with 412. */
export function only(type: string, { found }: Resolved): Version | undefined {
  if (found.length > 1) throw multipleMatches(type);
  return found[0];
}
