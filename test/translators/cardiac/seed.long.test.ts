/** The customer's own document, what takes its time: every command of docs/cardiac.md, and a maker that goes away. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.ts';
import { credentials, openSeedHouse } from './seed-house.ts';

let seed: Awaited<ReturnType<typeof openSeedHouse>>;
beforeAll(async () => {
  seed = await openSeedHouse();
  expect((await seed.house.ask('POST', '/cardiac/credentials/boston_scientific', credentials)).status).toBe(201);
  await until(async () => (await seed.makerStatus()).last_sync !== null);
});
afterAll(() => seed.stop());

describe('The cardiac integration as the customer wrote it down', () => {
  it('answers every command of docs/cardiac.md as printed there (0-151)', async () => {
    const page = readFileSync(new URL('../../../docs/cardiac.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!);
    expect(blocks).toHaveLength(7);
    await seed.house.create({ resourceType: 'Device', identifier: [{ system: 'urn:x', value: 'DEV001' }] });
    const cwd = mkdtempSync(join(tmpdir(), 'watchfire-docs-'));
    const env = { ...process.env, SERVER: seed.house.url, TOKEN: seed.house.adminToken };
    const script = `set -e\nalias curl='curl -sS'\n${blocks.join('\n')}`;
    const { stdout } = await promisify(execFile)('bash', ['-O', 'expand_aliases', '-c', script], { cwd, env });
    rmSync(cwd, { recursive: true });
    for (const word of [
      '"acknowledged_by":"Client/admin"',
      '"resolved_by":"Client/admin"',
      '"job_id"',
      '"battery_voltage"',
      'alert_id,device_id',
    ])
      expect(stdout).toContain(word);
  });

  it('turns bad when the maker is gone, and says why (0-105, 0-108)', async () => {
    const before = (await seed.makerStatus()).last_sync;
    await seed.sim.stop();
    const status = await until(async () => {
      const now = await seed.makerStatus();
      return now.state === 'failing' && now;
    }, 60);
    expect(status.why).toBe(status.last_error);
    expect(status.why.length).toBeGreaterThan(5);
    expect(Date.parse(status.last_sync)).toBeGreaterThanOrEqual(Date.parse(before));
    expect((await seed.get('/cardiac/status')).body.status).toBe('degraded');
  });
});
