/**
 * The query tree and the index entries it speaks of: decided here in the core, only compiled and stored by the engines.
 * A search is parsed into this tree (parse.ts); a resource is turned into entries (extract.ts); match.ts holds the tree
 * against entries in memory; an engine compiles the tree into its own queries. https://hl7.org/fhir/R4/search.html
 *
 * Names are `<Type>.<parameter>`, for example `Observation.code`. Parameters that always hold the same values share one
 * name (Observation's `patient` is `subject` with a Patient target): definitions decide that, engines never know.
 */
import type { Parameter } from './parameter.ts';
import type { Targets } from './targets.ts';

/** Found by equality. Tokens give two: (`system|`, `code`) and (`code`, ''); a token without a system gives ('|', code) and (code, ''). */
export interface KeyEntry {
  readonly name: string;
  readonly first: string;
  /** '' where there is nothing to tell apart. */
  readonly second: string;
}

/** A reference to another resource: found by equality on `target` (`Patient/1`, an absolute URL or a canonical). */
export interface ReferenceEntry {
  readonly name: string;
  readonly target: string;
  /**
   * It leads to whatever resources have this `target` among their `canonicals`; without the mark it leads to the one resource whose
   * `Type/id` it is, and else nowhere. Chains and includes follow where references lead. Of equal targets under one name all are
   * marked, or none is.
   */
  readonly canonical?: true;
}

/** An interval on a number line: dates in ms since 1970 UTC (both ends inclusive), numbers, quantities in canonical units. */
export interface RangeEntry {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  /** The name of an entry with the same interval, along which this one is found: it needs no place of its own in an index. */
  readonly along?: string;
}

/** A string: `folded` is lower case without accents; `original` is as written, left out where nothing asks for it. */
export interface TextEntry {
  readonly name: string;
  readonly folded: string;
  readonly original?: string;
}

/** One folded word of the narrative (`Patient._text`) or of any string (`Patient._content`). */
export interface WordEntry {
  readonly name: string;
  readonly word: string;
}

/** What the values of one element are found by: the same lists as those of a resource. */
export interface ElementEntries {
  readonly keys: readonly KeyEntry[];
  readonly references: readonly ReferenceEntry[];
  readonly ranges: readonly RangeEntry[];
  readonly texts: readonly TextEntry[];
}

/**
 * Values that belong together: of one element, for a composite (`Observation.component-code-value-quantity`, its entries named
 * as those of the components), or of one contained resource (`#Patient`, its entries named as a Patient's). Only looked at,
 * never searched by: whoever asks for a group asks beside it for entries of the resource that lead there.
 */
export interface GroupEntry {
  readonly name: string;
  readonly entries: ElementEntries;
}

/** All that one version of a resource is found by. The engine adds one range entry itself: `<Type>._lastUpdated`. */
export interface IndexEntries extends ElementEntries {
  readonly words: readonly WordEntry[];
  readonly groups: readonly GroupEntry[];
  /**
   * What it is called by canonical references, beside its own `Type/id`: `url|`, and with a version `url|version` too. Always
   * with a bar: so who refers to `url` (any version, the target `url|`) is told from who refers to `url|1`, who is found by `url` too.
   */
  readonly canonicals?: readonly string[];
}

export const noEntries: IndexEntries = { keys: [], references: [], ranges: [], texts: [], words: [], groups: [] };

/** Bounds on one end of an interval; those given must all hold. */
export interface Bounds {
  readonly atLeast?: number;
  readonly above?: number;
  readonly atMost?: number;
  readonly below?: number;
}

/** Bounds on both ends of one interval. */
export interface Ends {
  readonly low?: Bounds;
  readonly high?: Bounds;
}

export type Criterion =
  | { readonly is: 'all'; readonly of: readonly Criterion[] } // every resource of the type when empty
  | { readonly is: 'any'; readonly of: readonly Criterion[] } // none when empty
  | { readonly is: 'not'; readonly of: Criterion }
  | { readonly is: 'key'; readonly name: string; readonly first: string; readonly second?: string } // second left out: any
  | { readonly is: 'reference'; readonly name: string; readonly target: string }
  | { readonly is: 'points'; readonly name: string; readonly targets: Targets } // to any of them
  | (Ends & {
      readonly is: 'range';
      readonly name: string;
      readonly along?: string; // as its entries say
      readonly of?: string; // whoever has an interval of this name points to this one, `Patient/1`
      readonly except?: readonly Ends[];
    }) // one interval fulfils both and is none of the exceptions
  | {
      readonly is: 'text';
      readonly name: string;
      readonly match: 'starts' | 'same' | 'equals' | 'contains' | 'ends';
      readonly value: string;
    } // equals compares `original`, the others `folded`
  | { readonly is: 'id'; readonly ids: readonly string[] }
  | { readonly is: 'word'; readonly name: string; readonly word: string }
  | { readonly is: 'together'; readonly name: string; readonly of: readonly Criterion[] } // one group of the name fulfils all
  | {
      readonly is: 'refers';
      readonly name: string;
      readonly type: string;
      readonly where: Criterion;
      readonly lanes?: Lanes;
      readonly byCanonical?: true; // also by references marked as canonical; without it those are not followed
    } // points under the name to a resource of the type that fulfils it
  | {
      readonly is: 'referred';
      readonly type: string;
      readonly name: string;
      readonly where: Criterion;
      readonly lanes?: Lanes;
      readonly byCanonical?: true;
    } // a resource of the type that fulfils it points here under its name
  | Near;

/** Fulfilled by no resource. */
export const none: Criterion = { is: 'any', of: [] };

/** Any of these; one alone as it is. */
export const any = (of: readonly Criterion[]): Criterion => (of.length === 1 ? of[0]! : { is: 'any', of });

/**
 * A shorter way to what points to a resource, which changes nothing in what is meant: among all that point there under the name
 * of the chain, those that fulfil the rest too (of `referred`: its `where`; of `refers`: what is asked beside it) have an interval
 * under one of the names made of `before`, the key of that resource, and one of `after`.
 */
export interface Lanes {
  readonly before: string;
  readonly after: readonly string[];
}

/**
 * Within so many kilometres of a place. The resource has its own place as points of `<name>:latitude` and `<name>:longitude`
 * and keys of `<name>` for the cells around it; `cells` are those, of one size, that cover the circle.
 */
export interface Near {
  readonly is: 'near';
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly kilometres: number;
  readonly cells: readonly string[];
}

/**
 * Sorting: by the lowest (asc) or highest (desc) entry of the name; resources without one come last; ties by the engine's own
 * stable order. No index has the order of `value` (tokens, references, uris; of references to one `target`): see sort-value.ts.
 */
export type SortKey =
  | {
      readonly by: 'value';
      readonly name: string;
      readonly target?: string;
      readonly descending: boolean;
      /** What the values are found by, where it came at run time: whoever sorts on another thread knows no such parameters. */
      readonly parameter?: Parameter;
    }
  | { readonly by: 'range'; readonly name: string; readonly descending: boolean }
  | { readonly by: 'text'; readonly name: string; readonly descending: boolean }
  | { readonly by: 'id'; readonly descending: boolean };

/**
 * `to`: what resources of the type point to under `name` (any name when it is left out); `from`: the resources of the type
 * that point here under `name`. References of both kinds are followed, by `Type/id` and by canonical. `target` narrows the other end of the reference to one type. With `iterate` the included
 * resources are followed too, until nothing new comes.
 */
export interface Include {
  readonly way: 'to' | 'from';
  readonly type: string;
  readonly name?: string;
  readonly target?: string;
  readonly iterate: boolean;
}

/** What is asked of one resource type. */
export interface Asked {
  readonly type: string;
  readonly where: Criterion;
  readonly sort: readonly SortKey[];
}

export interface SearchQuery extends Asked {
  /** Further types in the same listing, sorted by as many keys of the same kinds. */
  readonly also?: readonly Asked[];
  /** Matches on a page; 0 asks for the total alone. */
  readonly count: number;
  readonly total: 'none' | 'accurate';
  readonly includes: readonly Include[];
  /** What an included resource of a type must fulfil; nothing is included of a type that is not named. Left out: all may be. */
  readonly includable?: Readonly<Record<string, Criterion>>;
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
