/** Sessions of people in browsers: found by the hash of a cookie, ended by rest, by age, one by one or all at once. https://pages.nist.gov/800-63-4/sp800-63b.html#sec5 */
import { appended } from '../../audit/trail.ts';
import { problem } from '../../fhir/outcome.ts';
import { settle } from '../../interactions/settle.ts';
import { type Change, isConflict, type Store } from '../../store/store.ts';
import { hashOf } from '../secrets.ts';
import { freshCookie } from './cookie.ts';
import { deviceWords } from './device-words.ts';
import type { EndingWith, UsersSetting } from './setting.ts';
import { aboutUser, changeUser, laterEpoch, lookUp, type RowOf, type User } from './user.ts';

/** By the SHA-256 of the cookie. */
const KIND = 'user-session';
/** By `<login>/<the same>`: which sessions a user has. */
const OF_USER = 'user-session-of';
/** How often a session's last use is written down. */
const ROLL = 60_000;
/** Whoever changes how to sign in must have signed in since. */
const FRESH = 10 * 60_000;

/** Times are milliseconds since 1970. */
interface KeptSession {
  readonly login: string;
  /** Of the user when it began: an older one than the user's is over. */
  readonly epoch: number;
  readonly created: number;
  readonly used: number;
  /** How the user proved itself. https://www.rfc-editor.org/rfc/rfc8176 */
  readonly methods: readonly string[];
  readonly device: string;
  readonly address: string;
}

export interface Session extends Omit<KeptSession, 'epoch'> {
  /** May be shown: it opens nothing. */
  readonly id: string;
  readonly user: User;
}

export interface NewSession {
  readonly user: User;
  readonly methods: readonly string[];
  readonly userAgent: string | undefined;
  readonly address: string;
  /** The cookie that the browser came with. Whatever it opened is over: who fixed it there gains nothing. */
  readonly former: string | undefined;
  readonly row: RowOf;
}

/** A session, by what it says of its user. */
export interface Bound {
  readonly session: string;
  readonly user: string;
  readonly epoch: number;
}

export interface SessionLimits {
  /** Milliseconds of rest after which a session is over, and of age. */
  readonly idle: number;
  readonly absolute: number;
}

export interface Sessions {
  start(asked: NewSession): Promise<{ readonly cookie: string; readonly session: Session }>;
  /** The session of a cookie, and a note that it was used. Undefined where it is over or never was. */
  find(cookie: string | undefined): Promise<Session | undefined>;
  /** The same without the note: what a page asks by itself keeps no session going. */
  look(cookie: string | undefined): Promise<Session | undefined>;
  /** Notes that an app of this session's user has come back with its help; false where it is over. */
  use(session: Bound): Promise<boolean>;
  /** Those that are not over, newest use first. */
  list(login: string): Promise<readonly Session[]>;
  /** Ends one of the user's. 404 where it is none. */
  end(login: string, id: string, row: RowOf): Promise<void>;
  /** Ends all of them, and with the epoch every token. */
  endAll(login: string, row: RowOf): Promise<User>;
  /** Whether the session is young enough to change passwords and factors. */
  isFresh(session: Session): boolean;
}

export const sessionId = (cookie: string): string => hashOf(cookie);
const indexKey = (login: string, id: string) => `${login}/${id}`;

const isSameAs = (kept: KeptSession | undefined, { user, epoch }: Bound): boolean =>
  kept?.login === user && kept.epoch === epoch;

/** Whether it goes on now: what has rested too long or is too old the store has no more. */
export async function isStillOpen(store: Pick<Store, 'get'>, bound: Bound): Promise<boolean> {
  const [kept] = await store.get(KIND, [bound.session]);
  return isSameAs(kept?.value, bound);
}

/** That it goes on, for the commit of what is asked in it. 401 where it does not. */
export async function expectedSession(store: Pick<Store, 'get'>, id: string): Promise<Change> {
  const [kept] = await store.get(KIND, [id]);
  if (!kept) throw problem('login', 'the session is over');
  return { op: 'expect', of: { kind: KIND, key: id }, at: kept.revision };
}

export function createSessions(
  { store, runtime, onChange, endingWith }: Pick<UsersSetting, 'store' | 'runtime' | 'onChange' | 'endingWith'>,
  { idle, absolute }: SessionLimits,
): Sessions {
  const seconds = (milliseconds: number) => Math.max(1, Math.ceil(milliseconds / 1_000));

  const put = (id: string, kept: KeptSession, expect: number | 'absent'): Change => {
    const rest = Math.min(idle, kept.created + absolute - runtime.now());
    return { op: 'put', kind: KIND, key: id, value: kept, expect, expiresIn: seconds(rest) };
  };
  const dropped = (login: string, id: string): readonly Change[] => [
    { op: 'drop', kind: KIND, key: id },
    { op: 'drop', kind: OF_USER, key: indexKey(login, id) },
  ];

  function isOver({ created, used, epoch }: KeptSession, user: User | undefined): boolean {
    const now = runtime.now();
    if (used + idle <= now || created + absolute <= now) return true;
    return user === undefined || user.disabled !== undefined || user.epoch !== epoch;
  }
  const shown = (id: string, { epoch: _epoch, ...kept }: KeptSession, user: User): Session => ({ id, user, ...kept });

  /** Commits the end of a session with all that ends with it, also what was asked for in it meanwhile. */
  async function ending(
    session: string | undefined,
    next: Parameters<EndingWith>[1],
    changes: readonly Change[],
  ): Promise<void> {
    const commit = (more: readonly Change[]) =>
      settle(runtime, async () => {
        const all = [...more, ...(session === undefined ? [] : await endingWith(session, next))];
        if (all.length > 0) await store.commit(all);
      });
    await commit(changes);
    await commit([]);
  }

  async function start({ user, methods, userAgent, address, former, row }: NewSession) {
    const cookie = freshCookie(runtime);
    const id = sessionId(cookie);
    const now = runtime.now();
    const kept: KeptSession = {
      login: user.login,
      epoch: user.epoch,
      created: now,
      used: now,
      methods,
      device: deviceWords(userAgent),
      address,
    };
    const formerId = former === undefined ? undefined : sessionId(former);
    const [old] = formerId === undefined ? [] : await store.get(KIND, [formerId]);
    await ending(formerId, { login: user.login, id }, [
      put(id, kept, 'absent'),
      { op: 'put', kind: OF_USER, key: indexKey(user.login, id), value: {}, expiresIn: seconds(absolute) },
      ...(old ? dropped(old.value.login, old.key) : []),
      appended(row({ interaction: 'sign-in', status: 200, reason: `by ${methods.join('+')}`, ...aboutUser(user) })),
    ]);
    if (old) onChange(old.value.login);
    return { cookie, session: shown(id, kept, user) };
  }

  async function open(cookie: string | undefined) {
    if (cookie === undefined) return undefined;
    const id = sessionId(cookie);
    const [found] = await store.get(KIND, [id]);
    if (!found) return undefined;
    const kept = found.value as KeptSession;
    const user = (await lookUp(store, kept.login))?.user;
    return isOver(kept, user) ? undefined : { id, kept, user: user!, revision: found.revision };
  }

  async function find(cookie: string | undefined): Promise<Session | undefined> {
    const found = await open(cookie);
    if (!found) return undefined;
    const { id, kept, user, revision } = found;
    const now = runtime.now();
    if (now - kept.used >= ROLL) {
      // Another request was faster, or the session was ended just now: then it stays as they left it.
      await store.commit([put(id, { ...kept, used: now }, revision)]).catch(() => undefined);
    }
    return shown(id, { ...kept, used: now }, user);
  }

  async function list(login: string): Promise<readonly Session[]> {
    const user = (await lookUp(store, login))?.user;
    if (!user) return [];
    const ids = (await store.list(OF_USER, `${login}/`, 1_000))
      .filter(({ key }) => key.startsWith(`${login}/`))
      .map(({ key }) => key.slice(login.length + 1));
    const found = await store.get(KIND, ids);
    return found
      .flatMap((kept) => (kept && !isOver(kept.value, user) ? [shown(kept.key, kept.value, user)] : []))
      .sort((one, other) => other.used - one.used);
  }

  return {
    start,
    find,
    async look(cookie) {
      const found = await open(cookie);
      return found && shown(found.id, found.kept, found.user);
    },
    list,
    async use(bound) {
      const [found] = await store.get(KIND, [bound.session]);
      const kept: KeptSession | undefined = found?.value;
      const user = kept && (await lookUp(store, kept.login))?.user;
      if (!kept || !isSameAs(kept, bound) || isOver(kept, user)) return false;
      try {
        await store.commit([put(bound.session, { ...kept, used: runtime.now() }, found!.revision)]);
        return true;
      } catch (error) {
        if (!isConflict(error)) throw error;
        return isStillOpen(store, bound);
      }
    },
    async end(login, id, row) {
      const session = (await list(login)).find((one) => one.id === id);
      if (!session) throw problem('not-found', 'there is no such session');
      const signedOut = row({ interaction: 'sign-out', action: 'E', status: 200, ...aboutUser(session.user) });
      await ending(id, undefined, [...dropped(login, id), appended(signedOut)]);
      onChange(login);
    },
    async endAll(login, row) {
      const user = await changeUser(store, runtime, login, (before) => ({
        user: { ...before, epoch: laterEpoch(before, runtime.now()) },
        also: [appended(row({ interaction: 'sign-out-everywhere', status: 200, ...aboutUser(before) }))],
      }));
      onChange(login);
      return user;
    },
    isFresh: ({ created }) => runtime.now() - created < FRESH,
  };
}
