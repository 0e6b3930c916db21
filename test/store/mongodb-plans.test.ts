/** The searches of FHIR on MongoDB: the answers of the embedded engine to the same resources, and no plan that reads a collection from end to end. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { parseSearch } from '../../src/search/parse.ts';
import type { SearchQuery } from '../../src/search/query.ts';
import type { Parts } from '../../src/store/mongodb/parts.ts';
import { explainSearch, runSearch } from '../../src/store/mongodb/search.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change, Cursor, Page } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { openers, type PlacedStore } from './mongodb-placed.ts';

const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
const minute = (i: number) => new Date(Date.UTC(2026, 0, 1) + i * 3_600_000).toISOString();
const numbered = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const resources: readonly Resource[] = [
  ...numbered(40, (i) => ({
    resourceType: 'Patient',
    id: `p${i}`,
    identifier: [{ system: 'urn:mrn', value: `m${i}` }],
    ...(i % 7 !== 0 && {
      name: [{ family: ['Smith', 'Müller', 'Smithers', 'Jones'][i % 4], given: [`Anna${i % 5}`] }],
    }),
    ...(i % 5 !== 0 && { gender: i % 2 === 0 ? 'male' : 'female' }),
    ...(i % 3 !== 0 && { birthDate: `19${50 + (i % 9)}-03` }),
    ...(i % 4 === 0 && { managingOrganization: { reference: `Organization/o${i % 3}` } }),
    ...(i % 9 === 0 && { link: [{ type: 'seealso', other: { reference: 'Patient/p1' } }] }),
  })),
  ...numbered(3, (i) => ({ resourceType: 'Organization', id: `o${i}`, name: `Clinic ${i}` })),
  ...numbered(300, (i) => ({
    resourceType: 'Observation',
    id: `v${i}`,
    status: i % 10 === 0 ? 'amended' : 'final',
    code: loinc(i % 2 === 0 ? '8867-4' : '9279-1'),
    subject: { reference: `Patient/p${i % 11}` },
    ...(i % 13 === 0
      ? { effectivePeriod: { start: minute(i), end: minute(i + 24 * (i % 4)) } }
      : i % 17 !== 0 && { effectiveDateTime: i % 19 === 0 ? '2026-01' : minute((i * 7) % 300) }),
    ...(i % 6 !== 0 && {
      valueQuantity: { value: 50 + (i % 40) / 2, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
    }),
    ...(i % 6 === 0 && {
      component: [
        {
          code: loinc('8480-6'),
          valueQuantity: { value: 100 + (i % 50), system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
        },
        {
          code: loinc('8462-4'),
          valueQuantity: { value: 60 + (i % 30), system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
        },
      ],
    }),
    ...(i % 8 === 0 && { encounter: { reference: `Encounter/e${i % 20}` } }),
  })),
  ...numbered(20, (i) => ({
    resourceType: 'Encounter',
    id: `e${i}`,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: `Patient/p${i % 5}` },
    period: { start: minute(i * 24), ...(i % 4 !== 0 && { end: minute(i * 24 + (i % 3) * 30) }) },
  })),
  ...numbered(10, (i) => ({
    resourceType: 'Location',
    id: `l${i}`,
    name: `Ward ${i}`,
    position: { latitude: 48 + i / 100, longitude: 11 + i / 50 },
  })),
  {
    resourceType: 'List',
    id: '1',
    status: 'current',
    mode: 'working',
    entry: numbered(3, (i) => ({ item: { reference: `Patient/p${i * 2}` } })),
  },
];

/** Every kind of parameter, prefix, modifier, order and way along references. */
const searches: readonly string[] = [
  'Observation?patient=p1&code=http://loinc.org|8867-4',
  'Observation?patient=p1&code=http://loinc.org|8867-4&_sort=-date',
  'Observation?patient=p1&code=http://loinc.org|8867-4&_sort=date&_total=accurate',
  'Observation?patient=p1&code=http://loinc.org|8867-4&date=ge2026-01-05&_sort=-date',
  'Observation?patient=p1&code=http://loinc.org|8867-4,http://loinc.org|9279-1&date=ge2026-01-05&date=lt2026-01-09',
  'Observation?patient=p1&date=ge2026-01-03',
  'Observation?patient=p1&_sort=-date',
  'Observation?patient=p1,p2&_sort=date,_id',
  ...['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'].flatMap((prefix) => [
    `Observation?date=${prefix}2026-01-05`,
    `Encounter?date=${prefix}2026-01-05&_sort=date`,
    `Observation?value-quantity=${prefix}60`,
    `Observation?value-quantity=${prefix}60.5||/min&_sort=-date`,
    `Observation?value-quantity=${prefix}60|http://unitsofmeasure.org|/min`,
  ]),
  'Observation?code=8867-4',
  'Observation?code=http://loinc.org|',
  'Observation?code:not=http://loinc.org|8867-4',
  'Observation?status=final&code=9279-1&_sort=-date,status',
  'Observation?_sort=date',
  'Observation?_sort=-date,_id',
  'Observation?_sort=value-quantity',
  'Observation?_sort=-value-quantity,-date',
  'Observation?_sort=-_lastUpdated',
  'Observation?_sort=_lastUpdated,date',
  'Observation?_sort=code,-date',
  'Observation?_sort=subject,status',
  'Observation?_lastUpdated=gt2020-01-01&status=amended',
  'Observation?component-code-value-quantity=http://loinc.org|8480-6$gt120',
  'Observation?code-value-quantity=http://loinc.org|8867-4$lt55',
  'Observation?encounter:missing=false',
  'Observation?date:missing=true',
  'Observation?patient.family=smith',
  'Observation?patient.family=smith&code=http://loinc.org|8867-4&_sort=-date',
  'Observation?patient.gender=male&_sort=date&_total=accurate',
  'Observation?patient.organization.name=Clinic%201',
  'Observation?encounter.date=ge2026-01-05',
  'Encounter?_has:Observation:encounter:status=final',
  'Patient?_has:Observation:patient:code=http://loinc.org|8867-4',
  'Patient?_has:Observation:patient:code=http://loinc.org|9279-1&_sort=-birthdate',
  'Patient?_has:Observation:patient:value-quantity=gt65',
  'Patient?_has:Observation:patient:encounter.status=finished',
  'Patient?_list=1',
  'Patient?_id=p1,p2,p77',
  'Patient?identifier=urn:mrn|m3',
  'Patient?family=smith',
  'Patient?family:exact=Smith&_total=accurate',
  'Patient?family:contains=ll',
  'Patient?name=anna',
  'Patient?birthdate=lt1955',
  'Patient?_sort=family',
  'Patient?_sort=-family,birthdate,_id',
  'Patient?_sort=gender',
  'Patient?_sort=-gender,family',
  'Patient?_sort=birthdate,-gender',
  'Patient?_sort=-_id',
  'Patient?organization=Organization/o0',
  'Patient?link=Patient/p1',
  'Patient?_summary=count',
  'Patient?family=smith&_summary=count',
  'Location?near=48.02|11.05|3|km',
  'Location?near=48.02|11.05|3|km&_sort=name',
  'Encounter?_sort=-date',
  'Observation?encounter=Encounter/e8&_include=Observation:encounter&_include:iterate=Encounter:patient',
  'Observation?status=amended&_include=Observation:*',
  'Patient?_id=p1&_revinclude=Observation:patient&_revinclude=Encounter:subject',
  'Patient?_id=p1&_revinclude=Observation:*',
  'Observation?_sort=-date&_include=*',
  'Encounter?_sort=date&_include=*&_revinclude=Observation:*',
  'Patient?_sort=family&_revinclude=Observation:patient&_revinclude=Encounter:subject&_include=*',
  'Patient?_sort=-_id&_count=3&_revinclude=Encounter:subject&_revinclude:iterate=Observation:encounter&_include:iterate=*',
];

const parse = (search: string): SearchQuery => {
  const [type, parameters] = search.split('?') as [string, string];
  const pairs = [...new URLSearchParams(parameters.replaceAll('+', '%2B'))];
  const { query } = parseSearch(
    type,
    [...pairs, ...(/_summary|_count/.test(search) ? [] : [['_count', '9'] as const])],
    {
      strict: true,
    },
  );
  return query;
};

const said = ({ matches, included, total, next, previous }: Page) => [
  matches.map(({ key }) => key.id).join(' '),
  included.map(({ key }) => `${key.type}/${key.id}`).join(' '),
  total,
  next !== undefined,
  previous !== undefined,
];

describeOnMongod('MongoDB: the searches of FHIR', () => {
  const { start, stop, open } = openers();
  let sqlite: Awaited<ReturnType<typeof openSqliteStore>>;
  let parts: Parts;
  beforeAll(async () => {
    await start();
    let store: PlacedStore;
    ({ parts, store } = await open());
    let now = Date.UTC(2026, 5, 1);
    sqlite = await openSqliteStore({ file: ':memory:', runtime: { ...systemRuntime, now: () => ++now } });
    for (const resource of resources) {
      const key = { type: resource.resourceType, id: resource.id! };
      const text = [`{"meta":{`, `},${JSON.stringify(resource).slice(1)}`] as const;
      const change: Change = { op: 'write', key, method: 'PUT', text, index: extract(resource), expect: 'any' };
      const [written] = await sqlite.commit([change]);
      await store.commit([change], written);
    }
  }, 120_000);
  afterAll(async () => {
    await sqlite?.close();
    await stop();
  });

  it.each(searches)('answer %s page by page as the embedded engine does', async (search) => {
    const query = parse(search);
    let [one, other]: (Cursor | undefined)[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const expected: Page = await sqlite.search(query, one);
      const page: Page = await runSearch(parts, undefined, query, other);
      expect(said(page)).toEqual(said(expected));
      expect(page.matches.map(({ text }) => text)).toEqual(expected.matches.map(({ text }) => text));
      const turned = turn === 3 ? 'previous' : 'next';
      [one, other] = [expected[turned], page[turned]];
      if (!one || !other) break;
    }
  });

  it.each(searches)('find an index for every step of %s', async (search) => {
    const { statements } = await explainSearch(parts, parse(search));
    expect(statements.length).toBeGreaterThan(0);
    for (const { sql, plan } of statements) {
      expect({ sql, plan: plan.join(', ') }).toEqual({ sql, plan: expect.not.stringContaining('COLLSCAN') });
      expect(plan.join()).toMatch(/IXSCAN|EOF|COUNT_SCAN|DISTINCT_SCAN|IDHACK/);
      expect(sql).not.toMatch(/8867|smith|Patient\/p/i);
    }
  });

  it('read a patient, code and time newest first as one range of the index, no further than the page', async () => {
    const told = await explainSearch(
      parts,
      parse('Observation?patient=p1&code=http://loinc.org|8867-4&_sort=-date&_count=5'),
    );
    expect(told.looked).toBeLessThanOrEqual(6 + 1);
    expect(told.statements).toHaveLength(1);
    expect(told.statements[0]!.plan).toContain('IXSCAN place');
    expect(told.statements[0]!.plan).not.toContain('SORT');
  });
});
