/** Ports of 127.0.0.1 for servers that are to be found at the same address after a restart. */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runFolder } from './run-folder.ts';

/** Below the range from which the system takes ports by itself (32768 and up on Linux): whoever is killed finds its own again. Of one jest run nobody is given a port that another was given. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!found.includes(port) && isClaimed(port) && (await isFree(port))) found.push(port);
  }
  return found;
}

export const freePort = async (): Promise<number> => (await freePorts(1))[0]!;

/** Whether it is ours now. A program outside of jest has no run to share it in. */
function isClaimed(port: number): boolean {
  if (process.env['WATCHFIRE_TEST_RUN'] === undefined) return true;
  try {
    mkdirSync(join(runFolder(), `port-${port}`));
    return true;
  } catch {
    return false;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
