/** HL7 v2 over HTTP, for engines that speak it: a message is posted, its acknowledgement is the answer. https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { problem } from '../fhir/outcome.ts';
import { visitOf } from '../http/app.ts';
import { readBody } from '../http/body.ts';
import { addressOf } from '../http/incoming.ts';
import { send } from '../http/respond.ts';
import { MOST_BYTES } from '../ingest/hl7v2/wire/frames.ts';
import type { Hl7v2, ReceivedAll } from '../ingest/hl7v2/wire/room.ts';

const types = ['application/hl7-v2', 'application/hl7-v2+er7', 'x-application/hl7-v2+er7', 'text/plain'];

export interface Hl7v2Door {
  readonly hl7v2: Pick<Hl7v2, 'receiveAll'>;
  /** Puts the caller on the visit, or refuses. */
  readonly guard: RequestHandler;
}

/** Where the acknowledgement says AA, AE, AR. What could not be stored now may be sent again. */
function statusOf({ verdict, isUnreadable }: ReceivedAll): number {
  if (verdict === 'AA') return 200;
  if (verdict === 'AR') return 503;
  return isUnreadable ? 400 : 422;
}

/** The message says in MSH-18 how it is written; what the header says of that is of no account. */
function typeOf({ headers }: Request): string {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (types.includes(type)) return type;
  throw problem('not-supported', `Content-Type must be one of ${types.join(', ')}`, { status: 415 });
}

/** POST /: for the administrator, and for who may create MessageHeaders. */
export function hl7v2Router({ hl7v2, guard }: Hl7v2Door): RequestHandler {
  async function postMessage(request: Request, response: Response): Promise<void> {
    const { caller, requestId } = visitOf(response);
    if (caller.who === 'anonymous') {
      throw problem('login', 'this needs a token', { headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' } });
    }
    if (!caller.access.permits('create', 'MessageHeader')) {
      throw problem('forbidden', 'this needs the right to create a MessageHeader, such as system/MessageHeader.c');
    }
    const type = typeOf(request);
    const bytes = await readBody(request, MOST_BYTES);
    const { who, key } = caller;
    const received = await hl7v2.receiveAll(bytes, {
      address: addressOf(request),
      requestId,
      who,
      ...(key !== undefined && { key }),
      mustAnswer: true,
    });
    const status = statusOf(received);
    send(request, response, status, received.answer!, {
      'Content-Type': `${type}; charset=utf-8`,
      'X-Request-Id': requestId,
      ...(status === 503 && { 'Retry-After': '5' }),
    });
  }

  const router = Router({ caseSensitive: true });
  router.use(guard);
  router
    .route('/')
    .post(postMessage)
    .all(() => {
      throw problem('not-supported', 'Only POST is offered here', { status: 405, headers: { Allow: 'POST' } });
    });
  return router;
}
