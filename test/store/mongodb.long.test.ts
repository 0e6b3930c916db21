/** The conformance suite over three members, and as on a sharded cluster. */
import { afterAll, beforeAll } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { systemRuntime } from '../../src/runtime.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { type SharedSet, sharedReplicaSet } from '../support/mongod.ts';
import { storeConforms } from './conformance.ts';

describeOnMongod('On MongoDB of three members', () => {
  const opened: string[] = [];
  let set: SharedSet;
  beforeAll(async () => {
    set = await sharedReplicaSet();
  }, 120_000);
  afterAll(async () => {
    const admin = await new MongoClient(set.uri).connect();
    for (const name of opened) await admin.db(name).dropDatabase();
    await admin.close();
  }, 120_000);

  const open = (asSharded: boolean) => {
    const uri = set.freshUri();
    opened.push(databaseOf(uri));
    return openMongoStore({ uri, runtime: systemRuntime, acceptRelease: '6.0.5', asSharded });
  };
  storeConforms('MongoDB', () => open(false));
  storeConforms('MongoDB as on a sharded cluster', () => open(true));
});
