/** The pages of the simulated makers: what they hold, how they follow, and that one seed is one text. domain.md 2.11 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MakerDocument } from '../../src/ingest/feeds/document.ts';
import { callFor, pageIn } from '../../src/ingest/feeds/pages.ts';
import { createReader } from '../../src/ingest/feeds/reader.ts';
import { type MakerName, makerNames } from '../../src/simulators/makers/dialects.ts';
import { type MakerVisit, visit } from './maker-client.ts';

const HOUR = 3_600_000;
const icd = 'BSX-000011';
let maker: MakerVisit;
beforeAll(async () => {
  maker = await visit();
});
afterAll(() => maker.simulator.stop());

describe('Boston Scientific, simulated', () => {
  it('knows John Doe with a defibrillator and Jane Smith with a pacemaker (0-077, 0-078)', async () => {
    const [doe, smith] = await maker.all('/patients');
    expect(doe).toMatchObject({ patientId: 'PAT001', firstName: 'John', lastName: 'Doe' });
    expect(smith).toMatchObject({ patientId: 'PAT002', firstName: 'Jane', lastName: 'Smith' });
    const types = async (id: string) => (await maker.all(`/patients/${id}/devices`)).map((one) => one.deviceType);
    expect(await types('PAT001')).toEqual(['ICD']);
    expect(await types('PAT002')).toEqual(['PACEMAKER']);
    expect((await maker.get('/patients/PAT999/devices')).status).toBe(404);
  });

  it('has every kind of device, an explanted one, and a quadripolar lead (0-086)', async () => {
    const devices = [];
    for (const { patientId } of await maker.all('/patients'))
      devices.push(...(await maker.all(`/patients/${patientId}/devices`)));
    expect(new Set(devices.map(({ deviceType }) => deviceType))).toEqual(
      new Set(['ICD', 'PACEMAKER', 'CRT-D', 'CRT-P', 'LOOP_RECORDER', 'REMOTE_MONITOR']),
    );
    expect(devices.filter(({ status, explantDate }) => status === 'EXPLANTED' && explantDate)).toHaveLength(1);
    const polarities = devices.flatMap(({ leads }) => leads.map((lead: any) => `${lead.chamber} ${lead.polarity}`));
    expect(polarities).toContain('LV quadripolar');
  });

  it('tells the battery of that defibrillator, and an alert that nobody has acknowledged', async () => {
    const readings = await maker.all(`/devices/${icd}/readings`);
    const battery = readings.filter(({ type }) => type === 'BATTERY_VOLTAGE');
    expect(battery.length).toBeGreaterThan(0);
    const [device] = await maker.all('/patients/PAT001/devices');
    expect([device.batteryV, device.batteryTs]).toEqual([battery.at(-1).value, battery.at(-1).ts]);
    const alerts = await maker.all(`/devices/${icd}/alerts`);
    expect(alerts[0]).toMatchObject({ code: 'LEAD_IMPEDANCE_HIGH', severity: 'HIGH', ack: false });
  });

  it('gives the readings of a window once each, page by page (0-087)', async () => {
    const all = await maker.all(`/devices/${icd}/readings`);
    expect(new Set(all.map(({ readingId }) => readingId)).size).toBe(all.length);
    const paged = [];
    for (let next: string | null = ''; next !== null; ) {
      const { body } = await maker.get(`/devices/${icd}/readings?limit=${all.length - 1}${next && `&cursor=${next}`}`);
      paged.push(...body.items);
      next = body.next;
    }
    expect(paged).toEqual(all);
    const from = maker.clock.now() - 6 * HOUR;
    const recent = await maker.all(`/devices/${icd}/readings?from=${new Date(from).toISOString()}`);
    expect(recent).toEqual(all.filter(({ ts }) => Date.parse(ts) >= from));
    expect(recent.length).toBeLessThan(all.length);
    expect((await maker.get(`/devices/${icd}/readings?from=yesterday`)).status).toBe(400);
    expect((await maker.get(`/devices/${icd}/readings?cursor=nonsense`)).status).toBe(400);
  });

  it('keeps acknowledgements, and takes the same one twice and no second (0-088, 0-090)', async () => {
    const [{ alertId, ts }] = await maker.all(`/devices/${icd}/alerts`);
    const acknowledge = async (acknowledgedBy: string, id = alertId, key = 'first') => {
      const { body } = await maker.ask('/oauth/token', {
        method: 'POST',
        headers: { 'X-API-Key': 'demo-key' },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: 'demo',
          client_secret: 'demo-secret',
        }),
      });
      return maker.ask(`/alerts/${id}/acknowledge`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${body.access_token}`,
          'X-API-Key': 'demo-key',
          'Content-Type': 'application/json',
          'Idempotency-Key': key,
        },
        body: JSON.stringify({ acknowledgedBy }),
      });
    };
    expect((await acknowledge('watchfire')).body).toMatchObject({ alertId, ack: true });
    expect((await acknowledge('watchfire')).status).toBe(200);
    expect((await acknowledge('watchfire', alertId, 'second')).status).toBe(200);
    expect((await acknowledge('somebody else')).status).toBe(200);
    expect((await acknowledge('somebody else', alertId, 'third')).status).toBe(409);
    expect((await acknowledge('watchfire', `A-${icd}-77`)).status).toBe(404);
    const [after] = await maker.all(`/devices/${icd}/alerts`);
    expect(after).toMatchObject({ alertId, ack: true });
    expect(maker.simulator.truth().alerts.find(({ id }) => id === alertId)).toMatchObject({
      acknowledged: true,
      acknowledgedBy: 'watchfire',
    });
    const since = new Date(Date.parse(ts) + 1_000).toISOString();
    expect((await maker.all(`/devices/${icd}/alerts?since=${since}`)).map((one) => one.alertId)).not.toContain(alertId);
  });

  it('changes the time of the last communication when there is something new, and only then', async () => {
    const began = maker.clock.now();
    const told = async () => (await maker.get('/patients/PAT001/devices')).body.items[0].lastComm;
    const first = await told();
    maker.clock.set(Date.parse(first) + HOUR - 1_000);
    expect(await told()).toBe(first);
    maker.clock.set(Date.parse(first) + HOUR);
    expect(Date.parse(await told())).toBe(Date.parse(first) + HOUR);
    const newest = (await maker.all(`/devices/${icd}/readings`)).at(-1);
    expect(Date.parse(newest.ts)).toBe(Date.parse(first) + HOUR);
    maker.clock.set(began);
  });

  it('goes from state to state by its script, as often as the truth says (0-075, 0-089)', async () => {
    const began = maker.clock.now();
    const seen: boolean[] = [];
    for (let hour = 0; hour <= 64; hour++) {
      maker.clock.set(began + (hour - 48) * HOUR);
      seen.push((await maker.get('/devices/BSX-000032/status')).body.connected);
    }
    const changes = seen.filter((connected, at) => at > 0 && connected !== seen[at - 1]).length;
    const told = maker.simulator.truth().devices.find(({ id }) => id === 'BSX-000032')!;
    maker.clock.set(began);
    expect(changes).toBe(16);
    expect(told.transitions).toBe(changes);
    expect(seen.slice(0, 64).filter((connected) => !connected)).toHaveLength(16);
  });

  it('is put into a state, or has an alert acknowledged at its own portal, and tells that there is news (0-088, 0-089)', async () => {
    const other = await visit();
    try {
      const lastComm = async () => (await other.get('/patients/PAT002/devices')).body.items[0].lastComm;
      const status = async () => (await other.get('/devices/BSX-000021/status')).body.status;
      const before = await lastComm();
      expect(await status()).toBe('ACTIVE');
      const now = other.clock.now() + 1_000;
      other.clock.set(now);
      other.simulator.setState('BSX-000021', 'inactive');
      expect(await status()).toBe('INACTIVE');
      expect(Date.parse(await lastComm())).toBe(now);
      expect(now).toBeGreaterThan(Date.parse(before));
      const tell = (path: string, body: object) => other.ask(path, { method: 'POST', body: JSON.stringify(body) });
      expect((await tell('/__state', { device: 'BSX-000021', state: 'asleep' })).status).toBe(400);
      expect((await tell('/__state', { device: 'BSX-000021', state: 'active' })).status).toBe(200);
      expect(await status()).toBe('ACTIVE');

      const since = `/devices/${icd}/alerts?since=${new Date(now).toISOString()}`;
      expect(await other.all(since)).toEqual([]);
      await tell('/__acknowledge', { alert: `A-${icd}-0`, by: 'Dr. Osei' });
      expect(await other.all(since)).toMatchObject([{ alertId: `A-${icd}-0`, ack: true }]);
    } finally {
      await other.simulator.stop();
    }
  });

  it('has the ECG of an episode of atrial fibrillation', async () => {
    const episode = (await maker.all('/devices/BSX-000061/readings')).find(({ type }) => type === 'EPISODE_AF');
    expect(episode.strip).toMatchObject({ hertz: 128, unit: 'uV' });
    expect(episode.strip.samples).toHaveLength(1_280);
    expect(Math.max(...episode.strip.samples)).toBeGreaterThan(600);
    const alerts = await maker.all('/devices/BSX-000061/alerts');
    expect(alerts.map(({ code }) => code)).toContain('EPISODE_AF');
  });

  it('counts requests, and refuses what is over the limit until the minute is over (0-072)', async () => {
    const few = await visit({ perMinute: 3 });
    try {
      const answers = [];
      for (let n = 0; n < 4; n++) answers.push(await few.get('/patients'));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
      expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0', '0']);
      expect(Number(answers[3]!.headers.get('retry-after'))).toBe(60);
      expect(few.simulator.quota()).toEqual({ limit: 3, remaining: 0 });
      few.clock.set(few.clock.now() + 60_000);
      expect((await few.get('/patients')).status).toBe(200);
    } finally {
      await few.simulator.stop();
    }
  });
});

describe('One seed at one time', () => {
  const text = async (seed: number, name: MakerName) => {
    const other = await visit({ seed, maker: name, devices: 3 });
    try {
      const paths: Readonly<Record<MakerName, readonly string[]>> = {
        'boston-scientific': ['/patients', '/patients/PAT005/devices', '/devices/BSX-000051/readings?limit=500'],
        medtronic: ['/carelink/v2/patients', '/carelink/v2/implants/MDT-000051/measurements'],
        abbott: ['/merlin/patients', '/merlin/devices/ABT-000051/values'],
        biotronik: ['/hm/patients', '/hm/implants/BIO-000051/messages'],
      };
      const texts = [];
      for (const path of paths[name]) {
        const told = await other.get(path);
        expect(told.status).toBe(200);
        texts.push(told.text);
      }
      return texts.join('\n') + JSON.stringify(other.simulator.truth());
    } finally {
      await other.simulator.stop();
    }
  };

  it.each(makerNames)('is the same text from %s, and another seed another (0-071)', async (name) => {
    const first = await text(7, name);
    expect(await text(7, name)).toBe(first);
    expect(await text(8, name)).not.toBe(first);
  });

  it('is the same thousand patients, always (0-115)', async () => {
    const many = await visit({ devices: 992, perMinute: 10_000 });
    try {
      const patients = await many.all('/patients');
      expect(patients).toHaveLength(1_000);
      const document: MakerDocument = JSON.parse(readFileSync('mappings/boston-scientific/maker.json', 'utf8'));
      const reader = createReader(document, 'urn:patients');
      expect(patients.map((row) => reader.patient(row)).filter((read) => 'reason' in read)).toEqual([]);
      const devices = [];
      for (let n = 9; n < 1_001; n += 31)
        devices.push(...(await many.all(`/patients/${patients[n - 1].patientId}/devices`)));
      expect(new Set(devices.map(({ deviceId }) => deviceId)).size).toBe(devices.length);
      expect(hash('sha256', JSON.stringify([patients, devices]), 'hex').slice(0, 16)).toBe('1ac1d7d6a62f5d7c');
    } finally {
      await many.simulator.stop();
    }
  });
});

describe.each(makerNames)('What %s says', (name) => {
  it('is read by its document in mappings/, to the last reading and digit', async () => {
    const there = await visit({ maker: name, perMinute: 10_000 });
    try {
      const document: MakerDocument = JSON.parse(readFileSync(`mappings/${name}/maker.json`, 'utf8'));
      const reader = createReader(document, 'urn:patients');
      const { endpoints, reading } = document;
      const rows = async (endpoint: 'patients' | 'devices' | 'readings' | 'alerts', ids = {}) => {
        const found: unknown[] = [];
        for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
          const { path, query } = callFor(endpoints[endpoint]!, ids, undefined, cursor);
          const asked = new URL(path, there.simulator.url);
          for (const [key, value] of Object.entries(query ?? {})) asked.searchParams.set(key, String(value));
          const told = await there.get(asked.pathname + asked.search);
          const headers = Object.fromEntries(told.headers);
          const page = pageIn(
            endpoints[endpoint]!,
            { headers, body: Buffer.from(told.text) },
            cursor,
            there.simulator.url,
          );
          found.push(...page.rows);
          cursor = page.next;
        }
        return found;
      };
      const truth = there.simulator.truth();
      const read: string[] = [];
      const alerts: string[] = [];
      for (const row of await rows('patients')) {
        const patient = reader.patient(row) as { id: string };
        for (const told of await rows('devices', { patientId: patient.id })) {
          const device = reader.device(told) as { id: string; implant: { type: string; serial: string } };
          expect(truth.devices).toContainEqual(
            expect.objectContaining({
              id: device.id,
              patient: patient.id,
              kind: device.implant.type,
              serial: device.implant.serial,
            }),
          );
          for (const one of await rows('readings', { deviceId: device.id })) {
            const got = reader.reading(one, device.id, there.clock.now()) as any;
            expect(got).not.toHaveProperty('reason');
            read.push(
              `${got.key} ${got.reading.term.quantity.value} ${got.reading.instant} ${got.reading.channel ?? ''}`,
            );
          }
          for (const one of await rows('alerts', { deviceId: device.id })) {
            const got = reader.alert(one, device.id, there.clock.now()) as any;
            expect(got).not.toHaveProperty('reason');
            alerts.push(`${got.alert.id} ${got.alert.acknowledged}`);
          }
        }
      }
      expect(reading.id).toBeDefined();
      expect(read.sort()).toEqual(
        truth.readings.map(({ id, value, at, channel }) => `${id} ${value} ${Date.parse(at)} ${channel ?? ''}`).sort(),
      );
      expect(alerts.sort()).toEqual(truth.alerts.map(({ id, acknowledged }) => `${id} ${acknowledged}`).sort());
    } finally {
      await there.simulator.stop();
    }
  });
});
