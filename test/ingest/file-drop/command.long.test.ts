/** `watchfire process-iot-data` as a process of its own, beside a server and alone; the watcher; and the units that run it. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ownerOf } from '../../../src/process/owner.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { runCommand, type ServerProcess, startServer } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { people, single } from './inbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'watchfire-command-'));
const [inbox, archive, failed, data] = ['inbox', 'archive', 'failed', 'data'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
  string,
];
const settings = {
  WATCHFIRE_DATA: data,
  WATCHFIRE_PORT: '0',
  IOT_INBOX_DIR: inbox,
  IOT_ARCHIVE_DIR: archive,
  WATCHFIRE_IOT_WATCH: 'false',
};
let server: ServerProcess | undefined;
const open = async (more: Record<string, string> = {}): Promise<ServerProcess> => {
  server = await startServer(data, { ...settings, ...more });
  return server;
};
const processIotData = (...args: string[]) => runCommand(['process-iot-data', ...args], settings);
const drop = (name: string, content: object): void => writeFileSync(join(inbox, name), JSON.stringify(content));
const totals = async (from: ServerProcess): Promise<readonly number[]> => {
  const counts = ['Observation', 'Flag'].map((type) => from.ask('GET', `/fhir/${type}?_summary=count`));
  return (await Promise.all(counts)).map(({ body }) => body.total);
};

beforeAll(async () => {
  const { ask, kill } = await open();
  await ask('POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry: people });
  await kill('SIGTERM');
});
afterEach(async () => {
  await server?.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('watchfire process-iot-data', () => {
  it('does what the seed prints: a file by the shell, the command, the archive (2-095, 2-053)', async () => {
    const script = [
      `cat > ${inbox}/test.json <<EOF`,
      '{',
      '    "device_id": "DEV001",',
      '    "timestamp": "2025-11-17T10:30:00Z",',
      '    "heart_rate": 75,',
      '    "blood_pressure_systolic": 120,',
      '    "blood_pressure_diastolic": 80',
      '}',
      'EOF',
    ].join('\n');
    execFileSync('sh', ['-c', script]);
    const { stdout, code } = await processIotData();
    expect(code).toBe(0);
    expect(stdout).toBe(
      'Files processed: 1\nFiles failed: 0\nVital signs created: 2\nAlerts triggered: 0\nFiles archived: 1\n',
    );
    // Just after midnight it is of the day before.
    const list = `ls ${archive}/$(date +%Y-%m-%d)/ || ls ${archive}/$(date -d yesterday +%Y-%m-%d)/`;
    const listed = execFileSync('sh', ['-c', list], { encoding: 'utf8' });
    expect(listed).toMatch(/^test_\d{8}_\d{6}\.json\n$/);

    expect((await processIotData()).stdout).toContain('Files processed: 0');
  });

  it('prints what the database has more of, for 1,000 files of which 50 are bad (2-002, 2-089)', async () => {
    const running = await open();
    const before = await totals(running);
    const recently = (i: number) => new Date(Date.now() - (2_000 - i) * 1_000).toISOString();
    for (let i = 0; i < 1_000; i++) {
      if (i % 20 === 0) drop(`f${i}.json`, single('NONE', i));
      else
        drop(`f${i}.json`, {
          device_id: i % 2 ? 'DEV001' : 'DEV002',
          timestamp: recently(i),
          heart_rate: i > 990 ? 180 : 72,
          oxygen_saturation: 98.0,
        });
    }
    const { stdout } = await processIotData();
    const after = await totals(running);
    const said = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(stdout)?.[1]);
    expect([said('Files processed'), said('Files failed'), said('Files archived')]).toEqual([950, 50, 950]);
    expect([said('Vital signs created'), said('Alerts triggered')]).toEqual(after.map((n, i) => n - before[i]!));
    expect(said('Alerts triggered')).toBeGreaterThan(0);
    const names = readdirSync(failed);
    expect(names.filter((name) => name.endsWith('.error.json')).length).toBe(50);
    const days = readdirSync(archive).map((day) => readdirSync(join(archive, day)).length);
    expect(days.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(950);
  });

  it('reads no file twice when several run at once, with a server and without (2-055)', async () => {
    for (const withServer of [false, true]) {
      if (withServer) await open();
      for (let i = 0; i < 200; i++) drop(`o${i}.json`, single('DEV001', (withServer ? 30_000 : 20_000) + i));
      const runs = await Promise.all([processIotData(), processIotData(), processIotData()]);
      expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(runs.map(() => [0, expect.anything()]));
      const sum = (name: string) =>
        runs.reduce((all, { stdout }) => all + Number(new RegExp(`${name}: (\\d+)`).exec(stdout)?.[1] ?? 0), 0);
      const sums = [sum('Files processed'), sum('Vital signs created'), sum('Readings repeated')];
      const said = [withServer, server?.output(), ...runs.map(({ stdout, stderr }) => stdout + stderr)];
      expect([sums, said]).toEqual([[200, 200, 0], said]);
    }
  });

  it('stays, where it opened the store itself, until another who asked it knows what was done (2-055)', async () => {
    drop('told.json', single('DEV001', 35_000));
    const opened = processIotData();
    const url = await until(() => {
      // As long as somebody writes, the command is not done: it is there still when it is asked.
      utimesSync(join(inbox, 'told.json'), new Date(), new Date());
      return ownerOf(data)?.url;
    });
    const authorization = `Bearer ${readFileSync(join(data, 'admin-token'), 'utf8')}`;
    const ask = async (method: string, path: string): Promise<any> =>
      (await fetch(url + path, { method, headers: { authorization } })).json();
    const { run } = await ask('POST', '/admin/iot-files/runs');
    await systemRuntime.sleep(4_000);
    const told = await until(async () => {
      const now = await ask('GET', `/admin/iot-files/runs/${run}`);
      return !['waiting', 'running'].includes(now.state) && now;
    });
    expect(told).toMatchObject({ state: 'done' });
    const { stdout } = await opened;
    expect(told.processed + Number(/Files processed: (\d+)/.exec(stdout)![1])).toBe(1);
  });

  it('cleans up what is asked (2-054)', async () => {
    mkdirSync(join(archive, '2001-01-01'));
    writeFileSync(join(archive, '2001-01-01', 'a.json'), '{}');
    const { stdout } = await processIotData('--cleanup', '--cleanup-days', '90');
    expect(stdout).toContain('Archived files removed: 1');
    expect(readdirSync(archive)).not.toContain('2001-01-01');
  });

  it('says which setting is missing (2-048)', async () => {
    const { code, stderr } = await runCommand(['process-iot-data'], { ...settings, IOT_INBOX_DIR: '' });
    expect([code, stderr]).toEqual([2, expect.stringContaining('IOT_INBOX_DIR is not set')]);
  });
});

describe('The watcher', () => {
  it('takes in what is dropped, without being asked (2-055)', async () => {
    const running = await open({ WATCHFIRE_IOT_WATCH: 'true' });
    const [before] = await totals(running);
    drop('watched.json', single('DEV002', 40_000));
    await until(() => !readdirSync(inbox).includes('watched.json'));
    expect(readdirSync(inbox)).toEqual([]);
    expect((await totals(running))[0]! - before!).toBe(1);
  });
});

describe('The units in docs/systemd', () => {
  const units = fileURLToPath(new URL('../../../docs/systemd/', import.meta.url));
  const found = () => spawnSync('systemd-analyze', ['--version']).status === 0;

  it('are right in the eyes of systemd (2-058, 2-059)', () => {
    if (!found() && process.getuid?.() === 0)
      spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'systemd'], { timeout: 60_000 });
    if (!found()) {
      if (process.env['CI']) throw new Error('systemd-analyze is not installed, and could not be');
      process.stderr.write('skipped: systemd-analyze is not installed\n');
      return;
    }
    const files = readdirSync(units).filter((name) => /\.(service|timer)$/.test(name));
    expect(files.sort()).toEqual([
      'iot-cleanup.service',
      'iot-cleanup.timer',
      'iot-processor.service',
      'iot-processor.timer',
    ]);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...files.map((name) => join(units, name))], {
      encoding: 'utf8',
    });
    const ours = stderr.split('\n').filter((line) => line.includes('iot-'));
    expect([status, ours]).toEqual([0, []]);
  });

  it('write a log that only its owner and group read (2-090)', () => {
    const text = readFileSync(join(units, 'iot-processor.service'), 'utf8');
    expect(text).toContain('StandardOutput=append:/var/log/iot_processor.log');
    const log = join(folder, 'iot_processor.log');
    const mask = /UMask=(\d+)/.exec(text)![1];
    execFileSync('sh', ['-c', `umask ${mask}; echo x >> ${log}`]);
    expect(statSync(log).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(units, 'iot-processor.cron'), 'utf8')).toContain('>> /var/log/iot_processor.log 2>&1');
    expect(readFileSync(join(units, 'iot-processor.logrotate'), 'utf8')).toMatch(/create 0640/);
  });
});
