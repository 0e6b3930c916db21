/** The engine that a run of tests is about: the embedded one, or with WATCHFIRE_TEST_STORE=mongodb a database of its own in the replica set of the run. */

export interface TestStore {
  /** Value of WATCHFIRE_STORE. */
  readonly store: string;
  /** Of that server, whatever its faults: it is here for tests. */
  readonly mongodbAcceptRelease?: string;
  /** Removes what was stored, where that is not in the data folder. */
  drop(): Promise<void>;
}

/** `mongodb` for a fresh database there, a URI for that one, which its owner drops; where left out, what the run is about. */
export async function testStore(asked: string = process.env['WATCHFIRE_TEST_STORE'] ?? 'sqlite'): Promise<TestStore> {
  if (asked !== 'mongodb') return { store: asked, drop: async () => undefined };
  const [{ MongoClient }, { sharedReplicaSet }] = await Promise.all([import('mongodb'), import('./mongod.ts')]);
  const { uri } = await sharedReplicaSet({ members: 1 });
  const asking = async <T>(ask: (client: InstanceType<typeof MongoClient>) => Promise<T>): Promise<T> => {
    const client = new MongoClient(uri, { maxPoolSize: 1 });
    try {
      return await ask(client);
    } finally {
      await client.close();
    }
  };
  const { version } = await asking((client) => client.db('admin').command({ buildInfo: 1 }));
  return {
    store: uri,
    mongodbAcceptRelease: version,
    drop: async () => void (await asking((client) => client.db().dropDatabase())),
  };
}
