/** https://github.com/fernet/spec: its published vectors. */
import { describe, expect, it } from '@jest/globals';
import { fernetKeysOf, looksLikeFernet, readFernet } from '../../src/protect/fernet.ts';

const secret = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const key = Buffer.from(secret, 'base64url');
const token = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';

describe('A Fernet token', () => {
  it('of the specification opens (0-008)', () => {
    expect(readFernet(token, key)?.toString()).toBe('hello');
    expect(looksLikeFernet(token)).toBe(true);
    expect(fernetKeysOf(secret).some((one) => readFernet(token, one)?.toString() === 'hello')).toBe(true);
  });

  // Its two vectors about time are left out: what is taken over was stored, not sent.
  it.each([
    [
      'incorrect mac',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
    ],
    ['too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='],
    [
      'invalid base64',
      '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
    ],
    [
      'payload size not multiple of block size',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
    ],
    [
      'payload padding error',
      'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
    ],
    [
      'incorrect IV',
      'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
    ],
    ['trailing characters', `${token}trailingdata`],
    ['invalid characters', token.replace('gAAA', '*gAA!')],
    ['characters that are not url-safe', token.replace('AAEC', 'AA+/')],
  ])('of the specification that is invalid is refused: %s (0-008)', (_name, invalid) => {
    expect(readFernet(invalid, key)).toBeUndefined();
  });

  it('is refused when any byte of it or of the key is another (0-008)', () => {
    const bytes = Buffer.from(token, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect([at, readFernet(changed.toString('base64url').padEnd(token.length, '='), key)]).toEqual([at, undefined]);
    }
    const other = Buffer.from(key);
    other[0]! ^= 1;
    expect(readFernet(token, other)).toBeUndefined();
  });
});
