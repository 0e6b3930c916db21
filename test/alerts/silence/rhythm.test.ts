/** When a device counts as silent: its rhythm, learned from its pauses, or what is said of it (0-059, 0-111). */
import { describe, expect, it } from '@jest/globals';
import { afterHeard, type Rhythm, silentAfter } from '../../../src/alerts/silence/rhythm.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const site = { implantAfter: 14 * day, deviceAfter: undefined };

/** Heard after each of these pauses. */
function heard(pauses: readonly number[], isImplant = false): Rhythm {
  let at = 0;
  let rhythm = afterHeard(undefined, { at, isImplant }, undefined)!;
  for (const pause of pauses) rhythm = afterHeard(rhythm, { at: (at += pause), isImplant }, undefined) ?? rhythm;
  return rhythm;
}

describe('The rhythm of a device', () => {
  it('is known after a day and four pauses, and is silence after twice the longest (0-059)', () => {
    expect(silentAfter(heard([8 * hour, 8 * hour, 8 * hour]), undefined, site)).toBeUndefined();
    expect(silentAfter(heard(Array(4).fill(6 * hour - 1)), undefined, site)).toBeUndefined();
    expect(silentAfter(heard(Array(4).fill(6 * hour)), undefined, site)).toBe(12 * hour);
    expect(silentAfter(heard([hour, 10 * hour, hour, 20 * hour]), undefined, site)).toBe(40 * hour);
  });

  it('is no shorter than a quarter of an hour and no longer than fourteen days', () => {
    expect(silentAfter(heard(Array(1_440).fill(minute)), undefined, site)).toBe(15 * minute);
    expect(silentAfter(heard(Array(4).fill(10 * day)), undefined, site)).toBe(14 * day);
  });

  it('forgets a long pause after seven days on which it was heard of', () => {
    const hourly = (days: number) => Array(24 * days).fill(hour);
    expect(silentAfter(heard([20 * hour, ...hourly(5)]), undefined, site)).toBe(40 * hour);
    expect(silentAfter(heard([20 * hour, ...hourly(8)]), undefined, site)).toBe(2 * hour);
  });

  it('is not learned from a silence, nor from what comes within the same visit', () => {
    const known = heard(Array(4).fill(6 * hour));
    const again = afterHeard(known, { at: known.last + 3 * day, isImplant: false }, 12 * hour)!;
    expect([again.days, again.last - known.last]).toEqual([known.days, 3 * day]);
    expect(afterHeard(known, { at: known.last + 29_999, isImplant: false }, 12 * hour)).toBeUndefined();
    expect(afterHeard(known, { at: known.last + 30_000, isImplant: false }, 12 * hour)).toMatchObject({ pauses: 5 });
  });

  it('goes behind what the device says, and an implant goes by the setting (0-059)', () => {
    const known = heard(Array(4).fill(6 * hour));
    expect(silentAfter(known, hour, site)).toBe(hour);
    expect(silentAfter(known, 0, site)).toBeUndefined();
    expect(silentAfter(known, undefined, { ...site, deviceAfter: 3 * hour })).toBe(3 * hour);
    expect(silentAfter(heard([], true), undefined, site)).toBe(14 * day);
  });
});
