/** One-time codes by time: six digits, a new one every 30 seconds. https://www.rfc-editor.org/rfc/rfc6238 */
import { createHmac } from 'node:crypto';
import { isSame } from '../secrets.ts';

const STEP = 30_000;
const DIGITS = 6;
/** Steps before and after this one whose codes count: clocks differ. */
const TOLERATED = 1;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** https://www.rfc-editor.org/rfc/rfc4648#section-6, without padding. */
export function base32(bytes: Uint8Array): string {
  let [text, bits, value] = ['', 0, 0];
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31];
}

function bytesOf(text: string): Buffer {
  const bits = [...text].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The code of one step, by RFC 4226 section 5.3. */
export function codeAt(secret: string, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', bytesOf(secret)).update(counter).digest();
  const value = mac.readUInt32BE(mac[19]! & 15) & 0x7fffffff;
  return String(value % 10 ** DIGITS).padStart(DIGITS, '0');
}

export const stepAt = (now: number): number => Math.floor(now / STEP);

/** The step that a code is of, if that is about now and after the last one used; undefined for a wrong code. Blanks do not count. */
export function stepOf(code: string, secret: string, lastStep: number, now: number): number | undefined {
  const given = code.normalize('NFKC').replaceAll(/\s/g, '');
  let found: number | undefined;
  for (let step = stepAt(now) - TOLERATED; step <= stepAt(now) + TOLERATED; step++) {
    if (isSame(given, codeAt(secret, step)) && step > lastStep) found ??= step;
  }
  return found;
}

/** What an authenticator app reads. https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export const provisioningUri = (secret: string, login: string, issuer: string): string =>
  `otpauth://totp/${encodeURIComponent(issuer)}:${encodeURIComponent(login)}?secret=${secret}&issuer=${encodeURIComponent(issuer)}`;
