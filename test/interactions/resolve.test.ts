/** Conditions find what the caller may find: what it may not see counts as not existing, also where a chain goes through it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withIdentity } from '../../src/fhir/json.ts';
import type { Access } from '../../src/interactions/interaction.ts';
import { criterionParameters, resolve } from '../../src/interactions/resolve.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { INDEX_VERSION } from '../../src/search/index-version.ts';
import { fullAccess } from '../../src/smart/access.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

let store: Engine;

const observation = (id: string, patient: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
});
const resources: readonly any[] = [
  { resourceType: 'Patient', id: 'ada', name: [{ family: 'Ada' }] },
  { resourceType: 'Patient', id: 'bob', name: [{ family: 'Bob' }] },
  observation('of-ada', 'ada'),
  observation('of-bob', 'bob'),
];

beforeAll(async () => {
  store = await openSqliteStore({ file: ':memory:', runtime: systemRuntime, indexVersion: INDEX_VERSION });
  await store.commit(
    resources.map((resource) => ({
      op: 'write',
      key: { type: resource.resourceType, id: resource.id },
      method: 'PUT',
      text: withIdentity(JSON.stringify(resource), resource.id),
      index: extract(resource),
      expect: 'absent',
    })),
  );
});
afterAll(() => store.close());

/** Finds Patient/ada, and every Observation. */
const access: Access = {
  ...fullAccess,
  unrestricted: false,
  finds: (type) => (type === 'Patient' ? { is: 'id', ids: ['ada'] } : undefined),
  sees: ({ resourceType, id }) => resourceType !== 'Patient' || id === 'ada',
};
const foundBy = async (criterion: string, who = access) => {
  const [type, rest] = criterion.split('?') as [string, string];
  const context = { store, caller: { who: 'Client/x', access: who }, base: 'http://here.example/fhir' };
  const { found } = await resolve(type, criterionParameters(rest), context);
  return found.map(({ key }) => key.id).sort();
};

describe('A condition', () => {
  it.each([
    ['Patient?name=bob', ['bob'], []],
    ['Patient?name=ada', ['ada'], ['ada']],
    ['Observation?patient.name=bob', ['of-bob'], []],
    ['Observation?patient.name=ada', ['of-ada'], ['of-ada']],
    ['Patient?_has:Observation:patient:status=final', ['ada', 'bob'], ['ada']],
    ['Patient?_has:Observation:patient:patient.name=bob', ['bob'], []],
    ['Observation?_filter=patient.name sw "bob"', ['of-bob'], []],
  ])('finds %s: %s for those who may see all, %s for one who may not', async (criterion, all, some) => {
    expect(await foundBy(criterion, fullAccess)).toEqual(all);
    expect(await foundBy(criterion)).toEqual(some);
  });

  it.each(['Patient?', 'Patient?colour=red', 'Patient?name=ada&colour=red', 'Observation?patient.colour=red'])(
    'is refused where it is empty or asks what nobody knows: %s',
    async (criterion) => {
      await expect(foundBy(criterion)).rejects.toMatchObject({ status: 400 });
    },
  );

  it('is refused to those who may not search the type', async () => {
    const blind = { ...access, permits: () => false };
    await expect(foundBy('Patient?name=ada', blind)).rejects.toMatchObject({ status: 403 });
  });
});
