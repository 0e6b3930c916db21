/** The one entrance to jsonwebtoken: a JWT read strictly before anything is computed, then verified with one key and one algorithm. https://www.rfc-editor.org/rfc/rfc8725 */
import jsonwebtoken from 'jsonwebtoken';
import { readJson } from '../../fhir/json.ts';
import type { ClientKey } from './key-set.ts';

/** Bytes of a whole JWT. */
const LONGEST = 8_192;
const limits = { depth: 4, nodes: 200, keys: 50, string: 4_096 };

export interface ReadJwt {
  readonly text: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Why a text is no JWT that this server looks at, for the audit row. */
export class BadJwt extends Error {}

/** No cryptography: size, form, strict JSON. Throws BadJwt. */
export function readJwt(text: unknown): ReadJwt {
  if (typeof text !== 'string' || text === '') throw new BadJwt('missing');
  if (text.length > LONGEST) throw new BadJwt('too long');
  const parts = text.split('.', 4);
  if (parts.length !== 3) throw new BadJwt('not in three parts');
  const [header, claims] = [objectOf(parts[0]!), objectOf(parts[1]!)];
  if (bytesOf(parts[2]!).length === 0) throw new BadJwt('not signed');
  return { text, header, claims };
}

/** True where the signature is the key's, by the key's own algorithm. Never throws. */
export function isSignedBy({ text }: ReadJwt, { key, alg }: ClientKey): boolean {
  try {
    // Times are the caller's to judge, by the clock of the house.
    jsonwebtoken.verify(text, key, { algorithms: [alg], ignoreExpiration: true, ignoreNotBefore: true });
    return true;
  } catch {
    return false;
  }
}

/** Base64url without padding, in the one way to write these bytes. */
function bytesOf(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw new BadJwt('not base64url');
  return bytes;
}

function objectOf(part: string): Readonly<Record<string, unknown>> {
  try {
    return readJson(bytesOf(part), limits).value;
  } catch (error) {
    throw error instanceof BadJwt ? error : new BadJwt('not strict JSON');
  }
}
