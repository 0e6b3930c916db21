/** The part of the conformance suite that searches: what matches, in which order, page by page, in one snapshot. */
import { describe, expect, it } from '@jest/globals';
import type { Criterion, SearchQuery, SortKey } from '../../src/search/query.ts';
import type { Change, Cursor, Store } from '../../src/store/store.ts';
import { ask, entries, everything, key, refusal, save, tombstone } from './drafts.ts';
import { type Candidate, dice, fault, randomCriterion, randomEntries, randomSort, sortFor } from './random-queries.ts';

export function searchConforms(current: () => Store): void {
  const find = async (where: Criterion, more: Partial<SearchQuery> = {}): Promise<string[]> =>
    (await current().search(ask(where, more), undefined)).matches.map(({ key }) => key.id);
  const found = async (where: Criterion): Promise<string[]> => (await find(where)).sort();
  const write = (...changes: Change[]) => current().commit(changes);

  describe('search', () => {
    it('finds keys by first and second part, by first part alone, and never by half a value', async () => {
      await write(
        save('Task/1', { index: entries({ keys: [{ name: 'Task.code', first: 'a|', second: 'x' }] }) }),
        save('Task/2', { index: entries({ keys: [{ name: 'Task.code', first: 'a|', second: 'y' }] }) }),
        save('Task/3', { index: entries({ keys: [{ name: 'Task.code', first: 'a|', second: '' }] }) }),
        save('Task/4', { index: entries({ keys: [{ name: 'Task.tag', first: 'a|', second: 'x' }] }) }),
        save('Flag/5', { index: entries({ keys: [{ name: 'Flag.code', first: 'a|', second: 'x' }] }) }),
      );
      const code = (first: string, second?: string): Criterion => ({ is: 'key', name: 'Task.code', first, second });
      expect(await found(code('a|', 'x'))).toEqual(['1']);
      expect(await found(code('a|', ''))).toEqual(['3']);
      expect(await found(code('a|'))).toEqual(['1', '2', '3']);
      expect(await found(code('a'))).toEqual([]);
      expect(await found(code('a|', 'X'))).toEqual([]);
    });

    it('finds references by target and a name on its own', async () => {
      await write(
        save('Task/1', { index: entries({ references: [{ name: 'Task.subject', target: 'Patient/1' }] }) }),
        save('Task/2', { index: entries({ references: [{ name: 'Task.device', target: 'Patient/1' }] }) }),
        save('Task/3', { index: entries({ references: [{ name: 'Task.subject', target: 'Patient/11' }] }) }),
      );
      expect(await found({ is: 'reference', name: 'Task.subject', target: 'Patient/1' })).toEqual(['1']);
      const points = (...targets: string[]): Criterion => ({ is: 'points', name: 'Task.subject', targets });
      expect(await found(points('Patient/8', 'Patient/1'))).toEqual(['1']);
      expect(await found(points('Patient/8'))).toEqual([]);
      expect(await found(points())).toEqual([]);
    });

    it('holds bounds on both ends against one interval', async () => {
      const day = 86_400_000;
      const spans: readonly (readonly [string, number, number])[] = [
        ['instant', 10, 10],
        ['short', 5, 20],
        ['day', 0, day],
        ['long', 0, 30 * day],
        ['open', -Infinity, 12],
      ];
      await write(
        ...spans.map(([id, low, high]) =>
          save(`Task/${id}`, { index: entries({ ranges: [{ name: 'Task.date', low, high }] }) }),
        ),
        // Two intervals, of which one fulfils the one bound and the other the other.
        save('Task/two', {
          index: entries({
            ranges: [
              { name: 'Task.date', low: 1, high: 2 },
              { name: 'Task.date', low: 100, high: 200 },
            ],
          }),
        }),
      );
      const date = (low: object, high: object): Criterion => ({ is: 'range', name: 'Task.date', low, high });
      expect(await found(date({ atLeast: 5 }, { atMost: 20 }))).toEqual(['instant', 'short']);
      expect(await found(date({ above: 5 }, { below: 20 }))).toEqual(['instant']);
      expect(await found(date({}, { atLeast: day }))).toEqual(['day', 'long']);
      expect(await found(date({}, { above: day }))).toEqual(['long']);
      expect(await found(date({ atMost: 10 }, { atLeast: 10, atMost: 12 }))).toEqual(['instant', 'open']);
      expect(await found(date({ atLeast: 50 }, { atMost: 50 }))).toEqual([]);
      expect(await found({ is: 'range', name: 'Task.date' })).toHaveLength(6);
    });

    it('finds texts that start, equal or contain, folded or as written', async () => {
      const text = (folded: string, original: string) => entries({ texts: [{ name: 'Task.name', folded, original }] });
      await write(
        save('Task/1', { index: text('muller', 'Müller') }),
        save('Task/2', { index: text('mullerin', 'Müllerin') }),
        save('Task/3', { index: text('100%_x', '100%_x') }),
      );
      const name = (match: 'starts' | 'equals' | 'contains', value: string): Criterion => ({
        is: 'text',
        name: 'Task.name',
        match,
        value,
      });
      expect(await found(name('starts', 'muller'))).toEqual(['1', '2']);
      expect(await found(name('equals', 'Müller'))).toEqual(['1']);
      expect(await found(name('equals', 'muller'))).toEqual([]);
      expect(await found(name('contains', 'ller'))).toEqual(['1', '2']);
      expect(await found(name('contains', '%_'))).toEqual(['3']);
      expect(await found(name('starts', '%'))).toEqual([]);
    });

    it('joins criteria with all, any and not, where all of nothing is everything and any of nothing is none', async () => {
      const tags = (...firsts: string[]) =>
        entries({ keys: firsts.map((first) => ({ name: 'Task.tag', first, second: '' })) });
      await write(
        save('Task/1', { index: tags('a', 'b') }),
        save('Task/2', { index: tags('b', 'c') }),
        save('Task/3', { index: tags('c') }),
        save('Task/4'),
      );
      const tag = (first: string): Criterion => ({ is: 'key', name: 'Task.tag', first, second: '' });
      expect(await found(everything)).toEqual(['1', '2', '3', '4']);
      expect(await found({ is: 'any', of: [] })).toEqual([]);
      expect(await found({ is: 'all', of: [tag('a'), tag('b')] })).toEqual(['1']);
      expect(await found({ is: 'any', of: [tag('a'), tag('c')] })).toEqual(['1', '2', '3']);
      expect(await found({ is: 'not', of: tag('c') })).toEqual(['1', '4']);
      expect(await found({ is: 'all', of: [tag('b'), { is: 'not', of: { is: 'any', of: [tag('a')] } }] })).toEqual([
        '2',
      ]);
      expect(await found({ is: 'id', ids: ['3', '4', 'none', '3'] })).toEqual(['3', '4']);
      expect(await found({ is: 'all', of: [{ is: 'id', ids: ['2', '3'] }, tag('b')] })).toEqual(['2']);
    });

    it('follows updates and deletions: nothing is found by what a former version was', async () => {
      const tagged = (first: string) => ({ index: entries({ keys: [{ name: 'Task.tag', first, second: '' }] }) });
      const tag = (first: string): Criterion => ({ is: 'key', name: 'Task.tag', first, second: '' });
      await write(save('Task/1', tagged('old')));
      await write(save('Task/1', tagged('new')));
      expect(await found(tag('old'))).toEqual([]);
      expect(await found(tag('new'))).toEqual(['1']);
      await write(tombstone('Task/1'));
      expect(await found(tag('new'))).toEqual([]);
      expect(await found(everything)).toEqual([]);
      await write(save('Task/1', tagged('again')));
      expect(await found(tag('again'))).toEqual(['1']);
      expect(await found({ is: 'id', ids: ['1'] })).toEqual(['1']);
    });

    it('finds by a new index after reindex, and leaves a version alone that is not the newest any more', async () => {
      const tag = (first: string): Criterion => ({ is: 'key', name: 'Task.tag', first, second: '' });
      const index = entries({ keys: [{ name: 'Task.tag', first: 'x', second: '' }] });
      await write(save('Task/1'), save('Task/2'), save('Task/3'));
      await write(save('Task/2'), tombstone('Task/3'));
      const end = await current().end();
      await write(
        ...['Task/1', 'Task/2', 'Task/3'].map((one): Change => ({ op: 'reindex', key: key(one), versionId: 1, index })),
      );
      expect(await found(tag('x'))).toEqual(['1']);
      expect(await found(everything)).toEqual(['1', '2']);
      expect(await current().end()).toBe(end);
    });

    it('sorts by the lowest or highest entry, upwards and downwards, and puts what has none last', async () => {
      const at = (...lows: number[]) =>
        entries({ ranges: lows.map((low) => ({ name: 'Task.date', low, high: low + 5 })) });
      const named = (...texts: string[]) =>
        entries({ texts: texts.map((t) => ({ name: 'Task.name', folded: t, original: t })) });
      await write(
        save('Task/b', { index: at(20) }),
        save('Task/none', { index: named('x') }),
        save('Task/wide', { index: at(10, 40) }),
        save('Task/c', { index: { ...at(30), ...{ texts: named('y', 'a').texts } } }),
      );
      const by = (sort: SortKey[], where = everything) => find(where, { sort });
      const date = (descending: boolean): SortKey => ({ by: 'range', name: 'Task.date', descending });
      const name = (descending: boolean): SortKey => ({ by: 'text', name: 'Task.name', descending });
      expect(await by([date(false)])).toEqual(['wide', 'b', 'c', 'none']);
      expect(await by([date(true)])).toEqual(['wide', 'c', 'b', 'none']);
      expect((await by([name(false)])).slice(0, 2)).toEqual(['c', 'none']);
      expect((await by([name(true)])).slice(0, 2)).toEqual(['c', 'none']);
      expect(await by([{ by: 'id', descending: false }])).toEqual(['b', 'c', 'none', 'wide']);
      expect(await by([{ by: 'id', descending: true }])).toEqual(['wide', 'none', 'c', 'b']);
      expect(await by([name(true), { by: 'id', descending: true }])).toEqual(['c', 'none', 'wide', 'b']);
      const early: Criterion = { is: 'range', name: 'Task.date', low: { atMost: 20 } };
      expect(await by([date(true)], early)).toEqual(['wide', 'b']);
    });

    it('sorts and cuts by when it was written', async () => {
      for (const id of ['1', '2', '3']) {
        await write(save(`Task/${id}`));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await write(save('Task/1'));
      const sort: SortKey[] = [{ by: 'range', name: 'Task._lastUpdated', descending: true }];
      expect(await find(everything, { sort })).toEqual(['1', '3', '2']);
      const [third] = await current().read([key('Task/3')]);
      const since: Criterion = { is: 'range', name: 'Task._lastUpdated', low: { atLeast: third!.lastUpdated } };
      expect(await found(since)).toEqual(['1', '3']);
    });

    it('counts all matches, on any page and without one', async () => {
      await write(...Array.from({ length: 30 }, (_, i) => save(`Task/${i}`)));
      const page = await current().search(ask(everything, { count: 7, total: 'accurate' }), undefined);
      expect([page.matches.length, page.total]).toEqual([7, 30]);
      const second = await current().search(ask(everything, { count: 7, total: 'accurate' }), page.next);
      expect([second.matches.length, second.total]).toEqual([7, 30]);
      const none = await current().search(ask(everything, { count: 0, total: 'accurate' }), undefined);
      expect(none).toMatchObject({ matches: [], total: 30 });
      expect(none.next).toBeUndefined();
      expect((await current().search(ask(everything, { count: 7 }), undefined)).total).toBeUndefined();
    });

    const orders: readonly (readonly [string, SortKey[]])[] = [
      ['in the order of the engine', []],
      ['by time upwards', [{ by: 'range', name: 'Task.date', descending: false }]],
      ['by time downwards', [{ by: 'range', name: 'Task.date', descending: true }]],
      ['by name', [{ by: 'text', name: 'Task.name', descending: false }]],
      ['by id downwards', [{ by: 'id', descending: true }]],
      [
        'by time and name',
        [
          { by: 'range', name: 'Task.date', descending: true },
          { by: 'text', name: 'Task.name', descending: false },
        ],
      ],
    ];
    it.each(orders)(
      'pages through 250 resources %s while others write, with none twice and none left out',
      async (_, sort) => {
        const draft = (i: number) => ({
          index: entries({
            ranges: i % 5 === 0 ? [] : [{ name: 'Task.date', low: i % 40, high: (i % 40) + (i % 7 === 0 ? 1e9 : 3) }],
            texts: i % 3 === 0 ? [] : [{ name: 'Task.name', folded: `n${i % 11}`, original: `N${i % 11}` }],
          }),
        });
        await write(...Array.from({ length: 250 }, (_, i) => save(`Task/${i}`, draft(i))));
        const seen: string[] = [];
        let after: Cursor | undefined;
        let more = 1_000;
        do {
          const page = await current().search(ask(everything, { sort, count: 20 }), after);
          seen.push(...page.matches.map(({ key }) => key.id));
          after = page.next && (JSON.parse(JSON.stringify(page.next)) as Cursor);
          await write(save(`Task/${more}`, draft(more)), save(`Task/${seen[0]}`, draft(Number(seen[0]))));
          more++;
        } while (after);
        const old = seen.filter((id) => Number(id) < 1_000);
        expect(new Set(seen).size).toBe(seen.length);
        expect(old).toHaveLength(250);
      },
    );

    it('lists several types in one order, pages through them, and counts them all', async () => {
      const dated = (name: string, low: number) => entries({ ranges: [{ name, low, high: low }] });
      await write(
        ...[5, 1, 9, 3].map((low) => save(`Task/${low}`, { index: dated('Task.date', low) })),
        ...[2, 9, 4].map((low) => save(`Flag/${low}`, { index: dated('Flag.start', low) })),
        save('Task/none'),
        save('Goal/1', { index: dated('Goal.date', 1) }),
      );
      const key = (name: string, descending: boolean): SortKey => ({ by: 'range', name, descending });
      const query = (descending: boolean) =>
        ask(everything, {
          sort: [key('Task.date', descending)],
          also: [{ type: 'Flag', where: everything, sort: [key('Flag.start', descending)] }],
          count: 3,
          total: 'accurate',
        });
      const pages = async (asked: SearchQuery) => {
        const seen: string[][] = [];
        let after: Cursor | undefined;
        do {
          const page = await current().search(asked, after);
          expect(page.total).toBe(8);
          seen.push(page.matches.map(({ key }) => `${key.type}/${key.id}`));
          after = page.next;
        } while (after);
        return seen;
      };
      expect(await pages(query(false))).toEqual([
        ['Task/1', 'Flag/2', 'Task/3'],
        ['Flag/4', 'Task/5', 'Task/9'],
        ['Flag/9', 'Task/none'],
      ]);
      expect((await pages(query(true))).flat().at(-1)).toBe('Task/none');
      const byId: SortKey[] = [{ by: 'id', descending: false }];
      const ids = ask(everything, { sort: byId, also: [{ type: 'Flag', where: everything, sort: byId }], count: 1 });
      expect((await pages({ ...ids, total: 'accurate' })).flat()).toEqual([
        'Task/1',
        'Flag/2',
        'Task/3',
        'Flag/4',
        'Task/5',
        'Task/9',
        'Flag/9',
        'Task/none',
      ]);
    });

    it('goes back to the first page when what was before is gone, and forward to what came since', async () => {
      const sort: SortKey[] = [{ by: 'id', descending: false }];
      const turn = async (cursor: Cursor | undefined) => {
        const page = await current().search(ask(everything, { sort, count: 2 }), cursor);
        return { ...page, ids: page.matches.map(({ key }) => key.id).join('') };
      };
      await write(...[...'acegi'].map((id) => save(`Task/${id}`)));
      const second = await turn((await turn(undefined)).next);
      expect(second.ids).toBe('eg');
      await write(save('Task/d'));
      const before = await turn(second.previous);
      expect([before.ids, (await turn(before.previous)).ids, before.next]).toEqual(['cd', 'a', expect.anything()]);
      expect((await turn(before.next)).ids).toBe('eg');
      await write(...[...'acd'].map((id) => tombstone(`Task/${id}`)));
      const first = await turn(second.previous);
      expect([first.ids, first.previous]).toEqual(['eg', undefined]);
    });

    it('leaves with a timeout when the signal has aborted', async () => {
      expect(await refusal(current().search(ask(everything), undefined, AbortSignal.abort()))).toBe('timeout');
    });

    it('takes trees that are wide and trees that are deep', async () => {
      const tag = (first: string): Criterion => ({ is: 'key', name: 'Task.tag', first, second: '' });
      await write(
        save('Task/1', { index: entries({ keys: [{ name: 'Task.tag', first: '777', second: '' }] }) }),
        save('Task/2'),
      );
      const wide: Criterion = { is: 'any', of: Array.from({ length: 1_000 }, (_, i) => tag(String(i))) };
      expect(await found(wide)).toEqual(['1']);
      expect(await found({ is: 'all', of: [wide, { is: 'not', of: { is: 'not', of: wide } }] })).toEqual(['1']);
      let deep = tag('777');
      for (let i = 0; i < 400; i++) deep = { is: 'not', of: deep };
      expect(await found(deep)).toEqual(['1']);
      expect(await found({ is: 'id', ids: Array.from({ length: 5_000 }, (_, i) => String(i)) })).toEqual(['1', '2']);
    });

    const seed = Number(process.env['STORE_SEED'] ?? Math.floor(Math.random() * 1e9));
    it(`answers 400 random queries over 240 random resources as a slow and obvious search does (seed ${seed})`, async () => {
      const roll = dice(seed);
      const world = new Map<string, Candidate>();
      const ids = Array.from({ length: 120 }, (_, i) => `r${i}`);
      const writeRandomly = async (id: string) => {
        for (const type of ['Task', 'Flag']) {
          const reference = `${type}/${id}`;
          if (world.has(reference) && roll.chance(0.3)) {
            await write(tombstone(reference));
            world.delete(reference);
            continue;
          }
          const index = randomEntries(roll, ids, type);
          const [written] = await write(save(reference, { index }));
          world.set(reference, { type, id, lastUpdated: written!.lastUpdated, entries: index });
        }
      };
      for (const id of ids) await writeRandomly(id);
      let found = 0;
      for (let i = 0; i < 400; i++) {
        if (i % 4 === 0) await writeRandomly(roll.of(ids));
        const sort = randomSort(roll);
        const query = ask(randomCriterion(roll, ids), {
          sort,
          ...(roll.chance(0.2) && {
            also: [{ type: 'Flag', where: randomCriterion(roll, ids, 2, 'Flag'), sort: sortFor('Flag', sort) }],
          }),
          total: roll.chance(0.5) ? 'accurate' : 'none',
          count: roll.of([2, 7, 20, 1_000]),
        });
        const wrong = await walk(current(), query, roll.chance(0.5), (answer) => {
          if (answer.length > 0) found++;
          return fault(query, answer, world);
        });
        if (wrong) throw new Error(`query ${i}, seed ${seed}: ${wrong}: ${JSON.stringify(query)}`);
      }
      expect(found).toBeGreaterThan(150);
    }, 240_000);
  });
}

/** Goes to the end page by page, and back where asked; says what is wrong. */
async function walk(
  store: Store,
  query: SearchQuery,
  alsoBack: boolean,
  judge: (answer: readonly string[]) => string | undefined,
): Promise<string | undefined> {
  const turn = async (cursor: Cursor | undefined) => {
    const page = await store.search(query, cursor && (JSON.parse(JSON.stringify(cursor)) as Cursor));
    return { ...page, keys: page.matches.map(({ key }) => `${key.type}/${key.id}`) };
  };
  const pages = [await turn(undefined)];
  if (pages[0]!.previous) return 'the first page has one before it';
  while (pages.at(-1)!.next && pages.length < 200) pages.push(await turn(pages.at(-1)!.next));
  const answer = pages.flatMap(({ keys }) => keys);
  if (query.total === 'accurate' && pages.some(({ total }) => total !== answer.length)) {
    return `total ${pages.map(({ total }) => total).join()} of ${answer.length}`;
  }
  const wrong = judge(answer);
  if (wrong || !alsoBack) return wrong;
  let page = pages.at(-1)!;
  for (const before of pages.slice(0, -1).reverse()) {
    if (!page.previous) return 'no page before one that is not the first';
    page = await turn(page.previous);
    if (page.keys.join() !== before.keys.join()) return `back ${page.keys.join()}, forward ${before.keys.join()}`;
    if (!page.next) return 'no page after one that is not the last';
    if (JSON.stringify(page.next) !== JSON.stringify(before.next)) return 'another next page on the way back';
  }
  return page.previous ? 'a page before the first' : undefined;
}
