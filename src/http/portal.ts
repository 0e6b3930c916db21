/** The portal: Swagger UI at /docs over /openapi.json, all of it from this server, under a strict content security policy. https://swagger.io/docs/open-source-tools/swagger-ui/ */
import { readFileSync } from 'node:fs';
import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';

export interface Portal {
  /** The OpenAPI document; asked once. */
  readonly openApi: () => object;
  /** Left out, everybody sees the portal. Else asked with what would be a bearer token; the production profile demands the administrator's. */
  readonly admits?: (token: string) => boolean | Promise<boolean>;
}

const ours: Readonly<Record<string, string>> = {
  'portal.css': 'text/css; charset=utf-8',
  'portal.js': 'text/javascript; charset=utf-8',
  'sign-in.js': 'text/javascript; charset=utf-8',
  'flame.svg': 'image/svg+xml',
};
/** Of the package these alone: its own page starts on somebody else's document. */
const fromPackage = new Set(['swagger-ui.css', 'swagger-ui-bundle.js']);

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const folder = new URL('./portal/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder));

/** A browser cannot send a bearer token for a page, but it can ask for a password: the token is the password, under any name. */
function tokenOf(authorization: string | undefined): string | undefined {
  const [scheme, sent] = (authorization ?? '').split(' ');
  if (sent === undefined) return undefined;
  if (/^bearer$/i.test(scheme!)) return sent;
  if (!/^basic$/i.test(scheme!)) return undefined;
  const pair = Buffer.from(sent, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

const guard =
  ({ admits }: Portal): RequestHandler =>
  async (request, response, next) => {
    if (!admits) return next();
    const token = tokenOf(request.get('authorization'));
    if (token && (await admits(token))) return next();
    response
      .status(401)
      .set('WWW-Authenticate', 'Basic realm="Watchfire portal: any name, the admin token as password", charset="UTF-8"')
      .type('text/plain')
      .send('The portal of this server asks for the admin token.\n');
  };

/** `GET /docs` and its files, `GET /openapi.json`. The package is loaded at the first look, not at start. */
export function portalRouter(portal: Portal): Router {
  const router = Router();
  let document: string | undefined;
  let page: Buffer | undefined;
  let packageFiles: Promise<RequestHandler> | undefined;

  async function loadPackage(): Promise<RequestHandler> {
    const { default: swaggerUi } = await import('swagger-ui-express');
    return swaggerUi.serveWithOptions({ maxAge: '1h' }).at(-1)!;
  }

  async function file(request: Request, response: Response, next: NextFunction): Promise<void> {
    const name = String(request.params.file);
    if (Object.hasOwn(ours, name)) {
      response.set('Cache-Control', 'no-cache').type(ours[name]!).send(read(name));
    } else if (fromPackage.has(name)) {
      packageFiles ??= loadPackage();
      const serve = await packageFiles;
      request.url = `/${name}`;
      serve(request, response, next);
    } else {
      next();
    }
  }

  router.use(['/docs', '/openapi.json'], guard(portal), (_request, response, next) => {
    response.set('Content-Security-Policy', policy).set('X-Content-Type-Options', 'nosniff');
    next();
  });
  router.get('/docs', (_request, response) => {
    page ??= read('index.html');
    response.set('Cache-Control', 'no-cache').type('html').send(page);
  });
  router.get('/docs/:file', file);
  router.get('/openapi.json', (_request, response) => {
    document ??= JSON.stringify(portal.openApi());
    response.set('Cache-Control', 'no-cache').type('json').send(document);
  });
  return router;
}
