/** What an engine tells of how it answered one search: names of parameters, sizes and plans, no values of resources. docs/search-parameters.md */
import type { Criterion } from '../search/query.ts';

/** A set that could be gone through, or a chain that was followed beforehand, with its size where it was counted to the end. */
export interface Considered {
  readonly type: string;
  readonly by: string;
  /** Counted no further than `cap`; left out where a chain leads to more. */
  readonly size?: number;
  readonly cap: number;
}

export interface Explanation {
  readonly considered: readonly Considered[];
  readonly followed: readonly Considered[];
  /** The ways taken, the last of each type with success: along a sort key, or through a set (the whole type without `by`). */
  readonly ways: readonly { readonly type: string; readonly way: 'stream' | 'gather'; readonly by?: string }[];
  readonly statements: readonly { readonly sql: string; readonly plan: readonly string[]; readonly runs: number }[];
  /** Rows looked at. */
  readonly looked: number;
  readonly matches: number;
  readonly included: number;
  readonly total?: number;
  /** As whoever searches waits for them. */
  readonly milliseconds: number;
}

/** Names of entries that belong to one value, such as `Observation.patient+code=Patient/1 a|b`, as far as `=`. */
export const withoutValue = (name: string): string => name.replace(/=.*$/s, '=');

/** The kind of a condition and the parameters it asks, such as `any of key Task.code, key Task.tag`. */
export function wordFor(part: Criterion): string {
  switch (part.is) {
    case 'all':
    case 'any': {
      const words = [...new Set(part.of.map(wordFor))];
      return `${part.is} of ${words.slice(0, 10).join(', ')}${words.length > 10 ? ' ...' : ''}`;
    }
    case 'not':
      return `not ${wordFor(part.of)}`;
    case 'id':
      return 'id';
    case 'refers':
      return `${part.name} to ${part.type} with ${wordFor(part.where)}`;
    case 'referred':
      return `${part.type} by ${part.name} with ${wordFor(part.where)}`;
    case 'text':
      return `text ${part.match} ${withoutValue(part.name)}`;
    default:
      return `${part.is} ${withoutValue(part.name)}`;
  }
}
