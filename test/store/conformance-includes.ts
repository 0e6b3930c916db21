/** The part of the conformance suite about what a page brings along. https://hl7.org/fhir/R4/search.html#include */
import { describe, expect, it } from '@jest/globals';
import type { Criterion, SearchQuery } from '../../src/search/query.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { ask, entries, everything, points, save, tombstone } from './drafts.ts';

const flagged = (first: string) => entries({ keys: [{ name: 'Flag.tag', first, second: '' }] });
const flagTag = (first: string): Criterion => ({ is: 'key', name: 'Flag.tag', first, second: '' });

export function includesConform(current: () => Store): void {
  const write = (...changes: Change[]) => current().commit(changes);

  describe('includes', () => {
    it('brings along what the matches point to: once, newest, no match again, nothing deleted', async () => {
      await write(save('Task/2'));
      await write(
        save('Task/1', {
          index: entries({
            references: [
              { name: 'Task.subject', target: 'Patient/1' },
              { name: 'Task.subject', target: 'Task/2' },
              { name: 'Task.subject', target: 'http://elsewhere/Task/1' },
            ],
          }),
        }),
      );
      await write(save('Patient/1', { mark: 'first' }), save('Patient/2'), save('Device/1'), save('Patient/3'));
      await write(tombstone('Patient/3'), save('Patient/1', { mark: 'newest' }));
      await write(
        save('Task/3', {
          index: entries({
            references: [
              { name: 'Task.subject', target: 'Patient/1' },
              { name: 'Task.subject', target: 'Patient/3' },
              { name: 'Task.device', target: 'Device/1' },
              { name: 'Task.subject', target: 'Device/1' },
              { name: 'Task.subject', target: 'Patient/none' },
            ],
          }),
        }),
      );
      const included = async (...includes: SearchQuery['includes']) =>
        (await current().search(ask(everything, { includes }), undefined)).included
          .map(({ key }) => `${key.type}/${key.id}`)
          .sort();
      expect(await included()).toEqual([]);
      expect(await included({ way: 'to', type: 'Task', name: 'Task.subject', iterate: false })).toEqual([
        'Device/1',
        'Patient/1',
      ]);
      expect(
        await included({ way: 'to', type: 'Task', name: 'Task.subject', target: 'Patient', iterate: false }),
      ).toEqual(['Patient/1']);
      expect(await included({ way: 'to', type: 'Task', name: 'Task.device', iterate: false })).toEqual(['Device/1']);
      expect(
        await included(
          { way: 'to', type: 'Task', name: 'Task.device', iterate: false },
          { way: 'to', type: 'Task', name: 'Task.subject', target: 'Patient', iterate: false },
        ),
      ).toEqual(['Device/1', 'Patient/1']);
      const { included: whole } = await current().search(
        ask(everything, {
          includes: [{ way: 'to', type: 'Task', name: 'Task.subject', target: 'Patient', iterate: false }],
        }),
        undefined,
      );
      expect(whole[0]!.text).toContain('newest');
    });

    const included = async (includes: SearchQuery['includes'], more: Partial<SearchQuery> = {}): Promise<string[]> =>
      (await current().search(ask({ is: 'id', ids: ['1'] }, { includes, ...more }), undefined)).included
        .map(({ key }) => `${key.type}/${key.id}`)
        .sort();
    const to = (name?: string, more: object = {}) =>
      ({ way: 'to', type: 'Task', name, iterate: false, ...more }) as const;
    const from = (name: string | undefined, more: object = {}) =>
      ({ way: 'from', type: 'Flag', name, iterate: false, ...more }) as const;

    it('bring along what points to the matches, under one name, under any, and from one type of match', async () => {
      await write(
        save('Task/1'),
        save('Task/2'),
        save('Flag/a', { index: points(['Flag.subject', 'Task/1']) }),
        save('Flag/b', { index: points(['Flag.author', 'Task/1'], ['Flag.subject', 'Task/2']) }),
        save('Flag/c', { index: points(['Flag.subject', 'Task/2']) }),
        save('Flag/gone', { index: points(['Flag.subject', 'Task/1']) }),
        save('Goal/d', { index: points(['Goal.subject', 'Task/1']) }),
      );
      await write(tombstone('Flag/gone'));
      expect(await included([from('Flag.subject')])).toEqual(['Flag/a']);
      expect(await included([from(undefined)])).toEqual(['Flag/a', 'Flag/b']);
      expect(await included([from('Flag.subject', { target: 'Task' })])).toEqual(['Flag/a']);
      expect(await included([from('Flag.subject', { target: 'Device' })])).toEqual([]);
      expect(await included([from('Goal.subject', { type: 'Goal' }), from('Flag.author')])).toEqual([
        'Flag/b',
        'Goal/d',
      ]);
    });

    it('with any name bring along everything that the matches of their type point to', async () => {
      await write(
        save('Device/1'),
        save('Goal/1'),
        save('Flag/a'),
        save('Flag/1', { index: points(['Flag.x', 'Goal/1']) }),
      );
      await write(save('Task/1', { index: points(['Task.focus', 'Flag/a'], ['Task.owner', 'Device/1']) }));
      const also = [{ type: 'Flag', where: { is: 'id', ids: ['1'] } as const, sort: [] }];
      expect(await included([to()])).toEqual(['Device/1', 'Flag/a']);
      expect(await included([to(undefined, { target: 'Device' })])).toEqual(['Device/1']);
      expect(await included([to()], { also })).toEqual(['Device/1', 'Flag/a']);
      expect(await included([to(undefined, { type: 'Flag' })], { also })).toEqual(['Goal/1']);
    });

    it('go on from what was included until nothing new comes, where they iterate', async () => {
      await write(
        save('Task/1', { index: points(['Task.partOf', 'Task/2']) }),
        save('Task/2', { index: points(['Task.partOf', 'Task/3'], ['Task.focus', 'Device/1']) }),
        save('Task/3', { index: points(['Task.partOf', 'Task/1'], ['Task.focus', 'Device/1']) }),
        save('Device/1'),
        save('Flag/a', { index: points(['Flag.subject', 'Task/3']) }),
      );
      expect(await included([to('Task.partOf')])).toEqual(['Task/2']);
      expect(await included([to('Task.partOf'), to('Task.focus')])).toEqual(['Task/2']);
      const iterating = to('Task.partOf', { iterate: true });
      expect(await included([iterating])).toEqual(['Task/2', 'Task/3']);
      expect(await included([to('Task.focus', { iterate: true }), iterating])).toEqual([
        'Device/1',
        'Task/2',
        'Task/3',
      ]);
      expect(await included([from('Flag.subject', { iterate: true }), iterating])).toEqual([
        'Flag/a',
        'Task/2',
        'Task/3',
      ]);
    });

    it('bring along only what fulfils what is asked of its type, and nothing of a type that is not named', async () => {
      await write(
        save('Task/1', {
          index: points(['Task.focus', 'Flag/a'], ['Task.focus', 'Flag/b'], ['Task.focus', 'Device/1']),
        }),
        save('Flag/a', { index: { ...flagged('red'), references: [{ name: 'Flag.subject', target: 'Task/1' }] } }),
        save('Flag/b', { index: { ...flagged('green'), references: points(['Flag.next', 'Goal/1']).references } }),
        save('Device/1'),
        save('Goal/1'),
      );
      const way = to('Task.focus');
      const next = { way: 'to', type: 'Flag', name: 'Flag.next', iterate: true } as const;
      expect(await included([way], { includable: { Flag: flagTag('red') } })).toEqual(['Flag/a']);
      expect(await included([way], { includable: {} })).toEqual([]);
      expect(await included([way], { includable: { Device: everything } })).toEqual(['Device/1']);
      expect(await included([from('Flag.subject')], { includable: { Flag: flagTag('green') } })).toEqual([]);
      expect(await included([way, next], { includable: { Flag: flagTag('red'), Goal: everything } })).toEqual([
        'Flag/a',
      ]);
      expect(await included([way, next], { includable: { Flag: everything, Goal: everything } })).toEqual([
        'Flag/a',
        'Flag/b',
        'Goal/1',
      ]);
      const linked: Criterion = { is: 'refers', name: 'Flag.subject', type: 'Task', where: { is: 'id', ids: ['1'] } };
      expect(await included([way], { includable: { Flag: linked } })).toEqual(['Flag/a']);
    });

    it('are refused when they are more than a page brings along, since a part would look whole', async () => {
      const flag = (i: number) => save(`Flag/${i}`, { index: points(['Flag.subject', 'Task/1']) });
      await write(save('Task/1'), ...Array.from({ length: 1_000 }, (_, i) => flag(i)));
      expect(await included([from('Flag.subject')])).toHaveLength(1_000);
      await write(flag(1_000));
      const page = current().search(ask(everything, { includes: [from('Flag.subject')] }), undefined);
      await expect(page).rejects.toMatchObject({
        code: 'too-costly',
        status: 400,
        message: expect.stringContaining('_include'),
      });
    });
  });
}
