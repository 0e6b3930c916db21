/**
 * What becomes of commits, readings, the version log and leases when a replica set fails: each failure is scripted on the wire, and
 * told by what a caller is answered and what is stored then. That a server of ours dies is test/cluster/takeover.long.test.ts, that
 * primaries die under load test/cluster/failover.long.test.ts. docs/running-on-mongodb.md
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import { plainQuery } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { type Held, startLeases } from '../../src/store/lease.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { register } from '../../src/store/mongodb/registration.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import type { Change } from '../../src/store/store.ts';
import { startWiredSet, type WiredSet } from '../cluster/wire/wired-set.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { until } from '../support/until.ts';
import { auditRow, entries, everything, key, refusal, save } from './drafts.ts';

const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
const row = (at = 1): Change => ({ op: 'append', log: 'audit', row: auditRow({ at }) });
const list = (): Change[] => [save('Patient/1'), row()];
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'stored',
    ({ code, message, headers }) =>
      code === 'transient' && headers['Retry-After'] && /unknown|nothing of it is stored|database/.exec(message)?.[0],
  );
/** Ms that it took. */
const timed = async (work: Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work.catch(() => undefined);
  return performance.now() - begun;
};
/** The longest that anybody waits for an answer, which is 13 s, and a busy machine. */
const LONGEST = 25_000;
/** Those who do not wait so long: a search and a store that closes. */
const SOON = 12_000;

// Less than the long tests' own: what hangs here is a fault, and is told by its name.
jest.setTimeout(120_000);

describeOnMongod('A replica set that fails', () => {
  let set: WiredSet;
  let uri: string;
  let store: Engine;
  const running: Engine[] = [];
  const open = async (at = uri): Promise<Engine> => {
    const opened = await openMongoStore({ uri: at, runtime: systemRuntime, acceptRelease: '6.0.5' });
    running.push(opened);
    return opened;
  };
  const openFresh = async (): Promise<void> => {
    uri = set.freshUri();
    store = await open();
  };
  const drivers = (state: 'open' | 'silent' | 'closed') => {
    for (const { wire } of set.members) wire.set('drivers', state);
  };
  const stepDown = async () => {
    const { command } = await set.primary();
    await command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 4 }).catch(() => undefined);
  };
  const isStoredOnce = async () => {
    expect((await store.history(key('Patient/1'), { count: 10 })).total).toBe(1);
    expect(await store.audit({ count: 10 })).toHaveLength(1);
  };

  beforeAll(async () => {
    set = await startWiredSet();
  }, 60_000);
  afterEach(async () => {
    await set.heal();
    for (const opened of running.splice(0)) await opened.close();
  }, 60_000);
  afterAll(() => set.stop());

  describe('while it stores', () => {
    it.each([
      ['before it arrives', 'lost', 1],
      ['with its answer, when it is applied', 'unanswered', 1],
      ['with two answers', 'unanswered', 2],
      ['before it arrives, with all that the driver and we send of it at first', 'lost', 6],
    ] as const)('a single write that is lost %s is stored once', async (_, fate, times) => {
      await openFresh();
      set.inflict({ command: 'insert', fate, times });
      expect(await store.commit([row()])).toEqual([]);
      expect(set.cuts()).toBe(times);
      expect(await store.audit({ count: 10 })).toHaveLength(1);
    });

    it.each([
      ['in the middle of it, before a statement arrives', 'update', 'lost', 1],
      ['in the middle of it, with the answer to a statement', 'update', 'unanswered', 1],
      ['in the middle of it, three times', 'insert', 'unanswered', 3],
      ['before its commit arrives', 'commitTransaction', 'lost', 1],
      ['before any of its commits arrives', 'commitTransaction', 'lost', 6],
      ['with the answer to its commit', 'commitTransaction', 'unanswered', 1],
      ['with all answers to its commit', 'commitTransaction', 'unanswered', 6],
    ] as const)('a transaction that is lost %s is stored once, and answered truly', async (_, command, fate, times) => {
      await openFresh();
      set.inflict({ command, fate, times });
      expect(await store.commit(list())).toMatchObject([{ versionId: 1, created: true }]);
      expect(set.cuts()).toBe(times);
      await isStoredOnce();
    });

    it.each([
      ['before a statement arrives', 'update', 'lost'],
      ['in the middle of a transaction', 'update', 'unanswered'],
      ['before the commit arrives', 'commitTransaction', 'lost'],
      ['with the answer to the commit', 'commitTransaction', 'unanswered'],
    ] as const)('a primary that goes %s leaves it stored once', async (_, command, fate) => {
      await openFresh();
      const before = await set.primary();
      set.inflict({ command, fate, meanwhile: stepDown });
      expect(await store.commit(list())).toMatchObject([{ versionId: 1, created: true }]);
      // It may have stored it just before it goes.
      await until(async () => (await set.primary()) !== before);
      await isStoredOnce();
    });

    it('of many who create unless the identifier is there one does, though answers are lost and the primary goes', async () => {
      await openFresh();
      const other = await open();
      const name = 'Patient.identifier';
      const create = (id: string): Change[] => [
        { op: 'expect', query: plainQuery('Patient', { is: 'key', name, first: 'a|', second: 'b' }), matches: [] },
        save(`Patient/${id}`, {
          index: entries({ keys: [{ name, first: 'a|', second: 'b' }] }),
          expect: 'absent',
        }),
      ];
      set.inflict({ command: 'commitTransaction', fate: 'unanswered', times: 3, meanwhile: stepDown });
      const answers = await Promise.all(
        ids(20).map((id, i) => refusal((i % 2 === 0 ? store : other).commit(create(id)))),
      );
      expect(answers.filter((answer) => answer === 'fulfilled')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'conflict')).toHaveLength(19);
      const found = await other.read(ids(20).map((id) => key(`Patient/${id}`)));
      expect(found.filter(Boolean)).toHaveLength(1);
    });

    it('one slow member holds nobody up; two hold everybody up, for as long as they are slow', async () => {
      await openFresh();
      const slow = (await set.secondaries()).map(({ member }) => member);
      await slow[0]!.kill('SIGSTOP');
      // It stands still all the while.
      expect(await outcome(store.commit([save('Patient/0')]))).toBe('stored');
      await slow[1]!.kill('SIGSTOP');
      const committing = store.commit(list());
      const lasting = timed(committing);
      await sleep(1_000);
      for (const member of slow) await member.kill('SIGCONT');
      expect(await committing).toMatchObject([{ versionId: 1, created: true }]);
      expect(await lasting).toBeGreaterThan(900);
      await isStoredOnce();
    });

    it('a primary that the others have lost acknowledges nothing that is gone afterwards', async () => {
      await openFresh();
      const stale = await set.primary();
      set.isolate(stale);
      const answers: Promise<string>[] = [];
      const rows: Promise<string>[] = [];
      for (const id of ids(60)) {
        answers.push(outcome(store.commit([save(`Patient/${id}`, { expect: 'absent' })])));
        rows.push(outcome(store.commit([row()])));
        await sleep(50);
      }
      const told = await Promise.all(answers);
      expect(await set.primary()).not.toBe(stale);
      await set.heal();
      const found = await store.read(ids(60).map((id) => key(`Patient/${id}`)));
      const stored = found.map((version) => version?.versionId);
      expect(stored).toEqual(
        told.map((answer, i) => (answer === 'stored' ? 1 : answer === 'unknown' ? stored[i] : undefined)),
      );
      expect(told.filter((answer) => answer === 'stored').length).toBeGreaterThan(30);
      expect(new Set(await Promise.all(rows))).toEqual(new Set(['stored']));
      expect(await store.audit({ count: 100 })).toHaveLength(60);
    });

    it('a server that was silent stores nothing in a place that another took, nor takes what it finds there for its own', async () => {
      await openFresh();
      const admin = new MongoClient(uri);
      const collections = collectionsOf(admin.db(databaseOf(uri)));
      try {
        await admin.connect();
        const isCut = new Promise<void>((go) => {
          const meanwhile = () => {
            drivers('closed');
            go();
          };
          set.inflict({ command: 'commitTransaction', fate: 'unanswered', times: 6, meanwhile });
        });
        const unsure = outcome(store.commit(list()));
        await isCut;
        // The other one is on the other side, where the primary can be reached.
        const { member } = await set.primary();
        const beside = new MongoClient(`mongodb://127.0.0.1:${member.port}/?directConnection=true`);
        const theirs = collectionsOf(beside.db(databaseOf(uri)));
        await theirs.server.updateOne({ _id: 0 }, { $set: { seen: new Date(0) } });
        const other = await register(beside, theirs, systemRuntime);
        expect(other.number()).toBe(0);
        await theirs.writer.updateMany({ taken: other.taken() }, { $set: { last: 'of the other' } });
        await beside.close();
        drivers('open');
        expect(await unsure).toBe('unknown');

        // It does not know yet that it has lost its places: what it stores now goes into others, or nowhere.
        expect(await store.commit([save('Patient/2')])).toMatchObject([{ versionId: 1 }]);
        const lasts = await collections.writer
          .find({ taken: other.taken() })
          .map(({ last }) => last)
          .toArray();
        expect(lasts).toEqual(['of the other', 'of the other', 'of the other', 'of the other']);
        await isStoredOnce();
      } finally {
        await admin.close();
      }
    });
  });

  describe('while it is read', () => {
    it.each([
      ['once', 'unanswered', 1],
      ['five times', 'lost', 5],
    ] as const)('a connection that breaks %s is not noticed', async (_, fate, times) => {
      await openFresh();
      await store.commit(list());
      set.inflict({ command: 'find', fate, times });
      expect(await store.read([key('Patient/1')])).toMatchObject([{ versionId: 1 }]);
      expect(set.cuts()).toBe(times);
      set.inflict({ command: 'find', fate: 'unanswered' });
      expect((await store.search(plainQuery('Patient', everything), undefined)).matches).toHaveLength(1);
      expect(set.cuts()).toBe(1);
    });

    it('the version log goes on where it was: nothing is left out, nothing told twice, all in order', async () => {
      await openFresh();
      const stop = new AbortController();
      const told: number[] = [];
      const following = (async () => {
        for await (const { version } of store.changes(await store.end(), stop.signal)) {
          told.push(version.versionId);
          if (told.length === 80) stop.abort();
        }
      })();
      // So often that the driver gives up to open it again.
      const loseStream = () => set.inflict({ command: 'aggregate', fate: 'unanswered', times: 4 });
      const late = setTimeout(() => stop.abort(), 100_000);
      for (let version = 1; version <= 80; version++) {
        if (version === 10) set.inflict({ command: 'getMore', fate: 'unanswered', times: 3 });
        if (version === 30) set.inflict({ command: 'getMore', fate: 'lost', times: 3, meanwhile: stepDown });
        if (version === 60) set.inflict({ command: 'getMore', fate: 'lost', meanwhile: loseStream });
        await store.commit([save('Patient/1')]);
        await sleep(10);
      }
      await following;
      clearTimeout(late);
      expect(set.cuts()).toBe(4);
      expect(told).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    });
  });

  describe('so that no member takes writes', () => {
    /** Work under a lease: its epochs, and when each ended. */
    const holdLease = (signal: AbortSignal) => {
      const held: Held[] = [];
      const ends: number[] = [];
      const log = { error: () => undefined };
      const leases = startLeases({ store, runtime: systemRuntime, owner: 'me', isShared: true, log, signal });
      leases.hold('work', async (holding) => {
        held.push(holding);
        await new Promise<void>((go) => holding.signal.addEventListener('abort', () => go(), { once: true }));
        ends.push(performance.now());
      });
      const isHeld = async (times: number) => {
        while (held.length < times) await sleep(20);
      };
      return { held, ends, isHeld, stopped: leases.stopped };
    };

    it('on the side of a stale primary everybody is told so in time, work under leases ends, and a store closes soon', async () => {
      await openFresh();
      const closing = await open();
      await store.commit(list());
      const stop = new AbortController();
      const lease = holdLease(stop.signal);
      await lease.isHeld(1);

      const stale = await set.primary();
      for (const member of await set.secondaries()) member.wire.set('drivers', 'closed');
      set.isolate(stale);
      const begun = performance.now();
      const pending = outcome(closing.commit([save('Patient/3')]));
      const times = Promise.all([
        timed(store.commit([save('Patient/2')])),
        timed(store.read([key('Patient/1')])),
        sleep(2_500).then(() => timed(store.search(plainQuery('Patient', everything), undefined))),
        sleep(3_000).then(() => timed(closing.close())),
      ]);
      const writing = outcome(store.commit([save('Patient/4')]));
      await sleep(4_000);
      expect(await until(() => store.fault())).toMatch(/No member of the MongoDB cluster takes writes/);
      const reading = outcome(store.read([key('Patient/1')]));
      const searching = outcome(store.search(plainQuery('Patient', everything), undefined));
      expect(await searching).toBe('database');
      expect(['unknown', 'nothing of it is stored']).toContain(await writing);
      expect(['unknown', 'nothing of it is stored']).toContain(await pending);
      const [write, read, search, close] = await times;
      expect([write < LONGEST, read < LONGEST, search < SOON, close < SOON]).toEqual([true, true, true, true]);
      // At 10 s; nobody takes it over before 15.
      expect((await until(() => lease.ends[0])) - begun).toBeLessThan(14_000);
      expect(await reading).toBe('database');

      await set.heal();
      expect(await store.commit([save('Patient/1')])).toMatchObject([{ versionId: 2 }]);
      expect(store.fault()).toBeUndefined();
      await lease.isHeld(2);
      const [first, second] = lease.held.map(({ fence }) => fence);
      const under = (fence: Held['fence']): Change => ({ op: 'put', kind: 'cursor', key: 'a', value: 1, fence });
      expect(await refusal(store.commit([under(first!)]))).toBe('conflict');
      expect(await refusal(store.commit([under(second!)]))).toBe('fulfilled');
      stop.abort();
      await lease.stopped;
    });

    it('and none answers at all: everybody is told in time, and a store closes soon', async () => {
      await openFresh();
      const closing = await open();
      await store.commit(list());
      drivers('silent');
      const searching = store.search(plainQuery('Patient', everything), undefined);
      const searched = outcome(searching);
      const [write, read, search, close] = await Promise.all([
        timed(store.commit([save('Patient/2')])),
        timed(store.read([key('Patient/1')])),
        timed(searching),
        timed(closing.close()),
      ]);
      // Not its question was too long.
      expect(await searched).toBe('database');
      expect([write < LONGEST, read < LONGEST, search < SOON, close < SOON]).toEqual([true, true, true, true]);
      expect(read).toBeGreaterThan(5_000);
      drivers('open');
      expect(await store.read([key('Patient/1')])).toMatchObject([{ versionId: 1 }]);
      expect(await store.commit([save('Patient/1')])).toMatchObject([{ versionId: 2 }]);
    });
  });
});
