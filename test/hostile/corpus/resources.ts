/** I9 to I14 and I16: resources that are JSON and not FHIR, or FHIR and a trap. */
import { expect } from '@jest/globals';
import { type Attack, CANARY, fhir } from '../attack.ts';

const name = [{ family: CANARY }];
const observation = { resourceType: 'Observation', status: 'final', code: { text: CANARY } };
const long = 'a'.repeat(65);

const ids: readonly Attack[] = [
  ...[long, 'a%20b', 'a%2Fb', '..', '%2e%2e', '../../etc/passwd', 'a_b', 'a%00b', '%F0%9F%94%A5', 'a;b'].map(
    (id): Attack => ({
      row: 'I9',
      what: 'an id that is none',
      method: 'PUT',
      path: `/fhir/Patient/${id}`,
      body: { resourceType: 'Patient', id, name },
      status: [400, 404],
      code: ['value', 'invalid', 'not-found', 'not-supported'],
    }),
  ),
  ...[long, 'a b', 'a/b', '../x', 'ä', '', 7, ['a'], { a: 1 }].map(
    (id): Attack => ({
      row: 'I9',
      what: `the id ${JSON.stringify(id).slice(0, 9)} in a body`,
      method: 'PUT',
      path: '/fhir/Patient/hostile',
      body: { resourceType: 'Patient', id, name },
      status: [400, 422],
      code: ['value', 'invalid', 'structure', 'invariant'],
    }),
  ),
  ...['__proto__', 'constructor', 'toString', 'patient', 'Patients', 'Resource', 'DomainResource'].flatMap(
    (type): Attack[] => [
      {
        row: 'I9',
        what: 'an address whose type is none',
        path: `/fhir/${type}`,
        body: { resourceType: type, name },
        status: 404,
        code: ['not-found', 'not-supported'],
      },
      {
        row: 'I9',
        what: `the resourceType ${type}`,
        path: '/fhir/Patient',
        body: { resourceType: type, name },
        status: 400,
        code: ['invalid', 'value', 'structure'],
      },
    ],
  ),
  ...[['Patient'], { a: 'Patient' }, null, 1, true].map(
    (resourceType): Attack => ({
      row: 'I9',
      what: `the resourceType ${JSON.stringify(resourceType)}`,
      path: '/fhir/Patient',
      body: { resourceType, name },
      status: [400, 404],
      code: ['value', 'structure', 'invalid', 'not-found'],
    }),
  ),
];

const mismatches: readonly Attack[] = [
  {
    row: 'I10',
    what: 'another id in the body',
    method: 'PUT',
    path: '/fhir/Patient/hostile',
    body: { resourceType: 'Patient', id: 'other', name },
    status: 400,
    code: 'invalid',
  },
  {
    row: 'I10',
    what: 'no id in the body',
    method: 'PUT',
    path: '/fhir/Patient/hostile',
    body: { resourceType: 'Patient', name },
    status: 400,
    code: 'invalid',
  },
  {
    row: 'I10',
    what: 'another type in the body',
    method: 'PUT',
    path: '/fhir/Patient/hostile',
    body: { ...observation, id: 'hostile' },
    status: 400,
    code: 'invalid',
  },
  {
    row: 'I10',
    what: 'a version of its own, which is ignored',
    path: '/fhir/Organization',
    body: {
      resourceType: 'Organization',
      id: 'mine',
      meta: { versionId: '99', lastUpdated: '1999-01-01T00:00:00Z' },
      name: 'hostile',
    },
    status: 201,
    stores: true,
    check: ({ body }) => {
      expect(body.meta.versionId).toBe('1');
      expect(body.meta.lastUpdated).not.toContain('1999');
      expect(body.id).not.toBe('mine');
    },
  },
];

const empty: readonly Attack[] = (
  [
    ['an empty array', { name: [] }],
    ['an empty object', { maritalStatus: {} }],
    ['an empty object in an array', { name: [{}] }],
    ['an empty string', { language: '' }],
    ['null', { active: null }],
    ['null in an array', { name: [null] }],
    ['null in an array of primitives without a partner', { name: [{ given: [null, 'a'] }] }],
    ['null on both sides', { name: [{ given: [null], _given: [null] }] }],
    ['an empty partner', { birthDate: '1970-01-01', _birthDate: {} }],
  ] as const
).map(([what, members]) =>
  fhir('I11', what, { resourceType: 'Patient', ...members }, [400, 422], ['invariant', 'structure', 'value']),
);

const wrong: readonly Attack[] = [
  fhir('I12', 'a code outside a required binding', { resourceType: 'Patient', gender: CANARY }, 422, 'code-invalid'),
  fhir('I12', 'a status outside a required binding', { ...observation, status: 'bogus' }, 422, 'code-invalid'),
  fhir(
    'I12',
    'a missing element',
    { resourceType: 'Observation', status: 'final' },
    [400, 422],
    ['required', 'structure', 'invariant'],
  ),
  fhir('I12', 'one where many belong', { resourceType: 'Patient', name: name[0] }, [400, 422], ['structure', 'value']),
  fhir(
    'I12',
    'many where one belongs',
    { resourceType: 'Patient', gender: ['male'] },
    [400, 422],
    ['structure', 'value'],
  ),
  fhir(
    'I12',
    'two values at once',
    { ...observation, valueString: CANARY, valueBoolean: true },
    [400, 422],
    ['invariant', 'structure'],
  ),
  fhir('I12', 'an unknown element', { resourceType: 'Patient', nickname: CANARY }, [400, 422], 'structure'),
  fhir(
    'I12',
    'a string for a boolean',
    { resourceType: 'Patient', active: 'true' },
    [400, 422],
    ['structure', 'value'],
  ),
  fhir(
    'I12',
    'an object for a string',
    { resourceType: 'Patient', language: { $ne: CANARY } },
    [400, 422],
    ['structure', 'value'],
  ),
  fhir('I12', 'a number for a code', { resourceType: 'Patient', gender: 1 }, [400, 422], ['structure', 'value']),
  fhir('I12', 'a date that never was', { resourceType: 'Patient', birthDate: '2026-02-30' }, [400, 422], 'value'),
  fhir(
    'I12',
    'a reference to the wrong type',
    { ...observation, subject: { reference: 'Medication/1' } },
    [400, 422],
    ['structure', 'value', 'invariant', 'business-rule'],
  ),
];

const narrative = (inside: string) =>
  fhir(
    'I13',
    `the narrative ${inside.slice(0, 40)}`,
    {
      resourceType: 'Patient',
      text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>` },
    },
    422,
    'invariant',
  );
const narratives: readonly Attack[] = [
  ...[
    `<script>alert('${CANARY}')</script>`,
    '<p onclick="alert(1)">x</p>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" jAvAsCrIpT:alert(1)">x</a>',
    '<a href="&#106;avascript:alert(1)">x</a>',
    '<img src="https://evil.example/pixel.gif"/>',
    '<p style="background:url(https://evil.example/)">x</p>',
    '<iframe src="data:text/html,x"></iframe>',
    '<object data="x"></object>',
    '<form action="/x"><input/></form>',
    '<svg><script>x</script></svg>',
    '<!DOCTYPE x [<!ENTITY a "b">]>&a;',
    '&undefined;',
    '<p>not closed',
    '<p><b>crossed</p></b>',
    '<style>p{}</style>',
    '<base href="https://evil.example/"/>',
    '<meta http-equiv="refresh" content="0"/>',
  ].map(narrative),
  { ...narrative('<p>'.repeat(300_000)), what: '1 MB of unclosed tags', within: 1_500 },
  { ...narrative(`<p ${'a="" '.repeat(140_000)}/>`), what: '1 MB of attributes', within: 1_500 },
  fhir(
    'I13',
    'a narrative without a div',
    { resourceType: 'Patient', text: { status: 'generated', div: CANARY } },
    422,
    'invariant',
  ),
];

/** Strings that make a backtracking expression run for hours, one megabyte each. */
const megabyte = 1_000_000;
const bombs: readonly (readonly [type: string, text: string])[] = [
  ['base64Binary', `${'AAAA'.repeat(megabyte / 4)}!`],
  ['base64Binary', `${'AAAA  '.repeat(megabyte / 6)}!`],
  ['base64Binary', `${' '.repeat(megabyte)}!`],
  ['base64Binary', `${'A'.repeat(megabyte)}=A`],
  ['code', `${'a '.repeat(megabyte / 2)}`],
  ['code', `a${' '.repeat(megabyte)}a`],
  ['date', '1'.repeat(megabyte)],
  ['date', `2026-${'0'.repeat(megabyte)}`],
  ['dateTime', `2026-01-01T00:00:00.${'0'.repeat(megabyte)}`],
  ['dateTime', `2026-01-01T00:00:00.${'0'.repeat(megabyte)}X`],
  ['instant', `2026-01-01T00:00:00.${'9'.repeat(megabyte)}!`],
  ['time', `00:00:00.${'9'.repeat(megabyte)}!`],
  ['id', 'a'.repeat(megabyte)],
  ['oid', `urn:oid:1${'.1'.repeat(megabyte / 2)}.`],
  ['oid', `urn:oid:1${'.0'.repeat(megabyte / 2)}1x`],
  ['uuid', `urn:uuid:${'a'.repeat(megabyte)}`],
  ['uri', `urn: ${'a'.repeat(megabyte)}`],
  ['url', ` ${'x'.repeat(megabyte)} `],
  ['canonical', `http://a.example/ ${'|'.repeat(megabyte)}`],
  ['positiveInt', '1'.repeat(megabyte)],
  ['decimal', '1'.repeat(megabyte)],
  ['boolean', 'true'.repeat(megabyte / 4)],
];
const formats: readonly Attack[] = bombs.map(([type, text], position) => ({
  ...fhir(
    'I14',
    `bomb ${position} for ${type}`,
    {
      resourceType: 'Patient',
      extension: [{ url: 'http://a.example/x', [`value${type[0]!.toUpperCase()}${type.slice(1)}`]: text }],
    },
    [400, 422],
    ['value', 'structure', 'invariant'],
  ),
  within: 1_000,
}));

const nested = (levels: number, wrap: (inner: unknown) => unknown, core: unknown): unknown => {
  let value = core;
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
};
const traps: readonly Attack[] = [
  fhir(
    'I16',
    'contained inside contained',
    {
      ...observation,
      contained: [{ resourceType: 'Patient', id: 'a', contained: [{ resourceType: 'Patient', id: 'b' }] }],
      subject: { reference: '#a' },
    },
    422,
    'invariant',
  ),
  fhir(
    'I16',
    'contained that nobody refers to',
    { ...observation, contained: [{ resourceType: 'Patient', id: 'a' }] },
    422,
    'invariant',
  ),
  fhir(
    'I16',
    'a reference to nothing contained',
    { ...observation, subject: { reference: '#nobody' } },
    422,
    'invariant',
  ),
  fhir(
    'I16',
    'a Bundle in a Bundle, 50 times',
    nested(50, (inner) => ({ resourceType: 'Bundle', type: 'collection', entry: [{ resource: inner }] }), {
      resourceType: 'Patient',
      name,
    }) as { resourceType: string },
    400,
    'too-costly',
  ),
  {
    row: 'I16',
    what: 'Parameters in parts, 60 times',
    path: '/fhir/Parameters',
    body: {
      resourceType: 'Parameters',
      parameter: [nested(60, (inner) => ({ name: 'a', part: [inner] }), { name: CANARY })],
    },
    status: 400,
    code: 'too-costly',
  },
];

export const resources: readonly Attack[] = [
  ...ids,
  ...mismatches,
  ...empty,
  ...wrong,
  ...narratives,
  ...formats,
  ...traps,
];
