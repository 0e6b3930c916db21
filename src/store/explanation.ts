/** What an engine tells of how it answered one search: names of parameters, sizes and plans, no values of resources. docs/search-parameters.md */

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
