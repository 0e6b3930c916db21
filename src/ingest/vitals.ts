/** What a device sends, one reading or a batch, and what it is told, in its own words: the same by HTTP, MQTT and file. See mappings/iot-vitals/README.md. */

import { deviceIdsOf } from '../fhir/device-ids.ts';
import { Problem, problem } from '../fhir/outcome.ts';
import type { Origin } from '../interactions/inside.ts';
import type { Runtime } from '../runtime.ts';
import { isDeleted, type Store } from '../store/store.ts';
import type { Ingest } from './apply.ts';
import { forbidden } from './device-words.ts';
import { isGiven, type Mapping, type Parsed } from './mapping.ts';
import type { Applied, DeviceContext } from './room.ts';

const MOST_READINGS = 1_000;

/** `partial` stores what it can, `atomic` all or nothing. */
export type BatchMode = 'partial' | 'atomic';

export interface Told {
  /** As an HTTP status. */
  readonly status: number;
  readonly body: object;
  /** Said where not everything passed the gate, so that the door keeps a row of it: `1 refused, 2 repeated`. */
  readonly unrecorded?: string;
  /** Readings of a batch that were refused, in order. */
  readonly refused?: readonly RefusedReading[];
}

export interface RefusedReading {
  /** Place in the batch. */
  readonly index: number;
  /** As sent, its numbers exact. */
  readonly reading: unknown;
  readonly problem: Problem;
}

/** Each throws a Problem where nothing of the payload (JSON with exact numbers) can be taken in. */
export interface Vitals {
  reading(payload: any, device: DeviceContext, origin: Origin): Promise<Told>;
  batch(payload: any, device: DeviceContext, origin: Origin, mode?: BatchMode): Promise<Told>;
}

export interface VitalsRoom {
  readonly ingest: Ingest;
  readonly mapping: Mapping;
  readonly store: Pick<Store, 'read'>;
  readonly runtime: Pick<Runtime, 'now'>;
}

const missing = (...fields: readonly string[]) => problem('required', `Missing required fields (${fields.join(', ')})`);

function demandOwn(deviceId: unknown, names: readonly string[]): asserts deviceId is string {
  if (typeof deviceId !== 'string') throw problem('value', 'device_id must be a string');
  if (!names.includes(deviceId)) throw forbidden('another device');
}

function modeOf(given: unknown): BatchMode | undefined {
  if (!isGiven(given)) return undefined;
  if (given !== 'partial' && given !== 'atomic') throw problem('value', 'mode must be partial or atomic');
  return given;
}

export function createVitals({ ingest, mapping, store, runtime }: VitalsRoom): Vitals {
  /** What the device is called now: a key stays when the identifiers of its Device change. */
  async function namesOf({ key }: DeviceContext): Promise<readonly string[]> {
    const [version] = await store.read([key]);
    if (!version || isDeleted(version)) throw problem('business-rule', 'Device not found in system', { status: 400 });
    return deviceIdsOf(JSON.parse(version.text));
  }

  function parsedOf(reading: any, names: readonly string[]): Parsed | Problem {
    try {
      if (reading === null || typeof reading !== 'object' || Array.isArray(reading)) {
        throw problem('value', 'A reading must be a JSON object');
      }
      if (isGiven(reading.device_id)) demandOwn(reading.device_id, names);
      return mapping.parse(reading, runtime.now());
    } catch (error) {
      if (error instanceof Problem && error.status < 500) return error;
      throw error;
    }
  }

  return {
    async reading(payload, device, origin) {
      const absent = ['device_id', 'timestamp'].filter((field) => !isGiven(payload[field]));
      if (absent.length > 0) throw missing(...absent);
      const deviceId: unknown = payload.device_id;
      demandOwn(deviceId, await namesOf(device));
      const parsed = mapping.parse(payload, runtime.now());
      const applied = await ingest.one(parsed, { ...device, deviceId }, origin);
      return {
        status: applied.isNew ? 201 : 200,
        body: {
          success: true,
          message: 'Vital signs received successfully',
          vital_sign_id: applied.vitalSignId,
          alerts_triggered: applied.alerts,
          timestamp: parsed.timestamp,
          ...(parsed.ignored.length > 0 ? { ignored: parsed.ignored } : {}),
        },
        ...(applied.isRecorded ? {} : { unrecorded: 'repeat' }),
      };
    },

    async batch({ readings, mode: wanted, device_id: deviceId, ...others }, device, origin, mode) {
      if (!isGiven(deviceId)) throw missing('device_id');
      const names = await namesOf(device);
      demandOwn(deviceId, names);
      if (!isGiven(readings)) throw missing('readings');
      if (!Array.isArray(readings)) throw problem('value', 'readings must be an array');
      if (readings.length === 0) throw problem('required', 'No readings provided');
      if (readings.length > MOST_READINGS) throw problem('too-long', `A batch may have ${MOST_READINGS} readings`);
      const said = modeOf(wanted);
      if (mode !== undefined && said !== undefined && mode !== said)
        throw problem('value', 'mode of the body and ?mode= say different things');
      const isAtomic = (mode ?? said) === 'atomic';
      const parsed = readings.map((reading) => parsedOf(reading, names));
      const good = parsed.flatMap((one, i) => (one instanceof Problem ? [] : [i]));
      const bad = new Map(parsed.flatMap((one, i) => (one instanceof Problem ? [[i, one] as const] : [])));
      const applied: Applied[] = [];
      const taken = good.map((i) => parsed[i] as Parsed);
      const own = { ...device, deviceId };
      if (!isAtomic && taken.length > 0) {
        for (const [n, outcome] of (await ingest.many(taken, own, origin)).entries()) {
          if (outcome instanceof Problem) bad.set(good[n]!, outcome);
          else applied.push(outcome);
        }
      } else if (taken.length > 0) {
        const outcome = await ingest.all(taken, own, origin, bad.size > 0);
        if ('applied' in outcome) applied.push(...outcome.applied);
        else for (const { index, problem } of outcome.refused) bad.set(good[index]!, problem);
      }
      const failed = readings.length - applied.length;
      const duplicates = applied.filter(({ isNew }) => !isNew).length;
      const ignored = new Set(Object.keys(others));
      for (const one of parsed) if (!(one instanceof Problem)) for (const field of one.ignored) ignored.add(field);
      const refused = [...bad]
        .sort(([a], [b]) => a - b)
        .map(([index, problem]) => ({ index, reading: readings[index], problem }));
      const errors = refused.map(({ index, problem }) => ({ index, error: problem.message }));
      const isUnrecorded = failed > 0 || applied.some(({ isRecorded }) => !isRecorded);
      return {
        status: applied.length > 0 ? 200 : 422,
        body: {
          success: applied.length > 0,
          message: applied.length > 0 ? 'Batch submitted successfully' : 'No reading of the batch could be processed',
          total_readings: readings.length,
          processed: applied.length,
          failed,
          vitals_created: applied.map(({ vitalSignId }) => vitalSignId),
          alerts_triggered: applied.reduce((sum, { alerts }) => sum + alerts, 0),
          ...(errors.length > 0 ? { errors } : {}),
          ...(duplicates > 0 ? { duplicates } : {}),
          ...(ignored.size > 0 ? { ignored: [...ignored] } : {}),
        },
        ...(isUnrecorded ? { unrecorded: `${failed} refused, ${duplicates} repeated` } : {}),
        ...(refused.length > 0 ? { refused } : {}),
      };
    },
  };
}

/** `?mode=` of a batch. */
export const batchMode = modeOf;
