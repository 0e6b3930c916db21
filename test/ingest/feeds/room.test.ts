/** The room of the feeds as a server has it, under its lease: runs that are asked for, acknowledgements that go back, and what it says of itself. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { loadMakers, type MakerFolder } from '../../../src/ingest/feeds/folders.ts';
import { patientSystem } from '../../../src/ingest/feeds/room.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { type MakerSimulator, startMakerSimulator } from '../../../src/simulators/makers/maker.ts';
import { canonical, type Driven, mappings, openDriven } from '../../support/feeds-house.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { until } from '../../support/until.ts';

const maker = 'boston-scientific';
const never = 86_400;

describe('The feeds of makers', () => {
  let makers: ReadonlyMap<string, MakerFolder>;
  let house: ImplantsHouse;
  let sim: MakerSimulator;
  const servers: Driven[] = [];
  const open = (
    more: Parameters<typeof openDriven>[3] = {},
    urls: Record<string, string> = { BOSTON_SCIENTIFIC_BASE_URL: sim.url },
  ) => {
    const server = openDriven(house, makers, urls, more);
    servers.push(server);
    return server.feeds;
  };
  const ofMaker = async (feeds: Driven['feeds']) => (await feeds.status()).find((one) => one.maker === maker)!;
  const isAcknowledged = (id: string) => sim.truth().alerts.find((one) => one.id === id)!.acknowledged;

  beforeAll(async () => {
    // Its clock stands still: there is no news between two looks.
    const begun = systemRuntime.now();
    const runtime = { ...systemRuntime, now: () => begun };
    [house, makers, sim] = await Promise.all([
      openImplantsHouse(),
      loadMakers(mappings),
      startMakerSimulator({ maker, history: 1, perMinute: 100_000, runtime }),
    ]);
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    sim.setFault();
  });
  afterAll(async () => {
    await sim.stop();
    await house.stop();
  });

  it('ask nobody where no base URL is set, or no credential is stored, and say why (0-139)', async () => {
    const off = open({}, {});
    const poor = open({ held: [], owner: 'two' });
    expect(await ofMaker(off)).toMatchObject({ state: 'off', why: 'BOSTON_SCIENTIFIC_BASE_URL is not set' });
    await expect(off.ingest('PAT001')).rejects.toMatchObject({ status: 409 });
    await until(async () => (await ofMaker(poor)).state === 'no-credential');
    expect((await ofMaker(poor)).why).toBe('No credential is stored');
    await expect(poor.ingest('PAT001')).rejects.toMatchObject({ status: 409 });
    expect(sim.counts().requests).toBe(0);
  });

  it('know makers by the names that people use', () => {
    const feeds = open();
    expect(feeds.makers()).toEqual(expect.arrayContaining(['abbott', 'biotronik', 'boston-scientific', 'medtronic']));
    expect(['boston_scientific', 'Boston Scientific', 'acme'].map(feeds.makerOf)).toEqual([maker, maker, undefined]);
  });

  it('run once for a patient though two servers are asked at once, and count what was stored (0-026)', async () => {
    const shared = { isShared: true, pollSeconds: never };
    const [one, two] = [open({ ...shared, owner: 'one' }), open({ ...shared, owner: 'two' })];
    await until(async () => (await ofMaker(one)).lastSuccess);
    const before = (await ofMaker(one)).counts;
    const devices = (await one.devices(maker)).filter(({ patient }) => patient === 'PAT001');
    const asked = await Promise.all([one.ingest('PAT001'), two.ingest('PAT001'), two.ingest('PAT001')]);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    const job = await until(async () => {
      const found = await two.job(asked[0]!.id);
      return found?.ended !== undefined && found;
    });
    expect(job).toMatchObject({ patient: 'PAT001', state: 'completed', errors: [] });
    expect(job.counts.success).toBe(devices.length);
    expect(job.counts.new).toBe(0);
    expect(job.counts.duplicate).toBe(devices.reduce((sum, { counts }) => sum + counts.new, 0));
    await until(async () => (await ofMaker(two)).counts.success === before.success + devices.length);
    expect(await ofMaker(one)).toEqual({ ...(await ofMaker(two)), lag: expect.any(Number) });
    expect(await house.search('Patient', `identifier=${patientSystem(canonical, maker)}|PAT001`)).toHaveLength(1);
  });

  it('answer a run for a patient whom no maker knows with nothing', async () => {
    const feeds = open({ pollSeconds: never });
    const { id } = await feeds.ingest('NOBODY');
    const job = await until(async () => {
      const found = await feeds.job(id);
      return found?.ended !== undefined && found;
    });
    expect(job).toMatchObject({ state: 'completed', errors: [] });
    expect(job.counts.received).toBe(0);
  });

  it('send an acknowledgement until the maker shows it, also one that it forgot (0-090)', async () => {
    sim.setFault('acknowledgement-lost:1');
    const feeds = open({ pollSeconds: never });
    const { id, device } = sim.truth().alerts[0]!;
    await feeds.acknowledge(maker, id);
    await feeds.acknowledge(maker, id);
    await until(async () => (await ofMaker(feeds)).acknowledgementsWaiting === 1);
    await new Promise((go) => setTimeout(go, 300));
    expect(isAcknowledged(id)).toBe(false);
    sim.setFault();
    await until(async () => (await ofMaker(feeds)).acknowledgementsWaiting === 0);
    expect(isAcknowledged(id)).toBe(true);
    expect((await feeds.devices(maker)).some((one) => one.device === device)).toBe(true);
  });

  it('give up on an acknowledgement that the maker does not know, and say so', async () => {
    const feeds = open({ pollSeconds: never });
    await feeds.acknowledge(maker, 'A-NOBODY-1', 'BSX-000011');
    await until(async () => (await ofMaker(feeds)).acknowledgementsRefused === 1);
    expect((await ofMaker(feeds)).acknowledgementsWaiting).toBe(0);
  });

  it('end at once though the maker wants to be left alone for minutes', async () => {
    const busy = await startMakerSimulator({ maker, history: 1, perMinute: 0 });
    open({ pollSeconds: never, owner: 'three' }, { BOSTON_SCIENTIFIC_BASE_URL: busy.url });
    await until(() => busy.counts().limited > 0);
    const begun = performance.now();
    await servers.pop()!.stop();
    expect(performance.now() - begun).toBeLessThan(15_000);
    await busy.stop();
  });
});
