/** The MQTT broker: what of the protocol is open to devices, and that nothing is acknowledged before it is stored. docs/decisions/0015-mqtt-broker.md */
import type { Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes';
import { asProblem } from '../../fhir/outcome.ts';
import type { Admit, Admitted, Credentials } from './admission.ts';
import { announceLimits } from './announce.ts';
import type { Publish } from './publication.ts';
import { answersOf, publishedTo } from './topics.ts';

/** As one HTTP request with a batch may have. */
const LARGEST_PACKET = 16 * 1024 * 1024;
const MOST_CONNECTIONS = 10_000;
/** A connection on which nothing is heard for one and a half times as long is closed. */
const KEEP_ALIVE_SECONDS = 300;
const CONNECT_MILLISECONDS = 10_000;

// https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901208
const NOT_AUTHORIZED = 0x87;
const BUSY = 0x89;
// https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718035
const returnCodes = { unavailable: 3, credentials: 4, forbidden: 5 } as const;

interface Session {
  readonly credentials: Credentials;
  readonly device: Admitted;
}

export interface BrokerParts {
  readonly admit: Admit;
  readonly publish: Publish;
  /** Says that somebody was not let in, or may not do what was tried. */
  readonly refused: (what: string, error: unknown, source: string, device?: Admitted) => void;
  /** What broke while something was taken in. */
  readonly failed: (error: unknown) => void;
}

export interface Broker {
  /** Takes over a connection. */
  handle(socket: Socket): void;
  /** Asks for every connection whether its key is still good, and ends those where it is not. */
  recheck(): Promise<void>;
  readonly connections: () => number;
  /** Takes nothing more, waits for what is under way and ends all connections. */
  close(): Promise<void>;
}

const plain = (address = ''): string => address.replace(/^::ffff:/, '');

export async function openBroker({ admit, publish, refused, failed }: BrokerParts): Promise<Broker> {
  const sessions = new Map<Client, Session>();
  const underWay = new Set<Promise<unknown>>();
  let isClosing = false;

  /** Without an acknowledgement: the device connects again and sends again. */
  const drop = (client: Client, reasonCode: number) => client.disconnect({ reasonCode });

  function forbidden(client: Client, what: string): Error {
    const { credentials, device } = sessions.get(client)!;
    const error = new Error(what);
    refused(what, error, credentials.source, device);
    return error;
  }

  /** Why a message is none that a device may publish. */
  function faultOf({ topic, qos, retain }: PublishPacket, { deviceId }: Admitted): string | undefined {
    if (publishedTo(topic, deviceId) === undefined) return 'not a topic of this device';
    if (retain) return 'nothing is retained';
    return qos === 2 ? 'QoS 2 is not offered' : undefined;
  }

  async function take(client: Client, packet: PublishPacket): Promise<void> {
    const { credentials, device: before } = sessions.get(client)!;
    // The key may have been revoked since, and the device may be called otherwise.
    const device = await admit(credentials);
    const topic = publishedTo(packet.topic, before.deviceId)!;
    const bytes = Buffer.from(packet.payload);
    const { status, body } = await publish({ topic, bytes, device, source: credentials.source });
    const { correlationData } = packet.properties ?? {};
    aedes.publish(
      {
        cmd: 'publish',
        topic: answersOf(device.deviceId),
        payload: JSON.stringify({ topic: packet.topic, message_id: packet.messageId ?? null, status, ...body }),
        qos: 1,
        retain: false,
        dup: false,
        ...(correlationData ? { properties: { correlationData } } : {}),
      },
      () => undefined,
    );
  }

  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_MILLISECONDS,
    maximumPacketSize: LARGEST_PACKET,
    maxTopicLevels: 10,
    keepaliveLimit: KEEP_ALIVE_SECONDS,
    // A device that sends without waiting is read again when these are stored.
    concurrency: 16,
    drainTimeout: 30_000,
    preConnect(_client, packet, callback) {
      // No session outlives its connection, no will is kept, and no device can take the place of another.
      packet.clean = true;
      delete packet.will;
      if (packet.properties) delete packet.properties.sessionExpiryInterval;
      if (packet.clientId) packet.clientId = `${packet.username ?? ''}/${packet.clientId}`;
      // A client of MQTT 5 is told of the limit; one of before is taken to have wished it.
      if (packet.protocolVersion !== 5)
        packet.keepalive = Math.min(packet.keepalive || KEEP_ALIVE_SECONDS, KEEP_ALIVE_SECONDS);
      const isFull = aedes.connectedClients >= MOST_CONNECTIONS;
      callback(isFull || isClosing ? new Error('no more connections are taken') : null, !isFull && !isClosing);
    },
    authenticate(client, username = '', password = Buffer.alloc(0), done) {
      const source = plain((client.conn as Socket).remoteAddress);
      const credentials = { username, password: password.toString('utf8'), source };
      admit(credentials).then(
        (device) => {
          // Whoever went meanwhile is not heard of again, and would be asked after for ever.
          if (client.closed)
            return done(Object.assign(new Error('gone'), { returnCode: returnCodes.unavailable }), false);
          sessions.set(client, { credentials, device });
          done(null, true);
        },
        (error) => {
          const { status } = asProblem(error);
          refused('mqtt-connect', error, source);
          const returnCode =
            status === 401 ? returnCodes.credentials : status === 403 ? returnCodes.forbidden : returnCodes.unavailable;
          done(Object.assign(new Error('not let in'), { returnCode }) as AuthenticateError, false);
        },
      );
    },
    authorizePublish(client, packet, callback) {
      const session = client && sessions.get(client);
      if (!session || isClosing) return callback(new Error('not connected'));
      const fault = faultOf(packet, session.device);
      if (fault) return callback(forbidden(client, fault));
      // The acknowledgement leaves when this is called back: after the commit.
      const work = take(client, packet).then(
        () => callback(null),
        (error) => {
          const { status } = asProblem(error);
          if (status >= 500) failed(error);
          else refused('mqtt-publish', error, session.credentials.source, session.device);
          drop(client, status >= 500 ? BUSY : NOT_AUTHORIZED);
        },
      );
      underWay.add(work);
      void work.finally(() => underWay.delete(work));
    },
    authorizeSubscribe(client, subscription, callback) {
      const session = sessions.get(client);
      if (session && subscription.topic === answersOf(session.device.deviceId)) return callback(null, subscription);
      if (session) forbidden(client, 'not a topic of this device');
      callback(null, null);
    },
  });
  aedes.on('clientDisconnect', (client) => sessions.delete(client));
  // What a connection broke off for is the device's affair; what mattered has been said.
  aedes.on('clientError', (client) => {
    if (client.closed) sessions.delete(client);
  });
  aedes.on('connectionError', () => undefined);

  return {
    handle(socket) {
      announceLimits(socket);
      aedes.handle(socket);
    },
    connections: () => aedes.connectedClients,
    async recheck() {
      for (const [client, { credentials }] of sessions) {
        try {
          await admit(credentials);
        } catch (error) {
          if (asProblem(error).status < 500) drop(client, NOT_AUTHORIZED);
        }
      }
    },
    async close() {
      isClosing = true;
      while (underWay.size > 0) await Promise.allSettled(underWay);
      // The acknowledgements of what was just stored are written in the turns after this one.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      await new Promise<void>((resolve) => aedes.close(resolve));
    },
  };
}
