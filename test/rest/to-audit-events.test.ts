/** What leads from other resources to AuditEvents, which stand in a log of their own: brought along, or refused, never silently empty. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
/** Of the server's own log. */
let own: string;
/** Stored by a client. */
let foreign: string;

const provenance = (id: string, target: string) => ({
  resourceType: 'Provenance',
  id,
  target: [{ reference: target }, { reference: 'Patient/p1' }],
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ who: { display: 'an archive' } }],
});
const event = {
  resourceType: 'AuditEvent',
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110106' },
  recorded: '2026-01-01T00:00:00Z',
  agent: [{ requestor: true, who: { display: 'an archive' } }],
  source: { observer: { display: 'an archive' } },
  entity: [{ what: { reference: 'Patient/p1' } }],
};

beforeAll(async () => {
  house = await openHouse();
  await house.update({ resourceType: 'Patient', id: 'p1' });
  await house.update({ resourceType: 'Patient', id: 'p1', active: true });
  [{ id: own }] = (await house.search('AuditEvent?patient=p1&action=U')) as [any];
  foreign = (await house.create(event)).body.id;
  for (const [id, target] of [
    ['of-own', `AuditEvent/${own}`],
    ['of-own-absolute', `${house.url}/fhir/AuditEvent/${own}`],
    ['of-foreign', `AuditEvent/${foreign}`],
    ['of-none', 'AuditEvent/trail-999999'],
  ] as const)
    expect([id, (await house.update(provenance(id, target))).status]).toEqual([id, 201]);
});
afterAll(() => house.stop());

const includedIn = ({ body }: Answer): string[] =>
  body.entry
    .filter(({ search }: any) => search.mode === 'include')
    .map(({ resource: { resourceType, id } }: any) => `${resourceType}/${id}`)
    .sort();
const issueOf = ({ status, body }: Answer) => [status, body.issue?.[0]?.code, body.issue?.[0]?.expression?.[0]];

describe('A search that names AuditEvent on its way', () => {
  it.each([
    ['Patient?_has:AuditEvent:patient:action=U', 'http._has:AuditEvent:patient:action'],
    [
      'Patient?_has:Observation:patient:_has:AuditEvent:entity:action=U',
      'http._has:Observation:patient:_has:AuditEvent:entity:action',
    ],
    ['Provenance?target:AuditEvent._id=trail-1', 'http.target:AuditEvent._id'],
    ['Provenance?_filter=target:AuditEvent.action eq U', 'http._filter'],
    ['Basic?subject:AuditEvent.action=U', 'http.subject:AuditEvent.action'],
    ['Provenance?_include=Provenance:target:AuditEvent', 'http._include'],
    ['Provenance?_include=Provenance:target&_include:iterate=AuditEvent:entity', 'http._include:iterate'],
    ['Patient?_revinclude=AuditEvent:patient', 'http._revinclude'],
    ['Patient?_revinclude=AuditEvent:*', 'http._revinclude'],
    ['Patient?_revinclude:iterate=AuditEvent:patient', 'http._revinclude:iterate'],
    ['?_type=Patient,Group&_has:AuditEvent:entity:action=U', 'http._has:AuditEvent:entity:action'],
  ])('is refused, lenient and strict: %s', async (query, expression) => {
    for (const headers of [{}, { prefer: 'handling=strict' }] as readonly Record<string, string>[]) {
      const answer = await house.read(query, headers);
      expect(issueOf(answer)).toEqual([400, 'not-supported', expression]);
      expect(answer.body.issue[0].diagnostics).toContain('AuditEvent');
    }
  });

  it('is refused as a condition, and nothing is created', async () => {
    const patient = { resourceType: 'Patient', active: true };
    const condition = { 'if-none-exist': '_id=p1&_has:AuditEvent:patient:action=U' };
    expect((await house.create(patient, condition)).status).toBe(400);
    expect(await house.search('Patient')).toHaveLength(1);
  });

  it('finds references to AuditEvents as they are written', async () => {
    expect((await house.search(`Provenance?target=AuditEvent/${own}`)).map(({ id }) => id).sort()).toEqual([
      'of-own',
      'of-own-absolute',
    ]);
  });
});

describe('AuditEvents that found resources refer to', () => {
  it.each([
    ['Provenance?_id=of-own&_include=Provenance:target', () => [`AuditEvent/${own}`, 'Patient/p1']],
    ['Provenance?_id=of-own-absolute&_include=*', () => [`AuditEvent/${own}`, 'Patient/p1']],
    ['Provenance?_id=of-foreign&_include=Provenance:target', () => [`AuditEvent/${foreign}`, 'Patient/p1']],
    ['Provenance?_id=of-none&_include=Provenance:target', () => ['Patient/p1']],
    ['Provenance?_id=of-own&_include=Provenance:target:Patient', () => ['Patient/p1']],
    ['Provenance?_id=of-own&_include=Provenance:agent', () => []],
    [
      'Patient?_revinclude=Provenance:target&_include:iterate=Provenance:target',
      () => [
        ...[`AuditEvent/${foreign}`, `AuditEvent/${own}`],
        ...['of-foreign', 'of-none', 'of-own', 'of-own-absolute'].map((id) => `Provenance/${id}`),
      ],
    ],
    ['?_type=Provenance&_id=of-own&_include=Provenance:target', () => [`AuditEvent/${own}`, 'Patient/p1']],
    ['Patient/p1/Provenance?_id=of-own&_include=*', () => [`AuditEvent/${own}`, 'Patient/p1']],
  ])('come along, those of the log too: %s', async (query, expected) => {
    const answer = await house.read(query);
    expect([answer.status, includedIn(answer)]).toEqual([200, expected().sort()]);
  });

  it('come along as they are read', async () => {
    const { body } = await house.read('Provenance?_id=of-own&_include=Provenance:target');
    const entry = body.entry.find(({ resource }: any) => resource.resourceType === 'AuditEvent');
    expect(entry.fullUrl).toBe(`${house.url}/fhir/AuditEvent/${own}`);
    expect(entry.resource).toEqual((await house.read(`AuditEvent/${own}`)).body);
  });

  it('come along with AuditEvents that speak of them', async () => {
    const about = { ...event, entity: [{ what: { reference: `AuditEvent/${own}` } }] };
    const { id } = (await house.create(about)).body;
    expect(includedIn(await house.read(`AuditEvent?_id=${id}&_include=AuditEvent:entity`))).toEqual([
      `AuditEvent/${own}`,
    ]);
  });
});

describe('/fhir/metadata', () => {
  it('offers no AuditEvents for _revinclude', async () => {
    const { body } = await house.read('metadata');
    const offered = body.rest[0].resource.flatMap(({ searchRevInclude = [] }: any) => searchRevInclude);
    expect(offered.length).toBeGreaterThan(500);
    expect(offered.filter((one: string) => one.startsWith('AuditEvent:'))).toEqual([]);
  });
});

describe('$explain-search', () => {
  it.each([
    ['AuditEvent?action=U', 'not-supported', 'AuditEvent'],
    ['Patient/p1/AuditEvent?action=U', 'not-supported', 'AuditEvent'],
    ['Patient?_page=x', 'not-supported', '_page'],
    ['Patient/p1', 'value', 'search'],
  ])('explains no other search in place of this one: %s', async (query, code, named) => {
    const answer = await house.read(`$explain-search?query=${encodeURIComponent(query)}`);
    expect(issueOf(answer)).toEqual([400, code, 'http.query']);
    expect(answer.body.issue[0].diagnostics).toContain(named);
  });
});
