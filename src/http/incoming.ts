/** What every door knows of a request before it looks inside: its id, its client, where the server is. */
import type { IncomingMessage } from 'node:http';
import { type Problem, problem } from '../fhir/outcome.ts';
import { freshId, type Runtime } from '../runtime.ts';

/** Longest URL in characters. */
const URL_LIMIT = 8_192;

/** The client's X-Request-Id where it is fit for a log, else a new one. */
export function requestIdOf({ headers }: IncomingMessage, runtime: Runtime): string {
  const given = headers['x-request-id'];
  if (typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given)) return given;
  return freshId(runtime);
}

export const addressOf = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? '';

/** Refuses what a server in front might read differently from us. https://www.rfc-editor.org/rfc/rfc9112#section-6.1 */
export function framingFault({ headers, rawHeaders, url = '' }: IncomingMessage): Problem | undefined {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return problem('invalid', 'Transfer-Encoding may only be chunked');
  if (url.length > URL_LIMIT)
    return problem('too-long', `the address may have ${URL_LIMIT} characters`, { status: 414 });
  if (!url.startsWith('/')) return problem('invalid', 'the request must name a path');
  const hosts = rawHeaders.filter(
    (text, i) => i % 2 === 0 && text.length === 4 && text.toLowerCase() === 'host',
  ).length;
  if (hosts !== 1 || !/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.test(headers.host ?? '')) {
    return problem('invalid', 'the request must name one Host');
  }
  return undefined;
}
