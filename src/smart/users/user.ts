/** A user as it is kept: by what login, whom it is in FHIR, what it may do, and how it proves itself. docs/security.md */
import { problem } from '../../fhir/outcome.ts';
import { settle } from '../../interactions/settle.ts';
import type { Runtime } from '../../runtime.ts';
import type { AuditRow, Change, Store } from '../../store/store.ts';
import type { PasswordRecord } from './passwords.ts';

export const KIND = 'user';

/** A WebAuthn credential. Bytes are base64url. */
export interface Passkey {
  readonly id: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly transports?: readonly string[];
  /** What its owner calls it. */
  readonly name: string;
  /** Whether it is synchronised between devices. */
  readonly backedUp: boolean;
  readonly created: number;
  readonly used?: number;
}

export interface Totp {
  /** Base32. The one secret that cannot be kept as a hash: codes are made from it. */
  readonly secret: string;
  /** The newest step whose code was used: it and those before it are worth nothing. */
  readonly lastStep: number;
  /** Wrong codes in a row. */
  readonly failed: number;
  /** No code is looked at before. */
  readonly heldUntil?: number;
}

/** Times are milliseconds since 1970. */
export interface User {
  readonly login: string;
  /** `Practitioner/7`. */
  readonly fhirUser: string;
  readonly roles: readonly string[];
  /** Left out: it comes from an outside provider, or has passkeys only. */
  readonly password?: PasswordRecord;
  readonly totp?: Totp;
  readonly passkeys: readonly Passkey[];
  /** Hashes of the recovery codes that are left. */
  readonly recovery: readonly string[];
  /** WebAuthn's user handle: random, so that an authenticator keeps nothing about the person. */
  readonly handle: string;
  /** Whom an outside OpenID provider knows it as. */
  readonly outside?: { readonly issuer: string; readonly subject: string };
  readonly disabled?: number;
  /** Rises whenever everything that was given out before shall end: sessions and tokens carry the one of their day. Never repeats, also after a deletion. */
  readonly epoch: number;
  readonly created: number;
}

/** Makes an audit row of what was done, with what the door knows of the request; `Visit.row` is one. */
export type RowOf = (deed: Partial<AuditRow> & Pick<AuditRow, 'interaction' | 'status'>) => AuditRow;

/** Of a row about a user: who it is, and whose data that is. */
export const aboutUser = ({ fhirUser }: Pick<User, 'fhirUser'>) => ({
  who: fhirUser,
  target: fhirUser,
  patients: fhirUser.startsWith('Patient/') ? fhirUser : '',
});

const LOGIN = /^[a-z0-9][a-z0-9._@+-]{0,99}$/;

/** As it is kept: without regard to case and width. Undefined where nobody can have such a login. */
export function readLogin(text: string): string | undefined {
  if (text.length > 200) return undefined;
  const login = text.normalize('NFKC').trim().toLowerCase();
  return LOGIN.test(login) ? login : undefined;
}

export interface KeptUser {
  readonly user: User;
  readonly revision: number;
}

/** As the store has it now. */
export async function lookUp(store: Pick<Store, 'get'>, login: string): Promise<KeptUser | undefined> {
  const [kept] = await store.get(KIND, [login]);
  return kept && { user: kept.value as User, revision: kept.revision };
}

/** The same, and 404 where there is none. */
export async function keptUser(store: Pick<Store, 'get'>, login: string): Promise<KeptUser> {
  const kept = await lookUp(store, login);
  if (!kept) throw problem('not-found', `no user has the login ${login}`);
  return kept;
}

export const putUser = (user: User, expect: number | 'absent'): Change => ({
  op: 'put',
  kind: KIND,
  key: user.login,
  value: user,
  expect,
});

export const dropUser = ({ user, revision }: KeptUser): Change => ({
  op: 'drop',
  kind: KIND,
  key: user.login,
  expect: revision,
});

/** In the order of logins, after that one. */
export const usersAfter = async (store: Store, login: string, count: number): Promise<readonly User[]> =>
  (await store.list(KIND, login === '' ? '' : `${login}\u0000`, count)).map(({ value }) => value as User);

/** The next epoch: whatever was given out before is over. */
export const laterEpoch = ({ epoch }: Pick<User, 'epoch'>, now: number): number => Math.max(epoch + 1, now);

/** What becomes of a user, with what belongs into the same commit; undefined changes nothing. */
type UserChange = (user: User) => Changed | undefined | Promise<Changed | undefined>;
interface Changed {
  readonly user: User;
  readonly also?: readonly Change[];
}

/** Looks, changes, commits. A conflict where somebody else was faster, or what goes along is taken already. */
export async function changeOnce(
  store: Pick<Store, 'get' | 'commit'>,
  login: string,
  change: UserChange,
): Promise<User> {
  const kept = await keptUser(store, login);
  const changed = await change(kept.user);
  if (!changed) return kept.user;
  await store.commit([putUser(changed.user, kept.revision), ...(changed.also ?? [])]);
  return changed.user;
}

/** Looks again where somebody else was faster. Answers with the user as it is then. */
export const changeUser = (
  store: Pick<Store, 'get' | 'commit'>,
  runtime: Pick<Runtime, 'now'>,
  login: string,
  change: UserChange,
): Promise<User> => settle(runtime, () => changeOnce(store, login, change));
