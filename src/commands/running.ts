/** How a command reaches the store: through the running server's routes, or, where none runs, through one opened just for it. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { ownerOf } from '../process/owner.ts';
import { startHouse } from '../server.ts';
import { adminTokenFile } from '../smart/admin-token.ts';

export interface Reached {
  readonly url: string;
  readonly token: string;
  /** False where this command opened the store itself. */
  readonly isRunning: boolean;
}

function tokenOf(config: Config): string {
  if (config.adminToken) return config.adminToken;
  try {
    return readFileSync(adminTokenFile(config.data), 'utf8').trim();
  } catch {
    throw new Error(
      `the administrator token is neither in WATCHFIRE_ADMIN_TOKEN nor in ${adminTokenFile(config.data)}`,
    );
  }
}

/** Runs `work` against the server that owns the data folder, or against one that listens on the loopback only meanwhile. */
export async function withServer<T>(config: Config, work: (reached: Reached) => Promise<T>): Promise<T> {
  const owner = ownerOf(config.data);
  if (owner?.url) return work({ url: owner.url, token: tokenOf(config), isRunning: true });
  if (owner) throw new Error(`the process ${owner.pid} holds the data folder, but does not listen yet; try again`);
  const alone: Config = { ...config, host: '127.0.0.1', port: 0, baseUrl: undefined, logLevel: 'silent' };
  const house = await startHouse(alone, { isBrief: true });
  try {
    return await work({ url: house.url, token: house.adminToken, isRunning: false });
  } finally {
    await house.stop();
  }
}

/** Everything of a list, page after page: `member` is what its answers call it. */
export async function askAll(reached: Reached, path: string, member: string): Promise<readonly any[]> {
  const found: any[] = [];
  for (let next: string | null | undefined = path; next; ) {
    const page: any = await ask(reached, 'GET', next);
    found.push(...page[member]);
    next = page.next;
  }
  return found;
}

/** One JSON request with the administrator's token; refusals become errors with the server's own sentence. */
export async function ask<T = any>({ url, token }: Reached, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json',
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const value = text === '' ? {} : JSON.parse(text);
  if (!response.ok)
    throw new Error(
      value.issue?.[0]?.diagnostics ??
        value.error_description ??
        value.error ??
        `the server answered ${response.status}`,
    );
  return value as T;
}
