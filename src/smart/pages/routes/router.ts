/** The pages as one room: `/oauth/interaction`, `/oauth/account`, `/oauth/outside` and their files; mounted at `/oauth`. */
import { type RequestHandler, Router } from 'express';
import { assetsRouter, pageHeaders } from '../serve.ts';
import { addAccount } from './account.ts';
import { createDesk, type PagesParts } from './desk.ts';
import { addInteraction } from './interaction.ts';
import { addOutside } from './outside.ts';

export function pagesRouter(parts: PagesParts): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.use('/assets', assetsRouter());
  router.use(['/interaction', '/account', '/outside'], (_request, response, next) => {
    // Redirects too, and whatever breaks.
    response.set(pageHeaders()).set('X-Request-Id', parts.visitOf(response).requestId);
    next();
  });
  const desk = createDesk(parts);
  const signIn = addInteraction(router, desk);
  addOutside(router, desk, signIn);
  addAccount(router, desk);
  return router;
}
