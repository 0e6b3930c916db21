/** The administrator's route to have the keys rotated that ID tokens are signed with. https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys */
import { type RequestHandler, Router } from 'express';
import type { Authorization } from '../smart/authorization/authorization.ts';
import { onlyAdministrator } from './admin.ts';
import { visitOf } from './app.ts';
import { sendJson } from './respond.ts';

export function adminSigningKeysRouter({ signingKeys }: Pick<Authorization, 'signingKeys'>): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.use('/signing-keys', onlyAdministrator);

  router.post('/signing-keys/rotate', async (request, response) => {
    const { row, requestId } = visitOf(response);
    const keys = await signingKeys.rotate([row({ interaction: 'admin-signing-keys', action: 'U', status: 200 })]);
    const told = keys.map(({ jwk, role, until }) => ({
      kid: jwk.kid,
      kty: jwk.kty,
      role,
      until: until === undefined ? null : new Date(until).toISOString(),
    }));
    sendJson(request, response, 200, { keys: told }, requestId);
  });
  return router;
}
