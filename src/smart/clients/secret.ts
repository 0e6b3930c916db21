/** Secrets of clients: 256 random bits, shown once, kept as a hash, compared in constant time. https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
import type { Runtime } from '../../runtime.ts';
import { freshWord, hashOf, isSame } from '../secrets.ts';
import type { Client, KeptSecret } from './client.ts';

export function newSecret(runtime: Pick<Runtime, 'random'>): { secret: string; kept: KeptSecret } {
  const secret = `wfs_${freshWord(runtime)}`;
  return { secret, kept: { hash: hashOf(secret) } };
}

/** Whoever has no secret is compared with this, so that the time says nothing. */
const nobodys: readonly KeptSecret[] = [{ hash: '0'.repeat(64) }];

/** Whether it opens now: it is the client's own, or the one before while that still holds. A client that is off has none. */
export function secretMatches(client: Client | undefined, secret: string, now: number): boolean {
  const offered = hashOf(secret);
  const secrets = client && client.secrets.length > 0 ? client.secrets : nobodys;
  let matches = false;
  // Each is compared, whichever was right.
  for (const { hash, until = Number.POSITIVE_INFINITY } of secrets)
    if (isSame(offered, hash) && until > now) matches = true;
  return matches;
}
