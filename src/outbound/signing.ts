/** Signatures of outgoing calls. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
import { createHmac, timingSafeEqual } from 'node:crypto';

const prefix = 'whsec_';

/** A fresh secret of 32 bytes. */
export const newSecret = (random: (bytes: number) => Uint8Array): string =>
  prefix + Buffer.from(random(32)).toString('base64');

/** `whsec_` and base64 of 24 to 64 bytes, as Standard Webhooks asks. */
export function isSecret(text: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text)) return false;
  const bytes = keyOf(text);
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === text.slice(prefix.length);
}

/** Value of `webhook-signature`: one `v1,` part per live secret, the newest first, so that a receiver may change over in its own time. */
export const sign = (secrets: readonly string[], id: string, timestampSeconds: number, body: string): string =>
  secrets
    .map((secret) => createHmac('sha256', keyOf(secret)).update(`${id}.${timestampSeconds}.${body}`).digest('base64'))
    .map((signature) => `v1,${signature}`)
    .join(' ');

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(prefix.length), 'base64');

/** How far a receiver's clock may be from the sender's, in seconds. */
const TOLERANCE = 300;

/** The receiver's side: whether one of the signatures is made with one of the secrets, and is not older than five minutes. */
export function isSigned(
  secrets: readonly string[],
  id: string,
  timestamp: string,
  body: string,
  signatures: string,
  now: number,
): boolean {
  const seconds = Number(timestamp);
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now / 1_000 - seconds) > TOLERANCE) return false;
  const offered = signatures.split(' ').map((signature) => Buffer.from(signature));
  return secrets
    .map((secret) => Buffer.from(sign([secret], id, seconds, body)))
    .some((right) => offered.some((one) => one.length === right.length && timingSafeEqual(one, right)));
}
