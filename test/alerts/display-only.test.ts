/** Display only: no device, feed or cardiac route concludes, orders or recommends. From the policies, by asking, and by what is stored after all of it ran. docs/cardiac.md */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acknowledgingAccess } from '../../src/alerts/acknowledge/access.ts';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import { ingestAccess } from '../../src/ingest/access.ts';
import { feedAccess } from '../../src/ingest/intake/access.ts';
import type { Access } from '../../src/interactions/interaction.ts';
import { cardiacRoutes } from '../../src/publish/cardiac-routes.ts';
import { hospital } from '../../src/simulators/hl7v2.ts';
import { devicePermissions } from '../../src/smart/access.ts';
import { openAccessHouse } from '../support/access-house.ts';
import { until } from '../support/until.ts';
import { credentials, openSeedHouse } from '../translators/cardiac/seed-house.ts';

/** What says what somebody has, is to get or ought to do. */
const judgements = [
  'Condition',
  'ClinicalImpression',
  'RiskAssessment',
  'GuidanceResponse',
  'ServiceRequest',
  'DeviceRequest',
  'SupplyRequest',
  'NutritionOrder',
  'VisionPrescription',
  'MedicationRequest',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationStatement',
  'ImmunizationRecommendation',
  'CarePlan',
  'Goal',
  'RequestGroup',
  'ActivityDefinition',
  'PlanDefinition',
];

/** Types that a caller may write in any way. */
const writable = ({ permits }: Access): readonly string[] =>
  [...resourceTypes]
    .filter((type) => (['create', 'update', 'patch', 'delete'] as const).some((deed) => permits(deed, type)))
    .sort();
const judgementsIn = (types: readonly string[]) => types.filter((type) => judgements.includes(type));

describe('By the policies', () => {
  it('a device writes Observations and nothing else, whatever its key is for and at whichever door (0-146)', async () => {
    const { access, stop } = await openAccessHouse(0);
    const device = { type: 'Device', id: '1' };
    for (const patient of [{ type: 'Patient', id: '1' }, undefined])
      expect(writable(access.deviceAccess(device, patient, devicePermissions))).toEqual(['Observation']);
    await stop();
    expect(writable(ingestAccess('Device/1'))).toEqual(['DetectedIssue', 'Observation']);
  });

  it('what tells of devices writes what they are, what they measured and what they noticed', () => {
    const names = readdirSync(new URL('../../mappings/', import.meta.url));
    for (const feed of [...names.filter((name) => name !== 'hl7v2'), 'mqtt', 'iot-files'])
      expect([feed, writable(feedAccess(feed))]).toEqual([
        feed,
        [
          'Binary',
          'DetectedIssue',
          'Device',
          'DeviceMetric',
          'DeviceUseStatement',
          'DiagnosticReport',
          'DocumentReference',
          'Flag',
          'Observation',
          'Patient',
          'Procedure',
          'Provenance',
          'Task',
        ],
      ]);
    // The clinic's own system states its diagnoses in ADT; it orders and recommends nothing by us.
    expect(judgementsIn(writable(feedAccess('hl7v2')))).toEqual(['Condition']);
  });

  it('who acts on an alert writes the three resources of this one and what was done (0-146)', async () => {
    const access = acknowledgingAccess(['Flag/1', 'DetectedIssue/1', 'Task/1']);
    expect(writable(access)).toEqual(['DetectedIssue', 'Flag', 'Provenance', 'Task']);
    const flag = (id: string) => ({ resourceType: 'Flag', id });
    expect(await access.mayWrite(flag('1'), flag('1'))).toBe(true);
    expect(await access.mayWrite(flag('2'), flag('2'))).toBe(false);
    for (const resourceType of [...judgements, 'Flag', 'DetectedIssue', 'Task'])
      expect([resourceType, await access.mayWrite(undefined, { resourceType })]).toEqual([resourceType, false]);
  });
});

describe('By asking', () => {
  let seed: Awaited<ReturnType<typeof openSeedHouse>>;
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  const refusedTo = async (headers: { authorization: string }) => {
    const told: string[] = [];
    for (const resourceType of judgements) {
      const resource = { resourceType, id: 'x', status: 'active', subject: { reference: 'Patient/1' } };
      const entry = (method: string, url: string) => ({ resource, request: { method, url } });
      const bundle = (type: string, method: string, url: string) =>
        seed.house.ask('POST', '/fhir', { resourceType: 'Bundle', type, entry: [entry(method, url)] }, headers);
      const put = await seed.house.update(resource, headers);
      const posted = await seed.house.create({ ...resource, id: undefined }, headers);
      const transaction = await bundle('transaction', 'POST', resourceType);
      const batch = await bundle('batch', 'PUT', `${resourceType}/x`);
      const inBatch = batch.status === 200 ? Number.parseInt(batch.body.entry[0].response.status, 10) : batch.status;
      told.push(`${resourceType} ${[put.status, posted.status, transaction.status, inBatch]}`);
    }
    return told;
  };
  const allRefused = judgements.map((type) => `${type} 403,403,403,403`);

  beforeAll(async () => {
    seed = await openSeedHouse();
  });
  afterAll(() => seed.stop());

  it('a device with its key is refused each of them, alone, in a batch and in a transaction (0-146)', async () => {
    const device = { resourceType: 'Device', identifier: [{ system: 'urn:x', value: 'WATCH-1' }], status: 'active' };
    await seed.house.create({ ...device, patient: { reference: `Patient/${seed.house.patientId}` } });
    const key = await seed.house.deviceKey('WATCH-1', { permissions: devicePermissions });
    expect(await refusedTo(as(key))).toEqual(allRefused);
    // Its own door makes an alert of it, and no more.
    const reading = { device_id: 'WATCH-1', timestamp: new Date().toISOString(), heart_rate: 210 };
    const { body } = await seed.house.ask('POST', '/api/iot/vitals/', reading, as(key));
    expect(body.alerts_triggered).toBe(1);
  });

  it('a client with the three scopes of the cardiac integration is refused each of them', async () => {
    const token = await seed.tokenOf('device_data patient_data alerts');
    expect(await refusedTo(as(token))).toEqual(allRefused);
  });

  it('every cardiac route, a maker and messages of implants leave none of them behind, nor a report that concludes', async () => {
    const { house, get, makerStatus } = seed;
    const walked: string[] = [];
    const walk = async (method: 'get' | 'post', path: string, values: Record<string, string> = {}) => {
      walked.push(`${method} ${path}`);
      const url = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]!));
      const { status, body, text } = await house.ask(method.toUpperCase(), url);
      if (status >= 300) throw new Error(`${method} ${url}: ${status} ${text}`);
      return body;
    };
    expect((await house.ask('POST', '/cardiac/credentials/boston_scientific', credentials)).status).toBe(201);
    const patient = { patient_id: 'PAT001' };
    await until(async () => (await makerStatus()).last_sync !== null);
    await walk('get', '/cardiac/status');
    await walk('get', '/cardiac/status/{manufacturer}/devices', { manufacturer: 'boston-scientific' });
    const { job_id } = await walk('post', '/cardiac/patients/{patient_id}/ingest', patient);
    await until(async () => ['completed', 'failed'].includes((await get(`/cardiac/jobs/${job_id}`)).body.state));
    await walk('get', '/cardiac/jobs/{job_id}', { job_id });
    for (const name of ['devices', 'readings', 'alerts'])
      await walk('get', `/cardiac/patients/{patient_id}/${name}`, patient);
    const { alerts } = (await get('/cardiac/patients/PAT001/alerts')).body;
    expect(alerts.length).toBeGreaterThan(0);
    for (const deed of ['acknowledge', 'acknowledge/undo', 'resolve'])
      await walk('post', `/cardiac/alerts/{alert_id}/${deed}`, alerts[0]);
    expect(walked.sort()).toEqual(cardiacRoutes.map(({ method, path }) => `${method} ${path}`).sort());

    const messages = [...hospital({ seed: 1, at: Date.now(), messages: 8 })].filter((one) => /MDC_IDC/.test(one));
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) {
      const { text } = await house.ask('POST', '/hl7v2', message, { 'content-type': 'application/hl7-v2' });
      expect(text).toMatch(/MSA\|[AC]A/);
    }

    expect((await house.search('DetectedIssue')).length).toBeGreaterThan(1);
    for (const type of judgements) expect([type, await house.search(type)]).toEqual([type, []]);
    const reports = await house.search('DiagnosticReport');
    expect(reports.length).toBeGreaterThan(0);
    for (const report of reports) expect(report).not.toHaveProperty(['conclusion']);
    for (const report of reports) expect(report).not.toHaveProperty(['conclusionCode']);
  });
});
