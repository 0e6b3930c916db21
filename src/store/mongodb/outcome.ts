/** What an error of the driver says about a transaction, and what callers are told. https://www.mongodb.com/docs/manual/core/transactions-in-applications/ */
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';
import { type Problem, problem } from '../../fhir/outcome.ts';

const WRITE_CONFLICT = 112;
const DUPLICATE_KEY = 11_000;

/** Trying again may do: another transaction was in the way, or a member of the cluster. A duplicate is what another created since our snapshot. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  if (error.hasErrorLabel('TransientTransactionError') || error.hasErrorLabel('RetryableWriteError')) return true;
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (error instanceof MongoOperationTimeoutError) return true;
  // Of many writes at once, so wrapped: the driver could not send them, or no majority has acknowledged them yet.
  if (error instanceof MongoBulkWriteError && error.code === undefined) return true;
  return error.code === WRITE_CONFLICT || error.code === DUPLICATE_KEY;
}

/** The commit may or may not have been done. Anything else than a clear no counts as that. */
export const isUnknown = (error: unknown): boolean =>
  !(error instanceof MongoError) ||
  error.hasErrorLabel('UnknownTransactionCommitResult') ||
  !error.hasErrorLabel('TransientTransactionError');

const soon = { headers: { 'Retry-After': '1' } };
const later = { headers: { 'Retry-After': '5' } };

/** Nothing was stored. */
export const tooBusy = (): Problem =>
  problem('transient', 'The store could not write this in time; nothing of it is stored', soon);
export const outcomeUnknown = (): Problem =>
  problem(
    'transient',
    'The outcome of this write is unknown: the connection to the store was lost while it was made. Look whether it is there before it is sent again',
    later,
  );
/** What MongoDB can never take, however often it is sent: TransactionTooLarge, TransactionTooLargeForCache, BSONObjectTooLarge. */
const tooLarge: ReadonlySet<unknown> = new Set([257, 388, 10_334]);
export const isTooLarge = (error: unknown): boolean => error instanceof MongoServerError && tooLarge.has(error.code);

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

/** Another transaction wrote the same. */
export const isContested = (error: unknown): boolean =>
  error instanceof MongoError && (error.code === WRITE_CONFLICT || error.code === DUPLICATE_KEY);
