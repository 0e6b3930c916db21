/** What of the private state moves to another store: all but what speaks of this one, of its servers and of places in it. */
import { watchKind } from '../alerts/watch/room.ts';
import { isOver, type Job, kinds as jobs } from '../operations/kept.ts';
import { kinds as leases } from '../store/lease.ts';
import type { HeldValue } from '../store/store.ts';
import { kinds as subscriptions } from '../subscriptions/kept.ts';
import { cursorKey } from '../subscriptions/notifier.ts';

/** Key `progress`: how far an import has come ({@link Progress} in import.ts). Gone when it is done. */
export const importKind = 'import';

const staying: ReadonlySet<string> = new Set([importKind, watchKind, subscriptions.bell, ...Object.values(leases)]);

/** Where the notifier stands is the end of the log on either side, and is written by the import. */
const isNotifiers = ({ kind, key }: HeldValue): boolean => kind === subscriptions.cursor && key === cursorKey;

/** As it goes along; undefined where it stays. The same when asked of what went along. */
export function portable(kept: HeldValue): HeldValue | undefined {
  if (staying.has(kept.kind) || isNotifiers(kept)) return undefined;
  return kept.kind === jobs.job ? { ...kept, value: jobAnew(kept.value) } : kept;
}

/** A job that is not over begins again: its place is one in the index of this store. */
function jobAnew(job: Job): Job {
  const { after: _place, ...rest } = job;
  if (isOver(job)) return rest;
  const { started: _then, ...asked } = rest;
  return { ...asked, state: 'waiting', at: 0, done: 0, of: 0, entries: 0 };
}
