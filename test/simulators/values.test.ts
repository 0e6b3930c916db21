/** What simulated implants and devices measure: their statistics, over many samples. seeds-design.md 0-071 to 0-075 */
import { describe, expect, it } from '@jest/globals';
import { createCast, type SimDevice } from '../../src/simulators/makers/cast.ts';
import { dialects } from '../../src/simulators/makers/dialects.ts';
import {
  batteryLevel,
  batteryVoltage,
  heartRate,
  impedance,
  restingRate,
  sensing,
} from '../../src/simulators/makers/values.ts';
import { vitals } from '../../src/simulators/vitals.ts';

const HOUR = 3_600_000;
const start = Date.UTC(2026, 0, 1);
const cast = createCast(dialects['boston-scientific'].house, 1, 100, 1);
const devices = Array.from({ length: 108 }, (_, at) => cast.patient(at + 1).devices).flat();
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values: readonly number[]) => {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
};
const rates = (device: SimDevice, count: number) =>
  Array.from({ length: count }, (_, hour) => heartRate(device, 1, start + hour * HOUR));

describe('A simulated heart', () => {
  it('beats about its own rate, 7 to either side, over 10,000 hours (0-073)', () => {
    for (const device of devices.slice(0, 2)) {
      const values = rates(device, 10_000);
      expect(Math.abs(mean(values) - restingRate(device, 1))).toBeLessThan(0.3);
      expect(spread(values)).toBeGreaterThan(6.5);
      expect(spread(values)).toBeLessThan(7.5);
      expect(Math.min(...values)).toBeGreaterThan(30);
      expect(Math.max(...values)).toBeLessThan(110);
    }
  });

  it('is faster in the afternoon than before dawn (0-071)', () => {
    const values = rates(devices[0]!, 2_400);
    const at = (hour: number) => mean(values.filter((_, n) => n % 24 === hour));
    expect(at(16) - at(4)).toBeGreaterThan(14);
    expect(at(16) - at(4)).toBeLessThan(18);
  });
});

describe('A simulated battery', () => {
  it('never rises, whatever the device and the time between two looks (0-074)', () => {
    const risen: string[] = [];
    for (const device of devices) {
      let before = { volts: Number.POSITIVE_INFINITY, percent: Number.POSITIVE_INFINITY };
      for (let day = 0; day < 4_000; day += 37) {
        const at = start + day * 24 * HOUR;
        const now = { volts: Number(batteryVoltage(device, 1, at)), percent: Number(batteryLevel(device, 1, at)) };
        if (now.volts > before.volts || now.percent > before.percent) risen.push(`${device.id} on day ${day}`);
        before = now;
      }
      expect(before.volts).toBeGreaterThanOrEqual(2.3);
      expect(before.percent).toBeGreaterThan(0);
    }
    expect(risen).toEqual([]);
  });
});

describe('A simulated lead', () => {
  it('stays within what is normal, but for the broken one', () => {
    for (const device of devices.filter(({ leads }) => leads.length > 0).slice(0, 8))
      for (const channel of ['RA', 'RV'] as const)
        for (let day = 0; day < 20; day++) {
          const at = start + day * 24 * HOUR;
          const ohm = Number(impedance(device, channel, 1, at));
          const isBroken = device.hasBrokenLead === true && channel === 'RV';
          expect(ohm > 2_000).toBe(isBroken);
          expect(ohm).toBeGreaterThan(200);
          expect(Number(sensing(device, channel, 1, at))).toBeGreaterThan(0.5);
        }
  });
});

describe('A simulated device with vital signs', () => {
  const some = (seed: number, number: number, count = 400) => {
    const readings = vitals(seed, number);
    return Array.from({ length: count }, () => readings.next().value);
  };

  it('measures the same for one seed, whoever else posts meanwhile, and not what another device does', () => {
    const alone = some(5, 1);
    const first = vitals(5, 1);
    const second = vitals(5, 2);
    const beside = alone.map(() => {
      second.next();
      return first.next().value;
    });
    expect(beside).toEqual(alone);
    expect(some(5, 2)).not.toEqual(alone);
    expect(some(6, 1)).not.toEqual(alone);
  });

  it('has a fever now and then, for a dozen readings', () => {
    const fevers = some(5, 1, 2_000).map(({ temperature }) => temperature > 100);
    const share = fevers.filter(Boolean).length / fevers.length;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.4);
  });
});
