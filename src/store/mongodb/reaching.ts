/** Turns what the driver throws into what an engine may throw. https://www.mongodb.com/docs/manual/reference/error-codes/ */
import { MongoError } from 'mongodb';
import { Problem, problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { tooLong } from '../refusals.ts';
import { away, noError } from './deadline.ts';
import { isLate, isPassing } from './error-codes.ts';

/** What `work` gives; a problem instead of an error of the driver. */
export async function reaching<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal?.aborted) throw tooLong();
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted ? tooLong() : translated(error);
  }
}

/** Ms that a read may take: an election takes up to 12 s. */
export const LONGEST = 13_000;

/** A read that may be asked again, until an election is over. Ends in its time whatever the driver waits for: it has no limit for a member that is silent. */
export async function inTime<T>(runtime: Runtime, read: () => Promise<T>): Promise<T> {
  const until = performance.now() + LONGEST;
  const isOver = new AbortController();
  const tries = async (): Promise<T> => {
    for (let pause = 20; ; pause = Math.min(500, 2 * pause)) {
      try {
        return await read();
      } catch (error) {
        if (!isPassing(error) || isOver.signal.aborted || performance.now() + pause > until) throw error;
      }
      await runtime.sleep(pause, isOver.signal);
    }
  };
  // Whoever was answered in time needs no error, which would cost about as much as the read.
  const limit = runtime.sleep(LONGEST, isOver.signal).then((): Promise<never> => {
    if (isOver.signal.aborted) return new Promise(() => undefined);
    throw away();
  });
  try {
    return await Promise.race([tries(), limit]);
  } finally {
    isOver.abort(noError);
  }
}

/** Errors that are none of the driver's are bugs and stay what they are. */
export function translated(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof MongoError)) return error;
  if (isLate(error)) return tooLong();
  return problem('transient', 'The database could not be reached or broke off; try again', {
    headers: { 'Retry-After': '5' },
  });
}
