/** What a token search looks up before it is read, and what of it the caller may find. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { expansionsFor } from '../../src/interactions/expansions.ts';
import type { Access, InteractionCode } from '../../src/interactions/interaction.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import type { Criterion } from '../../src/search/query.ts';
import { fullAccess, noAccess } from '../../src/smart/access.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { save } from '../store/drafts.ts';

const base = 'http://here.example/fhir';
const listing = (...codes: string[]) => ({ system: 'urn:s', concept: codes.map((code) => ({ code })) });
const valueSet = (id: string, ...include: object[]): Resource => ({
  resourceType: 'ValueSet',
  id,
  url: `urn:vs:${id}`,
  status: 'active',
  compose: { include },
});
const held: readonly Resource[] = [
  valueSet('a', listing('a')),
  valueSet('hidden', listing('h')),
  valueSet('imports', { valueSet: ['urn:vs:hidden'] }),
  valueSet('built', { valueSet: ['http://hl7.org/fhir/ValueSet/administrative-gender'] }),
  { ...valueSet('own', listing('own')), url: `${base}/ValueSet/own` },
  ...['one', 'two', 'three'].map((id) =>
    valueSet(id, listing(...Array.from({ length: 3400 }, (_, at) => `${id}${at}`))),
  ),
  {
    resourceType: 'CodeSystem',
    id: 's',
    url: 'urn:s',
    status: 'active',
    content: 'complete',
    concept: [{ code: 'a', concept: [{ code: 'b' }] }],
  },
];

let store: Engine;
beforeAll(async () => {
  store = await openSqliteStore({ file: ':memory:', runtime: systemRuntime });
  await store.commit(
    held.map((resource) => {
      const rest = JSON.stringify(resource).slice(1);
      return save(`${resource.resourceType}/${resource.id}`, {
        index: extract(resource),
        text: ['{"meta":{', `},${rest}`],
      });
    }),
  );
});
afterAll(() => store.close());

const gather = async (type: string, access: Access, ...names: (readonly [string, string])[]) => {
  const found = await expansionsFor(type, names, { store, base, caller: { who: 'Client/test', access } });
  return Object.fromEntries([...found].map(([key, codes]) => [key, codes.map(({ code }) => code).sort()]));
};

describe('What is looked up', () => {
  it.each<[string, string, string, string, string[]]>([
    ['a parameter of the type', 'Condition', 'code:in', 'urn:vs:a', ['a']],
    ['not-in', 'Condition', 'code:not-in', 'ValueSet/a', ['a']],
    ['a chain with a type', 'Condition', 'subject:Patient.identifier:in', 'urn:vs:a', ['a']],
    ['a chain without types', 'Condition', 'encounter.subject.identifier:in', 'urn:vs:a', ['a']],
    ['_has', 'Patient', '_has:Condition:subject:code:below', 'urn:s|a', ['a', 'b']],
    ['_has in _has', 'Patient', '_has:Encounter:subject:_has:Condition:encounter:code:above', 'urn:s|b', ['a', 'b']],
    ['a chain behind _has', 'Patient', '_has:Condition:subject:asserter:Practitioner.identifier:in', 'urn:vs:a', ['a']],
    ['the whole system', '', '_tag:in', 'urn:vs:a', ['a']],
    ['an absolute address of this server', 'Condition', 'code:in', `${base}/ValueSet/a`, ['a']],
    ['a url that is such an address', 'Condition', 'code:in', `${base}/ValueSet/own`, ['own']],
  ])('is what %s speaks of', async (_, type, name, value, codes) => {
    const modifier = name.slice(name.lastIndexOf(':') + 1);
    expect(await gather(type, fullAccess, [name, value])).toEqual({ [`${modifier} ${value}`]: codes });
  });

  it('stands under each of several values, as they are written', async () => {
    expect(await gather('Condition', fullAccess, ['code:in', 'urn:vs:a,ValueSet/a'])).toEqual({
      'in urn:vs:a': ['a'],
      'in ValueSet/a': ['a'],
    });
    expect(await gather('', fullAccess, ['_type', 'Condition,Observation'], ['code:in', 'urn:vs:a'])).toEqual({
      'in urn:vs:a': ['a'],
    });
  });

  it.each([
    ['a uri', 'ValueSet', 'url:below', 'http://x'],
    ['a uri behind a chain', 'MeasureReport', 'subject:Patient._profile:below', 'http://x'],
    ['a parameter that is not there', 'Condition', 'nothing:in', 'urn:vs:missing'],
    ['another modifier', 'Condition', 'code:not', 'urn:vs:missing'],
    ['a type that is not there', 'Condition', 'subject:Nobody.code:in', 'urn:vs:missing'],
    ['_has without an end', 'Patient', '_has:in', 'urn:vs:missing'],
  ])('is nothing for %s', async (_, type, name, value) => {
    expect(await gather(type, fullAccess, [name, value])).toEqual({});
  });

  it('is too much beyond 10,000 codes together', async () => {
    const sets = (...ids: string[]) => ids.map((id) => `urn:vs:${id}`).join();
    expect(Object.keys(await gather('Condition', fullAccess, ['code:in', sets('one', 'two')]))).toHaveLength(2);
    await expect(gather('Condition', fullAccess, ['code:in', sets('one', 'two', 'three')])).rejects.toMatchObject({
      code: 'too-costly',
    });
  });
});

describe('What the caller may not find', () => {
  const visible: Criterion = { is: 'id', ids: ['a', 'imports', 'built'] };
  /** Searches every type and finds all but the ValueSet `hidden`. */
  const some: Access = {
    ...noAccess,
    permits: () => true,
    finds: (type) => (type === 'ValueSet' ? visible : undefined),
    sees: ({ id }) => id !== 'hidden',
  };
  const unpermitted: Access = {
    ...fullAccess,
    unrestricted: false,
    permits: (interaction: InteractionCode, type: string) => interaction !== 'search-type' || type === 'Condition',
  };
  const told = async (access: Access, name: string, value: string): Promise<string> =>
    gather('Condition', access, [name, value]).then(
      () => 'fulfilled',
      ({ status, message }) => `${status} ${message}`,
    );

  it('is not known: neither by url nor by id, and not as an import of what it may find', async () => {
    const unknown = "400 Search parameter 'code:in' names a ValueSet that is not known here";
    for (const one of ['urn:vs:hidden', 'ValueSet/hidden', 'urn:vs:none', 'ValueSet/none']) {
      expect(await told(some, 'code:in', one)).toBe(unknown);
    }
    expect(await told(some, 'code:in', 'urn:vs:imports')).toMatch(/^400 .*imports a ValueSet that is not known here/);
    expect(await told(some, 'code:in', 'urn:vs:a')).toBe('fulfilled');
    expect(await told(fullAccess, 'code:in', 'urn:vs:imports')).toBe('fulfilled');
  });

  it('is not known without the right to search ValueSets and CodeSystems, but R4 is', async () => {
    expect(await told(unpermitted, 'code:in', 'ValueSet/a')).toMatch(/^400 .*not known here$/);
    expect(await told(unpermitted, 'code:below', 'urn:s|a')).toMatch(/^400 .*CodeSystem that is not known here$/);
    expect(await told(unpermitted, 'code:in', 'http://hl7.org/fhir/ValueSet/condition-clinical')).toBe('fulfilled');
    expect(await told(some, 'code:in', 'urn:vs:built')).toBe('fulfilled');
  });
});
