/** Who reads and writes alert limits: those for everybody, and those of one patient. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { begin, everybody, fill } from '../smart/policies/world.ts';
import { type AccessHouse, openAccessHouse } from '../support/access-house.ts';

const limits = (whose?: string, id = `limits-${whose ?? 'all'}`) => ({
  resourceType: 'ObservationDefinition',
  id,
  ...(whose !== undefined && {
    extension: [
      {
        url: 'https://example.org/fhir/StructureDefinition/limits-for',
        valueReference: { reference: `Patient/${whose}` },
      },
    ],
  }),
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
});

let house: AccessHouse;
const put = async (resource: any, as?: string) => {
  const path = `/${resource.resourceType}/${resource.id}`;
  return (await house.ask('PUT', path, { body: resource, ...(as !== undefined && { as }) })).status;
};
const post = async ({ id: _id, ...resource }: any, as: string) =>
  (await house.ask('POST', `/${resource.resourceType}`, { body: resource, as })).status;
const found = async (as: string) => {
  const { body } = await house.ask('GET', '/ObservationDefinition', { as });
  return body.entry.map(({ resource }: any) => resource.id).sort();
};

/** A is the nurse's and the physician's by their teams, C is nobody's. */
beforeAll(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  for (const role of ['nurse', 'physician', 'patient']) house.grants.set(role, everybody[role]!);
  await put({
    resourceType: 'CareTeam',
    id: 'team-of-physician',
    status: 'active',
    subject: { reference: 'Patient/a' },
    participant: [{ member: { reference: 'Practitioner/physician' } }],
  });
  for (const whose of [undefined, 'a', 'c']) expect(await put(limits(whose))).toBe(201);
});
afterAll(() => house.stop());

it('Limits for everybody are read by all, and those of a patient by who sees the patient', async () => {
  expect(await found('nurse')).toEqual(['limits-a', 'limits-all']);
  expect(await found('physician')).toEqual(['limits-a', 'limits-all']);
  expect((await house.ask('GET', '/ObservationDefinition/limits-c', { as: 'nurse' })).status).toBe(404);
});

it('A physician writes those of own patients, and neither those of others nor those for everybody', async () => {
  expect(await post(limits('a'), 'physician')).toBe(201);
  expect(await put(limits('a'), 'physician')).toBe(200);
  expect(await post(limits('c'), 'physician')).toBe(403);
  expect(await post(limits(), 'physician')).toBe(403);
  expect(await put(limits(undefined, 'limits-a'), 'physician')).toBe(403);
  expect(await put(limits('a', 'limits-all'), 'physician')).toBe(403);
});

it('Nurses and patients write none', async () => {
  expect([await post(limits('a'), 'nurse'), await post(limits('a'), 'patient')]).toEqual([403, 403]);
});
