/** The device door: readings in the devices' own words, one or many, and the state of a device. See mappings/iot-vitals/README.md. */
import { type NextFunction, type Request, type RequestHandler, type Response, Router } from 'express';
import type { Thresholds } from '../alerts/thresholds.ts';
import { parseExact, readJson } from '../fhir/json.ts';
import { asProblem, Problem, problem } from '../fhir/outcome.ts';
import { visitOf } from '../http/app.ts';
import { BODY_LIMIT, BUNDLE_LIMIT, mediaType, readBody } from '../http/body.ts';
import { addressOf } from '../http/incoming.ts';
import { sendJson, sendProblem } from '../http/respond.ts';
import { type Applied, createApply, type DeviceContext } from '../ingest/apply.ts';
import { isGiven, type Mapping } from '../ingest/mapping.ts';
import type { Dispatch } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import { isDevice } from '../smart/identify.ts';
import { isDeleted, type Store } from '../store/store.ts';
import { deviceIdsOf, deviceStatus } from './iot-status.ts';

const MOST_READINGS = 1_000;
const INVALID_KEY = 'Invalid API key';
// One text for both: a key that was stolen must not tell whose it is.
const FORBIDDEN = "device_id doesn't match authenticated device or API key lacks permission";

export interface IotDoor {
  readonly dispatch: Dispatch;
  readonly store: Store;
  readonly runtime: Runtime;
  readonly canonical: string;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
  readonly mapping: Mapping;
  readonly thresholds: Thresholds;
  /** Puts the caller on the visit, or refuses. */
  readonly guard: RequestHandler;
}

/** POST /vitals, POST /vitals/batch, GET /status, each with or without a trailing slash. */
export function iotRouter(door: IotDoor): Router {
  const { dispatch, store, runtime, mapping, guard, base } = door;
  const apply = createApply(door);

  const originOf = (request: Request, response: Response) => ({
    base,
    requestId: visitOf(response).requestId,
    address: addressOf(request),
  });

  /** The device whose key this is; refuses everybody else. */
  function deviceOf(response: Response, permission?: 'can_write_vitals'): DeviceContext {
    const { caller } = visitOf(response);
    if (!caller || caller.who === 'anonymous') throw problem('login', INVALID_KEY);
    if (!isDevice(caller)) throw problem('forbidden', FORBIDDEN);
    if (permission && !caller.permissions.includes(permission)) throw problem('forbidden', FORBIDDEN);
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

  /** What the device is called now: a key stays when the identifiers of its Device change. */
  async function namesOf({ key }: DeviceContext): Promise<readonly string[]> {
    const [version] = await store.read([key]);
    if (!version || isDeleted(version)) throw problem('business-rule', 'Device not found in system', { status: 400 });
    return deviceIdsOf(JSON.parse(version.text));
  }

  function demandOwn(deviceId: unknown, names: readonly string[]): asserts deviceId is string {
    if (typeof deviceId !== 'string') throw problem('value', 'device_id must be a string');
    if (!names.includes(deviceId)) throw problem('forbidden', FORBIDDEN);
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

  async function postVitals(request: Request, response: Response): Promise<void> {
    const device = deviceOf(response, 'can_write_vitals');
    const payload = await payloadOf(request, BODY_LIMIT);
    const missing = ['device_id', 'timestamp'].filter((field) => !isGiven(payload[field]));
    if (missing.length > 0) throw problem('required', `Missing required fields (${missing.join(', ')})`);
    const deviceId: unknown = payload.device_id;
    demandOwn(deviceId, await namesOf(device));
    const parsed = mapping.parse(payload, runtime.now());
    const applied = await apply(parsed, { ...device, deviceId }, originOf(request, response));
    const status = applied.isNew ? 201 : 200;
    if (!applied.isRecorded) await record(response, device, status, 'repeat');
    answer(request, response, status, {
      success: true,
      message: 'Vital signs received successfully',
      vital_sign_id: applied.vitalSignId,
      alerts_triggered: applied.alerts,
      timestamp: parsed.timestamp,
      ...(parsed.ignored.length > 0 ? { ignored: parsed.ignored } : {}),
    });
  }

  async function postBatch(request: Request, response: Response): Promise<void> {
    const device = deviceOf(response, 'can_write_vitals');
    const { readings, ...payload } = await payloadOf(request, BUNDLE_LIMIT);
    const { device_id: deviceId, ...others } = payload as { device_id: unknown };
    if (!isGiven(deviceId)) throw problem('required', 'Missing required fields (device_id)');
    const names = await namesOf(device);
    demandOwn(deviceId, names);
    if (!isGiven(readings)) throw problem('required', 'Missing required fields (readings)');
    if (!Array.isArray(readings)) throw problem('value', 'readings must be an array');
    if (readings.length === 0) throw problem('required', 'No readings provided');
    if (readings.length > MOST_READINGS) throw problem('too-long', `A batch may have ${MOST_READINGS} readings`);
    const applied: Applied[] = [];
    const errors: { index: number; error: string }[] = [];
    const ignored = new Set(Object.keys(others));
    for (const [index, reading] of readings.entries()) {
      try {
        if (reading === null || typeof reading !== 'object' || Array.isArray(reading)) {
          throw problem('value', 'A reading must be a JSON object');
        }
        if (isGiven(reading.device_id)) demandOwn(reading.device_id, names);
        const parsed = mapping.parse(reading, runtime.now());
        applied.push(await apply(parsed, { ...device, deviceId }, originOf(request, response)));
        for (const field of parsed.ignored) ignored.add(field);
      } catch (error) {
        // What is our fault is not the reading's: the device sends the whole batch again, and what is stored stays once.
        if (!(error instanceof Problem) || error.status >= 500) throw error;
        errors.push({ index, error: error.message });
      }
    }
    const status = applied.length > 0 ? 200 : 422;
    const duplicates = applied.filter(({ isNew }) => !isNew).length;
    if (errors.length > 0 || applied.some(({ isRecorded }) => !isRecorded)) {
      await record(response, device, status, `${errors.length} refused, ${duplicates} repeated`);
    }
    answer(request, response, status, {
      success: applied.length > 0,
      message: applied.length > 0 ? 'Batch submitted successfully' : 'No reading of the batch could be processed',
      total_readings: readings.length,
      processed: applied.length,
      failed: errors.length,
      vitals_created: applied.map(({ vitalSignId }) => vitalSignId),
      alerts_triggered: applied.reduce((sum, { alerts }) => sum + alerts, 0),
      ...(errors.length > 0 ? { errors } : {}),
      ...(duplicates > 0 ? { duplicates } : {}),
      ...(ignored.size > 0 ? { ignored: [...ignored] } : {}),
    });
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
    const refused = await visit.refusal(error, { interaction: 'iot-vitals' });
    refuse(request, response, refused, visit.requestId);
  });
  return router;
}

/** The device's words for a refusal. */
function wordsOf({ status, code, message }: Problem): string {
  if (status === 401) return INVALID_KEY;
  if (status === 403) return FORBIDDEN;
  if (code === 'structure') return 'Invalid JSON format';
  if (status === 500) return 'Internal server error';
  return message;
}

function refuse(request: Request, response: Response, refused: Problem, requestId: string): void {
  if (response.headersSent || /application\/fhir\+json/.test(request.headers.accept ?? '')) {
    sendProblem(request, response, refused, requestId);
    return;
  }
  const words = { success: false, error: wordsOf(refused) };
  sendJson(request, response, refused.status, words, requestId, refused.headers);
}
