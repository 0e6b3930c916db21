/** Looks through the audit log, newest first. */
import type { Collection, Filter } from 'mongodb';
import type { AuditWindow, StoredAuditRow } from '../store.ts';
import type { AuditDocument } from './schema.ts';

/** Milliseconds that a look may take. */
const LONGEST = 5_000;

export async function auditRows(
  audit: Collection<AuditDocument>,
  window: AuditWindow,
  signal: AbortSignal | undefined,
): Promise<readonly StoredAuditRow[]> {
  const { count } = window;
  if (count <= 0) return [];
  const found = audit.find(filterOf(window), {
    sort: { _id: -1 },
    limit: count,
    maxTimeMS: LONGEST,
    ...(signal && { signal }),
  });
  return (await found.toArray()).map(auditRowOf);
}

export const auditRowOf = ({ _id, patients, ...row }: AuditDocument): StoredAuditRow => ({
  ...row,
  patients: patients.join(' '),
  sequence: _id,
});

function filterOf(window: AuditWindow): Filter<AuditDocument> {
  const { sequence, before, from, to, patient, who, key, action, interaction, entity } = window;
  const all: Filter<AuditDocument>[] = [{ _id: { $gt: 0 } }];
  if (sequence !== undefined) all.push({ _id: sequence });
  if (before !== undefined) all.push({ _id: { $lt: before } });
  if (from !== undefined) all.push({ at: { $gte: from } });
  if (to !== undefined) all.push({ at: { $lte: to } });
  if (patient !== undefined) all.push({ patients: patient });
  if (who !== undefined) all.push({ who });
  if (key !== undefined) all.push({ key });
  if (action !== undefined) all.push({ action });
  if (interaction !== undefined) all.push({ interaction });
  if (entity !== undefined) all.push(isAbout(entity));
  return { $and: all };
}

/** `Patient/1 $everything` is about Patient/1. Each part is a range of an index. */
const isAbout = (entity: string): Filter<AuditDocument> => ({
  $or: [
    { target: entity },
    { target: { $gt: `${entity} `, $lt: `${entity}!` } },
    ...(entity.startsWith('Patient/') ? [{ patients: entity }] : []),
  ],
});
