/** Polls of a simulated maker, one after another by hand: what is asked, what is stored, counted, set aside and noticed. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { retryRow } from '../../../src/ingest/feeds/again.ts';
import { readerOf } from '../../../src/ingest/feeds/room.ts';
import { feedKinds, type KeptDevice } from '../../../src/ingest/feeds/state.ts';
import { createQuarantine } from '../../../src/ingest/intake/quarantine.ts';
import {
  canonical,
  expected,
  type HandDriven,
  openHandDriven,
  steppedClock,
  storedReadings,
} from '../../support/feeds-house.ts';

const HOUR = 3_600_000;
const maker = 'boston-scientific';

let house: HandDriven;
let clock: ReturnType<typeof steppedClock>;
async function open(sim: Partial<Parameters<typeof openHandDriven>[0]['sim']> = {}): Promise<void> {
  clock = steppedClock();
  house = await openHandDriven({ clock, sim: { maker, history: 1, ...sim } });
}

const keptDevice = async (id: string): Promise<KeptDevice> =>
  (await house.store.get(feedKinds.device, [`${maker}/${id}`]))[0]?.value;

describe('Polls of a maker that answers, one after another,', () => {
  beforeAll(() => open());
  afterAll(() => house.stop());

  it('make the patients and devices that the store lacks, and store each reading once (0-030, 0-031, 0-077, 0-078)', async () => {
    const { counts } = await house.poll();

    const truth = house.sim.truth();
    const { all, twice } = await storedReadings(house, maker);
    expect(all).toEqual(new Set(truth.readings.map(expected)));
    expect(twice).toEqual([]);
    const [read, devices] = [truth.readings.length, truth.devices.length];
    expect(counts).toMatchObject({ new: read, duplicate: 0, quarantined: 0, success: devices, failure: 0 });
    const patients = await house.search('Patient');
    expect(patients.map((one) => one.identifier[0].value).sort()).toEqual(truth.patients.map(({ id }) => id).sort());
    expect(patients[0].identifier[0].system).toBe(`${canonical}/sid/boston-scientific-patient`);
    const [icd, ...others] = await house.search('Device', 'identifier=BSX-000011');
    expect(others).toEqual([]);
    // As on the label: GTIN with its check digit, and the serial number.
    expect(icd.udiCarrier).toEqual([
      {
        deviceIdentifier: expect.stringMatching(/^00802526\d{6}$/),
        issuer: 'http://hl7.org/fhir/NamingSystem/gs1-di',
        carrierHRF: expect.stringMatching(new RegExp(`^\\(01\\)\\d{14}\\(21\\)${icd.serialNumber}$`)),
      },
    ]);
    expect(JSON.stringify(await house.search('Device', `parent=Device/${icd.id}`))).toContain('bipolar');
  });

  it('ask for the list of patients alone where nothing is new, and commit nothing', async () => {
    clock.forward(60_000);
    const { requests } = house.sim.counts();
    const end = await house.store.end();
    const audited = (await house.store.audit({ count: 500 })).length;
    house.calls();

    await house.poll();

    expect(house.sim.counts().requests).toBe(requests + 1);
    expect(house.calls()).toEqual([]);
    expect(await house.store.end()).toBe(end);
    expect(await house.store.audit({ count: 500 })).toHaveLength(audited);
  });

  it('know after a restart what was read', async () => {
    const before = await house.poll();
    const { requests } = house.sim.counts();
    house.forget();

    const after = await house.poll();

    expect(house.sim.counts().requests).toBe(requests + 1);
    expect(after.counts).toEqual(before.counts);
  });

  it('read what came since, and count what the overlap brings again (0-103)', async () => {
    const first = await house.poll();
    clock.forward(HOUR);
    const { counts } = await house.poll();

    const { readings } = house.sim.truth();
    expect(counts.new).toBe(readings.length);
    expect(counts.duplicate).toBeGreaterThan(0);
    expect(counts.received).toBe(counts.new + counts.duplicate);
    expect(counts.new).toBeGreaterThan(first.counts.new);
    const times = readings.flatMap(({ device, at }) => (device === 'BSX-000011' ? [Date.parse(at)] : []));
    expect((await keptDevice('BSX-000011')).watermark).toBe(Math.max(...times));
  });

  it('ask a device of which nothing is told all the same once in a while', async () => {
    // Explanted: its row stays as it is, whatever its patient's other device tells.
    const silent = 'BSX-000041';
    const { lastSuccess } = await keptDevice(silent);
    clock.forward(HOUR);
    await house.poll();
    expect((await keptDevice(silent)).lastSuccess).toBe(lastSuccess);
    clock.forward(6 * HOUR);
    await house.poll();
    expect((await keptDevice(silent)).lastSuccess).toBe(clock.now());
  });
});

describe('A poll', () => {
  afterEach(() => house.stop());

  it('that the maker does not answer is counted, says so, and is made up for by the next (0-101, 0-108)', async () => {
    await open({ faults: ['server-errors:1'] });
    const failed = await house.poll();
    expect(failed).toMatchObject({ state: 'failing', lastSuccess: undefined });
    expect(failed.counts.failure).toBeGreaterThan(0);
    expect(failed.lastError).toMatch(/could not answer/);
    house.sim.setFault();
    clock.forward(10 * 60_000);
    expect(await house.poll()).toMatchObject({ state: 'polling', lastError: undefined });
    expect((await storedReadings(house, maker)).all).toEqual(new Set(house.sim.truth().readings.map(expected)));
  });
});

describe('What was taken for granted about a row', () => {
  afterEach(() => house.stop());

  it('stands in the Provenance of what it became', async () => {
    await open({ faults: ['string-values:1'] });
    await house.poll();
    const texts = (await house.search('Provenance')).map(({ entity }) => JSON.stringify(entity));
    expect(texts.some((text) => text.includes('value came as text and was taken for a number'))).toBe(true);
  });
});

describe('A row that cannot be taken in', () => {
  afterEach(() => house.stop());

  it('is set aside once with its reason and its page, and taken in when it is repaired (0-102, 0-112)', async () => {
    await open({ faults: ['null-values:2'] });
    const { counts } = await house.poll();
    const { bad } = house.sim.truth();
    const quarantine = createQuarantine(house.store);
    const held = await quarantine.list(maker, undefined, 500);
    expect(held).toHaveLength(bad.length);
    expect(counts.validationFailures).toBe(bad.length);
    const [one] = held;
    expect(one).toMatchObject({ code: 'unreadable', reason: 'value is missing', state: 'open' });
    expect(await house.read(one!.raw!)).toMatchObject({ resourceType: 'DocumentReference' });

    clock.forward(HOUR);
    house.forget();
    const again = await house.poll();
    expect(again.counts.quarantined).toBe(house.sim.truth().bad.length);

    const { asking, implants, takeIn, store, runtime } = house;
    const retry = retryRow({ maker, reader: asking.reader, implants, takeIn, store, runtime, canonical });
    const row: any = one!.row;
    await expect(retry(one!, Buffer.from(JSON.stringify(row)))).rejects.toThrow('value is missing');
    const before = (await storedReadings(house, maker)).all.size;
    await retry(one!, Buffer.from(JSON.stringify({ ...row, value: 0.5 })));
    expect((await storedReadings(house, maker)).all.size).toBe(before + 1);
  });

  it('is noted as taken in when the document of the maker has learnt to read it', async () => {
    await open({ faults: ['naive-timestamps:1'] });
    await house.poll();
    const quarantine = createQuarantine(house.store);
    const held = await quarantine.list(maker, undefined, 500);
    expect(held.length).toBeGreaterThan(0);
    const { document } = house.folder;
    const learnt = { ...document, dates: { ...document.dates, naive: 'Z' } };
    Object.assign(house.asking, { reader: readerOf(learnt, canonical) });
    clock.forward(7 * HOUR);
    await house.poll();
    expect(new Set((await quarantine.list(maker, undefined, 500)).map(({ state }) => state))).toEqual(
      new Set(['taken-in']),
    );
  });
});

describe('Readings that were expected and did not come', () => {
  afterEach(() => house.stop());

  const gaps = async (): Promise<readonly string[]> => {
    const ids = house.sim.truth().devices.map(({ id }) => id);
    const kept = await Promise.all(ids.map(async (id) => ({ id, gaps: (await keptDevice(id)).gaps })));
    return kept.flatMap(({ id, gaps }) => gaps.map(({ from, to }) => `${id}|${from}|${to}`)).sort();
  };

  /** Between two heart rates of known kind and time that the maker has sent so far, by the habit of the device. */
  const silences = (): readonly string[] => {
    const rates = house.sim
      .truth()
      .readings.filter(({ quantity, kind }) => quantity === 'heart_rate' && !kind.startsWith('X_'));
    return [...Map.groupBy(rates, ({ device }) => device)]
      .flatMap(([device, of]) => {
        const times = of.map(({ at }) => Date.parse(at)).sort((a, b) => a - b);
        const sorted = times.slice(1).map((at, n) => at - times[n]!);
        sorted.sort((a, b) => a - b);
        const longest = 2.5 * Math.max(HOUR, sorted[Math.floor((sorted.length - 1) / 2)] ?? 0);
        return times.slice(1).flatMap((at, n) => (at - times[n]! > longest ? [`${device}|${times[n]}|${at}`] : []));
      })
      .sort();
  };

  it.each(['future-timestamps:3', 'unknown-enum:3'])(
    'are also those that came with %s: nobody knows for when, or what it is',
    async (fault) => {
      await open({ faults: [fault], history: 24 });
      const { missingIntervals } = await house.poll();
      expect(missingIntervals).toBeGreaterThan(0);
      expect(await gaps()).toEqual(silences());
      // The maker itself left nothing out.
      expect(house.sim.truth().missing).toEqual([]);
    },
  );

  it('are not those of which something came that cannot be read', async () => {
    await open({ faults: ['null-values:3'], history: 24 });
    const { missingIntervals, counts } = await house.poll();
    expect(counts.quarantined).toBeGreaterThan(0);
    expect([missingIntervals, silences().length > 0]).toEqual([0, true]);
  });

  it('are counted until they come late', async () => {
    await open({ faults: ['late-readings:3'], history: 24 });
    const { missingIntervals } = await house.poll();
    const before = await gaps();
    expect(missingIntervals).toBeGreaterThan(0);
    expect(before).toEqual(silences());
    clock.forward(49 * HOUR);
    await house.poll();
    const after = await gaps();
    expect(after).toEqual(silences());
    expect(before.filter((gap) => after.includes(gap))).toEqual([]);
  });

  it('come late also where a poll that looks back finds one that was broken off', async () => {
    await open({ faults: ['late-readings:3'], history: 24 });
    await house.poll();
    clock.forward(49 * HOUR);
    for (const { key, value } of await house.store.list(feedKinds.device, '', 1_000)) {
      const window = { from: clock.now() - HOUR, newest: value.watermark };
      await house.store.commit([{ op: 'put', kind: feedKinds.device, key, value: { ...value, window } }]);
    }
    await house.poll();
    const { all } = await storedReadings(house, maker);
    expect(all).toEqual(new Set(house.sim.truth().readings.map(expected)));
  });

  it('are told with the times around them, and by an alert of our own (0-104)', async () => {
    await open({ faults: ['missing-interval:4'], history: 150 });
    const { missingIntervals } = await house.poll();

    const known = house.sim.truth().missing;
    expect(known.length).toBeGreaterThan(0);
    expect(missingIntervals).toBe(known.length);
    expect(await gaps()).toEqual(
      known.map(({ device, from, to }) => `${device}|${Date.parse(from)}|${Date.parse(to)}`).sort(),
    );
    const issues = await house.search('DetectedIssue');
    expect(
      issues.filter((one) => /No heart rate came between/.test(JSON.stringify(one))).length,
    ).toBeGreaterThanOrEqual(missingIntervals);
  });
});
