/** Two servers on one database know what either of them was taught: definitions that change what is searched by. docs/storage-mongodb.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { type TestStore, testStore } from '../support/test-store.ts';
import { within } from './within.ts';

describeOnMongod('Two servers on one MongoDB', () => {
  let store: TestStore;
  let first: TestHouse;
  let second: TestHouse;

  beforeAll(async () => {
    store = await testStore('mongodb');
    first = await openHouse(store);
    second = await openHouse(store);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop()]);
    await store?.drop();
  }, 60_000);

  it('know a SearchParameter of each other, and answer by it when its job is done', async () => {
    await first.create({ resourceType: 'Patient', maritalStatus: { coding: [{ code: 'M' }] } });
    const parameter = {
      resourceType: 'SearchParameter',
      url: 'https://example.org/fhir/SearchParameter/marital',
      name: 'marital',
      description: 'Marital status',
      status: 'active',
      code: 'marital',
      base: ['Patient'],
      type: 'token',
      expression: 'Patient.maritalStatus',
    };
    expect((await first.create(parameter)).status).toBe(201);
    const foundAt = async (house: TestHouse) =>
      (await house.ask('GET', '/fhir/Patient?marital=M')).body.entry?.length === 1;
    await within(120, () => foundAt(second));
    await within(120, () => foundAt(first));
  });
});
