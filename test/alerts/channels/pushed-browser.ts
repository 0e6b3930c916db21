/** The browser's side of web push: its keys, and what it reads of what comes. https://www.rfc-editor.org/rfc/rfc8291#section-3 */
import { createDecipheriv, createECDH, hkdfSync } from 'node:crypto';

export function pushedBrowser() {
  const pair = createECDH('prime256v1');
  pair.generateKeys();
  const auth = Buffer.alloc(16, 9);
  return {
    keys: { p256dh: pair.getPublicKey('base64url'), auth: auth.toString('base64url') },
    read(sealed: Buffer): string {
      const [salt, theirs] = [sealed.subarray(0, 16), sealed.subarray(21, 86)];
      const derive = (key: Buffer, by: Buffer, info: Buffer, length: number) =>
        Buffer.from(hkdfSync('sha256', key, by, info, length));
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), theirs]);
      const key = derive(pair.computeSecret(theirs), auth, info, 32);
      const content = derive(key, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
      const nonce = derive(key, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
      const cipher = createDecipheriv('aes-128-gcm', content, nonce);
      cipher.setAuthTag(sealed.subarray(-16));
      return Buffer.concat([cipher.update(sealed.subarray(86, -16)), cipher.final()])
        .subarray(0, -1)
        .toString();
    },
  };
}
