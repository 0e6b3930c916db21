/** Every fault of a simulated maker does what its name says, and the truth says so too. domain.md 2.11, docs/simulators.md */
import { describe, expect, it } from '@jest/globals';
import { faultNames, faults } from '../../src/simulators/makers/faults.ts';
import { type MakerVisit, visit } from './maker-client.ts';

const HOUR = 3_600_000;
const icd = 'BSX-000011';

async function having<T>(names: readonly string[], work: (maker: MakerVisit) => Promise<T>): Promise<T> {
  const maker = await visit({ faults: names, perMinute: 10_000, history: 26 });
  try {
    return await work(maker);
  } finally {
    await maker.simulator.stop();
  }
}

/** Everything of all devices, as it stands on the wire. */
async function everything({ all }: MakerVisit, what: 'readings' | 'alerts') {
  const rows: any[] = [];
  for (const { patientId } of await all('/patients'))
    for (const { deviceId } of await all(`/patients/${patientId}/devices`))
      for (const row of await all(`/devices/${deviceId}/${what}`)) rows.push({ asked: deviceId, ...row });
  return rows;
}

describe('A fault of the wire', () => {
  const statuses = async (name: string, count: number, path = '/patients?limit=2') =>
    having([name], async ({ get }) => {
      const answers = [];
      for (let n = 0; n < count; n++) answers.push(await get(path));
      return answers;
    });

  it.each([
    ['server-error', 500, [500, 200, 200, 200, 200, 500]],
    ['server-errors', 500, [500, 500, 200, 200, 200, 200]],
    ['maintenance', 503, [503, 200, 200, 200, 200, 200]],
    ['too-many-requests', 429, [429, 429, 200, 200, 200, 429]],
    ['too-many-requests-date', 429, [429, 429, 200, 200, 200, 429]],
  ])('%s comes in its turn (0-072)', async (name, status, expected) => {
    const answers = await statuses(name, 6);
    expect(answers.map((one) => one.status)).toEqual(expected);
    const waits = answers.filter((one) => one.status === status).map(({ headers }) => headers.get('retry-after'));
    if (status === 500) expect(waits.every((wait) => wait === null)).toBe(true);
    else if (name.endsWith('date')) expect(Date.parse(waits[0]!) - Date.UTC(2026, 2, 10, 12)).toBe(1_000);
    else expect(waits[0]).toBe('1');
  });

  it.each([
    ['expired-mid-page', 401],
    ['cursor-expired', 410],
  ])('%s meets pages after the first', async (name, status) => {
    await having([name], async ({ get }) => {
      const { body } = await get('/patients?limit=2');
      expect(body.items).toHaveLength(2);
      expect((await get(`/patients?limit=2&cursor=${body.next}`)).status).toBe(status);
    });
  });

  it('token-revoked forgets the token', async () => {
    await having(['token-revoked:4'], async ({ get }) => {
      expect((await get('/patients')).status).toBe(401);
      expect((await get('/patients')).status).toBe(401);
    });
  });

  it('reset and no-answer end without a body', async () => {
    await expect(statuses('reset', 1)).rejects.toThrow();
    await having(['no-answer'], async ({ ask }) => {
      await expect(ask('/patients', { signal: AbortSignal.timeout(150) })).rejects.toThrow(/timeout/);
    });
  });

  it('slow-body begins at once, and comes byte by byte', async () => {
    await having(['slow-body'], async ({ simulator }) => {
      const response = await fetch(`${simulator.url}/patients`);
      const reader = response.body!.getReader();
      const first = await reader.read();
      // Of a busy machine's byte a second, more than one may lie there.
      expect(first.value!.length).toBeLessThan(20);
      expect(Number(response.headers.get('content-length'))).toBeGreaterThan(50);
      await reader.cancel();
    });
  });

  it('truncated-json, html-page, wrong-content-type and byte-order-mark spoil the body alone', async () => {
    const [cut] = await statuses('truncated-json', 1);
    expect([cut!.status, cut!.body, cut!.text.startsWith('{"items":[')]).toEqual([200, undefined, true]);
    const [html] = await statuses('html-page', 1);
    expect([html!.status, html!.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const [plain] = await statuses('wrong-content-type', 1);
    expect([plain!.body.items.length, plain!.headers.get('content-type')]).toEqual([2, 'text/plain']);
    await having(['byte-order-mark'], async ({ get, simulator }) => {
      await get('/status');
      simulator.setFault('byte-order-mark:1');
      const response = await fetch(`${simulator.url}/patients`);
      expect([...new Uint8Array(await response.arrayBuffer()).subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    });
  });

  it('clock-ahead and clock-behind are ten minutes off, in Date', async () => {
    for (const [name, skew] of [
      ['clock-ahead', 600_000],
      ['clock-behind', -600_000],
    ] as const) {
      const [answer] = await statuses(name, 1);
      expect(Date.parse(answer!.headers.get('date')!) - Date.UTC(2026, 2, 10, 12)).toBe(skew);
    }
  });

  it('out-of-order has the same rows in another order', async () => {
    const sorted = await having([], ({ all }) => all(`/devices/${icd}/readings`));
    const mixed = await having(['out-of-order'], ({ all }) => all(`/devices/${icd}/readings`));
    expect(mixed).not.toEqual(sorted);
    expect(new Set(mixed.map(({ readingId }) => readingId))).toEqual(new Set(sorted.map(({ readingId }) => readingId)));
  });

  it('acknowledgement-lost says 200 and forgets, once', async () => {
    await having(['acknowledgement-lost'], async ({ ask, all, get }) => {
      await get('/patients');
      const { body } = await ask('/oauth/token', {
        method: 'POST',
        headers: { 'X-API-Key': 'demo-key' },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: 'demo',
          client_secret: 'demo-secret',
        }),
      });
      const acknowledge = () =>
        ask(`/alerts/A-${icd}-0/acknowledge`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${body.access_token}`, 'X-API-Key': 'demo-key', 'Idempotency-Key': 'k' },
        });
      expect((await acknowledge()).body.ack).toBe(true);
      expect((await all(`/devices/${icd}/alerts`))[0].ack).toBe(false);
      expect((await acknowledge()).status).toBe(200);
      expect((await all(`/devices/${icd}/alerts`))[0].ack).toBe(true);
    });
  });
});

describe('A fault of a row', () => {
  it.each([
    ['null-values', (row: any) => row.value === null],
    ['string-values', (row: any) => typeof row.value === 'string'],
    ['comma-decimals', (row: any) => /^\d+,\d+$/.test(row.value)],
    ['future-timestamps', (row: any) => Date.parse(row.ts) > Date.UTC(2026, 2, 10, 12)],
    ['naive-timestamps', (row: any) => !row.ts.endsWith('Z')],
    ['unknown-enum', (row: any) => row.type.startsWith('X_')],
    ['unit-variants', (row: any) => ['beats/min', 'kOhm', 'millivolts', 'volts', 'pct'].includes(row.unit)],
    ['field-added', (row: any) => row.addedLately !== undefined],
    ['field-renamed', (row: any) => row.value === undefined && row.valueNew !== undefined],
    ['unknown-device', (row: any) => row.deviceId !== row.asked],
  ])('%s spoils some, and the truth has those, and no others (0-072)', async (name, isSpoiled) => {
    await having([`${name}:3`], async (maker) => {
      const rows = await everything(maker, 'readings');
      const truth = maker.simulator.truth();
      const spoiled = rows.filter(isSpoiled).map(({ readingId }) => readingId);
      expect(spoiled.length).toBeGreaterThan(5);
      expect(spoiled.length).toBeLessThan(rows.length);
      expect(rows.map(({ readingId }) => readingId).sort()).toEqual(
        [...truth.readings, ...truth.bad].map(({ id }) => id).sort(),
      );
      if (truth.bad.length > 0) expect(spoiled.sort()).toEqual(truth.bad.map(({ id }) => id).sort());
      else expect(['string-values', 'unknown-enum', 'unit-variants', 'field-added']).toContain(name);
    });
  });

  it.each(['duplicate-readings', 'duplicate-content'])('%s tells some twice, and the truth once', async (name) => {
    await having([name], async (maker) => {
      const rows = await everything(maker, 'readings');
      const { readings, duplicates } = maker.simulator.truth();
      expect(duplicates.length).toBeGreaterThan(5);
      expect(rows).toHaveLength(readings.length + duplicates.length);
      const contents = rows.map(({ readingId, ...row }) => JSON.stringify(row));
      expect(new Set(contents).size).toBe(readings.length);
    });
  });

  it('stays with what was made while it was on', async () => {
    await having([], async (maker) => {
      maker.simulator.setFault('null-values:1');
      const began = maker.clock.now();
      maker.clock.set(began + 3 * HOUR);
      maker.simulator.setFault('null-values', false);
      maker.clock.set(began + 6 * HOUR);
      const rows = await maker.all(`/devices/${icd}/readings?from=${new Date(began).toISOString()}`);
      expect(rows.filter(({ type }) => type === 'HEART_RATE').map(({ value }) => value === null)).toEqual([
        ...Array(3).fill(true),
        ...Array(3).fill(false),
      ]);
      expect(maker.simulator.truth().bad.filter(({ device }) => device === icd).length).toBeGreaterThanOrEqual(3);
    });
  });

  it('can be asked for by a header, for one answer', async () => {
    await having([], async ({ get }) => {
      const path = `/devices/${icd}/readings?limit=3`;
      const { body } = await get(path, { 'X-Sim-Fault': 'null-values' });
      expect(body.items.map(({ value }: any) => value)).toEqual([null, null, null]);
      expect((await get(path, { 'X-Sim-Fault': 'server-error' })).status).toBe(500);
      expect((await get(path)).body.items[0].value).toEqual(expect.any(Number));
    });
  });
});

describe('A fault of the world', () => {
  it('late-readings arrive after two days, where a window asks for what arrived', async () => {
    await having(['late-readings:2'], async (maker) => {
      const began = maker.clock.now();
      const before = maker.simulator.truth().readings.length;
      const known = new Set((await maker.all(`/devices/${icd}/readings`)).map(({ readingId }) => readingId));
      maker.clock.set(began + 48 * HOUR);
      const rows = await maker.all(`/devices/${icd}/readings?from=${new Date(began).toISOString()}`);
      const late = rows.filter(({ ts }) => Date.parse(ts) < began);
      expect(late.length).toBeGreaterThan(10);
      expect(late.filter(({ readingId }) => known.has(readingId))).toEqual([]);
      expect(maker.simulator.truth().readings.length).toBeGreaterThan(before);
      const [device] = await maker.all('/patients/PAT001/devices');
      expect(maker.clock.now() - Date.parse(device.lastComm)).toBeLessThanOrEqual(HOUR);
    });
  });

  it('missing-interval leaves gaps that the truth names (0-104)', async () => {
    await having(['missing-interval:3'], async (maker) => {
      const { missing, readings } = maker.simulator.truth();
      const mine = missing.filter(({ device }) => device === icd);
      expect(mine.length).toBeGreaterThan(0);
      for (const { from, to } of missing) {
        expect(Date.parse(to) - Date.parse(from)).toBeGreaterThan(HOUR);
        expect(
          readings.filter(
            ({ device, at }) =>
              device === mine[0]!.device &&
              at > from &&
              at < to &&
              device === icd &&
              mine.some((gap) => gap.from === from),
          ),
        ).toEqual([]);
      }
      expect(await everything(maker, 'readings')).toHaveLength(readings.length);
    });
  });

  it('reassigned-device is another patient’s from then on, and its readings are whose it was', async () => {
    await having([], async (maker) => {
      const devices = async (id: string) =>
        (await maker.all(`/patients/${id}/devices`)).map(({ deviceId }) => deviceId);
      expect(await devices('PAT003')).toContain('BSX-000031');
      const began = maker.clock.now();
      maker.simulator.setFault('reassigned-device');
      maker.clock.set(began + 2 * HOUR);
      expect(await devices('PAT003')).not.toContain('BSX-000031');
      expect(await devices('PAT004')).toContain('BSX-000031');
      const moved = maker.simulator.truth().readings.filter(({ device }) => device === 'BSX-000031');
      for (const { at, patient } of moved) expect(patient).toBe(Date.parse(at) < began ? 'PAT003' : 'PAT004');
    });
  });

  it('severity-change is the same alert, less or more severe', async () => {
    await having([], async (maker) => {
      const since = `?since=${new Date(maker.clock.now()).toISOString()}`;
      expect(await maker.all(`/devices/${icd}/alerts${since}`)).toEqual([]);
      maker.simulator.setFault('severity-change');
      maker.clock.set(maker.clock.now() + 60_000);
      const changed = await maker.all(`/devices/${icd}/alerts${since}`);
      expect(changed[0]).toMatchObject({ alertId: `A-${icd}-0`, severity: 'MEDIUM' });
      expect(maker.simulator.truth().alerts.find(({ id }) => id === `A-${icd}-0`)).toMatchObject({
        severity: 'medium',
      });
    });
  });
});

describe('POST /__fault', () => {
  it('switches a fault on, off again, and all of them off', async () => {
    await having([], async ({ ask, get }) => {
      const tell = (body: object) => ask('/__fault', { method: 'POST', body: JSON.stringify(body) });
      const status = async () => (await get('/patients')).status;
      expect((await tell({ fault: 'server-error:1' })).body.faults).toMatchObject([{ name: 'server-error', every: 1 }]);
      expect(await status()).toBe(500);
      expect((await tell({ fault: 'server-error', on: false })).body.faults).toEqual([]);
      expect(await status()).toBe(200);
      await tell({ fault: 'maintenance:1' });
      await tell({ on: false });
      expect(await status()).toBe(200);
      expect((await tell({ fault: 'gremlins' })).status).toBe(400);
    });
  });
});

describe('The list of faults', () => {
  it('has those of domain.md 2.11 and those of reports, each with a meaning, and refuses others', async () => {
    expect(faultNames).toHaveLength(38);
    for (const name of faultNames) expect(faults[name].meaning).toMatch(/\w{3}/);
    await expect(visit({ faults: ['gremlins'] })).rejects.toThrow(/no fault is called gremlins/);
    await expect(visit({ faults: ['reset:0'] })).rejects.toThrow(/whole number/);
  });
});
