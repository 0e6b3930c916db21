/** Searches for an identifier that come together on MongoDB: one question, and each gets what it would have got alone. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { parseSearch } from '../../src/search/parse.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import type { Change } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { sharedReplicaSet } from '../support/mongod.ts';
import { key, tombstone } from './drafts.ts';

const write = (resource: Resource): Change => ({
  op: 'write',
  key: key(`${resource.resourceType}/${resource.id}`),
  method: 'PUT',
  text: ['{"meta":{', `},${JSON.stringify(resource).slice(1)}`],
  index: extract(resource),
  expect: 'any',
});
const named = (resourceType: string, id: string, ...values: readonly string[]): Resource => ({
  resourceType,
  id,
  identifier: values.map((value) => ({ system: 'urn:mrn', value })),
});

describeOnMongod('Searches for an identifier', () => {
  let store: Engine;
  const finds: object[] = [];

  beforeAll(async () => {
    const { uri } = await sharedReplicaSet({ members: 1 });
    store = await openMongoStore({
      uri,
      runtime: systemRuntime,
      acceptRelease: '6.0.5',
      onSent({ command }) {
        if (command['find'] === 'resource') finds.push(command['filter']);
      },
    });
    await store.commit([write(named('Patient', '1', 'a', 'old')), write(named('Patient', '2', 'b', 'old'))]);
    await store.commit([write(named('Device', '1', 'a')), write(named('Patient', '3', 'gone'))]);
    await store.commit([tombstone('Patient/3', 'any')]);
    for (const id of ['4', '5', '6', '7']) await store.commit([write(named('Patient', id, 'many'))]);
  }, 90_000);
  afterAll(() => store?.close());

  const idsOf = async (search: string, count = '3') => {
    const [type, parameters] = search.split('?') as [string, string];
    const { query } = parseSearch(type, [...new URLSearchParams(parameters), ['_count', count]], { strict: true });
    const { matches, next } = await store.search(query, undefined);
    return `${matches.map(({ key: { type, id } }) => `${type}/${id}`).join(' ')}${next ? ' ...' : ''}`;
  };

  it('each find theirs and nobody else’s in one question', async () => {
    finds.length = 0;
    const searches = ['Patient?identifier=urn:mrn|a', 'Patient?identifier=urn:mrn|b', 'Device?identifier=urn:mrn|a'];
    const others = [
      'Patient?identifier=urn:mrn|old',
      'Patient?identifier=urn:mrn|none',
      'Patient?identifier=urn:mrn|gone',
    ];
    const found = await Promise.all([...searches, ...others, searches[0]!].map((search) => idsOf(search)));
    expect(found).toEqual(['Patient/1', 'Patient/2', 'Device/1', 'Patient/1 Patient/2', '', '', 'Patient/1']);
    expect(finds).toHaveLength(1);
  });

  it('go on page by page where more than a page has it', async () => {
    const search = 'Patient?identifier=urn:mrn|many';
    expect(await Promise.all([idsOf(search), idsOf(search, '4')])).toEqual([
      'Patient/4 Patient/5 Patient/6 ...',
      'Patient/4 Patient/5 Patient/6 Patient/7',
    ]);
  });

  it('find what was just written, and not what was just changed to another', async () => {
    await store.commit([write(named('Patient', '8', 'first'))]);
    expect(await idsOf('Patient?identifier=urn:mrn|first')).toBe('Patient/8');
    await store.commit([write(named('Patient', '8', 'second'))]);
    expect(await idsOf('Patient?identifier=urn:mrn|first')).toBe('');
    expect(await idsOf('Patient?identifier=urn:mrn|second')).toBe('Patient/8');
  });
});
