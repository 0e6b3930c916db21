/** $why: which rule lets a caller in or keeps it out. capability/access/README.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill, world } from './world.ts';

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  for (const [name, grant] of Object.entries(everybody)) house.grants.set(name, grant);
});
afterAll(() => house.stop());

const ask = (query: string, as = 'admin') => house.ask('GET', `/$why?${query}`, { as });
const partOf = ({ part }: any, name: string) => {
  const found = part.find((one: any) => one.name === name);
  return found?.valueBoolean ?? found?.valueCode ?? found?.valueString;
};
async function rightOf(query: string, right: string) {
  const { body } = await ask(query);
  const found = body.parameter.find((one: any) => one.name === 'right' && partOf(one, 'right') === right);
  const reasons = found.part.filter(({ name }: any) => name === 'reason');
  return {
    granted: partOf(found, 'granted'),
    opening: reasons.filter((one: any) => partOf(one, 'opens')).map((one: any) => partOf(one, 'by')),
    closed: reasons.filter((one: any) => !partOf(one, 'opens')).map((one: any) => partOf(one, 'by')),
    says: reasons.map((one: any) => partOf(one, 'says')),
  };
}

describe('$why', () => {
  it('names the rule that lets in, and those that do not', async () => {
    const nurse = 'who=Practitioner/nurse&roles=nurse';
    expect(await rightOf(`reference=Encounter/visit-a&${nurse}`, 'read')).toEqual({
      granted: true,
      opening: ['nurse, rule 1'],
      closed: ['nurse, rule 2'],
      says: [
        expect.stringContaining('within care-team unless labelled R, V: rs'),
        expect.stringMatching(/for the purpose ETREAT: rs; asked for no such purpose$/),
      ],
    });
    expect(await rightOf(`reference=Encounter/visit-b&${nurse}`, 'read')).toMatchObject({
      granted: false,
      closed: ['nurse, rule 1', 'nurse, rule 2'],
    });
    expect(await rightOf(`reference=Observation/secret-a&${nurse}`, 'search')).toMatchObject({
      granted: false,
      closed: ['nurse, rule 1', 'nurse, rule 2'],
    });
    expect(await rightOf(`reference=Observation/secret-a&${nurse}&purposeOfUse=ETREAT`, 'search')).toMatchObject({
      granted: true,
      opening: ['nurse, rule 2'],
    });
    expect(await rightOf(`reference=Encounter/visit-a&${nurse}`, 'delete')).toMatchObject({
      granted: false,
      says: ['no rule opens Encounter'],
    });
  });

  it('tells roles and scopes apart', async () => {
    const asked = 'reference=Observation/vital-a&who=Practitioner/nurse&roles=nurse,tester';
    expect(await rightOf(`${asked}&scope=${encodeURIComponent('user/Encounter.rs')}`, 'read')).toMatchObject({
      granted: false,
      opening: ['nurse, rule 1'],
      closed: ['tester, rule 2', 'nurse, rule 2', 'scopes'],
    });
    const launched = `${asked}&scope=${encodeURIComponent('patient/*.rs')}`;
    expect(await rightOf(launched, 'read')).toMatchObject({ granted: false });
    expect(await rightOf(`${launched}&patient=a`, 'read')).toMatchObject({ granted: true });
    expect(await rightOf(`${launched}&patient=b`, 'read')).toMatchObject({ granted: false });
  });

  it('agrees with what the caller is answered', async () => {
    for (const name of ['patient', 'nurse', 'physician', 'tester', 'service']) {
      const { who, roles } = everybody[name]!;
      for (const { resourceType, id } of world) {
        const reference = `${resourceType}/${id}`;
        const { granted } = await rightOf(`reference=${reference}&who=${who}&roles=${roles}`, 'read');
        const { status } = await house.ask('GET', `/${reference}`, { as: name });
        expect([name, reference, granted]).toEqual([name, reference, status === 200]);
      }
    }
  });

  it('tells that nothing is stored', async () => {
    const { body } = await ask('reference=Patient/nobody&who=Patient/a&roles=patient');
    expect(body.parameter).toContainEqual({ name: 'stored', valueBoolean: false });
  });

  it('tells nothing of who is not there', async () => {
    for (const who of ['Practitioner/nope', 'Client/nope', 'Astronaut/1']) {
      const { status, body } = await ask(`reference=Patient/a&who=${who}`);
      expect([status, body.issue[0].diagnostics]).toEqual([404, expect.stringContaining(`${who} was not found`)]);
    }
    expect((await ask('reference=Patient/a&who=Practitioner/nope&roles=nurse')).status).toBe(404);
  });

  it('is the administrator’s alone, and refuses what it does not understand', async () => {
    for (const name of ['nurse', 'service', 'privacy-officer', 'device']) {
      expect([name, (await ask('reference=Patient/a&who=Patient/a', name)).status]).toEqual([name, 403]);
    }
    expect((await ask('reference=Patient/a&who=Patient/a', 'administrator')).status).toBe(200);
    for (const query of [
      '',
      'who=Patient/a',
      'reference=Patient/a',
      'reference=a&who=b',
      'reference=Patient/a&who=Patient/a&x=1',
    ])
      expect([query, (await ask(query)).status]).toEqual([query, 400]);
  });
});
