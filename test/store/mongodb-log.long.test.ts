/** The version log of the store on MongoDB where the cluster makes it hard: several servers, a lost oplog, another primary, a stream that leaves something out. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Document, MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { positionOf, tokenOf } from '../../src/store/mongodb/log-token.ts';
import { type MongoOptions, openMongoStore } from '../../src/store/mongodb/open.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import type { StoredChange } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type ReplicaSet, type SharedSet, sharedReplicaSet, startReplicaSet } from '../support/mongod.ts';
import { auditRow, key, save, take } from './drafts.ts';

const acceptRelease = '6.0.5';
const open = (uri: string, more: Partial<MongoOptions> = {}): Promise<Engine> =>
  openMongoStore({ uri, runtime: systemRuntime, acceptRelease, ...more });

/** Versions per resource, in the order in which they came. */
function numbersOf(changes: readonly StoredChange[]): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const { version } of changes) {
    const list = numbers.get(version.key.id) ?? [];
    list.push(version.versionId);
    numbers.set(version.key.id, list);
  }
  return numbers;
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const within = (seconds: number) => AbortSignal.timeout(seconds * 1_000);

describe('A token of the version log', () => {
  it.each(['s 12 Patient/1 1795885727.48', 's 0  ', 'a 1795885727.33', 'r 826B0B0A9F000000312B022C0100'])(
    'is read as it was written: %s',
    (token) => {
      expect(tokenOf(positionOf(token))).toBe(token);
    },
  );

  it.each(['', '12', 's 1', 'a x', 'r 12'])('is refused when it is none: %s', (token) => {
    expect(() => positionOf(token)).toThrow(RangeError);
  });
});

describeOnMongod('The version log on MongoDB', () => {
  let set: SharedSet;
  beforeAll(async () => {
    set = await sharedReplicaSet({ members: 1 });
  }, 60_000);

  it('tells every version of two servers once, in order per resource, to one who follows and to one who stops and goes on', async () => {
    const uri = set.freshUri();
    const [one, two] = await Promise.all([open(uri), open(uri)]);
    const rounds = 50;
    const ids = upTo(50).map(String);
    const total = 2 * rounds * ids.length;
    const followed = take(two.changes(undefined, within(240)), total);
    const stopping = (async () => {
      const seen: StoredChange[] = [];
      while (seen.length < total) {
        const some = await take(one.changes(seen.at(-1)?.token, within(240)), Math.min(777, total - seen.length));
        if (some.length === 0) break;
        seen.push(...some);
      }
      return seen;
    })();
    for (let round = 0; round < rounds; round++) {
      // Both write every resource, each when it can.
      await Promise.all([one, two].flatMap((store) => ids.map((id) => store.commit([save(`Task/${id}`)]))));
    }
    for (const changes of await Promise.all([followed, stopping])) {
      const numbers = numbersOf(changes);
      for (const id of ids) expect(numbers.get(id)).toEqual(upTo(2 * rounds));
    }
    // And so does one who comes when all is stored.
    const late = numbersOf(await take(one.changes(undefined, within(120)), total));
    for (const id of ids) expect(late.get(id)).toEqual(upTo(2 * rounds));
    await Promise.all([one.close(), two.close()]);
  }, 480_000);

  it('goes on from a token of a reading by time whose snapshot is long gone, with repeats but in order', async () => {
    const store = await open(set.freshUri());
    for (let i = 0; i < 3; i++) await store.commit([save('Task/1'), save('Task/2')]);
    const all = await take(store.changes(undefined, within(60)), 6);
    const token = all[3]!.token.replace(/\d+\.\d+$/, '1000.1');
    const again = await take(store.changes(token, within(60)), 6);
    expect(numbersOf(again)).toEqual(numbersOf(all));
    await store.close();
  }, 150_000);

  it('asks behind a stream of one type for what is of that type alone', async () => {
    const uri = set.freshUri();
    const asked: Document[] = [];
    const store = await open(uri, { checkEvery: 500, onSent: ({ command }) => void asked.push(command) });
    const looks = () => asked.filter(({ find, filter }) => find === 'resource' && filter.u && filter.t);
    await store.commit([save('Task/1'), save('Patient/1'), save('Patient/2')]);
    const stop = new AbortController();
    const following = take(store.changes(await store.end(), AbortSignal.any([stop.signal, within(90)]), 'Task'), 9);
    for (let i = 0; looks().length === 0 && i < 300; i++) {
      await store.commit([{ op: 'append', log: 'audit', row: auditRow() }]);
      await systemRuntime.sleep(200);
    }
    stop.abort();
    await following;
    expect(looks()[0]?.['filter'].t).toEqual({ $in: ['Task'] });
    await store.close();
  }, 120_000);

  it('tells what the stream left out, and says so', async () => {
    const uri = set.freshUri();
    const told: string[] = [];
    const store = await open(uri, { checkEvery: 1_500, log: (sentence) => void told.push(sentence) });
    await store.commit([save('Task/1')]);
    const following = take(store.changes(await store.end(), within(90)), 2);
    const client = await new MongoClient(uri).connect();
    const { resource } = collectionsOf(client.db(databaseOf(uri)));
    // An update is no version to the stream, so this one passes it by.
    await resource.updateOne({ _id: 'Task/1' }, { $set: { v: 2, u: Date.now() + 6_000 } });
    await store.commit([save('Task/2')]);
    // What happens otherwise brings the stream on.
    let isOver = false;
    const otherwise = (async () => {
      for (; !isOver; await systemRuntime.sleep(200)) {
        await store.commit([{ op: 'append', log: 'audit', row: auditRow() }]);
      }
    })();
    const numbers = (await following).map(({ version }) => [version.key.id, version.versionId]);
    expect(numbers).toEqual([
      ['2', 1],
      ['1', 2],
    ]);
    expect(told).toEqual(['version 2 of Task/1 did not come along the change stream']);
    isOver = true;
    await otherwise;
    await client.close();
    await store.close();
  }, 150_000);

  it('has nothing to add while the stream leaves nothing out', async () => {
    const told: string[] = [];
    const store = await open(set.freshUri(), { checkEvery: 300, log: (sentence) => void told.push(sentence) });
    const seen: StoredChange[] = [];
    const stop = new AbortController();
    const following = (async (end: string) => {
      for await (const change of store.changes(end, stop.signal)) seen.push(change);
    })(await store.end());
    const until = Date.now() + 8_000;
    let written = 0;
    while (Date.now() < until) {
      await Promise.all(upTo(8).map((id) => store.commit([save(`Task/${id}`)])));
      written += 8;
    }
    for (let i = 0; i < 600 && seen.length < written; i++) await systemRuntime.sleep(100);
    stop.abort();
    await following;
    expect(seen.length).toBe(written);
    expect(told).toEqual([]);
    await store.close();
  }, 120_000);

  describe('with an oplog that is soon full', () => {
    let small: ReplicaSet;
    beforeAll(async () => {
      small = await startReplicaSet({ members: 1, oplogMegabytes: 1, words: ['--syncdelay', '1'] });
    }, 60_000);
    afterAll(() => small.stop());

    it('is read from what is stored when the oplog has lost its place', async () => {
      const told: string[] = [];
      const store = await open(small.uri, { log: (sentence) => void told.push(sentence) });
      await store.commit([save('Task/1')]);
      const end = await store.end();
      await store.commit([save('Task/2')]);
      const [second] = await take(store.changes(end, within(60)), 1);
      const ids = Array.from({ length: 200 }, (_, i) => String(i + 3));
      const long = 'x'.repeat(250_000);
      for (const id of ids) await store.commit([save(`Task/${id}`, { mark: long })]);
      // The oplog is cut behind a checkpoint alone, of which there is one every second.
      const client = await new MongoClient(small.uri).connect();
      const isLost = async () => {
        const [oldest] = await client
          .db('local')
          .collection('oplog.rs')
          .find()
          .sort({ $natural: 1 })
          .limit(1)
          .toArray();
        const place = positionOf(end);
        return place.is === 'after' && oldest!['ts'].greaterThan(place.at);
      };
      for (let i = 0; !(await isLost()) && i < 500; i++) await store.commit([save(`Other/${i}`, { mark: long })]);
      expect(await isLost()).toBe(true);
      await client.close();

      for (const token of [end, second!.token]) {
        const seen = new Set<string>();
        for await (const { version } of store.changes(token, within(90))) {
          seen.add(version.key.id);
          if (ids.every((id) => seen.has(id))) break;
        }
        expect(ids.filter((id) => !seen.has(id))).toEqual([]);
      }
      expect(told.filter((sentence) => sentence.includes('oplog has lost'))).toHaveLength(2);
      await store.close();
    }, 480_000);
  });

  describe('with three members', () => {
    let three: ReplicaSet;
    beforeAll(async () => {
      three = await startReplicaSet({ members: 3, electionTimeoutMillis: 2_000 });
    }, 60_000);
    afterAll(() => three.stop());

    it('loses nothing and keeps the order per resource when primaries step down under who follows', async () => {
      const store = await open(three.uri);
      const seen: StoredChange[] = [];
      const stop = new AbortController();
      const following = (async () => {
        for await (const change of store.changes(undefined, stop.signal)) seen.push(change);
      })();
      const last = new Map<string, number>();
      let isWriting = true;
      const writing = upTo(4).map(async (id) => {
        while (isWriting) {
          // Refused now and then, while there is no primary.
          const [written] = await store.commit([save(`Task/${id}`)]).catch(() => []);
          if (written) last.set(String(id), written.versionId);
        }
      });
      const client = await new MongoClient(three.uri).connect();
      for (let i = 0; i < 2; i++) {
        await systemRuntime.sleep(1_500);
        await client.db('admin').command({ replSetStepDown: 10 });
        await systemRuntime.sleep(4_000);
      }
      isWriting = false;
      await Promise.all(writing);
      await store.commit([save('Task/end')]);
      for (let i = 0; i < 600 && seen.at(-1)?.version.key.id !== 'end'; i++) await systemRuntime.sleep(100);
      stop.abort();
      await following;
      const numbers = numbersOf(seen);
      for (const [id, newest] of last) {
        const versions = [...new Set(numbers.get(id))];
        expect(newest).toBeGreaterThan(10);
        expect(versions.slice(0, newest)).toEqual(upTo(newest));
      }
      expect(numbers.get('end')).toEqual([1]);
      expect((await store.read([key('Task/end')]))[0]!.versionId).toBe(1);
      await client.close();
      await store.close();
    }, 240_000);
  });
});
