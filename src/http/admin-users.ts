/** The rooms of the admin router for users: made, listed, changed, deleted, signed out. docs/security.md */
import { type RequestHandler, type Response, Router } from 'express';
import { problem } from '../fhir/outcome.ts';
import type { UserPatch } from '../smart/users/directory.ts';
import type { UsersRoom } from '../smart/users/room.ts';
import type { User } from '../smart/users/user.ts';
import { afterOf, countOf, isoOf, membersOf, pageOf, reply } from './admin-desk.ts';
import { visitOf } from './app.ts';

/** What may be seen of a user: never a hash, a secret or a key. */
const shown = ({ login, fhirUser, roles, password, totp, passkeys, recovery, outside, disabled, created }: User) => ({
  login,
  fhirUser,
  roles,
  factors: {
    password: password !== undefined,
    totp: totp !== undefined,
    passkeys: passkeys.length,
    recovery_codes: recovery.length,
  },
  outside_issuer: outside?.issuer ?? null,
  created_at: isoOf(created),
  disabled_at: isoOf(disabled),
});

const newMembers = ['login', 'password', 'fhirUser', 'roles'];
const patchMembers: Readonly<Record<string, keyof UserPatch>> = {
  password: 'password',
  fhirUser: 'fhirUser',
  roles: 'roles',
  disabled: 'disabled',
  reset_factors: 'resetFactors',
};

/** A misspelt member must not look like success. */
function demandKnown(asked: object, known: readonly string[]): void {
  const unknown = Object.keys(asked).find((name) => !known.includes(name));
  if (unknown !== undefined) throw problem('value', `the body may have ${known.join(', ')}`);
}

/** Below `/admin`, whose router lets the administrator alone through. */
export function adminUsersRouter({ directory, sessions }: Pick<UsersRoom, 'directory' | 'sessions'>): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.post('/users', async (request, response) => {
    const asked = await membersOf(request);
    demandKnown(asked, newMembers);
    const user = await directory.create(asked, visitOf(response).row);
    const location = { Location: `/admin/users/${encodeURIComponent(user.login)}` };
    reply(request, response, 201, shown(user), location);
  });

  router.get('/users', async (request, response) => {
    const count = countOf(request);
    const found = await directory.list(afterOf(request) ?? '', count + 1);
    const { page, next } = pageOf('/admin/users', found, count, ({ login }) => login);
    await visitOf(response).record({ interaction: 'admin-user-list', action: 'R', status: 200 });
    reply(request, response, 200, { users: page.map(shown), next });
  });

  router.get('/users/:login', async (request, response) => {
    const user = await directory.read(request.params.login);
    const deed = { interaction: 'admin-user-read', action: 'R', status: 200, target: user.fhirUser };
    await visitOf(response).record(deed);
    reply(request, response, 200, shown(user));
  });

  router.patch('/users/:login', async (request, response) => {
    const asked = await membersOf(request);
    demandKnown(asked, Object.keys(patchMembers));
    const patch: UserPatch = Object.fromEntries(
      Object.entries(asked).map(([name, value]) => [patchMembers[name]!, value]),
    );
    const user = await directory.change(request.params.login, patch, visitOf(response).row);
    reply(request, response, 200, shown(user));
  });

  router.delete('/users/:login', async (request, response) => {
    await directory.remove(request.params.login, visitOf(response).row);
    reply(request, response, 200, { login: request.params.login, deleted: true });
  });

  router.get('/users/:login/sessions', async (request, response) => {
    const { login, fhirUser } = await directory.read(request.params.login);
    const found = await sessions.list(login);
    await visitOf(response).record({ interaction: 'admin-user-sessions', action: 'R', status: 200, target: fhirUser });
    reply(request, response, 200, {
      sessions: found.map(({ id, created, used, device, address, methods }) => ({
        id,
        device,
        address,
        methods,
        created_at: isoOf(created),
        last_used_at: isoOf(used),
      })),
    });
  });

  const rowBy = (response: Response): Parameters<typeof sessions.end>[2] => {
    const visit = visitOf(response);
    // The deed is the administrator's, whoever is signed out.
    return (deed) => visit.row({ ...deed, who: visit.caller.who });
  };

  router.delete('/users/:login/sessions', async (request, response) => {
    const { login } = await directory.read(request.params.login);
    await sessions.endAll(login, rowBy(response));
    reply(request, response, 200, { login, signed_out: true });
  });

  router.delete('/users/:login/sessions/:id', async (request, response) => {
    const { login } = await directory.read(request.params.login);
    await sessions.end(login, request.params.id, rowBy(response));
    reply(request, response, 200, { login, signed_out: true });
  });

  return router;
}
