/** The collections of the MongoDB floor: newest versions with what the operations search by, former ones, audit rows. Majority and journal; one command or one transaction for all that wait together. */
import { type ClientSession, MongoClient, type TransactionOptions } from 'mongodb';
import { indexes } from '../src/store/mongodb/schema.ts';
import { grouped } from './grouped.ts';

interface Newest {
  readonly _id: string;
  readonly n: number;
  /** JSON text. */
  readonly b: string;
  /** Patient, code and time of a reading. */
  readonly p?: string;
  readonly c?: string;
  readonly d?: Date;
  /** Identifiers. */
  readonly i?: readonly string[];
  /** The last transaction that relied on it. */
  readonly w?: string;
}

/** One interaction, with all that the server notes of it. */
export interface Row {
  readonly at: number;
  readonly who: string;
  readonly key: string;
  readonly interaction: string;
  readonly action: string;
  readonly target: string;
  readonly patients: readonly string[];
  readonly status: number;
  readonly requestId: string;
  readonly address: string;
  readonly query: string;
  readonly reason: string;
}

/** Stored whole with its row, or not at all. */
export interface Write {
  readonly row: Row;
  readonly creations: readonly { readonly id: string; readonly resource: any }[];
  /** The next version; without a resource the end of it. */
  readonly change?: { readonly id: string; readonly resource?: any };
  /** Nothing is created where somebody has it. */
  readonly unless?: string;
  /** Private state that goes along, of which it is sure that nobody else has written it meanwhile. */
  readonly keeps?: readonly string[];
  /** What must not change before this is stored. */
  readonly relies?: string;
}
export interface Outcome {
  /** As stored, in the order of the creations and the change. */
  readonly texts: readonly string[];
  /** Who has the identifier already. */
  readonly existing?: string | undefined;
}

export interface MongoFloorStore {
  write(write: Write): Promise<Outcome>;
  /** Resolves when the row is on a majority's disks. */
  note(row: Row): Promise<void>;
  newest(id: string): Promise<string | undefined>;
  /** Private state, asked as the server asks; nobody has a use for it here. */
  kept(key: string): Promise<string | undefined>;
  version(id: string, number: number): Promise<string | undefined>;
  byIdentifier(identifier: string): Promise<string[]>;
  readings(patient: string, code: string | null, from: number, to: number, count: number): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * same: what the server's transactions write beside the versions too, a guard for each identifier that comes into being and the place through
 * which the transaction passed. least: without them, which promises less.
 */
export type Likeness = 'same' | 'least';

const inTransaction: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', journal: true },
};
const GROUPS = 2;

export async function openMongoFloorStore(uri: string, likeness: Likeness): Promise<MongoFloorStore> {
  const client = new MongoClient(uri, {
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    enableUtf8Validation: false,
    ignoreUndefined: true,
  });
  await client.connect();
  const db = client.db();
  const cur = db.collection<Newest>('cur');
  const former = db.collection<{ _id: string; b: string }>('former');
  const audit = db.collection<Row & { _id: number }>('audit');
  await cur.createIndex({ p: 1, c: 1, d: -1 }, { partialFilterExpression: { p: { $exists: true } } });
  await cur.createIndex({ i: 1 }, { partialFilterExpression: { i: { $exists: true } } });
  // The same rows with the same indexes as the server's.
  await audit.createIndexes([...indexes.audit!]);
  // A transaction that had to make one would wait for it.
  for (const name of ['former', 'guard', 'place', 'kept']) await db.createCollection(name).catch(() => undefined);
  const kept = db.collection<{ _id: string; b: string }>('kept');
  const guard = db.collection<{ _id: string }>('guard');
  const place = db.collection<{ _id: string }>('place');
  let transactions = 0;
  const places = Array.from({ length: GROUPS }, (_, n) => `0/${n}`);
  for (const _id of places) await place.updateOne({ _id }, { $set: { last: '' } }, { upsert: true });

  let rows = Date.now() * 1000;
  const numbered = (row: Row) => ({ ...row, _id: rows++ });
  const bodies = { projection: { _id: 0, b: 1 } } as const;

  async function inOneGo(writes: readonly Write[], session: ClientSession, at: string): Promise<readonly Outcome[]> {
    const taken = new Map<string, string>();
    const conditions = writes.flatMap(({ unless }) => unless ?? []);
    if (conditions.length > 0) {
      for (const { i, b } of await cur.find({ i: { $in: conditions } }, { session }).toArray()) {
        for (const one of i!) taken.set(one, b);
      }
    }
    const changed = writes.flatMap(({ change }) => change?.id ?? []);
    const before = new Map<string, Newest>();
    if (changed.length > 0) {
      for (const one of await cur.find({ _id: { $in: changed } }, { session }).toArray()) before.set(one._id, one);
    }
    const creations: Newest[] = [];
    const changes: Parameters<typeof cur.bulkWrite>[0][number][] = [];
    const outcomes = writes.map((write): Outcome => {
      const existing = write.unless && taken.get(write.unless);
      if (existing) return { texts: [], existing };
      const made = write.creations.map(({ id, resource }) => documentOf(id, resource, 1));
      creations.push(...made);
      const texts = made.map(({ b }) => b);
      if (!write.change) return { texts };
      const { id, resource } = write.change;
      const old = before.get(id);
      if (!resource) {
        if (old) changes.push({ deleteOne: { filter: { _id: id, n: old.n } } });
        return { texts };
      }
      const next = documentOf(id, resource, (old?.n ?? 0) + 1);
      if (old) changes.push({ replaceOne: { filter: { _id: id, n: old.n }, replacement: next } });
      else creations.push(next);
      return { texts: [next.b] };
    });
    if (likeness === 'same') {
      const identifiers = new Set(creations.flatMap(({ i }) => i ?? []));
      const upserts = [...identifiers].map((_id) => ({
        updateOne: { filter: { _id }, update: { $inc: { n: 1 } }, upsert: true },
      }));
      if (upserts.length > 0) await guard.bulkWrite(upserts, { session });
    }
    const keeps = likeness === 'same' ? writes.flatMap((write) => write.keeps ?? []) : [];
    if (keeps.length > 0) {
      await kept.find({ _id: { $in: keeps } }, { session }).toArray();
      const puts = keeps.map((_id) => ({
        updateOne: {
          filter: { _id },
          update: { $set: { b: JSON.stringify({ number: ++transactions }) } },
          upsert: true,
        },
      }));
      await kept.bulkWrite(puts, { session });
    }
    const relied = [...new Set(writes.flatMap(({ relies }) => relies ?? []))];
    if (likeness === 'same' && relied.length > 0) {
      await cur.updateMany({ _id: { $in: relied } }, { $set: { w: at } }, { session });
    }
    const past = [...before.values()].map(({ _id, n, b }) => ({ _id: `${_id}/${n}`, b }));
    if (past.length > 0) await former.insertMany(past, { session });
    if (creations.length > 0) await cur.insertMany(creations, { session });
    if (changes.length > 0) await cur.bulkWrite(changes, { session });
    await audit.insertMany(
      writes.map(({ row }) => numbered(row)),
      { session },
    );
    if (likeness === 'same') await place.updateOne({ _id: at }, { $set: { last: `${++transactions}` } }, { session });
    return outcomes;
  }

  const write = grouped<Write, Outcome>({
    most: GROUPS,
    locksOf: ({ change, unless, relies }) => [change?.id, unless, relies].filter((lock) => lock !== undefined),
    run: async (writes) => {
      const at = places.shift()!;
      try {
        return await client.withSession({ causalConsistency: false }, (session) =>
          session.withTransaction(() => inOneGo(writes, session, at), inTransaction),
        );
      } finally {
        places.push(at);
      }
    },
  });
  const note = grouped<Row, void>({
    most: GROUPS,
    async run(some) {
      await audit.insertMany(some.map(numbered), { ordered: false });
      return [];
    },
  });
  const reading = (collection: typeof cur | typeof former | typeof kept) =>
    grouped<string, string | undefined>({
      most: GROUPS,
      async run(ids) {
        const found = await (collection as typeof former)
          .find({ _id: { $in: [...ids] } }, { projection: { b: 1 }, batchSize: ids.length + 1 })
          .toArray();
        const byId = new Map(found.map(({ _id, b }) => [_id, b]));
        return ids.map((id) => byId.get(id));
      },
    });
  const newest = reading(cur);
  const past = reading(former);
  const state = reading(kept);
  const byIdentifier = grouped<string, string[]>({
    most: GROUPS,
    async run(identifiers) {
      const asked = { i: { $in: [...identifiers] } };
      const found = await cur.find(asked, { projection: { b: 1, i: 1 } }).toArray();
      return identifiers.map((identifier) => texts(found.filter(({ i }) => i!.includes(identifier))));
    },
  });
  const texts = (documents: readonly { readonly b: string }[]) => documents.map(({ b }) => b);

  return {
    write,
    note,
    newest,
    kept: state,
    version: async (id, number) => (await past(`${id}/${number}`)) ?? newest(id),
    byIdentifier,
    async readings(p, code, from, to, count) {
      const d = { $gte: new Date(from), $lt: new Date(to) };
      const sort = { p: 1, c: 1, d: -1 } as const;
      const filter = code ? { p, c: code, d } : { p };
      return texts(await cur.find(filter, { ...bodies, sort, limit: count, batchSize: count + 1 }).toArray());
    },
    close: () => client.close(),
  };
}

function documentOf(_id: string, resource: any, n: number): Newest {
  resource.id = _id;
  resource.meta = { versionId: `${n}`, lastUpdated: new Date().toISOString() };
  const i = resource.identifier?.map(({ system, value }: any) => `${system}|${value}`);
  const b = JSON.stringify(resource);
  if (resource.resourceType !== 'Observation') return { _id, n, b, i };
  const { system, code } = resource.code.coding[0];
  const d = new Date(resource.effectiveDateTime);
  return { _id, n, b, i, p: resource.subject.reference, c: `${system}|${code}`, d };
}
