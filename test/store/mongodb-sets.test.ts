/** What many resources have in common stands in a set: when it is learned, when it is used, and that whoever searches knows it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { type IndexEntries, noEntries } from '../../src/search/query.ts';
import { createHashing } from '../../src/store/hash.ts';
import { indexFields } from '../../src/store/mongodb/document.ts';
import { keyHash, textHash, wordHash } from '../../src/store/mongodb/hash.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { type Collections, collectionsOf } from '../../src/store/mongodb/schema.ts';
import { createLearning, type Learned, usualLearning } from '../../src/store/mongodb/sets-learning.ts';
import { createCommon } from '../../src/store/mongodb/sets-news.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type SharedSet, sharedReplicaSet } from '../support/mongod.ts';
import { until } from '../support/until.ts';
import { ask, entries, save } from './drafts.ts';

const hashing = createHashing(new Uint8Array(8));
const eager = { every: 1, enough: 2, frequent: 1, least: 2 };

const heartRate = (n: number, day = 'monday') => ({
  resourceType: 'Observation',
  id: `o${n}`,
  identifier: [{ system: 'urn:readings', value: `reading ${n}` }],
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
  subject: { reference: `Patient/p${n}` },
  effectiveDateTime: '2026-11-28T10:00:00Z',
  note: [{ text: `on ${day} of 2026` }],
  valueQuantity: { value: 60 + n, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' },
});

describe('What is learned of resources that are written', () => {
  const learn = (resources: readonly object[], learning = eager): readonly Learned[] => {
    const learned: Learned[] = [];
    const note = createLearning(hashing, learning, (one) => learned.push(one));
    for (const resource of resources) note('Observation', extract(resource as never));
    return learned;
  };
  const has = ({ hashes }: Learned, hash: ReturnType<typeof keyHash>) => hashes.some((one) => one.equals(hash));
  const words = (...all: readonly string[]) => all.map((word) => wordHash(hashing, 'Observation._content', word));

  it('are the values that all with the same frequent keys have, with the texts beside them', () => {
    const [learned] = learn([heartRate(1), heartRate(2)]);
    expect(has(learned!, keyHash(hashing, 'Observation.code', 'http://loinc.org|', '8867-4'))).toBe(true);
    expect(has(learned!, textHash(hashing, 'Observation.code:text', 'heart rate')!)).toBe(true);
    expect(words('heart', 'beats', 'monday').map((word) => has(learned!, word))).toEqual([true, true, true]);
    expect(learned!.texts.map(({ v }) => v)).toContain('heart rate');
  });

  it('are never identifiers, nor words with digits, which are those of one resource or one day', () => {
    const [learned] = learn([heartRate(1), { ...heartRate(1), id: 'other' }]);
    expect(has(learned!, keyHash(hashing, 'Observation.identifier', 'urn:readings|', 'reading 1'))).toBe(false);
    expect(words('2026', '1', 'reading').map((word) => has(learned!, word))).toEqual([false, false, true]);
  });

  it('are fewer when more were seen: what lasted for a while is learned anew without it', () => {
    const resources = ['monday', 'monday', 'tuesday', 'tuesday'].map((day, n) => heartRate(n, day));
    const sets = learn(resources).filter(({ hashes }) => hashes.length > 0);
    expect(sets.map((set) => has(set, words('monday')[0]!))).toContain(true);
    expect(has(sets.at(-1)!, words('monday')[0]!)).toBe(false);
    expect(has(sets.at(-1)!, words('heart')[0]!)).toBe(true);
  });

  it('are nothing where few have it', () => {
    expect(learn([heartRate(1), heartRate(2)], usualLearning)).toEqual([]);
    expect(
      learn(
        Array.from({ length: 2_000 }, (_, n) => heartRate(n)),
        usualLearning,
      ).length,
    ).toBeGreaterThan(0);
  });
});

describeOnMongod('On MongoDB a set', () => {
  let set: SharedSet;
  let admin: MongoClient;
  const opened: string[] = [];
  beforeAll(async () => {
    set = await sharedReplicaSet({ members: 1 });
    admin = await new MongoClient(set.uri).connect();
  }, 60_000);
  afterAll(async () => {
    for (const name of opened) await admin.db(name).dropDatabase();
    await admin.close();
  });
  const fresh = (): string => {
    const uri = set.freshUri();
    opened.push(databaseOf(uri));
    return uri;
  };
  const { now } = systemRuntime;
  const newsOf = (collection: Collections['common'], ticks: () => number, wait?: number) =>
    createCommon({
      collection,
      hashing,
      runtime: systemRuntime,
      now,
      learning: eager,
      ticks,
      ...(wait !== undefined && { wait }),
    });
  const tagged: IndexEntries = {
    ...noEntries,
    keys: ['a', 'b', 'c', 'd'].map((first) => ({ name: 'Task.tag', first, second: '' })),
  };

  it('stands for its values in what is written afterwards, which every search finds all the same', async () => {
    const uri = fresh();
    const store = await openMongoStore({
      uri,
      runtime: systemRuntime,
      acceptRelease: '6.0.5',
      common: { learning: eager, wait: 0 },
    });
    const { common, resource } = collectionsOf(admin.db(databaseOf(uri)));
    const index = entries({
      keys: ['a', 'b', 'c', 'd'].map((second) => ({ name: 'Task.code', first: 's|', second })),
      words: ['pain', 'head'].map((word) => ({ name: 'Task._content', word })),
      texts: [{ name: 'Task.code:text', folded: 'pain in the head' }],
    });
    const lengths = async () =>
      (await resource.find().sort({ _id: 1 }).toArray()).map(({ ix, x }) => [ix.length, x?.length]);
    for (const id of ['1', '2']) await store.commit([save(`Task/${id}`, { index })]);
    await until(async () => (await common.countDocuments()) > 0);
    await until(async () => {
      await store.commit([save('Task/3', { index })]);
      return (await lengths())[2]![0] === 2;
    });
    expect(await lengths()).toEqual([
      [8, 1],
      [8, 1],
      [2, undefined],
    ]);
    const found = async (where: Parameters<typeof ask>[0]) =>
      (await store.search(ask(where, { total: 'accurate' }), undefined)).matches.map(({ key }) => key.id).join('');
    const key = (second: string | undefined) => ({ is: 'key', name: 'Task.code', first: 's|', second }) as const;
    expect(await found(key('b'))).toBe('123');
    expect(await found(key(undefined as never))).toBe('123');
    expect(await found({ is: 'not', of: key('b') })).toBe('');
    expect(await found({ is: 'word', name: 'Task._content', word: 'head' })).toBe('123');
    const text = { is: 'text', name: 'Task.code:text' } as const;
    expect(await found({ ...text, match: 'starts', value: 'pain' })).toBe('123');
    expect(await found({ ...text, match: 'contains', value: 'the' })).toBe('123');
    expect(await found({ ...text, match: 'same', value: 'pain' })).toBe('');
    await store.close();

    const other = await openMongoStore({ uri, runtime: systemRuntime, acceptRelease: '6.0.5' });
    const page = await other.search(ask(key('d')), undefined);
    expect(page.matches.map((match) => match.key.id)).toEqual(['1', '2', '3']);
    await other.close();
  });

  it('is used only when every server that searches must know it', async () => {
    const { common } = collectionsOf(admin.db(databaseOf(fresh())));
    let ticks = 0;
    const news = newsOf(common, () => ticks);
    const write = () => indexFields('Task', tagged, hashing, news).ix.length;
    expect([write(), write()]).toEqual([5, 5]);
    await until(async () => (await common.countDocuments()) > 0);
    await news.look();
    ticks = 19_999;
    expect(write()).toBe(5);
    ticks = 20_001;
    expect(write()).toBe(2);
  });

  it('is looked for before a search by a server that has not looked for a while, and after one that took too long', async () => {
    const { common } = collectionsOf(admin.db(databaseOf(fresh())));
    let ticks = 0;
    const writer = newsOf(common, () => ticks, 0);
    const searcher = newsOf(common, () => ticks);
    const member = [keyHash(hashing, 'Task.tag', 'a', '')];
    const known = () => searcher.having(member).length;
    expect(await searcher.asking(async () => known())).toBe(0);

    indexFields('Task', tagged, hashing, writer);
    indexFields('Task', tagged, hashing, writer);
    await until(async () => (await common.countDocuments()) > 0);
    expect(await searcher.asking(async () => known())).toBe(0);
    let runs = 0;
    const slow = async () => {
      if (++runs === 1) ticks += 18_001;
      return known();
    };
    expect([await searcher.asking(slow), runs]).toEqual([1, 2]);

    ticks += 60_000;
    expect(await newsOf(common, () => ticks).asking(async () => 'asked')).toBe('asked');
    await expect(
      searcher.asking(async () => {
        ticks += 30_000;
      }),
    ).rejects.toMatchObject({ code: 'transient' });
  });
});
