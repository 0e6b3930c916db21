/** Listens for MLLP: takes so many connections, and ends each after the message it is at. HL7 MLLP, release 1 */
import type { Socket } from 'node:net';
import type { Runtime } from '../../../runtime.ts';
import { openPort, type PortAsked } from '../../port.ts';
import { type ConnectionRoom, serveConnection } from './connection.ts';

/** More senders than a hospital has engines. */
const MOST_CONNECTIONS = 200;
/** Milliseconds that a connection has to end by itself. */
const ENDING = 10_000;

export interface MllpListener {
  readonly port: number;
  connections(): number;
  /** After the signal: resolves when all connections are closed. */
  readonly stopped: Promise<void>;
}

export interface Listening extends Omit<PortAsked, 'settings' | 'mostConnections'> {
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
}

/** Resolves when it listens. Rejects with a ConfigError that names the setting. */
export async function listenMllp(
  { signal, runtime, ...asked }: Listening,
  room: Omit<ConnectionRoom, 'signal' | 'runtime'>,
): Promise<MllpListener> {
  const open = new Map<Socket, Promise<void>>();
  const listening = await openPort(
    { settings: 'WATCHFIRE_MLLP', mostConnections: MOST_CONNECTIONS, ...asked },
    (socket) => {
      const served = serveConnection(socket, { ...room, signal, runtime }).finally(() => open.delete(socket));
      open.set(socket, served);
    },
  );
  async function stop(): Promise<void> {
    const ended = listening.close();
    const all = Promise.all(open.values());
    const over = new AbortController();
    await Promise.race([all, runtime.sleep(ENDING, over.signal)]);
    over.abort();
    listening.cut();
    await ended;
  }
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve(stop());
    else signal.addEventListener('abort', () => resolve(stop()), { once: true });
  });
  return { port: listening.port, connections: () => open.size, stopped };
}
