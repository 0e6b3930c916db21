/** The device door: readings in the devices' own words, one or many, and the state of a device. See mappings/iot-vitals/README.md. */
import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import { parseExact, readJson } from '../fhir/json.ts';
import { asProblem, type Problem, problem } from '../fhir/outcome.ts';
import { parameterOf } from '../http/admin-desk.ts';
import { visitOf } from '../http/app.ts';
import { BODY_LIMIT, BUNDLE_LIMIT, mediaType, readBody } from '../http/body.ts';
import { addressOf } from '../http/incoming.ts';
import { sendJson, sendProblem } from '../http/respond.ts';
import { forbidden, INVALID_KEY, reasonFor, wordsOf } from '../ingest/device-words.ts';
import type { DeviceContext } from '../ingest/room.ts';
import { batchMode, type Told, type Vitals } from '../ingest/vitals.ts';
import type { Dispatch } from '../interactions/interaction.ts';
import { parametersOf, splitQuery } from '../interactions/route.ts';
import { isDevice } from '../smart/identify.ts';
import type { Store } from '../store/store.ts';
import { deviceStatus } from './iot-status.ts';

export interface IotDoor {
  readonly dispatch: Dispatch;
  readonly store: Store;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
  readonly vitals: Vitals;
  /** Puts the caller on the visit, or refuses. */
  readonly guard: RequestHandler;
}

/** POST /vitals, POST /vitals/batch, GET /status, each with or without a trailing slash. */
export function iotRouter(door: IotDoor): Router {
  const { dispatch, store, vitals, guard, base } = door;

  const originOf = (request: Request, response: Response) => ({
    base,
    requestId: visitOf(response).requestId,
    address: addressOf(request),
  });

  /** The device whose key this is; refuses everybody else. */
  function deviceOf(response: Response, permission?: 'can_write_vitals'): DeviceContext {
    const { caller } = visitOf(response);
    if (!caller || caller.who === 'anonymous') throw problem('login', INVALID_KEY);
    if (!isDevice(caller)) throw forbidden('no device');
    if (permission && !caller.permissions.includes(permission)) throw forbidden('no permission');
    return { caller, key: caller.device, deviceId: caller.deviceId };
  }

  async function payloadOf(request: Request, limit: number): Promise<any> {
    if (!['application/json', 'application/fhir+json'].includes(mediaType(request))) {
      throw problem('not-supported', 'Content-Type must be application/json', { status: 415 });
    }
    const bytes = await readBody(request, limit);
    const { text } = readJson(bytes);
    return parseExact(text);
  }

  /** Keeps a row of what did not pass the gate: repeats, and readings of a batch that were refused. */
  const record = (response: Response, device: DeviceContext, status: number, reason: string) =>
    visitOf(response).record({
      interaction: 'iot-vitals',
      action: 'C',
      status,
      target: `Device/${device.key.id}`,
      reason,
    });

  async function tell(request: Request, response: Response, device: DeviceContext, told: Told): Promise<void> {
    if (told.unrecorded !== undefined) await record(response, device, told.status, told.unrecorded);
    answer(request, response, told.status, told.body);
  }

  async function postVitals(request: Request, response: Response): Promise<void> {
    const device = deviceOf(response, 'can_write_vitals');
    demandKnown(request);
    const payload = await payloadOf(request, BODY_LIMIT);
    await tell(request, response, device, await vitals.reading(payload, device, originOf(request, response)));
  }

  async function postBatch(request: Request, response: Response): Promise<void> {
    const device = deviceOf(response, 'can_write_vitals');
    demandKnown(request, 'mode');
    const payload = await payloadOf(request, BUNDLE_LIMIT);
    const mode = batchMode(parameterOf(request, 'mode'));
    await tell(request, response, device, await vitals.batch(payload, device, originOf(request, response), mode));
  }

  async function getStatus(request: Request, response: Response): Promise<void> {
    const device = deviceOf(response);
    answer(request, response, 200, await deviceStatus(device, { store, dispatch }, originOf(request, response)));
  }

  const answer = (request: Request, response: Response, status: number, body: object): void =>
    sendJson(request, response, status, body, visitOf(response).requestId);

  const only = (method: string) => () => {
    throw problem('not-supported', `Only ${method} is offered here`, { status: 405, headers: { Allow: method } });
  };

  const router = Router({ caseSensitive: true });
  router.use(guard);
  router.route('/vitals').post(postVitals).all(only('POST'));
  router.route('/vitals/batch').post(postBatch).all(only('POST'));
  router.route('/status').get(getStatus).all(only('GET'));
  router.use(async (error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const visit = visitOf(response);
    if (asProblem(error).status >= 500) response.locals.visit.error = error;
    const reason = reasonFor(error as object);
    const refused =
      reason === undefined
        ? await visit.refusal(error, { interaction: 'iot-vitals' })
        : await visit
            .record({ interaction: 'iot-vitals', status: 403, reason })
            .then(() => asProblem(error), asProblem);
    refuse(request, response, refused, visit.requestId);
  });
  return router;
}

/** Refuses parameters that would be passed over: who misspells `mode` is told. */
function demandKnown({ url }: Request, ...known: readonly string[]): void {
  const names = parametersOf(splitQuery(url).query).map(([name]) => name);
  if (names.some((name, i) => !known.includes(name) || names.indexOf(name) !== i))
    throw problem('value', known.length > 0 ? `the only parameter is ${known.join(', ')}` : 'there are no parameters');
}

function refuse(request: Request, response: Response, refused: Problem, requestId: string): void {
  if (response.headersSent || /application\/fhir\+json/.test(request.headers.accept ?? '')) {
    sendProblem(request, response, refused, requestId);
    return;
  }
  const words = { success: false, error: wordsOf(refused) };
  sendJson(request, response, refused.status, words, requestId, refused.headers);
}
