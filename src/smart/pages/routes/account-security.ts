/** The page of how one signs in: password, authenticator app, passkeys, recovery codes, sessions. */
import type { Request, Response, Router } from 'express';
import { asProblem, problem } from '../../../fhir/outcome.ts';
import { deviceWords } from '../../users/device-words.ts';
import { SHORTEST } from '../../users/password-rules.ts';
import type { Session } from '../../users/sessions.ts';
import type { User } from '../../users/user.ts';
import { type SecurityPage, security } from '../security.ts';
import { sendPage } from '../serve.ts';
import { recoveryCodes, type SetUpCodesPage, setUpCodes } from '../set-up.ts';
import { type AccountDesk, type Changed, SECURITY } from './account-visit.ts';
import { type Desk, sentence } from './desk.ts';
import { credentialOf, keyIn } from './sign-in.ts';

export function addSecurity(router: Router, desk: Desk, { shownTo, changed, accountOf }: AccountDesk): void {
  const { users, visitOf, addressOf } = desk;

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
        const { code, issues } = asProblem(error);
        if (code !== 'value' && code !== 'required') throw error;
        const isNew = issues[0]?.expression === 'password';
        const faults = { [isNew ? 'password' : 'current']: sentence(error) };
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
}
