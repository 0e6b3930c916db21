/** `GET /console`: where the pages are, for whoever comes without a wish. */
import { type RequestHandler, Router } from 'express';
import { html } from '../smart/pages/html.ts';
import { navigation, page, shown } from './shell.ts';
import { words } from './words/words.ts';

export function startRouter(): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.get(
    '/',
    shown((look) => {
      const say = words(look.locale);
      const body = html`      <p>${say('start.text')}</p>
      <ul class="bar">${navigation.map(
        ([path, name]) => html`
        <li><a class="button" href="${path}">${say(name)}</a></li>`,
      )}
      </ul>`;
      return page(say('start.title'), body, { look, isWithoutClinicalData: true });
    }),
  );
  return router;
}
