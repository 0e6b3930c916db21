/** Writes answers: frozen security headers, JSON text as it is, every refusal an OperationOutcome. https://hl7.org/fhir/R4/http.html#Status-Codes */
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';
import { operationOutcome, type Problem } from '../fhir/outcome.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

/** What helmet sets, asked once: its headers do not depend on the request. Nothing here is a page, so nothing may load or frame it. */
function frozenHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name] = value;
    },
    removeHeader: () => undefined,
  };
  const secure = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
    },
  });
  secure({ headers: {} } as IncomingMessage, response as unknown as ServerResponse, () => undefined);
  return Object.freeze({ ...headers, 'Cache-Control': 'no-store' });
}
export const securityHeaders = frozenHeaders();

/** Bytes of an unwanted body that are read to its end. */
const PATIENCE = 64 * 1024 * 1024;

/**
 * Reads and drops what is left of a body after an early refusal: a connection closed with bytes unread is reset, and the
 * client never hears the answer. A body without a length or beyond measure ends with the connection.
 */
function dropRest(request: IncomingMessage): Readonly<Record<string, string>> {
  if (request.complete) return {};
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (Number(length ?? (coding ? Number.POSITIVE_INFINITY : 0)) > PATIENCE) return { Connection: 'close' };
  request.removeAllListeners('data').resume();
  return {};
}

/** Sends text or bytes with the security headers. HEAD and the statuses without a body send headers alone. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  content: string | Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  const isBare = status === 204 || status === 304;
  // Encoded once: the length has to be known, and the socket takes bytes.
  const body = isBare ? undefined : typeof content === 'string' ? Buffer.from(content) : content;
  const length = body ? { 'Content-Length': body.length } : {};
  response.writeHead(status, { ...securityHeaders, ...headers, ...length, ...dropRest(request) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Sends a value in the words of a door that does not speak FHIR. */
export const sendJson = (
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  value: object,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): void =>
  send(request, response, status, JSON.stringify(value), {
    'Content-Type': JSON_TYPE,
    'X-Request-Id': requestId,
    ...headers,
  });

export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  refused: Problem,
  requestId: string,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers: Record<string, string> = { 'Content-Type': FHIR_JSON, 'X-Request-Id': requestId, ...refused.headers };
  send(request, response, refused.status, JSON.stringify(operationOutcome(refused.issues)), headers);
}
