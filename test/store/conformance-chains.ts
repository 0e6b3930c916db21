/** The part of the conformance suite that looks further than the entries of one resource: chains, `_has`, words and groups. */
import { describe, expect, it } from '@jest/globals';
import type { Criterion, IndexEntries, SearchQuery, SortKey } from '../../src/search/query.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { ask, entries, everything, points, refusal, save, tombstone } from './drafts.ts';

const flagged = (first: string) => entries({ keys: [{ name: 'Flag.tag', first, second: '' }] });
const flagTag = (first: string): Criterion => ({ is: 'key', name: 'Flag.tag', first, second: '' });
const toFlag = (where: Criterion, name = 'Task.focus'): Criterion => ({ is: 'refers', name, type: 'Flag', where });
const byFlag = (where: Criterion): Criterion => ({ is: 'referred', type: 'Flag', name: 'Flag.subject', where });

export function chainsConform(current: () => Store): void {
  const find = async (where: Criterion, more: Partial<SearchQuery> = {}): Promise<string[]> =>
    (await current().search(ask(where, more), undefined)).matches.map(({ key }) => key.id);
  const found = async (where: Criterion): Promise<string[]> => (await find(where)).sort();
  const write = (...changes: Change[]) => current().commit(changes);

  describe('chains, words and groups', () => {
    it('follows a reference under its name to what is alive, of the type and fulfils the rest', async () => {
      await write(
        save('Flag/a', { index: flagged('red') }),
        save('Flag/b', { index: flagged('green') }),
        save('Flag/gone', { index: flagged('red') }),
        save('Device/a', { index: flagged('red') }),
        save('Task/1', { index: points(['Task.focus', 'Flag/a']) }),
        save('Task/2', { index: points(['Task.focus', 'Flag/b'], ['Task.owner', 'Flag/a']) }),
        save('Task/3', { index: points(['Task.focus', 'Flag/gone'], ['Task.focus', 'Device/a']) }),
        save('Task/4', { index: points(['Task.focus', 'Flag/b'], ['Task.focus', 'Flag/a']) }),
        save('Task/5', { index: points(['Task.focus', 'Flag/none'], ['Task.focus', 'http://elsewhere/Flag/a']) }),
      );
      await write(tombstone('Flag/gone'));
      expect(await found(toFlag(flagTag('red')))).toEqual(['1', '4']);
      expect(await found(toFlag(flagTag('red'), 'Task.owner'))).toEqual(['2']);
      expect(await found(toFlag(everything))).toEqual(['1', '2', '4']);
      expect(await found(toFlag({ is: 'not', of: flagTag('red') }))).toEqual(['2', '4']);
      expect(await found({ is: 'not', of: toFlag(flagTag('red')) })).toEqual(['2', '3', '5']);
      expect(await found({ is: 'all', of: [toFlag(flagTag('red')), toFlag(flagTag('green'))] })).toEqual(['4']);
      expect(await found(toFlag({ is: 'all', of: [flagTag('red'), flagTag('green')] }))).toEqual([]);
      expect(await found({ is: 'any', of: [toFlag(flagTag('red')), { is: 'id', ids: ['5'] }] })).toEqual([
        '1',
        '4',
        '5',
      ]);
      await write(save('Flag/a', { index: flagged('green') }));
      expect(await found(toFlag(flagTag('red')))).toEqual([]);
    });

    it('finds what others point to that fulfil the rest, and follows chains of both kinds over several steps', async () => {
      const flag = (first: string, subject: string): IndexEntries => ({
        ...flagged(first),
        references: [{ name: 'Flag.subject', target: subject }],
      });
      await write(
        ...['1', '2', '3'].map((id) =>
          save(`Task/${id}`, { index: points(['Task.partOf', `Task/${Number(id) - 1}`]) }),
        ),
        save('Flag/a', { index: flag('red', 'Task/1') }),
        save('Flag/b', { index: flag('green', 'Task/1') }),
        save('Flag/c', { index: flag('green', 'Task/2') }),
        save('Flag/d', { index: flag('red', 'Device/1') }),
        save('Flag/gone', { index: flag('red', 'Task/3') }),
        save('Goal/e', { index: points(['Goal.subject', 'Task/3']) }),
      );
      await write(tombstone('Flag/gone'));
      const partOf = (where: Criterion): Criterion => ({ is: 'refers', name: 'Task.partOf', type: 'Task', where });
      expect(await found(byFlag(flagTag('green')))).toEqual(['1', '2']);
      expect(await found(byFlag({ is: 'all', of: [flagTag('red'), flagTag('green')] }))).toEqual([]);
      expect(await found({ is: 'all', of: [byFlag(flagTag('red')), byFlag(flagTag('green'))] })).toEqual(['1']);
      expect(await found({ is: 'not', of: byFlag(flagTag('green')) })).toEqual(['3']);
      expect(await found(partOf(byFlag(flagTag('green'))))).toEqual(['2', '3']);
      expect(await found(partOf(partOf(byFlag(flagTag('red')))))).toEqual(['3']);
      const parentOf = (where: Criterion): Criterion => ({ is: 'referred', type: 'Task', name: 'Task.partOf', where });
      expect(await found(parentOf({ is: 'not', of: byFlag(everything) }))).toEqual(['2']);
      expect(
        await found(byFlag({ is: 'refers', name: 'Flag.subject', type: 'Task', where: partOf(everything) })),
      ).toEqual(['2']);
    });

    it('finds nothing by several chains none of which leads anywhere', async () => {
      await write(
        save('Task/1', { index: points(['Task.focus', 'Flag/a']) }),
        save('Flag/a', { index: flagged('red') }),
      );
      const blue = toFlag(flagTag('blue'));
      expect(await found({ is: 'any', of: [blue, toFlag(flagTag('blue'), 'Task.owner')] })).toEqual([]);
      expect(await found({ is: 'any', of: [blue, byFlag(flagTag('blue'))] })).toEqual([]);
      expect(
        await found({ is: 'any', of: [blue, toFlag(flagTag('blue'), 'Task.owner'), { is: 'id', ids: ['1'] }] }),
      ).toEqual(['1']);
    });

    it('tells the steps of a chain apart where each has a condition of its own', async () => {
      await write(
        save('Flag/a', { index: { ...flagged('red'), references: [{ name: 'Flag.subject', target: 'Goal/x' }] } }),
        save('Flag/b', { index: { ...flagged('green'), references: [{ name: 'Flag.subject', target: 'Goal/x' }] } }),
        save('Goal/x', { index: flagged('blue') }),
        save('Task/1', { index: points(['Task.focus', 'Flag/a']) }),
        save('Task/2', { index: points(['Task.focus', 'Flag/b']) }),
      );
      const toGoal: Criterion = { is: 'refers', name: 'Flag.subject', type: 'Goal', where: flagTag('blue') };
      const both = toFlag({ is: 'all', of: [toGoal, flagTag('red')] });
      expect(await found(both)).toEqual(['1']);
      expect(await found({ is: 'not', of: both })).toEqual(['2']);
      expect(await found({ is: 'all', of: [{ is: 'id', ids: ['1', '2'] }, both] })).toEqual(['1']);
    });

    it('follows chains to many resources and to few, in every order', async () => {
      const draft = (i: number): IndexEntries => ({
        ...points(['Task.focus', `Flag/${i % 1_500}`]),
        ranges: [{ name: 'Task.date', low: (i * 7) % 3_000, high: (i * 7) % 3_000 }],
      });
      const tags = (i: number) => [i % 2 === 0 ? 'even' : 'odd', ...(i < 3 ? ['few'] : [])];
      const keys = (i: number) => tags(i).map((first) => ({ name: 'Flag.tag', first, second: '' }));
      await write(...Array.from({ length: 1_500 }, (_, i) => save(`Flag/${i}`, { index: entries({ keys: keys(i) }) })));
      await write(...Array.from({ length: 3_000 }, (_, i) => save(`Task/${i}`, { index: draft(i) })));
      const few = ['0', '1', '1500', '1501', '1502', '2'];
      expect(await found(toFlag(flagTag('few')))).toEqual(few);
      expect(await found({ is: 'all', of: [toFlag(flagTag('few')), toFlag(everything)] })).toEqual(few);
      const sort: SortKey[] = [{ by: 'range', name: 'Task.date', descending: true }];
      expect(await find(toFlag(flagTag('few')), { sort })).toEqual(['1502', '1501', '1500', '2', '1', '0']);
      const even = await find(toFlag(flagTag('even')), { sort, count: 3 });
      expect(even).toEqual(['1714', '428', '2142']);
      const { total } = await current().search(
        ask(toFlag(flagTag('even')), { count: 0, total: 'accurate' }),
        undefined,
      );
      expect(total).toBe(1_500);
      const flags = await current().search(
        {
          ...ask({ is: 'referred', type: 'Task', name: 'Task.focus', where: { is: 'id', ids: ['1501', '7'] } }),
          type: 'Flag',
        },
        undefined,
      );
      expect(flags.matches.map(({ key }) => key.id).sort()).toEqual(['1', '7']);
    });

    it('finds words under their names, of the newest version only', async () => {
      const said = (...words: string[]) => entries({ words: words.map((word) => ({ name: 'Task._text', word })) });
      await write(save('Task/1', { index: said('pain', 'head') }), save('Task/2', { index: said('pain') }));
      await write(save('Task/3', { index: entries({ words: [{ name: 'Task._content', word: 'pain' }] }) }));
      const word = (word: string): Criterion => ({ is: 'word', name: 'Task._text', word });
      expect(await found(word('pain'))).toEqual(['1', '2']);
      expect(await found({ is: 'all', of: [word('pain'), word('head')] })).toEqual(['1']);
      expect(await found({ is: 'not', of: word('head') })).toEqual(['2', '3']);
      expect(await found(word('pai'))).toEqual([]);
      await write(save('Task/1', { index: said('calm') }), tombstone('Task/2'));
      expect(await found({ is: 'any', of: [word('pain'), word('calm')] })).toEqual(['1']);
    });

    it('asks of one group that it fulfils everything together', async () => {
      const group = (first: string, value: number) => ({
        name: 'Task.part',
        entries: {
          keys: [{ name: 'Task.code', first, second: '' }],
          references: [],
          ranges: [{ name: 'Task.value', low: value, high: value }],
          texts: [],
        },
      });
      await write(
        save('Task/1', { index: entries({ groups: [group('a', 1), group('b', 2)] }) }),
        save('Task/2', { index: entries({ groups: [group('a', 2), group('b', 1)] }) }),
        save('Task/3', { index: entries(group('a', 1).entries) }),
      );
      const both = (name: string): Criterion => ({
        is: 'together',
        name,
        of: [
          { is: 'key', name: 'Task.code', first: 'a', second: '' },
          { is: 'range', name: 'Task.value', low: { atMost: 1 } },
        ],
      });
      expect(await found(both('Task.part'))).toEqual(['1']);
      expect(await found(both('Task.piece'))).toEqual([]);
      expect(await found({ is: 'not', of: both('Task.part') })).toEqual(['2', '3']);
    });

    it('holds chains and words in trees that are wide, and refuses more of them than one statement takes', async () => {
      const tag = (first: string): Criterion => ({ is: 'key', name: 'Task.tag', first, second: '' });
      await write(
        save('Flag/a', { index: flagged('red') }),
        save('Task/1', { index: points(['Task.focus', 'Flag/a']) }),
        save('Task/2', { index: entries({ keys: [{ name: 'Task.tag', first: '77', second: '' }] }) }),
        save('Task/3', { index: entries({ words: [{ name: 'Task._text', word: 'pain' }] }) }),
        save('Task/4'),
      );
      const many = Array.from({ length: 100 }, (_, i) => tag(String(i)));
      const pain: Criterion = { is: 'word', name: 'Task._text', word: 'pain' };
      expect(await found({ is: 'any', of: [...many, toFlag(flagTag('red')), pain] })).toEqual(['1', '2', '3']);
      const no: Criterion = {
        is: 'not',
        of: { is: 'any', of: [...many, toFlag(flagTag('red')), { is: 'not', of: pain }] },
      };
      expect(await found(no)).toEqual(['3']);
      expect(await found(toFlag({ is: 'any', of: [...many, flagTag('red')] }))).toEqual(['1']);
      const chains: Criterion = { is: 'any', of: Array.from({ length: 101 }, () => toFlag(flagTag('red'))) };
      expect(await refusal(current().search(ask(chains), undefined))).toBe('too-costly');
    });
  });
}
