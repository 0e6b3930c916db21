/** Sends what a group made of its state: a few bulk writes, in an order that leaves one event per version in the change stream. */
import type { AnyBulkWriteOperation, BulkWriteResult, ClientSession, Document } from 'mongodb';
import type { Ledger } from './ledger.ts';
import type { Collections, GuardDocument, KeptDocument } from './schema.ts';

export async function sendAll(collections: Collections, ledger: Ledger, session: ClientSession): Promise<void> {
  const { resource, version, kept, audit, guard } = collections;
  const options = { session, ordered: true };
  const change = async <D extends Document>(
    collection: { bulkWrite(operations: any, options: object): Promise<BulkWriteResult> },
    operations: readonly AnyBulkWriteOperation<D>[],
    isSure = true,
  ) => {
    if (operations.length === 0) return;
    const done = await collection.bulkWrite(operations, options);
    const met = done.matchedCount + done.deletedCount + done.insertedCount + done.upsertedCount;
    // All that is changed was read in this same snapshot.
    if (isSure && met !== operations.length) throw new Error('a document was not as its transaction had read it');
  };
  const guards = [...ledger.guards].map(
    (_id): AnyBulkWriteOperation<GuardDocument> => ({
      updateOne: { filter: { _id }, update: { $inc: { n: 1 } }, upsert: true },
    }),
  );
  await change(guard, guards);
  if (ledger.former.length > 0) await version.insertMany(ledger.former, options);
  if (ledger.creations.length > 0) await resource.insertMany(ledger.creations, options);
  await change(resource, [...ledger.replacements, ...touches(ledger)]);
  for (const move of ledger.moves) await change(resource, [move]);
  await change(kept, keptOperations(ledger), false);
  if (ledger.audit.length > 0) await audit.insertMany(ledger.audit, options);
}

/** An update, which the version log passes over. */
function* touches({ reliedOn, written, resources, id }: Ledger): Generator<AnyBulkWriteOperation<any>> {
  for (const reference of reliedOn) {
    const state = resources.get(reference);
    if (!state || written.has(reference)) continue;
    yield { updateOne: { filter: { _id: reference, s: state.s }, update: { $set: { w: id } } } };
  }
}

/** Of each value only what is there in the end: nobody sees the states between. Insertions, then changes, then deletions, to be few commands. */
function keptOperations(ledger: Ledger): AnyBulkWriteOperation<KeptDocument>[] {
  const { kept, keptBefore, keptWritten, keptReliedOn, id } = ledger;
  const insertions: AnyBulkWriteOperation<KeptDocument>[] = [];
  const changes: AnyBulkWriteOperation<KeptDocument>[] = [];
  const deletions: AnyBulkWriteOperation<KeptDocument>[] = [];
  for (const _id of new Set([...keptWritten, ...keptReliedOn])) {
    const document = kept.get(_id);
    const wasThere = keptBefore.has(_id);
    if (document && !wasThere) insertions.push({ insertOne: { document } });
    else if (document && keptWritten.has(_id)) {
      changes.push({ replaceOne: { filter: { _id }, replacement: withoutId(document) } });
    } else if (document) changes.push({ updateOne: { filter: { _id }, update: { $set: { w: id } } } });
    else if (wasThere) deletions.push({ deleteOne: { filter: { _id } } });
    else if (keptReliedOn.has(_id)) {
      // That it is absent was relied on: whoever creates it meanwhile meets this.
      insertions.push({ insertOne: { document: { _id, value: 'null', revision: 0 } } });
      deletions.push({ deleteOne: { filter: { _id } } });
    }
  }
  return [...insertions, ...changes, ...deletions];
}

const withoutId = ({ _id: _, ...rest }: KeptDocument): Omit<KeptDocument, '_id'> => rest;
