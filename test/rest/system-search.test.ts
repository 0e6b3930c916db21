/** Searches over several types at once. https://hl7.org/fhir/R4/http.html#search */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { askedOf } from '../../src/interactions/asked.ts';
import type { Access, FhirRequest } from '../../src/interactions/interaction.ts';
import { fullAccess } from '../../src/smart/access.ts';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;

const tag = { system: 'urn:t', code: 'ward' };
const resources: readonly any[] = [
  { resourceType: 'Patient', id: 'p1', meta: { tag: [tag] }, birthDate: '1950-01-01', active: true },
  { resourceType: 'Patient', id: 'p2', birthDate: '1960-01-01', active: true },
  { resourceType: 'Practitioner', id: 'p1', meta: { tag: [tag] }, active: true },
  { resourceType: 'Organization', id: 'o1', meta: { tag: [tag] }, name: 'O', active: true },
  {
    resourceType: 'Encounter',
    id: 'e1',
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: 'Patient/p1' },
    period: { start: '2026-01-02', end: '2026-01-02' },
  },
  {
    resourceType: 'Observation',
    id: 'b1',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/p1' },
    effectiveDateTime: '2026-01-01',
  },
];

beforeAll(async () => {
  house = await openHouse();
  for (const resource of resources)
    expect([resource.id, (await house.update(resource)).status]).toEqual([resource.id, 201]);
});
afterAll(() => house.stop());

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const referencesIn = ({ body }: Answer, mode = 'match'): string[] =>
  (body.entry ?? [])
    .filter(({ search }: any) => search.mode === mode)
    .map(({ resource: { resourceType, id } }: any) => `${resourceType}/${id}`);
const linkOf = ({ body }: Answer, relation: string): string | undefined =>
  body.link.find((link: any) => link.relation === relation)?.url;

describe('A search over several types', () => {
  it.each([
    ['_tag=urn:t|ward', ['Organization/o1', 'Patient/p1', 'Practitioner/p1']],
    ['_id=p1', ['Patient/p1', 'Practitioner/p1']],
    ['_type=Patient,Practitioner&active=true', ['Patient/p1', 'Patient/p2', 'Practitioner/p1']],
    ['_type=Patient&birthdate=1950', ['Patient/p1']],
    ['_type=Observation,Encounter&patient=p1', ['Encounter/e1', 'Observation/b1']],
    ['_type=Observation,Encounter&patient.birthdate=1960', []],
    ['_type=Observation,Encounter&subject:Patient.birthdate=1950', ['Encounter/e1', 'Observation/b1']],
  ])('finds what fulfils it of every type: %s', async (query, references) => {
    const answer = await house.read(`?${query}`);
    expect([answer.status, referencesIn(answer).sort()]).toEqual([200, references]);
    expect(new URL(linkOf(answer, 'self')!).pathname).toBe('/fhir');
    for (const { fullUrl, resource } of answer.body.entry ?? [])
      if (resource.id) expect(fullUrl).toBe(`${house.url}/fhir/${resource.resourceType}/${resource.id}`);
    const posted = await house.ask('POST', '/fhir/_search', query, form);
    expect([posted.status, posted.body]).toEqual([200, answer.body]);
  });

  it('looks only into types of which something is stored', async () => {
    const { status, body } = await house.ask(
      'GET',
      `/fhir/$explain-search?query=${encodeURIComponent('?_tag=urn:t|ward')}`,
    );
    expect(status).toBe(200);
    const ways = body.parameter.filter(({ name }: any) => name === 'way');
    const held = [...new Set(resources.map(({ resourceType }) => resourceType))].sort();
    const types = ways.map(({ part }: any) => part.find(({ name }: any) => name === 'type').valueCode);
    expect([...new Set(types)].sort()).toEqual(held);
    expect(referencesIn(await house.read('?_type=Basic,Flag&_id=p1'))).toEqual([]);
  });

  it('is sorted as one list, and goes page by page, forth and back', async () => {
    const query = '?_type=Observation,Encounter&_sort=date&_count=1&_total=accurate';
    const first = await house.read(query);
    expect([referencesIn(first), first.body.total]).toEqual([['Observation/b1'], 2]);
    const second = await house.ask('GET', linkOf(first, 'next')!);
    expect([referencesIn(second), linkOf(second, 'next')]).toEqual([['Encounter/e1'], undefined]);
    expect(referencesIn(await house.ask('GET', linkOf(second, 'previous')!))).toEqual(['Observation/b1']);
    expect(referencesIn(await house.read(query.replace('=date', '=-date')))).toEqual(['Encounter/e1']);
  });

  it('walks everything once when nothing is asked', async () => {
    const found = await house.search('?_count=2');
    expect(found.map(({ resourceType, id }) => `${resourceType}/${id}`).sort()).toEqual(
      resources.map(({ resourceType, id }) => `${resourceType}/${id}`).sort(),
    );
  });

  it('includes what the matches lead to and what leads to them', async () => {
    const forth = await house.read('?_type=Observation,Encounter&_include=Observation:subject');
    expect(referencesIn(forth, 'include')).toEqual(['Patient/p1']);
    const back = await house.read('?_type=Patient,Organization&_revinclude=Encounter:subject');
    expect(referencesIn(back, 'include')).toEqual(['Encounter/e1']);
  });

  it('counts over all of them', async () => {
    const { body } = await house.read('?_type=Patient,Practitioner&_summary=count');
    expect([body.total, body.entry]).toEqual([3, undefined]);
  });

  it('leaves AuditEvents out and says so', async () => {
    const { body } = await house.read('?_id=p1');
    const outcome = body.entry.at(-1);
    expect(outcome.search.mode).toBe('outcome');
    expect(outcome.resource.issue[0]).toMatchObject({ severity: 'information' });
    expect(outcome.resource.issue[0].diagnostics).toContain('AuditEvent');
    expect((await house.read('?_type=AuditEvent')).status).toBe(400);
    expect((await house.read('?_type=Patient,AuditEvent')).status).toBe(400);
  });

  it('passes over what not every type has, or refuses it where that is wanted', async () => {
    const lenient = await house.read('?_type=Patient,Practitioner&birthdate=1950');
    expect(linkOf(lenient, 'self')).toBe(`${house.url}/fhir?_type=Patient%2CPractitioner`);
    expect(lenient.body.entry.at(-1).resource.issue[0].diagnostics).toContain("'birthdate'");
    const strict = { prefer: 'handling=strict' };
    expect((await house.read('?_type=Patient,Practitioner&birthdate=1950', strict)).status).toBe(400);
  });

  it.each(['_type=Colour', '_type=', '_type=Patient,', '_type=Patient&_type=Device', '_tag=', '_sort=colour'])(
    'refuses what cannot be meant: %s',
    async (query) => {
      const { status, body } = await house.read(`?${query}`);
      expect([status, body.issue[0].diagnostics]).toEqual([400, expect.stringContaining(query.split('=')[0]!)]);
    },
  );

  it('is an entry of a batch and of a transaction', async () => {
    const entry = [{ request: { method: 'GET', url: '?_type=Patient,Practitioner&_id=p1' } }];
    for (const type of ['batch', 'transaction']) {
      const { body } = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type, entry });
      expect([type, body.entry[0].response.status]).toEqual([type, '200 OK']);
      expect(body.entry[0].resource.entry.map(({ resource }: any) => resource.resourceType).sort()).toEqual([
        'Patient',
        'Practitioner',
      ]);
    }
  });

  it('needs rights: a device and a stranger are refused', async () => {
    await house.update({ resourceType: 'Device', id: 'd', identifier: [{ system: 'urn:d', value: 'D' }] });
    const device = { authorization: `Bearer ${await house.deviceKey('D')}` };
    for (const query of ['?_id=p1', '?_type=Patient']) {
      expect([query, (await house.read(query, device)).status]).toEqual([query, 403]);
      expect([query, (await house.read(query, { authorization: '' })).status]).toEqual([query, 401]);
    }
  });
});

describe('A caller with rights on some types', () => {
  const access: Access = {
    ...fullAccess,
    unrestricted: false,
    permits: (interaction, type) =>
      interaction === 'search-system' || (interaction === 'search-type' && ['Patient', 'Observation'].includes(type)),
  };
  const request = (query: Record<string, string>): FhirRequest => ({
    interaction: 'search-system',
    type: '',
    id: '',
    parameters: Object.entries(query),
    conditions: {},
    strict: false,
    base: 'http://here.example/fhir',
    requestId: '',
    address: '',
  });
  const typesOf = (query: Record<string, string>) => {
    const { query: asked } = askedOf(request(query), { who: 'Client/x', access });
    return [asked, ...(asked.also ?? [])].map(({ type }) => type).sort();
  };

  it('searches those alone, and is refused the others by name', () => {
    expect(typesOf({ _id: 'x' })).toEqual(['Observation', 'Patient']);
    expect(typesOf({ _type: 'Patient' })).toEqual(['Patient']);
    expect(() => typesOf({ _type: 'Patient,Device' })).toThrow(/Device is not permitted/);
  });

  it('is told of no type that it may not search', () => {
    expect(askedOf(request({}), { who: 'Client/x', access }).issues).toEqual([]);
  });
});
