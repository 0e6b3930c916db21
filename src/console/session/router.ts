/** Who is signed in at a page, how long still, and signing out: `/console/session`. https://www.w3.org/WAI/WCAG22/Understanding/timing-adjustable.html */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { appended } from '../../audit/trail.ts';
import { readJson } from '../../fhir/json.ts';
import { problem } from '../../fhir/outcome.ts';
import { visitOf } from '../../http/app.ts';
import { readBody } from '../../http/body.ts';
import { addressOf } from '../../http/incoming.ts';
import { sendJson } from '../../http/respond.ts';
import type { Runtime } from '../../runtime.ts';
import { administrator } from '../../smart/access.ts';
import { createHolds } from '../../smart/clients/holds.ts';
import { isSame } from '../../smart/secrets.ts';
import type { SessionCookie } from '../../smart/users/cookie.ts';
import type { Sessions } from '../../smart/users/sessions.ts';
import type { Store } from '../../store/store.ts';
import type { AdministratorSessions } from './administrator.ts';
import type { Pages } from './identify-page.ts';
import type { Seat } from './seat.ts';

export interface SessionParts {
  readonly pages: Pages;
  readonly store: Store;
  readonly runtime: Runtime;
  readonly adminToken: string;
  readonly administrators: AdministratorSessions;
  readonly sessions: Pick<Sessions, 'end'>;
  readonly cookie: Pick<SessionCookie, 'clear'>;
  /** Whether there is a page to sign in at. */
  readonly hasSignIn: boolean;
  /** Whether browsers of people are pushed to. */
  readonly hasPush: boolean;
  /** Milliseconds of rest after which a session is over. */
  readonly idle: number;
}

const KIND = 'page token';
const MOST_BYTES = 4_096;

export function sessionRouter(parts: SessionParts): RequestHandler {
  const { pages, store, runtime, adminToken, administrators, sessions, cookie, hasSignIn, hasPush, idle } = parts;
  const holds = createHolds(runtime);
  const router = Router({ caseSensitive: true });

  /** Times of the server's clock, so that a page whose own is wrong warns in time. Nobody is 200 too: to be told so is no error. */
  const told = (seat: Seat | undefined) => ({
    now: runtime.now(),
    hasSignIn,
    ...(seat && {
      who: seat.caller.who,
      login: seat.login,
      isAdministrator: seat.login === undefined,
      hasPush,
      restEnds: seat.restEnds,
      ends: seat.ends,
      idle,
    }),
  });
  const answer = (request: Request, response: Response, seat: Seat | undefined) =>
    sendJson(request, response, 200, told(seat), visitOf(response).requestId);

  /** As the front door writes it, where whoever did it is known only now. */
  const row = (response: Response, deed: Parameters<ReturnType<typeof visitOf>['row']>[0]) =>
    appended({ ...visitOf(response).row(deed), who: deed.who ?? administrator.who });

  async function exchange(token: unknown, request: Request, response: Response): Promise<void> {
    const source = addressOf(request);
    holds.demand(source, KIND);
    if (!isSame(token, adminToken)) {
      holds.failed(source, KIND);
      throw problem('login', 'that token opens nothing');
    }
    holds.succeeded(source, KIND);
    const { cookie: set, change } = administrators.start();
    await store.commit([
      change,
      row(response, { interaction: 'sign-in', status: 200, who: administrator.who, reason: 'by token, at a page' }),
    ]);
    response.append('Set-Cookie', set);
    // The browser has it from this answer on.
    sendJson(
      request,
      response,
      200,
      { now: runtime.now(), hasSignIn, isAdministrator: true },
      visitOf(response).requestId,
    );
  }

  router.use('/session', (request, _response, next) => {
    pages.demandOwnPage(request);
    next();
  });
  router.get('/session', async (request, response) => answer(request, response, await pages.seat(request)));
  router.post('/session', async (request, response) => {
    const bytes = await readBody(request, MOST_BYTES);
    const { token } = (bytes.length === 0 ? {} : readJson(bytes).value) as { token?: unknown };
    if (token !== undefined) return exchange(token, request, response);
    answer(request, response, await pages.seat(request));
  });
  router.delete('/session', async (request, response) => {
    const seat = await pages.seat(request);
    if (seat?.login !== undefined) await sessions.end(seat.login, seat.id, visitOf(response).row);
    else if (seat)
      await store.commit([
        administrators.end(seat.id),
        row(response, { interaction: 'sign-out', status: 200, who: administrator.who }),
      ]);
    response.append('Set-Cookie', cookie.clear()).append('Set-Cookie', administrators.clear());
    answer(request, response, undefined);
  });
  return router;
}
