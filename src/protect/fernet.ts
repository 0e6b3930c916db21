/** Reads Fernet tokens, with which earlier systems encrypted credentials: AES-128-CBC under HMAC-SHA256. https://github.com/fernet/spec/blob/master/Spec.md */
import { createDecipheriv, createHmac, hash, timingSafeEqual } from 'node:crypto';

const VERSION = 0x80;
const HEAD = 1 + 8 + 16;
const MAC = 32;
const BLOCK = 16;

const inBase64 = (text: string): Buffer | undefined =>
  /^[\w-]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64url') : undefined;

/**
 * What a token holds; undefined where it was made with another key, was changed, or is no token. When it was made is not
 * looked at: what is taken over was stored, not sent.
 */
export function readFernet(token: string, key: Uint8Array): Buffer | undefined {
  const bytes = inBase64(token.trim());
  if (!bytes || key.length !== 32 || bytes.length < HEAD + BLOCK + MAC || bytes[0] !== VERSION) return undefined;
  const signed = bytes.subarray(0, -MAC);
  const mac = createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
  if (!timingSafeEqual(mac, bytes.subarray(-MAC)) || (signed.length - HEAD) % BLOCK !== 0) return undefined;
  try {
    const cipher = createDecipheriv('aes-128-cbc', key.subarray(16), bytes.subarray(9, HEAD));
    return Buffer.concat([cipher.update(signed.subarray(HEAD)), cipher.final()]);
  } catch {
    return undefined; // the padding
  }
}

export const looksLikeFernet = (text: string): boolean => /^gAAAAA[\w-]+={0,2}$/.test(text.trim());

/** The keys that a configured text may stand for: itself, or its SHA-256, as those made it who had a word and no key. */
export function fernetKeysOf(text: string): readonly Uint8Array[] {
  const whole = [Buffer.from(text, 'base64url'), Buffer.from(text, 'hex')].filter(({ length }) => length === 32);
  return [...whole, hash('sha256', text, 'buffer')];
}
