/** What every route of the pages stands on: who is signed in, whether a form is ours, and an end in words where something is refused. */
import express, { type Request, type RequestHandler, type Response } from 'express';
import { asProblem, isBroken, type Problem, problem } from '../../../fhir/outcome.ts';
import type { Access, Dispatch } from '../../../interactions/interaction.ts';
import type { AuditRow } from '../../../store/store.ts';
import type { Authorization } from '../../authorization/authorization.ts';
import type { Client } from '../../clients/client.ts';
import type { Grant } from '../../grant.ts';
import { csrfOf, demandCsrf } from '../../users/cookie.ts';
import type { UsersRoom } from '../../users/room.ts';
import type { Session } from '../../users/sessions.ts';
import type { RowOf, User } from '../../users/user.ts';
import { failed } from '../failed.ts';
import { sendPage } from '../serve.ts';

/** What the front door knows of a request; its `Visit` is one. */
export interface PageVisit {
  readonly requestId: string;
  readonly row: RowOf;
  record(deed: Parameters<RowOf>[0]): Promise<void>;
  refusal(error: unknown, deed: Partial<AuditRow> & Pick<AuditRow, 'interaction'>): Promise<Problem>;
}

export interface PagesParts {
  readonly users: UsersRoom;
  readonly authorization: Pick<Authorization, 'interactions' | 'grantsOf' | 'revokeApp'>;
  readonly findClient: (clientId: string) => Promise<Client | undefined>;
  readonly accessFor: (grant: Grant) => Promise<Access>;
  readonly dispatch: Dispatch;
  /** FHIR base. */
  readonly base: string;
  /** Days that `offline_access` lasts. */
  readonly offlineDays: number;
  readonly visitOf: (response: Response) => PageVisit;
  readonly addressOf: (request: Request) => string;
}

/** Members of a form. A member that came twice has its first value. */
export interface Form {
  text(name: string): string;
  /** All values of a member that may come often. */
  all(name: string): readonly string[];
}

export interface Desk extends PagesParts {
  /** The cookie that the browser has, or a new one that it is given with this answer. */
  cookieOf(request: Request, response: Response): string;
  csrfFor(request: Request, response: Response): string;
  session(request: Request): Promise<Session | undefined>;
  /** Begins a session instead of the one that the browser may have had, and gives it the cookie. */
  startSession(user: User, methods: Session['methods'], request: Request, response: Response): Promise<Session>;
  /** A handler for GET. */
  shown(work: Work): RequestHandler;
  /** A handler for a form of ours: anything else is refused with 403. */
  posted(work: (request: Request, response: Response, form: Form) => Promise<void>): readonly RequestHandler[];
}

type Work = (request: Request, response: Response) => Promise<void>;

const readForm = express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 500, inflate: false });

function formOf(request: Request): Form {
  const body: Readonly<Record<string, unknown>> = request.body ?? {};
  const all = (name: string) => [body[name] ?? []].flat().map(String);
  return { all, text: (name) => all(name)[0] ?? '' };
}

/** Where a browser says so, a form of ours comes from ourselves. https://www.w3.org/TR/fetch-metadata/ */
function demandOwnSite({ headers }: Request): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin')
    throw problem('forbidden', 'this form did not come from this server');
}

const codes: Readonly<Record<string, string>> = {
  forbidden: 'Not allowed',
  'not-found': 'Not here',
  login: 'Not signed in',
  throttled: 'Too often',
};

export function createDesk(parts: PagesParts): Desk {
  const { users, visitOf, addressOf } = parts;

  /** Refusals end on a page, recorded; what broke goes to the log by the front door, which looks for it on the visit. */
  async function refused(error: unknown, response: Response): Promise<void> {
    const told = await visitOf(response).refusal(error, { interaction: 'oauth-page' });
    if (isBroken(error)) response.locals.visit.error = error;
    response.set(told.headers);
    const title = codes[told.code];
    const page = failed({ title, words: sentence(told), code: told.code, requestId: visitOf(response).requestId });
    sendPage(response, page, { status: told.status });
  }

  const guarded =
    (work: Work): RequestHandler =>
    (request, response) =>
      work(request, response).catch((error: unknown) => refused(error, response));

  function cookieOf(request: Request, response: Response): string {
    const had: string | undefined = response.locals.cookie ?? users.cookie.read(request.headers.cookie);
    if (had !== undefined) return had;
    const cookie = users.freshCookie();
    giveCookie(cookie, response);
    return cookie;
  }

  function giveCookie(cookie: string, response: Response): void {
    response.append('Set-Cookie', users.cookie.set(cookie));
    response.locals.cookie = cookie;
  }

  return {
    ...parts,
    cookieOf,
    csrfFor: (request, response) => csrfOf(cookieOf(request, response)),
    session: (request) => users.sessions.find(users.cookie.read(request.headers.cookie)),
    async startSession(user, methods, request, response) {
      const { cookie, session } = await users.sessions.start({
        user,
        methods,
        userAgent: request.headers['user-agent'],
        address: addressOf(request),
        former: users.cookie.read(request.headers.cookie),
        row: visitOf(response).row,
      });
      giveCookie(cookie, response);
      return session;
    },
    shown: guarded,
    posted: (work) => [
      (request, response, next) =>
        readForm(request, response, (error?: unknown) => {
          if (error === undefined) return next();
          const { status = 400 } = error as { status?: number };
          void refused(
            problem(status === 413 ? 'too-long' : 'invalid', 'this form cannot be read', { status }),
            response,
          );
        }),
      guarded(async (request, response) => {
        const form = formOf(request);
        demandOwnSite(request);
        demandCsrf(users.cookie.read(request.headers.cookie), form.text('csrf'));
        await work(request, response, form);
      }),
    ],
  };
}

/** The words of a problem as a sentence on a page. */
export function sentence(error: unknown): string {
  const { message } = asProblem(error);
  return `${message[0]?.toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? '' : '.'}`;
}
