/** P11: a server is killed again and again while it reads a maker's pages. In the end every reading is stored once, and counted once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { type MakerSimulator, startMakerSimulator } from '../../../src/simulators/makers/maker.ts';
import { expected, readingsIn } from '../../support/feeds-house.ts';
import { type ServerProcess, startServer } from '../../support/process.ts';
import { until } from '../../support/until.ts';

const KILLS = Number(process.env['WATCHFIRE_TEST_KILLS'] ?? 15);
const maker = 'boston-scientific';
const credentials = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'production' };

describe('A server that is killed while it polls (0-005)', () => {
  const data = mkdtempSync(join(tmpdir(), 'watchfire-feed-kill9-'));
  let sim: MakerSimulator;
  let server: ServerProcess;

  const start = async () => {
    server = await startServer(data, { BOSTON_SCIENTIFIC_BASE_URL: sim.url, WATCHFIRE_POLL_SECONDS: '1' });
  };
  const all = async (query: string): Promise<any[]> => {
    const found: any[] = [];
    for (let path: string | undefined = `/fhir/${query}&_count=500`; path; ) {
      const { body } = await server.ask('GET', path);
      found.push(...(body.entry ?? []).map(({ resource }: any) => resource));
      const next = body.link.find(({ relation }: any) => relation === 'next')?.url;
      path = next?.slice(new URL(next).origin.length);
    }
    return found;
  };
  /** Of one moment: polls go on. */
  const counters = async (): Promise<(name: string) => number> => {
    const { text } = await server.ask('GET', '/metrics');
    return (name) =>
      Number(new RegExp(`^watchfire_${name}\\{maker="${maker}"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };

  beforeAll(async () => {
    // Its clock stands still: what is true at the end is what was true all the time.
    const begun = systemRuntime.now();
    const runtime = { ...systemRuntime, now: () => begun };
    sim = await startMakerSimulator({ maker, history: 90, perMinute: 100_000, runtime });
    await start();
    const { status } = await server.ask('POST', `/cardiac/credentials/${maker}`, credentials);
    expect(status).toBe(201);
  }, 60_000);
  afterAll(async () => {
    await server.kill('SIGKILL');
    await sim.stop();
    rmSync(data, { recursive: true, force: true });
  });

  it(`stores and counts each reading once, through ${KILLS} kills`, async () => {
    const begun = Math.random();
    for (let kill = 0; kill < KILLS; kill++) {
      await systemRuntime.sleep(100 + ((begun + kill * 0.618) % 1) * 1_100);
      await server.kill('SIGKILL');
      await start();
    }
    const { readings } = sim.truth();
    await until(async () => (await counters())('feed_rows_new_total') >= readings.length, 300);
    const resources = [...(await all('Device?_sort=_id')), ...(await all('Observation?code=IDCO'))];
    const { all: stored, twice } = readingsIn(resources, maker);
    const wanted = new Set(readings.map(expected));
    expect([...wanted].filter((one) => !stored.has(one))).toEqual([]);
    expect([...stored].filter((one) => !wanted.has(one))).toEqual([]);
    expect(twice).toEqual([]);
    const counted = await counters();
    expect(counted('feed_rows_new_total')).toBe(readings.length);
    expect(counted('feed_rows_total')).toBe(readings.length + counted('feed_rows_duplicate_total'));
    // What was put in line with the readings is fetched by whichever server comes after.
    await until(async () => (await counters())('feed_reports_waiting') === 0, 300);
    const named = (transmission: string, hash: string) => `${transmission}|${hash}`;
    const reports = (await all('DiagnosticReport?_sort=_id')).map((one) =>
      named(one.identifier[0].value, one.presentedForm[0].hash),
    );
    const truth = sim.truth().reports.map(({ transmission, sha1 }) => named(transmission, sha1));
    expect(truth.length).toBeGreaterThan(0);
    expect(reports.sort()).toEqual(truth.sort());
    // Each page that brought something is there, with what it brought pointing to it.
    const told = (await all('Provenance?_sort=_id')).map(({ entity }): string => entity[0].what.reference);
    // Asked for afterwards: polls go on.
    const documents = new Set((await all('DocumentReference?_sort=_id')).map(({ id }) => `DocumentReference/${id}`));
    // Those of acknowledged alerts have their Flag.
    const sources = told.filter((source) => !source.startsWith('Flag/'));
    expect(sources.filter((source) => !documents.has(source))).toEqual([]);
    expect(sources.length).toBeGreaterThan(0);
  });
});
