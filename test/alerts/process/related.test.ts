/** Who is asked in the place of a patient: those who are related to a child, and who speaks for an adult whom nobody can reach. docs/escalation.md#who-is-asked */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AlertWorld, openAlertWorld } from './world.ts';

let world: AlertWorld;
afterEach(() => world?.close());

const sms = (value: string) => [{ system: 'sms', value }];
const patient = { reference: 'Patient/1' };
const related = (id: string, more: object = {}) =>
  world.save({ resourceType: 'RelatedPerson', id, patient, telecom: sms(id), ...more });
const ago = (years: number, days = 0) => {
  const at = new Date(world.runtime.now() - days * 86_400_000);
  at.setUTCFullYear(at.getUTCFullYear() - years);
  return at.toISOString().slice(0, 10);
};

/** A warning of a patient like this; whom it was sent to in the first second. */
async function asked(of: object): Promise<readonly string[]> {
  await world.save({ resourceType: 'Patient', id: '1', ...of });
  await world.save({ resourceType: 'Practitioner', id: 'nina', telecom: [{ system: 'url', value: 'nina' }] });
  const participant = [{ member: { reference: 'Practitioner/nina' } }];
  await world.save({ resourceType: 'CareTeam', id: 'a', status: 'active', subject: patient, participant });
  await world.start();
  await world.open('warning', 'a');
  await world.until(world.runtime.now() + 1_000);
  return world.sent.map(({ to }) => to.value).sort();
}

async function answer(sender: string, text: string, question?: any): Promise<void> {
  const [first] = await world.find('Communication');
  await world.save({
    resourceType: 'Communication',
    id: `answer-${sender.split('/')[1]}`,
    status: 'completed',
    inResponseTo: [{ reference: `Communication/${(question ?? first).id}` }],
    subject: patient,
    sender: { reference: sender },
    payload: [{ contentString: text }],
  });
  await world.until(world.runtime.now() + 1_000);
}
const stage = async () => (await world.find('Task'))[0].businessStatus.coding[0].code;

describe('A question about a child', () => {
  it('goes to who is related, whose answer is an answer (2-066)', async () => {
    world = await openAlertWorld();
    await related('mother');
    expect(await asked({ birthDate: ago(3), telecom: sms('child') })).toEqual(['mother']);
    expect(world.sent[0]!.text).toContain('May the care team be told?');
    const [task] = await world.find('Task');
    expect(task.owner).toEqual({ reference: 'RelatedPerson/mother' });
    await answer('RelatedPerson/mother', 'allow');
    expect([await stage(), world.sent.at(-1)!.to.value]).toEqual(['notify-clinician', 'nina']);
    expect(await world.find('Consent')).toMatchObject([
      { patient, performer: [{ reference: 'RelatedPerson/mother' }], status: 'active' },
    ]);
  });

  it('goes to the child where nobody else can be reached, and to nobody else on the day that it is 18', async () => {
    world = await openAlertWorld();
    await related('mother', { telecom: [{ system: 'url', value: 'web' }] });
    expect(await asked({ birthDate: ago(3), telecom: sms('child') })).toEqual(['child']);
    await world.close();
    world = await openAlertWorld();
    await related('mother');
    expect(await asked({ birthDate: ago(18, 1), telecom: sms('grown') })).toEqual(['grown']);
  });

  it('is answered by nobody whom the process did not ask', async () => {
    world = await openAlertWorld();
    await related('mother');
    await asked({ birthDate: ago(3) });
    await related('neighbour');
    const [question] = await world.find('Communication');
    const recipient = [{ reference: 'RelatedPerson/neighbour' }];
    const forged = await world.save({ ...question, id: 'forged', recipient });
    await answer('RelatedPerson/neighbour', 'deny', forged);
    await answer('RelatedPerson/neighbour', 'deny', question);
    expect(await stage()).toBe('ask-patient');
  });
});

const as = (code: string, system = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode') => ({
  relationship: [{ coding: [{ system, code }] }],
});
const adult = { birthDate: '1950-01-01' };
const consent = (id: string, type: string | undefined, who: string, more: object = {}, period?: object) =>
  world.save({
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ text: 'Who speaks for me' }],
    policyRule: { text: 'Of the house' },
    patient,
    provision: {
      type,
      period,
      actor: [{ role: { text: 'Family' }, reference: { reference: `RelatedPerson/${who}` } }],
    },
    ...more,
  });

describe('A question about an adult without an address', () => {
  it('goes to who speaks for the patient, by law or by a Consent, up to five; a no is one then', async () => {
    world = await openAlertWorld();
    await related('guard', as('GUARD'));
    await related('power', as('HPOWATT'));
    await related('wife', as('WIFE'));
    await consent('of-wife', 'permit', 'wife');
    await related('son', as('SON'));
    await related('former', { ...as('POWATT'), period: { end: '2001-01-01' } });
    await related('gone', { ...as('POWATT'), active: false });
    await related('web', { ...as('POWATT'), telecom: [{ system: 'url', value: 'web' }] });
    await related('other', { ...as('POWATT'), patient: { reference: 'Patient/2' } });
    expect(await asked(adult)).toEqual(['guard', 'power', 'wife']);
    const [task] = await world.find('Task');
    expect(task.owner).toEqual({ reference: 'RelatedPerson/guard' });
    await answer(
      'RelatedPerson/wife',
      'deny',
      (await world.find('Communication')).find(({ recipient }) => recipient[0].reference === 'RelatedPerson/wife'),
    );
    expect(await stage()).toBe('denied');
  });

  it('goes to nobody who is related and no more: the team is told at once', async () => {
    world = await openAlertWorld();
    await related('neighbour', as('NBOR'));
    await related('daughter', as('GUARD', 'http://example.org/roles'));
    await related('son', as('SON'));
    await consent('no', 'deny', 'son');
    await consent('untyped', undefined, 'son');
    await consent('over', 'permit', 'son', {}, { end: '2001-01-01' });
    await consent('draft', 'permit', 'son', { status: 'draft' });
    await consent('of-another', 'permit', 'son', { patient: { reference: 'Patient/2' } });
    expect(await asked(adult)).toEqual(['nina']);
    expect(await stage()).toBe('notify-clinician');
  });

  it('is none where nobody is related, or the patient is dead: the team is told at once', async () => {
    world = await openAlertWorld();
    expect(await asked(adult)).toEqual(['nina']);
    await world.close();
    world = await openAlertWorld();
    await related('guard', as('GUARD'));
    expect(await asked({ deceasedBoolean: true })).toEqual(['nina']);
  });
});

describe('What was noticed', () => {
  const detail = 'Heart rate is high';
  const told = async (of: object) => {
    world = await openAlertWorld({ hasDetail: true });
    await related('mother', as('GUARD'));
    await world.save({ resourceType: 'Patient', id: '1', ...of });
    await world.open('warning', 'a');
    await world.save({ ...(await world.find('Task'))[0], description: detail });
    await world.start();
    await world.until(world.runtime.now() + 1_000);
    const [request] = await world.find('CommunicationRequest');
    return [
      ...world.sent.map(({ to, text }) => [to.value, text.includes(detail)]),
      request.payload[0].contentString.includes(detail),
    ];
  };

  it('is told to the patient where the site wants that, and on no phone of who is related', async () => {
    expect(await told({ birthDate: ago(3) })).toEqual([['mother', false], false]);
    await world.close();
    expect(await told({ birthDate: ago(30), telecom: sms('grown') })).toEqual([['grown', true], true]);
  });
});
