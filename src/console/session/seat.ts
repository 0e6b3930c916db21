/** Somebody at a page, by a cookie. docs/decisions/0016-pages-and-cookies.md */
import type { Caller } from '../../interactions/interaction.ts';

/** What a cookie stands for. */
export interface Seat {
  /** For people: the login, or nothing for the administrator. */
  readonly login: string | undefined;
  readonly caller: Caller;
  /** Milliseconds since 1970 at which it is over, where nobody does anything, and in any case. */
  readonly restEnds: number;
  readonly ends: number;
  readonly id: string;
}
