/** The time a search may take, and what whoever searches is told when it is over. https://www.mongodb.com/docs/manual/reference/method/cursor.maxTimeMS/ */
import { MongoError } from 'mongodb';
import { Problem, problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { tooLong } from '../refusals.ts';
import { isLate, isPassing } from './error-codes.ts';

/** Milliseconds that a search may take at all. */
export const LONG = 5_000;

export interface Deadline {
  /** By the runtime's clock, in ms. */
  readonly until: number;
  readonly signal?: AbortSignal | undefined;
}

export const away = (): Problem =>
  problem('transient', 'The database is changing its primary; try again', { headers: { 'Retry-After': '5' } });

/** Milliseconds that are left, at least one; throws timeout when there are none. */
export function leftOf({ until, signal }: Deadline, runtime: Runtime): number {
  const left = until - runtime.now();
  if (signal?.aborted || left <= 0) throw tooLong();
  return Math.max(1, Math.ceil(left));
}

/** Why a wait is over that was not needed: an error with its stack would cost as much as a read. */
export const noError = 'not needed';

/** Ms after the deadline in which a database that is well has said itself that the time is up (`maxTimeMS`). */
const GRACE = 500;

/** Gives the work a signal that aborts some time after the deadline: `maxTimeMS` does not end the wait for a primary, or for a silent one. */
export async function withinTime<T>(
  { until, signal }: Deadline,
  runtime: Runtime,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const [over, done] = [new AbortController(), new AbortController()];
  runtime.sleep(Math.max(0, until - runtime.now()) + GRACE, done.signal).then(() => {
    if (!done.signal.aborted) over.abort();
  });
  try {
    return await work({ until, signal: signal ? AbortSignal.any([over.signal, signal]) : over.signal });
  } finally {
    done.abort(noError);
  }
}

/** Runs a whole reading, once more where the first try met a change of primary. No error of the driver leaves it raw. */
export async function reachingTwice<T>(deadline: Deadline, runtime: Runtime, read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      leftOf(deadline, runtime);
      return await read();
    } catch (error) {
      const isOver = error instanceof Problem ? error.code === 'timeout' : isLate(error);
      // The first try took the time away, and it met no primary.
      if (isOver) throw tries > 1 ? away() : tooLong();
      if (error instanceof Problem) throw error;
      // Not the search was too long, but the wait for a primary, or for one that is silent.
      if (deadline.signal?.aborted) throw away();
      if (isPassing(error)) {
        if (tries === 1 && runtime.now() < deadline.until) continue;
        throw away();
      }
      // The message of the database may hold values of the filter.
      if (error instanceof MongoError) throw new Error(`MongoDB refused to search: ${error.name} ${error.code ?? ''}`);
      throw error;
    }
  }
}
