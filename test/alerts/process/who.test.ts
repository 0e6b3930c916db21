/** Who is told: all teams of the patient that treat, and at once somebody who can be reached. docs/escalation.md#who-is-told */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AlertWorld, openAlertWorld } from './world.ts';

const minute = 60_000;
const nurse = '224535009';
const doctor = '309343006';
let world: AlertWorld;
afterEach(() => world?.close());

type Member = readonly [reference: string, role?: string];
const team = (id: string, members: readonly Member[], more: object = {}) =>
  world.save({
    resourceType: 'CareTeam',
    id,
    status: 'active',
    subject: { reference: 'Patient/1' },
    participant: members.map(([reference, code]) => ({
      member: { reference },
      ...(code && { role: [{ coding: [{ system: 'http://snomed.info/sct', code }] }] }),
    })),
    ...more,
  });
/** Each is reached under its own name. */
const people = (names: readonly string[]) =>
  Promise.all(
    names.map((id) => world.save({ resourceType: 'Practitioner', id, telecom: [{ system: 'url', value: id }] })),
  );
/** Without any address. */
const quiet = (id: string) => world.save({ resourceType: 'Practitioner', id });
const toldAt = (at: number) =>
  world.sent
    .filter((one) => one.at === at)
    .map(({ to }) => to.value)
    .sort(); // prettier-ignore
const namedIn = (request: any) => request.recipient.map((one: any) => one.reference ?? one.display).sort();

/** The moment at which a critical alert opened, after all of the first stage has been told. */
async function opened(): Promise<number> {
  await world.save({ resourceType: 'Patient', id: '1' });
  await world.start();
  await world.open('critical', 'a');
  const begun = world.runtime.now();
  await world.until(begun + 1_000);
  return begun;
}

describe('a patient with several teams', () => {
  it('has the doctor of the one that treats told, though a team of the family was there first', async () => {
    world = await openAlertWorld();
    await people(['dora']);
    await world.save({ resourceType: 'RelatedPerson', id: 'son', patient: { reference: 'Patient/1' } });
    await team('a-family', [['RelatedPerson/son'], ['Patient/1']]);
    await team('b-clinic', [['Practitioner/dora', doctor]]);
    const begun = await opened();
    expect(toldAt(begun)).toEqual(['dora']);
    expect((await world.find('Task'))[0].owner).toEqual({ reference: 'CareTeam/b-clinic' });
  });

  it('has doctors and nurses of all of them told, once each, in one request', async () => {
    world = await openAlertWorld();
    await people(['dora', 'nina', 'nils', 'diet', 'idle']);
    await team('a', [
      ['Practitioner/nina', nurse],
      ['Practitioner/dora', doctor],
    ]); // prettier-ignore
    await team('b', [
      ['Practitioner/nils', nurse],
      ['Practitioner/dora', doctor],
      ['Practitioner/diet', '159033005'],
    ]);
    await team('c', [['Practitioner/diet', '159033005']]);
    await team('d', [['Practitioner/idle', doctor]], { status: 'inactive' });
    const begun = await opened();
    expect(toldAt(begun)).toEqual(['dora', 'nils', 'nina']);
    const [request] = await world.find('CommunicationRequest');
    expect(namedIn(request)).toEqual(['Practitioner/dora', 'Practitioner/nils', 'Practitioner/nina']);
    await world.until(begun + 6 * minute);
    expect(toldAt(begun + 5 * minute)).toEqual(['diet', 'inbox']);
  });

  it('has those told at once who have no role, in a team where nobody has one of the plan', async () => {
    world = await openAlertWorld();
    await people(['nina', 'any', 'diet']);
    await team('a', [['Practitioner/nina', nurse]]);
    await team('b', [['Practitioner/any'], ['Practitioner/diet', '159033005']]);
    expect(toldAt(await opened())).toEqual(['any', 'nina']);
  });
});

describe('a device that tells of itself', () => {
  it('has the team told of who wears it, at once: that is no question to the patient, and no emergency', async () => {
    world = await openAlertWorld({ emergency: 'Organization/ems' });
    await people(['nina']);
    await team('a', [['Practitioner/nina', nurse]]);
    const telecom = [{ system: 'sms', value: '+1' }];
    await world.save({ resourceType: 'Patient', id: '1', telecom, address: [{ text: 'Main Street 1' }] });
    await world.save({
      resourceType: 'Organization',
      id: 'ems',
      name: 'x',
      telecom: [{ system: 'url', value: 'ems' }],
    });
    await world.start();
    const begun = world.runtime.now();
    await world.open('warning', 'a', { patient: undefined, flag: undefined, wearer: 'Patient/1', device: 'Device/1' });
    await world.until(begun + 60 * minute);
    expect(toldAt(begun)).toEqual(['nina']);
    expect(world.sent.map(({ to }) => to.value).sort()).toEqual(['inbox', 'nina']);
    const [request] = await world.find('CommunicationRequest');
    expect(request).toMatchObject({
      subject: { reference: 'Patient/1' },
      about: [{ reference: 'DetectedIssue/a-issue' }],
    });
  });
});

describe('a member of whom nobody wrote a role', () => {
  it('is told with those who have one of the plan; whoever has another one waits for the backup', async () => {
    world = await openAlertWorld();
    await people(['lee', 'kim', 'doc', 'diet']);
    await team('a', [
      ['Practitioner/lee', nurse],
      ['Practitioner/kim'],
      ['Practitioner/doc'],
      ['Practitioner/diet', '159033005'],
    ]);
    const begun = await opened();
    expect(toldAt(begun)).toEqual(['doc', 'kim', 'lee']);
    await world.until(begun + 6 * minute);
    expect(toldAt(begun + 5 * minute)).toEqual(['diet', 'inbox']);
  });
});

describe('members without any address', () => {
  it('are named, and the inbox is told in the same moment', async () => {
    world = await openAlertWorld();
    await quiet('dora');
    await team('a', [['Practitioner/dora', doctor]]);
    const begun = await opened();
    expect(toldAt(begun)).toEqual(['inbox']);
    const [request] = await world.find('CommunicationRequest');
    expect(namedIn(request)).toEqual(['Inbox of the clinic', 'Practitioner/dora']);
    expect((await world.find('Task'))[0].owner).toEqual({ reference: 'CareTeam/a' });
    await world.until(begun + 6 * minute);
    expect(toldAt(begun + 5 * minute)).toEqual(['inbox']);
  });

  it('leave it to the team of the organization, where that can be reached', async () => {
    world = await openAlertWorld({ team: 'CareTeam/all' });
    await people(['otto']);
    await quiet('dora');
    await team('a', [['Practitioner/dora', doctor]]);
    await team('all', [['Practitioner/otto', doctor]], { subject: undefined });
    expect(toldAt(await opened())).toEqual(['otto']);
  });

  it('do not have the inbox told at once where a colleague can be reached', async () => {
    world = await openAlertWorld();
    await people(['nina']);
    await quiet('dora');
    await team('a', [
      ['Practitioner/dora', doctor],
      ['Practitioner/nina', nurse],
    ]); // prettier-ignore
    const begun = await opened();
    expect(toldAt(begun)).toEqual(['nina']);
    await world.until(begun + 6 * minute);
    expect(toldAt(begun + 5 * minute)).toEqual(['inbox']);
  });

  it('are told at the backup where they have an address by then', async () => {
    world = await openAlertWorld({ inbox: undefined });
    await people(['nina']);
    await quiet('dora');
    await team('a', [
      ['Practitioner/dora', doctor],
      ['Practitioner/nina', nurse],
    ]); // prettier-ignore
    const begun = await opened();
    await people(['dora']);
    await world.until(begun + 6 * minute);
    expect(toldAt(begun + 5 * minute)).toEqual(['dora']);
  });
});

describe('an acknowledgement that is taken back', () => {
  it('has everybody told anew who was waited for, whether reached before or not', async () => {
    world = await openAlertWorld();
    await people(['nina']);
    await team('a', [['Practitioner/nina', nurse]]);
    const begun = await opened();
    await world.until(begun + 6 * minute);
    const [task] = await world.find('Task');
    const accepted = await world.save({ ...task, status: 'accepted' });
    await world.until(begun + 7 * minute);
    await world.save({ ...accepted, ...(await world.find('Task'))[0], status: 'requested' });
    await world.until(begun + 8 * minute);
    expect(toldAt(begun + 7 * minute)).toEqual(['inbox', 'nina']);
  });
});
