/** A thousand generated patients with their implants, from the simulated maker into the store: each of their readings valid, and stored once. seeds-design.md 0-115 */
import { describe, expect, it } from '@jest/globals';
import { expected, openHandDriven, steppedClock, storedReadings } from '../support/feeds-house.ts';

describe('A fleet of a thousand generated patients', () => {
  it('is taken in by two polls to the last reading, and the third asks for nothing but news (0-115)', async () => {
    const clock = steppedClock();
    const sim = { maker: 'boston-scientific', devices: 992, history: 26, seed: 1, perMinute: 100_000 } as const;
    const house = await openHandDriven({ clock, sim });
    try {
      await house.poll();
      // The clock goes on while the client keeps to its requests a minute: the second poll brings what came meanwhile.
      const { counts, state } = await house.poll();
      const truth = house.sim.truth();
      expect(truth.patients).toHaveLength(1_000);
      const { all, twice } = await storedReadings(house, 'boston-scientific');
      expect(twice).toEqual([]);
      expect([...all].sort()).toEqual([...new Set(truth.readings.map(expected))].sort());
      expect([state, counts.quarantined, counts.new]).toEqual(['polling', 0, truth.readings.length]);

      const asked = house.sim.counts().requests;
      await house.poll();
      // Five pages of patients that have no news, and no more.
      expect(house.sim.counts().requests - asked).toBeLessThanOrEqual(6);
    } finally {
      await house.stop();
    }
  }, 600_000);
});
