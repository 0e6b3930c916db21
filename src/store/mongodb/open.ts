/** Opens a store on MongoDB: whom it talks to and how, whether that can keep the promises, what has to be there first. */
import type { CommandStartedEvent, Db, MongoClient, MongoClientOptions } from 'mongodb';
import type { Runtime } from '../../runtime.ts';
import type { Engine } from '../engine.ts';
import { createHashing } from '../hash.ts';
import { databaseOf, uriObjection } from '../mongodb-uri.ts';
import { buildIndexes } from './build-indexes.ts';
import { createClock } from './clock.ts';
import { connectTo } from './connect.ts';
import { createFacts, type Facts, own } from './facts.ts';
import { assemble, type OnCommit, type StoreLog } from './mongo-store.ts';
import type { Parts } from './parts.ts';
import { register } from './registration.ts';
import { collectionsOf, SCHEMA_VERSION } from './schema.ts';
import { checkServer } from './server-checks.ts';
import { type CommonOptions, createCommon } from './sets-news.ts';
import { shardCollections } from './sharding.ts';
import { stampsOf } from './stamps.ts';

export interface MongoOptions {
  /** `mongodb://...`; the database in its path, `watchfire` without one. */
  readonly uri: string;
  readonly runtime: Runtime;
  /** Version of the index entries that this program makes; an older store needs `upgradeIndex`, a newer one is refused. Default 1. */
  readonly indexVersion?: number;
  /** The exact release of MongoDB whose known faults the operator accepts. */
  readonly acceptRelease?: string | undefined;
  /** 8 bytes that seed the hashes of a new store; random by default. */
  readonly seed?: Uint8Array;
  /** Told of each group commit: how many lists it took along, how many of them a conflict refused, and the seconds it took. */
  readonly onCommit?: OnCommit | undefined;
  /** Told what operators want to know, in sentences. */
  readonly log?: StoreLog;
  /** For tests: ms that a primary is waited for. */
  readonly patience?: number;
  /** For tests: ms between two looks behind a change stream. */
  readonly checkEvery?: number;
  /** For tests: speaks to the one member that the URI names, such as a proxy before it. */
  readonly isDirect?: boolean;
  /** For tests: goes about everything as on a sharded cluster, though there is none. */
  readonly asSharded?: boolean;
  /** For tests: how soon values that resources have in common stand for all of them. */
  readonly common?: Partial<Pick<CommonOptions, 'learning' | 'wait'>>;
  /** For tests: told of each command that is sent. */
  readonly onSent?: (command: CommandStartedEvent) => void;
}

/** What the promises stand on is said here and not left to the URI. docs/running-on-mongodb.md */
const settings: MongoClientOptions = {
  appName: 'watchfire',
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  retryWrites: true,
  retryReads: true,
  // An election takes up to 12 s.
  serverSelectionTimeoutMS: 15_000,
  heartbeatFrequencyMS: 2_000,
  // With the heartbeat: a primary that hangs is given up after 7 s, and with it what waits for its answers.
  connectTimeoutMS: 5_000,
  compressors: ['none'],
};

/** Ms between two looks at the database's clock. */
const MEASURE_EVERY = 30_000;

/** Rejects with a sentence for people when the store cannot be served. */
export async function openMongoStore(options: MongoOptions): Promise<Engine> {
  const objection = uriObjection(options.uri);
  if (objection !== undefined) throw new Error(`The URI of the store ${objection}`);
  const client = await connectTo(options.uri, {
    ...settings,
    ...(options.patience && { serverSelectionTimeoutMS: options.patience }),
    ...(options.isDirect && { directConnection: true }),
    ...(options.onSent && { monitorCommands: true }),
  });
  if (options.onSent) client.on('commandStarted', options.onSent);
  try {
    await checkServer(client, { acceptRelease: options.acceptRelease });
    return await openDatabase(client, options);
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function openDatabase(client: MongoClient, options: MongoOptions): Promise<Engine> {
  const { runtime, indexVersion = 1, log = () => undefined } = options;
  const db = client.db(databaseOf(options.uri));
  const collections = collectionsOf(db);
  const facts = createFacts(collections.fact);
  const hello = () => db.admin().command({ hello: 1 });
  const isRouter = (await hello())['msg'] === 'isdbgrid';
  const clock = createClock(runtime, async () => Number((await hello())['localTime']));

  const [seed] = await Promise.all([
    settle(facts, options.seed ?? runtime.random(8), indexVersion),
    clock.measure(),
    makeCollections(db),
  ]);
  if (isRouter) await shardCollections(db);
  const stop = new AbortController();
  const [registration, build] = await Promise.all([
    register(client, collections, runtime),
    buildIndexes({ db, collections, runtime, log, signal: stop.signal }),
  ]);

  const hashing = createHashing(seed);
  const shared = { collection: collections.common, hashing, runtime, now: clock.now };
  const common = createCommon({ ...shared, ...options.common });
  await common.look();
  const parts: Parts = {
    client,
    collections,
    hashing,
    common,
    runtime,
    now: clock.now,
    stamps: stampsOf(registration, clock.now),
    boot: registration.boot,
    get server() {
      return registration.number();
    },
    get taken() {
      return registration.taken();
    },
    isSharded: isRouter || options.asSharded === true,
  };
  void registration.beat(stop.signal);
  void common.follow(stop.signal);
  void keepTime(client, clock.measure, runtime, stop.signal);
  return assemble({ ...options, parts, db, facts, build, log, indexVersion }, async () => {
    stop.abort();
    await noLonger(runtime, registration.release());
    await noLonger(runtime, client.close());
  });
}

/** Ms that whoever leaves waits for the database. */
const LEAVING = 1_000;

/** Nothing depends on it: what is not given back expires. */
async function noLonger(runtime: Runtime, work: Promise<void>): Promise<void> {
  const isDone = new AbortController();
  work.catch(() => undefined).finally(() => isDone.abort());
  await runtime.sleep(LEAVING, isDone.signal);
}

/** Keeps what makes the store this store, and resolves with its seed. Throws when a newer program was here. */
async function settle(facts: Facts, seed: Uint8Array, indexVersion: number): Promise<Uint8Array> {
  const [schema, index, kept] = await Promise.all([
    facts.keepFact(own.schema, String(SCHEMA_VERSION)),
    facts.keepFact(own.indexVersion, String(indexVersion)),
    facts.keepFact(own.seed, Buffer.from(seed).toString('hex')),
  ]);
  if (Number(schema) > SCHEMA_VERSION) {
    throw new Error(`The store was written by a newer Watchfire (schema ${schema}, this one knows ${SCHEMA_VERSION})`);
  }
  if (Number(schema) < SCHEMA_VERSION) await facts.setFact(own.schema, String(SCHEMA_VERSION));
  if (Number(index) > indexVersion) {
    throw new Error(`The store was indexed by a newer Watchfire (index ${index}, this one makes ${indexVersion})`);
  }
  return new Uint8Array(Buffer.from(kept, 'hex'));
}

const NAMESPACE_EXISTS = 48;

/** A transaction that had to make one would wait for it. */
async function makeCollections(db: Db): Promise<void> {
  const there = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
  const missing = Object.keys(collectionsOf(db)).filter((name) => !there.has(name));
  await Promise.all(
    missing.map((name) =>
      db.command({ create: name }).catch((error) => {
        if (error.code !== NAMESPACE_EXISTS) throw error;
      }),
    ),
  );
}

/** Measures the clock now and then, and whenever another primary has the time. */
async function keepTime(client: MongoClient, measure: () => Promise<void>, runtime: Runtime, signal: AbortSignal) {
  const again = () => measure().catch(() => undefined);
  let primary = '';
  const onChange = ({ newDescription }: { newDescription: { servers: Map<string, { type: string }> } }) => {
    const [now] = [...newDescription.servers].find(([, { type }]) => type === 'RSPrimary') ?? [];
    if (now === undefined || now === primary) return;
    primary = now;
    void again();
  };
  client.on('topologyDescriptionChanged', onChange);
  while (!signal.aborted) {
    await runtime.sleep(MEASURE_EVERY, signal);
    if (!signal.aborted) await again();
  }
  client.off('topologyDescriptionChanged', onChange);
}
