/** The demo beside a maker that was asked: in whatever order both come, each patient and each implant is there once. seeds-design.md 0-077, 0-078 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type MakerSimulator, startMakerSimulator } from '../../src/simulators/makers/maker.ts';
import { runCommand, type ServerProcess, startServer } from '../support/process.ts';
import { until } from '../support/until.ts';

const maker = 'boston-scientific';
const credentials = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'production' };

describe('The demo of John Doe and Jane Smith', () => {
  let sim: MakerSimulator;
  const folders: string[] = [];
  beforeAll(async () => {
    sim = await startMakerSimulator({ maker, seed: 1, history: 1 });
  });
  afterAll(async () => {
    await sim.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  const seed = async (data: string) => {
    const { code, stderr } = await runCommand(['demo'], { WATCHFIRE_DATA: data });
    expect([code, stderr]).toEqual([0, '']);
  };
  const poll = async (server: ServerProcess) => {
    await server.ask('POST', `/cardiac/credentials/${maker}`, credentials);
    await until(async () => {
      const { body } = await server.ask('GET', '/cardiac/status');
      return body.manufacturers.find((one: any) => one.manufacturer === maker).last_sync !== null;
    }, 120);
  };

  it.each([
    ['after a poll', [poll, seed]],
    ['before a poll, and again', [seed, poll, seed]],
  ] as const)(
    'adds to what is known, %s',
    async (_when, steps) => {
      const data = mkdtempSync(join(tmpdir(), 'watchfire-demo-'));
      folders.push(data);
      const server = await startServer(data, { BOSTON_SCIENTIFIC_BASE_URL: sim.url, WATCHFIRE_POLL_SECONDS: '1' });
      try {
        for (const step of steps) await (step === seed ? seed(data) : poll(server));
        for (const [patient, id] of [
          ['PAT001', 'BSX-000011'],
          ['PAT002', 'BSX-000021'],
        ]) {
          const { status, body } = await server.ask('GET', `/cardiac/patients/${patient}/devices`);
          expect([status, body.devices?.map((one: any) => one.device_id)]).toEqual([200, [id]]);
          expect(body.devices[0].implant_date).toMatch(/^20\d\d-\d\d-\d\d$/);
        }
      } finally {
        await server.kill('SIGTERM');
      }
    },
    480_000,
  );
});
