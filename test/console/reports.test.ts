/** Reports of implants on the page of a patient: which there are, whose document is given to whom, and which to nobody. docs/dashboard.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';
import { openWard, pdf, report, store } from './cardiac-world.ts';
import { cookieOf } from './page-cookie.ts';

const bytes = (name: string) => Buffer.from(`%PDF-1.4 ${name}\n%%EOF\n`);
const base64 = (name: string) => bytes(name).toString('base64');
const part = (id: string, n: number) => pdf({ url: `Binary/${id}`, title: `Report (part ${n} of 2)` });
const binary = (id: string, of?: string) => ({
  resourceType: 'Binary',
  id,
  contentType: 'application/pdf',
  ...(of && { securityContext: { reference: `DiagnosticReport/${of}` } }),
  data: base64(id),
});

/** Not in the list of a page. */
const hidden = { status: 'entered-in-error' };

let house: TestHouse;
let asNina: Record<string, string>;
beforeAll(async () => {
  house = await openHouse();
  await openWard(house);
  await store(house, [
    binary('one', 'parts'),
    binary('two', 'parts'),
    binary('loose'),
    report('inline', 'p1', [pdf({ data: base64('inline') })]),
    report('parts', 'p1', [part('one', 1), part('two', 2)], {
      effectiveDateTime: '2026-11-03T08:00:00Z',
    }),
    report('others', 'p2', [pdf({ data: base64('others') })]),
    report('stolen', 'p1', [pdf({ url: 'Binary/one' })], hidden),
    report('unnamed', 'p1', [pdf({ url: 'Binary/loose' })], hidden),
    report('page', 'p1', [{ contentType: 'text/html', data: base64('page') }], hidden),
    report('again', 'p1', Array(2_000).fill(pdf({ url: 'Binary/again' })), hidden),
    binary('again', 'again'),
    report('forms', 'p1', [pdf({ url: 'Binary/english' }), pdf({ url: 'Binary/german' })], hidden),
    binary('english', 'forms'),
    binary('german', 'forms'),
    report('both', 'p1', [pdf({ data: base64('english') }), pdf({ data: base64('german') })], hidden),
    report(
      'many',
      'p1',
      Array.from({ length: 4 }, (_, i) => part(`many-${i}`, i + 1)),
      hidden,
    ),
    report('torn', 'p1', [pdf({ url: 'Binary/torn' })], hidden),
    binary('torn', 'torn'),
    report('patient', 'p1', [pdf({ url: 'Patient/p1' })], hidden),
    report('laboratory', 'p1', [pdf({ data: base64('laboratory') })], { code: { text: 'Full blood count' } }),
  ]);
  await house.ask('DELETE', '/fhir/Binary/torn');
  asNina = await cookieOf(house, 'nina');
});
afterAll(() => house.stop());

const chart = async () => (await house.ask('GET', '/console/api/patients/p1', undefined, asNina)).body;
const ask = async (id: string, { authorization: _none, ...headers }: Record<string, string> = asNina) => {
  const response = await fetch(`${house.url}/console/api/reports/${id}`, { headers });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
};

describe('The reports of a patient', () => {
  it('are the newest of the implants, without what is in them', async () => {
    expect((await chart()).reports).toEqual([
      { id: 'parts', at: '2026-11-03T08:00:00Z' },
      { id: 'inline', at: '2026-11-02T08:00:00Z' },
    ]);
  });

  it('are given whole to who may read them, and the trail tells that', async () => {
    const { response, bytes: given } = await ask('parts');
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(given).toEqual(Buffer.concat([bytes('one'), bytes('two')]));
    expect((await ask('inline')).bytes).toEqual(bytes('inline'));
    const rows = await house.search(
      'AuditEvent?entity=DiagnosticReport/parts&agent=Practitioner/nina&subtype=http://hl7.org/fhir/restful-interaction|read',
    );
    expect(rows).toHaveLength(1);
  });

  it.each([
    ['of another patient', 'others', 404],
    ['that names the document of another', 'stolen', 404],
    ['that names a document of nobody', 'unnamed', 404],
    ['of the laboratory', 'laboratory', 404],
    ['that is no PDF', 'page', 422],
    ['that is not there', 'none', 404],
    ['whose document is deleted', 'torn', 404],
    ['whose document is none', 'patient', 404],
    ['in more parts than there are', 'many', 422],
  ])('are not given: one %s', async (_what, id, status) => {
    const { response, bytes: given } = await ask(id);
    expect([response.status, JSON.parse(given.toString()).resourceType]).toEqual([status, 'OperationOutcome']);
  });

  it('are given once, however often they are named, and one of several forms', async () => {
    expect((await ask('again')).bytes).toEqual(bytes('again'));
    for (const one of ['both', 'forms']) expect((await ask(one)).bytes).toEqual(bytes('english'));
  });

  it('are for nobody, and for staff alone', async () => {
    const john = { login: 'john', password: 'harbour-lantern-quilt-97', fhirUser: 'Patient/p1', roles: ['patient'] };
    expect((await house.ask('POST', '/admin/users', john)).status).toBe(201);
    expect((await ask('inline', {})).response.status).toBe(401);
    expect((await ask('inline', await cookieOf(house, 'john'))).response.status).toBe(403);
  });
});
