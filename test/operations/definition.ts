/** What tests of search parameters have in common. */
import type { TestHouse } from '../support/house.ts';

/** A SearchParameter of a test: a token of Patients that R4 does not have, with its id for a code. */
export const definition = (id: string, more: object = {}) => ({
  resourceType: 'SearchParameter',
  id,
  url: `https://a.example/SearchParameter/${id}`,
  name: 'Own',
  status: 'active',
  description: 'A parameter of a test',
  code: id,
  base: ['Patient'],
  type: 'token',
  expression: 'Patient.maritalStatus',
  ...more,
});

/** Asks until no job waits or runs any more; the jobs. */
export async function settled(house: TestHouse): Promise<any> {
  for (;;) {
    const { body } = await house.ask('GET', '/fhir/$reindex-status');
    const jobs = body.parameter ?? [];
    const states = jobs.map(({ part }: any) => part.find((one: any) => one.name === 'state').valueCode);
    if (!states.some((state: string) => state === 'waiting' || state === 'running')) return body;
  }
}
