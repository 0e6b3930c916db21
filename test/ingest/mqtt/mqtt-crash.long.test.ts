import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type MqttClient } from 'mqtt';
import { freePort } from '../../support/free-ports.ts';
import { type ServerProcess, startServer } from '../../support/process.ts';

const KILLS = 24;
const data = mkdtempSync(join(tmpdir(), 'watchfire-mqtt-crash-'));
let server: ServerProcess;
let settings: Record<string, string>;
let client: MqttClient | undefined;

beforeAll(async () => {
  settings = { WATCHFIRE_MQTT_PORT: `${await freePort()}` };
  server = await startServer(data, settings);
});
afterAll(async () => {
  client?.end(true);
  await server.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
});

const put = (resource: { resourceType: string; id: string } & Record<string, unknown>) =>
  server.ask('PUT', `/fhir/${resource.resourceType}/${resource.id}`, resource, {
    'content-type': 'application/fhir+json',
  });

async function everyObservation(): Promise<any[]> {
  const found: any[] = [];
  for (let next = '/fhir/Observation?patient=p&_count=500'; next; ) {
    const { body } = await server.ask('GET', next);
    found.push(...(body.entry ?? []).map(({ resource }: any) => resource));
    next = body.link.find(({ relation }: any) => relation === 'next')?.url?.replace(server.url, '') ?? '';
  }
  return found;
}

describe('kill -9 while a device publishes by MQTT', () => {
  it('loses nothing that was acknowledged and stores nothing twice, however often a message is sent again', async () => {
    await put({ resourceType: 'Patient', id: 'p' });
    await put({
      resourceType: 'Device',
      id: 'd',
      identifier: [{ system: 'urn:device', value: 'DEV001' }],
      patient: { reference: 'Patient/p' },
    });
    const { body } = await server.ask('POST', '/admin/devices/DEV001/keys', {});
    const gateway = mqtt.connect({
      host: '127.0.0.1',
      port: Number(settings['WATCHFIRE_MQTT_PORT']),
      username: 'DEV001',
      password: body.key,
      protocolVersion: 4,
      clean: false,
      clientId: 'gateway',
      reconnectPeriod: 50,
      connectTimeout: 5_000,
    });
    const sent = new Set<string>();
    let again = 0;
    client = gateway;
    gateway.on('packetsend', (packet) => {
      if (packet.cmd !== 'publish') return;
      const payload = `${packet.payload}`;
      if (sent.has(payload)) again++;
      sent.add(payload);
    });

    const start = Date.now() - 86_400_000;
    let serial = 0;
    const acknowledged = new Set<string>();
    const timestamp = () => new Date(start + serial++ * 1_000).toISOString();
    let isOver = false;
    /** One message after another, single readings and batches in turn, as four threads of a gateway send them. */
    const send = async (thread: number) => {
      for (let n = thread; !isOver; n++) {
        const isBatch = n % 3 === 0;
        const readings = Array.from({ length: isBatch ? 10 : 1 }, () => ({ timestamp: timestamp(), heart_rate: 70 }));
        const payload = isBatch ? { device_id: 'DEV001', readings } : { device_id: 'DEV001', ...readings[0] };
        // The client itself sends again what it had sent, with DUP; what it gives back instead is published anew.
        const publish = (): Promise<unknown> =>
          gateway
            .publishAsync(`iot/DEV001/vitals${isBatch ? '/batch' : ''}`, JSON.stringify(payload), { qos: 1 })
            .catch(() => sleep(20).then(publish));
        await publish();
        for (const reading of readings) acknowledged.add(reading.timestamp);
      }
    };
    const sending = Promise.all([0, 1, 2, 3].map(send));

    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged.size;
      while (acknowledged.size < before + 8) await sleep(1);
      // Each time at another moment of taking in, storing and acknowledging.
      await sleep((kill * 7) % 23);
      await server.kill('SIGKILL');
      server = await startServer(data, settings);
    }
    isOver = true;
    await sending;
    await gateway.endAsync();

    const stored = await everyObservation();
    const times = stored.map(({ effectiveDateTime }) => effectiveDateTime);
    expect(again).toBeGreaterThan(KILLS);
    expect([...acknowledged].filter((time) => !times.includes(time))).toEqual([]);
    expect(new Set(times).size).toBe(times.length);
    expect(times).toHaveLength(serial);
    expect(stored.filter(({ meta }) => meta.versionId !== '1')).toEqual([]);
  });
});
