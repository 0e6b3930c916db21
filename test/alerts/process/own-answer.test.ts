/** A patient with a token answers over FHIR, in the patient's own name alone. capability/access/patient.json */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { begin, everybody, fill } from '../../smart/policies/world.ts';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  house.grants.set('patient', everybody.patient!);
});
afterAll(() => house.stop());

const post = async (sender: string, more: object = {}) => {
  const body = {
    resourceType: 'Communication',
    status: 'completed',
    inResponseTo: [{ reference: 'Communication/question' }],
    subject: { reference: 'Patient/a' },
    sender: { reference: sender },
    payload: [{ contentString: 'allow' }],
    ...more,
  };
  return house.ask('POST', '/Communication', { as: 'patient', body });
};

it('may create a Communication of its own, and none in the name of others or of another patient', async () => {
  const own = await post('Patient/a');
  expect(own.status).toBe(201);
  for (const sender of ['Patient/b', 'Practitioner/nurse']) expect((await post(sender)).status).toBe(403);
  expect((await post('Patient/b', { subject: { reference: 'Patient/b' } })).status).toBe(403);
  const changed = { ...own.body, payload: [{ contentString: 'deny' }] };
  const { status } = await house.ask('PUT', `/Communication/${own.body.id}`, { as: 'patient', body: changed });
  expect(status).toBe(403);
});
