/** The page of the apps that may see one's data, and ending one. */
import type { Request, Response, Router } from 'express';
import type { Session } from '../../users/sessions.ts';
import { aboutUser } from '../../users/user.ts';
import { apps } from '../apps.ts';
import { sendPage } from '../serve.ts';
import type { AccountDesk } from './account-visit.ts';
import type { Desk } from './desk.ts';
import { subjectsFor } from './subjects.ts';
import { patientWords, shownScope } from './words.ts';

export function addApps(router: Router, desk: Desk, { shownTo, changed, accountOf }: AccountDesk): void {
  const { authorization, visitOf } = desk;

  async function showApps(session: Session, request: Request, response: Response, done?: string): Promise<void> {
    const { user } = session;
    const subjects = subjectsFor(desk, user, request, response);
    const granted = await authorization.grantsOf(user.login);
    // One row per app, however often it was allowed: ending it ends all of that.
    const byApp = [...new Set(granted.map(({ client }) => client))].map((client) => ({
      client,
      grants: granted.filter((grant) => grant.client === client),
    }));
    const listed = await Promise.all(
      byApp.map(async ({ client, grants }) => {
        const ids = [...new Set(grants.flatMap(({ patient }) => patient ?? []))];
        const [known, patients] = await Promise.all([
          desk.findClient(client),
          Promise.all(ids.map((id) => subjects.patient(id))),
        ]);
        const scopes = new Set(grants.flatMap((grant) => grant.scopes.split(' ')));
        const words = [...scopes].filter((scope) => !scope.startsWith('launch'));
        return {
          id: client,
          name: known?.metadata.client_name ?? 'An app that is not registered any more',
          since: Math.min(...grants.map((grant) => grant.granted)),
          until: Math.max(...grants.map(({ expires }) => expires)),
          patients: patients.flatMap((patient) => (patient ? [patientWords(patient)] : [])),
          words: words.map((scope) => shownScope(scope, desk.offlineDays).words),
        };
      }),
    );
    const { csrf, who } = accountOf(session, 'Apps', request, response);
    sendPage(response, apps({ csrf, who, apps: listed, done }));
  }

  router.get('/account/apps', shownTo('apps', showApps));
  router.post(
    '/account/apps',
    ...changed(
      'apps',
      async (session, request, response, form) => {
        const { login } = session.user;
        const client = form.text('client');
        const isTheirs = (await authorization.grantsOf(login)).some((grant) => grant.client === client);
        const deed = { interaction: 'app-end', action: 'D', status: 200, ...aboutUser(session.user) };
        const isDone =
          isTheirs &&
          (await authorization.revokeApp(login, client, [
            visitOf(response).row({ ...deed, reason: `client ${client}` }),
          ]));
        await showApps(session, request, response, isDone ? 'Its access has ended.' : 'It had no access any more.');
      },
      false,
    ),
  );
}
