/** A line between a browser and a server that can be cut, or fall silent as a line does whose far end is gone. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface CutLine {
  readonly url: string;
  /** Nothing comes through any more, and nobody is told. */
  freeze(): void;
  /** What is open ends, and works again from now on. */
  mend(): void;
  close(): void;
}

export async function openLine(to: () => string): Promise<CutLine> {
  const open = new Set<Socket>();
  let isFrozen = false;
  const server: Server = createServer((near) => {
    if (isFrozen) return void open.add(near);
    const far = connect(Number(new URL(to()).port), '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('data', (bytes) => isFrozen || other.write(bytes));
      one.on('close', () => {
        open.delete(one);
        if (!isFrozen) other.destroy();
      });
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const drop = () => {
    for (const socket of open) socket.destroy();
    open.clear();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze: () => {
      isFrozen = true;
    },
    mend: () => {
      isFrozen = false;
      drop();
    },
    close: () => {
      drop();
      server.close();
    },
  };
}
