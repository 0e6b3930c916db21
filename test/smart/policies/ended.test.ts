/** What has ended opens nothing: a relation, a role, a membership, a team, a Practitioner who is no longer active. capability/access/README.md */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill, grantOf, world } from './world.ts';

let house: AccessHouse;
beforeEach(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  for (const role of ['nurse', 'physician']) house.grants.set(role, everybody[role]!);
  house.grants.set('mother', grantOf('RelatedPerson/mother-of-a', ['patient'], 'user/*.rs'));
  house.grants.set('as role', grantOf('PractitionerRole/physician-north', ['physician'], 'user/*.rs'));
});
afterEach(() => house.stop());

const HOUR = 3_600_000;
const at = (time: number) => new Date(time).toISOString();
const past = { period: { end: at(begin - 1000) } };
const coming = { period: { end: at(begin + HOUR) } };
/** As it is in the world, and more; looked up anew. */
async function put(id: string, more: object): Promise<void> {
  const resource = { ...world.find((one) => one.id === id), ...more };
  const { status, text } = await house.ask('PUT', `/${resource.resourceType}/${id}`, { body: resource });
  if (status >= 300) throw new Error(text);
  house.access.forget();
}
const totalOf = async (as: string) => (await house.ask('GET', '/Condition?_total=accurate', { as })).body.total;
const status = async (path: string, as: string) => (await house.ask('GET', path, { as })).status;
const member = { member: { reference: 'Practitioner/nurse' } };

/** Whose end it is, what opens by it, what is written of it. */
const ends: readonly [string, string, string, string, string, (period: object) => object][] = [
  ['a RelatedPerson', 'mother', 'a', 'mother-of-a', 'mother-of-a', (period) => period],
  ['a PractitionerRole', 'physician', 'b', 'physician-north', 'physician-north', (period) => period],
  ['a PractitionerRole that signs in', 'as role', 'b', 'physician-north', 'physician-north', (period) => period],
  ['a CareTeam', 'nurse', 'a', 'team-a', 'team-a', (period) => period],
  ['a participation', 'nurse', 'a', 'team-a', 'team-a', (period) => ({ participant: [{ ...member, ...period }] })],
];

describe.each(ends)('The end of %s', (_what, as, patient, _by, id, more) => {
  it('closes what it opened', async () => {
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(200);
    await put(id, more(past));
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(404);
    expect(await totalOf(as)).toBe(0);
  });

  it('closes it when it comes, five seconds later at most', async () => {
    await put(id, more(coming));
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(200);
    house.setClock(begin + HOUR + 5_001);
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(404);
    expect(await totalOf(as)).toBe(0);
  });

  it('is not there for a day that is not over', async () => {
    await put(id, more({ period: { end: at(begin).slice(0, 10) } }));
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(200);
  });
});

describe('A membership that ended', () => {
  it('leaves another one of the same patient as it is', async () => {
    await put('team-a', { participant: [{ ...member, ...past }, member] });
    expect(await status('/Condition/condition-a', 'nurse')).toBe(200);
  });

  it('of an own role leaves the rest', async () => {
    await put('team-a', {
      participant: [{ ...member, ...past }, { member: { reference: 'PractitionerRole/nurse-north' } }],
    });
    expect(await status('/Condition/condition-a', 'nurse')).toBe(200);
    await put('nurse-north', past);
    expect(await status('/Condition/condition-a', 'nurse')).toBe(404);
  });

  it('takes no write any more', async () => {
    const body = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'pain' },
      subject: { reference: 'Patient/a' },
    };
    expect((await house.ask('POST', '/Observation', { as: 'nurse', body })).status).toBe(201);
    await put('team-a', { participant: [{ ...member, ...past }] });
    expect((await house.ask('POST', '/Observation', { as: 'nurse', body })).status).toBe(403);
  });

  it('is told so by $why', async () => {
    const isOpen = async () => {
      const asked = { key: { type: 'Condition', id: 'condition-a' }, who: 'Practitioner/nurse', roles: ['nurse'] };
      return (await house.access.why(asked)).rights.find(({ right }) => right === 'r')!.isOpen;
    };
    expect(await isOpen()).toBe(true);
    await put('team-a', { participant: [{ ...member, ...past }] });
    expect(await isOpen()).toBe(false);
  });
});

describe('A Practitioner who is not active', () => {
  it.each([
    ['nurse', 'nurse', 'a'],
    ['physician', 'physician', 'b'],
    ['physician', 'as role', 'b'],
  ])('%s has no patients', async (id, as, patient) => {
    await put(id, { active: true });
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(200);
    await put(id, { active: false });
    expect(await status(`/Condition/condition-${patient}`, as)).toBe(404);
    expect(await totalOf(as)).toBe(0);
  });
});
