/** A document that one server at a time has, by the database's clock: whoever comes first, or after the owner's time is over. */
import type { Collection, Document, Filter } from 'mongodb';
import { DUPLICATE_KEY } from './error-codes.ts';

/**
 * True when it is ours now. `mine` are its id and what tells its owner; `isOver` an expression that is true when the owner's
 * time is over; `set` what stands in it as long as it is ours, where `$$NOW` is the database's time.
 */
export async function claim<T extends Document>(
  documents: Collection<T>,
  mine: Filter<T> & { readonly _id: unknown },
  isOver: Document,
  set: Document,
): Promise<boolean> {
  const ours = [{ $set: set }];
  try {
    await documents.updateOne(mine, ours, { upsert: true });
    return true;
  } catch (error) {
    // It is there and somebody else's, so the database wanted to add a second one.
    if ((error as { code?: number }).code !== DUPLICATE_KEY) throw error;
  }
  const over = { _id: mine._id, $expr: isOver } as unknown as Filter<T>;
  return (await documents.updateOne(over, ours)).matchedCount === 1;
}
