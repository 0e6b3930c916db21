/** The doors of the authorization server: who asks is proved here, bodies are read here, and what happened is recorded; oidc-provider decides the rest. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { readJson } from '../fhir/json.ts';
import { asProblem, problem } from '../fhir/outcome.ts';
import type { Asking } from '../smart/authorization/answers.ts';
import type { Authorization } from '../smart/authorization/authorization.ts';
import type { Forwarded } from '../smart/authorization/forwarded.ts';
import { introspect, revokeToken } from '../smart/authorization/inspection.ts';
import { smartStyle } from '../smart/authorization/smart-style.ts';
import { isConfidential } from '../smart/clients/client.ts';
import { OAuthRefusal } from '../smart/clients/refused.ts';
import { pageHeaders } from '../smart/pages/serve.ts';
import { isSeedClient, wordsOf } from '../smart/scopes/words.ts';
import type { Store } from '../store/store.ts';
import { type VisitDeed, visitOf } from './app.ts';
import { FORM_LIMIT, mediaType, readBody } from './body.ts';
import { addressOf } from './incoming.ts';
import { securityHeaders, sendJson } from './respond.ts';

export interface OAuthRoom {
  readonly authorization: Authorization;
  readonly store: Store;
  /** Public URL without a path, and the FHIR base. */
  readonly url: string;
  readonly base: string;
  readonly isAdministrator: (authorization: string | undefined) => Promise<boolean>;
}

const FORM = 'application/x-www-form-urlencoded';

/** RFC 6749's words for what the house says in FHIR's. */
class BadRequest extends Error {}

const askingOf = (response: Response): Asking => {
  const visit = visitOf(response);
  return { row: visit.row, record: visit.record };
};

/** The members of a form; with `json` those of a flat JSON object. Each may be given once. */
async function formOf(request: Request, json: boolean): Promise<{ form: URLSearchParams; isJson: boolean }> {
  if (request.originalUrl.includes('?')) throw new BadRequest('parameters belong into the body');
  const type = mediaType(request);
  const bytes = await readBody(request, FORM_LIMIT);
  if (json && type === 'application/json') {
    const members = Object.entries(readJson(bytes).value as object);
    if (members.some(([, value]) => typeof value !== 'string')) throw new BadRequest('members must be text');
    return { form: new URLSearchParams(members), isJson: true };
  }
  if (type !== FORM) throw new BadRequest(`the body must be ${FORM}`);
  const form = new URLSearchParams(bytes.toString());
  if (new Set(form.keys()).size !== form.size) throw new BadRequest('a parameter may be given once');
  return { form, isJson: false };
}

/** An authorization request as oidc-provider wants it: it gives `offline_access` only to who asks for consent, which we always do. */
function authorizeUrl(parameters: URLSearchParams): string {
  const isOffline = wordsOf(parameters.get('scope') ?? '').includes('offline_access');
  if (isOffline && !parameters.has('prompt')) parameters.set('prompt', 'consent');
  return `/oauth/authorize?${parameters}`;
}

export function oauthRouter({ authorization, store, url, base, isAdministrator }: OAuthRoom): RequestHandler {
  const router = Router({ caseSensitive: true });
  const { tokens } = authorization;

  const forwarded = (request: Request, response: Response, to: string, more: Partial<Forwarded> = {}, also = {}) => {
    // What cannot be sent back ends on a page of ours.
    const headers = to.startsWith('/oauth/authorize') ? pageHeaders() : securityHeaders;
    response.set({ ...headers, ...also, 'X-Request-Id': visitOf(response).requestId });
    return authorization.forward(request, response, { url: to, ...more }, askingOf(response));
  };

  /** Answers refusals in the words of RFC 6749, recorded before. */
  const inOAuthWords =
    (interaction: string, work: (request: Request, response: Response) => Promise<void>): RequestHandler =>
    async (request, response) => {
      try {
        await work(request, response);
      } catch (error) {
        const isBad = error instanceof BadRequest;
        const target = error instanceof OAuthRefusal && error.clientId !== undefined ? `Client/${error.clientId}` : '';
        const deed: Omit<VisitDeed, 'status' | 'reason'> = { interaction, target };
        const told = await visitOf(response).refusal(isBad ? problem('invalid', error.message) : error, deed);
        const known = asProblem(error);
        const code = error instanceof OAuthRefusal ? error.error : oauthError(isBad ? 400 : known.status);
        const isBasic = /^basic/i.test(request.headers.authorization ?? '') && told.status === 401;
        sendJson(
          request,
          response,
          told.status,
          {
            error: told.status >= 500 ? oauthError(told.status) : code,
            error_description: told.issues[0]!.diagnostics,
          },
          visitOf(response).requestId,
          { ...told.headers, Pragma: 'no-cache', ...(isBasic && { 'WWW-Authenticate': 'Basic realm="watchfire"' }) },
        );
      }
    };

  const clientOf = (request: Request, form: URLSearchParams) =>
    authorization.authenticate(form, request.headers.authorization, addressOf(request));

  router.get('/authorize', (request, response) =>
    forwarded(request, response, authorizeUrl(new URLSearchParams(request.originalUrl.split('?')[1] ?? ''))),
  );
  router.post('/authorize', async (request, response) => {
    const bytes = await readBody(request, FORM_LIMIT);
    if (mediaType(request) !== FORM) throw problem('not-supported', `the body must be ${FORM}`, { status: 415 });
    await forwarded(request, response, authorizeUrl(new URLSearchParams(bytes.toString())), { method: 'GET' });
  });
  router.get('/authorize/:uid', (request, response) => forwarded(request, response, request.originalUrl));
  // The next keys are published long before they sign: see signing-keys.ts.
  router.get('/jwks', (request, response) =>
    forwarded(request, response, request.originalUrl, {}, { 'Cache-Control': 'public, max-age=300' }),
  );

  router.post(
    '/token',
    inOAuthWords('oauth-token', async (request, response) => {
      const { form, isJson } = await formOf(request, true);
      const client = await clientOf(request, form);
      if (isJson && !isSeedClient(client.metadata.scope)) throw new BadRequest(`the body must be ${FORM}`);
      if (
        form.get('grant_type') === 'client_credentials' &&
        !client.metadata.grant_types.includes('client_credentials')
      )
        throw new OAuthRefusal('unauthorized_client', 'this client is not registered for client_credentials', {
          reason: 'grant type not registered',
          clientId: client.clientId,
        });
      await forwarded(request, response, '/oauth/token', { proved: { form, client } });
    }),
  );

  router.post(
    '/introspect',
    inOAuthWords('oauth-introspect', async (request, response) => {
      const { form } = await formOf(request, false);
      const isAdmin = await isAdministrator(request.headers.authorization);
      const client = isAdmin ? undefined : await clientOf(request, form);
      if (client && !isConfidential(client))
        throw new OAuthRefusal('invalid_client', 'only clients with a secret or key may ask', {
          reason: 'public client',
          clientId: client.clientId,
        });
      const token = form.get('token');
      if (!token) throw new BadRequest('token is required');
      const told = await introspect({ store, tokens, url, base }, token, client?.clientId);
      const who = client ? `Client/${client.clientId}` : 'Client/admin';
      await visitOf(response).record({ interaction: 'oauth-introspect', action: 'R', status: 200, who });
      sendJson(request, response, 200, told, visitOf(response).requestId);
    }),
  );

  router.post(
    '/revoke',
    inOAuthWords('oauth-revoke', async (request, response) => {
      const { form } = await formOf(request, false);
      const client = await clientOf(request, form);
      const token = form.get('token');
      if (!token) throw new BadRequest('token is required');
      const { row, record, requestId } = visitOf(response);
      const deed = { interaction: 'oauth-revoke', action: 'D', status: 200, who: `Client/${client.clientId}` };
      const isDone = await revokeToken({ store, tokens }, token, client.clientId, [row(deed)]);
      if (!isDone) await record({ ...deed, reason: 'not a token of this client' });
      sendJson(request, response, 200, {}, requestId);
    }),
  );

  const posted = ['token', 'introspect', 'revoke'];
  for (const door of posted)
    router.all(
      `/${door}`,
      inOAuthWords(`oauth-${door}`, async () => {
        throw problem('not-supported', `/oauth/${door} takes POST`, { status: 405, headers: { Allow: 'POST' } });
      }),
    );

  router.get('/smart-style.json', (request, response) =>
    sendJson(request, response, 200, smartStyle, visitOf(response).requestId),
  );
  return router;
}

/** `/.well-known/openid-configuration`. */
export function openidRouter({ authorization }: Pick<OAuthRoom, 'authorization'>): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.get('/.well-known/openid-configuration', async (request, response) => {
    response.set({ ...securityHeaders, 'X-Request-Id': visitOf(response).requestId });
    await authorization.forward(request, response, { url: request.originalUrl }, askingOf(response));
  });
  return router;
}

const oauthError = (status: number): string =>
  status === 401
    ? 'invalid_client'
    : status < 500 && status !== 429
      ? 'invalid_request'
      : status === 500
        ? 'server_error'
        : 'temporarily_unavailable';
