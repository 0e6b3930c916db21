/** Listens for MLLP, over TLS where a certificate is set; takes so many connections, and ends each after the message it is at. */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createPlain, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { ConfigError } from '../../../config.ts';
import type { Runtime } from '../../../runtime.ts';
import { type ConnectionRoom, serveConnection } from './connection.ts';

/** More senders than a hospital has engines. */
const MOST_CONNECTIONS = 200;
/** Milliseconds within which TLS has to be agreed upon. */
const HANDSHAKE = 10_000;
/** Milliseconds that a connection has to end by itself. */
const ENDING = 10_000;

export interface Secured {
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
  /** Whose certificates senders must show. */
  readonly authority?: string;
}

export interface MllpListener {
  readonly port: number;
  connections(): number;
  /** After the signal: resolves when all connections are closed. */
  readonly stopped: Promise<void>;
}

function pem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${setting}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function secure({ certificate, key, authority }: Secured): Server {
  const options = {
    cert: pem('WATCHFIRE_MLLP_CERTIFICATE', certificate),
    key: pem('WATCHFIRE_MLLP_KEY', key),
    minVersion: 'TLSv1.2' as const,
    handshakeTimeout: HANDSHAKE,
    ...(authority !== undefined && {
      ca: pem('WATCHFIRE_MLLP_CLIENT_AUTHORITY', authority),
      requestCert: true,
      rejectUnauthorized: true,
    }),
  };
  try {
    return createTls(options);
  } catch {
    throw new ConfigError('WATCHFIRE_MLLP_CERTIFICATE and WATCHFIRE_MLLP_KEY: no certificate with its key in PEM');
  }
}

export interface Listening {
  readonly port: number;
  readonly host: string;
  readonly tls: Secured | undefined;
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
}

/** Resolves when it listens. Rejects with a ConfigError that names the setting. */
export async function listenMllp(
  listening: Listening,
  room: Omit<ConnectionRoom, 'signal' | 'runtime'>,
): Promise<MllpListener> {
  const { port, host, tls, signal, runtime } = listening;
  const server = tls ? secure(tls) : createPlain();
  server.maxConnections = MOST_CONNECTIONS;
  const open = new Map<Socket, Promise<void>>();
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    const served = serveConnection(socket, { ...room, signal, runtime }).finally(() => open.delete(socket));
    open.set(socket, served);
  });
  // Who speaks no TLS, or shows no certificate.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const address = await new Promise<AddressInfo>((resolve, reject) => {
    server
      .once('error', (error: NodeJS.ErrnoException) =>
        reject(new ConfigError(`WATCHFIRE_MLLP_PORT: port ${port} at ${host} cannot be opened (${error.code})`)),
      )
      .listen(port, host, () => resolve(server.address() as AddressInfo));
  });
  async function stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    const all = Promise.all(open.values());
    const over = new AbortController();
    await Promise.race([all, runtime.sleep(ENDING, over.signal)]);
    over.abort();
    for (const socket of open.keys()) socket.destroy();
    await ended;
  }
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve(stop());
    else signal.addEventListener('abort', () => resolve(stop()), { once: true });
  });
  return { port: address.port, connections: () => open.size, stopped };
}
