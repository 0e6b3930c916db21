/** What an error of the driver means for whoever asked: the one table of numbers. https://www.mongodb.com/docs/manual/reference/error-codes/ */
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';

const EXPIRED = 50;
const WRITE_CONFLICT = 112;
export const DUPLICATE_KEY = 11_000;
/** No primary, or another one; a snapshot that is gone; a member that goes down; killed (11601), by a server that took this one for dead, or by an operator. */
const passing: ReadonlySet<unknown> = new Set([
  6, 7, 89, 91, 133, 189, 239, 246, 262, 9001, 10107, 11600, 11601, 11602, 13388, 13435, 13436,
]);
/** TransactionTooLarge, TransactionTooLargeForCache, BSONObjectTooLarge. */
const tooLarge: ReadonlySet<unknown> = new Set([257, 388, 10_334]);

/** Asking again may do: a member of the cluster was in the way. What was to be written may be stored. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  if (error.hasErrorLabel('TransientTransactionError') || error.hasErrorLabel('RetryableWriteError')) return true;
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (error instanceof MongoOperationTimeoutError) return true;
  // Of many writes at once, so wrapped, without the labels: the driver could not send them, or no majority has acknowledged them yet.
  if (error instanceof MongoBulkWriteError && (error.code === undefined || error.result.getWriteConcernError())) {
    return true;
  }
  return error instanceof MongoServerError && passing.has(error.code);
}

/** Another transaction wrote the same. A duplicate is what another created since our snapshot. */
export const isContested = (error: unknown): boolean =>
  error instanceof MongoError && (error.code === WRITE_CONFLICT || error.code === DUPLICATE_KEY);

/** The database has ended it. */
export const isLate = (error: unknown): boolean => error instanceof MongoServerError && error.code === EXPIRED;

/** What MongoDB can never take, however often it is sent. */
export const isTooLarge = (error: unknown): boolean => error instanceof MongoServerError && tooLarge.has(error.code);

/** The commit may or may not have been done. Anything else than a clear no counts as that. */
export const isUnknown = (error: unknown): boolean =>
  !(error instanceof MongoError) ||
  error.hasErrorLabel('UnknownTransactionCommitResult') ||
  !error.hasErrorLabel('TransientTransactionError');
