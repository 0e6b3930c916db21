/** The part of the conformance suite about references by canonical. https://hl7.org/fhir/R4/references.html#canonical */
import { describe, expect, it } from '@jest/globals';
import type { Criterion, IndexEntries, SearchQuery } from '../../src/search/query.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { ask, entries, everything, points, save, tombstone } from './drafts.ts';

/** Has the url, and where it is given the version. */
const called = (tag: string, url: string, version?: string, more: Partial<IndexEntries> = {}): IndexEntries =>
  entries({
    keys: [{ name: 'Plan.tag', first: tag, second: '' }],
    canonicals: [`${url}|`, ...(version === undefined ? [] : [`${url}|${version}`])],
    ...more,
  });

/** Refers to canonicals as extraction has it: marked where they lead, and found by the url alone. */
const follows = (...canonicals: readonly (readonly [name: string, url: string, version?: string])[]): IndexEntries =>
  entries({
    references: canonicals.flatMap(([name, url, version = '']) => [
      { name, target: `${url}|${version}`, canonical: true as const },
      { name, target: url },
    ]),
  });

const tagged = (first: string): Criterion => ({ is: 'key', name: 'Plan.tag', first, second: '' });
const toPlan = (where: Criterion, name = 'Task.plan', type = 'Plan'): Criterion => ({
  is: 'refers',
  name,
  type,
  where,
  byCanonical: true,
});
const byTask = (where: Criterion, name = 'Task.plan'): Criterion => ({
  is: 'referred',
  type: 'Task',
  name,
  where,
  byCanonical: true,
});
const ids = (...some: string[]): Criterion => ({ is: 'id', ids: some });

export function canonicalsConform(current: () => Store): void {
  const write = (...changes: Change[]) => current().commit(changes);
  const found = async (where: Criterion, type = 'Task'): Promise<string[]> =>
    (await current().search({ ...ask(where), type }, undefined)).matches.map(({ key }) => key.id).sort();
  const included = async (
    query: Partial<SearchQuery> & Pick<SearchQuery, 'includes'>,
    where: Criterion = everything,
  ): Promise<string[]> =>
    (await current().search(ask(where, query), undefined)).included.map(({ key }) => `${key.type}/${key.id}`).sort();

  const world = async () => {
    await write(
      save('Plan/a1', { index: called('red', 'http://x/a', '1') }),
      save('Plan/a2', { index: called('green', 'http://x/a', '2') }),
      save('Plan/b', { index: called('red', 'http://x/b') }),
      save('Plan/gone', { index: called('red', 'http://x/c') }),
      save('Goal/a', { index: called('red', 'http://x/a', '1') }),
      save('Task/any', { index: follows(['Task.plan', 'http://x/a']) }),
      save('Task/one', { index: follows(['Task.plan', 'http://x/a', '1']) }),
      save('Task/two', { index: follows(['Task.plan', 'http://x/a', '2'], ['Task.other', 'http://x/b']) }),
      save('Task/three', { index: follows(['Task.plan', 'http://x/a', '3'], ['Task.plan', 'http://x/c']) }),
      save('Task/plain', { index: points(['Task.plan', 'http://x/b']) }),
      save('Task/id', { index: points(['Task.plan', 'Plan/b']) }),
    );
    await write(tombstone('Plan/gone'));
  };

  describe('canonicals', () => {
    it('lead a chain to what has the url, in the version that is named or in any', async () => {
      await world();
      expect(await found(toPlan(ids('a1')))).toEqual(['any', 'one']);
      expect(await found(toPlan(tagged('green')))).toEqual(['any', 'two']);
      expect(await found(toPlan(tagged('red')))).toEqual(['any', 'id', 'one']);
      expect(await found(toPlan(tagged('red'), 'Task.other'))).toEqual(['two']);
      expect(await found(toPlan(everything))).toEqual(['any', 'id', 'one', 'two']);
      expect(await found(toPlan(everything, 'Task.plan', 'Goal'))).toEqual(['any', 'one']);
      expect(await found({ is: 'not', of: toPlan(everything) })).toEqual(['plain', 'three']);
      expect(await found({ is: 'all', of: [toPlan(tagged('red')), toPlan(tagged('green'))] })).toEqual(['any']);
      expect(await found({ is: 'any', of: [toPlan(tagged('green')), ids('plain')] })).toEqual(['any', 'plain', 'two']);
      expect(await found({ is: 'refers', name: 'Task.plan', type: 'Plan', where: everything })).toEqual(['id']);
    });

    it('are followed back to what has them', async () => {
      await world();
      expect(await found(byTask(ids('any')), 'Plan')).toEqual(['a1', 'a2']);
      expect(await found(byTask(ids('one', 'id')), 'Plan')).toEqual(['a1', 'b']);
      expect(await found(byTask(ids('one')), 'Goal')).toEqual(['a']);
      expect(await found(byTask(ids('three', 'plain')), 'Plan')).toEqual([]);
      expect(await found(byTask(everything, 'Task.other'), 'Plan')).toEqual(['b']);
      expect(await found({ is: 'not', of: byTask(everything) }, 'Plan')).toEqual([]);
      expect(await found({ is: 'not', of: byTask(ids('one', 'two', 'id')) }, 'Plan')).toEqual([]);
      expect(await found({ is: 'not', of: byTask(ids('one')) }, 'Plan')).toEqual(['a2', 'b']);
      const plain: Criterion = { is: 'referred', type: 'Task', name: 'Task.plan', where: everything };
      expect(await found(plain, 'Plan')).toEqual(['b']);
      expect(await found(toPlan(byTask(ids('two'))))).toEqual(['any', 'two']);
    });

    it('are found by what is written, with and without the version', async () => {
      await world();
      const written = (target: string): Criterion => ({ is: 'reference', name: 'Task.plan', target });
      expect(await found(written('http://x/a'))).toEqual(['any', 'one', 'three', 'two']);
      expect(await found(written('http://x/a|1'))).toEqual(['one']);
    });

    it('bring along what has them, and what refers by them', async () => {
      await world();
      const to = (more: object = {}) =>
        ({ way: 'to', type: 'Task', name: 'Task.plan', iterate: false, ...more }) as const;
      expect(await included({ includes: [to()] }, ids('any'))).toEqual(['Goal/a', 'Plan/a1', 'Plan/a2']);
      expect(await included({ includes: [to({ target: 'Plan' })] }, ids('any'))).toEqual(['Plan/a1', 'Plan/a2']);
      expect(await included({ includes: [to({ target: 'Plan' })] }, ids('one', 'two'))).toEqual(['Plan/a1', 'Plan/a2']);
      expect(await included({ includes: [to()] }, ids('three', 'plain'))).toEqual([]);
      expect(await included({ includes: [to({ name: undefined, target: 'Plan' })] }, ids('two', 'id'))).toEqual([
        'Plan/a2',
        'Plan/b',
      ]);
      expect(await included({ includes: [to({ name: undefined })] }, ids('one'))).toEqual(['Goal/a', 'Plan/a1']);
      const from = (more: object = {}) => ({ way: 'from', type: 'Task', name: 'Task.plan', iterate: false, ...more });
      const back = async (id: string, more: object = {}) =>
        included({ type: 'Plan', includes: [from(more) as SearchQuery['includes'][number]] }, ids(id));
      expect(await back('a1')).toEqual(['Task/any', 'Task/one']);
      expect(await back('b')).toEqual(['Task/id']);
      expect(await back('b', { name: undefined })).toEqual(['Task/id', 'Task/two']);
      expect(await back('a2', { target: 'Plan' })).toEqual(['Task/any', 'Task/two']);
      expect(await back('a2', { target: 'Goal' })).toEqual([]);
    });

    it('lead to nothing that may not be found', async () => {
      await world();
      const to = { way: 'to', type: 'Task', name: 'Task.plan', iterate: false } as const;
      const includable = { Plan: tagged('green') };
      expect(await included({ includes: [to], includable }, ids('any'))).toEqual(['Plan/a2']);
      expect(await included({ includes: [{ ...to, name: undefined }], includable }, ids('one', 'any'))).toEqual([
        'Plan/a2',
      ]);
    });

    it('iterate from one to the next', async () => {
      const next = (url: string): Partial<IndexEntries> => follows(['Plan.next', url]);
      await write(
        save('Plan/1', { index: called('red', 'http://x/1', '1', next('http://x/2')) }),
        save('Plan/2', { index: called('red', 'http://x/2', undefined, next('http://x/3')) }),
        save('Plan/3', { index: called('red', 'http://x/3', undefined, next('http://x/1')) }),
        save('Task/1', { index: follows(['Task.plan', 'http://x/1', '1']) }),
      );
      const includes = [
        { way: 'to', type: 'Task', name: 'Task.plan', iterate: false },
        { way: 'to', type: 'Plan', name: 'Plan.next', iterate: true },
      ] as const;
      expect(await included({ includes })).toEqual(['Plan/1', 'Plan/2', 'Plan/3']);
    });

    it('lead elsewhere as soon as a resource has others, or none', async () => {
      await world();
      await write(save('Plan/a1', { index: called('red', 'http://x/a', '3') }), tombstone('Plan/a2'));
      expect(await found(toPlan(everything))).toEqual(['any', 'id', 'three']);
      await write(save('Plan/a1'));
      expect(await found(toPlan(everything))).toEqual(['id']);
      expect(await included({ includes: [{ way: 'to', type: 'Task', target: 'Plan', iterate: false }] })).toEqual([
        'Plan/b',
      ]);
    });

    it('are followed to many and to few', async () => {
      const draft = (i: number) => follows(['Task.plan', `http://x/${i % 1_500}`, i % 2 === 0 ? undefined : '1']);
      const tag = (i: number) => (i < 3 ? 'few' : 'many');
      await write(
        ...Array.from({ length: 1_500 }, (_, i) =>
          save(`Plan/${i}`, { index: called(tag(i), `http://x/${i}`, i % 3 === 0 ? '1' : '2') }),
        ),
      );
      await write(...Array.from({ length: 3_000 }, (_, i) => save(`Task/${i}`, { index: draft(i) })));
      // 0 (any version), 1 (version 1, of which there is none), 2 (any); and the same again 1,500 later.
      expect(await found(toPlan(tagged('few')))).toEqual(['0', '1500', '1502', '2']);
      expect(await found({ is: 'not', of: toPlan(everything) })).toHaveLength(1_000);
      expect(await found(byTask(ids('3', '4', '5')), 'Plan')).toEqual(['3', '4']);
      expect(await found({ is: 'not', of: byTask(everything) }, 'Plan')).toHaveLength(500);
    });
  });
}
