/** The pages of one's own account: apps that may see my data, security, sign out. */
import type { Response, Router } from 'express';
import type { Session } from '../../users/sessions.ts';
import { signedOut } from '../failed.ts';
import { sendPage } from '../serve.ts';
import { addApps } from './account-apps.ts';
import { addSecurity } from './account-security.ts';
import { APPS, openAccountDesk } from './account-visit.ts';
import type { Desk } from './desk.ts';

export function addAccount(router: Router, desk: Desk): void {
  const { users, visitOf } = desk;
  const account = openAccountDesk(router, desk);
  router.get('/account', (_request, response) => response.redirect(303, APPS));
  addApps(router, desk, account);
  addSecurity(router, desk, account);

  const left = (end: (session: Session, response: Response) => Promise<unknown>) =>
    desk.posted(async (request, response) => {
      const session = await desk.session(request);
      if (session) await end(session, response);
      response.append('Set-Cookie', users.cookie.clear());
      sendPage(response, signedOut());
    });
  router.post(
    '/account/sign-out',
    ...left(({ user, id }, response) => users.sessions.end(user.login, id, visitOf(response).row)),
  );
  router.post(
    '/account/sign-out-everywhere',
    ...left(({ user }, response) => users.sessions.endAll(user.login, visitOf(response).row)),
  );
}
