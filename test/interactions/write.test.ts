/** The write path by itself: nothing is stored whose index was made by search parameters that have changed meanwhile. */
import { afterAll, expect, it } from '@jest/globals';
import type { Context, Derive } from '../../src/interactions/interaction.ts';
import { createWritePath } from '../../src/interactions/write.ts';
import { setCustomDefinitions } from '../../src/search/knowledge.ts';
import { fullAccess } from '../../src/smart/access.ts';
import type { Change } from '../../src/store/store.ts';

afterAll(() => setCustomDefinitions([]));

it('looks again where a search parameter came while a write was under way', async () => {
  const base = ['Patient'];
  const married = { id: 'm', code: 'married', base, type: 'token', expression: 'Patient.maritalStatus' };
  let isNew = true;
  const meanwhile: Derive = async () => {
    if (isNew) setCustomDefinitions([married]);
    isNew = false;
    return [];
  };
  const committed: Change[] = [];
  const context = {
    store: { read: async () => [], get: async () => [], list: async () => [] },
    caller: { who: 'Client/admin', access: fullAccess },
    base: 'https://a.example/fhir',
    commit: async (changes: readonly Change[]) => {
      committed.push(...changes);
      return [{ key: { type: 'Patient', id: '1' }, versionId: 1, lastUpdated: 0, created: true }];
    },
  } as unknown as Context;
  const writes = createWritePath({
    now: () => 0,
    canonical: '',
    relative: (text) => text,
    references: 'open',
    prepare: {},
    derive: { Patient: [meanwhile] },
  });
  const resource = { resourceType: 'Patient', id: '1', maritalStatus: { coding: [{ code: 'M' }] } };
  const incoming = { text: JSON.stringify(resource), resource };
  const planned = [{ key: { type: 'Patient', id: '1' }, method: 'PUT', incoming, before: undefined }] as const;

  await expect(writes.save(planned, [], context, 201)).rejects.toMatchObject({ status: 409 });
  expect(committed).toEqual([]);
  await writes.save(planned, [], context, 201);
  const keys = committed.flatMap((change) => (change.op === 'write' ? change.index.keys : []));
  expect(keys).toContainEqual({ name: 'Patient.married', first: 'M', second: '' });
});
