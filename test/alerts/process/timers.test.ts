/** Every deadline on a clock of ours: one millisecond before, at it and after it; over restarts, two servers, and the change of the clock (2-068). */
import { afterEach, describe, expect, it } from '@jest/globals';
import { quietUntil } from '../../../src/alerts/process/quiet-hours.ts';
import { type AlertWorld, openAlertWorld } from './world.ts';

const minute = 60_000;
let world: AlertWorld;
afterEach(() => world?.close());

const stageOf = async (): Promise<string> => (await world.find('Task'))[0].businessStatus?.coding[0].code;
const toldTo = () => world.sent.map(({ to }) => to.value);

/** A patient who can be asked. */
const patient = () =>
  world.save({
    resourceType: 'Patient',
    id: '1',
    telecom: [{ system: 'phone', value: '12345' }],
    address: [{ text: 'Main Street 1' }],
  });

describe('a deadline', () => {
  it('of a warning is kept to the millisecond at every stage, over a restart in between', async () => {
    world = await openAlertWorld();
    await patient();
    let server = await world.start();
    await world.until(world.runtime.now());
    await world.open('warning', 'a');
    const begun = world.runtime.now();
    await world.until(begun);
    expect([await stageOf(), toldTo()]).toEqual(['ask-patient', ['12345']]);
    const [asked] = await world.find('CommunicationRequest');
    const deadline = Date.parse(asked.occurrencePeriod.end);
    expect(deadline).toBe(begun + 5 * minute);

    await world.until(begun + 2 * minute);
    world.kill(server);
    await world.until(begun + 3 * minute);
    server = await world.start();
    await world.until(deadline - 1);
    expect(await stageOf()).toBe('ask-patient');
    await world.until(deadline);
    expect([await stageOf(), toldTo()]).toEqual(['notify-clinician', ['12345', 'inbox']]);
    await world.until(deadline + 1);
    expect(toldTo()).toHaveLength(2);

    await world.until(deadline + 5 * minute - 1);
    expect(await stageOf()).toBe('notify-clinician');
    await world.until(deadline + 5 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['notify-backup', 3]);
    await world.until(deadline + 15 * minute - 1);
    expect(await stageOf()).toBe('notify-backup');
    await world.until(deadline + 15 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['closed', 3]);

    const requests = await world.find('CommunicationRequest');
    expect(requests.map(({ status }) => status)).toEqual(['revoked', 'revoked', 'revoked']);
    expect(requests[1].replaces).toEqual([{ reference: `CommunicationRequest/${requests[0].id}` }]);
    expect((await world.find('Task'))[0]).toMatchObject({ status: 'requested', priority: 'stat' });
    expect(world.errors).toEqual([]);
  });

  it('that passed while no server ran is worked off at the start, in the order of the deadlines', async () => {
    world = await openAlertWorld();
    await patient();
    const first = await world.start();
    await world.until(world.runtime.now());
    const begun = world.runtime.now();
    await world.open('critical', 'a');
    await world.until(begun + 1_000);
    await world.open('critical', 'b');
    await world.until(begun + 2_000);
    world.kill(first);
    await world.until(begun + 60 * minute);
    expect(toldTo()).toHaveLength(2);
    await world.start();
    await world.until(begun + 61 * minute);
    const late = world.sent.slice(2);
    expect(late.map(({ about }) => about)).toEqual(['Flag/a', 'Flag/b']);
    // Whoever is told now has the whole time.
    const tasks = await world.find('Task');
    for (const task of tasks) expect(Date.parse(task.restriction.period.end)).toBeGreaterThan(begun + 69 * minute);
  });
});

describe('an emergency service', () => {
  it('is told last, with the address, where the plan of the site switches that on', async () => {
    world = await openAlertWorld({ emergency: 'HealthcareService/112' });
    await patient();
    await world.save({ resourceType: 'HealthcareService', id: '112', telecom: [{ system: 'phone', value: '112112' }] });
    const step = (id: string, value: number, more: object = {}) => ({
      id,
      timingDuration: { value, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' },
      ...more,
    });
    await world.save({
      resourceType: 'PlanDefinition',
      id: 'ours',
      status: 'active',
      identifier: [{ system: 'https://example.org/fhir/sid/alert-plan', value: 'critical' }],
      action: [step('notify-clinician', 1), step('notify-backup', 2), step('notify-ems', 3)],
    });
    await world.start();
    const begun = world.runtime.now();
    await world.open('critical', 'a');
    await world.until(begun + 3 * minute + 30_000);
    expect(await stageOf()).toBe('notify-ems');
    expect(toldTo()).toEqual(['inbox', 'inbox', '112112']);
    expect(world.sent.at(-1)!.text).toContain('Main Street 1');
    await world.until(begun + 7 * minute);
    expect(await stageOf()).toBe('closed');
  });
});

describe('an alert that is of no patient', () => {
  it('goes to the team of the organization, and stops when its Task is accepted', async () => {
    world = await openAlertWorld({ team: 'CareTeam/all' });
    for (const [id, value] of Object.entries({ n: 'nurse', t: 'technician' }))
      await world.save({ resourceType: 'Practitioner', id, telecom: [{ system: 'url', value }] });
    const participant = ['n', 't'].map((id) => ({ member: { reference: `Practitioner/${id}` } }));
    await world.save({ resourceType: 'CareTeam', id: 'all', status: 'active', participant });
    await world.start();
    const begun = world.runtime.now();
    await world.open('critical', 'a', { patient: undefined, flag: undefined, id: 'a-issue', device: 'Device/1' });
    await world.until(begun + 1_000);
    expect([await stageOf(), toldTo().sort()]).toEqual(['notify-clinician', ['nurse', 'technician']]);
    expect((await world.find('CommunicationRequest'))[0]).toMatchObject({
      about: [{ reference: 'DetectedIssue/a-issue' }],
      requester: { reference: 'Device/1' },
    });
    const [task] = await world.find('Task');
    expect(task.owner).toEqual({ reference: 'CareTeam/all' });
    await world.save({ ...task, status: 'accepted' });
    await world.until(begun + 60 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['acknowledged', 2]);
  });
});

describe('clinicians who are told while the patient is asked', () => {
  it('are told once, and have their time when the patient has not answered', async () => {
    world = await openAlertWorld();
    await patient();
    const span = (value: number) => ({ value, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' });
    await world.save({
      resourceType: 'PlanDefinition',
      id: 'ours',
      status: 'active',
      identifier: [{ system: 'https://example.org/fhir/sid/alert-plan', value: 'critical' }],
      action: [
        { id: 'ask-patient', timingDuration: span(1) },
        {
          id: 'notify-clinician',
          timingDuration: span(5),
          relatedAction: [{ actionId: 'ask-patient', relationship: 'concurrent-with-start' }],
        },
        { id: 'notify-backup', timingDuration: span(10) },
      ],
    });
    await world.start();
    const begun = world.runtime.now();
    await world.open('critical', 'a');
    await world.until(begun + 30_000);
    expect([await stageOf(), toldTo().sort()]).toEqual(['ask-patient', ['12345', 'inbox']]);
    await world.until(begun + 2 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['notify-clinician', 2]);
    const statuses = (await world.find('CommunicationRequest')).map(({ status, recipient }) => [
      status,
      recipient[0].reference ?? recipient[0].display,
    ]);
    expect(statuses.sort()).toEqual([
      ['active', 'Inbox of the clinic'],
      ['revoked', 'Patient/1'],
    ]);
    await world.until(begun + 7 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['notify-backup', 3]);
  });
});

describe('a plan that is stored and cannot be meant', () => {
  it('is passed over: the shipped one holds', async () => {
    world = await openAlertWorld();
    await patient();
    await world.save({
      resourceType: 'PlanDefinition',
      id: 'broken',
      status: 'active',
      identifier: [{ system: 'https://example.org/fhir/sid/alert-plan', value: 'critical' }],
      action: [{ id: 'notify-clinician', timingDuration: { value: 5, unit: 'moons' } }],
    });
    await world.start();
    const begun = world.runtime.now();
    await world.open('critical', 'a');
    await world.until(begun + 5 * minute - 1);
    expect(await stageOf()).toBe('notify-clinician');
    await world.until(begun + 5 * minute);
    expect(await stageOf()).toBe('notify-backup');
  });
});

describe('two servers', () => {
  it('take every step once, also where one stands still over a deadline and goes on', async () => {
    world = await openAlertWorld({}, true);
    await patient();
    const [first, second] = [await world.start(), await world.start()];
    const begun = world.runtime.now();
    await world.until(begun + 5_000);
    for (const id of ['a', 'b', 'c']) await world.open('critical', id);
    await world.until(begun + 10_000);
    expect(toldTo()).toHaveLength(3);
    const holder = world.sent[0]!.server;
    world.pause(holder);
    await world.until(begun + 6 * minute);
    world.goOn(holder);
    await world.until(begun + 7 * minute);
    expect([first, second]).toContain(holder);
    const requests = await world.find('CommunicationRequest');
    expect(requests).toHaveLength(6);
    expect(new Set(world.sent.map(({ id }) => id)).size).toBe(6);
    expect(world.sent.slice(3).every(({ server }) => server !== holder)).toBe(true);
    const tasks = await world.find('Task');
    expect(tasks.map((task) => task.businessStatus.coding[0].code)).toEqual(Array(3).fill('notify-backup'));
  });
});

describe('a server that stands still in the middle of a step', () => {
  it('changes nothing when it goes on after another has taken the step', async () => {
    world = await openAlertWorld({}, true);
    await patient();
    await Promise.all([world.start(), world.start()]);
    const begun = world.runtime.now();
    await world.until(begun + 5_000);
    await world.open('critical', 'a');
    await world.until(begun + 30_000);
    const holder = world.sent[0]!.server;
    const isStep = (changes: readonly any[]) =>
      changes.some(({ op, kind }) => op === 'put' && kind === 'alert-process');
    world.pauseAt(holder, isStep);
    await world.until(begun + 6 * minute);
    expect([await stageOf(), toldTo().length, world.sent[1]!.server === holder]).toEqual(['notify-backup', 2, false]);
    const before = [await world.find('Task'), await world.kept('alert-process'), await world.kept('alert-timer')];
    world.goOn(holder);
    await world.until(begun + 7 * minute);
    expect([await world.find('Task'), await world.kept('alert-process'), await world.kept('alert-timer')]).toEqual(
      before,
    );
    expect(await world.find('CommunicationRequest')).toHaveLength(2);
    expect(toldTo()).toHaveLength(2);
  });
});

describe('whoever acts on time', () => {
  it('stops the escalation, and by taking it back starts it anew', async () => {
    world = await openAlertWorld();
    await patient();
    await world.start();
    await world.open('critical', 'a');
    const begun = world.runtime.now();
    await world.until(begun + 1_000);
    const [task] = await world.find('Task');
    const accepted = await world.save({ ...task, status: 'accepted' });
    await world.until(begun + 30 * minute);
    expect([await stageOf(), toldTo()]).toEqual(['acknowledged', ['inbox']]);
    const [now] = await world.find('Task');
    await world.save({ ...now, status: 'requested' });
    await world.until(begun + 31 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['notify-clinician', 2]);
    await world.until(begun + 40 * minute);
    expect(await stageOf()).toBe('notify-backup');
    expect(accepted.status).toBe('accepted');
  });
});

describe('the patient', () => {
  const answer = async (payload: string, more: object = {}) => {
    const [question] = (await world.find('Communication')).filter(({ inResponseTo }) => !inResponseTo);
    return world.save({
      resourceType: 'Communication',
      id: `answer-${payload}`,
      status: 'completed',
      inResponseTo: [{ reference: `Communication/${question.id}` }],
      sender: { reference: 'Patient/1' },
      payload: [{ contentString: payload }],
      ...more,
    });
  };
  async function asked() {
    world = await openAlertWorld();
    await patient();
    await world.start();
    await world.open('warning', 'a');
    await world.until(world.runtime.now() + 1_000);
  }

  it('allows: clinicians are told, and a Consent for a day says so (2-067)', async () => {
    await asked();
    await answer('allow');
    await world.until(world.runtime.now() + 1_000);
    expect([await stageOf(), toldTo()]).toEqual(['notify-clinician', ['12345', 'inbox']]);
    const [consent] = await world.find('Consent');
    expect(consent).toMatchObject({
      status: 'active',
      provision: { type: 'permit', data: [{ reference: { reference: 'Flag/a' } }] },
    });
    const { start, end } = consent.provision.period;
    expect(Date.parse(end) - Date.parse(start)).toBe(24 * 60 * minute);
    const [task] = await world.find('Task');
    expect(task.output).toEqual([{ type: { text: 'allow' }, valueReference: { reference: `Consent/${consent.id}` } }]);
    expect((await world.find('CommunicationRequest'))[0].status).toBe('completed');
  });

  it('denies: nobody is told, for ever (2-067)', async () => {
    await asked();
    await answer('deny');
    await world.until(world.runtime.now() + 24 * 60 * minute);
    expect([await stageOf(), toldTo()]).toEqual(['denied', ['12345']]);
    expect((await world.find('Consent'))[0]).toMatchObject({ status: 'rejected', provision: { type: 'deny' } });
  });

  it('wants to be asked later, and is', async () => {
    await asked();
    await answer('ask-later');
    await world.until(world.runtime.now() + 14 * minute);
    expect([await stageOf(), toldTo().length]).toEqual(['ask-later', 1]);
    await world.until(world.runtime.now() + 2 * minute);
    expect([await stageOf(), toldTo()]).toEqual(['ask-patient', ['12345', '12345']]);
  });

  it('is not answered for by somebody else, nor by what is no answer', async () => {
    await asked();
    await answer('allow', { sender: { reference: 'Patient/2' } });
    await answer('perhaps');
    await answer('deny', { status: 'in-progress' });
    await world.until(world.runtime.now() + 1_000);
    expect(await stageOf()).toBe('ask-patient');
  });
});

describe('quiet hours', () => {
  const hours = { from: 22 * 60, to: 7 * 60, zone: 'Europe/Berlin' };
  const at = (text: string) => Date.parse(text);
  it('end by the clock on the wall, in the nights that it is changed in too', () => {
    expect(quietUntil(at('2026-01-10T20:59:59Z'), hours)).toBeUndefined();
    expect(quietUntil(at('2026-01-10T21:00:00Z'), hours)).toBe(at('2026-01-11T06:00:00Z'));
    expect(quietUntil(at('2026-01-11T05:59:59.999Z'), hours)).toBe(at('2026-01-11T06:00:00Z'));
    expect(quietUntil(at('2026-01-11T06:00:00Z'), hours)).toBeUndefined();
    // Summer time begins: the night has an hour less; it ends: an hour more.
    expect(quietUntil(at('2026-03-28T21:00:00Z'), hours)).toBe(at('2026-03-29T05:00:00Z'));
    expect(quietUntil(at('2026-10-24T20:00:00Z'), hours)).toBe(at('2026-10-25T06:00:00Z'));
  });

  it('hold back a warning to their end, and nothing that is critical', async () => {
    world = await openAlertWorld({ quietHours: { from: 0, to: 7 * 60, zone: 'UTC' } });
    await patient();
    await world.start();
    const midnight = world.runtime.now();
    await world.open('warning', 'a');
    await world.open('critical', 'b');
    await world.until(midnight + 7 * 60 * minute - 1);
    expect(world.sent.filter(({ about }) => about === 'Flag/a')).toEqual([]);
    expect(world.sent.filter(({ about }) => about === 'Flag/b').length).toBeGreaterThan(0);
    await world.until(midnight + 7 * 60 * minute);
    expect(world.sent.filter(({ about }) => about === 'Flag/a')).toHaveLength(1);
  });
});
