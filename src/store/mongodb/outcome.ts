/** What callers of a commit are told of an error of the driver, and operators. https://www.mongodb.com/docs/manual/core/transactions-in-applications/ */
import { MongoServerError } from 'mongodb';
import { type Problem, problem } from '../../fhir/outcome.ts';
import { isTooLarge } from './error-codes.ts';

export { outcomeUnknown } from '../refusals.ts';

const soon = { headers: { 'Retry-After': '1' } };

/** Nothing was stored. */
export const tooBusy = (): Problem =>
  problem('transient', 'The store could not write this in time; nothing of it is stored', soon);
const tooMuchAtOnce = (): Problem =>
  problem(
    'too-costly',
    'This is more than the database can store at once; nothing of it is stored. Send it in smaller bundles, or give MongoDB a larger cache (--wiredTigerCacheSizeGB)',
    { status: 413 },
  );
/** What trying again does not help. The driver's own words may quote what was written, and a number tells callers nothing: nameOf is for the log. */
export const unexpected = (error: unknown): Problem =>
  isTooLarge(error)
    ? tooMuchAtOnce()
    : problem(
        'transient',
        'The database refused to store this; nothing of it is stored. Its operator finds why in the log of this server',
        soon,
      );
export const noPrimary = 'No member of the MongoDB cluster takes writes at the moment';

/** For the log: what is wrong, and nothing that was to be written. */
export function nameOf(error: unknown): string {
  if (error instanceof MongoServerError) return `MongoDB error ${error.code} (${error.codeName ?? error.name})`;
  return (error as Error).name;
}
