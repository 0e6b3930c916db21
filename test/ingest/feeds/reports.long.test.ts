/** Reports of transmissions where the maker, or the server, is at fault: in the end those that are true are here, once, and no reading waited for them. docs/feeds.md */
import { describe, expect, it } from '@jest/globals';
import { retryRow } from '../../../src/ingest/feeds/again.ts';
import { reportsWaiting } from '../../../src/ingest/feeds/report-line.ts';
import { feedKinds, type KeptReport } from '../../../src/ingest/feeds/state.ts';
import { createQuarantine } from '../../../src/ingest/intake/quarantine.ts';
import type { MakerName } from '../../../src/simulators/makers/dialects.ts';
import {
  canonical,
  expected,
  expectedReport,
  type HandDriven,
  openHandDriven,
  steppedClock,
  storedReadings,
  storedReports,
} from '../../support/feeds-house.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const pdf = Buffer.from('%PDF-1.4\n%%EOF\n');
const sorted = (all: readonly string[]) => [...all].sort();

/** Polled to this moment, and nothing is still to be fetched. */
async function settled(house: HandDriven, maker: MakerName, clock: ReturnType<typeof steppedClock>): Promise<void> {
  for (let n = 0; n < 12; n++) {
    const { state } = await house.poll();
    const next = await house.reports();
    if (state === 'polling' && (await reportsWaiting(house.store, maker)) === 0) return;
    clock.forward(Math.max(MINUTE, (next ?? 0) - clock.now()));
  }
  throw new Error('reports are waiting for ever');
}

/** All that is true is here once; what is not is kept aside with its reason. */
async function demandTruth(house: HandDriven, maker: MakerName, code?: string): Promise<void> {
  const { reports, readings } = house.sim.truth();
  expect(reports.length).toBeGreaterThan(6);
  expect(sorted(await storedReports(house))).toEqual(sorted(reports.filter(({ fault }) => !fault).map(expectedReport)));
  const aside = (await createQuarantine(house.store).list(maker)).filter(
    ({ row }: any) => row.transmission && row.instant,
  );
  const broken = reports.filter(({ fault }) => fault).map(({ transmission }) => transmission);
  expect(sorted(aside.map(({ row }: any) => row.transmission))).toEqual(sorted(broken));
  if (code !== undefined) {
    expect(broken.length).toBeGreaterThan(0);
    expect(new Set(aside.map((one) => one.code))).toEqual(new Set([code]));
  }
  const { all, twice } = await storedReadings(house, maker);
  const wanted = new Set(readings.map(expected));
  // Two sets that differ take long to be told apart.
  expect([...wanted].filter((one) => !all.has(one))).toEqual([]);
  expect([...all].filter((one) => !wanted.has(one))).toEqual([]);
  expect(twice).toEqual([]);
  expect(await reportsWaiting(house.store, maker)).toBe(0);
}

const cases: readonly (readonly [MakerName, fault: string, code?: string])[] = (
  ['boston-scientific', 'medtronic'] as const
).flatMap((maker) => [
  [maker, 'late-reports:1'],
  [maker, 'late-readings'],
  [maker, 'broken-reports:2', 'unreadable'],
  [maker, 'huge-reports:3', 'refused'],
  [maker, 'server-errors'],
  [maker, 'server-error:1'],
  [maker, 'too-many-requests'],
  [maker, 'maintenance'],
  [maker, 'html-page'],
  [maker, 'truncated-json'],
  [maker, 'reset'],
  [maker, 'reassigned-device'],
]);

describe('Reports of a maker at fault', () => {
  it.each(cases.map((one) => ({ name: `${one[0]} with ${one[1]}`, one })))(
    'of $name are those that are true, once each (0-101, 0-102)',
    async ({ one: [maker, fault, code] }) => {
      const clock = steppedClock();
      const house = await openHandDriven({ clock, sim: { maker, history: 24, faults: [fault] } });
      try {
        for (let n = 0; n < 12; n++) {
          if (n % 4 === 3) house.forget();
          await house.poll();
          await house.reports();
          clock.forward(20 * MINUTE);
        }
        house.sim.setFault();
        if (fault === 'late-readings') clock.forward(49 * HOUR);
        clock.forward(7 * HOUR);
        await settled(house, maker, clock);
        await demandTruth(house, maker, code);
      } finally {
        await house.stop();
      }
    },
    300_000,
  );

  it('that are late are asked for again later, and their readings are whole meanwhile', async () => {
    const maker = 'boston-scientific';
    const clock = steppedClock();
    const house = await openHandDriven({ clock, sim: { maker, history: 1, faults: ['late-reports:1'] } });
    try {
      let isLate = false;
      for (let n = 0; n < 80; n++) {
        await house.poll();
        await house.reports();
        const { readings } = house.sim.truth();
        expect((await storedReadings(house, maker)).all.size).toBe(readings.length);
        isLate ||= (await reportsWaiting(house.store, maker)) > 0;
        clock.forward(20 * MINUTE);
      }
      expect(isLate).toBe(true);
      for (let n = 0; n < 4; n++) {
        await house.poll();
        clock.forward(HOUR);
        await house.reports();
      }
      const { reports } = house.sim.truth();
      const stored = new Set(await storedReports(house));
      const due = reports.filter(({ at }) => Date.parse(at) < clock.now() - 5 * HOUR).map(expectedReport);
      expect(due.length).toBeGreaterThan(3);
      expect(due.filter((one) => !stored.has(one))).toEqual([]);
    } finally {
      await house.stop();
    }
  }, 300_000);

  it('that the maker never has are given up after two weeks, and said to be', async () => {
    const maker = 'boston-scientific';
    const clock = steppedClock();
    const house = await openHandDriven({ clock, sim: { maker, history: 24 } });
    const { document } = house.asking;
    const report = { ...document.endpoints.report!, path: '/none/{transmissionId}' };
    const asking = { ...document, endpoints: { ...document.endpoints, report } };
    Object.assign(house.asking, { document: asking });
    try {
      await house.poll();
      const waiting = await reportsWaiting(house.store, maker);
      for (let day = 0; day < 15; day++) {
        expect(await reportsWaiting(house.store, maker)).toBe(waiting);
        await house.reports();
        clock.forward(24 * HOUR);
      }
      await house.reports();
      expect(await reportsWaiting(house.store, maker)).toBe(0);
      const aside = await createQuarantine(house.store).list(maker);
      expect(aside).toHaveLength(waiting);
      expect(aside[0]).toMatchObject({ code: 'refused', reason: expect.stringContaining('two weeks') });
    } finally {
      await house.stop();
    }
  }, 300_000);

  it('leave the circuit closed where every one of them fails, and none waits for another', async () => {
    const maker = 'boston-scientific';
    const clock = steppedClock();
    const house = await openHandDriven({ clock, sim: { maker, history: 24 } });
    try {
      await house.poll();
      house.sim.setFault('server-error:1');
      const tries = async () =>
        (await house.store.list(feedKinds.report, '', 100)).map(({ value }) => (value as KeptReport).attempts);
      const waiting = (await tries()).length;
      expect(waiting).toBeGreaterThan(1);
      for (let n = 0; n < Math.max(20, waiting); n++) {
        const next = await house.reports();
        expect(house.asking.client.state().breaker).toBe('closed');
        expect(next).toBeGreaterThan(clock.now());
        clock.forward(next! - clock.now());
        if (n + 1 === waiting) expect(await tries()).toEqual(Array(waiting).fill(1));
      }
      house.sim.setFault();
      await settled(house, maker, clock);
      await demandTruth(house, maker);
    } finally {
      await house.stop();
    }
  }, 300_000);

  it('that are broken are kept aside with the answer, and can be replaced or asked for again (0-102)', async () => {
    const maker = 'boston-scientific';
    const clock = steppedClock();
    const house = await openHandDriven({ clock, sim: { maker, history: 24, faults: ['broken-reports:1'] } });
    try {
      await house.poll();
      for (let n = 0; n < 3; n++) {
        await house.reports();
        clock.forward(6 * MINUTE);
      }
      const { reports } = house.sim.truth();
      const rows = (await createQuarantine(house.store).list(maker)).filter(({ state }) => state === 'open');
      expect(rows.map(({ row }: any) => row.transmission).sort()).toEqual(
        reports.map((one) => one.transmission).sort(),
      );
      expect(rows[0]).toMatchObject({ code: 'unreadable', reason: 'pdf is no base64', raw: expect.any(String) });
      expect(await storedReports(house)).toEqual([]);
      const { counts } = await house.poll();
      expect(counts).toMatchObject({ new: house.sim.truth().readings.length, quarantined: 0, failure: 0 });

      const { store, implants, takeIn, runtime, asking } = house;
      const again = retryRow({ maker, reader: asking.reader, implants, takeIn, store, runtime, canonical });
      await again(rows[0]!, pdf);
      expect(await storedReports(house)).toEqual([expect.stringContaining((rows[0]!.row as any).transmission)]);
      await again(rows[1]!, Buffer.from(JSON.stringify(rows[1]!.row)));
      expect(await reportsWaiting(store, maker)).toBe(1);
    } finally {
      await house.stop();
    }
  });
});
