/** What is kept of whose a device was: its periods, under the id of the Device. docs/storage.md */
import type { Change, Store } from '../store/store.ts';
import type { Assignment } from './periods.ts';

export const assignmentKind = 'assignment';

export interface KeptAssignments {
  readonly periods: readonly Assignment[];
}

/** A device's periods, and the expectation that they are still these. */
export async function assignmentsOf(
  device: string,
  store: Pick<Store, 'get'>,
): Promise<KeptAssignments & { readonly still: Change }> {
  const [kept] = await store.get(assignmentKind, [device]);
  const { periods } = (kept?.value as KeptAssignments | undefined) ?? { periods: [] };
  const of = { kind: assignmentKind, key: device };
  return { periods, still: { op: 'expect', of, at: kept?.revision ?? 'absent' } };
}
