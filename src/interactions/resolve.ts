/** Conditionals: which resources a criterion finds, compared by stored values and never by hash alone. https://hl7.org/fhir/R4/http.html#cond-update */
import { type Problem, problem } from '../fhir/outcome.ts';
import { extractorAt } from '../search/extract.ts';
import { matches } from '../search/match.ts';
import { parseSearch } from '../search/parse.ts';
import { plainQuery, type SearchQuery } from '../search/query.ts';
import type { Change, Version } from '../store/store.ts';
import { seenOf } from './answer.ts';
import { expansionsFor } from './expansions.ts';
import type { Context, Parameters } from './interaction.ts';
import { narrow } from './narrow.ts';
import { demandPermitted } from './permit.ts';
import { parametersOf } from './route.ts';

/** What a criterion found, and the expectation that keeps it true at commit. */
export interface Resolved {
  readonly found: readonly Version[];
  /** What was asked, as far as this caller may find it. */
  readonly query: SearchQuery;
  readonly expectation: Change;
}

/** Name=value pairs of a criterion such as `identifier=urn:x|1&active=true`; a leading `?` is allowed. */
export const criterionParameters = (criterion: string): Parameters =>
  parametersOf(criterion.startsWith('?') ? criterion.slice(1) : criterion);

/** One more than `only` needs to see that the criterion is not unique, for a hit that the stored values may rule out. */
const MOST_FOUND = 3;

/**
 * Finds what a criterion means, as far as it matters whether that is none, one or several. An empty criterion, or one with an
 * unknown parameter, is refused: it must never mean "all". So is a caller who may not search: to whom everything is hidden,
 * nothing would ever exist already.
 */
export async function resolve(
  type: string,
  parameters: Parameters,
  { store, caller, base }: Pick<Context, 'store' | 'caller' | 'base'>,
): Promise<Resolved> {
  const expansions = await expansionsFor(type, parameters, { store, caller, base });
  const { query } = parseSearch(type, parameters, { strict: true, conditional: true, base, expansions });
  demandPermitted({ interaction: 'search-type', type }, caller);
  const narrowed = narrow(plainQuery(type, query.where, MOST_FOUND), caller.access);
  const { matches: hits } = await store.search(narrowed, undefined);
  const extract = extractorAt(base);
  // The query is narrowed already: whatever it missed stays hidden all the same.
  const seen = await seenOf(caller.access, hits);
  const found = seen.filter(({ key, text, lastUpdated }) => matches(narrowed.where, extract(text), key, lastUpdated));
  return {
    found,
    query: narrowed,
    expectation: { op: 'expect', query: narrowed, matches: hits.map(({ key }) => key) },
  };
}

export const multipleMatches = (type: string): Problem =>
  problem('multiple-matches', `several ${type} resources match the criterion; it must name one`);

/** The one that a criterion found, or undefined where it found none. Several are refused with 412. */
export function only(type: string, { found }: Resolved): Version | undefined {
  if (found.length > 1) throw multipleMatches(type);
  return found[0];
}
