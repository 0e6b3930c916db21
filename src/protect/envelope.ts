/** AES-256-GCM as a sealed text: nonce, ciphertext and tag in one, bound to a context that is not in it. https://csrc.nist.gov/pubs/sp/800/38/d/final */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { problem } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';

/** What a sealed text is about: it opens for nothing else. The order counts. */
export type Context = readonly string[];

const NONCE = 12;
const TAG = 16;
const bound = (context: Context): Buffer => Buffer.from(JSON.stringify(context));

/** `key` has 32 bytes. A key may seal 2^32 texts; a data key here seals one, the vault's key one for each credential. */
export function seal(
  key: Uint8Array,
  plain: Uint8Array,
  context: Context,
  { random }: Pick<Runtime, 'random'>,
): string {
  const nonce = random(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(bound(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** Refuses with business-rule what was sealed under another key or for another context, or was changed since. */
export function unseal(key: Uint8Array, sealed: string, context: Context): Buffer {
  const bytes = Buffer.from(sealed, 'base64url');
  try {
    const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE), { authTagLength: TAG })
      .setAAD(bound(context))
      .setAuthTag(bytes.subarray(-TAG));
    return Buffer.concat([cipher.update(bytes.subarray(NONCE, -TAG)), cipher.final()]);
  } catch {
    throw problem('business-rule', 'a stored credential does not open: it belongs to another store or was changed');
  }
}
