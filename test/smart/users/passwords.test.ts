/** Passwords: what may be one, and how they are kept. https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver */
import { describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { objectionTo } from '../../../src/smart/users/password-rules.ts';
import { createPasswords } from '../../../src/smart/users/passwords.ts';

describe('A password', () => {
  it.each([
    'four otters at dusk',
    'correct horse battery staple',
    'zu Fuß über die Brücke',
    '小さな青い灯台の守り人',
    'tz8!vKq2',
    'x7#mnbrw0plk',
    'hospital gravel accordion',
    `${'é'.repeat(3)}kf92jdh`,
    `${'ab'.repeat(3)}${'qkz81mv'.repeat(2)}`,
  ])('may be %s', (password) => {
    expect(objectionTo(password, 'jackie')).toBeUndefined();
  });

  it.each([
    ['short12', /8 to 128/],
    ['ab😀', /8 to 128/],
    ['k9'.repeat(65), /8 to 128/],
    ['jackie-2026-x', /login/],
    ['xxJACKIExx12', /login/],
    ['my-watchfire-9', /product/],
    ['W4tchf1re!!', /product/],
    ['aaaaaaaaaa', /over and over/],
    ['abababababab', /over and over/],
    ['kq7xkq7xkq7x', /over and over/],
    ['qwertyuiop', /in a row/],
    ['qwertz123456', /in a row/],
    ['1q2w3e4r5t', /in a row/],
    ['1qaz2wsx', /in a row/],
    ['abcd4321', /in a row/],
    ['poiuytrewq!', /in a row/],
    ['password', /guessed first/],
    ['P@ssw0rd', /guessed first/],
    ['Password123!', /guessed first/],
    ['Summer2026!', /guessed first/],
    ['Winter_2025', /guessed first/],
    ['letmein1', /guessed first/],
    ['iloveyou!!', /guessed first/],
    ['Krankenhaus1', /guessed first/],
    ['123!password', /guessed first/],
    ['welcomenurse', /guessed first/],
    ['19700101!!', /guessed first|in a row/],
  ])('may not be %s', (password, why) => {
    expect(objectionTo(password, 'jackie')).toMatch(why);
  });

  it('is compared as NFKC and counted in characters', () => {
    expect(objectionTo('ｊａｃｋｉｅ９９', 'jackie')).toMatch(/login/);
    expect(objectionTo('👩🏽‍⚕️'.repeat(3), 'x')).toBe(objectionTo('👩🏽‍⚕️'.repeat(3), 'y'));
    expect(
      objectionTo('\u{1F30A}\u{1F332}\u{1F9ED}\u{1F3D4}\u{1F56F}\u{1F511}\u{1F98A}\u{1F4DA}', 'jackie'),
    ).toBeUndefined();
  });

  it('is judged in time, whatever it is', () => {
    // What this process has spent, however busy the machine is.
    const before = process.cpuUsage();
    for (const hard of [
      'a'.repeat(128),
      'ab'.repeat(64),
      'maymaymaymay'.repeat(10),
      `${'a'.repeat(127)}!`,
      '1!'.repeat(64),
    ])
      objectionTo(hard, 'jackie');
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(250);
  });
});

describe('A kept password', () => {
  const cost = { memory: 64, passes: 1, parallelism: 1 };
  const passwords = createPasswords(systemRuntime, cost);

  it('is an argon2id hash with its parameters and a salt of its own, and nothing of the password', async () => {
    const [one, other] = [await passwords.keep('four otters at dusk'), await passwords.keep('four otters at dusk')];
    expect(one).toMatchObject({ algorithm: 'argon2id', ...cost });
    expect(Buffer.from(one.salt, 'base64url')).toHaveLength(16);
    expect(one.salt).not.toBe(other.salt);
    expect(one.hash).not.toBe(other.hash);
    expect(JSON.stringify(one)).not.toMatch(/otter/);
  });

  it('matches itself alone, however its characters are composed', async () => {
    const record = await passwords.keep('caf\u00e9 at the pier');
    expect(await passwords.matches(record, 'cafe\u0301 at the pier')).toBe(true);
    expect(await passwords.matches(record, 'cafe at the pier')).toBe(false);
    expect(await passwords.matches(record, '')).toBe(false);
  });

  it('is the hash that RFC 9106 says', async () => {
    // Its test vector has a secret and associated data; the reference program gives this one: argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32
    const vector = { algorithm: 'argon2id' as const, memory: 65_536, passes: 2, parallelism: 1 };
    const salt = Buffer.from('somesalt').toString('base64url');
    const hash = Buffer.from('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7', 'hex').toString(
      'base64url',
    );
    expect(await passwords.matches({ ...vector, salt, hash }, 'password')).toBe(true);
  });

  it('is outdated once the parameters are others', async () => {
    const record = await passwords.keep('four otters at dusk');
    expect(passwords.isOutdated(record)).toBe(false);
    expect(createPasswords(systemRuntime, { ...cost, passes: 2 }).isOutdated(record)).toBe(true);
  });

  it('is never matched by what is not there', async () => {
    expect(await passwords.matches(undefined, 'four otters at dusk')).toBe(false);
  });

  it('lets a few be hashed at a time and refuses a flood with 503', async () => {
    const slow = createPasswords(systemRuntime, { memory: 8_192, passes: 1, parallelism: 1 });
    const asked = await Promise.allSettled(Array.from({ length: 100 }, () => slow.matches(undefined, 'x')));
    const refused = asked.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(100 - 2 - 64);
    expect(refused[0]!.reason).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
    expect(await slow.matches(undefined, 'x')).toBe(false);
  });
});
