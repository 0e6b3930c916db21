/** Reads request bodies, bounded and in one piece; the media types that may carry FHIR. https://hl7.org/fhir/R4/http.html#mime-type */
import type { IncomingMessage } from 'node:http';
import { problem } from '../fhir/outcome.ts';

/** Bytes. Bundles may be larger than a single resource. */
export const BODY_LIMIT = 5 * 1024 * 1024;
export const BUNDLE_LIMIT = 16 * 1024 * 1024;
export const FORM_LIMIT = 64 * 1024;

const tooLong = (limit: number) => problem('too-long', `the body may have ${limit} bytes`);

/** The whole body; more than `limit` bytes are refused with 413 as soon as that is known. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw problem('not-supported', 'the body must come without Content-Encoding', { status: 415 });
  }
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLong(limit);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else reject(tooLong(limit));
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(problem('incomplete', 'the body ended before its length', { status: 400 }));
    });
  });
}

const types = new Map<string, string>();

/** The media type in lower case without parameters; refuses a charset other than UTF-8 with 415. '' where none was sent. */
export function mediaType(request: IncomingMessage): string {
  const header = request.headers['content-type'];
  if (header === undefined) return '';
  const known = types.get(header);
  if (known !== undefined) return known;
  const [type, ...parameters] = header.split(';').map((part) => part.trim().toLowerCase());
  for (const parameter of parameters) {
    if (parameter.startsWith('charset=') && !/^charset="?utf-?8"?$/.test(parameter)) {
      throw problem('not-supported', 'the body must be UTF-8', { status: 415 });
    }
  }
  if (types.size < 100) types.set(header, type!);
  return type!;
}

const jsonTypes = ['application/fhir+json', 'application/json', 'application/json+fhir', 'text/json'];

/** Refuses with 415 what is not JSON by its media type. */
export function demandJson(request: IncomingMessage): void {
  if (!jsonTypes.includes(mediaType(request))) {
    throw problem('not-supported', 'Content-Type must be application/fhir+json or application/json', { status: 415 });
  }
}
