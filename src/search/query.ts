/**
 * The query tree and the index entries it speaks of: decided here in the core, only compiled and stored by the engines.
 * A search is parsed into this tree (parse.ts); a resource is turned into entries (extract.ts); match.ts holds the tree
 * against entries in memory; an engine compiles the tree into its own queries. https://hl7.org/fhir/R4/search.html
 *
 * Names are `<Type>.<parameter>`, for example `Observation.code`. Parameters that always hold the same values share one
 * name (Observation's `patient` is `subject` with a Patient target): definitions decide that, engines never know.
 */

/** Found by equality. Tokens give two: (`system|`, `code`) and (`code`, ''); a token without a system gives ('|', code) and (code, ''). */
export interface KeyEntry {
  readonly name: string;
  readonly first: string;
  /** '' where there is nothing to tell apart. */
  readonly second: string;
}

/** A reference to another resource: found by equality on `target` (`Patient/1`, an absolute URL or a canonical) and followed by includes. */
export interface ReferenceEntry {
  readonly name: string;
  readonly target: string;
}

/** An interval on a number line: dates in ms since 1970 UTC (both ends inclusive), numbers, quantities in canonical units. */
export interface RangeEntry {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

/** A string: `folded` is lower case without accents; `original` is as written. */
export interface TextEntry {
  readonly name: string;
  readonly folded: string;
  readonly original: string;
}

/** All that one version of a resource is found by. The engine adds one range entry itself: `<Type>._lastUpdated`. */
export interface IndexEntries {
  readonly keys: readonly KeyEntry[];
  readonly references: readonly ReferenceEntry[];
  readonly ranges: readonly RangeEntry[];
  readonly texts: readonly TextEntry[];
}

export const noEntries: IndexEntries = { keys: [], references: [], ranges: [], texts: [] };

/** Bounds on one end of an interval; those given must all hold. */
export interface Bounds {
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
}

export type Criterion =
  | { readonly is: 'all'; readonly of: readonly Criterion[] } // every resource of the type when empty
  | { readonly is: 'any'; readonly of: readonly Criterion[] } // none when empty
  | { readonly is: 'not'; readonly of: Criterion }
  | { readonly is: 'key'; readonly name: string; readonly first: string; readonly second?: string } // second left out: any
  | { readonly is: 'reference'; readonly name: string; readonly target: string }
  | { readonly is: 'range'; readonly name: string; readonly low?: Bounds; readonly high?: Bounds } // one interval fulfils both
  | {
      readonly is: 'text';
      readonly name: string;
      readonly match: 'starts' | 'equals' | 'contains';
      readonly value: string;
    } // equals compares `original`
  | { readonly is: 'id'; readonly ids: readonly string[] };

/** Sorting: by the lowest (asc) or highest (desc) entry of the name; resources without one come last; ties by the engine's own stable order. */
export type SortKey =
  | { readonly by: 'range'; readonly name: string; readonly descending: boolean }
  | { readonly by: 'text'; readonly name: string; readonly descending: boolean }
  | { readonly by: 'id'; readonly descending: boolean };

/** Follow the references under `name` of each match; `target` narrows to one type. One step. */
export interface Include {
  readonly name: string;
  readonly target?: string;
}

export interface SearchQuery {
  readonly type: string;
  readonly where: Criterion;
  readonly sort: readonly SortKey[];
  /** Matches on a page; 0 asks for the total alone. */
  readonly count: number;
  readonly total: 'none' | 'accurate';
  readonly includes: readonly Include[];
}

/** A query that only asks which resources match, as conditionals and expectations do. */
export const plainQuery = (type: string, where: Criterion, count = 2): SearchQuery => ({
  type,
  where,
  sort: [],
  count,
  total: 'none',
  includes: [],
});
