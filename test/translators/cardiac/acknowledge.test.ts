/** Acknowledging and resolving an alert: by whom, once, and what stands in FHIR afterwards. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { demandAcknowledging } from '../../../src/alerts/acknowledge/access.ts';
import { acknowledgementEntries } from '../../../src/alerts/acknowledge/entries.ts';
import { fullAccess } from '../../../src/smart/access.ts';
import { type AuthorizationHouse, openAuthorizationHouse } from '../../smart/authorization/authorization-house.ts';
import { codeFlow, type SignIn } from '../../smart/support/user-agent.ts';
import { together } from '../../support/house.ts';
import { until } from '../../support/until.ts';

const base = 'https://example.org/fhir';
const password = 'correct horse 7 battery staple';

let house: AuthorizationHouse;
let device: string;
let nurse: string;
let asNurse: { authorization: string };
let count = 0;

const made = async (resource: any): Promise<string> => {
  const { status, body, text } = await house.create(resource);
  if (status !== 201) throw new Error(text);
  return body.id;
};

/** The three resources of an alert, as the implants' room writes them. */
async function alert(patient = house.patientId): Promise<{ id: string; flag: string; issue: string; task: string }> {
  const id = `elsewhere:A-${++count}`;
  const flag = await made({
    resourceType: 'Flag',
    identifier: [{ system: `${base}/sid/alert`, value: id }],
    status: 'active',
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/flag-priority',
        valueCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/flag-priority-code', code: 'PM' }] },
      },
    ],
    code: { coding: [{ system: `${base}/CodeSystem/alert-type`, code: 'battery-low' }], text: 'Battery low' },
    subject: { reference: `Patient/${patient}` },
    period: { start: '2026-01-02T03:04:05Z' },
    author: { reference: device },
  });
  const issue = await made({
    resourceType: 'DetectedIssue',
    identifier: [{ system: `${base}/sid/alert`, value: id }],
    status: 'final',
    patient: { reference: `Patient/${patient}` },
    detail: 'Battery low',
  });
  const task = await made({
    resourceType: 'Task',
    identifier: [{ system: `${base}/sid/alert-task`, value: id }],
    status: 'requested',
    intent: 'order',
    focus: { reference: `Flag/${flag}` },
    for: { reference: `Patient/${patient}` },
  });
  return { id, flag: `Flag/${flag}`, issue: `DetectedIssue/${issue}`, task: `Task/${task}` };
}

const acknowledge = (id: string, headers = {}) =>
  house.ask('POST', `/cardiac/alerts/${encodeURIComponent(id)}/acknowledge`, undefined, headers);
const resolve = (id: string, headers = {}) =>
  house.ask('POST', `/cardiac/alerts/${encodeURIComponent(id)}/resolve`, undefined, headers);

/** A patient of the nurse, with a device of the same name that limits of the house raise alerts of. */
async function watched(serial: string) {
  const of = await made({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: serial }] });
  const patient = { reference: `Patient/${of}` };
  const participant = [{ member: { reference: nurse } }];
  await made({ resourceType: 'CareTeam', status: 'active', subject: patient, participant });
  const id = await made({ resourceType: 'Device', identifier: [{ system: 'urn:x', value: serial }], patient });
  const key = as(await house.deviceKey(serial));
  return {
    id,
    patient,
    async alert() {
      const reading = { device_id: serial, timestamp: new Date().toISOString(), heart_rate: 210 };
      expect((await house.ask('POST', '/api/iot/vitals/', reading, key)).body.alerts_triggered).toBe(1);
      const [flag] = await house.search(`Flag?author=Device/${id}&status=active`);
      const [task] = await house.search(`Task?focus=Flag/${flag.id}`);
      const [issue] = await house.search(`DetectedIssue?identifier=${flag.identifier[0].value}`);
      return { flag, task, issue };
    },
  };
}
const as = (token: string) => ({ authorization: `Bearer ${token}` });

async function signedIn(signIn: SignIn, scope: string): Promise<{ authorization: string }> {
  const app = await house.register({ scope });
  const { body } = await codeFlow(house.url, { ...app, scope }, signIn);
  return as(body.access_token);
}

beforeAll(async () => {
  house = await openAuthorizationHouse();
  device = `Device/${await made({ resourceType: 'Device', identifier: [{ system: 'urn:x', value: 'CIED-1' }], patient: { reference: `Patient/${house.patientId}` } })}`;
  nurse = `Practitioner/${await made({ resourceType: 'Practitioner', name: [{ family: 'Jackie' }] })}`;
  await made({
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: `Patient/${house.patientId}` },
    participant: [{ member: { reference: nurse } }],
  });
  const users = [
    { login: 'jackie', password, fhirUser: nurse, roles: ['nurse'] },
    { login: 'chalmers', password, fhirUser: `Patient/${house.patientId}`, roles: ['patient'] },
  ];
  for (const user of users) expect((await house.ask('POST', '/admin/users', user)).status).toBe(201);
  asNurse = await signedIn({ login: 'jackie', password }, 'user/*.cruds');
});
afterAll(() => house.stopAll());

describe('An alert that is acknowledged', () => {
  it('says so in mitigation, Task and one Provenance; its Flag stays active (0-027, 0-046)', async () => {
    const { id, flag, issue, task } = await alert();
    const { status, body } = await acknowledge(id, asNurse);
    expect(status).toBe(200);
    expect(body).toEqual({
      alert_id: id,
      device_id: 'CIED-1',
      patient_id: house.patientId,
      alert_type: 'battery-low',
      severity: 'warning',
      message: 'Battery low',
      timestamp: '2026-01-02T03:04:05Z',
      acknowledged: true,
      acknowledged_by: nurse,
      acknowledged_at: expect.any(String),
    });
    const { body: after } = await house.read(issue);
    expect(after).toMatchObject({ status: 'final' });
    expect(after.mitigation).toEqual([
      {
        action: {
          coding: [{ system: `${base}/CodeSystem/alert-action`, code: 'acknowledged', display: 'Acknowledged' }],
        },
        date: body.acknowledged_at,
        author: { reference: nurse },
      },
    ]);
    expect((await house.read(task)).body.status).toBe('accepted');
    expect((await house.read(flag)).body).toMatchObject({ status: 'active', meta: { versionId: '1' } });
    const said = await house.search(`Provenance?target=${issue}`);
    expect(said).toHaveLength(1);
    expect(said[0].target.map(({ reference }: any) => reference)).toEqual([issue, task]);
    expect(said[0].agent[0].who).toEqual({ reference: nurse });
    const [row] = await house.search('AuditEvent?subtype=cardiac-acknowledge&_count=1');
    expect(row.agent[0].who.reference).toBe(nurse);
    expect(row.entity.some(({ what }: any) => what.reference === flag)).toBe(true);

    const again = await acknowledge(id);
    expect([again.status, again.text]).toEqual([200, JSON.stringify(body)]);
  });

  it('may be one that the house raised by its own limits (0-109)', async () => {
    const watch = await made({
      resourceType: 'Device',
      identifier: [{ system: 'urn:x', value: 'WATCH-1' }],
      patient: { reference: `Patient/${house.patientId}` },
    });
    const key = await house.deviceKey('WATCH-1');
    const reading = { device_id: 'WATCH-1', timestamp: new Date().toISOString(), heart_rate: 210 };
    expect((await house.ask('POST', '/api/iot/vitals/', reading, as(key))).body.alerts_triggered).toBe(1);
    const [flag] = await house.search(`Flag?author=Device/${watch}`);
    const { status, body } = await acknowledge(flag.identifier[0].value);
    expect([status, body.device_id, body.severity, body.acknowledged]).toEqual([200, 'WATCH-1', 'critical', true]);
    expect((await acknowledge(flag.identifier[0].value)).text).toBe(JSON.stringify(body));
  });

  it('is one whose Task is accepted by a plain write as well: list, mitigation and Provenance say so at once (0-046)', async () => {
    const watch = await watched('WATCH-3');
    const { flag, task, issue } = await watch.alert();
    const name = flag.identifier[0].value;
    const shown = async (query = '') =>
      (await house.ask('GET', `/cardiac/patients/WATCH-3/alerts${query}`, undefined, asNurse)).body.alerts
        .filter(({ alert_id }: any) => alert_id === name)
        .map(({ acknowledged }: any) => acknowledged);
    const write = async (status: string, headers = asNurse) => {
      const { body } = await house.read(`Task/${task.id}`);
      return house.update({ ...body, status }, headers);
    };
    expect(await shown()).toEqual([false]);
    for (const declined of ['rejected', 'failed', 'cancelled']) expect((await write(declined)).status).toBe(200);
    expect([await shown(), (await house.read(`DetectedIssue/${issue.id}`)).body.mitigation]).toEqual([
      [false],
      undefined,
    ]);
    expect((await write('accepted')).status).toBe(200);
    expect([await shown(), await shown('?status=all')]).toEqual([[], [true]]);
    const [past] = (await house.ask('GET', '/cardiac/patients/WATCH-3/alerts?status=all', undefined, asNurse)).body
      .alerts;
    expect(past).toMatchObject({ acknowledged_by: nurse, resolved: false, resolved_by: null, resolved_at: null });
    const first = await acknowledge(name);
    expect([first.status, first.body.acknowledged_by]).toEqual([200, nurse]);
    const deeds = async () => (await house.read(`DetectedIssue/${issue.id}`)).body.mitigation;
    expect(await deeds()).toEqual([
      {
        action: {
          coding: [{ system: `${base}/CodeSystem/alert-action`, code: 'acknowledged', display: 'Acknowledged' }],
        },
        date: first.body.acknowledged_at,
        author: { reference: nurse },
      },
    ]);
    const said = async () =>
      (await house.search(`Provenance?target=DetectedIssue/${issue.id}&_sort=_lastUpdated`)).map(
        ({ activity, target, agent }: any) => [activity.coding[0].code, target[1].reference, agent[0].who],
      );
    const who = { reference: nurse };
    expect(await said()).toEqual([['acknowledged', `Task/${task.id}`, who]]);
    await until(
      async () => (await house.read(`Task/${task.id}`)).body.businessStatus?.coding[0].code === 'acknowledged',
    );
    const ofTask = await house.search(`Provenance?target=Task/${task.id}`);
    const codes = ofTask.map(({ activity }: any) => activity.coding[0].code);
    expect(codes.filter((code: string) => code === 'acknowledged')).toHaveLength(1);

    expect((await write('in-progress')).status).toBe(200);
    expect(await deeds()).toHaveLength(1);
    expect((await write('requested')).status).toBe(200);
    expect(await shown()).toEqual([false]);
    expect(await said()).toEqual([
      ['acknowledged', `Task/${task.id}`, who],
      ['taken-back', `Task/${task.id}`, who],
    ]);
    expect((await acknowledge(name)).body.acknowledged_by).toBe('Client/admin');
    expect((await deeds()).map(({ action }: any) => action.coding[0].code)).toEqual([
      'acknowledged',
      'taken-back',
      'acknowledged',
    ]);
    await resolve(name);
    expect(await said()).toHaveLength(4);
  });

  it('is none by a Task that is no alert’s, whatever that names (0-146)', async () => {
    const watch = await watched('WATCH-4');
    const { flag, issue } = await watch.alert();
    const other = await made({
      resourceType: 'Task',
      status: 'requested',
      intent: 'order',
      for: watch.patient,
      focus: { reference: `Flag/${flag.id}` },
      reasonReference: { reference: `DetectedIssue/${issue.id}` },
    });
    const { body } = await house.read(`Task/${other}`);
    expect((await house.update({ ...body, status: 'accepted' }, asNurse)).status).toBe(200);
    expect((await house.read(`DetectedIssue/${issue.id}`)).body.mitigation).toBeUndefined();
  });

  it('is so once, however many click at once: one body, one Provenance (0-027)', async () => {
    const { id, issue } = await alert();
    const answers = await together(24, async (i) => {
      await new Promise((go) => setTimeout(go, i));
      return acknowledge(id);
    });
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]!.body.acknowledged_by).toBe('Client/admin');
    expect(await house.search(`Provenance?target=${issue}`)).toHaveLength(1);
    expect((await house.read(issue)).body.mitigation).toHaveLength(1);
    expect((await house.read(issue)).body.mitigation[0].author).toEqual({ display: 'Client/admin' });
  });

  it('is never so by a device or a patient, nor by who may only read (0-146)', async () => {
    const { id, issue } = await alert();
    const patient = await signedIn(
      { login: 'chalmers', password, patient: house.patientId },
      'launch/patient patient/*.cruds',
    );
    expect((await house.ask('GET', '/fhir/Flag', undefined, patient)).body.entry.length).toBeGreaterThan(0);
    expect((await acknowledge(id, patient)).status).toBe(403);
    const reader = await signedIn({ login: 'jackie', password }, 'user/*.rs');
    expect((await acknowledge(id, reader)).status).toBe(403);
    expect((await acknowledge(id, as(await house.deviceKey('CIED-1')))).status).toBe(403);
    expect((await acknowledge(id, { authorization: '' })).status).toBe(401);
    expect((await house.read(issue)).body.mitigation).toBeUndefined();
  });

  it('may be taken back by whom it was, which is marked and deletes nothing; it waits again and can be acknowledged again (0-109)', async () => {
    const { id, issue, task } = await alert();
    await acknowledge(id, asNurse);
    const undo = (headers = {}) => house.ask('POST', `/cardiac/alerts/${id}/acknowledge/undo`, undefined, headers);
    expect((await undo()).status).toBe(422);
    expect((await undo({ authorization: '' })).status).toBe(401);
    const { status, body } = await undo(asNurse);
    expect([status, body.acknowledged]).toEqual([200, false]);
    expect((await undo(asNurse)).status).toBe(200);

    const { body: after } = await house.read(issue);
    expect(after.mitigation.map(({ action }: any) => action.coding[0].code)).toEqual(['acknowledged', 'taken-back']);
    expect((await house.read(task)).body.status).toBe('requested');
    expect(await house.search(`Provenance?target=${issue}`)).toHaveLength(2);
    expect((await acknowledge(id, asNurse)).body.acknowledged_by).toBe(nurse);
    expect((await house.read(task)).body.status).toBe('accepted');
  });

  it('belongs to who acknowledged it, and to whom it did before where that is taken back (0-109)', async () => {
    const { id, task } = await alert();
    const owner = { reference: 'CareTeam/before' };
    const ownerOf = async () => (await house.read(task)).body.owner;
    const undo = () => house.ask('POST', `/cardiac/alerts/${id}/acknowledge/undo`, undefined, asNurse);
    await acknowledge(id, asNurse);
    expect(await ownerOf()).toEqual({ reference: nurse });
    await undo();
    expect(await ownerOf()).toBeUndefined();
    await house.update({ ...(await house.read(task)).body, owner });
    await acknowledge(id, asNurse);
    // A step of the process comes between.
    await house.update({ ...(await house.read(task)).body, businessStatus: { text: 'acknowledged' } });
    await undo();
    expect(await ownerOf()).toEqual(owner);
    await acknowledge(id, asNurse);
    const other = { reference: 'Practitioner/other' };
    await house.update({ ...(await house.read(task)).body, owner: other });
    await undo();
    expect(await ownerOf()).toEqual(other);
    await acknowledge(id);
    expect(await ownerOf()).toEqual({ display: 'Client/admin' });
  });

  it.each(['rejected', 'failed', 'cancelled', 'on-hold', 'ready'])('takes the Task that was %s', (status) => {
    const standing = (resourceType: string, more = {}) => ({
      resource: { resourceType, id: '1', ...more },
      versionId: 3,
    });
    const [issue, task] = [standing('DetectedIssue'), standing('Task', { status })];
    const entries = acknowledgementEntries({ issue, task, author: { reference: nurse }, now: 0, canonical: base });
    const written = entries.find(({ url }) => url === 'Task/1')?.body as any;
    expect(written?.resource).toMatchObject({ status: 'accepted', owner: { reference: nurse } });
  });

  it('is written over what was looked at, and over nothing newer', () => {
    const standing = (resourceType: string) => ({
      resource: { resourceType, id: '1', status: 'requested' },
      versionId: 3,
    });
    const entries = acknowledgementEntries({
      issue: standing('DetectedIssue'),
      task: standing('Task'),
      author: { reference: nurse },
      now: 0,
      canonical: base,
    });
    expect(entries.map(({ method, url, conditions }) => [method, url, conditions.ifMatch])).toEqual([
      ['PUT', 'DetectedIssue/1', 3],
      ['PUT', 'Task/1', 3],
      ['POST', 'Provenance', undefined],
    ]);
  });

  it.each(['Device/1', 'Patient/1', 'RelatedPerson/1'])('is never so by %s, whatever it may write', async (who) => {
    const flag = { resourceType: 'Flag', id: '1' };
    await expect(demandAcknowledging({ who, access: fullAccess }, flag)).rejects.toMatchObject({ status: 403 });
    await demandAcknowledging({ who: 'PractitionerRole/1', access: fullAccess }, flag);
  });

  it('is none where nobody may see it, or it is not there', async () => {
    const stranger = await made({ resourceType: 'Patient', name: [{ family: 'Stranger' }] });
    const { id } = await alert(stranger);
    expect((await acknowledge(id, asNurse)).status).toBe(404);
    expect((await acknowledge('nothing', asNurse)).status).toBe(404);
    const twice = await house.ask('POST', `/cardiac/alerts/${id}/acknowledge?force=1`);
    expect([twice.status, twice.body.issue[0].code]).toEqual([400, 'invalid']);
    const wrong = await house.ask('GET', `/cardiac/alerts/${id}/acknowledge`);
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('An alert of a device about itself', () => {
  const low = { heart_rate: 70, battery_level: 5 };
  const rowsFor = async (headers = asNurse) => (await house.ask('GET', '/console/api/triage', undefined, headers)).body;
  const ofDevice = async (id: string) => {
    const [task, ...more] = await house.search(`Task?focus=Device/${id}`);
    expect(more).toEqual([]);
    return { task, name: task.identifier[0].value, issue: task.reasonReference.reference };
  };
  const tell = async (serial: string, reading: object, at = Date.now()) =>
    expect(
      (
        await house.ask(
          'POST',
          '/api/iot/vitals/',
          { device_id: serial, timestamp: new Date(at).toISOString(), ...reading },
          as(await house.deviceKey(serial)),
        )
      ).status,
    ).toBe(201);

  it('is of the team of who wears it: they see it in the list and acknowledge it, and nobody else does (0-110, 0-146)', async () => {
    const watch = await watched('WATCH-7');
    await tell('WATCH-7', low);
    const { task, name, issue } = await ofDevice(watch.id);
    expect([task.for, (await house.read(issue)).body.patient]).toEqual([watch.patient, watch.patient]);
    for (const path of [`/fhir/Task/${task.id}`, `/fhir/${issue}`])
      expect((await house.ask('GET', path, undefined, asNurse)).status).toBe(200);
    expect(await house.search(`Flag?subject=${watch.patient.reference}`)).toEqual([]);
    const rowIn = ({ rows }: any) => rows.find(({ id }: any) => id === task.id);
    expect(rowIn(await rowsFor())).toMatchObject({
      has_flag: false,
      patient: { id: expect.any(String) },
      state: 'new',
    });
    const declined = async () => {
      const { body } = await house.read(`Task/${task.id}`);
      expect((await house.update({ ...body, status: 'rejected', owner: { reference: nurse } })).status).toBe(200);
    };
    await declined();
    expect(rowIn(await rowsFor())).toMatchObject({ state: 'new', owner: null, is_mine: false });

    const { status, body } = await acknowledge(name, asNurse);
    expect([status, body]).toEqual([
      200,
      {
        alert_id: name,
        device_id: 'WATCH-7',
        patient_id: 'WATCH-7',
        alert_type: 'battery-low',
        severity: 'warning',
        message: expect.any(String),
        timestamp: expect.any(String),
        acknowledged: true,
        acknowledged_by: nurse,
        acknowledged_at: expect.any(String),
      },
    ]);
    expect((await acknowledge(name)).text).toBe(JSON.stringify(body));
    const { body: after } = await house.read(`Task/${task.id}`);
    expect([after.status, after.owner]).toEqual(['accepted', { reference: nurse }]);
    expect(rowIn(await rowsFor())).toMatchObject({ state: 'acknowledged', acknowledged_by: 'Jackie', is_mine: true });
    const said = await house.search(`Provenance?target=${issue}`);
    expect(said.map(({ activity }: any) => activity.coding[0].code)).toEqual(['acknowledged']);
    const undone = await house.ask('POST', `/cardiac/alerts/${name}/acknowledge/undo`, undefined, asNurse);
    expect([undone.status, undone.body.acknowledged]).toEqual([200, false]);
    expect((await house.read(`Task/${task.id}`)).body.status).toBe('requested');
    expect((await resolve(name, asNurse)).status).toBe(422);
    expect((await acknowledge(name, as(await house.deviceKey('WATCH-7')))).status).toBe(403);
    await declined();
    for (const later of [0, 1_000]) await tell('WATCH-7', { ...low, battery_level: 90 }, Date.now() + later);
    expect((await house.read(`Task/${task.id}`)).body.status).toBe('completed');
    expect(rowIn(await rowsFor())).toBeUndefined();
  });

  it('is the administrator’s alone where nobody wears it, and goes with the device to another team (0-146)', async () => {
    const serial = 'WATCH-8';
    const id = await made({ resourceType: 'Device', identifier: [{ system: 'urn:x', value: serial }] });
    const battery = (minute: number) => ({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '67996' }] },
      subject: { reference: `Device/${id}` },
      device: { reference: `Device/${id}` },
      effectiveDateTime: new Date(Date.now() - 600_000 + minute * 60_000).toISOString(),
      valueQuantity: { value: 5, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
    });
    await made(battery(0));
    const { task, name, issue } = await ofDevice(id);
    const seen = async (what: string) => (await house.ask('GET', `/fhir/${what}`, undefined, asNurse)).status;
    expect([task.for, await seen(`Task/${task.id}`), await seen(issue)]).toEqual([
      { reference: `Device/${id}` },
      404,
      404,
    ]);
    expect((await acknowledge(name, asNurse)).status).toBe(404);
    const own = await acknowledge(name);
    expect([own.status, own.body.patient_id, own.body.acknowledged_by]).toEqual([200, null, 'Client/admin']);

    const { patient } = await watched('WATCH-9');
    await house.update({ ...(await house.read(`Device/${id}`)).body, patient });
    await made(battery(1));
    const tasks = await house.search(`Task?focus=Device/${id}&_sort=_lastUpdated`);
    expect(tasks.map(({ status, for: of }: any) => [status, of])).toEqual(
      expect.arrayContaining([
        ['completed', { reference: `Device/${id}` }],
        ['requested', patient],
      ]),
    );
    await house.update({ ...(await house.read(`Device/${id}`)).body, patient: undefined });
    await made(battery(2));
    const left = await house.search(`Task?focus=Device/${id}&status=requested`);
    expect(left.map(({ for: of }: any) => of)).toEqual([{ reference: `Device/${id}` }]);
    expect(await seen(`Task/${left[0].id}`)).toBe(404);
  });
});

describe('A Flag that somebody writes', () => {
  it('has an end where it is no longer active, its own or that of the write, and keeps it', async () => {
    const { flag } = await (await watched('WATCH-5')).alert();
    const { extension: _, ...plain } = flag;
    const { status, body } = await house.update({ ...plain, status: 'inactive' }, asNurse);
    expect(status).toBe(200);
    expect(body.period).toEqual({ start: flag.period.start, end: expect.any(String) });
    expect(Math.abs(Date.parse(body.period.end) - Date.now())).toBeLessThan(60_000);
    expect((await house.read(`Flag/${flag.id}`)).body).toEqual(body);
    const again = await house.update({ ...body, period: { start: flag.period.start } }, asNurse);
    expect(again.body.period).toEqual(body.period);
    // What is no alert of ours is kept as it was sent.
    const other = { resourceType: 'Flag', status: 'inactive', code: { text: 'x' }, subject: flag.subject };
    expect((await house.create(other)).body.period).toBeUndefined();
  });

  it('takes what was found along when it is deleted, and brings it back', async () => {
    const { flag, issue, task } = await (await watched('WATCH-6')).alert();
    const states = async () => [
      (await house.read(`DetectedIssue/${issue.id}`)).body.status,
      (await house.read(`Task/${task.id}`)).body.status,
    ];
    expect(await states()).toEqual(['final', 'requested']);
    expect((await house.ask('DELETE', `/fhir/Flag/${flag.id}`)).status).toBe(204);
    expect(await states()).toEqual(['cancelled', 'completed']);
    await house.update(flag);
    expect(await states()).toEqual(['final', 'requested']);
  });
});

describe('An alert that is resolved', () => {
  it('is over in Flag, Task, mitigation and one Provenance, of one commit; it leaves the active list and stays in the history (0-112)', async () => {
    const patient = await made({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'PAT-9' }] });
    await made({
      resourceType: 'CareTeam',
      status: 'active',
      subject: { reference: `Patient/${patient}` },
      participant: [{ member: { reference: nurse } }],
    });
    const { id, flag, issue, task } = await alert(patient);
    const seen = await acknowledge(id, asNurse);
    const { status, body } = await resolve(id, asNurse);
    expect(status).toBe(200);
    expect(body).toEqual({ ...seen.body, resolved: true, resolved_by: nurse, resolved_at: expect.any(String) });

    const end = body.resolved_at;
    expect((await house.read(flag)).body).toMatchObject({ status: 'inactive', period: { end } });
    expect((await house.read(task)).body.status).toBe('completed');
    const { body: after } = await house.read(issue);
    expect(after.status).toBe('final');
    expect(after.mitigation.at(-1)).toEqual({
      action: { coding: [{ system: `${base}/CodeSystem/alert-action`, code: 'resolved', display: 'Resolved' }] },
      date: end,
      author: { reference: nurse },
    });
    const said = await house.search(`Provenance?target=${flag}`);
    expect(said.map(({ target }: any) => target.map(({ reference }: any) => reference))).toEqual([[issue, flag, task]]);
    expect(said[0].agent[0].who).toEqual({ reference: nurse });
    const [row] = await house.search('AuditEvent?subtype=cardiac-resolve&_count=1');
    expect(row.agent[0].who.reference).toBe(nurse);

    const list = async (query = '') =>
      (await house.ask('GET', `/cardiac/patients/PAT-9/alerts${query}`)).body.alerts.filter(
        ({ alert_id }: any) => alert_id === id,
      );
    expect(await list()).toEqual([]);
    expect(await list('?status=all')).toEqual([body]);
    expect(Object.keys(body)).toHaveLength(13);
    const again = await resolve(id);
    expect([again.status, again.text]).toEqual([200, JSON.stringify(body)]);
    const undone = await house.ask('POST', `/cardiac/alerts/${id}/acknowledge/undo`, undefined, asNurse);
    expect(undone.status).toBe(422);
    expect((await house.read(task)).body.status).toBe('completed');
  });

  it('is so once, however many click at once, also while others acknowledge it', async () => {
    const { id, flag, issue } = await alert();
    const answers = await together(16, (i) =>
      i % 4 === 3 ? acknowledge(id, asNurse) : resolve(id, i % 2 ? asNurse : {}),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const said = answers
      .filter(({ body }) => 'resolved' in body)
      .map(({ body }) => [body.resolved_by, body.resolved_at]);
    expect(new Set(said.map(String)).size).toBe(1);
    expect(await house.search(`Provenance?target=${flag}`)).toHaveLength(1);
    expect((await house.read(flag)).body.meta.versionId).toBe('2');
    const deeds = (await house.read(issue)).body.mitigation.map(({ action }: any) => action.coding[0].code);
    expect(deeds.filter((code: string) => code === 'resolved')).toHaveLength(1);
    expect(deeds.filter((code: string) => code === 'acknowledged')).toHaveLength(1);
  });

  it('ends the process of asking and telling, and the next critical reading is an alert of its own (0-109)', async () => {
    const watch = await made({
      resourceType: 'Device',
      identifier: [{ system: 'urn:x', value: 'WATCH-2' }],
      patient: { reference: `Patient/${house.patientId}` },
    });
    const key = await house.deviceKey('WATCH-2');
    const flags = () => house.search(`Flag?author=Device/${watch}&_sort=date`);
    const post = (at: number) =>
      house.ask(
        'POST',
        '/api/iot/vitals/',
        { device_id: 'WATCH-2', timestamp: new Date(at).toISOString(), heart_rate: 210 },
        as(key),
      );
    await post(Date.now() - 1_000);
    const [flag] = await flags();
    const { body } = await resolve(flag.identifier[0].value, asNurse);
    expect([body.acknowledged, body.acknowledged_by, body.resolved_by]).toEqual([false, null, nurse]);
    await until(async () => {
      const [task] = await house.search(`Task?focus=Flag/${flag.id}`);
      return task.status === 'completed' && task.businessStatus?.coding[0].code === 'closed';
    });
    expect(await house.search(`CommunicationRequest?about=Flag/${flag.id}&status=active`)).toEqual([]);
    await post(Date.now());
    expect((await flags()).map(({ status }: any) => status)).toEqual(['inactive', 'active']);
  });

  it('is never so by a device or a patient, by who may only read, or where nobody sees it; what ended by itself is told as such', async () => {
    const { id, flag, issue } = await alert();
    const reader = await signedIn({ login: 'jackie', password }, 'user/*.rs');
    expect((await resolve(id, reader)).status).toBe(403);
    expect((await resolve(id, as(await house.deviceKey('CIED-1')))).status).toBe(403);
    expect((await resolve(id, { authorization: '' })).status).toBe(401);
    expect((await resolve('nothing', asNurse)).status).toBe(404);
    expect((await house.read(flag)).body.status).toBe('active');
    const { body: standing } = await house.read(flag);
    const period = { ...standing.period, end: '2026-01-03T03:04:05Z' };
    await house.update({ ...standing, status: 'inactive', period });
    const { status, body } = await resolve(id, asNurse);
    expect([status, body.resolved, body.resolved_by, body.resolved_at]).toEqual([200, true, null, period.end]);
    expect((await house.read(issue)).body.mitigation).toBeUndefined();
    await house.update({ ...standing, status: 'entered-in-error', period });
    expect((await resolve(id, asNurse)).status).toBe(422);
  });
});
