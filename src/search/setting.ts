/** What the values of a search are read with, beside their parameters. https://hl7.org/fhir/R4/search.html */

/** What a value is read with. */
export interface Setting {
  /** Base URL of this server: absolute references below it are its own. */
  readonly base?: string;
  /** Milliseconds since 1970, for `ap` on dates; without it `ap` means overlap. */
  readonly now?: number;
  /** What the server's terminology says of values, by modifier and value: `in http://vs`, `above http://sys|code`. */
  readonly expansions?: ReadonlyMap<string, readonly { readonly system: string; readonly code: string }[]>;
  /** Names in references that are no resource types of R4 and are meant nevertheless. */
  readonly otherTypes?: ReadonlySet<string>;
}
