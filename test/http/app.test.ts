import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

describe('The front door', () => {
  it.each(['/fhir/Patient', '/admin/keys', '/api/iot/status', '/metrics'])(
    'answers a wrong token with 401 at %s and goes on serving',
    async (path) => {
      const wrong = await house.ask('GET', path, undefined, { authorization: 'Bearer wrong' });
      expect(wrong.status).toBe(401);
      expect((await house.ask('GET', '/health/ready')).status).toBe(200);
    },
  );

  it('answers 404 with an OperationOutcome where nothing is', async () => {
    const nowhere = await house.ask('GET', '/nowhere');
    expect([nowhere.status, nowhere.body.resourceType]).toEqual([404, 'OperationOutcome']);
    const admin = await house.ask('GET', '/admin/nowhere');
    expect([admin.status, admin.body.resourceType]).toEqual([404, 'OperationOutcome']);
  });
});
