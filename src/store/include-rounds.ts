/** What a page brings along, round by round, for an engine that tells where one include leads. https://hl7.org/fhir/R4/search.html#include */
import { mostIncluded, tooManyIncluded } from '../search/includes.ts';
import type { Include, SearchQuery } from '../search/query.ts';

/** One step: the engine answers with the resources that the include leads to from the front and that are not seen yet. */
export interface IncludeStep<Row> {
  readonly include: Include;
  readonly front: readonly Row[];
  readonly seen: ReadonlySet<string>;
}

/** What the rounds have to know of a row. */
export interface Included<Row> {
  readonly keyOf: (row: Row) => string;
  /** Rises in the order of listings. */
  readonly numberOf: (row: Row) => number;
}

/**
 * Gives steps, is given rows, and returns what is included: each once, and none of the matches. Throws too-costly where there
 * are more than a page brings along, since a page that was cut would look whole.
 */
export function* includeRounds<Row>(
  query: SearchQuery,
  matches: readonly Row[],
  { keyOf, numberOf }: Included<Row>,
): Generator<IncludeStep<Row>, readonly Row[], readonly Row[]> {
  const seen = new Set(matches.map(keyOf));
  const included: Row[] = [];
  let front = matches;
  let { includes } = query;
  while (front.length > 0 && includes.length > 0) {
    const next: Row[] = [];
    for (const include of includes) {
      const found = yield { include, front, seen };
      for (const row of include.way === 'to'
        ? byType(found, keyOf)
        : [...found].sort((one, other) => numberOf(one) - numberOf(other))) {
        if (included.length === mostIncluded) throw tooManyIncluded(query.includes);
        seen.add(keyOf(row));
        included.push(row);
        next.push(row);
      }
    }
    front = next;
    includes = query.includes.filter(({ iterate }) => iterate);
  }
  return included;
}

/** What is pointed to comes as the page's rows name it, but one type after the other. */
function byType<Row>(rows: readonly Row[], keyOf: (row: Row) => string): readonly Row[] {
  const types = Map.groupBy(rows, (row) => keyOf(row).split('/', 1)[0]);
  return [...types.values()].flat();
}
