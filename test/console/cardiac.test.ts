/** The pages of devices without a browser: documents, what they ask for, and who is told what. docs/dashboard.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { alert, base, EVIL, observation, openWard, PASSWORD, store } from './cardiac-world.ts';
import { cookieOf } from './page-cookie.ts';

let house: TestHouse;
let asNina: Record<string, string>;
let shift = 0;
const nobody = { authorization: '' };
const get = (path: string, headers: Record<string, string> = {}) => house.ask('GET', path, undefined, headers);

beforeAll(async () => {
  house = await openHouse({ runtime: { ...systemRuntime, now: () => systemRuntime.now() + shift } });
  await openWard(house);
  const hour = 3_600_000;
  await store(house, [
    ...alert('a1', 'p1', { priority: 'PM', text: 'Lead impedance', at: Date.now() - 2 * hour }),
    ...alert('a2', 'p1', { at: Date.now() - hour }),
    ...alert('a3', 'p1', { priority: 'PL', text: 'No contact' }),
    ...alert('b1', 'p2', { text: EVIL }),
    observation('o1', 'p1', Date.now() - hour, 71),
    observation('o3', 'p1', Date.now() - 48 * hour, 0, {
      category: undefined,
      code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '722177' }], text: 'Pacing threshold RV' },
      valueQuantity: { value: 1.1, unit: 'V', system: 'http://unitsofmeasure.org', code: 'V' },
      interpretation: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'H' }] },
      ],
    }),
    // What a poll writes: of now, whatever the device has said.
    observation('o4', 'p1', Date.now(), 0, {
      category: undefined,
      code: { coding: [{ system: `${base}/CodeSystem/cied-connectivity`, code: 'connectivity' }] },
      valueQuantity: undefined,
    }),
    observation('o2', 'p1', Date.now() - 30 * hour, 72),
  ]);
  asNina = await cookieOf(house, 'nina');
});
afterAll(() => house.stop());

describe('The documents of devices', () => {
  it.each(['/cardiac/', '/cardiac', '/cardiac/patients/p1'])(
    'answer %s with a frame and no data, also with a cookie',
    async (path) => {
      for (const headers of [nobody, { authorization: '', cookie: asNina['cookie']! }]) {
        const { status, headers: sent, text } = await get(path, { accept: 'text/html', ...headers });
        expect([status, sent.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
        expect(text).toContain('class="disclaimer" role="note"');
        expect(text).not.toMatch(/Doe|MRN|<script(?![^>]* src=")|\sstyle=/);
      }
    },
  );

  it('take no address of the JSON away, and say nothing of the patient in the title', async () => {
    expect((await get('/cardiac/patients/MRN-p1/devices')).body.devices[0].device_id).toBe('BSX-d-p1');
    expect((await get('/cardiac/patients/MRN-p1/devices', nobody)).status).toBe(401);
    expect((await get('/cardiac/status')).status).toBe(200);
    expect((await get('/cardiac/patients/secret', nobody)).text).not.toContain('secret');
  });
});

describe('What the list of alerts asks for', () => {
  it('is every active alert, worst first, with patient and device (0-109)', async () => {
    const { status, body, headers } = await get('/console/api/triage');

    expect([status, body.total, body.unreviewed]).toEqual([200, 4, 4]);
    expect(body.rows.map(({ alert_id }: any) => alert_id)).toEqual(['b1', 'a2', 'a1', 'a3']);
    expect(body.rows[1]).toMatchObject({
      severity: 'critical',
      message: 'Shock delivered',
      patient: { id: 'p1', name: 'Doe, John', sex: 'm' },
      device: { name: 'BSX-d-p1', type: 'icd', maker: 'Boston Scientific', model: 'D433' },
      state: 'new',
      acknowledged_by: null,
    });
    expect(body.oldest_critical).toBe(body.rows[1].since);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('is what the nurse sees and no more, for one alert too; names stay data (0-146)', async () => {
    const ids = async (path: string, headers = asNina) =>
      (await get(path, headers)).body.rows.map((row: any) => row.id);

    expect(await ids('/console/api/triage')).toEqual(['flag-a2', 'flag-a1', 'flag-a3']);
    expect(await ids('/console/api/triage?flag=flag-b1')).toEqual([]);
    expect(await ids('/console/api/triage?flag=flag-a1')).toEqual(['flag-a1']);
    const [row] = (await get('/console/api/triage?flag=flag-b1')).body.rows;
    expect([row.patient.name, row.message]).toEqual([`${EVIL}, John`, EVIL]);
  });

  it('opens to neither nobody, a device, the patient, a page of another site nor what is misspelt (0-146)', async () => {
    const key = { authorization: `Bearer ${await house.deviceKey('BSX-d-p1')}` };
    const john = { login: 'john', password: PASSWORD, fhirUser: 'Patient/p1', roles: ['patient'] };
    expect((await house.ask('POST', '/admin/users', john)).status).toBe(201);
    const asPatient = await cookieOf(house, 'john');
    for (const path of ['/console/api/triage', '/console/api/patients/p1']) {
      expect([401, 403]).toContain((await get(path, nobody)).status);
      expect((await get(path, key)).status).toBe(403);
      expect((await get(path, asPatient)).status).toBe(403);
      expect((await get(path, { ...asNina, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect((await get(`${path}?flags=1`)).status).toBe(400);
    }
  });

  it('says who acknowledged, and forgets it where that is taken back', async () => {
    const post = (path: string) => house.ask('POST', `/cardiac/alerts/a1/acknowledge${path}`, undefined, asNina);
    const state = async () => {
      const [row] = (await get('/console/api/triage?flag=flag-a1', asNina)).body.rows;
      return [row.state, row.acknowledged_by];
    };
    expect((await post('')).status).toBe(200);
    expect(await state()).toEqual(['acknowledged', 'Lee, Nina']);
    expect((await post('/undo')).status).toBe(200);
    expect(await state()).toEqual(['new', null]);
  });

  it('keeps an acknowledgement that is older than ten seconds, whoever wants it back (0-109)', async () => {
    const post = (path: string) => house.ask('POST', `/cardiac/alerts/a3/acknowledge${path}`, undefined, asNina);
    const { acknowledged_at } = (await post('')).body;
    shift += 10_500;
    expect((await post('/undo')).status).toBe(422);
    const [row] = (await get('/console/api/triage?flag=flag-a3')).body.rows;
    expect([row.state, row.acknowledged_at]).toEqual(['acknowledged', acknowledged_at]);
  });

  it('says whose it is', async () => {
    const { body: task } = await house.read('Task/task-a2');
    await house.update({ ...task, owner: { reference: 'Practitioner/nora' } });
    const [row] = (await get('/console/api/triage?flag=flag-a2', asNina)).body.rows;
    expect([row.state, row.owner, row.is_mine]).toEqual(['assigned', 'Practitioner/nora', false]);
  });

  it.each([
    ['Patient/p1', 'new', false],
    ['CareTeam/team', 'new', true],
    ['HealthcareService/ems', 'new', false],
    ['Practitioner/nina', 'assigned', true],
    ['PractitionerRole/nina-here', 'assigned', true],
  ])(
    'is assigned where a person has it, and mine where I or a team of mine has it: %s',
    async (owner, state, isMine) => {
      await store(house, [
        { resourceType: 'PractitionerRole', id: 'nina-here', practitioner: { reference: 'Practitioner/nina' } },
      ]);
      const { body: task } = await house.read('Task/task-a2');
      await house.update({ ...task, owner: { reference: owner } });
      const rowFor = async (headers?: any) =>
        (await get('/console/api/triage', headers)).body.rows.find(({ id }: any) => id === 'flag-a2');
      const row = await rowFor(asNina);
      expect([row.state, row.owner, row.is_mine]).toEqual([state, owner, isMine]);
      expect((await rowFor()).is_mine).toBe(false);
    },
  );
});

describe('What the page of a patient asks for', () => {
  it('is devices, values of the time that is asked for, and alerts with their deeds', async () => {
    const { status, body } = await get('/console/api/patients/p1', asNina);

    expect(status).toBe(200);
    expect(body.devices).toEqual([
      expect.objectContaining({ name: 'BSX-d-p1', udi: '00802526000001', battery_level: null, status: 'active' }),
    ]);
    const age = Date.now() - Date.parse(body.devices[0].last_contact);
    expect([age >= 3_600_000, age < 3_700_000]).toEqual([true, true]);
    expect(body.heart_rate).toEqual([
      expect.objectContaining({ kind: 'heart_rate', unit: 'beats/minute', points: [[expect.any(Number), 71]] }),
    ]);
    const week = (await get('/console/api/patients/p1?hours=168', asNina)).body;
    expect(week.heart_rate[0].points.map(([, value]: any) => value)).toEqual([72, 71]);
    expect(body.slow).toEqual([
      expect.objectContaining({ name: 'Pacing threshold RV', unit: 'V', points: [[expect.any(Number), 1.1, 'H']] }),
    ]);
    const { deeds } = body.alerts.find(({ flag }: any) => flag === 'flag-a1');
    expect(deeds.map(({ what, by }: any) => [what, by])).toEqual([
      ['acknowledged', 'Lee, Nina'],
      ['taken-back', 'Lee, Nina'],
    ]);
  });

  it('takes the id or the identifier of a patient, and hides whom the caller may not see', async () => {
    expect((await get('/console/api/patients/MRN-p1', asNina)).body.patient.id).toBe('p1');
    for (const name of ['p2', 'MRN-p2', 'none'])
      expect((await get(`/console/api/patients/${name}`, asNina)).status).toBe(404);
    expect((await get('/console/api/patients/p1?hours=5')).status).toBe(400);
  });
});

describe('What stands beside the values', () => {
  it('is what is normal for this patient: the shipped limits, and the own ones before them (Part 4.2, 5)', async () => {
    const band = async () => (await get('/console/api/patients/p1', asNina)).body.heart_rate[0].band;
    // What an implant says goes by other limits.
    await store(house, [observation('w1', 'p1', Date.now() - 1_800_000, 70, { device: undefined })]);
    expect(await band()).toEqual({ low: 60, high: 100 });
    const quantity = (value: number) => ({ value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' });
    const own = {
      resourceType: 'ObservationDefinition',
      extension: [{ url: `${base}/StructureDefinition/limits-for`, valueReference: { reference: 'Patient/p1' } }],
      identifier: [{ system: `${base}/sid/vital`, value: 'heart-rate' }],
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      quantitativeDetails: { unit: { coding: [{ system: 'http://unitsofmeasure.org', code: '/min' }] } },
      qualifiedInterval: [{ category: 'reference', range: { low: quantity(41), high: quantity(141) } }],
    };
    expect((await house.create(own)).status).toBe(201);
    expect(await band()).toEqual({ low: 41, high: 141 });
  });

  it('is the record number behind stars; the whole is asked for, and the trail tells who did (Part 4.4, P2)', async () => {
    const { body } = await get('/console/api/patients/p1', asNina);
    expect(body.patient.mrn).toBe('****-p1');
    expect(JSON.stringify(body)).not.toContain('MRN-p1');
    const reads = async () =>
      (await house.search('AuditEvent?patient=p1&action=R')).filter(({ subtype }) =>
        subtype?.some(({ code }: any) => code === 'read'),
      ).length;
    const before = await reads();
    expect((await get('/console/api/patients/p1/mrn', asNina)).body).toEqual({ mrn: 'MRN-p1' });
    expect(await reads()).toBe(before + 1);
    expect((await get('/console/api/patients/p2/mrn', asNina)).status).toBe(404);
    expect((await get('/console/api/patients/p1/mrn', nobody)).status).toBe(401);
  });

  it('is the same as CSV, in which no text of others is a formula (Part 4.2, 7)', async () => {
    await store(house, [
      observation('f1', 'p1', Date.now() - 60_000, 3, {
        code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '722177' }], text: '=cmd("x")' },
        valueQuantity: { value: 1.25, unit: 'V', system: 'http://unitsofmeasure.org', code: 'V' },
      }),
    ]);
    const { status, headers, text } = await get('/console/api/patients/p1/values?hours=24', asNina);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8; header=present']);
    const lines = text.split('\r\n');
    expect(lines[0]).toBe('time,kind,name,value,unit,beyond,low,high');
    expect(lines[1]).toMatch(/^\d{4}-.*Z,"heart_rate","Heart rate",71,"beats\/minute",,41,141$/);
    expect(text).toContain('"\'=cmd(""x"")",1.25,"V"');
    expect((await get('/console/api/patients/p2/values', asNina)).status).toBe(404);
  });

  it('is what a device says of magnetic resonance, and nothing where it says nothing (Part 4.4, P2)', async () => {
    const mri = async () => (await get('/console/api/patients/p1', asNina)).body.devices[0].mri;
    expect(await mri()).toBeNull();
    const { body } = await house.read('Device/d-p1');
    await house.update({ ...body, safety: [{ text: 'MRI conditional, 1.5 T' }] });
    expect(await mri()).toBe('MRI conditional, 1.5 T');
  });

  it('is what is left of the battery, a serial number behind stars, and how many alerts are active (Part 4.4, P2)', async () => {
    const card = async () => (await get('/console/api/patients/p1', asNina)).body.devices[0];
    const before = await card();
    expect([before.battery_level, before.battery_voltage, before.serial]).toEqual([null, null, null]);
    const { body } = await house.read('Device/d-p1');
    await store(house, [
      { ...body, serialNumber: 'SN-4711-908' },
      observation('volts', 'p1', Date.now() - 60_000, 2.9, {
        category: undefined,
        code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '721344' }], text: 'Battery voltage' },
        valueQuantity: { value: 2.9, unit: 'V', system: 'http://unitsofmeasure.org', code: 'V' },
      }),
      ...alert('p2-4', 'p1', { priority: 'PL', text: 'One more' }),
      // What the device told of itself has no Flag.
      {
        resourceType: 'Task',
        id: 'own-battery',
        identifier: [{ system: `${base}/sid/alert-task`, value: 'own-battery' }],
        status: 'requested',
        intent: 'order',
        focus: { reference: 'Device/d-p1' },
        for: { reference: 'Patient/p1' },
      },
    ]);
    const after = await card();
    expect(after).toMatchObject({ battery_voltage: { value: 2.9, unit: 'V' }, serial: '****908' });
    expect(after.active_alerts).toBe(before.active_alerts + 2);
    expect(JSON.stringify(after)).not.toContain('SN-4711');
  });

  it('is what an alert was raised from, for who sees its patient (Part 4.1)', async () => {
    const { body: flag } = await house.read('Flag/flag-a2');
    const seen = { url: 'http://hl7.org/fhir/StructureDefinition/flag-detail' };
    const extension = [...flag.extension, { ...seen, valueReference: { reference: 'Observation/o1' } }];
    await house.update({ ...flag, extension });
    const { body } = await get('/console/api/evidence?flag=flag-a2', asNina);
    expect(body.values).toEqual([expect.objectContaining({ name: 'Heart rate', value: 71, unit: 'beats/minute' })]);
    expect((await get('/console/api/evidence?flag=flag-b1', asNina)).body).toEqual({ detail: null, values: [] });

    const { body: reading } = await house.read('Observation/o1');
    await house.update({ ...reading, status: 'entered-in-error' });
    const { body: later } = await get('/console/api/evidence?flag=flag-a2', asNina);
    expect(later.values).toEqual([expect.objectContaining({ value: 71, beyond: 'withdrawn' })]);
    await house.update(reading);
  });
});

describe('What stands above the list', () => {
  it('is the median to acknowledge, and each patient’s organization (Part 4.4, P1)', async () => {
    const { body: issue } = await house.read('DetectedIssue/issue-a1');
    await house.update({ ...issue, identifiedDateTime: new Date(Date.now() + shift - 90_000).toISOString() });
    const { body: acknowledged } = await house.ask('POST', '/cardiac/alerts/a1/acknowledge', undefined, asNina);
    expect(acknowledged.acknowledged_by).toBe('Practitioner/nina');
    await store(house, [{ resourceType: 'Organization', id: 'north', name: 'Clinic North' }]);
    const { body: person } = await house.read('Patient/p2');
    await house.update({ ...person, managingOrganization: { reference: 'Organization/north' } });

    const { body } = await get('/console/api/triage');
    expect(body.median_acknowledgement).toBeGreaterThanOrEqual(90);
    expect(body.median_acknowledgement).toBeLessThan(120);
    expect(body.rows.find(({ id }: any) => id === 'flag-b1').patient.organization).toBe('Clinic North');
  });

  it('and in it stand alerts of which no patient is known, for who may see their Task (0-109)', async () => {
    await store(house, [
      { resourceType: 'Device', id: 'loose', modelNumber: 'Hub 7' },
      {
        resourceType: 'DetectedIssue',
        id: 'loose',
        status: 'final',
        code: { coding: [{ system: `${base}/CodeSystem/alert-type`, code: 'device-offline' }] },
      },
      {
        resourceType: 'Task',
        id: 'loose',
        identifier: [{ system: `${base}/sid/alert-task`, value: 'loose' }],
        status: 'requested',
        intent: 'order',
        priority: 'asap',
        code: { coding: [{ system: `${base}/CodeSystem/task-kind`, code: 'alert-review' }] },
        reasonReference: { reference: 'DetectedIssue/loose' },
        description:
          'Nothing was heard of the device since 2026-01-02T03:04:05.000Z; expected by 2026-01-02T05:04:05.000Z',
        focus: { reference: 'Device/loose' },
        authoredOn: new Date().toISOString(),
      },
    ]);
    const rows = async (headers?: any) =>
      (await get('/console/api/triage', headers)).body.rows.filter(({ id }: any) => id === 'loose');
    expect(await rows()).toEqual([
      expect.objectContaining({ has_flag: false, patient: null, type: 'device-offline', state: 'new' }),
    ]);
    // What a page says of it in its own language.
    expect((await rows())[0].own[0]).toBe('silent');
    expect(await rows(asNina)).toEqual([]);
    const alone = async (query: string, headers?: any) =>
      (await get(`/console/api/triage?${query}`, headers)).body.rows.map(({ id }: any) => id);
    expect(await alone('task=loose')).toEqual(['loose']);
    expect(await alone('task=loose', asNina)).toEqual([]);
    // Whose Task has a Flag is asked for by that.
    expect(await alone('task=task-b1')).toEqual([]);
    const { body: task } = await house.read('Task/loose');
    await house.update({ ...task, status: 'completed' });
    expect(await alone('task=loose')).toEqual([]);
  });
});

describe('What an implant measured', () => {
  it('stands before the band of cardiac limits, and is marked where it is beyond them (Part 4.2, 5)', async () => {
    const ofImplant = (id: string, value: number) =>
      observation(id, 'p2', Date.now() - 60_000 * value, value, {
        meta: { profile: [`${base}/StructureDefinition/cied-measurement`] },
        identifier: [{ system: 'urn:readings', value: id }],
        derivedFrom: [{ reference: 'Observation/o1' }],
        code: {
          coding: [
            { system: 'urn:iso:std:iso:11073:10101', code: '147842' },
            { system: 'http://loinc.org', code: '8867-4' },
          ],
          text: 'Heart rate of an ICD',
        },
      });
    await store(house, [ofImplant('i1', 50), ofImplant('i2', 25)]);
    const { body } = await get('/console/api/patients/p2');
    const [line] = body.heart_rate.filter(({ name }: any) => name === 'Heart rate of an ICD');
    expect(line.band).toEqual({ low: 30, high: 200 });
    expect(line.points.map(([, value, beyond]: any) => [value, beyond])).toEqual([
      [50, undefined],
      [25, 'L'],
    ]);
  });
});
