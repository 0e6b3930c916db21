/** 10,000 devices of a maker of which there is no news: what a poll of them costs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pagesOf } from '../../../src/ingest/feeds/asking.ts';
import { feedKinds, type KeptPatient, keyIn } from '../../../src/ingest/feeds/state.ts';
import { isAside } from '../../../src/ingest/feeds/values.ts';
import { type HandDriven, openHandDriven, steppedClock } from '../../support/feeds-house.ts';

const maker = 'boston-scientific';
const DEVICES = 10_000;
const SECONDS = 60;

describe(`A maker with ${DEVICES} devices and no news`, () => {
  const clock = steppedClock();
  let house: HandDriven;

  beforeAll(async () => {
    house = await openHandDriven({
      clock,
      limits: { perMinute: 100_000 },
      sim: { maker, devices: DEVICES, perMinute: 100_000 },
    });
    // As if all of them had been read to the end: reading them is not what is measured.
    const { asking, store } = house;
    for await (const { page } of pagesOf(asking, asking.document.endpoints.patients, {})) {
      const puts = page.rows.flatMap((row) => {
        const patient = asking.reader.patient(row);
        if (isAside(patient)) return [];
        const value: KeptPatient = { changed: patient.changed!, asked: clock.now(), devices: {} };
        return [{ op: 'put', kind: feedKinds.patient, key: keyIn(maker, patient.id), value } as const];
      });
      await store.commit(puts);
    }
  }, 300_000);
  afterAll(() => house.stop());

  it('costs less than a tenth of a core when it is polled every minute, the simulated maker in the same process included', async () => {
    await house.poll();
    const requests = house.sim.counts().requests;
    const before = process.cpuUsage();
    const polls = 5;
    for (let n = 0; n < polls; n++) {
      clock.forward(1_000);
      const { patients, counts } = await house.poll();
      expect([patients, counts.received]).toEqual([DEVICES + 8, 0]);
    }
    const { user, system } = process.cpuUsage(before);
    const share = (user + system) / 1e6 / polls / SECONDS;
    expect(house.sim.counts().requests - requests).toBe(polls * Math.ceil((DEVICES + 8) / 200));
    expect(share).toBeLessThan(0.1);
    process.stderr.write(`10,000 devices without news: ${(share * 100).toFixed(2)} % of a core\n`);
  }, 300_000);

  it('is not looked up in the store for it, device by device', async () => {
    house.calls();
    const end = await house.store.end();
    await house.poll();
    expect(house.calls()).toEqual([]);
    expect(await house.store.end()).toBe(end);
  });
});
