/** Coming back from an outside OpenID provider: then it goes on as after a password. https://openid.net/specs/openid-connect-core-1_0.html#AuthResponse */
import type { Router } from 'express';
import type { Desk } from './desk.ts';
import type { SignInDesk } from './sign-in.ts';

export function addOutside(router: Router, desk: Desk, signIn: SignInDesk): void {
  const { users, visitOf, addressOf } = desk;
  router.get(
    '/outside/:name/callback',
    desk.shown(async (request, response) => {
      const { searchParams } = new URL(request.originalUrl, 'http://here');
      const { step, to } = await users.providers.finish(String(request.params.name), {
        parameters: Object.fromEntries(searchParams),
        cookie: users.cookie.read(request.headers.cookie),
        source: addressOf(request),
        row: visitOf(response).row,
      });
      await signIn.lead(to, step, request, response);
    }),
  );
}
