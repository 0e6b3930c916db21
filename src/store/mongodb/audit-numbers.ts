/** Tells whether an audit row whose number is there already is that row, or another's: a server that was silent for long may have given numbers that its successor gave too. */
import type { Collection } from 'mongodb';
import type { List } from './group-list.ts';
import type { AuditDocument } from './schema.ts';
import type { Stamps } from './stamps.ts';

/** The lists with new numbers for rows whose own another row has; undefined when there is none such. */
export async function renumbered<T extends List>(
  audit: Collection<AuditDocument>,
  lists: readonly T[],
  stamps: Stamps,
): Promise<readonly T[] | undefined> {
  const rows = lists.flatMap(({ steps }) => steps.flatMap((step) => (step.op === 'append' ? [step.row] : [])));
  const there = await audit
    .find({ _id: { $in: rows.map(({ _id }) => _id) } }, { projection: { requestId: 1, at: 1 } })
    .toArray();
  const stored = new Map(there.map((row) => [row._id, row]));
  const isOthers = ({ _id, requestId, at }: AuditDocument) => {
    const row = stored.get(_id);
    return row !== undefined && (row.requestId !== requestId || row.at !== at);
  };
  if (!rows.some(isOthers)) return undefined;
  return lists.map((list) => ({
    ...list,
    steps: list.steps.map((step) =>
      step.op === 'append' && isOthers(step.row) ? { ...step, row: { ...step.row, _id: stamps.next() } } : step,
    ),
  }));
}
