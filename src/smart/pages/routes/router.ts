/** The pages as one room: `/oauth/interaction`, `/oauth/account` and their files; mounted at `/oauth`. */
import { type RequestHandler, Router } from 'express';
import { assetsRouter, guardHeaders } from '../serve.ts';
import { addAccount } from './account.ts';
import { createDesk, type PagesParts } from './desk.ts';
import { addInteraction } from './interaction.ts';

export function pagesRouter(parts: PagesParts): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.use('/assets', assetsRouter());
  router.use(['/interaction', '/account'], (_request, response, next) => {
    // Redirects too, and whatever breaks.
    guardHeaders(response);
    next();
  });
  const desk = createDesk(parts);
  addInteraction(router, desk);
  addAccount(router, desk);
  return router;
}
