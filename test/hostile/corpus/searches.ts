/** I17 to I19, I21, I24: searches that go in circles, cost too much, or ask what cannot be answered. */
import { expect } from '@jest/globals';
import { type Answer, type Attack, CANARY } from '../attack.ts';

const FORM = 'application/x-www-form-urlencoded';
/** Milliseconds in which even a busy machine refuses, or ends a circle. */
const SOON = 2_000;

const get = (row: string, what: string, path: string, status: Attack['status'], code?: Attack['code']): Attack => ({
  row,
  what,
  method: 'GET',
  path: `/fhir/${path}`,
  status,
  code,
  within: SOON,
});
const post = (row: string, what: string, type: string, body: string, code: string): Attack => ({
  row,
  what,
  path: `/fhir/${type}/_search`,
  headers: { 'content-type': FORM },
  body,
  status: 400,
  code,
  within: SOON,
});

const keysOf = ({ body }: Answer): string[] =>
  (body.entry ?? [])
    .filter(({ search }: any) => search.mode !== 'outcome')
    .map(({ resource }: any) => `${resource.resourceType}/${resource.id}`);
const brings = (...keys: readonly string[]): Pick<Attack, 'check'> => ({
  check: (answer) => expect(keysOf(answer).sort()).toEqual([...keys].sort()),
});

/** Location/loop-a and Location/loop-b are parts of each other; Observation/loop has itself as a member. */
const circles: readonly Attack[] = [
  ...['_include:iterate', '_include:recurse'].map((name) => ({
    ...get('I17', `a circle of two by ${name}`, `Location?_id=loop-a&${name}=Location:partof`, 200),
    ...brings('Location/loop-a', 'Location/loop-b'),
  })),
  {
    ...get('I17', 'a circle that all of it matches', 'Location?_include:iterate=Location:partof', 200),
    ...brings('Location/loop-a', 'Location/loop-b'),
  },
  {
    ...get('I17', 'a circle back', 'Location?_id=loop-a&_revinclude:iterate=Location:partof', 200),
    ...brings('Location/loop-a', 'Location/loop-b'),
  },
  {
    ...get('I17', 'one that refers to itself', 'Observation?_id=loop&_include:iterate=Observation:has-member', 200),
    ...brings('Observation/loop'),
  },
  {
    ...get('I17', 'a chain around a circle', 'Location?partof.partof._id=loop-a', 200),
    ...brings('Location/loop-a'),
  },
  {
    ...get('I17', '_has around a circle', 'Location?_has:Location:partof:_has:Location:partof:_id=loop-a', 200),
    ...brings('Location/loop-a'),
  },
];

const includes: readonly Attack[] = [
  {
    ...get('I18', '_include=*', 'Location?_id=loop-a&_include=*', 200),
    ...brings('Location/loop-a', 'Location/loop-b'),
  },
  {
    ...get(
      'I18',
      'everything, both ways, again and again',
      'Location?_id=loop-a&_include:iterate=*&_include:iterate=Location:*&_revinclude:iterate=Location:*',
      200,
    ),
    ...brings('Location/loop-a', 'Location/loop-b'),
  },
  get('I18', '_revinclude=*', 'Location?_id=loop-a&_revinclude=*', 400, 'too-costly'),
  get('I18', '_revinclude:iterate=*', 'Location?_revinclude:iterate=*', 400, 'too-costly'),
  get('I18', '21 includes', `Location?${'_include=Location:partof&'.repeat(21)}_id=loop-a`, 400, 'too-costly'),
  get('I18', 'an include of what is no reference', 'Location?_include=Location:name', 400),
  get('I18', 'an include of what nobody knows', 'Location?_include=Location:__proto__', 400),
];

const many = (times: number, what: string) => Array.from({ length: times }, () => what);
const costs: readonly Attack[] = [
  ...[4, 5, 40].map((steps) =>
    get('I19', `a chain of ${steps} steps`, `Location?${many(steps, 'partof').join('.')}.name=a`, 400, 'too-costly'),
  ),
  ...[3, 4, 40].map((steps) =>
    get(
      'I19',
      `_has ${steps} times`,
      `Location?${many(steps, '_has:Location:partof').join(':')}:name=a`,
      400,
      'too-costly',
    ),
  ),
  get(
    'I19',
    'the longest way that is followed: twice _has, then a chain of three',
    'Location?_has:Location:partof:_has:Location:partof:partof.partof.partof.name=a',
    200,
  ),
  get(
    'I19',
    'one step more than that',
    'Location?_has:Location:partof:_has:Location:partof:partof.partof.partof.partof.name=a',
    400,
    'too-costly',
  ),
  get('I19', '501 values', `Patient?family=${many(501, 'a').join()}`, 400, 'too-costly'),
  post('I19', '5,001 posted values', 'Patient', `identifier=${many(5_001, 'a').join()}`, 'too-costly'),
  get('I19', '101 parameters', `Patient?${many(101, 'family=a').join('&')}`, 400, 'too-costly'),
  get('I19', 'the same parameter 1,000 times', `Patient?${many(1_000, 'name=a').join('&')}`, 400, 'too-costly'),
  post('I19', 'the same parameter posted 1,000 times', 'Patient', many(1_000, 'name=a').join('&'), 'too-costly'),
  get('I19', '101 unknown parameters', `Patient?${many(101, 'colour=a').join('&')}`, 400, 'too-costly'),
  get('I19', '_filter 1,000 deep', `Patient?_filter=${'('.repeat(1_000)}name%20eq%20a${')'.repeat(1_000)}`, 400, [
    'too-costly',
    'invalid',
  ]),
  get('I19', '_filter of 501 parts', `Patient?_filter=${many(501, 'id eq a').join(' or ').replaceAll(' ', '+')}`, 400, [
    'too-costly',
    'invalid',
  ]),
];

/** A wildcard that is none: nothing is stored that has it in its text. */
const findsNobody = ({ body }: Answer) => expect(body.total ?? (body.entry ?? []).length).toBe(0);

const strange: readonly Attack[] = [
  ...['general-practitioner.name', 'favourite-colour', '_text', '_score', '--family', ''].map((key) =>
    get('I21', `_sort=${key}`, `Patient?_sort=${key}`, 400, ['not-supported', 'invalid']),
  ),
  get('I21', '_sort by a composite', 'Observation?_sort=code-value-quantity', 400, 'not-supported'),
  get('I21', '_sort by a place', 'Location?_sort=near', 400, 'not-supported'),
  get('I21', '_sort by more keys than anybody needs', `Patient?_sort=${many(50, 'family').join()}`, 400),
  ...['%25', '_', '*', '.*', '%5C%5C', '%5B%5E%5D', '%3F'].flatMap((wildcard) => [
    { ...get('I21', `family:contains=${wildcard}`, `Patient?family:contains=${wildcard}`, 200), check: findsNobody },
    { ...get('I21', `family=${wildcard}`, `Patient?family=${wildcard}`, 200), check: findsNobody },
    { ...get('I21', `code:text=${wildcard}`, `Observation?code:text=${wildcard}`, 200), check: findsNobody },
  ]),
  {
    ...get('I21', 'a wildcard among the words of _content', 'Patient?_content=Quetz*', [200, 400]),
    check: ({ status, body }) => {
      if (status === 200) findsNobody({ body } as Answer);
    },
  },
  ...['"', 'NEAR(a b)', 'a AND', '(', '-a', 'name:a', '^a'].map((words) =>
    get(
      'I21',
      `_text=${words}, which a full-text index would read`,
      `Patient?_text=${encodeURIComponent(words)}`,
      [200, 400],
    ),
  ),
  get('I21', '_query', 'Patient?_query=everything', 400, 'not-supported'),
  get('I21', '_query of the whole system', '?_type=Patient&_query=everything', 400, 'not-supported'),
  ...[
    'name',
    'name eq',
    'name like a',
    `name eq "${CANARY}`,
    'name eq a and',
    'favourite-colour eq a',
    'name eq a)',
    'name re a',
    'general-practitioner[name eq a].name',
    'general-practitioner[name eq a.name eq b',
    'general-practitioner[[name eq a]].name eq b',
    'general-practitioner[name eq a)].name eq b',
    'name[family eq a].given eq b',
    "name eq 'a'; drop table entry",
  ].map((filter) =>
    get('I21', `_filter=${filter.slice(0, 24)}`, `Patient?_filter=${encodeURIComponent(filter)}`, 400, [
      'invalid',
      'not-supported',
    ]),
  ),
  get('I21', 'GraphQL', '$graphql?query=%7BPatient%7Bid%7D%7D', [400, 404, 405], ['not-supported', 'not-found']),
];

const pages: readonly Attack[] = ['', 'x', CANARY, '..%2F..', 'A'.repeat(4_000), '%00', `${'A'.repeat(22)}==`].map(
  (token) =>
    get('I24', `the page ${token.slice(0, 10) || 'of nothing'}`, `Location?_count=1&_page=${token}`, 400, 'invalid'),
);
const twice = get('I24', 'two pages', 'Location?_count=1&_page=a&_page=b', 400, 'invalid');

export const searches: readonly Attack[] = [...circles, ...includes, ...costs, ...strange, ...pages, twice];
