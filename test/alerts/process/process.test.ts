/** The two-stage process on the real server: who is asked and told, with which resources, and who is left alone (2-066, 2-067, 2-068). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isSigned } from '../../../src/outbound/signing.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { until } from '../../support/until.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
interface Got {
  readonly path: string;
  readonly body: any;
  readonly isSigned: boolean;
}
const got: Got[] = [];
const receiver = createServer((request, response) => {
  let text = '';
  request.on('data', (part) => (text += part));
  request.on('end', () => {
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers as any;
    got.push({
      path: request.url!,
      body: JSON.parse(text),
      isSigned: isSigned([secret], id, at, text, signature, Date.now()),
    });
    response.writeHead(request.url === '/gone' ? 410 : 202).end();
  });
});
let hook = '';
let house: TestHouse;
const canonical = 'https://example.org/fhir';

beforeAll(async () => {
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const { port } = receiver.address() as AddressInfo;
  hook = `http://127.0.0.1:${port}`;
  house = await openHouse({
    alertWebhookSecret: secret,
    alertInbox: `${hook}/inbox`,
    outboundAllow: [`127.0.0.1:${port}`],
  });
});
afterAll(async () => {
  await house.stop();
  await new Promise((go) => receiver.close(go));
});

let patients = 0;
async function patient(more: object = {}): Promise<string> {
  const id = `p${++patients}`;
  await house.update({ resourceType: 'Patient', id, birthDate: '1950-01-01', ...more });
  return id;
}
async function practitioner(id: string, path = `/${id}`): Promise<string> {
  await house.update({ resourceType: 'Practitioner', id, telecom: [{ system: 'url', value: `${hook}${path}` }] });
  return `Practitioner/${id}`;
}
const role = (code: string) => [{ coding: [{ system: 'http://snomed.info/sct', code }] }];
async function team(of: string, members: readonly (readonly [string, string])[]): Promise<string> {
  const id = `team-${of}`;
  await house.update({
    resourceType: 'CareTeam',
    id,
    status: 'active',
    subject: { reference: `Patient/${of}` },
    participant: members.map(([reference, code]) => ({ member: { reference }, role: role(code) })),
  });
  return `CareTeam/${id}`;
}
const heartRate = (of: string, value: number) =>
  house.create({
    resourceType: 'Observation',
    status: 'final',
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${of}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  });
const taskAt = (of: string, stage: string) =>
  until(async () => {
    const [task] = await house.search(
      `Task?patient=${of}&business-status=${canonical}/CodeSystem/alert-stage|${stage}`,
    );
    return task;
  });
const requestsOf = (of: string) => house.search(`CommunicationRequest?patient=${of}&_sort=authored`);
const messagesOf = (of: string) => house.search(`Communication?patient=${of}`);
const sentTo = (path: string) => got.filter((one) => one.path === path);

describe('a critical alert', () => {
  it('goes to doctor and nurse of the care team at once, signed, and to nobody else (2-067)', async () => {
    const of = await patient();
    const [nurse, doctor, cook] = [await practitioner('n1'), await practitioner('d1'), await practitioner('c1')];
    const careTeam = await team(of, [
      [nurse, '224535009'],
      [doctor, '309343006'],
      [cook, '311441001'],
    ]);
    await heartRate(of, 180);

    const task = await taskAt(of, 'notify-clinician');
    expect(task).toMatchObject({ status: 'requested', priority: 'stat', owner: { reference: careTeam } });
    const [request] = await requestsOf(of);
    const flag = task.focus.reference;
    expect(request).toMatchObject({ status: 'active', priority: 'stat', about: [{ reference: flag }] });
    expect(request.recipient.map((one: any) => one.reference).sort()).toEqual([doctor, nurse]);
    const { start, end } = request.occurrencePeriod;
    expect(Date.parse(end) - Date.parse(start)).toBe(300_000);
    expect(task.restriction.period.end).toBe(end);
    await until(() => sentTo('/n1').length > 0 && sentTo('/d1').length > 0);
    expect(sentTo('/c1')).toEqual([]);
    const [{ body, isSigned: signed }] = sentTo('/n1') as [Got];
    expect(signed).toBe(true);
    // What is drawn by chance may hold any digits.
    const { id, about, link, ...words } = body;
    expect([about, link]).toEqual([flag, expect.stringMatching(/^http:\/\/[\d.:]+\/cardiac\/\?alert=[\w-]+$/)]);
    expect(JSON.stringify(words)).not.toMatch(/180|p\d|heart/i);
    const messages = await until(async () => {
      const all = await messagesOf(of);
      return all.length === 2 && all.every((one) => one.status === 'completed') && all;
    });
    expect(messages.map((one: any) => one.id)).toContain(id);
    expect(messages[0].basedOn).toEqual([{ reference: `CommunicationRequest/${request.id}` }]);
    const steps = await house.search(`Provenance?target=${`Task/${task.id}`}`);
    expect(steps.map((one) => one.activity.coding[0].code)).toContain('notify-clinician');
  });

  it('stops when somebody accepts the Task, in whatever way it is written', async () => {
    const of = await patient();
    await team(of, [[await practitioner('n2'), '224535009']]);
    await heartRate(of, 180);
    const task = await taskAt(of, 'notify-clinician');
    expect((await house.update({ ...task, status: 'accepted' })).status).toBe(200);
    const { id } = await taskAt(of, 'acknowledged');
    expect(id).toBe(task.id);
    const [request] = await requestsOf(of);
    expect(request.status).toBe('completed');
  });

  it('says so where a message cannot be delivered', async () => {
    const of = await patient();
    await team(of, [[await practitioner('n3', '/gone'), '224535009']]);
    await heartRate(of, 180);
    const message = await until(async () => (await messagesOf(of)).find((one) => one.status === 'not-done'));
    expect(message.statusReason.coding[0]).toMatchObject({ code: 'recipient-unavailable' });
    expect((await house.ask('GET', '/metrics')).text).toMatch(/alert_messages_dead\S*channel="webhook"\S* [1-9]/);
  });

  it('goes to the inbox of the clinic where there is no team', async () => {
    const before = sentTo('/inbox').length;
    const of = await patient();
    await heartRate(of, 180);
    const task = await taskAt(of, 'notify-clinician');
    expect(task.owner).toEqual({ display: 'Inbox of the clinic' });
    await until(() => sentTo('/inbox').length > before);
  });

  it('is kept from whom the patient denies it', async () => {
    const of = await patient();
    const [nurse, doctor] = [await practitioner('n4'), await practitioner('d4')];
    await team(of, [
      [nurse, '224535009'],
      [doctor, '309343006'],
    ]);
    await house.create({
      resourceType: 'Consent',
      status: 'active',
      scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
      category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
      patient: { reference: `Patient/${of}` },
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
      provision: {
        provision: [
          {
            type: 'deny',
            actor: [
              {
                role: {
                  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'PRCP' }],
                },
                reference: { reference: doctor },
              },
            ],
          },
        ],
      },
    });
    await heartRate(of, 180);
    await taskAt(of, 'notify-clinician');
    const [request] = await requestsOf(of);
    expect(request.recipient).toEqual([{ reference: nurse }]);
    await until(() => sentTo('/n4').length > 0);
    expect(sentTo('/d4')).toEqual([]);
  });

  it('ends with its Flag', async () => {
    const of = await patient();
    await heartRate(of, 180);
    const task = await taskAt(of, 'notify-clinician');
    const flag = (await house.read(task.focus.reference)).body;
    await house.update({ ...flag, status: 'inactive', period: { ...flag.period, end: new Date().toISOString() } });
    expect(await taskAt(of, 'closed')).toMatchObject({ id: task.id, status: 'completed' });
    expect((await requestsOf(of))[0].status).toBe('revoked');
  });
});

describe('a plan', () => {
  it('that cannot be meant is refused with a sentence; one that is no plan for alerts is none of ours', async () => {
    const plan = (more: object) =>
      house.update({
        resourceType: 'PlanDefinition',
        id: 'broken',
        status: 'active',
        identifier: [{ system: `${canonical}/sid/alert-plan`, value: 'critical' }],
        action: [{ id: 'notify-clinician', timingDuration: { value: 5, unit: 'moons' } }],
        ...more,
      });
    const { status, body } = await plan({});
    expect([status, body.issue[0].expression]).toEqual([422, ['PlanDefinition.action']]);
    expect(body.issue[0].diagnostics).toContain('timingDuration in s, min or h');
    expect((await plan({ identifier: [{ value: 'x' }] })).status).toBe(201);
  });
});
