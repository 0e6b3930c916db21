import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { problem } from '../../../src/fhir/outcome.ts';
import type { Admit, Admitted } from '../../../src/ingest/mqtt/admission.ts';
import { type Broker, openBroker } from '../../../src/ingest/mqtt/broker.ts';
import type { Publish } from '../../../src/ingest/mqtt/publication.ts';
import { freePort } from '../../support/free-ports.ts';
import { openHouse } from '../../support/house.ts';

let broker: Broker;
let server: Server;
let publish: Publish;
let admit: Admit;
let failures: unknown[];
const clients: MqttClient[] = [];
const admitted = (deviceId: string) => ({ deviceId, key: { type: 'Device', id: 'd' } }) as Admitted;

beforeEach(async () => {
  failures = [];
  publish = async () => ({ status: 201, body: {} });
  admit = async ({ username }) => admitted(username);
  broker = await openBroker({
    admit: (credentials) => admit(credentials),
    publish: (publication) => publish(publication),
    refused: () => undefined,
    failed: (error) => failures.push(error),
  });
  server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  server.close();
  await broker.close();
});

const connectionsOf = (of: Server) =>
  new Promise<number>((resolve, reject) =>
    of.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

const heard = (client: MqttClient, event: 'connect' | 'close') =>
  new Promise<void>((resolve) => client.once(event, () => resolve()));

async function connect(more: IClientOptions = {}): Promise<MqttClient> {
  const { port } = server.address() as AddressInfo;
  const client = mqtt.connect({ host: '127.0.0.1', port, username: 'D', password: 'k', reconnectPeriod: 0, ...more });
  client.on('error', () => undefined);
  clients.push(client);
  await heard(client, 'connect');
  return client;
}

/** What the client knows of its message by now. */
function sent(client: MqttClient, payload: string | Buffer = '{}') {
  const settled = client.publishAsync('iot/D/vitals', payload, { qos: 1 }).then(
    () => {
      state.is = 'acknowledged';
    },
    () => {
      state.is = 'not acknowledged';
    },
  );
  const state = { is: 'waiting' as 'waiting' | 'acknowledged' | 'not acknowledged', settled };
  return state;
}

/** What the broker says when it lets somebody in. */
async function welcomed(more: IClientOptions): Promise<mqtt.IConnackPacket> {
  const { port } = server.address() as AddressInfo;
  const client = mqtt.connect({ host: '127.0.0.1', port, username: 'D', password: 'k', reconnectPeriod: 0, ...more });
  client.on('error', () => undefined);
  clients.push(client);
  return new Promise((resolve) => client.on('packetreceive', (packet) => packet.cmd === 'connack' && resolve(packet)));
}

describe('the welcome of the broker', () => {
  it('says by MQTT 5 what is not offered: QoS 2, retained messages, a longer keep-alive', async () => {
    for (const keepalive of [0, 1_200]) {
      const { properties } = await welcomed({ protocolVersion: 5, keepalive });
      expect(properties).toMatchObject({
        maximumQoS: 1,
        retainAvailable: false,
        serverKeepAlive: 300,
        maximumPacketSize: 16 * 1024 * 1024,
      });
    }
    const { properties } = await welcomed({ protocolVersion: 5, keepalive: 60, clientId: '' });
    expect(properties).toMatchObject({ maximumQoS: 1, retainAvailable: false });
    expect(properties).not.toHaveProperty('serverKeepAlive');
  });

  it('is as it was by MQTT 3.1.1, and to who is not let in', async () => {
    expect(await welcomed({ protocolVersion: 4, keepalive: 1_200 })).toMatchObject({ returnCode: 0, length: 2 });
    admit = () => Promise.reject(problem('login', 'no'));
    expect(await welcomed({ protocolVersion: 5 })).toMatchObject({ reasonCode: 0x86 });
    expect(await welcomed({ protocolVersion: 4 })).toMatchObject({ returnCode: 4 });
  });

  it('is followed by answers that name the topic that was published to', async () => {
    const client = await connect({ protocolVersion: 5 });
    await client.subscribeAsync('iot/D/answers', { qos: 1 });
    const told = new Promise<any>((resolve) => client.on('message', (_topic, text) => resolve(JSON.parse(`${text}`))));
    await sent(client).settled;
    expect((await told).topic).toBe('iot/D/vitals');
  });
});

describe.each([4, 5] as const)('the broker, protocol level %i', (protocolVersion) => {
  it('acknowledges when what was sent is stored, and not before', async () => {
    const storing = Promise.withResolvers<Awaited<ReturnType<Publish>>>();
    const begun = Promise.withResolvers<void>();
    publish = () => {
      begun.resolve();
      return storing.promise;
    };
    const client = await connect({ protocolVersion });
    const message = sent(client);
    await begun.promise;
    await sleep(30);
    expect(message.is).toBe('waiting');

    storing.resolve({ status: 201, body: {} });
    await message.settled;
    expect(message.is).toBe('acknowledged');
  });

  it('ends the connection without an acknowledgement where storing fails', async () => {
    publish = () => Promise.reject(problem('no-store', 'the disk is full'));
    const client = await connect({ protocolVersion });
    const message = sent(client);
    await heard(client, 'close');

    expect(message.is).not.toBe('acknowledged');
    expect(failures).toHaveLength(1);
  });

  it('waits at its end for what is being stored', async () => {
    let isStored = false;
    const begun = Promise.withResolvers<void>();
    publish = async () => {
      begun.resolve();
      await sleep(100);
      isStored = true;
      return { status: 201, body: {} };
    };
    const client = await connect({ protocolVersion });
    const message = sent(client);
    await begun.promise;
    await broker.close();

    expect(isStored).toBe(true);
    await message.settled;
    expect(message.is).toBe('acknowledged');
  });

  it('takes no packet of more than 16 MiB, and says nothing for a client that is gone', async () => {
    const client = await connect({ protocolVersion });
    const told: string[] = [];
    const listener = await connect({ protocolVersion });
    listener.on('message', (topic) => told.push(topic));
    await listener.subscribeAsync('iot/D/answers');
    const gone = await connect({
      protocolVersion,
      will: { topic: 'iot/D/answers', payload: Buffer.from('x'), qos: 0, retain: false },
    });
    gone.stream.destroy();
    const message = sent(client, Buffer.alloc(17 * 1024 * 1024));
    await heard(client, 'close');
    await sleep(50);

    expect(message.is).not.toBe('acknowledged');
    expect(told).toEqual([]);
  });
});

describe('A client that is gone before it is let in', () => {
  it('is asked after no more', async () => {
    const letIn = Promise.withResolvers<void>();
    const asked: string[] = [];
    admit = async ({ username }) => {
      asked.push(username);
      await letIn.promise;
      return admitted(username);
    };
    const { port } = server.address() as AddressInfo;
    const client = mqtt.connect({ host: '127.0.0.1', port, username: 'D', password: 'k', reconnectPeriod: 0 });
    client.on('error', () => undefined);
    clients.push(client);
    while (asked.length === 0) await sleep(5);
    client.stream.destroy();
    while ((await connectionsOf(server)) > 0) await sleep(5);
    letIn.resolve();
    await sleep(20);
    await broker.recheck();

    expect(asked).toEqual(['D']);
    expect(broker.connections()).toBe(0);
  });
});

describe('MQTT over TLS', () => {
  it('shows the certificate, and takes nothing without TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchfire-mqtt-tls-'));
    const [mqttKey, mqttCertificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    execFileSync('openssl', [...made, ...subject, '-keyout', mqttKey, '-out', mqttCertificate], { stdio: 'pipe' });
    const mqttPort = await freePort();
    const house = await openHouse({ mqttPort, mqttKey, mqttCertificate });
    await house.update({ resourceType: 'Patient', id: 'p' });
    const identifier = [{ system: 'urn:device', value: 'T1' }];
    await house.update({ resourceType: 'Device', id: 't', identifier, patient: { reference: 'Patient/p' } });
    const password = await house.deviceKey('T1');
    const options = { port: mqttPort, host: '127.0.0.1', username: 'T1', password, reconnectPeriod: 0 } as const;

    const tls = { servername: 'localhost', ca: readFileSync(mqttCertificate) };
    const client = mqtt.connect({ ...options, ...tls, protocol: 'mqtts' });
    clients.push(client);
    await heard(client, 'connect');
    const reading = { device_id: 'T1', timestamp: new Date().toISOString(), heart_rate: 70 };
    await client.publishAsync('iot/T1/vitals', JSON.stringify(reading), { qos: 1 });
    expect(await house.search('Observation?patient=p')).toHaveLength(1);
    const plain = mqtt.connect({ ...options, protocol: 'mqtt', connectTimeout: 300 });
    clients.push(plain);
    plain.on('error', () => undefined);
    await heard(plain, 'close');
    expect(plain.connected).toBe(false);
    client.end(true);
    await house.stop();
    rmSync(folder, { recursive: true });
  });

  it('stops the start with the name of the setting where a file or the port cannot be had', async () => {
    const nowhere = join(tmpdir(), 'watchfire-nowhere.pem');
    const mqttPort = await freePort();

    await expect(openHouse({ mqttPort, mqttCertificate: nowhere })).rejects.toThrow(
      'WATCHFIRE_MQTT_CERTIFICATE and WATCHFIRE_MQTT_KEY belong together',
    );
    await expect(openHouse({ mqttPort, mqttCertificate: nowhere, mqttKey: nowhere })).rejects.toThrow(
      'WATCHFIRE_MQTT_CERTIFICATE: the file cannot be read (ENOENT)',
    );
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(openHouse({ mqttPort: port })).rejects.toThrow(/^WATCHFIRE_MQTT_PORT: port .*EADDRINUSE/);
    taken.close();
  });
});
