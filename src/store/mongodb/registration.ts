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
/** Ms after the last sign of life that came through in which nobody else can have the number: clocks are not quite as fast as each other. */
const SURE = 50_000;
const HEARTBEAT = 10_000;
/** Ms after one that failed. */
const AGAIN = 1_000;

export interface Registration {
  /** Changes only when this server was silent for so long that another took its number. */
  number(): number;
  /** False after so long a silence that another may have taken it. */
  isSure(): boolean;
  /** Another for each start of a server. */
  readonly boot: string;
  /** What stands in the places of the number as long as nobody else takes them. */
  taken(): string;
  /** Says that this server is running, until the signal aborts. */
  beat(signal: AbortSignal): Promise<void>;
  /** Gives the number back. */
  release(): Promise<void>;
}

/** `ticks` are ms of a clock that nobody sets. */
export async function register(
  client: MongoClient,
  { server, writer }: Pick<Collections, 'server' | 'writer'>,
  runtime: Runtime,
  ticks: () => number = () => performance.now(),
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

  /** `told` is when it was asked for, by `ticks`: the database heard of it later. */
  const takeAny = async (): Promise<{ readonly number: number; readonly told: number }> => {
    for (let number = 0; number < SERVERS; number++) {
      const told = ticks();
      if (!(await take(number))) continue;
      await takePlaces(number);
      return { number, told };
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

  let held = await takeAny();
  return {
    number: () => held.number,
    isSure: () => ticks() - held.told < SURE,
    boot,
    taken: () => taken,
    async beat(signal) {
      for (let pause = HEARTBEAT; ; ) {
        await runtime.sleep(pause, signal);
        pause = HEARTBEAT;
        if (signal.aborted) return;
        try {
          const told = ticks();
          if (await take(held.number)) {
            await takePlaces(held.number);
            held = { ...held, told };
          } else {
            held = { ...held, told: Number.NEGATIVE_INFINITY };
            held = await takeAny();
          }
        } catch {
          // Without a primary nobody else can take the number either.
          pause = AGAIN;
        }
      }
    },
    async release() {
      await server.deleteOne({ _id: held.number, boot });
    },
  };
}
