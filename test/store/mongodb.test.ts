/** The store on MongoDB: the conformance suite, and what is its own. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { buildIndexes } from '../../src/store/mongodb/build-indexes.ts';
import { createClock } from '../../src/store/mongodb/clock.ts';
import { type MongoOptions, openMongoStore } from '../../src/store/mongodb/open.ts';
import { register } from '../../src/store/mongodb/registration.ts';
import { collectionsOf, indexes } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type SharedSet, sharedReplicaSet } from '../support/mongod.ts';
import { storeConforms } from './conformance.ts';
import { ask, auditRow, key, refusal, save, tombstone } from './drafts.ts';
import { countingUpgrade, fillOlder, tag, tagged } from './older-index.ts';

/** The release that tests have has known faults, which is none of their business. */
const acceptRelease = '6.0.5';

const opened: string[] = [];
let set: SharedSet;
let admin: MongoClient;
const freshUri = (): string => {
  const uri = set.freshUri();
  opened.push(databaseOf(uri));
  return uri;
};
const open = (uri: string, more: Partial<MongoOptions> = {}): Promise<Engine> =>
  openMongoStore({ uri, runtime: systemRuntime, acceptRelease, ...more });

describeOnMongod('On MongoDB', () => {
  beforeAll(async () => {
    set = await sharedReplicaSet({ members: 1 });
    admin = await new MongoClient(set.uri).connect();
  }, 60_000);
  afterAll(async () => {
    for (const name of opened) await admin.db(name).dropDatabase();
    await admin.close();
  }, 60_000);

  storeConforms('MongoDB', () => open(freshUri()));

  describe('the store', () => {
    it('keeps everything when it is closed and opened again, whatever seed is offered then', async () => {
      const uri = freshUri();
      const first = await open(uri);
      await first.commit([save('Task/1', tagged('a')), save('Task/2', tagged('a'))]);
      await first.commit([tombstone('Task/2'), { op: 'put', kind: 'cursor', key: 'a', value: 7 }]);
      expect(await first.keepFact('canonical', 'https://example.org/fhir')).toBe('https://example.org/fhir');
      const [before] = await first.get('cursor', ['a']);
      await first.close();

      const again = await open(uri, { seed: new Uint8Array(8) });
      expect((await again.search(ask(tag('a')), undefined)).matches.map(({ key }) => key.id)).toEqual(['1']);
      expect((await again.read([key('Task/2')]))[0]!.method).toBe('DELETE');
      expect(await again.get('cursor', ['a'])).toEqual([before]);
      expect(await again.keepFact('canonical', 'https://elsewhere.org')).toBe('https://example.org/fhir');
      expect(await again.fact('unknown')).toBeUndefined();
      await again.close();
    });

    it('tells how much is stored', async () => {
      const store = await open(freshUri());
      await store.commit([save('Task/1'), save('Task/2'), { op: 'append', log: 'audit', row: auditRow() }]);
      await store.commit([save('Task/1')]);
      expect(await store.sizes()).toMatchObject({ resources: 2, versions: 3, auditRows: 1 });
      expect((await store.sizes()).bytes).toBeGreaterThan(4_000);
      await store.close();
    });

    it('is refused with a sentence when a newer program made its documents or its index', async () => {
      const uri = freshUri();
      await (await open(uri, { indexVersion: 3 })).close();
      await expect(open(uri, { indexVersion: 2 })).rejects.toThrow(/newer Watchfire \(index 3, this one makes 2\)/);
      const facts = collectionsOf(admin.db(databaseOf(uri))).fact;
      await facts.updateOne({ _id: 'store.schema' }, { $set: { value: '99' } });
      await expect(open(uri, { indexVersion: 3 })).rejects.toThrow(/newer Watchfire \(schema 99/);
    });

    it('is refused with a sentence, without its password, when it cannot be reached', async () => {
      const refused = await refusal(open('mongodb://user:secret@127.0.0.1:9/records', { patience: 200 }));
      expect(refused).toMatch(/^MongoDB at 127.0.0.1:9\/records cannot be reached/);
      expect(refused).not.toMatch(/secret/);
      await expect(open('mongodb://db/?w=1')).rejects.toThrow(/The URI of the store must say w=majority/);
    });

    it('answers nothing after it was closed', async () => {
      const store = await open(freshUri());
      const last = store.commit([save('Task/1')]);
      await store.close();
      expect(await last).toHaveLength(1);
      expect(await refusal(store.commit([save('Task/2')]))).toBe('no-store');
      expect(await refusal(store.read([key('Task/1')]))).toBe('no-store');
    });
  });

  describe('the clock', () => {
    const anHourOff: Runtime = { ...systemRuntime, now: () => Date.now() + 3_600_000 };

    it('is the database its own, however wrong the machine is', async () => {
      const store = await open(freshUri(), { runtime: anHourOff });
      const [written] = await store.commit([save('Task/1')]);
      expect(Math.abs(written!.lastUpdated - Date.now())).toBeLessThan(60_000);
      await store.close();
    });

    const measuredBy = (answers: readonly { readonly after: number; readonly says: number }[]) => {
      let ticks = 500;
      let machine = 10_000;
      const left = [...answers];
      const clock = createClock(
        { now: () => machine },
        async () => {
          const { after, says } = left.shift()!;
          ticks += after;
          return says;
        },
        () => ticks,
      );
      const pass = (ms: number) => {
        ticks += ms;
      };
      const set = (time: number) => {
        machine = time;
      };
      return { clock, pass, set };
    };

    it('never goes back, and halves the way of the question', async () => {
      const { clock, pass } = measuredBy([
        { after: 100, says: 20_000 },
        { after: 100, says: 15_000 },
      ]);
      expect(clock.now()).toBe(10_000);
      await clock.measure();
      expect(clock.now()).toBe(20_050);
      await clock.measure();
      expect(clock.now()).toBe(20_050);
      pass(6_000);
      expect(clock.now()).toBe(21_050);
    });

    it('goes on evenly when somebody sets that of the machine', async () => {
      const { clock, pass, set } = measuredBy([{ after: 0, says: 20_000 }]);
      await clock.measure();
      set(9_000_000);
      pass(10);
      expect(clock.now()).toBe(20_010);
      set(0);
      pass(10);
      expect(clock.now()).toBe(20_020);
    });

    it('passes over an answer that waited for a primary, unless there is no better', async () => {
      const { clock } = measuredBy([
        { after: 4_000, says: 20_000 },
        { after: 0, says: 23_000 },
        { after: 8_000, says: 31_000 },
      ]);
      await clock.measure();
      expect(clock.now()).toBe(22_000);
      await clock.measure();
      expect(clock.now()).toBe(23_000);
      await clock.measure();
      expect(clock.now()).toBe(31_000);
    });

    it('passes over an answer to a question older than the one whose answer it goes by', async () => {
      const answers: ((time: number) => void)[] = [];
      let ticks = 0;
      const clock = createClock(
        { now: () => 0 },
        () => new Promise((resolve) => answers.push(resolve)),
        () => ticks,
      );
      const older = clock.measure();
      ticks += 10;
      const newer = clock.measure();
      answers[1]!(20_000);
      await newer;
      answers[0]!(30_000);
      await older;
      expect(clock.now()).toBe(20_000);
    });
  });

  describe('the number of a server', () => {
    it('is the lowest that no running server has, and free again when the server stops or falls silent', async () => {
      const collections = collectionsOf(admin.db(databaseOf(freshUri())));
      const join = () => register(admin, collections, systemRuntime);
      const servers = [await join(), await join(), await join()];
      expect(servers.map((server) => server.number())).toEqual([0, 1, 2]);
      await servers[1]!.release();
      expect((await join()).number()).toBe(1);
      await collections.server.updateOne({ _id: 2 }, [{ $set: { seen: { $subtract: ['$$NOW', 61_000] } } }]);
      expect((await join()).number()).toBe(2);
      expect((await join()).number()).toBe(3);
    });

    it('is another one when the server was silent for so long that its own was taken', async () => {
      const collections = collectionsOf(admin.db(databaseOf(freshUri())));
      const slow = await register(admin, collections, systemRuntime);
      await collections.server.updateOne({ _id: 0 }, [{ $set: { seen: { $subtract: ['$$NOW', 61_000] } } }]);
      const quick = await register(admin, collections, systemRuntime);
      expect([slow.number(), quick.number()]).toEqual([0, 0]);

      const stop = new AbortController();
      let sleeps = 0;
      const impatient: Runtime = {
        ...systemRuntime,
        sleep: async () => (++sleeps > 1 ? stop.abort() : undefined),
      };
      const late = await register(admin, collections, impatient);
      await collections.server.updateOne({ _id: late.number() }, { $set: { boot: 'another' } });
      await late.beat(stop.signal);
      expect([quick.number(), late.number()]).toEqual([0, 2]);
    });

    it('is told apart from that of servers that start at the same moment', async () => {
      const uri = freshUri();
      const stores = await Promise.all(Array.from({ length: 4 }, () => open(uri)));
      const servers = await collectionsOf(admin.db(databaseOf(uri)))
        .server.find()
        .toArray();
      expect(servers.map(({ _id }) => _id).sort()).toEqual([0, 1, 2, 3]);
      await Promise.all(stores.map((store) => store.close()));
      expect(await collectionsOf(admin.db(databaseOf(uri))).server.countDocuments()).toBe(0);
    });
  });

  describe('the indexes', () => {
    it('are there when a new store opens, and only those', async () => {
      const uri = freshUri();
      await (await open(uri)).close();
      const db = admin.db(databaseOf(uri));
      for (const [name, list] of Object.entries(indexes)) {
        const there = (await db.collection(name).listIndexes().toArray()).map((index) => index.name);
        expect(there.sort()).toEqual(['_id_', ...list.map((index) => index.name!)].sort());
      }
    });

    it('are made beside the work when much is stored: searches are refused until then', async () => {
      const db = admin.db(databaseOf(freshUri()));
      const collections = collectionsOf(db);
      const told: string[] = [];
      const { signal } = new AbortController();
      const log = (sentence: string) => void told.push(sentence);
      const building = { db, collections, runtime: systemRuntime, log, signal };
      await buildIndexes(building);
      await collections.resource.dropIndexes();
      const documents = Array.from({ length: 20_000 }, (_, i) => ({
        _id: `Task/${i}`,
        t: 'Task',
        u: i,
        p: i,
        ix: [i],
      }));
      await db.collection<{ _id: string }>('resource').insertMany(documents);
      const build = await buildIndexes(building, 10_000);
      expect(() => build.expect('resource')).toThrow(expect.objectContaining({ status: 503, code: 'transient' }));
      expect(() => build.expect('version', 'audit')).not.toThrow();
      await build.done(() => undefined, signal);
      expect(() => build.expect('resource')).not.toThrow();
      expect(told).toEqual([expect.stringMatching(/indexes equal, .* being made/), 'indexes of resource are made']);
    });

    it('of resources are made anew where an older program made them, by one of two servers, and go on where one was stopped', async () => {
      const uri = freshUri();
      const old = await open(uri, { indexVersion: 1 });
      await fillOlder(old);
      await old.close();

      const [store, other] = await Promise.all([open(uri, { indexVersion: 2 }), open(uri, { indexVersion: 2 })]);
      const stop = new AbortController();
      const { signal } = new AbortController();
      const { upgrade, extracted } = countingUpgrade();
      const done = await store.upgradeIndex({ ...upgrade, signal: stop.signal, onProgress: () => stop.abort() });
      expect([done, extracted(), store.indexVersion()]).toEqual([false, 100, 1]);
      expect(await refusal(store.search(ask(tag('old')), undefined))).toBe('transient');
      await store.commit([save('Task/200', tagged('newest'))]);
      const both = [store, other].map((engine) => engine.upgradeIndex({ ...upgrade, signal }));
      expect(await Promise.all(both)).toEqual([true, true]);
      expect([extracted(), store.indexVersion(), other.indexVersion()]).toEqual([249, 2, 2]);
      const count = async (first: string) =>
        (await other.search(ask(tag(first), { count: 0, total: 'accurate' }), undefined)).total;
      // The write of between has been indexed anew too: what a newer program wrote it writes again.
      expect(await Promise.all(['old', 'new'].map(count))).toEqual([0, 249]);
      await Promise.all([store.close(), other.close()]);
    });
  });
});
