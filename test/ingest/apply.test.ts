import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSequence } from '../../src/ingest/sequence.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { openHouse, type TestHouse, together } from '../support/house.ts';

describe('a sequence', () => {
  it('gives no number twice, over several that lease from one store', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchfire-sequence-'));
    const store = await openSqliteStore({ file: join(folder, 'store.db'), runtime: systemRuntime });
    const writers = Array.from({ length: 8 }, () => createSequence(store, 'x', 5));
    const numbers = await together(400, (i) => writers[i % 8]!());
    await store.close();
    rmSync(folder, { recursive: true });

    expect(new Set(numbers).size).toBe(400);
    expect(numbers.every((n) => Number.isInteger(n) && n > 0)).toBe(true);
  });
});

describe('readings while others write', () => {
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.stop());

  it('are all stored although the Device and its assignments change at the same time', async () => {
    const device = { resourceType: 'Device', id: 'd', identifier: [{ system: 'urn:device', value: 'D' }] };
    const assigned = { ...device, patient: { reference: 'Patient/p' } };
    await house.update(assigned);
    const authorization = `Bearer ${await house.deviceKey('D')}`;
    const now = Date.now();
    const post = (i: number) => {
      const timestamp = new Date(now - 60_000 * i).toISOString();
      return house.ask('POST', '/api/iot/vitals', { device_id: 'D', timestamp, heart_rate: 150 }, { authorization });
    };
    const [answers] = await Promise.all([
      together(16, post),
      together(16, (i) => house.update({ ...assigned, lotNumber: String(i) })),
      together(4, (i) =>
        house.create({
          resourceType: 'DeviceUseStatement',
          status: 'active',
          subject: { reference: 'Patient/p' },
          device: { reference: 'Device/d' },
          timingPeriod: { start: `20${10 + i}-01-01` },
        }),
      ),
    ]);

    expect(answers.map(({ status }) => status)).toEqual(Array(16).fill(201));
    expect(await house.search('Observation?patient=p')).toHaveLength(16);
    expect(await house.search('Flag?patient=p')).toHaveLength(1);
  });

  it('name the same patient in Flag and Observation after the device was assigned to another', async () => {
    const device = { resourceType: 'Device', id: 'e', identifier: [{ system: 'urn:device', value: 'E' }] };
    await house.update({ ...device, patient: { reference: 'Patient/e1' } });
    const authorization = `Bearer ${await house.deviceKey('E')}`;
    const post = (timestamp: number) => {
      const reading = { device_id: 'E', timestamp: new Date(timestamp).toISOString(), heart_rate: 150 };
      return house.ask('POST', '/api/iot/vitals', reading, { authorization });
    };
    const before = Date.now() - 1;
    await post(before - 60_000);
    await house.update({ ...device, patient: { reference: 'Patient/e2' } });
    const late = await post(before);
    const fresh = await post(Date.now() + 1_000);

    expect([late.body.alerts_triggered, fresh.body.alerts_triggered]).toEqual([0, 1]);
    const flags = await house.search('Flag?status=active&patient=e1,e2');
    expect(flags.map(({ subject }) => subject.reference).sort()).toEqual(['Patient/e1', 'Patient/e2']);
    expect(await house.search('Observation?patient=e1')).toHaveLength(2);
  });

  it('that were corrected after a re-assignment go to the patient of their own time', async () => {
    const device = { resourceType: 'Device', id: 'g', identifier: [{ system: 'urn:device', value: 'G' }] };
    await house.update({ ...device, patient: { reference: 'Patient/g1' } });
    const authorization = `Bearer ${await house.deviceKey('G')}`;
    const timestamp = new Date(Date.now() - 60_000).toISOString();
    const post = (value: number) =>
      house.ask('POST', '/api/iot/vitals', { device_id: 'G', timestamp, heart_rate: value }, { authorization });
    await post(70);
    await house.update({ ...device, patient: { reference: 'Patient/g2' } });
    await post(71);

    const [observation] = await house.search('Observation?patient=g1');
    expect(observation).toMatchObject({ status: 'corrected', valueQuantity: { value: 71 } });
  });
});
