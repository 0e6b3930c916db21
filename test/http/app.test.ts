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

  it.each([
    ['POST', '/fhir/Flag'],
    ['PUT', '/fhir/Flag/1'],
    ['POST', '/fhir'],
    ['POST', '/fhir/Flag/_search'],
  ])('asks who it is before it looks at what is sent: %s %s', async (method, path) => {
    for (const body of ['{}', 'no JSON', JSON.stringify({ resourceType: 'Flag' })]) {
      const nobody = await house.ask(method, path, body, { authorization: '' });
      expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="watchfire"']);
    }
    expect((await house.ask('POST', '/fhir/Flag', '{}')).status).toBe(400);
    const {
      body: { entry },
    } = await house.ask('GET', '/fhir/AuditEvent?agent=anonymous&_count=1&outcome=4,8');
    expect(entry).toHaveLength(1);
  });

  it('answers 404 with an OperationOutcome where nothing is', async () => {
    const nowhere = await house.ask('GET', '/nowhere');
    expect([nowhere.status, nowhere.body.resourceType]).toEqual([404, 'OperationOutcome']);
    const admin = await house.ask('GET', '/admin/nowhere');
    expect([admin.status, admin.body.resourceType]).toEqual([404, 'OperationOutcome']);
  });
});
