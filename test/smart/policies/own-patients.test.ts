/** The Patients of a caller are remembered as a list where they are few: what that means in time, on every path, and that nothing else is meant. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { extract } from '../../../src/search/extract.ts';
import { noEntries } from '../../../src/search/query.ts';
import { REMEMBERED } from '../../../src/smart/remembered.ts';
import type { Change } from '../../../src/store/store.ts';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill } from './world.ts';

let house: AccessHouse;
beforeEach(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  house.grants.set('nurse', everybody.nurse!);
  house.grants.set('physician', everybody.physician!);
});
afterEach(() => house.stop());

const team = (id: string, patient: string, status: string) => ({
  resourceType: 'CareTeam',
  id,
  status,
  subject: { reference: `Patient/${patient}` },
  participant: [{ member: { reference: 'Practitioner/nurse' } }],
});
const put = async (resource: any) => {
  const { status, text } = await house.ask('PUT', `/${resource.resourceType}/${resource.id}`, { body: resource });
  if (status >= 300) throw new Error(text);
};

const written = ({ meta: _meta, ...resource }: any): Change => ({
  op: 'write',
  key: { type: resource.resourceType, id: resource.id },
  method: 'PUT',
  text: [`${JSON.stringify(resource).slice(0, -1)},"meta":{`, '}}'],
  index: extract(resource),
  expect: 'any',
});

/** As another server of the same store would write it: nobody here hears of it. */
const putElsewhere = (resource: any) => house.engine.commit([written(resource)]);

/** What the nurse is answered about one patient, on every path. */
async function seenOf(patient: string, as = 'nurse') {
  const ids = async (path: string) => {
    const { status, body } = await house.ask('GET', path, { as });
    if (status !== 200) return `${status}`;
    return (body.entry ?? [])
      .map(({ resource }: any) => `${resource.resourceType}/${resource.id}`)
      .sort()
      .join(' ');
  };
  const total = async (path: string) => (await house.ask('GET', path, { as })).body.total;
  return {
    read: (await house.ask('GET', `/Observation/vital-${patient}`, { as })).status,
    version: (await house.ask('GET', `/Observation/vital-${patient}/_history/1`, { as })).status,
    patient: (await house.ask('GET', `/Patient/${patient}`, { as })).status,
    pinned: await ids(`/Observation?patient=${patient}&code=http://loinc.org|8867-4&_id=vital-${patient}`),
    compartment: await ids(`/Patient/${patient}/Flag`),
    byId: await ids(`/Patient?_id=${patient}`),
    total: await total(`/Condition?patient=${patient}&_total=accurate&_count=0`),
    totalOfAll: await total(`/Encounter?_id=visit-${patient}&_total=accurate&_count=0`),
    included: await ids(`/Observation?_id=vital-${patient}&_include=Observation:subject`),
    reverse: await ids(`/Patient?_id=${patient}&_revinclude=Flag:subject`),
    chain: await ids(`/Flag?subject:Patient.family=Family-${patient}`),
    has: await ids(`/Patient?_has:Condition:subject:code:text=of ${patient}`),
  };
}

const nothing = {
  read: 404,
  version: 404,
  patient: 404,
  pinned: '',
  compartment: '',
  byId: '',
  total: 0,
  totalOfAll: 0,
  included: '',
  reverse: '',
  chain: '',
  has: '',
};
const allOf = (patient: string) => ({
  read: 200,
  version: 200,
  patient: 200,
  pinned: `Observation/vital-${patient}`,
  compartment: `Flag/flag-${patient}`,
  byId: `Patient/${patient}`,
  total: 1,
  totalOfAll: 1,
  included: `Observation/vital-${patient} Patient/${patient}`,
  reverse: `Flag/flag-${patient} Patient/${patient}`,
  chain: `Flag/flag-${patient}`,
  has: `Patient/${patient}`,
});

describe('The patients of the own CareTeams', () => {
  it('are seen on every path, and nobody else is', async () => {
    expect(await seenOf('a')).toEqual(allOf('a'));
    expect(await seenOf('c')).toEqual(nothing);
  });

  it('come and go with what is written on this server at once', async () => {
    expect(await seenOf('a')).toEqual(allOf('a'));
    await put(team('team-a', 'a', 'inactive'));
    expect(await seenOf('a')).toEqual(nothing);
    await put(team('team-c', 'c', 'active'));
    expect(await seenOf('c')).toEqual(allOf('c'));
    await house.ask('DELETE', '/CareTeam/team-c');
    expect(await seenOf('c')).toEqual(nothing);
  });

  it('are hidden five seconds after the team ended elsewhere, on every path', async () => {
    expect(await seenOf('a')).toEqual(allOf('a'));
    await putElsewhere(team('team-a', 'a', 'inactive'));
    house.setClock(begin + REMEMBERED);
    expect(await seenOf('a')).toEqual(nothing);
  });

  it('are seen five seconds after the team began elsewhere', async () => {
    expect(await seenOf('c')).toEqual(nothing);
    await putElsewhere(team('team-c', 'c', 'active'));
    house.setClock(begin + REMEMBERED);
    expect(await seenOf('c')).toEqual(allOf('c'));
  });

  it('are no reason for a page that was begun to be refused, when they become others', async () => {
    const { body } = await house.ask('GET', '/Observation?_count=1', { as: 'nurse' });
    const next = body.link.find(({ relation }: any) => relation === 'next').url;
    await put(team('team-c', 'c', 'active'));
    expect((await house.ask('GET', next, { as: 'nurse' })).status).toBe(200);
  });

  it('are none where the Patient is deleted', async () => {
    expect(await seenOf('a')).toEqual(allOf('a'));
    await house.engine.commit([
      { op: 'write', key: { type: 'Patient', id: 'a' }, method: 'DELETE', index: noEntries, expect: 'any' },
    ]);
    house.setClock(begin + REMEMBERED);
    expect((await seenOf('a')).read).toBe(404);
    expect((await seenOf('a')).total).toBe(0);
  });
});

describe('The patients of the own organization', () => {
  it('come and go with what is written on this server at once', async () => {
    expect((await seenOf('b', 'physician')).total).toBe(1);
    expect((await seenOf('c', 'physician')).total).toBe(0);
    const { body } = await house.ask('GET', '/Patient/b');
    await put({ ...body, managingOrganization: { reference: 'Organization/south' } });
    expect(await seenOf('b', 'physician')).toEqual(nothing);
    const other = (await house.ask('GET', '/Patient/c')).body;
    await put({ ...other, managingOrganization: { reference: 'Organization/north' } });
    expect((await seenOf('c', 'physician')).total).toBe(1);
  });

  it('end with the role in it at once', async () => {
    expect((await seenOf('b', 'physician')).read).toBe(200);
    const { body } = await house.ask('GET', '/PractitionerRole/physician-north');
    await put({ ...body, active: false });
    expect(await seenOf('b', 'physician')).toEqual(nothing);
  });

  it('are told one by one where they are many: the same is seen, at once and five seconds later', async () => {
    const managingOrganization = { reference: 'Organization/north' };
    const many = Array.from({ length: 1_001 }, (_, i) =>
      written({ resourceType: 'Patient', id: `many-${i}`, managingOrganization }),
    );
    await house.engine.commit(many);
    house.access.forget();
    expect(JSON.stringify(await finds('physician'))).toContain('refers');
    expect(await seenOf('b', 'physician')).toEqual(allOf('b'));
    expect(await seenOf('c', 'physician')).toEqual(nothing);
    const { body } = await house.ask('GET', '/Patient/b');
    await put({ ...body, managingOrganization: { reference: 'Organization/south' } });
    expect(await seenOf('b', 'physician')).toEqual(nothing);
    const other = (await house.ask('GET', '/Patient/c')).body;
    await putElsewhere({ ...other, managingOrganization: { reference: 'Organization/north' } });
    house.setClock(begin + REMEMBERED);
    expect(await seenOf('c', 'physician')).toEqual(allOf('c'));
  });

  it('are asked by a list where they are few', async () => {
    expect(JSON.stringify(await finds('physician'))).not.toContain('refers');
  });
});

const finds = async (name: string) => (await house.access.accessFor(everybody[name]!)).finds('Observation');
