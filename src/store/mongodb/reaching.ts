/** Turns what the driver throws into what an engine may throw. https://www.mongodb.com/docs/manual/reference/error-codes/ */
import { MongoError } from 'mongodb';
import { Problem, problem } from '../../fhir/outcome.ts';

/** What `work` gives; a problem instead of an error of the driver. */
export async function reaching<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal?.aborted) throw tooLong();
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted ? tooLong() : asProblem(error);
  }
}

/** Errors that are none of the driver's are bugs and stay what they are. */
export function asProblem(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof MongoError)) return error;
  if (error.code === MAX_TIME_EXPIRED) return tooLong();
  return problem('transient', 'The database could not be reached or broke off; try again', {
    headers: { 'Retry-After': '5' },
  });
}

const MAX_TIME_EXPIRED = 50;
const tooLong = () => problem('timeout', 'The search took too long; ask for less, or in a narrower way');

export const noStore = () => problem('no-store', 'The store is closed');
