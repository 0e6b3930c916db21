/** The worker by which a browser shows what it is pushed, at an address that stays: it stands in a folder of its own, and so in front of no page. https://www.w3.org/TR/service-workers/ */
import { type RequestHandler, Router } from 'express';
import { assets } from './assets.ts';
import { lookOf } from './look.ts';
import { wordsOf } from './words/words.ts';

/** It asks this server, and loads nothing. */
const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': "default-src 'none'; connect-src 'self'",
  'Cache-Control': 'no-cache',
  Vary: 'Cookie, Accept-Language',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** `GET /console/push/worker.js`, mounted at `/console/push`. It can load no words, so they come with it. */
export function pushWorkerRouter(): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.get('/worker.js', (request, response) => {
    const { files } = assets();
    const said = JSON.stringify(wordsOf(lookOf(request.headers).locale, 'push')['push.lost']);
    const { type, bytes } = files.get('push/worker.js')!;
    response.set(headers).type(type).send(`const lost = ${said};\n${bytes}`);
  });
  return router;
}
