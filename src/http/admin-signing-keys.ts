/** The administrator's route to have the keys rotated that ID tokens are signed with. https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys */
import { type RequestHandler, Router } from 'express';
import type { Authorization } from '../smart/authorization/authorization.ts';
import { isoOf, reply } from './admin-desk.ts';
import { visitOf } from './app.ts';

/** Below `/admin`, whose router lets the administrator alone through. */
export function adminSigningKeysRouter({ signingKeys }: Pick<Authorization, 'signingKeys'>): RequestHandler {
  const router = Router({ caseSensitive: true });

  router.post('/signing-keys/rotate', async (request, response) => {
    const { row } = visitOf(response);
    const keys = await signingKeys.rotate([row({ interaction: 'admin-signing-keys', action: 'U', status: 200 })]);
    const told = keys.map(({ jwk, role, until }) => ({
      kid: jwk.kid,
      kty: jwk.kty,
      role,
      until: isoOf(until),
    }));
    reply(request, response, 200, { keys: told });
  });
  return router;
}
