/** Makes the indexes of schema.ts: at once while little is stored, beside the work of the server when it is much. */
import type { Db, IndexDescription } from 'mongodb';
import { problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { isPassing } from './error-codes.ts';
import { type Collections, indexes } from './schema.ts';

/** Documents up to which the start waits. */
const LITTLE = 50_000;
/** Ms between two looks at how far it is. */
const LOOK_EVERY = 2_000;
/** Ms before a build is asked for again. */
const PAUSE = 1_000;

/** Indexes that an older schema had and this one has not. Others on our collections are the operator's. */
const former: Readonly<Partial<Record<keyof Collections, readonly string[]>>> = { audit: ['key'] };

export interface IndexBuild {
  /** Throws transient while an index of the collection is being made. */
  expect(...names: readonly (keyof Collections)[]): void;
  /** Resolves when all are made; rejects when one cannot be. Tells how far the one under way is, from 0 to 1, where the server says so. */
  done(onProgress: (part: number) => void, signal: AbortSignal): Promise<void>;
}

export interface Building {
  readonly db: Db;
  readonly collections: Collections;
  readonly runtime: Runtime;
  readonly log: (sentence: string) => void;
  /** Aborts when the store is closed. */
  readonly signal: AbortSignal;
}

type Wanted = readonly [name: keyof Collections, indexes: IndexDescription[]];

/** Resolves when the server may start. `little` is for tests. */
export async function buildIndexes(building: Building, little = LITTLE): Promise<IndexBuild> {
  const { db, collections, runtime, log, signal: closed } = building;
  const wanted = await Promise.all(
    (Object.keys(indexes) as (keyof Collections)[]).map(async (name): Promise<Wanted> => {
      const there = await namesOf(building, name);
      for (const old of former[name] ?? []) if (there.includes(old)) await collections[name].dropIndex(old);
      return [name, indexes[name]!.filter((index) => !there.includes(index.name!))];
    }),
  );
  /** One command waits for the end of the build, however long that takes; sent again to another primary, it joins what goes on there. */
  const make = async (name: keyof Collections, list: readonly IndexDescription[]): Promise<void> => {
    for (;;) {
      try {
        await db.command({ createIndexes: name, indexes: list }, { timeoutMS: 0 });
        return;
      } catch (error) {
        if (closed.aborted || !isPassing(error)) throw error;
        await runtime.sleep(PAUSE, closed);
      }
    }
  };
  const missing = wanted.filter(([, list]) => list.length > 0);
  const underWay = new Map<keyof Collections, Promise<void>>();
  for (const [name, list] of missing) {
    const isBig = (await collections[name].estimatedDocumentCount()) > little;
    if (isBig) log(`indexes ${list.map((index) => index.name).join(', ')} of ${name} are being made`);
    const made = make(name, list).then(() => {
      underWay.delete(name);
      if (isBig) log(`indexes of ${name} are made`);
    });
    underWay.set(name, made);
    made.catch(() => undefined);
    if (!isBig) await made;
  }

  return {
    expect(...names) {
      if (!names.some((name) => underWay.has(name))) return;
      throw problem('transient', 'An index of the database is being made; this is answered when it is done', {
        headers: { 'Retry-After': '10' },
      });
    },
    async done(onProgress, signal) {
      if (underWay.size === 0) return;
      const over = new AbortController();
      const looked = AbortSignal.any([over.signal, signal]);
      const looking = (async () => {
        while (!looked.aborted) {
          const part = await progressOf(db).catch(() => undefined);
          if (part !== undefined && !looked.aborted) onProgress(part);
          await runtime.sleep(LOOK_EVERY, looked);
        }
      })();
      const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      try {
        await Promise.race([Promise.all(underWay.values()), stopped]);
      } finally {
        over.abort();
        await looking;
      }
    },
  };
}

const NAMESPACE_NOT_FOUND = 26;

async function namesOf({ collections }: Building, name: keyof Collections): Promise<readonly string[]> {
  try {
    return (await collections[name].listIndexes().toArray()).map((index) => String(index.name));
  } catch (error) {
    if ((error as { code?: number }).code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
}

/** https://www.mongodb.com/docs/manual/core/index-creation/ : operations of the server tell how far they are. */
async function progressOf(db: Db): Promise<number | undefined> {
  const working = db.client
    .db('admin')
    .aggregate([
      { $currentOp: { allUsers: true } },
      { $match: { 'progress.total': { $gt: 0 }, ns: { $gte: `${db.databaseName}.`, $lt: `${db.databaseName}/` } } },
      { $project: { progress: 1 } },
    ]);
  const parts = (await working.toArray()).map(({ progress }) => Number(progress.done) / Number(progress.total));
  return parts.length > 0 ? Math.min(...parts) : undefined;
}
