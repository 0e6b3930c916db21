/** How pages leave: their headers, their files. https://www.w3.org/TR/CSP3/ */
import { readFileSync } from 'node:fs';
import { type RequestHandler, type Response, Router } from 'express';

/** Nothing from elsewhere, nothing inline, in nobody's frame. `returns`: a scheme or origin that a form may end at. */
const policyFor = (returns: string | undefined) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    `form-action 'self'${returns === undefined ? '' : ` ${returns}`}`,
    "frame-ancestors 'none'",
  ].join('; ');

export interface Sent {
  readonly status?: number;
  /** A scheme (`com.example.app:`) that a form on this page may lead to. */
  readonly returns?: string;
}

/** What every answer of these rooms carries, pages and redirects alike. No Cross-Origin-Opener-Policy: apps open these pages in windows of their own. */
export const pageHeaders = (returns?: string): Record<string, string> => ({
  'Content-Security-Policy': policyFor(returns),
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'Permissions-Policy':
    'publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), geolocation=(), microphone=()',
});

export function sendPage(response: Response, page: string, { status = 200, returns }: Sent = {}): void {
  response.set(pageHeaders(returns)).status(status).type('html').send(page);
}

const types: Readonly<Record<string, string>> = {
  'pages.css': 'text/css; charset=utf-8',
  'passkey.js': 'text/javascript; charset=utf-8',
  'flame.svg': 'image/svg+xml',
  'key.svg': 'image/svg+xml',
};

/** `GET /oauth/assets/*`, mounted there. Read once. */
export function assetsRouter(): RequestHandler {
  const folder = new URL('./assets/', import.meta.url);
  const kept = new Map<string, Buffer>();
  const router = Router();
  router.get('/:file', (request, response, next) => {
    const name = String(request.params.file);
    if (!Object.hasOwn(types, name)) return next();
    const file = kept.get(name) ?? readFileSync(new URL(name, folder));
    kept.set(name, file);
    response
      .set({
        'Cache-Control': 'public, max-age=3600',
        'X-Content-Type-Options': 'nosniff',
        'Cross-Origin-Resource-Policy': 'same-origin',
      })
      .type(types[name]!)
      .send(file);
  });
  return router;
}
