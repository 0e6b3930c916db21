/** Takes in what another store held, as it was: versions, audit rows and kept values with all that they say of themselves. */
import { Binary } from 'mongodb';
import { refused } from '../refusals.ts';
import type { List, RestoreStep } from './group-list.ts';
import { type Ledger, storeVersion } from './ledger.ts';

/** Before the list is written: what goes in comes next, also within the list. Throws a conflict. */
export function expectNext({ resources, lastRow }: Ledger, { steps }: List): void {
  const newest = new Map<string, number>();
  let row = lastRow;
  for (const step of steps) {
    if (step.op === 'restore') {
      const { reference, version } = step;
      const last = newest.get(reference) ?? resources.get(reference)?.v ?? 0;
      if (version.versionId !== last + 1) throw refused.isNotNext(reference, last);
      newest.set(reference, version.versionId);
    } else if (step.op === 'restore-row') {
      if (step.row._id <= row) throw refused.hasRow(row);
      row = step.row._id;
    }
  }
}

export function restoreVersion(ledger: Ledger, { reference, version, home, guards, fields }: RestoreStep): void {
  const newest = ledger.resources.get(reference);
  const { key, versionId: v, lastUpdated: u, method: m, text } = version;
  // A version that is not the newest there points to nobody that is known: it waits where its resource is.
  const s = home ?? newest?.s ?? ledger.homeOf(key);
  const p = newest?.p ?? ledger.stamps.next();
  const body = text === '' ? undefined : new Binary(Buffer.from(text, 'utf8'));
  storeVersion(ledger, { _id: reference, s, p, v, u, m, ...(body && { b: body }) }, { t: key.type, ...fields }, guards);
}
