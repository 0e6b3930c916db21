/** How the engine on MongoDB searches: the search suites of the port without the rest of the engine, and the plans of every shape. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Binary, MongoClient } from 'mongodb';
import { referenceTo } from '../../src/fhir/references.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import type { Criterion, Include } from '../../src/search/query.ts';
import { fillGap } from '../../src/store/gap.ts';
import { homeOf, indexFields, type ResourceDocument } from '../../src/store/mongodb/document.ts';
import type { Parts } from '../../src/store/mongodb/parts.ts';
import { type Reach, usualReach } from '../../src/store/mongodb/reading.ts';
import { collectionsOf, indexes } from '../../src/store/mongodb/schema.ts';
import { runSearch } from '../../src/store/mongodb/search.ts';
import { createStamps } from '../../src/store/mongodb/stamps.ts';
import { createHashing } from '../../src/store/hash.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change, Cursor, Page, Store, Written } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type ReplicaSet, startReplicaSet } from '../support/mongod.ts';
import { canonicalsConform } from './conformance-canonicals.ts';
import { chainsConform } from './conformance-chains.ts';
import { includesConform } from './conformance-includes.ts';
import { searchConforms } from './conformance-search.ts';
import { ask, save, tombstone } from './drafts.ts';
import { type Dice, dice, randomCriterion, randomEntries, randomSort, sortFor } from './random-queries.ts';

/** Opens stores of which only the searching is the engine's: what is written is put in place by the test. */
export function openers() {
  let set: ReplicaSet;
  let client: MongoClient;
  let opened = 0;
  return {
    async start() {
      set = await startReplicaSet({ members: 1, words: ['--setParameter', 'notablescan=1'] });
      client = await new MongoClient(set.uri, { writeConcern: { w: 'majority' } }).connect();
    },
    async stop() {
      await client?.close();
      await set?.stop();
    },
    async open(): Promise<{ parts: Parts; store: PlacedStore }> {
      const collections = collectionsOf(client.db(`search_${++opened}`));
      await collections.resource.createIndexes([...indexes.resource!]);
      const runtime = systemRuntime;
      const parts: Parts = {
        client,
        collections,
        runtime,
        hashing: createHashing(runtime.random(8)),
        now: runtime.now,
        stamps: createStamps(0, runtime.now),
        server: 0,
        isSharded: false,
      };
      return { parts, store: storeOf(parts) };
    },
  };
}

/** Takes lastUpdated from another engine where it is given. */
interface PlacedStore extends Store {
  commit(changes: readonly Change[], like?: Written): Promise<readonly Written[]>;
}

function storeOf(parts: Parts): PlacedStore {
  const { collections, hashing, stamps } = parts;
  const known = new Map<string, ResourceDocument>();
  let last = 0;
  const put = (change: Extract<Change, { op: 'write' }>, like?: Written): Written => {
    const { key, method, text, index } = change;
    const _id = referenceTo(key);
    const before = known.get(_id);
    const u = like?.lastUpdated ?? Math.max(Date.now(), (before?.u ?? 0) + 1);
    last = u;
    const v = (before?.v ?? 0) + 1;
    const p = before?.p ?? stamps.next();
    const b = text && new Binary(Buffer.from(fillGap(text, v, u)));
    const fields = method === 'DELETE' ? { ix: [] } : indexFields(key.type, index, hashing);
    known.set(_id, {
      _id,
      s: homeOf(key, index, hashing),
      t: key.type,
      p,
      v,
      u,
      m: method,
      ...fields,
      ...(b && { b }),
    });
    return { key, versionId: v, lastUpdated: u, created: !before };
  };
  const partly: Pick<PlacedStore, 'commit' | 'read' | 'search' | 'end' | 'close'> = {
    async commit(changes, like) {
      const written: Written[] = [];
      const touched = new Set<string>();
      for (const change of changes) {
        if (change.op === 'write') written.push(put(change, like));
        else if (change.op === 'reindex') {
          const before = known.get(referenceTo(change.key))!;
          if (before.v === change.versionId) {
            const { _id, s, t, p, v, u, m, b } = before;
            const fields = indexFields(t, change.index, hashing);
            known.set(_id, { _id, s, t, p, v, u, m, ...(b && { b }), ...fields });
          }
        } else continue;
        touched.add(referenceTo(change.key));
      }
      await collections.resource.bulkWrite(
        [...touched].map((_id) => ({
          replaceOne: { filter: { _id }, replacement: known.get(_id)!, upsert: true },
        })),
      );
      return written;
    },
    read: async (keys) =>
      keys.map((key) => {
        const found = known.get(referenceTo(key));
        return found && { key, versionId: found.v, lastUpdated: found.u, method: found.m, text: '' };
      }),
    search: (query, after, signal) => runSearch(parts, undefined, query, after, { signal }),
    end: async () => String(last),
    close: async () => {},
  };
  return partly as PlacedStore;
}

describeOnMongod('MongoDB: searching', () => {
  const { start, stop, open } = openers();
  let store: Store;
  beforeAll(start, 60_000);
  afterAll(stop);
  const each = () => store;
  describe('on a store of its own', () => {
    beforeEach(async () => {
      ({ store } = await open());
    });
    searchConforms(each);
    chainsConform(each);
    canonicalsConform(each);
    includesConform(each);
  });

  const seed = Number(process.env['STORE_SEED'] ?? Math.floor(Math.random() * 1e9));
  /** Chains are followed first, or through candidates a few at a time. */
  const reaches: readonly (readonly [string, Reach])[] = [
    ['first', usualReach],
    ['in batches', { few: 0, many: 0, taste: 3, batch: 7 }],
    ['first where they lead to few', { few: 3, many: 12, taste: 20, batch: 10 }],
  ];
  it.each(reaches)(
    `gives the pages that SQLite gives, in its order, with its totals and includes, chains followed %s (seed ${seed})`,
    async (_, reach) => {
      const roll = dice(seed);
      const { parts, store } = await open();
      const sqlite = await openSqliteStore({ file: ':memory:', runtime: steady() });
      const ids = Array.from({ length: 60 }, (_, i) => `r${i}`);
      const write = async (change: Change) => {
        const [written] = await sqlite.commit([change]);
        await store.commit([change], written);
      };
      for (const id of ids) {
        for (const type of ['Task', 'Flag']) {
          const drawn = randomEntries(roll, ids, type);
          const index = { ...drawn, ...randomCanonicals(roll, type), references: [...drawn.references] };
          index.references.push(...randomFollowing(roll, type));
          await write(save(`${type}/${id}`, { index }));
          if (roll.chance(0.1)) await write(tombstone(`${type}/${id}`));
        }
      }
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
    120_000,
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

/** Lets some of the chains follow canonicals too. */
function canonically(roll: Dice, criterion: Criterion): Criterion {
  switch (criterion.is) {
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
