/** A resource that the caller may not see counts as not existing: in conditions, reads, totals, includes and pages. https://hl7.org/fhir/R4/security.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { A, B, patientCaller } from '../search/access/patient-a.ts';
import { type AccessHouse, openAccessHouse } from '../support/access-house.ts';
import type { Answer } from '../support/house.ts';

const hour = 3_600_000;
const begin = Date.UTC(2026, 0, 1);

const observation = (patient: string, value: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'pulse' },
  subject: { reference: patient },
  identifier: [{ system: 'urn:reading', value }],
  ...more,
});
const encounter = (id: string, patient: string) => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  class: { code: 'AMB' },
  subject: { reference: patient },
});
const held: readonly any[] = [
  { resourceType: 'Patient', id: '1', name: [{ family: 'Ada' }] },
  { resourceType: 'Patient', id: '2', name: [{ family: 'Bob' }] },
  encounter('of-a', A),
  encounter('of-b', B),
  { id: 'of-a', ...observation(A, 'a', { encounter: { reference: 'Encounter/of-b' } }) },
  { id: 'of-b', ...observation(B, 'b', { encounter: { reference: 'Encounter/of-a' } }) },
  { id: 'deleted', ...observation(B, 'deleted') },
];

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  for (const own of [A, B]) house.callers.set(own, patientCaller(own, house.base));
  for (const one of held) {
    const { status } = await house.ask('PUT', `/${one.resourceType}/${one.id}`, { body: one });
    expect(status).toBe(201);
  }
  await house.ask('DELETE', '/Observation/deleted');
});
afterAll(() => house?.stop());

const asA = (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> =>
  house.ask(method, path, { as: A, body, headers });
const bundle = (type: string, ...entry: object[]) => ({ resourceType: 'Bundle', type, entry });
const matching = async (query: string): Promise<string[]> => {
  const { body } = await house.ask('GET', `/Observation?${query}`);
  return (body.entry ?? []).map(({ resource }: any) => resource.id);
};
/** What was answered, for whichever id it was asked. */
const told = ({ status, text, headers }: Answer, id: string) => ({
  status,
  etag: headers.get('etag'),
  text: text.replaceAll(id, '{id}'),
});

/** Each finds a resource for the administrator and none for A: B's own, A's by what stands in B's, and B's by A's. */
const hidden = [
  'identifier=urn:reading|b',
  'patient=Patient/2',
  'encounter.status=finished',
  'encounter:Encounter.patient.name=bob',
  '_filter=encounter.status eq finished',
];

describe('A condition that only what A may not see fulfils', () => {
  it.each(hidden)('is fulfilled for the administrator: %s', async (criterion) => {
    expect(await matching(criterion)).not.toEqual([]);
  });

  it.each(hidden)('lets a conditional create create, and finds what it created again: %s', async (criterion) => {
    const made = observation(A, 'made');
    const first = await asA('POST', '/Observation', made, { 'if-none-exist': encodeURI(criterion) });
    expect(first.status).toBe(201);
    const again = await asA('POST', '/Observation', made, { 'if-none-exist': 'identifier=urn:reading|made' });
    expect([again.status, again.body?.id]).toEqual([200, first.body.id]);
    await house.ask('DELETE', `/Observation/${first.body.id}`);
  });

  it.each(hidden)('lets a conditional update create, and leaves what it did not see: %s', async (criterion) => {
    const before = await matching(criterion);
    const made = await asA('PUT', `/Observation?${encodeURI(criterion)}`, observation(A, 'updated'));
    expect(made.status).toBe(201);
    expect(before).not.toContain(made.body.id);
    for (const id of before) expect((await house.ask('GET', `/Observation/${id}`)).body.meta.versionId).toBe('1');
    await house.ask('DELETE', `/Observation/${made.body.id}`);
  });

  it.each(hidden)('lets a conditional delete delete nothing: %s', async (criterion) => {
    const before = await matching(criterion);
    const { status, headers } = await asA('DELETE', `/Observation?${encodeURI(criterion)}`);
    expect([status, headers.get('etag')]).toEqual([204, null]);
    expect(await matching(criterion)).toEqual(before);
  });

  it.each(['batch', 'transaction'])('does the same in a %s', async (type) => {
    const criterion = 'identifier=urn:reading|b';
    const url = `Observation?${criterion}`;
    const entries = [
      { request: { method: 'DELETE', url } },
      {
        request: { method: 'POST', url: 'Observation', ifNoneExist: criterion },
        resource: observation(A, 'in-bundle'),
      },
      { request: { method: 'PUT', url: `Observation?patient=${B}` }, resource: observation(A, 'in-bundle-too') },
    ];
    const { status, body } = await asA('POST', '', bundle(type, ...entries));
    expect(status).toBe(200);
    const states = body.entry.map(({ response }: any) => response.status.slice(0, 3));
    expect(states).toEqual(['204', '201', '201']);
    expect(await matching(criterion)).toEqual(['of-b']);
    expect(await matching(`patient=${B}`)).toEqual(['of-b']);
    for (const { response } of body.entry.slice(1)) {
      const [, id] = /Observation\/([^/]+)/.exec(response.location)!;
      await house.ask('DELETE', `/Observation/${id}`);
    }
  });

  it('is told from one that finds nothing in no conditional reference of a transaction', async () => {
    const about = (name: string) => {
      const resource = { ...observation(A, 'reference'), performer: [{ reference: `Patient?name=${name}` }] };
      return asA('POST', '', bundle('transaction', { request: { method: 'POST', url: 'Observation' }, resource }));
    };
    const [bob, nobody] = [await about('bob'), await about('nobody')];
    expect(bob.status).toBe(422);
    expect(told(bob, 'bob')).toEqual(told(nobody, 'nobody'));
  });
});

describe('A condition that nobody knows', () => {
  it.each(['colour=red', 'patient.colour=red', '', 'identifier=urn:reading|b&colour=red'])(
    'is refused and never dropped: "%s"',
    async (criterion) => {
      const refused = [
        await asA('POST', '/Observation', observation(A, 'x'), { 'if-none-exist': criterion }),
        await asA('PUT', `/Observation?${criterion}`, observation(A, 'x')),
        await asA('DELETE', `/Observation?${criterion}`),
      ];
      // An address that ends in its question mark is one without a query.
      for (const { status } of refused) expect([400, 405, 412]).toContain(status);
      expect(await matching('_count=100')).toEqual(['of-a', 'of-b']);
    },
  );
});

describe("Somebody else's id", () => {
  const asked: readonly (readonly [method: string, after: string])[] = [
    ['GET', ''],
    ['GET', '?_elements=status'],
    ['HEAD', ''],
    ['GET', '/_history'],
    ['GET', '/_history?_count=1'],
    ['GET', '/_history/1'],
    ['GET', '/_history/2'],
    ['DELETE', ''],
  ];

  it.each(asked)('is answered like that of no resource: %s Observation/of-b%s', async (method, after) => {
    const missing = told(await asA(method, `/Observation/nobody${after}`), 'nobody');
    expect(missing.status).toBeGreaterThanOrEqual(400);
    expect(told(await asA(method, `/Observation/of-b${after}`), 'of-b')).toEqual(missing);
    expect(told(await asA(method, `/Observation/deleted${after}`), 'deleted')).toEqual(missing);
  });

  it.each([undefined, 'batch'])('gives no version away to If-Match, alone or in a %s', async (type) => {
    const change = async (ifMatch: string) => {
      const resource = { id: 'of-b', ...observation(A, 'x') };
      const answer = type
        ? await asA(
            'POST',
            '',
            bundle(type, { request: { method: 'PUT', url: 'Observation/of-b', ifMatch }, resource }),
          )
        : await asA('PUT', '/Observation/of-b', resource, { 'if-match': ifMatch });
      return told(answer, 'of-b');
    };
    const [right, wrong] = [await change('W/"1"'), await change('W/"2"')];
    expect(type ? JSON.parse(right.text).entry[0].response.status : String(right.status)).toMatch(/^404/);
    expect(wrong).toEqual(right);
  });

  it('does not tell one version from another in a transaction', async () => {
    const refusal = async (version: number, id: string) => {
      const request = { method: 'PUT', url: `Observation/${id}`, ifMatch: `W/"${version}"` };
      const answer = await asA(
        'POST',
        '',
        bundle('transaction', { request, resource: { id, ...observation(A, 'x') } }),
      );
      return { ...told(answer, id), text: told(answer, id).text.replaceAll(String(version), '{version}') };
    };
    const missing = await refusal(7, 'nobody');
    expect(missing.status).toBe(412);
    for (const version of [7, 1]) expect(await refusal(version, 'of-b')).toEqual(missing);
    for (const version of [7, 2]) expect(await refusal(version, 'deleted')).toEqual(missing);
    expect((await refusal(7, 'of-a')).status).toBe(412);
  });

  it('is not told to If-None-Match: * in a transaction', async () => {
    const refusal = async (id: string) => {
      const request = { method: 'PUT', url: `Observation/${id}`, ifNoneMatch: '*' };
      const resource = { id, ...observation(A, 'x') };
      return told(await asA('POST', '', bundle('transaction', { request, resource })), id);
    };
    expect((await refusal('of-b')).status).toBe(404);
    expect((await refusal('of-a')).status).toBe(412);
  });

  it('is deleted by no transaction, and refused like that of no resource', async () => {
    const refusal = async (id: string) =>
      told(
        await asA('POST', '', bundle('transaction', { request: { method: 'DELETE', url: `Observation/${id}` } })),
        id,
      );
    const missing = await refusal('nobody');
    expect(missing.status).toBe(404);
    expect(await refusal('of-b')).toEqual(missing);
    expect(await refusal('deleted')).toEqual(missing);
  });

  it('names a compartment that is as empty as that of no resource', async () => {
    const inside = async (id: string, what: string) =>
      told(await asA('GET', `/Patient/${id}/${what}`), `Patient/${id}`);
    for (const what of ['*', 'Observation', 'Encounter?status=finished']) {
      const missing = await inside('nobody', what);
      const { entry = [] } = JSON.parse(missing.text);
      expect([missing.status, entry.filter(({ search }: any) => search.mode !== 'outcome')]).toEqual([200, []]);
      expect(await inside('2', what)).toEqual(missing);
    }
  });
});

describe('A resource that the criteria of the access miss, but that the caller may not see', () => {
  beforeAll(() => {
    const { who, access } = house.callers.get(A)!;
    house.callers.set('careless', { who, access: { ...access, finds: () => undefined, mayWrite: () => true } });
  });
  const ask = (method: string, path: string, more: object = {}) => house.ask(method, path, { as: 'careless', ...more });

  it.each([
    '/Observation?_count=10',
    '/Observation?_include=Observation:encounter',
    '/Observation/$lastn?patient=Patient/2&code:missing=false',
  ])('is not shown by a search: %s', async (path) => {
    const { status, text } = await ask('GET', path);
    expect(status).toBe(200);
    expect(text).not.toMatch(/Observation\/of-b|Encounter\/of-b"[^}]*"resource"/);
  });

  it('is not there for a condition', async () => {
    const headers = { 'if-none-exist': 'identifier=urn:reading|b' };
    const { status, body } = await ask('POST', '/Observation', { body: observation(A, 'made'), headers });
    expect(status).toBe(201);
    await house.ask('DELETE', `/Observation/${body.id}`);
  });

  it('was never there once it is deleted', async () => {
    const [deleted, missing] = [
      await ask('DELETE', '/Observation/deleted'),
      await ask('DELETE', '/Observation/nobody'),
    ];
    expect(missing.status).toBe(204);
    expect(told(deleted, 'deleted')).toEqual(told(missing, 'nobody'));
  });
});

describe('A search by A', () => {
  const totalOf = async (path: string) => (await asA('GET', path)).body.total;

  it('does not count what it may not see', async () => {
    expect((await house.ask('GET', '/Observation?_summary=count')).body.total).toBe(2);
    expect(await totalOf('/Observation?_summary=count')).toBe(1);
    expect(await totalOf('/Observation?_total=accurate&_count=0')).toBe(1);
    expect(await totalOf('/?_type=Patient,Encounter,Observation&_total=accurate')).toBe(3);
  });

  it('brings nothing along that it may not see, nor anything by way of it', async () => {
    const keys = async (query: string, as: string) => {
      const { body } = await house.ask('GET', `/${query}`, { as });
      return body.entry.map(({ resource }: any) => `${resource.resourceType}/${resource.id}`);
    };
    const along = 'Observation?_id=of-a&_include=Observation:encounter&_include:iterate=Encounter:patient';
    expect(await keys(along, 'admin')).toEqual(['Observation/of-a', 'Encounter/of-b', 'Patient/2']);
    expect(await keys(along, A)).toEqual(['Observation/of-a']);
    const back = 'Encounter?_id=of-a&_revinclude=Observation:encounter&_include:iterate=Observation:patient';
    expect(await keys(back, 'admin')).toEqual(['Encounter/of-a', 'Observation/of-b', 'Patient/2']);
    expect(await keys(back, A)).toEqual(['Encounter/of-a']);
  });

  it.each(['subject.name', 'encounter.date'])('is not sorted by what other resources say: %s', async (sort) => {
    const { status, body } = await asA('GET', `/Observation?_sort=${sort}`);
    expect([status, body.issue[0].code]).toEqual([400, 'not-supported']);
  });
});

describe('The page of a search', () => {
  const next = async (as: string): Promise<string> => {
    const { body } = await house.ask('GET', '/?_type=Encounter,Observation,Patient&_count=1', { as });
    return body.link.find(({ relation }: any) => relation === 'next').url;
  };
  const refusal = ({ status, body }: Answer) => [status, body.issue?.[0].code];

  it('is answered to whom it was given', async () => {
    for (const as of [A, B, 'admin']) expect((await house.ask('GET', await next(as), { as })).status).toBe(200);
  });

  it('is refused to everybody else', async () => {
    for (const [from, to] of [
      [B, A],
      ['admin', A],
      [A, 'admin'],
    ] as const) {
      expect(refusal(await house.ask('GET', await next(from), { as: to }))).toEqual([400, 'invalid']);
    }
  });

  it('is refused when it was edited or belongs to another search', async () => {
    const own = await next(A);
    const at = own.indexOf('_page=') + 30;
    const edited = [
      own.slice(0, at) + (own[at] === 'A' ? 'B' : 'A') + own.slice(at + 1),
      own.slice(0, -4),
      own.replace(/_page=.*/, '_page=x'),
      own.replace('_count=1', '_count=2'),
      own.replace('Encounter', 'Device'),
      `${house.base}/Patient/1/*${own.slice(own.indexOf('?'))}`,
    ];
    for (const url of edited) {
      expect(url).not.toBe(own);
      expect([url, ...refusal(await house.ask('GET', url, { as: A }))]).toEqual([url, 400, 'invalid']);
    }
  });

  it('is refused once the caller may find less or other things, and answered again with the rights it was given under', async () => {
    const own = await next(A);
    const { access, who } = house.callers.get(A)!;
    const nothing = { is: 'any', of: [] } as const;
    const narrower = [
      { ...access, finds: (type: string) => (type === 'Observation' ? nothing : access.finds(type)) },
      { ...access, finds: (type: string) => (type === 'Practitioner' ? nothing : access.finds(type)) },
      { ...access, permits: (code: string, type: string) => code !== 'search-type' || type !== 'List' },
    ];
    for (const one of narrower) {
      house.callers.set('narrower', { who, access: one });
      expect(refusal(await house.ask('GET', own, { as: 'narrower' }))).toEqual([400, 'invalid']);
    }
    expect((await house.ask('GET', own, { as: A })).status).toBe(200);
  });

  it('is gone after a day', async () => {
    const own = await next(A);
    house.setClock(begin + 25 * hour);
    expect(refusal(await house.ask('GET', own, { as: A }))).toEqual([410, 'not-found']);
    house.setClock(begin);
  });
});
