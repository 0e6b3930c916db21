/** How the engine on MongoDB searches: the search suites of the port without the rest of the engine, and the plans of every shape. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { referenceTo } from '../../src/fhir/references.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import type { Criterion, Include, IndexEntries, SortKey } from '../../src/search/query.ts';
import type { Parts } from '../../src/store/mongodb/parts.ts';
import { type Reach, type Step, usualReach } from '../../src/store/mongodb/reading.ts';
import { matchedKeys, runSearch } from '../../src/store/mongodb/search.ts';
import { type Learning, usualLearning } from '../../src/store/mongodb/sets-learning.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change, Cursor, Page, Store } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { until } from '../support/until.ts';
import { canonicalsConform } from './conformance-canonicals.ts';
import { chainsConform } from './conformance-chains.ts';
import { includesConform } from './conformance-includes.ts';
import { searchConforms } from './conformance-search.ts';
import { ask, everything, points, refusal, save, tombstone } from './drafts.ts';
import { openers } from './mongodb-placed.ts';
import { type Dice, dice, randomCriterion, randomEntries, randomSort, sortFor } from './random-queries.ts';

describeOnMongod('MongoDB: searching', () => {
  const { start, stop, open, send, admin } = openers();
  let store: Store;
  beforeAll(start, 60_000);
  afterAll(stop);
  const each = () => store;
  /** In the end: it may take a moment to be reached again. */
  const isServed = (parts: Parts) =>
    until(async () => (await refusal(runSearch(parts, undefined, ask(everything), undefined))) === 'fulfilled');
  describe('on a store of its own', () => {
    beforeEach(async () => {
      ({ store } = await open());
    });
    searchConforms(each);
    chainsConform(each);
    canonicalsConform(each);
    includesConform(each);
  });

  it('ends when the time is up, or the signal aborts under way', async () => {
    const { parts, store } = await open();
    await store.commit(Array.from({ length: 300 }, (_, i) => save(`Task/${i}`)));
    const slow: SortKey[] = [{ by: 'value', name: 'Task.code', descending: false }];
    const search = (more: object) =>
      refusal(runSearch(parts, undefined, ask(everything, { sort: slow }), undefined, more));
    expect(await search({ until: Date.now() - 1 })).toBe('timeout');
    expect(await search({ until: Date.now() + 1 })).toBe('timeout');
    const abort = new AbortController();
    const ended = search({ signal: abort.signal });
    setImmediate(() => abort.abort());
    // Whoever gave the signal is told timeout by mongo-store.ts.
    expect(await ended).toBe('transient');
    expect(await search({})).toBe('fulfilled');
  }, 120_000);

  it('does not wait longer than it may for a database that is silent', async () => {
    const { parts, store } = await open();
    await store.commit([save('Task/1')]);
    await send('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begun = Date.now();
    const answer = await refusal(runSearch(parts, undefined, ask(everything), undefined, { until: begun + 500 }));
    const waited = Date.now() - begun;
    await send('SIGCONT');
    // The store itself would wait for longer than ten seconds.
    expect([answer, waited < 5_000]).toEqual(['transient', true]);
    await isServed(parts);
  }, 120_000);

  it('goes on when the primary steps down, or says that it passes', async () => {
    const { parts, store } = await open();
    await store.commit(Array.from({ length: 50 }, (_, i) => save(`Task/${i}`)));
    const answers = new Map<string, number>();
    let isOver = false;
    const searching = async () => {
      while (!isOver) {
        const answer = await refusal(runSearch(parts, undefined, ask(everything, { total: 'accurate' }), undefined));
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    };
    const all = Promise.all(Array.from({ length: 8 }, searching));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await admin({ replSetStepDown: 1, force: true }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    isOver = true;
    await all;
    expect([...answers.keys()].filter((answer) => answer !== 'fulfilled' && answer !== 'transient')).toEqual([]);
    await isServed(parts);
  }, 120_000);

  it('reads matches, total and includes in the snapshot that its session has', async () => {
    const { parts, store } = await open();
    await store.commit([save('Task/1'), save('Flag/a', { index: points(['Flag.subject', 'Task/1']) })]);
    const includes: Include[] = [{ way: 'from', type: 'Flag', name: 'Flag.subject', iterate: false }];
    await parts.client.withSession({ snapshot: true }, async (session) => {
      const search = () => runSearch(parts, session, ask(everything, { total: 'accurate', includes }), undefined);
      const sizes = ({ matches, included, total }: Page) => [matches.length, included.length, total];
      expect(sizes(await search())).toEqual([1, 1, 1]);
      await store.commit([save('Task/2'), save('Flag/b', { index: points(['Flag.subject', 'Task/1']) })]);
      expect(sizes(await search())).toEqual([1, 1, 1]);
    });
  }, 120_000);

  it('tells a transaction what it has written itself, chains included', async () => {
    const { parts, store } = await open();
    await store.commit([save('Flag/a', { index: points(['Flag.subject', 'Task/1']) }), save('Task/1'), save('Task/2')]);
    const has: Criterion = { is: 'referred', type: 'Flag', name: 'Flag.subject', where: everything };
    const query = ask(
      { is: 'not', of: has },
      { sort: [{ by: 'text', name: 'Task.name', descending: true }], count: 2 },
    );
    const sorted = {
      ...query,
      where: everything,
      sort: [{ by: 'range', name: 'Task.date', descending: true }],
    } as const;
    await parts.client.withSession(async (session) => {
      session.startTransaction({ readConcern: { level: 'snapshot' } });
      expect(await matchedKeys(parts, session, query)).toEqual(['Task/2']);
      await parts.collections.resource.updateOne({ _id: 'Flag/a' }, { $set: { ix: [] } }, { session });
      expect([...(await matchedKeys(parts, session, query))].sort()).toEqual(['Task/1', 'Task/2']);
      expect(await matchedKeys(parts, session, { ...sorted, count: 1 })).toHaveLength(1);
      await session.abortTransaction();
    });
  }, 120_000);

  it('asks of a cluster only where what points to the one patient lives', async () => {
    const { parts, store } = await open();
    const lane = { name: 'Observation.patient=Patient/1', low: 5, high: 5 };
    await store.commit([
      save('Observation/1', { index: { ...points(['Observation.subject', 'Patient/1']), ranges: [lane] } }),
      save('Observation/2', {
        index: points(['Observation.subject', 'Patient/1'], ['Observation.performer', 'Patient/2']),
      }),
      save('Patient/9', { index: points(['Patient.link', 'Patient/1']) }),
    ]);
    const sharded: Parts = { ...parts, isSharded: true };
    const told = async (type: string, where: Criterion) => {
      const steps: Step[] = [];
      const page = await runSearch(sharded, undefined, { ...ask(where), type }, undefined, {}, (step) =>
        steps.push(step),
      );
      const isBound = JSON.stringify(steps).includes('"s":{"$in"');
      return [page.matches.map(({ key }) => key.id).join(), isBound];
    };
    const to = (name: string): Criterion => ({ is: 'reference', name, target: 'Patient/1' });
    expect(await told('Observation', to('Observation.subject'))).toEqual(['1,2', true]);
    expect(await told('Observation', { is: 'range', name: lane.name, of: 'Patient/1' })).toEqual(['1', true]);
    expect(await told('Observation', { is: 'not', of: to('Observation.subject') })).toEqual(['', false]);
    expect(await told('Patient', to('Patient.link'))).toEqual(['9', false]);
  }, 120_000);

  const seed = Number(process.env['STORE_SEED'] ?? Math.floor(Math.random() * 1e9));
  /** Chains are followed first, or through candidates a few at a time. */
  /** Learns of values that many resources have in common from two that have them. */
  const eager: Learning = { every: 1, enough: 2, frequent: 1, least: 2 };
  const reaches: readonly (readonly [string, Reach, Learning])[] = [
    ['first', usualReach, eager],
    ['in batches', { few: 0, many: 0, taste: 3, batch: 7 }, usualLearning],
    ['first where they lead to few', { few: 3, many: 12, taste: 20, batch: 10 }, eager],
  ];
  it.each(reaches)(
    `gives the pages that SQLite gives, in its order, with its totals and includes, chains followed %s (seed ${seed})`,
    async (_, reach, learning) => {
      const roll = dice(seed);
      const { parts, store } = await open(learning);
      const sqlite = await openSqliteStore({ file: ':memory:', runtime: steady() });
      const ids = Array.from({ length: 60 }, (_, i) => `r${i}`);
      const write = async (change: Change) => {
        const [written] = await sqlite.commit([change]);
        await store.commit([change], written);
      };
      for (const id of ids) {
        for (const type of ['Task', 'Flag']) {
          const drawn = fashionable(roll, randomEntries(roll, ids, type), type);
          const index = { ...drawn, ...randomCanonicals(roll, type), references: [...drawn.references] };
          index.references.push(...randomFollowing(roll, type));
          await write(save(`${type}/${id}`, { index }));
          if (roll.chance(0.1)) await write(tombstone(`${type}/${id}`));
        }
      }
      const inSets = await parts.collections.resource.countDocuments({
        ix: { $in: (await parts.collections.common.find({}, { promoteLongs: false }).toArray()).map(({ _id }) => _id) },
      });
      expect(inSets > 20).toBe(learning === eager);
      let rows = 0;
      for (let i = 0; i < 250; i++) {
        const sort = randomSort(roll);
        const query = ask(canonically(roll, randomCriterion(roll, ids)), {
          sort,
          ...(roll.chance(0.2) && {
            also: [{ type: 'Flag', where: randomCriterion(roll, ids, 2, 'Flag'), sort: sortFor('Flag', sort) }],
          }),
          total: roll.chance(0.5) ? 'accurate' : 'none',
          count: roll.of([0, 2, 7, 20]),
          includes: roll.some(2, () => randomInclude(roll)),
          ...(roll.chance(0.3) && { includable: { Flag: randomCriterion(roll, ids, 2, 'Flag') } }),
        });
        const say = `query ${i}, seed ${seed}: ${JSON.stringify(query)}`;
        let [one, other]: (Cursor | undefined)[] = [undefined, undefined];
        for (let turn = 0; turn < 6; turn++) {
          const expected: Page = await sqlite.search(query, one);
          const page: Page = await runSearch(parts, undefined, query, other, { reach });
          expect([say, ...shown(page)]).toEqual([say, ...shown(expected)]);
          rows += page.matches.length;
          const back = roll.chance(0.3);
          [one, other] = back ? [expected.previous, page.previous] : [expected.next, page.next];
          if (!one || !other) break;
          other = JSON.parse(JSON.stringify(other)) as Cursor;
        }
      }
      expect(rows).toBeGreaterThan(300);
      await sqlite.close();
    },
    600_000,
  );
});

/** A clock that moves by a millisecond at a time. */
function steady(): Runtime {
  let now = Date.UTC(2026, 5, 1);
  return { ...systemRuntime, now: () => ++now };
}

/** What a page shows, and which pages there are around it. Cursors are each engine's own. */
const shown = ({ matches, included, total, next, previous }: Page): unknown[] => [
  matches.map(({ key, versionId }) => `${referenceTo(key)} ${versionId}`),
  included.map(({ key }) => referenceTo(key)).sort(),
  total,
  next !== undefined,
  previous !== undefined,
];

const urls = ['http://x/a', 'http://x/b'];
const randomCanonicals = (roll: Dice, type: string) =>
  type === 'Flag' && roll.chance(0.4)
    ? { canonicals: roll.chance(0.5) ? [`${roll.of(urls)}|`] : [`${urls[0]}|`, `${urls[0]}|1`] }
    : {};
const randomFollowing = (roll: Dice, type: string) =>
  roll.some(1, () => ({
    name: `${type}.subject`,
    target: `${roll.of(urls)}|${roll.of(['', '1'])}`,
    canonical: true as const,
  }));

/** Values that many resources have together. */
const fashions = [
  { codes: ['one', 'two', 'Zwei'], words: ['pain', 'head'], texts: ['anna', 'berta'] },
  { codes: ['one'], words: ['head', 'café'], texts: ['anders'] },
  { codes: ['two', ''], words: ['pain'], texts: [] },
] as const;

function fashionable(roll: Dice, drawn: IndexEntries, type: string): IndexEntries {
  if (roll.chance(0.3)) return drawn;
  const { codes, words, texts } = roll.of(fashions);
  return {
    ...drawn,
    keys: [...drawn.keys, ...codes.map((second) => ({ name: `${type}.code`, first: 'a|', second }))],
    words: [...drawn.words, ...words.map((word) => ({ name: `${type}._content`, word }))],
    texts: [...drawn.texts, ...texts.map((folded) => ({ name: `${type}.code:text`, folded, original: folded }))],
  };
}

/** Lets some of the chains follow canonicals too, and asks for some of the texts beside a code. */
function canonically(roll: Dice, criterion: Criterion): Criterion {
  switch (criterion.is) {
    case 'text':
      return roll.chance(0.5) ? criterion : { ...criterion, name: criterion.name.replace('.name', '.code:text') };
    case 'all':
    case 'any':
      return { ...criterion, of: criterion.of.map((part) => canonically(roll, part)) };
    case 'not':
      return { is: 'not', of: canonically(roll, criterion.of) };
    case 'refers':
    case 'referred':
      return {
        ...criterion,
        where: canonically(roll, criterion.where),
        ...(roll.chance(0.5) && { byCanonical: true }),
      };
    default:
      return criterion;
  }
}

function randomInclude(roll: Dice): Include {
  const type = roll.of(['Task', 'Flag']);
  return {
    way: roll.of(['to', 'from'] as const),
    type,
    ...(roll.chance(0.7) && { name: `${type}.${roll.of(['subject', 'device'])}` }),
    ...(roll.chance(0.3) && { target: roll.of(['Task', 'Flag']) }),
    iterate: roll.chance(0.3),
  };
}
