import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { freePort } from '../../support/free-ports.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { quickest } from '../../support/quickest.ts';
import { until } from '../../support/until.ts';

let house: TestHouse;
let port: number;
const clients: MqttClient[] = [];
beforeAll(async () => {
  port = await freePort();
  house = await openHouse({ mqttPort: port });
});
afterAll(async () => {
  for (const client of clients) client.end(true);
  await house.stop();
});

let count = 0;
async function device() {
  const n = ++count;
  const deviceId = `M${n}`;
  await house.update({ resourceType: 'Patient', id: `p${n}` });
  await house.update({
    resourceType: 'Device',
    id: `m${n}`,
    identifier: [{ system: 'urn:device', value: deviceId }],
    patient: { reference: `Patient/p${n}` },
  });
  const key = await house.deviceKey(deviceId);
  const observations = () => house.search(`Observation?patient=p${n}&_sort=date`);
  return { id: `m${n}`, deviceId, key, observations };
}
type Device = Awaited<ReturnType<typeof device>>;

function connect({ deviceId, key }: Pick<Device, 'deviceId' | 'key'>, more: IClientOptions = {}): Promise<MqttClient> {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    username: deviceId,
    password: key,
    reconnectPeriod: 0,
    connectTimeout: 20_000,
    protocolVersion: 4,
    ...more,
  });
  clients.push(client);
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    // Later ones too: whoever is thrown out may hear it twice.
    client.on('error', reject);
    client.once('close', () => reject(new Error('closed')));
  });
}

/** The answers that come to a client, one by one. */
async function answersTo(client: MqttClient, { deviceId }: Device) {
  const waiting: ((answer: any) => void)[] = [];
  const come: any[] = [];
  client.on('message', (topic, payload, packet) => {
    const answer = { topic, ...JSON.parse(`${payload}`), packet };
    const next = waiting.shift();
    if (next) next(answer);
    else come.push(answer);
  });
  await client.subscribeAsync(`iot/${deviceId}/answers`, { qos: 1 });
  return () => new Promise<any>((resolve) => (come.length > 0 ? resolve(come.shift()) : waiting.push(resolve)));
}

const ago = (minutes: number) => `${new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 19)}Z`;
const closed = (client: MqttClient) => new Promise<void>((resolve) => client.once('close', () => resolve()));

describe.each([4, 5] as const)('MQTT, protocol level %i', (protocolVersion) => {
  it('takes in a reading, acknowledges it once it is stored, and answers', async () => {
    const one = await device();
    const client = await connect(one, { protocolVersion });
    const answer = await answersTo(client, one);
    const reading = { device_id: one.deviceId, timestamp: ago(1), heart_rate: 150, oxygen_saturation: 97 };
    await client.publishAsync(`iot/${one.deviceId}/vitals`, JSON.stringify(reading), { qos: 1 });

    expect(await one.observations()).toHaveLength(2);
    expect(await answer()).toMatchObject({
      status: 201,
      success: true,
      alerts_triggered: 1,
      timestamp: reading.timestamp,
    });
    await client.publishAsync(`iot/${one.deviceId}/vitals`, JSON.stringify(reading), { qos: 1, dup: true });
    expect(await answer()).toMatchObject({ status: 200, success: true, alerts_triggered: 0 });
    expect(await one.observations()).toHaveLength(2);
  });

  it('takes in a batch, keeps what it refuses of it, and takes it in when it is tried again', async () => {
    const one = await device();
    const client = await connect(one, { protocolVersion });
    const answer = await answersTo(client, one);
    const readings = [
      { timestamp: ago(3), heart_rate: 70 },
      { timestamp: ago(2), heart_rate: 999 },
    ];
    const batch = JSON.stringify({ device_id: one.deviceId, readings });
    await client.publishAsync(`iot/${one.deviceId}/vitals/batch`, batch, { qos: 1 });
    await client.publishAsync(`iot/${one.deviceId}/vitals/batch`, batch, { qos: 1 });

    expect(await answer()).toMatchObject({ status: 200, processed: 1, failed: 1, errors: [{ index: 1 }] });
    const { body } = await house.ask('GET', '/admin/quarantine?feed=mqtt&count=100');
    const held = body.quarantine.filter((entry: any) => entry.device === `Device/${one.id}`);
    expect(held).toMatchObject([{ code: 'implausible', state: 'open' }]);
    const repaired = { ...readings[1], heart_rate: 99 };
    expect((await house.ask('POST', `/admin/quarantine/${held[0].id}/retry`, repaired)).status).toBe(200);
    expect(await one.observations()).toHaveLength(2);
  });
});

describe('MQTT', () => {
  it('lets in a device by its name and key alone, and holds who guesses', async () => {
    const [one, other] = [await device(), await device()];
    const readOnly = await house.deviceKey(one.deviceId, { permissions: ['can_read_patient'] });

    await expect(connect({ ...one, key: `${one.key.slice(0, -1)}x` })).rejects.toThrow('Bad username or password');
    await expect(connect({ ...one, key: '' })).rejects.toThrow();
    for (const stranger of [
      { deviceId: other.deviceId, key: one.key },
      { deviceId: '+', key: one.key },
      { deviceId: one.deviceId, key: readOnly },
      { deviceId: one.deviceId, key: house.adminToken },
    ]) {
      await expect(connect(stranger)).rejects.toThrow('Not authorized');
    }
  });

  it('keeps what is no reading, and tells the device why', async () => {
    const one = await device();
    const client = await connect(one);
    const answer = await answersTo(client, one);
    const topic = `iot/${one.deviceId}/vitals`;
    await client.publishAsync(topic, '{', { qos: 1 });
    await client.publishAsync(topic, JSON.stringify({ device_id: 'other', timestamp: ago(1), heart_rate: 1 }), {
      qos: 1,
    });

    expect(await answer()).toMatchObject({ status: 400, success: false, error: 'Invalid JSON format' });
    expect(await answer()).toMatchObject({ status: 403, success: false });
    const { body } = await house.ask('GET', '/admin/quarantine?feed=mqtt&count=100');
    const codes = body.quarantine.filter((e: any) => e.device === `Device/${one.id}`).map((e: any) => e.code);
    expect(codes.sort()).toEqual(['refused', 'unreadable']);
  });

  it('shows a device no topic but its own answers, and takes nothing for another', async () => {
    const [one, other] = [await device(), await device()];
    const listener = await connect(one);
    for (const topic of [
      '#',
      'iot/+/answers',
      `iot/${other.deviceId}/answers`,
      `iot/${one.deviceId}/vitals`,
      '$SYS/#',
    ]) {
      await expect(listener.subscribeAsync(topic, { qos: 0 })).rejects.toThrow();
    }
    const reading = JSON.stringify({ device_id: other.deviceId, timestamp: ago(1), heart_rate: 70 });
    for (const [topic, options] of [
      [`iot/${other.deviceId}/vitals`, { qos: 1 }],
      [`iot/${one.deviceId}/vitals`, { qos: 1, retain: true }],
      [`iot/${one.deviceId}/vitals`, { qos: 2 }],
      [`iot/${one.deviceId}/answers`, { qos: 0 }],
    ] as const) {
      const client = await connect(one);
      const isClosed = closed(client);
      client.publish(topic, reading, options).on('error', () => undefined);
      await isClosed;
    }
    const five = await connect(one, { protocolVersion: 5 });
    await expect(five.publishAsync(`iot/${other.deviceId}/vitals`, reading, { qos: 1 })).rejects.toMatchObject({
      code: 0x87,
    });
    expect(await one.observations()).toEqual([]);
    expect(await other.observations()).toEqual([]);
  });

  it('leaves the connection of another device alone that calls itself the same', async () => {
    const [one, other] = [await device(), await device()];
    const first = await connect(one, { clientId: 'gateway' });
    await connect(other, { clientId: 'gateway' });

    expect(first.connected).toBe(true);
  });

  it('ends the connection of a key that is revoked, within five seconds', async () => {
    const took = await quickest(5_000, async () => {
      const one = await device();
      const client = await connect(one);
      const isClosed = closed(client);
      const { body } = await house.ask('GET', `/admin/devices/${one.deviceId}/keys`);
      const began = performance.now();
      await house.ask('DELETE', `/admin/keys/${body.keys[0].prefix}`);
      await isClosed;
      return performance.now() - began;
    });

    expect(took).toBeLessThan(5_000);
  });

  it('tells the activity log device, key, address, time, status and error of what it took and refused (2-088)', async () => {
    const one = await device();
    const began = Date.now();
    await connect({ ...one, key: `${one.key.slice(0, 12)}_${'x'.repeat(43)}` }).catch(() => undefined);
    const client = await connect(one);
    const reading = JSON.stringify({ device_id: one.deviceId, timestamp: ago(1), heart_rate: 70 });
    await client.publishAsync(`iot/${one.deviceId}/vitals`, reading, { qos: 1 });
    await client.publishAsync(`iot/${one.deviceId}/vitals`, '{', { qos: 1 });
    const prefix = one.key.slice(0, 12);
    // Who is not let in does not wait for the row about it.
    const told = await until(async () => {
      const rows = (await house.search('AuditEvent?_count=50')).map((event) => [
        event.agent[0].who.reference ?? event.agent[0].name,
        event.agent[0].who.identifier?.value,
        event.agent[0].network.address,
        Date.parse(event.recorded) >= began,
        event.outcomeDesc,
      ]);
      return rows.some(([, key, , , why]) => key === prefix && why === '401 key wrong') && rows;
    });

    expect(told).toContainEqual(['anonymous', prefix, '127.0.0.1', true, '401 key wrong']);
    expect(told).toContainEqual([`Device/${one.id}`, prefix, '127.0.0.1', true, '200']);
    expect(told).toContainEqual([`Device/${one.id}`, prefix, '127.0.0.1', true, '400 structure']);
  });
});
