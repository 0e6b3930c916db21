/** What a request to a simulated maker says: its body, the fields in it, and which page its path is. */
import type { IncomingMessage } from 'node:http';
import type { Dialect, Endpoint } from './dialect.ts';

/** All of it as text. Throws where it is too long. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if ((size += chunk.length) > 1_048_576) throw new Error('a body of more than 1 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The members of a form or of JSON; none where it is neither. */
export function fieldsOf(text: string, contentType: string): Record<string, unknown> {
  if (contentType.includes('x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Endpoint and id of a path. */
export function routed(dialect: Dialect, method: string, path: string): { endpoint: Endpoint; id: string } | undefined {
  for (const [endpoint, route] of Object.entries(dialect.routes)) {
    const [before = '', after] = route.path.split('{id}');
    if (route.method !== method) continue;
    if (after === undefined ? path === before : path.startsWith(before) && path.endsWith(after)) {
      const id = after === undefined ? '' : path.slice(before.length, path.length - after.length);
      if (!id.includes('/')) return { endpoint: endpoint as Endpoint, id: decodeURIComponent(id) };
    }
  }
  return undefined;
}
