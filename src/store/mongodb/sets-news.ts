/** Sets that this server proposes, and those of the others: none is used before every server that searches knows it. docs/storage-mongodb.md */
import type { Collection, Long } from 'mongodb';
import { problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import type { Hashing } from '../hash.ts';
import { DUPLICATE_KEY } from './error-codes.ts';
import { setHash } from './hash.ts';
import { labelOf } from './hashes.ts';
import { type Common, type CommonDocument, createSets } from './sets.ts';
import { createLearning, type Learned, type Learning, usualLearning } from './sets-learning.ts';

/** Ms between a server's hearing of a set and its first use there; by then whoever has not heard of it answers no search. */
const WAIT = 20_000;
/** Ms after which what is known is too old at the end of a search. Less than WAIT. */
const TOO_OLD = 18_000;
/** The same at its beginning: it may take a while. */
const OLD = 9_000;
/** Ms between two looks for new ones. */
const LOOK_EVERY = 4_000;
/** A set that was written so many ms ago needs no wait: more than clocks can be wrong. */
const LONG_AGO = 600_000;
/** In a store, so that what one is asked by is a short list, and its order is read along as many places of the index (MongoDB takes 200). */
const MOST = 120;
const MOST_OF_A_TYPE = 30;
/** Values that a set must have beyond those of another that it has all of. */
const WORTH = 3;

export interface CommonOptions {
  readonly collection: Collection<CommonDocument>;
  readonly hashing: Hashing;
  readonly runtime: Pick<Runtime, 'sleep'>;
  readonly now: () => number;
  readonly learning?: Learning;
  /** Ms; for tests. */
  readonly wait?: number;
  readonly ticks?: () => number;
}

export interface CommonNews extends Common {
  /** Asks for what the others wrote. */
  look(signal?: AbortSignal): Promise<void>;
  /** Looks again and again until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
}

export function createCommon(options: CommonOptions): CommonNews {
  const { collection, hashing, runtime, now, learning = usualLearning, wait = WAIT } = options;
  const { ticks = () => performance.now() } = options;
  const sets = createSets();
  const waiting: { readonly id: Long; readonly from: number }[] = [];
  let asOf = Number.NEGATIVE_INFINITY;

  const look = async (signal?: AbortSignal) => {
    const begun = ticks();
    const found = await collection
      .find(
        { _id: { $nin: [...sets.ids()] } },
        {
          promoteLongs: false,
          batchSize: MOST * 2,
          maxTimeMS: LOOK_EVERY,
          ...(signal && { signal }),
        },
      )
      .toArray();
    for (const set of found.map(whole)) {
      sets.add(set);
      waiting.push({ id: set._id, from: now() - set.at > LONG_AGO ? begun : begun + wait });
    }
    asOf = Math.max(asOf, begun);
  };

  const useWhatMayBe = () => {
    while (waiting.length > 0 && waiting[0]!.from <= ticks()) sets.use(waiting.shift()!.id);
  };

  const propose = async ({ type, hashes, texts }: Learned) => {
    const alike = sets.of(type);
    if (sets.size() >= MOST || alike.length >= MOST_OF_A_TYPE) return;
    const mine = new Set(hashes.map(labelOf));
    if (alike.some(({ ix }) => mine.size - ix.length < WORTH && ix.every((one) => mine.has(labelOf(one))))) return;
    await collection
      .insertOne({ _id: setHash(hashing, type, hashes), t: type, ix: hashes, x: texts, at: now() })
      .catch((error) => {
        if (error.code !== DUPLICATE_KEY) throw error;
      });
    await look();
  };
  // What is not written down today is learned again.
  const note = createLearning(hashing, learning, (learned) => void propose(learned).catch(() => undefined));

  return {
    isOf: sets.isOf,
    largest: sets.largest,
    having: sets.having,
    saying: sets.saying,
    note(type, index) {
      useWhatMayBe();
      note(type, index);
    },
    async asking(search, signal) {
      for (let tries = 0; tries < 3; tries++) {
        if (ticks() - asOf > OLD) await look(signal);
        const known = asOf;
        const answer = await search();
        if (ticks() - known < TOO_OLD) return answer;
      }
      throw problem('transient', 'The search took too long', { headers: { 'Retry-After': '1' } });
    },
    look,
    async follow(signal) {
      while (!signal.aborted) {
        await runtime.sleep(LOOK_EVERY, signal);
        if (!signal.aborted) await look(AbortSignal.timeout(LOOK_EVERY)).catch(() => undefined);
      }
    },
  };
}

const whole = (set: CommonDocument): CommonDocument => ({ ...set, at: Number(set.at) });
