/** What a setting is: a name in the environment, and what is made of it. docs/configuration.md */

export interface Setting<Key extends string = string> {
  readonly name: string;
  /** Names that our customer's documents use for the same thing. */
  readonly aliases: readonly string[];
  readonly key: Key;
  /** As an operator would write it; '' where there is none. */
  readonly fallback: string;
  /** One sentence for docs/configuration.md and --help. */
  readonly meaning: string;
  /** The value, or an Error whose message says what is accepted. */
  readonly parse: (text: string) => unknown;
}
