/** A floor that listens on the loopback, until it is closed. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Floor {
  readonly port: number;
  close(): Promise<void>;
}

/** `port` 0 takes any. `closeStore` is called when no connection is left. */
export async function serve(
  listener: RequestListener,
  port: number,
  closeStore: () => void | Promise<void>,
): Promise<Floor> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await closeStore();
    },
  };
}
