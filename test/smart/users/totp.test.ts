/** Codes by time, and codes on paper. https://www.rfc-editor.org/rfc/rfc6238#appendix-B */
import { describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { afterUse, freshCodes } from '../../../src/smart/users/recovery.ts';
import { base32, codeAt, provisioningUri, stepAt, stepOf } from '../../../src/smart/users/totp.ts';

const secret = base32(Buffer.from('12345678901234567890'));

describe('A code by time', () => {
  it.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ])('is at %i s what RFC 6238 says, in six digits', (seconds, code) => {
    expect(codeAt(secret, stepAt(seconds * 1_000))).toBe(code);
  });

  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('has its secret in base32: %s is %s', (text, encoded) => {
    expect(base32(Buffer.from(text))).toBe(encoded);
  });

  it('counts one step before and after, and no further', () => {
    const now = 1_700_000_010_000;
    const step = stepAt(now);
    const found = [-2, -1, 0, 1, 2].map((away) => stepOf(codeAt(secret, step + away), secret, 0, now));
    expect(found).toEqual([undefined, step - 1, step, step + 1, undefined]);
  });

  it('counts once, and those before it no more', () => {
    const now = 1_700_000_010_000;
    const step = stepAt(now);
    expect(stepOf(codeAt(secret, step), secret, step, now)).toBeUndefined();
    expect(stepOf(codeAt(secret, step - 1), secret, step, now)).toBeUndefined();
    expect(stepOf(codeAt(secret, step + 1), secret, step, now)).toBe(step + 1);
  });

  it('may have blanks and wide digits, as people type it', () => {
    const now = 59_000;
    expect(stepOf('287 082', secret, 0, now)).toBe(1);
    expect(stepOf('２８７０８２', secret, 0, now)).toBe(1);
    for (const other of ['28708', '2870822', '', 'abcdef', '28708x'])
      expect(stepOf(other, secret, 0, now)).toBeUndefined();
  });

  it('is set up by an address that apps read', () => {
    expect(provisioningUri(secret, 'nurse+1@ward', 'Watchfire host.example')).toBe(
      `otpauth://totp/Watchfire%20host.example:nurse%2B1%40ward?secret=${secret}&issuer=Watchfire%20host.example`,
    );
  });
});

describe('Recovery codes', () => {
  it('are ten, long enough for a plain hash, and kept as hashes only', () => {
    const { codes, kept } = freshCodes(systemRuntime);
    expect(codes).toHaveLength(10);
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) {
      expect(code).toMatch(/^(?:[a-hjkmnp-z02-9]{4}-){5}[a-hjkmnp-z02-9]{4}$/);
      expect(JSON.stringify(kept)).not.toContain(code.replaceAll('-', ''));
    }
  });

  it('are good once each, however they are typed', () => {
    const { codes, kept } = freshCodes(systemRuntime);
    const left = afterUse(kept, ` ${codes[3]!.toUpperCase().replaceAll('-', ' ')} `)!;
    expect(left).toHaveLength(9);
    expect(afterUse(left, codes[3]!)).toBeUndefined();
    expect(afterUse(left, codes[4]!)).toHaveLength(8);
    expect(afterUse(left, 'aaaa-bbbb-cccc-dddd-eeee-ffff')).toBeUndefined();
    expect(afterUse(left, '')).toBeUndefined();
  });
});
