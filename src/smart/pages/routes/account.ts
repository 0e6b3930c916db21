/** The pages of one's own account: apps that may see my data, security, sign out. */
import type { Request, Response, Router } from 'express';
import { asProblem, problem } from '../../../fhir/outcome.ts';
import { deviceWords } from '../../users/device-words.ts';
import { SHORTEST } from '../../users/password-rules.ts';
import type { Session } from '../../users/sessions.ts';
import { aboutUser, type User } from '../../users/user.ts';
import { apps } from '../apps.ts';
import { signedOut } from '../failed.ts';
import { type SecurityPage, security } from '../security.ts';
import { sendPage } from '../serve.ts';
import { recoveryCodes, type SetUpCodesPage, setUpCodes } from '../set-up.ts';
import type { Desk, Form } from './desk.ts';
import { sentence } from './desk.ts';
import { addSignIn, credentialOf, keyIn, type Place } from './sign-in.ts';
import { subjectsFor } from './subjects.ts';
import { patientWords, shownScope } from './words.ts';

const AT = '/account/sign-in';
const APPS = '/oauth/account/apps';
const SECURITY = '/oauth/account/security';
/** Where a sign-in may lead: nowhere that an address could name. */
const PLACES: Readonly<Record<string, string>> = { apps: APPS, security: SECURITY };

const placeFor = (to: string): Place => {
  const name = Object.hasOwn(PLACES, to) ? to : 'apps';
  return { path: `/oauth${AT}/${name}`, onward: PLACES[name]! };
};

type Shown = (session: Session, request: Request, response: Response) => Promise<void>;
type Changed = (session: Session, request: Request, response: Response, form: Form) => Promise<void>;

export function addAccount(router: Router, desk: Desk): void {
  const { users, authorization, visitOf, addressOf } = desk;
  const signIn = addSignIn(router, `${AT}/:to`, desk, async ({ params }) => placeFor(String(params.to)));

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

  /** Changes how to sign in only who has signed in just now: a browser left open is not its owner. */
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

  router.get('/account', (_request, response) => response.redirect(303, APPS));
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

  type Told = Pick<SecurityPage, 'done' | 'failed' | 'faults'>;
  async function showSecurity(session: Session, request: Request, response: Response, told: Told = {}): Promise<void> {
    const user = await users.directory.read(session.user.login);
    const factors = users.factors.show(user);
    const { csrf, who } = accountOf(session, 'Security', request, response);
    const page = security({
      csrf,
      who,
      login: user.login,
      shortest: SHORTEST,
      hasPassword: factors.password,
      hasCodes: factors.totp,
      recoveryLeft: factors.recoveryLeft,
      ...(users.passkeys.areOffered && {
        passkeys: factors.passkeys.map(({ id, name, created }) => ({ id, name, since: created })),
      }),
      sessions: (await users.sessions.list(user.login)).map(({ id, created, used, device, address }) => ({
        id,
        isThis: id === session.id,
        since: created,
        seen: used,
        from: `${device}, ${address}`,
      })),
      ...told,
    });
    sendPage(response, page, { status: told.failed !== undefined || told.faults ? 400 : 200 });
  }

  /** A change, then the page as it is afterwards; what is refused is told there. */
  const change = (name: string, done: string, work: Changed) =>
    router.post(
      `/account/${name}`,
      ...changed('security', async (session, request, response, form) => {
        const failed = await work(session, request, response, form).then(
          () => undefined,
          (error: unknown) => {
            if (asProblem(error).status >= 500) throw error;
            return sentence(error);
          },
        );
        if (!response.headersSent)
          await showSecurity(session, request, response, failed === undefined ? { done } : { failed });
      }),
    );

  router.get('/account/security', shownTo('security', showSecurity));

  router.post(
    '/account/password',
    ...changed('security', async (session, request, response, form) => {
      const [current, password] = [form.text('current'), form.text('password')];
      let user: User;
      try {
        user = await users.factors.changePassword(
          session.user.login,
          current,
          password,
          addressOf(request),
          visitOf(response).row,
        );
      } catch (error) {
        const { code, message } = asProblem(error);
        if (code !== 'value' && code !== 'required') throw error;
        // What is wrong with the new password is said by a sentence that begins with the word; everything else is about the old one.
        const faults = message.startsWith('password ') ? { password: sentence(error) } : { current: sentence(error) };
        return showSecurity(session, request, response, { faults });
      }
      // The epoch rose, and with it every session ended: this browser goes on with a new one.
      const again = await desk.startSession(user, session.methods, request, response);
      await showSecurity(again, request, response, {
        done: 'Your password is changed. Every other session has ended.',
      });
    }),
  );

  type Asked = Pick<SetUpCodesPage, 'key' | 'uri' | 'fault'>;
  const setUp = (asked: Asked, session: Session, request: Request, response: Response): string => {
    const account = accountOf(session, 'Security', request, response);
    return setUpCodes({ action: '/oauth/account/totp', csrf: account.csrf, account, ...asked });
  };
  const showCodes = (codes: readonly string[], session: Session, request: Request, response: Response): void => {
    const account = accountOf(session, 'Security', request, response);
    sendPage(response, recoveryCodes({ account, codes, onward: SECURITY }));
  };

  router.get(
    '/account/totp',
    shownTo(
      'security',
      async (session, request, response) => {
        const { secret: key, uri } = await users.factors.beginTotp(session.user.login);
        sendPage(response, setUp({ key, uri }, session, request, response));
      },
      true,
    ),
  );
  router.post(
    '/account/totp',
    ...changed('security', async (session, request, response, form) => {
      try {
        const { codes } = await users.factors.confirmTotp(session.user.login, form.text('code'), visitOf(response).row);
        if (codes) showCodes(codes, session, request, response);
        else await showSecurity(session, request, response, { done: 'The authenticator app is on.' });
      } catch (error) {
        const { code, status } = asProblem(error);
        if (code !== 'value') throw error;
        const uri = form.text('uri');
        sendPage(response, setUp({ key: keyIn(uri), uri, fault: sentence(error) }, session, request, response), {
          status,
        });
      }
    }),
  );
  change('totp-off', 'The authenticator app is off.', async ({ user }, _request, response) => {
    await users.factors.removeTotp(user.login, visitOf(response).row);
  });

  router.post(
    '/account/passkey-options',
    ...desk.posted(async (request, response) => {
      const session = await desk.session(request);
      if (!session || !users.sessions.isFresh(session)) throw problem('login', 'sign in again');
      response.set('Cache-Control', 'no-store').json(await users.factors.beginPasskey(session.user.login));
    }),
  );
  change('passkey', 'The passkey is added.', async (session, request, response, form) => {
    const name = deviceWords(request.headers['user-agent']);
    const { row } = visitOf(response);
    const { codes } = await users.factors.addPasskey(session.user.login, name, credentialOf(form), row);
    if (codes) showCodes(codes, session, request, response);
  });
  change('passkey-off', 'The passkey is removed.', async ({ user }, _request, response, form) => {
    await users.factors.removePasskey(user.login, form.text('id'), visitOf(response).row);
  });
  change('recovery', '', async (session, request, response) => {
    const codes = await users.factors.newRecoveryCodes(session.user.login, visitOf(response).row);
    showCodes(codes, session, request, response);
  });
  change('session-off', 'That session has ended.', async ({ user }, _request, response, form) => {
    await users.sessions.end(user.login, form.text('id'), visitOf(response).row);
  });

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
