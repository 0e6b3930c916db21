/** The front door: one express app. Framing, who asks, then the room below; every refusal dies here as an OperationOutcome. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { aimOf, type Trail } from '../audit/trail.ts';
import { asProblem, isBroken, type Problem, problem } from '../fhir/outcome.ts';
import { reasonOf } from '../interactions/dispatch.ts';
import type { Caller, Dispatch } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import { OAuthRefusal } from '../smart/clients/refused.ts';
import { NotIdentified } from '../smart/identify.ts';
import type { AuditRow } from '../store/store.ts';
import { routedAt, serveFhir } from './fhir-router.ts';
import { addressOf, framingFault, requestIdOf } from './incoming.ts';
import { sendProblem } from './respond.ts';

/** What one request came to, for log and metrics. No value out of the request but its id. */
export interface Observed {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  readonly requestId: string;
  readonly who: string;
  readonly error?: unknown;
}

export interface Doors {
  readonly dispatch: Dispatch;
  readonly identify: (authorization: string | undefined, source?: string) => Promise<Caller>;
  readonly trail: Trail;
  readonly runtime: Runtime;
  readonly origin: string;
  readonly hasVersions: (type: string) => boolean;
  readonly observe: (observed: Observed) => void;
  /** Routers with their own answers: the IoT door, admin. A path names the route in log, metrics and audit. */
  readonly rooms: readonly { readonly path: string; readonly room: RequestHandler }[];
  /** Routers that know their own paths and touch no data: portal, health, metrics. */
  readonly publicRooms: readonly RequestHandler[];
}

/** What the doors leave for each other on a response. */
export interface Visit {
  readonly requestId: string;
  readonly caller: Caller;
  /** The row of a door that answers without `dispatch`, for the commit of what it did. */
  row(deed: VisitDeed): AuditRow;
  /** Adds such a row where nothing else is committed; call it before the answer leaves. */
  record(deed: VisitDeed): Promise<void>;
  /** What a thrown error is answered with, recorded before unless the gate has; what cannot be recorded is not answered with what was found out. */
  refusal(error: unknown, deed: Omit<VisitDeed, 'status' | 'reason'>): Promise<Problem>;
}
/** What a door did: what is not said is empty, or known of the request. */
export type VisitDeed = Partial<AuditRow> & Pick<AuditRow, 'interaction' | 'status'>;
export const visitOf = (response: Response | ServerResponse): Visit => (response as Response).locals.visit;

/** Two Authorization headers are one too many; node would silently keep the first. A token in the address stands in every log on its way. */
function authorizationOf({ rawHeaders, headers, url = '' }: IncomingMessage): string | undefined {
  const at = url.indexOf('?');
  if (at >= 0 && new URLSearchParams(url.slice(at)).has('access_token'))
    throw problem('invalid', 'a token may not stand in the address');
  if (headers.authorization === undefined) return undefined;
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === 'authorization') count++;
  if (count > 1) throw problem('invalid', 'Authorization may be given once');
  return headers.authorization;
}

/** Route of a public room for log and metrics; everything unknown is one word, so that scanners make no new labels. */
const publicRoute = (path: string): string =>
  /^\/(docs|openapi\.json|health|metrics)(?=\/|$)/.exec(path)?.[0] ?? 'none';

/** Discovery stands below the FHIR base, and asks nobody who is there. */
const isOfFhir = (url: string): boolean => /^\/fhir(?:$|\?|\/(?!\.well-known\/))/.test(url);

/** What a FHIR request is about that was refused before anybody asked; nothing where its address says nothing. */
function aimAt({ method, url }: Request) {
  const routed = /^\/fhir(?=[/?]|$)/.test(url) ? routedAt(method, url.slice('/fhir'.length)) : undefined;
  return routed && aimOf(routed);
}

/** Refusals that say more to those who review than to whoever is refused. */
const isTold = (error: unknown): error is NotIdentified | OAuthRefusal =>
  error instanceof NotIdentified || (error instanceof OAuthRefusal && error.reason !== '');

const nobody: Caller['who'] = 'anonymous';

/** What log and metrics say of a request whose client left before the answer was out; no client ever sees it. */
const GONE_AWAY = 499;

export function createApp({
  dispatch,
  identify,
  trail,
  runtime,
  origin,
  hasVersions,
  observe,
  rooms,
  publicRooms,
}: Doors): express.Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', false).set('case sensitive routing', true);

  app.use((request: Request, response: Response, next: NextFunction) => {
    const started = performance.now();
    const requestId = requestIdOf(request, runtime);
    const visit = {
      requestId,
      caller: undefined as Caller | undefined,
      refusedKey: '',
      route: 'none',
      error: undefined as unknown,
      row: (deed: VisitDeed): AuditRow => ({
        at: runtime.now(),
        who: visit.caller?.who ?? nobody,
        key: visit.caller?.key ?? visit.refusedKey,
        action: 'E',
        target: '',
        patients: '',
        requestId,
        address: addressOf(request),
        query: '',
        reason: '',
        ...deed,
      }),
      record: (deed: VisitDeed) => trail.record(visit.row(deed)),
      refusal: async (error: unknown, deed: Omit<VisitDeed, 'status' | 'reason'>): Promise<Problem> => {
        const refused = asProblem(error);
        if (error instanceof Object && trail.recorded.has(error)) return refused;
        const row = {
          ...deed,
          status: refused.status,
          reason: isTold(error) ? error.reason : reasonOf(error),
        };
        return visit.record(row).then(() => refused, asProblem);
      },
    };
    response.locals.visit = visit;
    response.on('close', () => {
      const { error } = visit;
      const route = visit.route === 'none' ? publicRoute(request.path) : visit.route;
      const seconds = (performance.now() - started) / 1_000;
      observe({
        route,
        method: request.method,
        status: response.writableFinished ? response.statusCode : GONE_AWAY,
        seconds,
        requestId,
        who: visit.caller?.who ?? nobody,
        error,
      });
    });
    const fault = framingFault(request);
    next(fault);
  });

  const beside = express.Router({ caseSensitive: true });
  for (const { path, room } of rooms) {
    (path === '/fhir' ? app : beside).use(path, (request, response, next) => {
      response.locals.visit.route = path;
      return room(request, response, next); // Express sees a rejection only in what is returned to it
    });
  }
  for (const room of publicRooms) beside.use(room);
  // What is asked most often walks past no other door.
  app.use((request, response, next) => (isOfFhir(request.url) ? next() : beside(request, response, next)));

  app.use('/fhir', async (request: Request, response: Response) => {
    const { visit } = response.locals;
    visit.route = '/fhir';
    await enter(identify, request, response);
    await serveFhir({ dispatch, origin, hasVersions }, request, response, visit.caller, visit.requestId, {
      onAsked: ({ interaction }) => {
        visit.route = `/fhir:${interaction}`;
      },
      onBroken: (cause) => {
        visit.error = cause;
      },
    });
  });

  app.use(() => {
    throw problem('not-found', 'nothing is at this address');
  });

  app.use(async (error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const { visit } = response.locals;
    if (isBroken(error)) visit.error = error;
    const interaction = visit.route.replace(/^.*[/:]/, '');
    // Nobody did anything at an address that is none.
    const refused =
      visit.route === 'none' ? asProblem(error) : await visit.refusal(error, { interaction, ...aimAt(request) });
    sendProblem(request, response, refused, visit.requestId);
  });
  return app;
}

/** Puts the caller on the visit, or refuses with 401 and leaves there which key was tried. */
async function enter(identify: Identifying, request: Request, response: Response): Promise<void> {
  const { visit } = response.locals;
  try {
    visit.caller = await identify(authorizationOf(request), addressOf(request), request);
  } catch (error) {
    if (error instanceof NotIdentified) visit.refusedKey = error.key;
    throw error;
  }
}

/** Some rooms let a page's cookie count where there is no header: they look at the request too. */
type Identifying = (authorization: string | undefined, source: string, request: Request) => Promise<Caller>;

/** A room that asks who is there, then answers. A wrong token is refused with 401. */
export const identified =
  (identify: Identifying, room: RequestHandler): RequestHandler =>
  async (request, response, next) => {
    await enter(identify, request, response);
    await room(request, response, next);
  };
