/** Requests that a careless or curious client makes: near-valid bodies, odd searches, odd addresses and odd headers. */
import fc from 'fast-check';
import { parametersOf } from '../../src/search/parameters.ts';
import { edited, edits, resourceOf, types } from './near-valid.ts';

export interface OddRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Speaks for the device, not for the administrator. */
  readonly isDevice: boolean;
}

const jsonOf = (value: unknown): string => JSON.stringify(value) ?? 'null';
const ids = fc.constantFrom('a', 'b', 'c', 'A-1.b', 'never-made', '0'.repeat(64));
const oddIds = fc.constantFrom(
  '..',
  '%00',
  'a%2fb',
  'a'.repeat(65),
  '%ff',
  '_history',
  '$validate',
  'ä',
  '',
  'a b',
  '-',
  '1|2',
);
const type = fc.constantFrom(...types);

const headers: fc.Arbitrary<Readonly<Record<string, string>>> = fc.oneof(
  { weight: 9, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.constantFrom<readonly [string, string]>(
          ['if-match', 'W/"1"'],
          ['if-match', '*'],
          ['if-match', '1'],
          ['if-match', 'W/"99999999999999999999"'],
          ['if-none-match', '*'],
          ['if-none-match', 'W/"1", W/"2"'],
          ['if-modified-since', 'yesterday'],
          ['if-modified-since', 'Tue, 01 Jan 2030 00:00:00 GMT'],
          ['if-none-exist', 'identifier=urn:a|1'],
          ['if-none-exist', ''],
          ['if-none-exist', '_id=%zz'],
          ['if-none-exist', 'nonsense=1&_sort=a'],
          ['prefer', 'return=minimal'],
          ['prefer', 'return=OperationOutcome, handling=strict'],
          ['prefer', 'respond-async; return='],
          ['accept', 'application/fhir+xml'],
          ['accept', '*/*;q=0'],
          ['accept', ';;;,,'],
          ['content-type', 'application/fhir+json; charset=latin1'],
          ['content-type', 'text/plain'],
          ['content-type', ';'],
          ['content-encoding', 'gzip'],
          ['x-request-id', 'a b\tc'],
          ['x-http-method-override', 'DELETE'],
          ['authorization', 'Basic YTpi'],
          ['authorization', 'Bearer'],
          ['host', 'evil.example:99999'],
          ['expect', '200-maybe'],
        ),
        { minLength: 1, maxLength: 2 },
      )
      .map((pairs) => Object.fromEntries(pairs)),
  },
);

const request = (parts: fc.Arbitrary<Pick<OddRequest, 'method' | 'path' | 'body'>>): fc.Arbitrary<OddRequest> =>
  fc.tuple(parts, headers).map(([asked, extra]) => ({ ...asked, headers: extra, isDevice: false }));

const body = type.chain((name) =>
  fc.tuple(resourceOf(name), edits).map(([resource, all]) => ({ name, resource: edited(resource, all) })),
);

const create = request(
  body.map(({ name, resource }) => ({ method: 'POST', path: `/fhir/${name}`, body: jsonOf(resource) })),
);

const update = request(
  fc.tuple(body, ids, ids, fc.nat(5)).map(([{ name, resource }, id, other, sameness]) => ({
    method: 'PUT',
    path: `/fhir/${name}/${id}`,
    body: jsonOf({ ...resource, id: sameness > 0 ? id : other }),
  })),
);

const address = request(
  fc
    .tuple(
      fc.constantFrom('GET', 'GET', 'DELETE', 'HEAD', 'PATCH', 'POST', 'PUT', 'OPTIONS'),
      type,
      fc.oneof(ids, oddIds),
      fc.constantFrom(
        '',
        '',
        '/_history',
        '/_history/1',
        '/_history/x',
        '/_history/99',
        '/Observation',
        '/$everything',
        '?_format=xml',
        '?_pretty=true',
        '?%',
      ),
    )
    .map(([method, name, id, more]) => ({ method, path: `/fhir/${name}/${id}${more}` })),
);

const values = fc.oneof(
  fc.constantFrom(
    'a',
    '1',
    'urn:a|1',
    '|',
    '||',
    'a|',
    '|a',
    'Patient/a',
    'Patient/',
    'http://x/Patient/a',
    '2024',
    'ge2024-02',
    'lt2024-02-30',
    'eq',
    'ne1',
    'ap5',
    '5.4|http://unitsofmeasure.org|mg',
    '5||mg',
    'gt1e400',
    '-0',
    'true',
    'null',
    'a,b',
    ',',
    '\\',
    '\\,',
    'a\\|b',
    'ä',
    '\u0000',
    '%',
    '*',
    'not-in',
    '',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
);
const modifiers = fc.constantFrom(
  '',
  '',
  '',
  '',
  ':exact',
  ':contains',
  ':missing',
  ':not',
  ':text',
  ':in',
  ':below',
  ':Patient',
  ':identifier',
  ':of-type',
  ':x',
  ':',
  ':missing:missing',
);
const controls = fc.constantFrom<readonly [string, string]>(
  ['_count', '5'],
  ['_count', '0'],
  ['_count', '-1'],
  ['_count', '1e3'],
  ['_count', '99999999999'],
  ['_sort', '-_lastUpdated'],
  ['_sort', 'nonsense'],
  ['_sort', ''],
  ['_sort', '_id,-_id'],
  ['_include', '*'],
  ['_include', 'Observation:subject'],
  ['_include', 'Observation:subject:Patient'],
  ['_include', ':'],
  ['_revinclude', 'Observation:subject'],
  ['_total', 'accurate'],
  ['_total', 'x'],
  ['_summary', 'count'],
  ['_summary', 'true'],
  ['_elements', 'id'],
  ['_has', 'a:b:c:d'],
  ['_filter', 'a eq b'],
  ['_page', 'abc'],
  ['_cursor', 'abc'],
  ['_type', 'Patient'],
  ['subject.name', 'a'],
  ['_lastUpdated', 'ge2024'],
  ['_id', 'a,b'],
  ['_profile', 'http://a'],
  ['_tag', 'a|b'],
);

const encoded = fc
  .boolean()
  .chain((isRaw) =>
    fc.constant((text: string) =>
      isRaw ? text.replace(/[^\x21-\x7e]|[#?]/g, '') : encodeURIComponent(text.toWellFormed()),
    ),
  );

const searchText = type.chain((name) => {
  const own = [...parametersOf(name).keys()];
  const named = fc
    .tuple(fc.constantFrom(...own), modifiers, values)
    .map(([code, modifier, value]) => [code + modifier, value] as const);
  return fc
    .tuple(
      fc.array(fc.oneof({ weight: 3, arbitrary: named }, { weight: 2, arbitrary: controls }), { maxLength: 4 }),
      encoded,
    )
    .map(([pairs, encode]) => ({ name, query: pairs.map(([code, value]) => `${code}=${encode(value)}`).join('&') }));
});
const search = request(searchText.map(({ name, query }) => ({ method: 'GET', path: `/fhir/${name}?${query}` })));

const entry = fc.oneof(
  body.map(({ name, resource }) => ({
    resource,
    fullUrl: 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a',
    request: { method: 'POST', url: name },
  })),
  fc.tuple(body, ids).map(([{ name, resource }, id]) => ({
    resource: { ...resource, id },
    request: { method: 'PUT', url: `${name}/${id}` },
  })),
  searchText.map(({ name, query }) => ({ request: { method: 'GET', url: `${name}?${query}` } })),
  fc.tuple(type, ids).map(([name, id]) => ({ request: { method: 'DELETE', url: `${name}/${id}` } })),
  fc.constantFrom(
    { request: { method: 'GET', url: 'http://other.example/Patient/1' } },
    { request: { method: 'POST', url: '/' } },
    { request: { method: 'GET', url: '../../admin/keys' } },
    { request: { method: 'PUT', url: 'Patient?identifier=urn:a|1' }, resource: { resourceType: 'Patient' } },
    { request: { method: 'BREW', url: 'Patient' } },
    { request: {} },
    {},
  ),
);
const bundle = request(
  fc
    .tuple(
      fc.constantFrom('transaction', 'transaction', 'batch', 'batch', 'document', 'x'),
      fc.array(entry, { maxLength: 4 }),
      edits,
    )
    .map(([kind, entries, all]) => ({
      method: 'POST',
      path: '/fhir',
      body: jsonOf(edited({ resourceType: 'Bundle', type: kind, entry: entries }, all)),
    })),
);

const reading = fc
  .tuple(
    fc.record(
      {
        heart_rate: fc.integer({ min: 20, max: 250 }),
        blood_pressure_systolic: fc.integer({ min: 40, max: 260 }),
        blood_pressure_diastolic: fc.integer({ min: 20, max: 160 }),
        temperature: fc.constantFrom(98.6, 37, 104, 30),
        temperature_unit: fc.constantFrom('F', 'C', 'K'),
        oxygen_saturation: fc.constantFrom(98.5, 88, 101, 0),
        glucose: fc.constantFrom(95.5, 20, 600),
        weight: fc.constantFrom(150, 70),
        weight_unit: fc.constantFrom('lbs', 'kg'),
        notes: fc.constantFrom('a', '', '\u0000', '火'),
        signal_quality: fc.integer({ min: -1, max: 101 }),
        battery_level: fc.integer({ min: -1, max: 101 }),
      },
      { requiredKeys: ['heart_rate'] },
    ),
    fc.integer({ min: 0, max: 500 }),
  )
  .map(([fields, minutes]) => ({
    timestamp: new Date(Date.UTC(2026, 0, 1) + minutes * 60_000).toISOString(),
    ...fields,
  }));

const device: fc.Arbitrary<OddRequest> = fc
  .oneof(
    fc
      .tuple(reading, edits)
      .map(([one, all]) => ({ path: '/api/iot/vitals/', payload: edited({ device_id: 'DEV1', ...one }, all) })),
    fc.tuple(fc.array(reading, { maxLength: 4 }), edits).map(([readings, all]) => ({
      path: '/api/iot/vitals/batch',
      payload: edited({ device_id: 'DEV1', readings }, all),
    })),
  )
  .map(({ path, payload }) => ({ method: 'POST', path, body: jsonOf(payload), headers: {}, isDevice: true }));

export const oddRequest: fc.Arbitrary<OddRequest> = fc.oneof(
  { weight: 6, arbitrary: create },
  { weight: 4, arbitrary: update },
  { weight: 4, arbitrary: search },
  { weight: 2, arbitrary: address },
  { weight: 3, arbitrary: bundle },
  { weight: 2, arbitrary: device },
);
