/**
 * Opaque tokens for the next page: encrypted, since a sort key may be a name; bound to the query and the caller; with an
 * age. The key is the store's, so that a restart and a sister server read them too. https://hl7.org/fhir/R4/http.html#paging
 */
import { createCipheriv, createDecipheriv, createSecretKey, hash } from 'node:crypto';
import { type Problem, problem } from '../fhir/outcome.ts';
import { placeOf } from './refusals.ts';

/** How long a page may be asked for, in milliseconds. */
const LIFE = 24 * 3_600_000;

type Position = readonly (string | number | null)[];

export interface PageTokens {
  seal(position: Position, query: string, who: string, now: number): string;
  /** Refuses a token of another query or caller with 400, an expired one with 410. */
  open(token: string, query: string, who: string, now: number): Position;
}

const expression = placeOf('_page');

/** For what no link of the search has. */
export const notOfThis = (): Problem => problem('invalid', '_page is not a page of this search', { expression });

const boundTo = (query: string, who: string): Buffer => hash('sha256', `${who}\n${query}`, 'buffer');

/** `bytes` is the key, 32 of them; `random` gives fresh ones for nonces. */
export function createPageTokens(bytes: Uint8Array, random: (bytes: number) => Uint8Array): PageTokens {
  // Made once: a raw key would be imported anew for each token.
  const key = createSecretKey(bytes);
  return {
    seal(position, query, who, now) {
      const nonce = random(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(query, who));
      const sealed = cipher.update(JSON.stringify([now + LIFE, ...position]));
      return Buffer.concat([nonce, sealed, cipher.final(), cipher.getAuthTag()]).toString('base64url');
    },
    open(token, query, who, now) {
      const sealed = Buffer.from(token, 'base64url');
      // Bits that no byte needs, padding and letters of the other alphabet would be read over: a changed token is none.
      if (sealed.toString('base64url') !== token) throw notOfThis();
      let expires: number;
      let position: Position;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(boundTo(query, who));
        decipher.setAuthTag(sealed.subarray(-16));
        [expires, ...position] = JSON.parse(
          decipher.update(sealed.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8'),
        );
      } catch {
        throw notOfThis();
      }
      if (expires < now)
        throw problem('not-found', '_page has expired; begin the search again', { status: 410, expression });
      return position;
    },
  };
}
