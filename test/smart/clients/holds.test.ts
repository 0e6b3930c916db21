/** O27, O38: whoever guesses has to wait, by where it comes from; whoever is guessed at never has. */
import { describe, expect, it } from '@jest/globals';
import { createHolds, type Holds } from '../../../src/smart/clients/holds.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function open(remembered?: number) {
  let now = 1_000_000;
  const holds = createHolds({ now: () => now }, remembered);
  return { holds, pass: (milliseconds: number) => (now += milliseconds) };
}
/** Seconds to wait; 0 for none. */
function waitOf(holds: Holds, source: string, kind = 'client'): number {
  try {
    holds.demand(source, kind);
    return 0;
  } catch (error: any) {
    expect(error.status).toBe(429);
    return Number(error.headers['Retry-After']);
  }
}
const fail = (holds: Holds, times: number, source: string, kind = 'client') => {
  for (let at = 0; at < times; at++) holds.failed(source, kind);
};

describe('A source that fails', () => {
  it('is held for a minute after ten failures within one', () => {
    const { holds, pass } = open();
    fail(holds, 9, '192.0.2.1 a');
    expect(waitOf(holds, '192.0.2.1 a')).toBe(0);
    fail(holds, 1, '192.0.2.1 a');
    expect(waitOf(holds, '192.0.2.1 a')).toBe(60);
    pass(59_001);
    expect(waitOf(holds, '192.0.2.1 a')).toBe(1);
    pass(999);
    expect(waitOf(holds, '192.0.2.1 a')).toBe(0);
  });

  it('is not held for ten failures in more than a minute', () => {
    const { holds, pass } = open();
    for (let at = 0; at < 40; at++) {
      fail(holds, 1, '192.0.2.1 a');
      pass(7 * SECOND);
      expect(waitOf(holds, '192.0.2.1 a')).toBe(0);
    }
  });

  it('waits twice as long each time, an hour at most, and a minute again after an hour of quiet', () => {
    const { holds, pass } = open();
    const waits: number[] = [];
    for (let at = 0; at < 9; at++) {
      fail(holds, 10, '192.0.2.1 a');
      waits.push(waitOf(holds, '192.0.2.1 a') / 60);
      pass(waits.at(-1)! * MINUTE);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    pass(60 * MINUTE + 1);
    fail(holds, 10, '192.0.2.1 a');
    expect(waitOf(holds, '192.0.2.1 a')).toBe(60);
  });

  it('is one in all its network of IPv6, and one as IPv4 in IPv6', () => {
    const { holds } = open();
    fail(holds, 10, '2001:db8:1:2::1 a');
    expect(waitOf(holds, '2001:0db8:0001:0002:ffff::9 a')).toBe(60);
    expect(waitOf(holds, '2001:db8:1:3::1 a')).toBe(0);
    fail(holds, 10, '::ffff:192.0.2.1 a');
    expect(waitOf(holds, '192.0.2.1 a')).toBe(60);
    expect(waitOf(holds, '::ffff:192.0.2.2 a')).toBe(0);
  });

  it('is forgiven what failed at the very thing that now succeeded', () => {
    const { holds } = open();
    fail(holds, 9, '192.0.2.1 a');
    holds.succeeded('192.0.2.1 a', 'client');
    fail(holds, 9, '192.0.2.1 a');
    expect(waitOf(holds, '192.0.2.1 a')).toBe(0);
  });

  it('is held as a whole after a hundred failures at whatever, also where one thing succeeds', () => {
    const { holds } = open();
    for (let at = 0; at < 99; at++) fail(holds, 1, `192.0.2.1 key${at}`, 'key');
    holds.succeeded('192.0.2.1 own', 'key');
    expect(waitOf(holds, '192.0.2.1 own', 'key')).toBe(0);
    fail(holds, 1, '192.0.2.1 key99', 'key');
    expect(waitOf(holds, '192.0.2.1 own', 'key')).toBe(60);
    expect(waitOf(holds, '192.0.2.1', 'client')).toBe(60);
    expect(waitOf(holds, '192.0.2.2 own', 'key')).toBe(0);
  });
});

describe('Nobody else is held', () => {
  it('not the client itself from elsewhere, nor others from the same place, nor another kind of secret', () => {
    const { holds } = open();
    fail(holds, 50, '192.0.2.1 a');
    expect(waitOf(holds, '192.0.2.1 a')).toBeGreaterThan(0);
    expect(waitOf(holds, '192.0.2.2 a')).toBe(0);
    expect(waitOf(holds, '192.0.2.1 b')).toBe(0);
    expect(waitOf(holds, '192.0.2.1 a', 'key')).toBe(0);
  });

  it('and the memory has an end: who was quiet longest is forgotten first', () => {
    const { holds } = open(1_000);
    fail(holds, 10, '192.0.2.1 a');
    for (let at = 0; at < 400; at++) fail(holds, 1, `10.0.${at >> 8}.${at & 255} ${'n'.repeat(10_000)}`);
    expect(waitOf(holds, '192.0.2.1 a')).toBe(60);
    for (let at = 0; at < 600; at++) fail(holds, 1, `10.1.${at >> 8}.${at & 255} a`);
    expect(waitOf(holds, '192.0.2.1 a')).toBe(0);
  });
});
