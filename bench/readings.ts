/** Readings through the device door, one by one and in batches. See mappings/iot-vitals/README.md */
import { iotReading, LOINC } from './data.ts';
import { differs, type Operation, resourcesOf, sampleOf } from './operation.ts';
import { demand, type World } from './world.ts';

const SAMPLE = 20;
const DAY = 86_400_000;

/** A key for the device of every connection. */
async function keysOf(world: World): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const { deviceIdentifier } of world.writers) {
    const path = `/admin/devices/${encodeURIComponent(deviceIdentifier)}/keys`;
    const made = await demand(
      world.aside,
      world.ask.door(path, { key_name: 'bench', expires_in_days: 1, permissions: ['can_write_vitals'] }),
      201,
    );
    keys.push(made.json.key);
  }
  return keys;
}

async function readingsAreFound(
  world: World,
  posted: readonly { readonly patient: string; readonly at: number; readonly heartRate: number }[],
): Promise<void> {
  for (const { patient, at, heartRate } of sampleOf(posted, SAMPLE)) {
    const dates = `date=ge${new Date(at).toISOString()}&date=lt${new Date(at + 1000).toISOString()}`;
    const code = encodeURIComponent(`${LOINC}|8867-4`);
    const query = `Observation?patient=${patient}&code=${code}&${dates}&_sort=-date&_count=20`;
    const { json } = await demand(world.aside, world.ask.get(query), 200);
    const found = resourcesOf(json, 'match');
    if (found.length !== 1 || found[0].valueQuantity?.value !== heartRate) {
      throw new Error(`a posted heart rate is found ${found.length} times or with another value`);
    }
  }
}

type Posted = ReturnType<typeof iotReading>;

/** Heart rate and blood pressure, as in the seed's example of a batch: 2 Observations. */
function pairOf({ device_id, timestamp, heart_rate, blood_pressure_systolic, blood_pressure_diastolic }: Posted) {
  return { device_id, timestamp, heart_rate, blood_pressure_systolic, blood_pressure_diastolic };
}

const post = (name: string, units: number, told: (reading: Posted) => object, days: number): Operation => ({
  name,
  checks:
    '201, success, an integer vital_sign_id, the timestamp sent; a sample is found over FHIR by patient, code and date',
  units,
  async begin(world) {
    const keys = await keysOf(world);
    const posted: { patient: string; at: number; heartRate: number }[] = [];
    const start = Math.floor((Date.now() - days * DAY) / 1000) * 1000;
    return {
      next(worker) {
        const which = worker % world.writers.length;
        const { deviceIdentifier, patient } = world.writers[which]!;
        const serial = world.next();
        const at = start + serial * 1000;
        const reading = iotReading(deviceIdentifier, at, serial);
        return {
          request: world.ask.door('/api/iot/vitals/', told(reading), keys[which]!),
          judge(answer, json) {
            if (answer.status !== 201) return differs(201, answer);
            if (json.success !== true || !Number.isInteger(json.vital_sign_id)) return 'no success or no vital_sign_id';
            if (Date.parse(json.timestamp) !== at) return 'another timestamp';
            posted.push({ patient, at, heartRate: reading.heart_rate });
            return undefined;
          },
        };
      },
      verify: () => readingsAreFound(world, posted),
    };
  },
});

const iotPost = post('iot-post', 4, (reading) => reading, 20);
const iotReadings = post('iot-reading', 2, pairOf, 15);

const BATCH = 100;

const iotBatch: Operation = {
  name: 'iot-batch',
  checks:
    '100 readings of heart rate and blood pressure: 200, 100 processed, none failed, 100 ascending ids; a sample is found over FHIR by patient, code and date',
  units: 2 * BATCH,
  async begin(world) {
    const keys = await keysOf(world);
    const posted: { patient: string; at: number; heartRate: number }[] = [];
    const start = Math.floor((Date.now() - 25 * DAY) / 1000) * 1000;
    // Of its own: with those of what was measured before, the times would run into the future.
    let batches = 0;
    return {
      next(worker) {
        const which = worker % world.writers.length;
        const { deviceIdentifier, patient } = world.writers[which]!;
        const serial = batches++;
        const readings = Array.from({ length: BATCH }, (_, i) => {
          const at = start + (serial * BATCH + i) * 1000;
          const { device_id: _own, ...reading } = pairOf(iotReading(deviceIdentifier, at, serial * BATCH + i));
          return reading;
        });
        return {
          request: world.ask.door('/api/iot/vitals/batch/', { device_id: deviceIdentifier, readings }, keys[which]!),
          judge(answer, json) {
            if (answer.status !== 200) return differs(200, answer);
            if (json.success !== true || json.processed !== BATCH || json.failed !== 0) return 'not all were processed';
            const ids: number[] = json.vitals_created ?? [];
            const isAscending = ids.every((id, i) => i === 0 || id > ids[i - 1]!);
            if (ids.length !== BATCH || !isAscending) return 'other ids';
            const { timestamp, heart_rate: heartRate } = readings[serial % BATCH]!;
            posted.push({ patient, at: Date.parse(timestamp), heartRate });
            return undefined;
          },
        };
      },
      verify: () => readingsAreFound(world, posted),
    };
  },
};

export const READINGS_IN: readonly Operation[] = [iotPost, iotReadings, iotBatch];
