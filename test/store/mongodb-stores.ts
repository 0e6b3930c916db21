/** Stores on a replica set of one member, closed after each test; their databases go when the file is done. */
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import type { Engine } from '../../src/store/engine.ts';
import { type MongoOptions, openMongoStore } from '../../src/store/mongodb/open.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { type SharedSet, sharedReplicaSet } from '../support/mongod.ts';

export interface MongodbStores {
  /** URI of a database that nobody has used. */
  fresh(): string;
  open(uri: string, options?: Partial<MongoOptions>): Promise<Engine>;
  /** Beside every store; there once the tests run. */
  readonly admin: MongoClient;
}

/** To be called where tests are described: it sets up and clears away by itself. */
export function mongodbStores(): MongodbStores {
  let set: SharedSet;
  let admin: MongoClient;
  const dropped: string[] = [];
  const running: Engine[] = [];
  beforeAll(async () => {
    set = await sharedReplicaSet({ members: 1 });
    admin = await new MongoClient(set.uri).connect();
  }, 60_000);
  afterEach(async () => {
    for (const store of running.splice(0)) await store.close();
  });
  afterAll(async () => {
    for (const name of dropped) await admin.db(name).dropDatabase();
    await admin.close();
  }, 60_000);
  return {
    fresh() {
      const uri = set.freshUri();
      dropped.push(databaseOf(uri));
      return uri;
    },
    async open(uri, options) {
      const store = await openMongoStore({ uri, runtime: systemRuntime, acceptRelease: '6.0.5', ...options });
      running.push(store);
      return store;
    },
    get admin() {
      return admin;
    },
  };
}
