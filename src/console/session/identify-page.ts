/** Who looks at a page: by an Authorization header, or by the cookie of a sign-in. https://owasp.org/www-community/SameSite, https://www.w3.org/TR/fetch-metadata/ */
import type { IncomingMessage } from 'node:http';
import { problem } from '../../fhir/outcome.ts';
import type { Access, Caller } from '../../interactions/interaction.ts';
import type { Runtime } from '../../runtime.ts';
import type { Grant } from '../../smart/grant.ts';
import { purposeOf } from '../../smart/purposes.ts';
import { scopesOf } from '../../smart/scopes/words.ts';
import type { SessionCookie } from '../../smart/users/cookie.ts';
import type { Session, SessionLimits, Sessions } from '../../smart/users/sessions.ts';
import type { AdministratorSessions } from './administrator.ts';
import type { Seat } from './seat.ts';

/**
 * Shaped like the `identify` of the front door, and may stand in its place before rooms that pages ask: with a header it is that,
 * without one the cookie counts. Anonymous where there is neither. 403 for a cookie that another site's page may have sent.
 */
export type IdentifyPage = (
  authorization: string | undefined,
  source?: string,
  request?: IncomingMessage,
) => Promise<Caller>;

export interface PageParts {
  readonly identify: (authorization: string | undefined, source?: string) => Promise<Caller>;
  readonly accessFor: (grant: Grant) => Promise<Access>;
  /** Left out without an authorization server: then the administrator alone has pages. */
  readonly sessions?: Pick<Sessions, 'find' | 'look'>;
  readonly limits: SessionLimits;
  readonly cookie: Pick<SessionCookie, 'read'>;
  readonly administrators: AdministratorSessions;
  readonly runtime: Pick<Runtime, 'now'>;
}

/** client_id of pages in grants: no client is registered by it. */
const CLIENT = 'watchfire-pages';
/** Everything that the roles open. */
const everything = scopesOf('user/*.cruds');

/** Milliseconds between two looks whether a session goes on. */
const LOOK = 1_000;
/** `1` for what a person does, `quiet` for what the page asks by itself: that keeps no session going. */
const PAGE_HEADER = 'x-watchfire-page';

/** A cookie counts only for our own pages: another site can neither set the header nor read the stream. */
function demandOwnPage({ headers, method }: IncomingMessage): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') throw problem('forbidden', 'this was not asked by a page of ours');
  // An EventSource cannot set a header.
  const isStream = method === 'GET' && headers.accept === 'text/event-stream';
  if (headers[PAGE_HEADER] === undefined && !isStream)
    throw problem('forbidden', 'with a cookie the header X-Watchfire-Page is needed');
}

const isQuiet = ({ headers }: IncomingMessage): boolean => headers[PAGE_HEADER] !== '1';

export function createPages(parts: PageParts) {
  const { identify, accessFor, sessions, limits, cookie, administrators, runtime } = parts;

  /** Everything that the roles of the user open, and no more. */
  const grantOf = ({ user, id }: Session): Grant => ({
    who: user.fhirUser,
    client: CLIENT,
    user: user.login,
    roles: user.roles,
    scopes: everything,
    purposeOfUse: purposeOf(undefined, user.roles),
    token: id.slice(-32),
  });
  const callerBy = async (grant: Grant): Promise<Caller> => ({
    who: grant.who,
    key: grant.token,
    access: await accessFor(grant),
  });

  async function seatOf(session: Session): Promise<Seat> {
    const { user, id, used, created } = session;
    const ends = created + limits.absolute;
    const caller = { ...(await callerBy(grantOf(session))), session: { login: user.login, epoch: user.epoch, id } };
    return { login: user.login, caller, id, ends, restEnds: Math.min(used + limits.idle, ends) };
  }

  /** Whoever the cookies of a request stand for; a person goes before the administrator. */
  async function seat(request: IncomingMessage): Promise<Seat | undefined> {
    const { headers } = request;
    const quiet = isQuiet(request);
    const word = cookie.read(headers.cookie);
    const session = await (quiet ? sessions?.look(word) : sessions?.find(word));
    return session ? seatOf(session) : administrators.find(headers.cookie, quiet);
  }

  const identifyPage: IdentifyPage = async (authorization, source, request) => {
    if (authorization !== undefined || request?.headers.cookie === undefined) return identify(authorization, source);
    const found = await seat(request);
    if (!found) return identify(undefined, source);
    demandOwnPage(request);
    return found.caller;
  };

  const looked = new WeakMap<IncomingMessage, { readonly at: number; readonly caller: () => Promise<Caller> }>();

  /** How to ask who it is: a session is looked for, what it opens is asked each time. */
  async function lookAgain(request: IncomingMessage): Promise<() => Promise<Caller>> {
    const session = await sessions?.look(cookie.read(request.headers.cookie));
    if (session) {
      const grant = grantOf(session);
      return () => callerBy(grant);
    }
    const found = await administrators.find(request.headers.cookie, true);
    if (!found) throw problem('login', 'the session is over');
    return async () => found.caller;
  }

  /**
   * The same for a request whose answer goes on and on: cheap, and never older than what `identify` and `accessFor` remember. 401 once
   * it is nobody any more.
   */
  const again = async (
    authorization: string | undefined,
    source: string,
    request: IncomingMessage,
  ): Promise<Caller> => {
    if (authorization !== undefined) return identify(authorization, source);
    const before = looked.get(request);
    if (before && runtime.now() - before.at < LOOK) return before.caller();
    const at = runtime.now();
    const caller = await lookAgain(request);
    looked.set(request, { at, caller });
    return caller();
  };

  return { identifyPage, again, seat, demandOwnPage };
}

export type Pages = ReturnType<typeof createPages>;
