/** What the room of users is built with, and what its parts share. */
import { appended } from '../../audit/trail.ts';
import type { Problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import type { AuditRow, Change, Store } from '../../store/store.ts';
import type { Holds } from '../clients/holds.ts';
import type { Passwords } from './passwords.ts';
import type { RoleRules } from './roles.ts';

export interface UsersSetting {
  readonly store: Store;
  readonly runtime: Runtime;
  /** Public URL of the server without a trailing slash. */
  readonly url: string;
  readonly roles: RoleRules;
  readonly passwords: Passwords;
  readonly holds: Holds;
  /** Errors that have their audit row already. */
  readonly recorded: WeakSet<object>;
  /** Called when a user is not any more what others may remember. */
  readonly onChange: (login: string) => void;
  readonly endingWith: EndingWith;
}

/** What else ends with a session, for the same commit. Where the same login is in `next`, the one after it at that browser, it goes on in that. */
export type EndingWith = (
  session: string,
  next?: { readonly login: string; readonly id: string },
) => Promise<readonly Change[]>;

/** Who guesses at one login, passkey or provider holds up nobody at another, and nobody elsewhere. */
export const suspectOf = (source: string, tried: string): string => `${source} ${tried}`;

/** Commits the row of a refusal, then gives the error to throw. */
export async function recordedRefusal(
  { store, recorded }: Pick<UsersSetting, 'store' | 'recorded'>,
  row: AuditRow,
  refusal: Problem,
): Promise<Problem> {
  await store.commit([appended(row)]);
  recorded.add(refusal);
  return refusal;
}
