/** A real server with a simulated maker: nothing is asked before it is set up, and what is asked then is there, measured and told. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type MakerSimulator, startMakerSimulator } from '../../../src/simulators/makers/maker.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { until } from '../../support/until.ts';

const credentials = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'production' };

describe('A server that is set up for a maker', () => {
  let sim: MakerSimulator;
  let house: TestHouse;

  beforeAll(async () => {
    sim = await startMakerSimulator({ maker: 'boston-scientific', history: 1 });
    house = await openHouse({ makers: { BOSTON_SCIENTIFIC_BASE_URL: sim.url }, pollSeconds: 1 });
  });
  afterAll(async () => {
    await house.stop();
    await sim.stop();
  });

  it('asks nothing before a credential is stored, and begins by itself once it is (0-022)', async () => {
    await new Promise((go) => setTimeout(go, 300));
    expect(sim.counts().requests).toBe(0);
    const stored = await house.ask('POST', '/cardiac/credentials/boston_scientific', credentials);
    expect(stored.status).toBe(201);

    const [john] = await until(async () => {
      const found = await house.search('Patient?identifier=PAT001');
      return found.length > 0 && found;
    });
    expect(john.name[0].family).toBe('Doe');
    expect(john.identifier[0].system).toMatch(/\/sid\/boston-scientific-patient$/);
    await until(async () => (await house.search('Device?identifier=BSX-000011')).length > 0);
  });

  it('measures it by maker (0-101, 0-103, 0-105, 0-106, 0-108)', async () => {
    // A long poll tells of what it has read before it is at its end.
    const text = await until(async () => {
      const { text } = await house.ask('GET', '/metrics');
      return /watchfire_feed_last_sync_seconds\{maker="boston-scientific"\} \d/.test(text) && text;
    });
    expect(text).toMatch(/watchfire_feed_devices_read_total\{maker="boston-scientific"\} [1-9]/);
    expect(text).toMatch(/watchfire_feed_rows_new_total\{maker="boston-scientific"\} [1-9]/);
    expect(text).toMatch(/watchfire_maker_up\{maker="boston-scientific",environment="production"\} 1/);
    expect(text).not.toContain('maker="medtronic"');
  });
});
