/** Chains and `_has` in conditions; what nobody knows is refused in every one of them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;

beforeAll(async () => {
  house = await openHouse();
  await house.update({ resourceType: 'Patient', id: 'ada', name: [{ family: 'Ada' }] });
  await house.update({ ...reading, id: 'first' });
});
afterAll(() => house.stop());

const reading = {
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/ada' },
};
const { subject: _, ...unrelated } = reading;

describe('A condition', () => {
  it('of a create follows a chain', async () => {
    const held = await house.create(reading, { 'if-none-exist': 'patient.name=ada' });
    expect([held.status, held.body.id]).toEqual([200, 'first']);
    expect((await house.create(unrelated, { 'if-none-exist': 'patient.name=nobody' })).status).toBe(201);
  });

  it('of an update and of a delete may be _has', async () => {
    const changed = { resourceType: 'Patient', name: [{ family: 'Ada' }], active: true };
    const put = await house.ask('PUT', '/fhir/Patient?_has:Observation:patient:status=final', changed);
    expect([put.status, put.body.id]).toEqual([200, 'ada']);
    expect((await house.remove('Patient?_has:Observation:patient:status=amended')).status).toBe(204);
    expect((await house.read('Patient/ada')).status).toBe(200);
  });

  it('of an entry follows a chain, in a transaction and in a batch', async () => {
    const request = { method: 'POST', url: 'Observation', ifNoneExist: 'patient.name=ada' };
    for (const type of ['transaction', 'batch']) {
      const entry = [{ resource: reading, request }];
      const { body } = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type, entry });
      expect([type, body.entry[0].response.status]).toEqual([type, '200 OK']);
    }
  });

  it('of a reference in a transaction follows a chain, but not through what the same transaction writes', async () => {
    const referring = {
      resource: { ...reading, subject: { reference: 'Patient?_has:Observation:patient:status=final' } },
      request: { method: 'POST', url: 'Observation' },
    };
    const alone = await house.transaction([referring], { prefer: 'return=representation' });
    expect([alone.status, alone.body.entry[0].resource.subject.reference]).toEqual([200, 'Patient/ada']);
    const other = { resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } };
    expect((await house.transaction([referring, other])).status).toBe(400);
  });

  it.each(['colour=red', 'patient.colour=red', 'status=final&colour=red', '_has:Observation:patient:colour=red'])(
    'is refused where it asks what nobody knows, however lenient the client is: %s',
    async (criterion) => {
      const lenient = { prefer: 'handling=lenient' };
      const type = criterion.startsWith('_has') ? 'Patient' : 'Observation';
      const body = type === 'Patient' ? { resourceType: 'Patient' } : reading;
      const statuses = [
        await house.create(body, { ...lenient, 'if-none-exist': criterion }),
        await house.ask('PUT', `/fhir/${type}?${criterion}`, body, lenient),
        await house.remove(`${type}?${criterion}`, lenient),
        await house.transaction([{ resource: body, request: { method: 'PUT', url: `${type}?${criterion}` } }]),
      ].map(({ status }) => status);
      expect(statuses).toEqual([400, 400, 400, 400]);
    },
  );
});
