/** A TCP port of a feed, over TLS where a certificate is set. What cannot be had stops the start and names its setting. https://nodejs.org/api/tls.html */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createPlain, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { ConfigError } from '../config.ts';

/** Milliseconds within which TLS has to be agreed upon. */
const HANDSHAKE = 10_000;

export interface PortAsked {
  /** How its settings begin: `WATCHFIRE_MLLP`. */
  readonly settings: string;
  readonly port: number;
  readonly host: string;
  /** PEM files: both or none. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Whose certificates senders must show. */
  readonly authority?: string | undefined;
  readonly mostConnections?: number;
}

export interface OpenPort {
  readonly port: number;
  readonly isTls: boolean;
  /** Takes nobody more; resolves when all are gone. */
  close(): Promise<void>;
  /** Ends whoever is still there, also in the middle of agreeing upon TLS. */
  cut(): void;
}

function pem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${setting}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function serverFor({ settings, certificate, key, authority }: PortAsked): Server {
  // Half of it would be no TLS at all, without a word.
  if ((certificate === undefined) !== (key === undefined))
    throw new ConfigError(`${settings}_CERTIFICATE and ${settings}_KEY belong together`);
  if (authority !== undefined && certificate === undefined)
    throw new ConfigError(`${settings}_CLIENT_AUTHORITY needs ${settings}_CERTIFICATE`);
  if (certificate === undefined || key === undefined) return createPlain();
  const options = {
    cert: pem(`${settings}_CERTIFICATE`, certificate),
    key: pem(`${settings}_KEY`, key),
    minVersion: 'TLSv1.2' as const,
    handshakeTimeout: HANDSHAKE,
    ...(authority !== undefined && {
      ca: pem(`${settings}_CLIENT_AUTHORITY`, authority),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  };
  try {
    return createTls(options);
  } catch {
    throw new ConfigError(`${settings}_CERTIFICATE and ${settings}_KEY: no certificate with its key in PEM`);
  }
}

/** Resolves when it listens; `onConnection` gets each connection once TLS is agreed upon. Rejects with a ConfigError. */
export async function openPort(asked: PortAsked, onConnection: (socket: Socket) => void): Promise<OpenPort> {
  const { settings, port, host, certificate, mostConnections } = asked;
  const isTls = certificate !== undefined;
  const server = serverFor(asked);
  if (mostConnections !== undefined) server.maxConnections = mostConnections;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on(isTls ? 'secureConnection' : 'connection', onConnection);
  // Who speaks no TLS, or shows no certificate.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const address = await new Promise<AddressInfo>((resolve, reject) => {
    server
      .once('error', (error: NodeJS.ErrnoException) =>
        reject(new ConfigError(`${settings}_PORT: port ${port} at ${host} cannot be opened (${error.code})`)),
      )
      .listen(port, host, () => resolve(server.address() as AddressInfo));
  });
  return {
    port: address.port,
    isTls,
    close: () => new Promise((resolve) => server.close(() => resolve())),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
