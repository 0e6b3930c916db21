/** Words that open something: made of random bits, kept as a hash, compared in a time that says nothing. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Runtime } from '../runtime.ts';

/** In base64url: 43 characters for 256 bits. */
export const freshWord = (runtime: Pick<Runtime, 'random'>, bytes = 32): string =>
  Buffer.from(runtime.random(bytes)).toString('base64url');

/** What is kept of a word, in hex. So much entropy needs no slow hash: one SHA-256 keeps it safe, and cheap to check. */
export const hashOf = (word: string): string => hash('sha256', word);

/** In constant time; that the lengths differ is no secret. What is no text is like none. */
export function isSame(given: unknown, right: string): boolean {
  if (typeof given !== 'string' || given.length !== right.length) return false;
  const [one, other] = [Buffer.from(given), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}
