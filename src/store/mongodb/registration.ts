/** The number of a running server: its stamps end with it, and its places for transactions are called by it. */
import type { MongoClient } from 'mongodb';
import type { Runtime } from '../../runtime.ts';
import { claim } from './claim.ts';
import type { Collections } from './schema.ts';
import { SERVERS } from './stamps.ts';

/** Places of a server through which transactions pass, one at a time. */
export const PLACES = 4;
/** The `writer` document that is touched whenever places are added, and by whoever takes all of them. */
const WRITER_ROOT = 'root';
export const writerId = (server: number, place: number): string => `${server}/${place}`;

/** Ms of silence after which a number is free again, by the database's clock. */
const SILENCE = 60_000;
const HEARTBEAT = 10_000;

export interface Registration {
  /** Changes only when this server was silent for so long that another took its number. */
  number(): number;
  /** What stands in the places of the number as long as nobody else takes them. */
  taken(): string;
  /** Says that this server is running, until the signal aborts. */
  beat(signal: AbortSignal): Promise<void>;
  /** Gives the number back. */
  release(): Promise<void>;
}

export async function register(
  client: MongoClient,
  { server, writer }: Pick<Collections, 'server' | 'writer'>,
  runtime: Runtime,
): Promise<Registration> {
  const word = () => Buffer.from(runtime.random(12)).toString('hex');
  const boot = word();
  let taken = word();

  /** True unless a living server has the number. */
  const take = (number: number): Promise<boolean> =>
    claim(
      server,
      { _id: number, boot },
      { $lt: ['$seen', { $subtract: ['$$NOW', SILENCE] }] },
      { boot, seen: '$$NOW' },
    );

  const takeAny = async (): Promise<number> => {
    for (let number = 0; number < SERVERS; number++) {
      if (!(await take(number))) continue;
      await takePlaces(number);
      return number;
    }
    throw new Error(`The store has ${SERVERS} running servers already, which is the most that it can tell apart`);
  };

  /**
   * One transaction with the root, so that nobody takes "all places" without these. Whoever had the number before, and does not
   * know yet that it has lost it, can store nothing there any more, nor take what it finds there for its own.
   */
  const takePlaces = async (number: number): Promise<void> => {
    const ids = Array.from({ length: PLACES }, (_, place) => writerId(number, place));
    if ((await writer.countDocuments({ _id: { $in: ids }, taken })) === PLACES) return;
    const anew = word();
    const mine = { $set: { taken: anew }, $setOnInsert: { n: 0 } };
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await writer.updateOne({ _id: WRITER_ROOT }, { $inc: { n: 1 } }, { session, upsert: true });
        for (const _id of ids) await writer.updateOne({ _id }, mine, { session, upsert: true });
      }),
    );
    taken = anew;
  };

  let number = await takeAny();
  return {
    number: () => number,
    taken: () => taken,
    async beat(signal) {
      for (;;) {
        await runtime.sleep(HEARTBEAT, signal);
        if (signal.aborted) return;
        try {
          if (await take(number)) await takePlaces(number);
          else number = await takeAny();
        } catch {
          // Without a primary nobody else can take the number either.
        }
      }
    },
    async release() {
      await server.deleteOne({ _id: number, boot });
    },
  };
}
