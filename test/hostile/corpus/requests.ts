/** I20 to I23, I32, I34 to I36, I50, I52: addresses, queries, methods and headers. */
import { expect } from '@jest/globals';
import { type Answer, type Attack, CANARY } from '../attack.ts';

const get = (row: string, what: string, path: string, status: Attack['status'], code?: Attack['code']): Attack => ({
  row,
  what,
  method: 'GET',
  path,
  status,
  code,
});

/** Good answers must not have found anybody. */
const findsNobody = ({ status, body }: Answer) => {
  if (status === 200) expect(body.entry?.filter((entry: any) => entry.search?.mode !== 'outcome') ?? []).toEqual([]);
};

const organization = { resourceType: 'Organization', name: 'hostile' };
const quotes = encodeURIComponent(`' OR '1'='1' --${CANARY}`);
/** For names, which a refusal may say. */
const quotedName = encodeURIComponent("' OR '1'='1' --");

const counts: readonly Attack[] = [
  get('I20', '_count below zero', '/fhir/Patient?_count=-1', 400, 'invalid'),
  get('I20', '_count that is no number', `/fhir/Patient?_count=${CANARY}`, 400, 'invalid'),
  get('I20', '_count with an exponent', '/fhir/Patient?_count=1e3', 400, 'invalid'),
  get('I20', '_count with a point', '/fhir/Patient?_count=1.5', 400, 'invalid'),
  get('I20', '_count far too large', '/fhir/Patient?_count=99999999999', [200, 400]),
  get('I20', '_offset, which nobody promised', '/fhir/Patient?_offset=1e308', [200, 400]),
  get('I20', '_total=accurate', '/fhir/Patient?_total=accurate', [200, 400]),
  get('I20', '_total that is none', `/fhir/Patient?_total=${CANARY}`, 400),
];

const injections: readonly Attack[] = [
  ...[
    'code[$gt]=',
    'identifier[$ne]=1',
    'name[]=a',
    'identifier=%7B%22%24ne%22%3A1%7D',
    `identifier=${quotes}`,
    `identifier=${quotes}|${quotes}`,
    `name=${quotes}`,
    `family=%25${CANARY}%25`,
    `name=_${CANARY}`,
    `name=.*${CANARY}`,
    `general-practitioner=${quotes}`,
    `birthdate=${quotes}`,
    `_lastUpdated=${quotes}`,
    `_id=${quotes}`,
    `_sort=${quotedName}`,
    `_sort=name;DROP%20TABLE%20entry`,
    `_include=${quotedName}`,
    `_count=${quotes}`,
    `link:${quotedName}=1`,
    `${quotedName}=1`,
    'name=a%00b',
    '__proto__=1',
    'constructor=1',
    'name:__proto__=1',
    'toString:exact=1',
    '_include=Patient:__proto__',
    '_sort=__proto__',
  ].map((query) => ({
    ...get('I22', `the query ${query.slice(0, 40)}`, `/fhir/Patient?${query}`, [200, 400]),
    check: findsSafely,
  })),
  ...[
    `value-quantity=${quotes}`,
    `value-quantity=1e400`,
    `value-quantity=1|${quotes}|${quotes}`,
    `component-code-value-quantity=${quotes}`,
    `date=ge${quotes}`,
    'date=ge9999999-01-01',
    'date=2026-13-45',
  ].map((query) => ({
    ...get('I22', `the query ${query.slice(0, 40)}`, `/fhir/Observation?${query}`, [200, 400]),
    check: findsNobody,
  })),
  {
    row: 'I22',
    what: 'operators in a posted search',
    path: '/fhir/Patient/_search',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `identifier[$ne]=x&name=${quotes}`,
    status: [200, 400],
    check: findsNobody,
  },
];
/** An ignored name may find everybody; a value never may, so only the one seeded Patient can be there. */
function findsSafely({ status, body }: Answer): void {
  if (status === 200) expect((body.entry ?? []).length).toBeLessThan(3);
}

const unknown: readonly Attack[] = [
  {
    ...get('I23', 'an unknown parameter, which is left out', '/fhir/Patient?favourite-colour=blue&_id=nobody', 200),
    check: ({ body }) => {
      const self = body.link.find((link: any) => link.relation === 'self').url;
      expect(self).toContain('_id=nobody');
      expect(self).not.toContain('favourite-colour');
    },
  },
  {
    ...get(
      'I23',
      'an unknown parameter that must not be ignored',
      '/fhir/Patient?favourite-colour=blue',
      400,
      'not-supported',
    ),
    headers: { prefer: 'handling=strict' },
  },
];

const unnamed = (attack: Attack): Attack => ({ ...attack, isAudited: false });
const addresses: readonly Attack[] = [
  unnamed(get('I32', 'an address of 9 KB', `/fhir/Patient?name=${'a'.repeat(9_000)}`, [414, 431], 'too-long')),
  get('I32', 'a percent sign that begins nothing', `/fhir/Patient?name=%zz${CANARY}`, 400, 'invalid'),
  get('I32', 'a cut escape', '/fhir/Patient?name=%E0%A4%A', 400, 'invalid'),
  get('I32', 'an overlong escape', '/fhir/Patient?name=%C0%AF', 400, 'invalid'),
  get('I32', 'a bad escape in the path', '/fhir/Patient/%zz', 400, ['invalid', 'value']),
  get('I32', 'two slashes', '/fhir//Patient', 400, 'invalid'),
  get('I32', 'dots that climb', '/fhir/../admin/devices', [400, 404], ['invalid', 'not-found']),
  get('I32', 'escaped dots that climb', '/fhir/%2e%2e/admin/devices', 400, 'invalid'),
  get('I32', 'an escaped slash', '/fhir/Patient%2Fhostile', [400, 404], ['invalid', 'not-found', 'not-supported']),
  get('I32', 'a semicolon', '/fhir/Patient;a=b', 400, 'invalid'),
  get('I32', 'NUL in the path', '/fhir/Patient/%00', 400, ['invalid', 'value']),
  get('I32', 'a backslash', '/fhir/Patient\\hostile', [400, 404], ['invalid', 'not-found']),
  unnamed(
    get('I32', 'two slashes at the front', '//fhir/Patient', [400, 404], ['invalid', 'not-found', 'not-supported']),
  ),
  unnamed(get('I32', 'an address where nothing is', `/${CANARY}`, 404, ['not-found', 'not-supported'])),
  unnamed(get('I32', 'the door in other letters', '/FHIR/Patient', 404, ['not-found', 'not-supported'])),
];

const hasAllow = ({ headers }: Answer) => expect(headers.allow).toBeDefined();
const methods: readonly Attack[] = [
  ...['TRACE', 'PROPFIND', 'LOCK', 'SEARCH', 'OPTIONS'].map(
    (method): Attack => ({
      row: 'I34',
      what: `the method ${method}`,
      method,
      path: '/fhir/Patient',
      status: method === 'OPTIONS' ? [200, 204, 405] : 405,
      code: method === 'OPTIONS' ? undefined : 'not-supported',
      check: method === 'OPTIONS' ? undefined : hasAllow,
    }),
  ),
  {
    row: 'I34',
    what: 'DELETE where it is not offered',
    method: 'DELETE',
    path: '/fhir',
    status: 405,
    code: 'not-supported',
    check: hasAllow,
  },
  {
    row: 'I34',
    what: 'a method override, which is not heard',
    method: 'GET',
    path: '/fhir/Patient/hostile-patient',
    headers: { 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE', 'x-method-override': 'DELETE' },
    status: 200,
  },
  {
    row: 'I34',
    what: 'a method override in the query, which is not heard',
    method: 'GET',
    path: '/fhir/Patient/hostile-patient?_method=DELETE',
    status: [200, 400],
  },
];

const formats: readonly Attack[] = [
  ...['text/turtle', 'image/png', CANARY, 'application/fhir+json;q=0', 'text/html'].map(
    (accept): Attack => ({
      ...get('I35', `Accept: ${accept}`, '/fhir/Patient/hostile-patient', 406, 'not-supported'),
      headers: { accept },
    }),
  ),
  ...['exe', 'ttl', '..%2Fjson', `${CANARY}`].map((format) =>
    get('I35', `_format=${format}`, `/fhir/Patient/hostile-patient?_format=${format}`, 406, 'not-supported'),
  ),
];

const seeded = { resourceType: 'Patient', id: 'hostile-patient', name: [{ family: CANARY }] };
const conditions: readonly Attack[] = [
  ...['*', 'W/3', 'abc', 'W/"1", W/"2"', '"', '', 'W/""', `W/"${CANARY}"`, 'W/"1e0"', 'W/"-1"'].map(
    (match): Attack => ({
      row: 'I36',
      what: `If-Match: ${match}`,
      method: 'PUT',
      path: '/fhir/Patient/hostile-patient',
      headers: { 'if-match': match },
      body: seeded,
      status: [400, 412],
      code: ['invalid', 'conflict', 'value'],
    }),
  ),
  {
    row: 'I36',
    what: 'If-Match with a version that is not there',
    method: 'PUT',
    path: '/fhir/Patient/hostile-patient',
    headers: { 'if-match': 'W/"77"' },
    body: seeded,
    status: 412,
    code: 'conflict',
  },
  ...['', ' ', '?', '&', '_count=1', '_sort=name', 'favourite-colour=blue', 'name=', '_format=json'].map(
    (criterion): Attack => ({
      row: 'I36',
      what: `If-None-Exist: ${criterion}`,
      path: '/fhir/Patient',
      headers: { 'if-none-exist': criterion },
      body: { resourceType: 'Patient', name: [{ family: CANARY }] },
      status: [400, 412],
      code: ['invalid', 'not-supported', 'multiple-matches'],
    }),
  ),
  {
    row: 'I36',
    what: 'If-None-Exist that two match',
    path: '/fhir/Organization',
    headers: { 'if-none-exist': 'name=twin' },
    body: organization,
    status: 412,
    code: 'multiple-matches',
  },
  {
    row: 'I36',
    what: 'a conditional update whose criterion says nothing',
    method: 'PUT',
    path: '/fhir/Patient?favourite-colour=blue',
    body: { resourceType: 'Patient', name: [{ family: CANARY }] },
    status: [400, 405],
    code: ['invalid', 'not-supported'],
  },
  ...['', '?', '?favourite-colour=blue', '?_count=1'].map(
    (query): Attack => ({
      row: 'I36',
      what: `a conditional delete with ${query || 'no query'}`,
      method: 'DELETE',
      path: `/fhir/Patient${query}`,
      status: [400, 405, 412],
      code: ['invalid', 'not-supported', 'multiple-matches'],
    }),
  ),
];

const isOwnId = ({ headers }: Answer) => expect(String(headers['x-request-id'])).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
const logs: readonly Attack[] = [
  ...['a'.repeat(8_000), 'a b', `${CANARY}\t1`, '{"level":"fatal"}', 'é', `$\{jndi:ldap://x}`, 'a'.repeat(65)].map(
    (id): Attack => ({
      ...get('I50', `the request id ${id.slice(0, 18)}`, '/fhir/Patient/hostile-patient', 200),
      headers: { 'x-request-id': id },
      isAudited: false,
      check: (answer) => {
        isOwnId(answer);
        expect(answer.headers['x-request-id']).not.toBe(id);
      },
    }),
  ),
  {
    ...get('I50', 'a user agent that would be a log line', '/fhir/Patient/hostile-patient', 200),
    headers: { 'user-agent': `x","level":"fatal","note":"${CANARY}` },
  },
];

/** Who says who he is, and is not: 401 at every door, and the door still stands. */
const strangers: readonly Attack[] = [
  { path: '/fhir/Patient', method: 'GET' },
  { path: '/admin/devices/DEV001/keys', method: 'POST', body: {} },
  { path: '/metrics', method: 'GET', isAudited: false },
].flatMap((door) =>
  [CANARY, `Bearer ${CANARY}`, 'Bearer', 'Bearer ', `Basic ${CANARY}`, `Bearer ${'a'.repeat(8_000)}`, 'Bearer a b'].map(
    (authorization): Attack => ({
      ...door,
      row: 'P13',
      what: `the credentials ${authorization.slice(0, 20)}`,
      headers: { authorization },
      as: 'nobody',
      status: [400, 401],
      code: ['login', 'unknown', 'invalid', 'security', 'expired'],
    }),
  ),
);

const forged: readonly Attack[] = [
  {
    ...get('I50', 'an address of somebody else', '/fhir/Patient/hostile-patient', 200),
    headers: { 'x-forwarded-for': '6.6.6.6', forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6' },
  },
];

const portal: readonly Attack[] = [
  ...['url', 'configUrl', 'urls', 'primaryName'].map(
    (name): Attack => ({
      ...get(
        'I52',
        `the portal with ${name} of somebody else`,
        `/docs/?${name}=https://evil.example/${CANARY}.json`,
        200,
      ),
      as: 'nobody',
      isAudited: false,
      check: ({ text, headers }) => {
        expect(text).not.toContain('evil.example');
        expect(String(headers['content-security-policy'])).toMatch(/default-src '(self|none)'/);
        expect(headers['x-content-type-options']).toBe('nosniff');
      },
    }),
  ),
  {
    ...get('I52', 'a resource asked for as a page', '/fhir/Patient/hostile-patient', 200),
    headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
    check: ({ headers }) => {
      expect(headers['content-type']).toMatch(/^application\/fhir\+json/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(String(headers['content-security-policy'])).toContain('sandbox');
    },
  },
];

export const requests: readonly Attack[] = [
  ...counts,
  ...injections,
  ...unknown,
  ...addresses,
  ...methods,
  ...formats,
  ...conditions,
  ...logs,
  ...strangers,
  ...forged,
  ...portal,
];
