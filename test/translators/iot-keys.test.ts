import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const DAY = 86_400_000;
let late = 0;
let house: TestHouse;
beforeAll(async () => {
  // The embedded engine, since its files are read.
  house = await openHouse({ store: 'sqlite', runtime: { ...systemRuntime, now: () => Date.now() + late } });
  await house.update({ resourceType: 'Patient', id: 'p' });
  const identifier = [{ system: 'urn:device', value: 'K1' }];
  await house.update({ resourceType: 'Device', id: 'k1', identifier, patient: { reference: 'Patient/p' } });
});
afterAll(() => house.stop());

const post = (authorization: string, device_id = 'K1') => {
  const timestamp = new Date(Date.now() + late).toISOString();
  return house.ask('POST', '/api/iot/vitals/', { device_id, timestamp, heart_rate: 70 }, { authorization });
};
const make = (asked: object) => house.ask('POST', '/admin/devices/K1/keys', asked);

describe('a device key', () => {
  it('is shown once: neither a list nor the files of the store have it (2-010, 2-012, 2-082)', async () => {
    const { status, body } = await make({ key_name: 'bedside', expires_in_days: 365 });
    expect([status, Object.keys(body)]).toEqual([201, ['key', 'prefix', 'expires_at']]);
    expect((await post(`Bearer ${body.key}`)).status).toBe(201);

    const secret = body.key.slice(body.prefix.length + 1);
    const listed = await house.ask('GET', '/admin/devices/K1/keys');
    expect(listed.text).toContain(body.prefix);
    expect(listed.text).not.toContain(secret);
    const files = readdirSync(house.dataFolder).filter((name) => name.includes('.db'));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) expect(readFileSync(join(house.dataFolder, name)).includes(secret)).toBe(false);
  });

  it('opens with any spelling of Bearer, and with no other word (2-014)', async () => {
    const { body } = await make({});

    expect((await post(`bearer ${body.key}`)).status).toBe(201);
    expect((await post(`Token ${body.key}`)).status).toBe(401);
    expect((await post('')).status).toBe(401);
  });

  it('ends with its year, and never where none is given (2-011, 2-084)', async () => {
    const [year, forever] = [(await make({ expires_in_days: 365 })).body, (await make({})).body];
    late = 364 * DAY;
    expect((await post(`Bearer ${year.key}`)).status).toBe(201);
    late = 366 * DAY;
    expect((await post(`Bearer ${year.key}`)).status).toBe(401);
    expect((await post(`Bearer ${forever.key}`)).status).toBe(201);
    late = 0;
  });

  it('that is refused tells the trail why, and the device always the same (2-085, 2-087, 2-088, 2-098, 2-099)', async () => {
    const keys = {
      good: (await make({})).body,
      gone: (await make({})).body,
      short: (await make({ expires_in_days: 1 })).body,
    };
    const reader = (await make({ permissions: ['can_read_patient'] })).body;
    await house.ask('DELETE', `/admin/keys/${keys.gone.prefix}`);
    late = 2 * DAY;
    const wrong = `${keys.good.prefix}_${'x'.repeat(43)}`;
    const refused = [wrong, keys.gone.key, keys.short.key, 'wfk_none'];
    const answers = [];
    for (const key of refused) answers.push(await post(`Bearer ${key}`));
    for (const { status, body } of answers)
      expect([status, body]).toEqual([401, { success: false, error: 'Invalid API key' }]);
    const forbidden = [await post(`Bearer ${reader.key}`), await post(`Bearer ${keys.good.key}`, 'OTHER')];
    expect(forbidden.map(({ status }) => status)).toEqual([403, 403]);
    expect(forbidden[0]!.body).toEqual(forbidden[1]!.body);
    late = 0;

    const told = (await house.search('AuditEvent?_count=100')).map(({ outcomeDesc }) => outcomeDesc);
    for (const reason of ['key wrong', 'key revoked', 'key expired', 'key malformed']) {
      expect(told).toContain(`401 ${reason}`);
    }
    expect(told).toContain('403 no permission');
    expect(told).toContain('403 another device');
  });
});
