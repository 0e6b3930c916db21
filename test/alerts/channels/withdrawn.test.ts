/** What waits through an outage and is over by its end: who is told then, in which words, and who is left alone. docs/escalation.md#withdrawn */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProcessSettings } from '../../../src/alerts/process/parts.ts';
import { type AlertWorld, openAlertWorld } from '../process/world.ts';

const busy = { failed: 'system-error', reason: 'The endpoint answered 503', isFinal: false } as const;
const minute = 60_000;
let world: AlertWorld;
afterEach(() => world?.close());

/** Nothing can be sent from now on. */
const outage = () => world.answers.push(...Array(1_000).fill(busy));
const goOn = async (by = 11 * minute) => {
  world.answers.length = 0;
  const before = world.sent.length;
  await world.until(world.runtime.now() + by);
  return world.sent.slice(before);
};
const wait = (span: number) => world.until(world.runtime.now() + span);
const end = (status = 'inactive') =>
  world.save({
    resourceType: 'Flag',
    id: 'a',
    status,
    code: { text: 'x' },
    subject: { reference: 'Patient/1' },
    period: { end: new Date(world.runtime.now()).toISOString() },
  });
const accept = async (status = 'accepted') => world.save({ ...(await world.find('Task'))[0], status });
/** Of the messages, each in short. */
const became = async () =>
  (await world.find('Communication')).map(({ status, statusReason }) =>
    [status, statusReason?.coding?.[0].code, statusReason?.text].filter(Boolean).join(' '),
  );
const issue = (more: object) =>
  world.save({
    resourceType: 'DetectedIssue',
    id: 'a-issue',
    status: 'final',
    patient: { reference: 'Patient/1' },
    ...more,
  }); // prettier-ignore
const span = (value: number) => ({ value, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' });
const plan = (action: readonly object[], more: object = {}) =>
  world.save({
    resourceType: 'PlanDefinition',
    id: 'ours',
    status: 'active',
    identifier: [{ system: 'https://example.org/fhir/sid/alert-plan', value: 'critical' }],
    action,
    ...more,
  });

interface Begin {
  readonly severity?: 'critical' | 'warning';
  readonly phone?: boolean;
  readonly members?: readonly string[];
  readonly settings?: Partial<ProcessSettings>;
  readonly before?: () => Promise<unknown>;
  /** How many messages are sent before the outage. */
  readonly sent?: number;
}
/** An alert whose messages could not be sent for a second. */
async function waiting({ severity = 'critical', phone, members = [], settings, before, sent = 0 }: Begin = {}) {
  world = await openAlertWorld(settings);
  const telecom = phone ? [{ system: 'phone', value: '12345' }] : undefined;
  await world.save({ resourceType: 'Patient', id: '1', telecom, address: [{ text: 'Main Street 1' }] });
  for (const id of members)
    await world.save({ resourceType: 'Practitioner', id, telecom: [{ system: 'url', value: id }] });
  const participant = members.map((id) => ({ member: { reference: `Practitioner/${id}` } }));
  const subject = { reference: 'Patient/1' };
  if (members.length > 0)
    await world.save({ resourceType: 'CareTeam', id: 't', status: 'active', subject, participant });
  await before?.();
  world.answers.push(...Array(sent).fill('sent'));
  outage();
  await world.start();
  await world.open(severity, 'a');
  await wait(1_000);
}

describe('an alert that is over before its message could be sent', () => {
  it('is told all the same, once, as what was, where it is life-threatening and nobody knows', async () => {
    await waiting({ members: ['dora'] });
    await end();
    const sent = await goOn();
    expect(sent).toHaveLength(1);
    expect(sent[0]!.text).toBe('A critical alert was there, and was over before anybody could be told.');
    const [said] = await world.find('Communication');
    expect(said.status).toBe('completed');
    expect([said.id, said.payload]).toEqual([sent[0]!.id, [{ contentString: sent[0]!.text }]]);
    const counts = Object.fromEntries((await world.kept('alert-message-count')).map(({ key, value }) => [key, value]));
    expect(counts).toMatchObject({ 'webhook|sent': 1 });
    expect(await world.kept('alert-message')).toEqual([]);
    expect(world.errors).toEqual([]);
  });

  it('is told in these words to all who hear of it at once', async () => {
    await waiting({ members: ['dora', 'nina'] });
    await end();
    const sent = await goOn();
    expect(sent.map(({ to, subject }) => [to.value, subject]).sort()).toEqual([
      ['dora', 'Watchfire: a critical alert was there'],
      ['nina', 'Watchfire: a critical alert was there'],
    ]);
  });

  it('is told to nobody else where somebody has been told', async () => {
    await waiting({ members: ['dora', 'nina'], sent: 1 });
    await end();
    expect(await goOn()).toEqual([]);
    expect((await became()).sort()).toEqual([
      'completed',
      'not-done Withdrawn: the alert was over before this was sent',
    ]);
    const counts = (await world.kept('alert-message-count')).map(({ key, value }) => [key, value]);
    expect(counts).toContainEqual(['webhook|withdrawn', 1]);
  });

  it('is told where people know of it as a warning alone', async () => {
    await waiting({ severity: 'warning', sent: 1 });
    await wait(1_000);
    expect(await became()).toEqual(['completed']);
    const flag = (await world.find('Flag'))[0];
    const high = { coding: [{ system: 'http://hl7.org/fhir/flag-priority-code', code: 'PH' }] };
    const extension = [{ url: 'http://hl7.org/fhir/StructureDefinition/flag-priority', valueCodeableConcept: high }];
    await world.save({ ...flag, extension });
    await wait(1_000);
    await end();
    expect((await goOn()).map(({ text }) => text)).toEqual([expect.stringContaining('A critical alert was there')]);
  });

  it('is withdrawn where it is a warning', async () => {
    await waiting({ severity: 'warning' });
    await end();
    expect(await goOn()).toEqual([]);
    expect(await became()).toEqual(['not-done Withdrawn: the alert was over before this was sent']);
  });

  it('is withdrawn where somebody resolved it, or it was an error', async () => {
    const action = { coding: [{ system: 'https://example.org/fhir/CodeSystem/alert-action', code: 'resolved' }] };
    await waiting();
    await issue({ mitigation: [{ action }] });
    await end();
    expect(await goOn()).toEqual([]);
    await world.close();
    await waiting();
    await issue({});
    await end('entered-in-error');
    expect(await goOn()).toEqual([]);
  });

  it('is withdrawn where somebody had accepted its Task', async () => {
    await waiting();
    await accept();
    await wait(100);
    await end();
    expect(await goOn()).toEqual([]);
  });

  it('is told where who had accepted its Task gave it back', async () => {
    await waiting();
    await accept();
    await wait(100);
    await accept('requested');
    await wait(100);
    await end();
    const texts = (await goOn()).map(({ text }) => text);
    expect(texts).toEqual(['A critical alert was there, and was over before anybody could be told.']);
  });

  it('is no news where it was an error before anybody could be told, or by the time that somebody can be', async () => {
    for (const status of ['entered-in-error', 'inactive']) {
      world = await openAlertWorld();
      await issue({});
      await world.open('critical', 'a');
      await end(status);
      outage();
      await world.start();
      await wait(1_000);
      const waits = status === 'inactive' ? 1 : 0;
      expect(await world.kept('alert-message')).toHaveLength(waits);
      await end('entered-in-error');
      expect(await goOn()).toEqual([]);
      expect(await became()).toEqual(Array(waits).fill('not-done Withdrawn: the alert was an error'));
      if (status !== 'inactive') await world.close();
    }
  });

  it('calls no emergency service', async () => {
    await waiting({
      settings: { emergency: 'HealthcareService/112', inbox: undefined },
      before: async () => {
        const telecom = [{ system: 'phone', value: '112112' }];
        await world.save({ resourceType: 'HealthcareService', id: '112', telecom });
        await plan(
          [1, 1, 9].map((minutes, i) => ({
            id: ['notify-clinician', 'notify-backup', 'notify-ems'][i],
            timingDuration: span(minutes),
          })),
        ); // prettier-ignore
      },
    });
    await wait(2 * minute + 1_000);
    expect(world.sent.at(-1)!.to.value).toBe('112112');
    await end();
    expect(await goOn()).toEqual([]);
  });
});

describe('an alert that still waits for somebody', () => {
  it('is told to those of the first stage too, though the backup has been asked meanwhile', async () => {
    await waiting({ members: ['nina'] });
    await wait(6 * minute);
    const sent = await goOn();
    expect(sent.map(({ to }) => to.value).sort()).toEqual(['inbox', 'nina']);
    expect(await became()).toEqual(['completed', 'completed']);
  });

  it('is told though the last deadline has passed', async () => {
    await waiting();
    await wait(16 * minute);
    expect((await world.find('Task'))[0].businessStatus.coding[0].code).toBe('closed');
    expect(await goOn()).toHaveLength(2);
  });
});

describe('an alert that somebody has accepted', () => {
  it('is told to nobody else; taken back, it is told to everybody anew', async () => {
    await waiting({ members: ['dora', 'nina'] });
    await accept();
    expect(await goOn(minute)).toEqual([]);
    const withdrawn = 'not-done Withdrawn: somebody had taken the alert before this was sent';
    expect(await became()).toEqual([withdrawn, withdrawn]);
    await accept('requested');
    expect((await goOn(minute)).map(({ to }) => to.value).sort()).toEqual(['dora', 'nina']);
  });

  it.each(['rejected', 'failed', 'cancelled'])(
    'is told on where its Task is %s: who declines does not have it',
    async (status) => {
      await waiting({ members: ['dora', 'nina'] });
      await accept(status);
      expect((await goOn(minute)).map(({ to }) => to.value).sort()).toEqual(['dora', 'nina']);
      expect((await world.find('Task'))[0].businessStatus.coding[0].code).toBe('notify-clinician');
      await accept();
      await wait(1_000);
      await accept(status);
      expect((await goOn(minute)).map(({ to }) => to.value).sort()).toEqual(['dora', 'nina']);
    },
  );

  it('is told to nobody else, though the last deadline had passed before; to everybody where that is taken back', async () => {
    await waiting();
    await issue({});
    await wait(16 * minute);
    await accept();
    expect((await world.find('Task'))[0].businessStatus.coding[0].code).toBe('closed');
    expect(await goOn()).toEqual([]);
    const withdrawn = 'not-done Withdrawn: somebody had taken the alert before this was sent';
    expect(await became()).toEqual([withdrawn, withdrawn]);
    await accept('requested');
    expect((await goOn(minute)).map(({ to }) => to.value)).toEqual(['inbox']);
  });

  it('and that is over is told of to nobody anew, whatever becomes of its Task', async () => {
    await waiting({ members: ['dora'] });
    await accept();
    await wait(1_000);
    await end();
    await accept('cancelled');
    expect(await goOn()).toEqual([]);
    expect((await world.find('Task'))[0].businessStatus.coding[0].code).toBe('closed');
    expect(await world.find('Communication')).toHaveLength(1);
  });

  it('keeps its call for help: who sees that it was called relies on it', async () => {
    await waiting({
      settings: { emergency: 'HealthcareService/112' },
      before: async () => {
        const telecom = [{ system: 'phone', value: '112112' }];
        await world.save({ resourceType: 'HealthcareService', id: '112', telecom });
        await plan(
          [1, 1, 9].map((minutes, i) => ({
            id: ['notify-clinician', 'notify-backup', 'notify-ems'][i],
            timingDuration: span(minutes),
          })),
        ); // prettier-ignore
      },
    });
    await wait(2 * minute + 1_000);
    await accept();
    expect((await goOn()).map(({ to }) => to.value)).toEqual(['112112']);
  });
});

describe('a question', () => {
  it('is not asked once its time is up', async () => {
    await waiting({ severity: 'warning', phone: true });
    await wait(5 * minute);
    expect((await goOn()).map(({ to }) => to.value)).toEqual(['inbox', 'inbox']);
    expect(await became()).toContain('not-done Withdrawn: the question was over before this was sent');
  });

  it('is asked where it is open still', async () => {
    await waiting({ severity: 'warning', phone: true });
    expect((await goOn(minute)).map(({ to }) => to.value)).toEqual(['12345']);
  });

  it('that is answered with a no takes back what was to be told beside it', async () => {
    await waiting({
      phone: true,
      before: () =>
        plan([
          { id: 'ask-patient', timingDuration: span(5) },
          {
            id: 'notify-clinician',
            timingDuration: span(5),
            relatedAction: [{ actionId: 'ask-patient', relationship: 'concurrent-with-start' }],
          },
        ]),
    });
    const question = (await world.find('Communication')).find(
      ({ recipient }) => recipient[0].reference === 'Patient/1',
    );
    await world.save({
      resourceType: 'Communication',
      id: 'no',
      status: 'completed',
      inResponseTo: [{ reference: `Communication/${question.id}` }],
      sender: { reference: 'Patient/1' },
      payload: [{ contentString: 'deny' }],
    });
    const sent = await goOn();
    expect(sent.filter(({ to }) => to.value === 'inbox')).toEqual([]);
    const [message] = (await world.find('Communication')).filter(({ recipient }) => recipient?.[0].display);
    expect(message.statusReason).toMatchObject({ coding: [{ code: 'patient-objection' }] });
  });
});
