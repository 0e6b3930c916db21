/** Searches in a compartment: what belongs to one Patient, Encounter, RelatedPerson, Practitioner or Device. https://hl7.org/fhir/R4/compartmentdefinition.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
/** The key of a device that may read Patient/ada and nothing else. */
let device: Record<string, string>;

const observation = (id: string, more: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  effectiveDateTime: '2026-01-01',
  ...more,
});
const ada = { reference: 'Patient/ada' };
const bob = { reference: 'Patient/bob' };
const resources: readonly any[] = [
  { resourceType: 'Patient', id: 'ada', name: [{ family: 'Ada' }] },
  { resourceType: 'Patient', id: 'bob', link: [{ other: ada, type: 'seealso' }] },
  { resourceType: 'Practitioner', id: 'gp' },
  { resourceType: 'RelatedPerson', id: 'rp', patient: ada },
  { resourceType: 'Device', id: 'd', identifier: [{ system: 'urn:d', value: 'D' }], patient: ada },
  { resourceType: 'Encounter', id: 'e', status: 'finished', class: { code: 'AMB' }, subject: ada },
  observation('of-ada', { subject: ada, encounter: { reference: 'Encounter/e' }, device: { reference: 'Device/d' } }),
  observation('by-ada', { subject: bob, performer: [ada], status: 'amended' }),
  observation('by-relative', { subject: bob, performer: [{ reference: 'RelatedPerson/rp' }] }),
  observation('by-gp', { subject: bob, performer: [{ reference: 'Practitioner/gp' }] }),
  observation('of-none', { subject: { reference: 'Patient/nobody' } }),
  {
    resourceType: 'Condition',
    id: 'c',
    subject: ada,
    encounter: { reference: 'Encounter/e' },
    asserter: { reference: 'Practitioner/gp' },
  },
];

beforeAll(async () => {
  house = await openHouse();
  for (const resource of resources)
    expect([resource.id, (await house.update(resource)).status]).toEqual([resource.id, 201]);
  device = { authorization: `Bearer ${await house.deviceKey('D', { permissions: ['can_read_patient'] })}` };
});
afterAll(() => house.stop());

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const matchesOf = ({ body }: Answer): any[] =>
  (body.entry ?? []).filter(({ search }: any) => search.mode === 'match').map(({ resource }: any) => resource);
const idsOf = (answer: Answer) => matchesOf(answer).map(({ id }) => id);
const outcomesOf = ({ body }: Answer): any[] =>
  (body.entry ?? []).filter(({ search }: any) => search.mode === 'outcome').map(({ resource }: any) => resource);

describe('A search in a compartment', () => {
  it.each([
    ['Patient/ada/Observation', ['by-ada', 'of-ada']],
    ['Patient/ada/Observation?status=final', ['of-ada']],
    ['Patient/ada/Observation?subject=Patient/bob', ['by-ada']],
    ['Patient/ada/Condition', ['c']],
    ['Patient/ada/Patient', ['ada', 'bob']],
    ['Patient/bob/Observation', ['by-ada', 'by-gp', 'by-relative']],
    ['Encounter/e/Observation', ['of-ada']],
    ['Encounter/e/Condition', ['c']],
    ['RelatedPerson/rp/Observation', ['by-relative']],
    ['Practitioner/gp/Observation', ['by-gp']],
    ['Practitioner/gp/Condition', ['c']],
    ['Device/d/Observation', ['of-ada']],
  ])('finds what belongs there and fulfils the rest: %s', async (query, ids) => {
    const answer = await house.read(query);
    expect([answer.status, idsOf(answer).sort()]).toEqual([200, ids]);
    const [{ relation, url }, ...more] = answer.body.link;
    expect([relation, decodeURIComponent(url), more]).toEqual(['self', `${house.url}/fhir/${query}`, []]);
    const [path, parameters = ''] = query.split('?');
    const posted = await house.ask('POST', `/fhir/${path}/_search`, parameters, form);
    expect([posted.status, posted.body]).toEqual([200, answer.body]);
  });

  it.each(['Patient/ada/*', 'Patient/ada/%2A'])('of all types finds them together: %s', async (path) => {
    const all = await house.read(`${path}?_count=100`);
    expect(all.status).toBe(200);
    const found = matchesOf(all).map(({ resourceType, id }) => `${resourceType}/${id}`);
    for (const expected of [
      'Patient/ada',
      'Patient/bob',
      'Observation/of-ada',
      'Observation/by-ada',
      'Condition/c',
      'Encounter/e',
      'RelatedPerson/rp',
    ])
      expect(found).toContain(expected);
    for (const { resourceType, id } of matchesOf(all)) {
      if (`${resourceType}/${id}` !== 'Patient/ada')
        expect(JSON.stringify(matchesOf(all).find((one) => one.id === id))).toContain('Patient/ada');
    }
    expect(outcomesOf(all)[0].issue[0]).toMatchObject({ severity: 'information' });
    expect(outcomesOf(all)[0].issue[0].diagnostics).toContain('AuditEvent');
  });

  it('of all types may be of some of them, by GET and by POST', async () => {
    const some = await house.read('Patient/ada/*?_type=Observation,Condition');
    expect(idsOf(some).sort()).toEqual(['by-ada', 'c', 'of-ada']);
    for (const path of ['Patient/ada/_search', 'Patient/ada/*/_search']) {
      const posted = await house.ask('POST', `/fhir/${path}`, '_type=Observation,Condition', form);
      expect([posted.status, posted.body]).toEqual([200, some.body]);
    }
  });

  it('goes page by page, and no page is for another compartment', async () => {
    const first = await house.read('Patient/bob/Observation?_count=2');
    const next = first.body.link.find(({ relation }: any) => relation === 'next').url;
    expect(next).toContain(`${house.url}/fhir/Patient/bob/Observation?_count=2&_page=`);
    const second = await house.ask('GET', next);
    expect([...idsOf(first), ...idsOf(second)].sort()).toEqual(['by-ada', 'by-gp', 'by-relative']);
    expect((await house.ask('GET', next.replace('/bob/', '/ada/'))).status).toBe(400);
    expect((await house.ask('GET', next.replace('Patient/bob/', ''))).status).toBe(400);
  });

  it('finds nothing in one that is not there, whatever refers to it', async () => {
    await house.update({ resourceType: 'Patient', id: 'gone' });
    await house.update(observation('of-gone', { subject: { reference: 'Patient/gone' } }));
    await house.remove('Patient/gone');
    for (const id of ['nobody', 'gone']) {
      for (const rest of ['Observation', '*', 'Observation?_total=accurate']) {
        const { status, body } = await house.read(`Patient/${id}/${rest}`);
        expect([id, rest, status, body.total ?? 0]).toEqual([id, rest, 200, 0]);
        expect((body.entry ?? []).filter(({ search }: any) => search.mode === 'match')).toEqual([]);
      }
      expect((await house.read(`Patient/${id}/Observation?date=soon`)).status).toBe(400);
    }
  });

  it('of a type that never belongs there is refused, and so is what is no compartment', async () => {
    for (const [path, status] of [
      ['Patient/ada/Practitioner', 404],
      ['Device/d/Condition', 404],
      ['Patient/ada/Colour', 404],
      ['Organization/o/Patient', 404],
      ['Patient/ada/Observation/x', 404],
      ['Patient/ada/*?_type=Practitioner', 400],
      ['Patient/ada/*?_type=Colour', 400],
    ] as const) {
      const { status: answered, body } = await house.read(path);
      expect([path, answered, body.resourceType]).toEqual([path, status, 'OperationOutcome']);
    }
    const posted = await house.ask('POST', '/fhir/Patient/ada/Observation', '', form);
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('of AuditEvents finds those about the patient', async () => {
    const found = await house.search('Patient/ada/AuditEvent?action=U');
    expect(found.length).toBeGreaterThan(0);
    for (const event of found) expect(JSON.stringify(event)).toContain('Patient/ada');
    expect(await house.search('Patient/nobody/AuditEvent?action=U')).toEqual(
      await house.search('AuditEvent?patient=nobody&action=U'),
    );
  });

  it('is written to the trail as a look at the patient', async () => {
    await house.read('Patient/bob/Encounter');
    const events = await house.search('AuditEvent?patient=bob&action=E');
    const queries = events.map(({ entity }) =>
      entity.map(({ query }: any) => query && Buffer.from(query, 'base64').toString()),
    );
    expect(queries.flat()).toContain('Patient/bob/Encounter');
  });

  it('is an entry of a batch and of a transaction', async () => {
    const entry = ['Patient/ada/Observation?status=final', 'Patient/ada/*?_type=Condition'].map((url) => ({
      request: { method: 'GET', url },
    }));
    for (const type of ['batch', 'transaction']) {
      const { status, body } = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type, entry });
      expect([type, status]).toEqual([type, 200]);
      const found = body.entry.map(({ resource }: any) => resource.entry.map((one: any) => one.resource.id));
      expect(found).toEqual([['of-ada'], ['c']]);
    }
    const wrong = [{ request: { method: 'GET', url: 'Patient/ada/Practitioner' } }];
    expect((await house.transaction(wrong)).status).toBe(404);
  });
});

describe('A caller who may read one patient', () => {
  it('finds in a compartment only what else it could find', async () => {
    expect(idsOf(await house.read('Patient/ada/Patient', device))).toEqual(['ada']);
    const foreign = await house.read('Patient/bob/Patient', device);
    const missing = await house.read('Patient/nobody/Patient', device);
    expect([foreign.status, missing.status]).toEqual([200, 200]);
    expect(foreign.text.replaceAll('bob', 'nobody')).toBe(missing.text);
    for (const path of ['Patient/ada/*', 'Patient/ada/*?_type=Patient'])
      expect([path, idsOf(await house.read(path, device))]).toEqual([path, ['ada']]);
    for (const path of ['Patient/ada/Observation', 'Patient/ada/*?_type=Patient,Observation'])
      expect([path, (await house.read(path, device)).status]).toEqual([path, 403]);
  });
});
