/** What a room tells Prometheus of itself, read when somebody scrapes. https://prometheus.io/docs/practices/naming/ */

export type Values = readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

/** `Read`: whether it has to be looked up first. */
export interface Measure<Read = Values | Promise<Values>> {
  /** In snake case, without the prefix; of a counter without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** Classes and names that are configured, never what a request says. */
  readonly labels: readonly string[];
  read(): Read;
}
