/** The ways by which readings come in besides requests, each as a loop that counts what was acknowledged. docs/device-guide.md, docs/file-drop.md */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { iotReading } from './data.ts';
import { demand, type World } from './world.ts';

/** Where one server of the sitting is reached besides HTTP. */
export interface Seat {
  readonly world: World;
  readonly inbox: string;
  readonly mqttPort: number;
}

export interface Way {
  readonly name: string;
  /** Readings that were stored, each of 2 Observations, and in how many seconds. */
  run(seat: Seat, seconds: number): Promise<{ readonly readings: number; readonly seconds: number }>;
}

const BATCH = 100;
const DAY = 86_400_000;

/** 100 readings of a second each that nobody has sent before. */
function batchOf(world: World, device: string, days: number): string {
  const start = Math.floor((Date.now() - days * DAY) / 1000) * 1000;
  const serial = world.next();
  const readings = Array.from({ length: BATCH }, (_, i) => {
    const one = iotReading(device, start + (serial * BATCH + i) * 1000, serial * BATCH + i);
    const { timestamp, heart_rate, blood_pressure_systolic, blood_pressure_diastolic } = one;
    return { timestamp, heart_rate, blood_pressure_systolic, blood_pressure_diastolic };
  });
  return JSON.stringify({ device_id: device, readings });
}

const sinceThen = (then: number): number => (performance.now() - then) / 1000;

/** One connection for each device, one batch in flight on each; PUBACK counts. */
const byMqtt: Way = {
  name: 'MQTT, batches of 100, QoS 1',
  async run({ world, mqttPort }, seconds) {
    const gateways: { readonly username: string; readonly client: mqtt.MqttClient }[] = [];
    for (const { deviceIdentifier: username } of world.writers) {
      const path = `/admin/devices/${encodeURIComponent(username)}/keys`;
      const made = await demand(world.aside, world.ask.door(path, { key_name: 'bench', expires_in_days: 1 }), 201);
      const password = made.json.key;
      gateways.push({
        username,
        client: await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { username, password }),
      });
    }
    const then = performance.now();
    let batches = 0;
    await Promise.all(
      gateways.map(async ({ username, client }) => {
        while (sinceThen(then) < seconds) {
          await client.publishAsync(`iot/${username}/vitals/batch`, batchOf(world, username, 60), { qos: 1 });
          batches++;
        }
      }),
    );
    const took = sinceThen(then);
    await Promise.all(gateways.map(({ client }) => client.endAsync()));
    return { readings: batches * BATCH, seconds: took };
  },
};

const FILES_A_SECOND = 20;

/** Files that lie there at once; from the last rename until the inbox is empty. */
const byFile: Way = {
  name: 'file drop, batches of 100',
  async run({ world, inbox }, seconds) {
    mkdirSync(inbox, { recursive: true });
    const count = Math.ceil(seconds * FILES_A_SECOND);
    const files = Array.from({ length: count }, (_, i) => {
      const { deviceIdentifier } = world.writers[i % world.writers.length]!;
      const file = join(inbox, `bench-${i}.json`);
      writeFileSync(`${file}.tmp`, batchOf(world, deviceIdentifier, 90));
      return file;
    });
    for (const file of files) renameSync(`${file}.tmp`, file);
    const then = performance.now();
    const waits = () => readdirSync(inbox).some((name) => name.endsWith('.json'));
    while (waits()) {
      if (sinceThen(then) > 60 + 10 * seconds) throw new Error('files are left in the inbox');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { readings: count * BATCH, seconds: sinceThen(then) };
  },
};

/** MLLP messages and pages of makers come beside these. */
export const WAYS: readonly Way[] = [byMqtt, byFile];
