/** Pages of registered apps may call from their browsers, pages of others may not. No cookie ever goes along. https://fetch.spec.whatwg.org/#http-cors-protocol */
import type { RequestHandler } from 'express';
import { send } from './respond.ts';

/** What FHIR clients do and say; the answer's headers that a script may read. https://hl7.org/fhir/R4/http.html */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const HEADERS =
  'Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Last-Event-ID, Prefer, X-Request-Id';
const EXPOSED = 'ETag, Location, Last-Modified, Content-Location, X-Request-Id, Retry-After, WWW-Authenticate';
/** Seconds for which a browser need not ask again. An app that is disabled is refused by its tokens, not by this. */
const MAX_AGE = '600';

/**
 * To be mounted before whoever asks for a token: a preflight brings none. An origin that is not registered gets its answer without a
 * word of CORS, which its browser then keeps from the page. `null` is what every sandboxed page and local file says of itself.
 */
export function cors(isOrigin: (origin: string) => Promise<boolean>): RequestHandler {
  return async (request, response, next) => {
    response.vary('Origin');
    const { origin } = request.headers;
    if (origin === undefined) return next();
    const isAllowed = /^https?:\/\/[^\s/]{1,255}$/.test(origin) && (await isOrigin(origin));
    if (isAllowed) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    }
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return next();
    const permission = {
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': HEADERS,
      'Access-Control-Max-Age': MAX_AGE,
    };
    send(request, response, 204, '', isAllowed ? permission : {});
  };
}
