/** I25 and I26: transactions that lie or are too much, batches with poison in them. */
import { expect } from '@jest/globals';
import { type Attack, CANARY, filled } from '../attack.ts';

const urn = (digit: number) => `urn:uuid:00000000-0000-4000-8000-00000000000${digit}`;
const patient = { resourceType: 'Patient', name: [{ family: CANARY }] };
const organization = { resourceType: 'Organization', name: 'hostile' };
const post = (resource: object, fullUrl?: string) => ({
  fullUrl,
  resource,
  request: { method: 'POST', url: (resource as { resourceType: string }).resourceType },
});
const put = (resource: { resourceType: string; id: string }) => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
});

const bundle = (
  row: string,
  what: string,
  type: string,
  entry: unknown,
  status: Attack['status'],
  code?: Attack['code'],
): Attack => ({ row, what, path: '/fhir', body: { resourceType: 'Bundle', type, entry }, status, code });
const transaction = (what: string, entry: unknown, status: Attack['status'], code?: Attack['code']) =>
  bundle('I25', what, 'transaction', entry, status, code);

const opening = '{"resourceType":"Bundle","type":"transaction"';

export const bundles: readonly Attack[] = [
  transaction(
    '10,001 entries',
    Array.from({ length: 10_001 }, () => post({ resourceType: 'Basic' })),
    413,
    'too-long',
  ),
  {
    row: 'I25',
    what: 'one byte more than 16 MiB',
    path: '/fhir',
    body: filled(opening, ' ', 16 * 1024 * 1024 - opening.length, '}'),
    status: 413,
    code: 'too-long',
  },
  transaction(
    'the same resource twice',
    [put({ ...patient, id: 'twice' }), put({ ...patient, id: 'twice' })],
    400,
    'invalid',
  ),
  transaction(
    'a put and a delete of the same resource',
    [put({ ...patient, id: 'twice' }), { request: { method: 'DELETE', url: 'Patient/twice' } }],
    400,
    'invalid',
  ),
  transaction('the same fullUrl twice', [post(patient, urn(1)), post(patient, urn(1))], 400, [
    'invalid',
    'value',
    'invariant',
  ]),
  transaction(
    'a conditional reference that two match',
    [post({ ...patient, managingOrganization: { reference: 'Organization?name=twin' } })],
    412,
    'multiple-matches',
  ),
  transaction(
    'a conditional reference that nobody matches',
    [post({ ...patient, managingOrganization: { reference: 'Organization?name=nobody-at-all' } })],
    [400, 404, 412, 422],
    ['not-found', 'invalid', 'business-rule', 'processing', 'multiple-matches', 'value'],
  ),
  transaction(
    'a conditional reference that says nothing',
    [post({ ...patient, managingOrganization: { reference: 'Organization?favourite-colour=blue' } })],
    [400, 412],
    ['invalid', 'not-supported', 'multiple-matches'],
  ),
  transaction(
    'a reference to an entry that is not there',
    [post({ ...patient, managingOrganization: { reference: urn(9) } })],
    [400, 422],
    ['invalid', 'not-found', 'business-rule', 'value', 'invariant'],
  ),
  transaction(
    'an address of somebody else',
    [{ ...post(patient), request: { method: 'POST', url: 'https://evil.example/fhir/Patient' } }],
    [400, 404],
    ['invalid', 'value', 'not-found', 'not-supported'],
  ),
  transaction(
    'an address that climbs',
    [{ request: { method: 'DELETE', url: '../admin/devices/DEV001' } }],
    [400, 404],
    ['invalid', 'value', 'not-found', 'not-supported'],
  ),
  transaction(
    'a fullUrl of a put that says another id',
    [{ ...put({ ...patient, id: 'one' }), fullUrl: 'https://a.example/fhir/Patient/two' }],
    [200, 400],
  ),
  transaction('an unknown method', [{ request: { method: 'TRACE', url: 'Patient' } }], 400, [
    'invalid',
    'value',
    'structure',
    'not-supported',
  ]),
  transaction('no request at all', [{ resource: patient }], 400, ['invalid', 'required', 'structure']),
  transaction('an entry that is null', [null], [400, 422], ['invalid', 'structure', 'invariant', 'value']),
  transaction('entries that are no list', { resource: patient }, [400, 422], ['structure', 'value', 'invalid']),
  transaction(
    'one bad entry behind a good one',
    [post(patient), post({ resourceType: 'Patient', gender: 'bogus' })],
    422,
    'code-invalid',
  ),
  transaction(
    'a transaction inside a transaction',
    [
      {
        resource: { resourceType: 'Bundle', type: 'transaction', entry: [post(patient)] },
        request: { method: 'POST', url: '' },
      },
    ],
    [400, 404, 405],
    ['invalid', 'value', 'not-supported', 'not-found'],
  ),
  bundle('I25', 'a type that cannot be carried out', 'document', [post(patient)], 400, ['invalid', 'value']),
  bundle('I25', 'a type that is no string', ['transaction'] as unknown as string, [post(patient)], 400, [
    'invalid',
    'value',
    'structure',
  ]),
  {
    ...transaction(
      'two that refer to each other, which is allowed',
      [
        post({ ...organization, partOf: { reference: urn(2) } }, urn(1)),
        post({ ...organization, partOf: { reference: urn(1) } }, urn(2)),
      ],
      200,
    ),
    stores: true,
    check: ({ body }) => {
      const places: string[] = body.entry.map((entry: any) => entry.response.location);
      expect(places.every((place) => /Organization\/[^/]+\/_history\/1$/.test(place))).toBe(true);
    },
  },
  {
    ...transaction(
      'a read of what it writes itself',
      [put({ ...organization, id: 'written' } as never), { request: { method: 'GET', url: 'Organization/written' } }],
      200,
    ),
    stores: true,
    rows: 2,
    check: ({ body }) => expect(body.entry[1].resource?.id).toBe('written'),
  },
  {
    ...bundle(
      'I26',
      'poison between two good entries',
      'batch',
      [
        post(organization),
        post({ resourceType: 'Patient', gender: CANARY }),
        { request: { method: 'GET', url: 'Patient/nobody' } },
        { request: { method: 'DELETE', url: '../admin' } },
        post(organization),
      ],
      200,
    ),
    stores: true,
    // The address that climbs is no interaction.
    rows: 5,
    check: ({ body, text }) => {
      const statuses = body.entry.map((entry: any) => Number.parseInt(entry.response.status, 10));
      expect(statuses.map((status: number) => Math.floor(status / 100))).toEqual([2, 4, 4, 4, 2]);
      expect(body.entry[1].response.outcome.issue[0].code).toBe('code-invalid');
      expect(text).not.toContain(CANARY);
    },
  },
  {
    ...bundle(
      'I26',
      'nothing but poison',
      'batch',
      Array.from({ length: 50 }, () => post({ resourceType: 'Patient', gender: 'x' })),
      200,
    ),
    rows: 51,
    check: ({ body }) => expect(body.entry.every((entry: any) => entry.response.status.startsWith('422'))).toBe(true),
  },
];
