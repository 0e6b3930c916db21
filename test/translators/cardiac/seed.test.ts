/** The customer's own document: credentials, the simulated maker, polls, lists, acknowledgement, status; as administrator and with the three scopes. The rest: seed.long.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { until } from '../../support/until.ts';
import { credentials, openSeedHouse } from './seed-house.ts';

const words = 'device_data patient_data alerts';

let seed: Awaited<ReturnType<typeof openSeedHouse>>;
/** Of a client with the three scopes. */
let token: string;

const as = (one: string) => ({ authorization: `Bearer ${one}` });
const get: typeof seed.get = (...asked) => seed.get(...asked);

const list = async (path: string, headers = {}) => {
  const { status, body, text } = await get(`/cardiac/patients/${path}`, headers);
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return body;
};
/** What the house itself thinks of the readings stands beside it. */
const makersAlert = async (query: string, headers = {}) =>
  (await list(`PAT001/alerts${query}`, headers)).alerts.find(({ alert_id }: any) =>
    alert_id.startsWith('boston-scientific:'),
  );

beforeAll(async () => {
  seed = await openSeedHouse();
  token = await seed.tokenOf(words);
});
afterAll(() => seed.stop());

describe('The cardiac integration as the customer wrote it down', () => {
  it('says in words why nothing is asked yet, and begins with the credential (0-022, 0-029)', async () => {
    await until(async () => (await seed.makerStatus()).why === 'No credential is stored');
    const { body } = await get('/cardiac/status');
    expect(body).toMatchObject({ status: 'ok', database: 'up' });
    const medtronic = body.manufacturers.find((one: any) => one.manufacturer === 'medtronic');
    expect(medtronic).toMatchObject({ state: 'off', why: 'MEDTRONIC_BASE_URL is not set', last_sync: null });

    const stored = await seed.house.ask('POST', '/cardiac/credentials/boston_scientific', credentials);
    expect(stored.status).toBe(201);
    await until(async () => (await seed.makerStatus()).last_sync !== null);
  });

  it.each(['administrator', 'client'])(
    'lists what the maker told, for the %s (0-023, 0-024, 0-025, 0-080)',
    async (who) => {
      const headers = who === 'client' ? as(token) : {};
      const devices = await list('PAT001/devices', headers);
      expect(devices).toMatchObject({ patient_id: 'PAT001', total: 1, next: null });
      expect(devices.devices).toEqual([
        {
          device_id: 'BSX-000011',
          patient_id: 'PAT001',
          manufacturer: 'boston-scientific',
          model: 'D433',
          device_type: 'icd',
          implant_date: '2023-03-15',
          battery_level: expect.any(Number),
          status: 'active',
        },
      ]);
      const jane = await list('PAT002/devices', headers);
      expect(jane.devices[0]).toMatchObject({ device_type: 'pacemaker', patient_id: 'PAT002' });

      const { readings, total } = await list('PAT001/readings?type=battery_voltage', headers);
      expect(total).toBeGreaterThan(0);
      expect(readings[0]).toEqual({
        device_id: 'BSX-000011',
        patient_id: 'PAT001',
        manufacturer: 'boston-scientific',
        reading_type: 'battery_voltage',
        value: expect.any(Number),
        unit: 'V',
        timestamp: expect.stringMatching(/Z$/),
        device_type: 'icd',
        status: 'active',
      });

      expect(await makersAlert('', headers)).toEqual({
        alert_id: 'boston-scientific:A-BSX-000011-0',
        device_id: 'BSX-000011',
        patient_id: 'PAT001',
        alert_type: 'lead-impedance-high',
        severity: 'critical',
        message: expect.stringContaining('impedance'),
        timestamp: expect.any(String),
        acknowledged: false,
      });
    },
  );

  it('runs once for two who ask at a time, and tells how it went (0-026)', async () => {
    // The maker makes the first wait a second, however late the other comes.
    seed.sim.setFault('too-many-requests:1');
    const post = () => seed.house.ask('POST', '/cardiac/patients/PAT002/ingest');
    const [one, two] = await Promise.all([post(), systemRuntime.sleep(100).then(post)]);
    seed.sim.setFault('too-many-requests', false);
    expect([one.status, two.status]).toEqual([202, 202]);
    expect(one.body.job_id).toBe(two.body.job_id);
    const location = one.headers.get('location')!;
    expect(location).toBe(`${seed.house.url}/cardiac/jobs/${one.body.job_id}`);
    const job = await until(async () => {
      const { body } = await get(location, as(token));
      return ['completed', 'failed'].includes(body.state) && body;
    });
    expect(job).toMatchObject({ patient_id: 'PAT002', state: 'completed', errors: [] });
    expect(job.counts.success).toBeGreaterThan(0);
    const { new: stored, corrected, duplicate, quarantined, received } = job.counts;
    expect(stored + corrected + duplicate + quarantined).toBe(received);
    expect((await get('/cardiac/jobs/nobody')).status).toBe(404);
  });

  it('acknowledges for the administrator, tells the maker, and not for a client that only reads (0-027, 0-080, 0-090)', async () => {
    const { alert_id } = await makersAlert('');
    const path = `/cardiac/alerts/${encodeURIComponent(alert_id)}/acknowledge`;
    expect((await seed.house.ask('POST', path, undefined, as(token))).status).toBe(403);
    const { status, body } = await seed.house.ask('POST', path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ alert_id, patient_id: 'PAT001', acknowledged: true, acknowledged_by: 'Client/admin' });
    expect(Date.now() - Date.parse(body.acknowledged_at)).toBeLessThan(60_000);
    expect(await makersAlert('')).toBeUndefined();
    expect(await makersAlert('?status=all')).toMatchObject({ alert_id, acknowledged: true });
    await until(async () => (await seed.makerStatus()).acknowledgements_waiting === 0);
    const known = seed.sim.truth().alerts.find(({ id }: any) => alert_id.endsWith(id));
    expect(known).toMatchObject({ acknowledged: true });
  });

  it('tells the maker as well of an alert whose Task somebody accepts by a plain write (0-027, 0-046)', async () => {
    const ofSim = () => seed.sim.truth().alerts.filter(({ acknowledged }: any) => !acknowledged);
    const tasks = await seed.house.search('Task?status=requested&code=alert-review&_count=200');
    const isMakers = ({ identifier }: any) => ofSim().some(({ id }: any) => identifier[0].value.endsWith(`:${id}`));
    const task = tasks.find(isMakers);
    const id = task.identifier[0].value.split(':').pop();
    expect((await seed.house.update({ ...task, status: 'accepted' })).status).toBe(200);
    const isTold = () => ofSim().every((one: any) => one.id !== id);
    await until(async () => isTold() || (await seed.makerStatus()).acknowledgements_waiting === 1);
    // It is seen within a minute; at once by whoever asks for a run.
    expect((await seed.house.ask('POST', '/cardiac/patients/PAT001/ingest')).status).toBe(202);
    await until(isTold);
  });

  it('tells the connection, the token, the last sync, the quota and the counts (0-029, 0-106, 0-108)', async () => {
    const status = await seed.makerStatus();
    expect(status).toMatchObject({ environment: 'production', api_connection: 'up', breaker: 'closed', why: null });
    expect(status.token_expires_in).toBeGreaterThan(0);
    expect(status.queue_lag_seconds).toBeLessThan(60);
    expect(status.quota_remaining).toBeGreaterThan(0);
    expect(status.counts.success).toBeGreaterThan(0);
    expect(Object.keys(status.counts)).toEqual(
      expect.arrayContaining(['success', 'failure', 'duplicate', 'quarantined', 'missing']),
    );
    const path = '/cardiac/status/boston_scientific/devices';
    const one = (await get(`${path}?limit=1`)).body;
    expect(one.devices).toMatchObject([{ device_id: 'BSX-000011', patient_id: 'PAT001', counts: { failure: 0 } }]);
    expect((await get(one.next)).body.devices[0].device_id).not.toBe('BSX-000011');
    expect((await get(path, as(token))).status).toBe(403);
    expect((await get('/cardiac/status/nobody/devices')).status).toBe(404);
    expect((await get('/cardiac/status', as(token))).status).toBe(200);
    expect((await get('/cardiac/status', { authorization: '' })).status).toBe(401);
  });

  it('opens nothing to a scope without the type (0-023)', async () => {
    const alerts = await seed.tokenOf('patient_data alerts');
    expect((await get('/cardiac/patients/PAT001/devices', as(alerts))).status).toBe(403);
    expect((await get('/cardiac/status', as(alerts))).status).toBe(403);
    expect((await get('/cardiac/patients/PAT001/devices', { authorization: '' })).status).toBe(401);
    expect((await get('/cardiac/patients/PAT999/devices')).status).toBe(404);
  });
});
