/** The ways by which readings come in besides requests, each as a loop that counts what was acknowledged. docs/device-guide.md, docs/file-drop.md, docs/hl7v2.md, docs/feeds.md */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { connectMllp } from '../src/ingest/hl7v2/wire/client.ts';
import { iotReading } from './data.ts';
import { demand, type World } from './world.ts';

/** Where one server of the sitting is reached besides HTTP. */
export interface Seat {
  readonly world: World;
  /** The administrator's. */
  readonly token: string;
  readonly inbox: string;
  readonly mqttPort: number;
  readonly mllpPort: number;
}

export interface Way {
  /** As it is asked for. */
  readonly code: string;
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
  code: 'mqtt',
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
  code: 'file',
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

const stamp = (at: number): string => `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}+0000`;

/** One reading as a monitor sends it, of a patient that the first message brings with it. IHE PCD-01 */
function messageOf(world: World, patient: number, days: number): string {
  const serial = world.next();
  const at = Math.floor((Date.now() - days * DAY) / 1000) * 1000 + serial * 1000;
  const { heart_rate, blood_pressure_systolic, blood_pressure_diastolic } = iotReading('', at, serial);
  const result = (number: number, code: string, value: number, unit: string) =>
    `OBX|${number}|NM|${code}^MDC|1.1.${number}.1|${value}|${unit}^MDC|||||F|||${stamp(at)}`;
  return [
    `MSH|^~\\&|BENCH|BENCH|WATCHFIRE|HOSP|${stamp(at)}||ORU^R01^ORU_R01|${world.space}-${serial}|P|2.6|||AL|NE||UNICODE UTF-8`,
    `PID|1||${world.space}-${patient}^^^BENCH^MR||DOE^JOHN||19620214|M`,
    `OBR|1||${world.space}-${serial}^BENCH|182777000^monitoring of patient^SCT|||${stamp(at)}`,
    result(1, '147842^MDC_ECG_HEART_RATE', heart_rate, '264864^MDC_DIM_BEAT_PER_MIN'),
    result(2, '150021^MDC_PRESS_CUFF_SYS', blood_pressure_systolic, '266016^MDC_DIM_MMHG'),
    result(3, '150022^MDC_PRESS_CUFF_DIA', blood_pressure_diastolic, '266016^MDC_DIM_MMHG'),
    '',
  ].join('\r');
}

const MONITORS = 8;

/** One message in flight on each connection; AA counts. */
const byMllp: Way = {
  code: 'mllp',
  name: 'MLLP, messages of one reading',
  async run({ world, mllpPort }, seconds) {
    const clients = await Promise.all(
      Array.from({ length: MONITORS }, () => connectMllp({ host: '127.0.0.1', port: mllpPort })),
    );
    const send = async (monitor: number) => {
      const answer = (await clients[monitor]!.send(messageOf(world, monitor, 120))).toString();
      if (!/(?:^|\r)MSA\|[AC]A\|/.test(answer))
        throw new Error(`a message was not accepted: ${answer.replaceAll('\r', ' / ')}`);
    };
    for (const monitor of clients.keys()) await send(monitor);
    const then = performance.now();
    let readings = 0;
    await Promise.all(
      clients.map(async (_, monitor) => {
        while (sinceThen(then) < seconds) {
          await send(monitor);
          readings++;
        }
      }),
    );
    const took = sinceThen(then);
    for (const client of clients) client.close();
    return { readings, seconds: took };
  },
};

const credential = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'production' };

/** What was new of the maker's rows so far. */
async function rowsTakenIn({ world, token }: Seat): Promise<number> {
  const text = await (
    await fetch(new URL('/metrics', world.base), { headers: { Authorization: `Bearer ${token}` } })
  ).text();
  return Number(/^watchfire_feed_rows_new_total\{maker="boston-scientific"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

/** The first poll of a maker, from its credential to its end; a row is one value of one device. */
const byPoll: Way = {
  code: 'poll',
  name: 'poll, pages of a maker (rows)',
  async run(seat) {
    const { world } = seat;
    await demand(world.aside, world.ask.door('/cardiac/credentials/boston_scientific', credential), 201);
    const then = performance.now();
    let rows = 0;
    while ((rows = await rowsTakenIn(seat)) === 0) {
      if (sinceThen(then) > 300) throw new Error('no row of the maker came in');
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return { readings: rows, seconds: sinceThen(then) };
  },
};

/** The poll comes last: it goes on by itself. */
export const WAYS: readonly Way[] = [byMqtt, byFile, byMllp, byPoll];
