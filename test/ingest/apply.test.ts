import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { flagVitals } from '../../src/alerts/flag.ts';
import { loadLimits } from '../../src/alerts/thresholds.ts';
import { createTrail } from '../../src/audit/trail.ts';
import { parseExact, withIdentity } from '../../src/fhir/json.ts';
import { problem } from '../../src/fhir/outcome.ts';
import { createIngest } from '../../src/ingest/apply.ts';
import { loadMapping } from '../../src/ingest/mapping.ts';
import { observationId } from '../../src/ingest/observe.ts';
import { createSequence } from '../../src/ingest/sequence.ts';
import { createDispatch } from '../../src/interactions/dispatch.ts';
import type { Dispatch } from '../../src/interactions/interaction.ts';
import { transaction } from '../../src/interactions/transaction.ts';
import { createWritePath } from '../../src/interactions/write.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { noEntries } from '../../src/search/query.ts';
import { administrator } from '../../src/smart/access.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../src/store/store.ts';
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

describe('several servers on one store', () => {
  const now = Date.now();
  const runtime = { ...systemRuntime, now: () => now };
  const limits = loadLimits(fileURLToPath(new URL('../../profiles', import.meta.url)));
  const thresholds = limits.vital;
  const mapping = loadMapping(fileURLToPath(new URL('../../mappings/iot-vitals', import.meta.url)));
  const canonical = 'https://example.org/fhir';
  const device = { key: { type: 'Device', id: 'd' }, deviceId: 'D', caller: administrator };
  const origin = { base: 'http://x/fhir', requestId: 'r', address: '' };
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-apply-'));
  let store: Engine;
  let dispatch: Dispatch;
  const assign = (patient: string): Change => ({
    op: 'put',
    kind: 'assignment',
    key: 'd',
    value: { periods: [{ patient, use: 'u' }] },
  });
  const parse = (instant: number, fields: string) => {
    const timestamp = new Date(instant).toISOString();
    return mapping.parse(parseExact(`{"timestamp":"${timestamp}",${fields}}`), now);
  };
  const server = (gate: Dispatch = dispatch) =>
    createIngest({ mapping, dispatch: gate, store, runtime: systemRuntime, canonical, thresholds }).one;

  beforeAll(async () => {
    store = await openSqliteStore({ file: join(folder, 'store.db'), runtime });
    const rules = {
      now: runtime.now,
      canonical,
      references: 'open',
      relative: (text: string) => text,
      prepare: {},
    } as const;
    const writes = createWritePath({ ...rules, derive: { Observation: [flagVitals(limits)] } });
    const trail = createTrail(store, runtime, 'strict');
    const interactions = [transaction(writes, systemRuntime, () => true)];
    dispatch = createDispatch({ store, trail, runtime, base: 'http://test/fhir', interactions, declared: () => true });
    const text = withIdentity('{"resourceType":"Device"}', 'd');
    const write = { op: 'write', key: device.key, method: 'PUT', text, index: noEntries, expect: 'absent' } as const;
    await store.commit([write, assign('Patient/1')]);
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const patientOf = async (instant: number) => {
    const [version] = await store.read([{ type: 'Observation', id: observationId('d', instant, 'heart_rate') }]);
    return JSON.parse(version!.text).subject.reference;
  };

  it('store the same reading once, with one number, and raise one Flag', async () => {
    const servers = [server(), server(), server(), server()];
    const reading = parse(now - 1_000, '"heart_rate":150');
    const applied = await together(16, (i) => servers[i % 4]!(reading, device, origin));

    expect(applied.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(applied.map(({ vitalSignId }) => vitalSignId)).size).toBe(1);
    expect(applied.reduce((sum, { alerts }) => sum + alerts, 0)).toBe(1);
  });

  it('give one number to the parts of a reading that come to different servers at once', async () => {
    const parts = ['"heart_rate":70', '"glucose":95', '"respiratory_rate":15', '"oxygen_saturation":97'];
    const applied = await together(4, (i) => server()(parse(now - 2_000, parts[i]!), device, origin));
    const [kept] = await store.get('reading', [`d|${new Date(now - 2_000).toISOString()}`]);

    expect(new Set(applied.map(({ vitalSignId }) => vitalSignId)).size).toBe(1);
    expect(Object.keys(kept!.value.fields)).toHaveLength(4);
  });

  it('look again when the device is assigned to somebody else before the commit', async () => {
    let isFirst = true;
    const slow: Dispatch = async (...call) => {
      if (isFirst) await store.commit([assign('Patient/2')]);
      isFirst = false;
      return dispatch(...call);
    };
    await server(slow)(parse(now - 3_000, '"heart_rate":70'), device, origin);

    expect(await patientOf(now - 3_000)).toBe('Patient/2');
  });

  it('look again when the device changes before the commit', async () => {
    let calls = 0;
    const slow: Dispatch = async (...call) => {
      const text = withIdentity('{"resourceType":"Device"}', 'd');
      const change = { op: 'write', key: device.key, method: 'PUT', text, index: noEntries, expect: 'any' } as const;
      if (++calls === 1) await store.commit([change]);
      return dispatch(...call);
    };
    await server(slow)(parse(now - 4_000, '"heart_rate":70'), device, origin);

    expect(calls).toBe(2);
  });

  it('give up with 503 when others keep changing it for five seconds', async () => {
    let time = now;
    const busy: Dispatch = async () => {
      time += 1_000;
      throw problem('conflict', 'busy');
    };
    const clock = { ...systemRuntime, now: () => time };
    const apply = createIngest({ mapping, dispatch: busy, store, runtime: clock, canonical, thresholds }).one;

    await expect(apply(parse(now - 5_000, '"heart_rate":70'), device, origin)).rejects.toMatchObject({ status: 503 });
    expect(time).toBe(now + 5_000);
  });

  it('leave standing what was there before the device sent it', async () => {
    const key = { type: 'Observation', id: observationId('d', now - 6_000, 'heart_rate') };
    const text = withIdentity('{"resourceType":"Observation","status":"final","code":{"text":"x"}}', key.id);
    await store.commit([{ op: 'write', key, method: 'PUT', text, index: noEntries, expect: 'absent' }]);
    const applied = await server()(parse(now - 6_000, '"heart_rate":70'), device, origin);
    const [version] = await store.read([key]);

    expect([applied.isNew, version!.versionId]).toEqual([false, 1]);
  });

  const ingest = (gate: Dispatch) =>
    createIngest({ mapping, dispatch: gate, store, runtime: systemRuntime, canonical, thresholds });
  const several = (from: number) => [3, 1, 2].map((n) => parse(from - n * 1_000, `"heart_rate":${70 + n}`));

  it('take many in one transaction, in order of time', async () => {
    const sizes: number[] = [];
    const gate: Dispatch = (...call) => {
      sizes.push(call[0].entries!.length);
      return dispatch(...call);
    };
    const applied = await ingest(gate).many(several(now - 10_000), device, origin);

    expect(sizes).toEqual([3]);
    expect(applied).toMatchObject(Array(3).fill({ isNew: true, isRecorded: true, created: 1 }));
  });

  it('take many one by one where they are refused or overtaken together, and say which one is refused', async () => {
    const gate: Dispatch = async (request, ...rest) => {
      const { entries = [] } = request;
      if (entries.length > 1) throw problem('conflict', 'overtaken');
      if (entries[0]!.body!.text.includes('"value":72')) throw problem('processing', 'not this one');
      return dispatch(request, ...rest);
    };
    const [third, first, second] = await ingest(gate).many(several(now - 20_000), device, origin);

    expect([third, first]).toMatchObject([{ isNew: true }, { isNew: true }]);
    expect(second).toMatchObject({ status: 422, message: 'not this one' });
  });

  it('store none of all where the transaction is refused', async () => {
    const gate: Dispatch = async () => {
      throw problem('processing', 'not these');
    };
    await expect(ingest(gate).all(several(now - 30_000), device, origin)).rejects.toMatchObject({ status: 422 });
    const keys = several(now - 30_000).map(({ instant }) => `d|${new Date(instant).toISOString()}`);

    expect(await store.get('reading', keys)).toEqual([undefined, undefined, undefined]);
  });

  it('throw what is not the fault of a reading, so that all is sent again', async () => {
    const gate: Dispatch = async () => {
      throw problem('no-store', 'the disk is full');
    };

    await expect(ingest(gate).many(several(now - 40_000), device, origin)).rejects.toMatchObject({ status: 503 });
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
    const post = async (i: number) => {
      const timestamp = new Date(now - 60_000 * i).toISOString();
      const reading = { device_id: 'D', timestamp, heart_rate: 150 };
      for (;;) {
        const answer = await house.ask('POST', '/api/iot/vitals', reading, { authorization });
        // On a slow disk the others write for longer than a device is kept waiting: it sends again.
        if (answer.status !== 503) return answer;
      }
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
