import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dayOf } from '../../../src/ingest/file-drop/names.ts';
import { type Inbox, minutes, openInbox, reading, single } from './inbox.ts';

let box: Inbox;
beforeAll(async () => {
  box = await openInbox();
});
afterAll(() => box.stop());

const observations = (query = '') => box.house.search(`Observation?_count=1000${query}`);
/** A minute of the last two hours: older readings raise no alarm. */
const recently = (i: number) => new Date(Date.now() - (120 - i) * 60_000).toISOString();
const today = () => dayOf(Date.now() + 10_000);

describe('A file of one reading', () => {
  it('is taken in as the seed shows it, and archived by day with a timestamp (2-002, 2-006, 2-052, 2-060, 2-061)', async () => {
    const given = readFileSync(new URL('seed-reading.json', import.meta.url));
    const before = today();
    box.drop('DEV001_20251117_103000.json', given);
    const run = await box.process();
    expect(run).toMatchObject({ state: 'done', processed: 1, failed: 0, archived: 1, waiting: 0, error: null });

    const stored = await observations(`&date=2025-11-17`);
    expect(run.vitals).toBe(stored.length);
    expect(stored.length).toBe(8);
    expect(stored.every(({ device }) => device.reference === 'Device/dev001')).toBe(true);
    const [archived] = box.archived();
    expect(archived).toMatch(new RegExp(`^(?:${before}|${today()})/DEV001_20251117_103000_\\d{8}_\\d{6}\\.json$`));
    expect(readFileSync(join(box.folder, 'archive', archived!))).toEqual(given);
  });

  it('may begin with the byte order mark of Windows', async () => {
    box.drop('mark.json', Buffer.from(`\ufeff${JSON.stringify(single('DEV001', 40))}`));
    expect(await box.process()).toMatchObject({ processed: 1, failed: 0, vitals: 1, archived: 1 });
  });

  it('is audited as what the file drop did, under the hash of the file (2-002)', async () => {
    box.drop('a.json', single('DEV001', 1));
    await box.process();
    const { entry } = (await box.house.ask('GET', '/fhir/AuditEvent?_count=20')).body;
    const agents = entry
      .map(({ resource }: any) => resource)
      .filter((event: any) => /iot-files/.test(JSON.stringify(event)));
    expect(agents.length).toBeGreaterThan(0);
    const digest = createHash('sha256')
      .update(JSON.stringify(single('DEV001', 1)))
      .digest('hex');
    expect(JSON.stringify(agents)).toContain(digest);
  });

  it('is stored once however often it comes: same file, other name, same name with other content (P11, 2-053)', async () => {
    const before = (await observations()).length;
    box.drop('b.json', single('DEV001', 10));
    await box.process();
    box.drop('c.json', single('DEV001', 10));
    expect(await box.process()).toMatchObject({ processed: 1, vitals: 0, duplicates: 1, archived: 1 });
    expect(await box.process()).toMatchObject({ processed: 0, vitals: 0, archived: 0 });
    box.drop('b.json', single('DEV001', 11));
    expect(await box.process()).toMatchObject({ processed: 1, vitals: 1 });
    expect((await observations()).length).toBe(before + 2);
  });

  it('is not read again where a crash kept it from the archive, not even after a correction (2-060)', async () => {
    box.drop('crash.json', single('DEV001', 20, { heart_rate: 70 }));
    await box.process();
    const archived = box.archived().find((path) => path.includes('/crash_'))!;
    box.drop('correction.json', single('DEV001', 20, { heart_rate: 71 }));
    await box.process();
    renameSync(join(box.folder, 'archive', archived), join(box.inbox, 'crash.json'));
    expect(await box.process()).toMatchObject({ processed: 0, failed: 0, vitals: 0, archived: 1 });
    const [stored] = await observations(`&date=${minutes(20)}`);
    expect(stored.valueQuantity.value).toBe(71);
    expect(stored.meta.versionId).toBe('2');
  });
});

describe('A file that cannot be taken in', () => {
  it.each([
    ['of an unknown device', 'x.json', single('NONE', 1), 'Device not found in system'],
    ['of a device that is nobody’s', 'x.json', single('NOBODYS', 1), 'Device not assigned to patient'],
    ['that is no JSON', 'x.json', '{"device_id":nonsense}', 'JSON'],
    ['with a value that cannot be', 'x.json', single('DEV001', 2, { heart_rate: 2000 }), 'implausible'],
    ['with text for a number', 'x.json', single('DEV001', 2, { heart_rate: '72' }), 'must be an integer'],
    ['without a device', 'x.json', reading(2), 'device_id'],
    ['without a time', 'x.json', { device_id: 'DEV001', heart_rate: 72 }, 'timestamp'],
    ['whose name says another device (2-051)', 'DEV002_20260101_000000.json', single('DEV001', 2), 'another device'],
    ['that is larger than 16 MiB', 'x.json', Buffer.alloc(17 * 1024 * 1024, 0x20), 'larger'],
  ])('%s goes to the failed ones with its reason beside it (2-064)', async (_what, name, content, reason) => {
    const before = (await observations()).length;
    box.drop(name, content);
    expect(await box.process()).toMatchObject({ processed: 0, failed: 1, vitals: 0, archived: 0, waiting: 0 });
    const called = readdirSync(box.failed)
      .filter((one) => !one.endsWith('.error.json'))
      .at(-1)!;
    const outcome = box.reasonOf(called);
    expect(outcome).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
    expect(JSON.stringify(outcome)).toContain(reason);
    expect(JSON.stringify(outcome)).not.toContain('2000');
    expect((await observations()).length).toBe(before);
    expect(box.inInbox()).toEqual([]);
    for (const one of [called, `${called}.error.json`]) renameSync(join(box.failed, one), join(box.folder, 'seen'));
  });

  it('is taken in once it is moved back after a repair', async () => {
    box.drop('repair.json', single('LATER', 30));
    await box.process();
    await box.house.update({
      resourceType: 'Device',
      id: 'later',
      identifier: [{ value: 'LATER' }],
      patient: { reference: 'Patient/p' },
    });
    renameSync(join(box.failed, 'repair.json'), join(box.inbox, 'repair.json'));
    expect(await box.process()).toMatchObject({ processed: 1, failed: 0, vitals: 1, archived: 1 });
  });

  it('stands beside others that failed under the same name', async () => {
    for (const n of [1, 2, 3]) {
      box.drop('same.json', single('NONE', n));
      await box.process();
    }
    expect(
      readdirSync(box.failed)
        .filter((name) => name.startsWith('same'))
        .sort(),
    ).toEqual([
      'same.json',
      'same.json.error.json',
      'same_1.json',
      'same_1.json.error.json',
      'same_2.json',
      'same_2.json.error.json',
    ]);
  });
});

describe('A file of many readings', () => {
  it('is one commit, and counts what the store has more of (2-052, 2-089)', async () => {
    const before = (await observations()).length;
    const flags = (await box.house.search('Flag?_count=1000')).length;
    const readings = Array.from({ length: 100 }, (_, i) => ({
      timestamp: recently(i),
      heart_rate: i === 99 ? 180 : 72,
    }));
    box.drop('batch.json', { device_id: 'DEV002', readings });
    const run = await box.process();
    expect(run).toMatchObject({ processed: 1, readings: 100, vitals: 100, archived: 1, failed: 0 });
    expect((await observations()).length - before).toBe(run.vitals);
    expect((await box.house.search('Flag?_count=1000')).length - flags).toBe(run.alerts);
    expect(run.alerts).toBe(1);
  });

  it('is stored but for its bad readings, and fails with their places', async () => {
    const readings = [reading(2_000), reading(2_001, { heart_rate: 5_000 }), reading(2_002), 7];
    box.drop('mixed.json', { device_id: 'DEV002', readings });
    expect(await box.process()).toMatchObject({ processed: 0, failed: 1, readings: 2, vitals: 2, archived: 0 });
    expect(box.reasonOf('mixed.json').issue.map(({ expression }: any) => expression)).toEqual([
      ['readings[1]'],
      ['readings[3]'],
    ]);

    // Moved back as it is, it fails again for the same reason, and what was good is there once.
    renameSync(join(box.failed, 'mixed.json'), join(box.inbox, 'mixed.json'));
    expect(await box.process()).toMatchObject({ failed: 1, vitals: 0, duplicates: 2 });
  });

  it('fails as a whole where none of its readings can be stored', async () => {
    box.drop('none.json', { device_id: 'DEV002', readings: [7, 8] });
    expect(await box.process()).toMatchObject({ processed: 0, failed: 1, readings: 0, vitals: 0 });
  });
});

describe('The inbox', () => {
  it('takes in 100 files of which 5 are bad: 95 archived, 5 with their reason (2-002)', async () => {
    const before = box.archived().length;
    for (let i = 0; i < 100; i++) {
      box.drop(`many${i}.json`, i % 20 === 0 ? single('NONE', i) : single(i % 2 ? 'DEV001' : 'DEV002', 5_000 + i));
    }
    expect(await box.process()).toMatchObject({ processed: 95, failed: 5, vitals: 95, archived: 95 });
    expect(box.archived().length - before).toBe(95);
    expect(box.inInbox()).toEqual([]);
  });

  it('is read by one at a time: runs that overlap read no file twice (2-055)', async () => {
    for (let i = 0; i < 40; i++) box.drop(`over${i}.json`, single('DEV001', 6_000 + i));
    const runs = await Promise.all([box.process(), box.process(), box.process()]);
    const sum = (of: string) => runs.reduce((all, run) => all + run[of], 0);
    expect([sum('processed'), sum('vitals'), sum('archived'), sum('duplicates')]).toEqual([40, 40, 40, 0]);
  });

  it('is told of in the measures', async () => {
    const { text } = await box.house.ask('GET', '/metrics');
    expect(text).toMatch(/^watchfire_iot_files_total\{outcome="processed"\} [1-9]/m);
    expect(text).toMatch(/^watchfire_iot_files_waiting 0$/m);
  });
});
