/** Audit rows that nothing else comes with: one insertion for all that wait, without a transaction. docs/storage-mongodb.md */
import { type Collection, MongoBulkWriteError } from 'mongodb';
import { renumbered } from './audit-numbers.ts';
import { DUPLICATE_KEY, isContested, isPassing } from './error-codes.ts';
import type { List } from './group-list.ts';
import { outcomeUnknown, tooBusy, unexpected } from './outcome.ts';
import type { AuditDocument } from './schema.ts';
import { backOff, inTime, type Tries, type Waiting, watched } from './waiting.ts';

/** A group of nothing but one audit row each is one insertion: the number of a row makes it safe to send again. */
export async function runRows(
  tries: Tries,
  audit: Collection<AuditDocument>,
  lists: readonly Waiting[],
): Promise<void> {
  let open = lists;
  for (let failures = 0; ; failures++) {
    if (failures > 0) await backOff(tries.runtime, failures);
    // Whatever an earlier try met, it may have been stored.
    open = inTime(open, tries, failures > 0 ? outcomeUnknown : tooBusy);
    if (open.length === 0) return;
    const rows = open.flatMap(({ steps }) => steps.flatMap((step) => (step.op === 'append' ? [step.row] : [])));
    try {
      await watched(tries, open, { isOver: false, isCommitting: true }, () =>
        audit.insertMany(rows, { ordered: false, writeConcern: { w: 'majority', journal: true } }),
      );
    } catch (error) {
      if (!isThereAlready(error)) {
        if (isPassing(error) || isContested(error)) continue;
        tries.onRefused(error);
        const isNone = failures === 0 && !(error instanceof MongoBulkWriteError && error.insertedCount > 0);
        for (const list of open) list.answer(isNone ? unexpected(error) : outcomeUnknown());
        return;
      }
      try {
        const anew = await renumbered(audit, open, tries.stamps);
        if (anew !== undefined) {
          open = anew;
          continue;
        }
      } catch {
        // Whose they are could not be found out, or there is no number now: the next try asks again.
        continue;
      }
      // They came with an earlier try whose reply was lost, maybe not to a majority: this one has to be acknowledged.
      if (failures === 0) continue;
    }
    for (const list of open) list.answer([]);
    return;
  }
}

const isThereAlready = (error: unknown): boolean => {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return false;
  const errors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  return errors.length > 0 && errors.every(({ code }) => code === DUPLICATE_KEY);
};

/** Lists that `runRows` may take. */
export const isRow = ({ steps }: List): boolean => steps.length === 1 && steps[0]!.op === 'append';
