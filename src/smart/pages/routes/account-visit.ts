/** What every page of one's own account asks first: who is there, and has he just signed in? */
import type { Request, RequestHandler, Response, Router } from 'express';
import type { Session } from '../../users/sessions.ts';
import type { Desk, Form } from './desk.ts';
import { addSignIn, type Place } from './sign-in.ts';

const AT = '/account/sign-in';
export const APPS = '/oauth/account/apps';
export const SECURITY = '/oauth/account/security';
/** Where a sign-in may lead: nowhere that an address could name, but a page of this very server. */
const PLACES: Readonly<Record<string, string>> = { apps: APPS, security: SECURITY };

/** `page-` and the path of an own page in base64url: it has no host, no query and no way up. */
function ownPage(to: string): string | undefined {
  if (!/^page-[A-Za-z0-9_-]{2,400}$/.test(to)) return undefined;
  const path = Buffer.from(to.slice('page-'.length), 'base64url').toString('utf8');
  return /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)+\/?$/.test(path) ? path : undefined;
}

const placeFor = (to: string): Place => {
  const page = ownPage(to);
  if (page !== undefined) return { path: `/oauth${AT}/${to}`, onward: page };
  const name = Object.hasOwn(PLACES, to) ? to : 'apps';
  return { path: `/oauth${AT}/${name}`, onward: PLACES[name]! };
};

type Shown = (session: Session, request: Request, response: Response) => Promise<void>;
export type Changed = (session: Session, request: Request, response: Response, form: Form) => Promise<void>;

/** A page of the account, and a form of it. */
export interface AccountDesk {
  /** With `isSensitive` for who has signed in just now. */
  shownTo(to: string, work: Shown, isSensitive?: boolean): RequestHandler;
  /** Changes how to sign in only who has signed in just now: a browser left open is not its owner. */
  changed(to: string, work: Changed, isSensitive?: boolean): readonly RequestHandler[];
  accountOf(
    session: Session,
    open: string,
    request: Request,
    response: Response,
  ): { open: string; csrf: string; who: string };
}

export function openAccountDesk(router: Router, desk: Desk): AccountDesk {
  const { users } = desk;
  const signIn = addSignIn(router, `${AT}/:to`, desk, async ({ params }) => placeFor(String(params.to)));
  // Pages that are not of the account send people here, and have them back.
  router.get(
    `${AT}/:to`,
    desk.shown(async (request, response) => {
      const place = placeFor(String(request.params.to));
      if (await desk.session(request)) return response.redirect(303, place.onward);
      signIn.show(place, request, response);
    }),
  );

  function showAgain(to: string, { user }: Session, request: Request, response: Response, status: number): void {
    const whole = 'Sign in once more before you change this.';
    signIn.show({ ...placeFor(to), login: user.login }, request, response, { whole }, status);
  }

  const shownTo = (to: string, work: Shown, isSensitive = false) =>
    desk.shown(async (request, response) => {
      const session = await desk.session(request);
      if (!session) return signIn.show(placeFor(to), request, response);
      if (isSensitive && !users.sessions.isFresh(session)) return showAgain(to, session, request, response, 200);
      await work(session, request, response);
    });

  const changed = (to: string, work: Changed, isSensitive = true) =>
    desk.posted(async (request, response, form) => {
      const session = await desk.session(request);
      if (!session)
        return signIn.show(placeFor(to), request, response, { whole: 'Sign in again: you were away too long.' }, 401);
      if (isSensitive && !users.sessions.isFresh(session)) return showAgain(to, session, request, response, 401);
      await work(session, request, response, form);
    });

  const accountOf = ({ user }: Session, open: string, request: Request, response: Response) => ({
    open,
    csrf: desk.csrfFor(request, response),
    who: user.login,
  });

  return { shownTo, changed, accountOf };
}
