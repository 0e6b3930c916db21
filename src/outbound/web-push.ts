/** Web push: the message encrypted for one browser, the call signed as this server. https://www.rfc-editor.org/rfc/rfc8291, https://www.rfc-editor.org/rfc/rfc8292 */
import { createCipheriv, createECDH, createPrivateKey, hkdfSync, sign } from 'node:crypto';
import type { Call } from './guarded-client.ts';

/** Of one browser, base64url. */
export interface PushTarget {
  readonly endpoint: string;
  readonly p256dh: string;
  readonly auth: string;
}

/** 32 bytes each, fresh for every message: the private key of the sender; and 16 of salt. */
export interface Chance {
  readonly privateKey: Uint8Array;
  readonly salt: Uint8Array;
}

const RECORD = 4_096;
/** Most that a push service takes of what is to be encrypted, less header, padding and tag. */
export const MOST_PUSHED = 3_800;

const derived = (key: Uint8Array, salt: Uint8Array, info: Buffer, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, salt, info, length));

/** One record of aes128gcm. https://www.rfc-editor.org/rfc/rfc8188 */
export function encryptPush(text: string, target: PushTarget, { privateKey, salt }: Chance): Buffer {
  const sender = createECDH('prime256v1');
  sender.setPrivateKey(Buffer.from(privateKey));
  const own = sender.getPublicKey();
  const theirs = Buffer.from(target.p256dh, 'base64url');
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), theirs, own]);
  const key = derived(sender.computeSecret(theirs), Buffer.from(target.auth, 'base64url'), info, 32);
  const content = derived(key, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = derived(key, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
  const cipher = createCipheriv('aes-128-gcm', content, nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.update(Buffer.of(2)), cipher.final()]);
  const header = Buffer.alloc(21);
  Buffer.from(salt).copy(header);
  header.writeUInt32BE(RECORD, 16);
  header[20] = own.length;
  return Buffer.concat([header, own, sealed, cipher.getAuthTag()]);
}

/** The key that push services know this server by: 32 bytes, and who to write to (`mailto:`). */
export interface Vapid {
  readonly privateKey: Uint8Array;
  readonly contact: string;
}

/** The point that browsers are shown when they subscribe, base64url. */
export function vapidPublicKey({ privateKey }: Pick<Vapid, 'privateKey'>): string {
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(Buffer.from(privateKey));
  return pair.getPublicKey('base64url');
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Value of `Authorization`; holds for twelve hours. */
function vapidHeader(endpoint: string, vapid: Vapid, now: number): string {
  const point = Buffer.from(vapidPublicKey(vapid), 'base64url');
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
    d: Buffer.from(vapid.privateKey).toString('base64url'),
  };
  const claims = { aud: new URL(endpoint).origin, exp: Math.floor(now / 1_000) + 12 * 3_600, sub: vapid.contact };
  const signed = `${encoded({ typ: 'JWT', alg: 'ES256' })}.${encoded(claims)}`;
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return `vapid t=${signed}.${signature}, k=${point.toString('base64url')}`;
}

export interface Pushing {
  readonly text: string;
  readonly urgency: 'low' | 'normal' | 'high';
  /** A later message of the same topic takes the place of one that was not shown yet; at most 32 signs of base64url. */
  readonly topic: string;
  /** Seconds that the push service keeps it for. */
  readonly seconds: number;
}

/** The call that hands a message to the push service of a browser. */
export function pushCall(target: PushTarget, pushing: Pushing, vapid: Vapid, chance: Chance, now: number): Call {
  return {
    url: target.endpoint,
    method: 'POST',
    headers: {
      authorization: vapidHeader(target.endpoint, vapid, now),
      'content-type': 'application/octet-stream',
      'content-encoding': 'aes128gcm',
      ttl: String(pushing.seconds),
      urgency: pushing.urgency,
      topic: pushing.topic,
    },
    bytes: encryptPush(pushing.text, target, chance),
  };
}
