/** Stores on MongoDB of which only the searching is the engine's: what is written is put in place by the test. */
import { Binary, type Document, MongoClient } from 'mongodb';
import { referenceTo } from '../../src/fhir/references.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { fillGap } from '../../src/store/gap.ts';
import { createHashing } from '../../src/store/hash.ts';
import { indexFields, type ResourceDocument } from '../../src/store/mongodb/document.ts';
import { homeOf } from '../../src/store/mongodb/homes.ts';
import type { Parts } from '../../src/store/mongodb/parts.ts';
import { collectionsOf, indexes } from '../../src/store/mongodb/schema.ts';
import { runSearch } from '../../src/store/mongodb/search.ts';
import { type Learning, usualLearning } from '../../src/store/mongodb/sets-learning.ts';
import { createCommon } from '../../src/store/mongodb/sets-news.ts';
import { createStamps } from '../../src/store/mongodb/stamps.ts';
import type { Change, Store, Written } from '../../src/store/store.ts';
import { noScans, type ReplicaSet, startReplicaSet } from '../support/mongod.ts';

/** One member that refuses every plan without an index. */
export function openers() {
  let set: ReplicaSet;
  let client: MongoClient;
  let opened = 0;
  return {
    async start() {
      set = await startReplicaSet({
        members: 1,
        electionTimeoutMillis: 1_000,
        words: noScans,
      });
      client = await new MongoClient(set.uri, { writeConcern: { w: 'majority' } }).connect();
    },
    async stop() {
      await client?.close();
      await set?.stop();
    },
    /** Of the one member. */
    send: (signal: 'SIGSTOP' | 'SIGCONT') => set.members[0]!.kill(signal),
    admin: (command: Document) => client.db('admin').command(command),
    /** `learning`: how soon what resources have in common stands for all of it, without waiting for other servers. */
    async open(learning: Learning = usualLearning): Promise<{ parts: Parts; store: PlacedStore }> {
      const collections = collectionsOf(client.db(`search_${++opened}`));
      await collections.resource.createIndexes([...indexes.resource!]);
      const runtime = systemRuntime;
      const hashing = createHashing(runtime.random(8));
      const shared = { collection: collections.common, hashing, runtime, now: runtime.now, learning, wait: 0 };
      const parts: Parts = {
        client,
        collections,
        runtime,
        hashing,
        common: createCommon(shared),
        now: runtime.now,
        stamps: createStamps(0, runtime.now),
        server: 0,
        boot: '',
        taken: '',
        isSharded: false,
      };
      return { parts, store: storeOf(parts) };
    },
  };
}

/** Takes lastUpdated from another engine where it is given. */
export interface PlacedStore extends Store {
  commit(changes: readonly Change[], like?: Written): Promise<readonly Written[]>;
}

function storeOf(parts: Parts): PlacedStore {
  const { collections, hashing, common, stamps } = parts;
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
    const fields = method === 'DELETE' ? { ix: [] } : indexFields(key.type, index, hashing, common);
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
            const fields = indexFields(t, change.index, hashing, common);
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
