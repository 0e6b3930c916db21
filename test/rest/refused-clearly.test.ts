/** Refusals that say what is to blame: the parameter in the text, its place in `issue.expression`, and no value. https://hl7.org/fhir/R4/search.html#errors */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;

const bundle = (id: string, type: string, resource: object) => ({
  resourceType: 'Bundle',
  id,
  type,
  entry: [{ fullUrl: 'urn:uuid:00000000-0000-4000-8000-000000000000', resource }],
});
const letter = {
  resourceType: 'Composition',
  status: 'final',
  type: { text: 'letter' },
  subject: { reference: 'Patient/a' },
  date: '2026-01-01',
  author: [{ display: 'A' }],
  title: 'Letter',
};
const header = {
  resourceType: 'MessageHeader',
  eventUri: 'urn:event',
  source: { endpoint: 'http://s.example/out' },
};

beforeAll(async () => {
  house = await openHouse();
  for (const id of ['a', 'b', 'c']) await house.update({ resourceType: 'Patient', id });
  for (const one of [
    {
      ...bundle('letter', 'document', letter),
      identifier: { system: 'urn:b', value: '1' },
      timestamp: '2026-01-01T00:00:00Z',
    },
    bundle('pile', 'collection', letter),
    bundle('message', 'message', header),
    bundle('headers', 'collection', header),
  ])
    expect([one.id, (await house.update(one)).status]).toEqual([one.id, 201]);
  const codes = {
    resourceType: 'CodeSystem',
    id: 'cs',
    url: 'http://cs.example',
    status: 'active',
    content: 'complete',
    concept: [{ code: 'one' }],
  };
  expect((await house.update(codes)).status).toBe(201);
});
afterAll(() => house.stop());

const issueOf = ({ status, body }: Answer) => [status, body.issue?.[0]?.expression?.[0]];
const told = ({ body }: Answer): string => body.issue[0].diagnostics;

describe('A refusal names what is to blame', () => {
  const written: Readonly<Record<string, string>> = {
    MANY: Array.from({ length: 501 }, (_, i) => i).join(),
    OFTEN: Array(100).fill('name=x').join('&'),
  };
  it.each([
    ['Patient?_page=x', 'http._page', '_page'],
    ['Patient?_page=x&_page=y', 'http._page', '_page'],
    ['AuditEvent?_page=x', 'http._page', '_page'],
    ['Patient?_pretty=maybe', 'http._pretty', '_pretty'],
    ['Patient/a?_pretty=maybe', 'http._pretty', '_pretty'],
    ['Patient/a?_summary=short', 'http._summary', '_summary'],
    ['Patient/a?_elements=shoe', 'http._elements', '_elements'],
    ['Patient/a?_sort=name', 'http._sort', '_sort'],
    ['$reindex-status?_pretty=maybe', 'http._pretty', '_pretty'],
    ['Patient?name=x&gender=MANY', 'http.gender', 'gender'],
    ['Patient?OFTEN&gender=x', 'http.gender', 'gender'],
    ['Patient?_type=Patient', 'http._type', '/fhir?_type='],
    [
      'Observation?_sort=date,combo-code',
      'http._sort',
      'has as key 2 what gives no order; Observation is sorted by _id,',
    ],
    [
      'Observation?code:below=http://cs.example|nope',
      'http.code:below',
      "'code:below' names a code that its CodeSystem does not hold",
    ],
    ['Observation/$lastn?code=x', 'http.patient', 'patient or subject'],
    ['Observation/$lastn?patient=a', 'http.category', 'category'],
    ['Observation/$lastn?patient=a&code=x&max=0', 'http.max', 'max'],
    ['Observation/$lastn?patient=a&code=x&max=1&max=2', 'http.max', 'max'],
    ['Observation/$lastn?patient=a&code=x&_sort=date', 'http._sort', '_sort'],
    ['Observation/$lastn?patient=a&code=x&_pretty=maybe', 'http._pretty', '_pretty'],
    ['$explain-search', 'http.query', 'query'],
    ['$explain-search?query=Patient&colour=red', 'http.colour', 'query'],
  ])('%s', async (query, expression, words) => {
    const answer = await house.read(query.replace(/MANY|OFTEN/, (word) => written[word]!));
    expect(issueOf(answer)).toEqual([400, expression]);
    expect(told(answer)).toContain(words);
  });

  it.each([
    'subject:Patient:SECRET.name eq y',
    'subject:SECRET.name eq y',
    'subject:Patient.SECRET eq y',
    'focus.SECRET.name eq y',
    'focus.name[SECRET eq y].x eq y',
    'value-date.SECRET eq y',
    'SECRET eq y',
  ])('of a filter as _filter, and quotes nothing out of it: %s', async (filter) => {
    const answer = await house.read(`Observation?_filter=${encodeURIComponent(filter)}`);
    expect(issueOf(answer)).toEqual([400, 'http._filter']);
    expect(told(answer)).toContain('_filter');
    expect(answer.text).not.toContain('SECRET');
  });

  it('where a page would bring along too much', async () => {
    const observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/a' },
    };
    const entry = { resource: observation, request: { method: 'POST', url: 'Observation' } };
    for (const count of [600, 401]) expect((await house.transaction(Array(count).fill(entry))).status).toBe(200);
    const answer = await house.read('Patient?_id=a&_revinclude=Observation:patient');
    expect(issueOf(answer)).toEqual([400, 'http._revinclude']);
    expect(told(answer)).toContain('1000');
  });
});

describe('The token of a page', () => {
  it('is refused with any change, also of bits and letters that no byte of it needs', async () => {
    const { body } = await house.read('Patient?_count=1');
    const next = body.link.find(({ relation }: any) => relation === 'next').url;
    expect((await house.ask('GET', next)).status).toBe(200);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = next.at(-1);
    const changed = [
      ...[...letters].filter((one) => one !== last).map((one) => next.slice(0, -1) + one),
      ...['=', '==', '%3D', 'A', '.', '%20', '%09'].map((more) => next + more),
    ];
    for (const one of changed) expect([one, ...issueOf(await house.ask('GET', one))]).toEqual([one, 400, 'http._page']);
  });
});

describe('The first resource of a Bundle', () => {
  it.each([
    ['composition.title=letter', ['letter']],
    ['composition.patient=Patient/a', ['letter']],
    ['_filter=composition.title eq "Letter"', ['letter']],
    ['composition:missing=false', ['letter']],
    ['composition:missing=true', ['headers', 'message', 'pile']],
    ['message.source-uri=http://s.example/out', ['message']],
    ['message:missing=false', ['message']],
    ['message:missing=true', ['headers', 'letter', 'pile']],
  ])('is that of a document or a message: %s', async (query, ids) => {
    expect((await house.search(`Bundle?${query}`)).map(({ id }) => id).sort()).toEqual(ids);
  });
});

describe('_pretty', () => {
  it.each(['true', 'false'])('may be %s', async (value) => {
    for (const path of ['Patient', 'Patient/a'])
      expect((await house.read(`${path}?_pretty=${value}`)).status).toBe(200);
  });
});

describe('Brackets behind a reference to several types', () => {
  beforeAll(async () => {
    await house.update({ resourceType: 'Patient', id: 'man', gender: 'male' });
    await house.update({ resourceType: 'Patient', id: 'woman', gender: 'female' });
    await house.update({ resourceType: 'Group', id: 'group', type: 'person', actual: true });
    for (const subject of ['Patient/man', 'Patient/woman', 'Group/group', '']) {
      const observation = { resourceType: 'Observation', status: 'final', code: { text: 'bracketed' } };
      const id = `of-${subject.split('/')[1] ?? 'nobody'}`;
      const one = {
        ...observation,
        id,
        identifier: [{ value: 'bracketed' }],
        ...(subject && { subject: { reference: subject } }),
      };
      expect([id, (await house.update(one)).status]).toEqual([id, 201]);
    }
  });

  it.each([
    ['subject[gender eq male]._id pr true', ['of-man']],
    ['subject[not (gender eq male)]._id pr true', ['of-woman']],
    ['not (subject[gender eq male]._id pr true)', ['of-group', 'of-nobody', 'of-woman']],
  ])('ask those types that know the names, under a not too: %s', async (filter, ids) => {
    const found = await house.search(`Observation?identifier=bracketed&_filter=${encodeURIComponent(filter)}`);
    expect(found.map(({ id }) => id).sort()).toEqual(ids);
  });
});
