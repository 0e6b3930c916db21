import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
  const patients = [
    ['a', 'male', 'Organization/2', ['z2', 'b9']],
    ['b', 'female', 'Organization/1', ['z1']],
    ['c', undefined, 'Organization/3', ['z4']],
    ['d', 'male', undefined, ['z3', 'a0']],
    ['e', 'other', 'Organization/1', []],
  ] as const;
  for (const [id, gender, organization, identifiers] of patients) {
    const identifier = identifiers.map((value) => ({ system: 'urn:ids', value }));
    const managingOrganization = organization && { reference: organization };
    await house.update({
      resourceType: 'Patient',
      id,
      gender,
      managingOrganization,
      ...(identifier.length > 0 && { identifier }),
    });
  }
  await house.update({
    resourceType: 'Observation',
    id: 'of-a',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/a' },
  });
  await house.update({
    resourceType: 'Observation',
    id: 'of-x',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Device/x' },
  });
});
afterAll(() => house.stop());

/** Ids of each page in the order of the answer, forth by `next` and then back by `previous`. */
async function pages(query: string): Promise<{ forth: string[]; back: string[] }> {
  const forth: string[] = [];
  const back: string[] = [];
  let link: string | undefined = `/fhir/${query}`;
  let last: any;
  const linkOf = (bundle: any, relation: string): string | undefined => {
    const url = bundle.link.find((one: any) => one.relation === relation)?.url;
    return url && new URL(url).pathname + new URL(url).search;
  };
  const idsOf = (bundle: any): string => (bundle.entry ?? []).map((entry: any) => entry.resource.id).join(' ');
  while (link !== undefined) {
    last = (await house.ask('GET', link)).body;
    forth.push(idsOf(last));
    link = linkOf(last, 'next');
  }
  for (link = linkOf(last, 'previous'); link !== undefined; link = linkOf(last, 'previous')) {
    last = (await house.ask('GET', link)).body;
    back.push(idsOf(last));
  }
  return { forth, back };
}

describe('What no index has the order of', () => {
  it.each([
    ['Patient?_sort=gender', 'b a d e c'],
    ['Patient?_sort=-gender,_id', 'e a d b c'],
    ['Patient?_sort=organization,-_id', 'e b a c d'],
    ['Patient?_sort=identifier', 'd a b c e'],
    ['Patient?_sort=-identifier', 'c d a b e'],
    ['Patient?gender=male&_sort=-organization', 'a d'],
    ['Observation?_sort=patient', 'of-a of-x'],
    ['Observation?_sort=-subject', 'of-a of-x'],
  ])('is sorted by what the resources say: %s', async (query, ids) => {
    expect((await pages(query)).forth).toEqual([ids]);
  });

  it('is paged forth and back', async () => {
    const { forth, back } = await pages('Patient?_sort=gender&_count=2');
    expect(forth).toEqual(['b a', 'd e', 'c']);
    expect(back).toEqual(['d e', 'b a']);
  });

  it('is refused by parameters under several names, composites and places, with those that can be', async () => {
    for (const code of ['combo-code', 'code-value-quantity', '_text', '_query']) {
      const { status, body } = await house.ask('GET', `/fhir/Observation?_sort=${code}`);
      expect(status).toBe(400);
      expect(body.issue[0].diagnostics).toMatch(/sorted by _id,.* status/);
    }
  });
});
