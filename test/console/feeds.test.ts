/** The pages of feeds and of the quarantine without a browser: documents, what they ask for, and who is told what. docs/dashboard.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { openWard, PASSWORD } from './cardiac-world.ts';
import { message, sent } from './feeds-world.ts';
import { cookieOf } from './page-cookie.ts';

let house: TestHouse;
/** By their cookies: a nurse, and the administrator. */
let asNina: Record<string, string>;
let asAdministrator: Record<string, string>;
const nobody = { authorization: '' };
const get = (path: string, headers: Record<string, string> = {}) => house.ask('GET', path, undefined, headers);
const feed = async (name: string, headers = asAdministrator) =>
  (await get('/console/api/feeds', headers)).body.feeds.find((one: any) => one.name === name);

beforeAll(async () => {
  house = await openHouse();
  await openWard(house);
  asNina = await cookieOf(house, 'nina');
  const own = { authorization: '', 'x-watchfire-page': '1' };
  const { headers } = await house.ask('POST', '/console/session', { token: house.adminToken }, own);
  asAdministrator = { ...own, cookie: headers.get('set-cookie')!.split(';')[0]! };
});
afterAll(() => house.stop());

describe('The documents of feeds and of the quarantine', () => {
  it.each(['/feeds', '/quarantine'])(
    'answer %s with a frame and no data, to nobody too, for display only (0-148)',
    async (path) => {
      const { status, headers, text } = await get(path, { accept: 'text/html', ...nobody });

      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(text).toContain(`href="${path}" aria-current="page"`);
      expect(text).toContain('class="disclaimer" role="note"');
      expect(text).not.toMatch(/<script(?![^>]* src=")|\sstyle=/);
      expect((await get(`${path}/more`, nobody)).status).toBe(404);
    },
  );
});

describe('How feeds are doing', () => {
  it('is told of every maker and of every door, with what is not set up (0-101, 0-108)', async () => {
    const { status, body, headers } = await get('/console/api/feeds', asAdministrator);
    const names = body.feeds.map(({ name }: any) => name);

    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(names).toEqual(
      expect.arrayContaining(['boston-scientific', 'medtronic', 'iot', 'iot-files', 'mqtt', 'hl7v2']),
    );
    expect(await feed('medtronic')).toMatchObject({ health: 'off', kind: 'maker', next_poll: null });
    expect(await feed('mqtt')).toMatchObject({ health: 'off', kind: 'door', port: null });
  });

  it('counts what came by a door: taken in, again, refused with its reason and time (0-102, 0-103)', async () => {
    const key = { authorization: `Bearer ${await house.deviceKey('BSX-d-p1')}` };
    const post = (heart_rate: unknown) =>
      house.ask(
        'POST',
        '/api/iot/vitals',
        { device_id: 'BSX-d-p1', timestamp: '2026-01-01T10:00:00Z', heart_rate },
        key,
      );
    expect((await feed('iot')).health).toBe('idle');
    expect((await post(71)).status).toBe(201);
    expect((await post(71)).status).toBe(200);
    expect(await feed('iot')).toMatchObject({ health: 'ok', counts: { success: 2, duplicate: 1, failure: 0 } });
    expect((await post('fast')).status).toBe(400);
    const told = await feed('iot');
    expect(told).toMatchObject({ health: 'attention', counts: { success: 2, failure: 1 } });
    expect([told.reason.includes('heart_rate'), Date.now() - Date.parse(told.last_failure) < 10_000]).toEqual([
      true,
      true,
    ]);
    expect(told.reason).not.toContain('fast');
  });

  it('is for who may read devices, without a name of anybody; not for patients, devices, nobody (0-146)', async () => {
    const { status, text } = await get('/console/api/feeds', asNina);
    expect(status).toBe(200);
    expect(text).not.toMatch(/Doe|MRN|Patient\//);
    const john = { login: 'john', password: PASSWORD, fhirUser: 'Patient/p1', roles: ['patient'] };
    expect((await house.ask('POST', '/admin/users', john)).status).toBe(201);
    expect((await get('/console/api/feeds', await cookieOf(house, 'john'))).status).toBe(403);
    const key = { authorization: `Bearer ${await house.deviceKey('BSX-d-p1')}` };
    expect((await get('/console/api/feeds', key)).status).toBe(403);
    expect([401, 403]).toContain((await get('/console/api/feeds', nobody)).status);
    expect((await get('/console/api/feeds?x=1', asAdministrator)).status).toBe(400);
  });
});

describe('The quarantine at a page', () => {
  it('is looked at, repaired, sent again and set aside with a cookie; each look is written down (0-112)', async () => {
    expect((await sent(house, message('Q1'))).status).toBe(422);
    expect((await sent(house, message('Q2'))).status).toBe(422);
    const list = async () => (await get('/console/api/quarantine?state=open', asAdministrator)).body.quarantine;
    const [one, other] = await list();
    expect(one).toMatchObject({ feed: 'hl7v2', code: 'no-patient', state: 'open' });
    // All pages share one count for a second.
    await until(async () => (await feed('hl7v2')).counts.quarantined === 2);
    expect(await feed('hl7v2')).toMatchObject({ health: 'attention', reason: 'quarantined' });

    const path = `/console/api/quarantine/${one.id}`;
    const payload = (await get(`${path}/payload`, asAdministrator)).text;
    const repaired = payload.replace('PID|1||', 'PID|1||Q1^^^CLINIC^MR');
    const bytes = { ...asAdministrator, 'content-type': 'application/octet-stream' };
    expect((await house.ask('POST', `${path}/retry`, repaired, bytes)).body.state).toBe('taken-in');
    expect(await house.search('Patient?identifier=Q1')).toHaveLength(1);
    const aside = `/console/api/quarantine/${other.id}/discard`;
    expect((await house.ask('POST', aside, {}, asAdministrator)).status).toBe(400);
    expect((await house.ask('POST', aside, { reason: 'a test' }, asAdministrator)).body.state).toBe('discarded');
    expect(await list()).toEqual([]);
    const looks = (await house.search('AuditEvent?_count=500')).filter((row) =>
      JSON.stringify(row).includes(`Quarantine/${one.id}`),
    );
    expect(looks.map(({ action }) => action).sort()).toEqual(['R', 'U']);
  });

  it('is for who may everything: a nurse, a device, another site and nobody are refused, and nothing is changed (0-146)', async () => {
    await sent(house, message('Q3'));
    const [one] = (await get('/console/api/quarantine?state=open', asAdministrator)).body.quarantine;
    const key = { authorization: `Bearer ${await house.deviceKey('BSX-d-p1')}` };
    const path = `/console/api/quarantine/${one.id}`;
    const foreign = { ...asAdministrator, 'sec-fetch-site': 'cross-site' };
    for (const headers of [asNina, key, foreign, nobody]) {
      for (const asked of ['/console/api/quarantine', path, `${path}/payload`]) {
        const { status, text } = await get(asked, headers);
        expect([401, 403]).toContain(status);
        expect(text).not.toContain('DOE');
      }
      expect([401, 403]).toContain((await house.ask('POST', `${path}/retry`, undefined, headers)).status);
      expect([401, 403]).toContain((await house.ask('POST', `${path}/discard`, { reason: 'x' }, headers)).status);
    }
    expect((await get(path, asAdministrator)).body.state).toBe('open');
  });
});
