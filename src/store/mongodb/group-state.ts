/** What the lists of a group rely on, read from the snapshot of their transaction in as few round trips as will do. docs/storage-mongodb.md */
import type { ClientSession } from 'mongodb';
import type { List, Step } from './group-list.ts';
import { guardOf } from './guards.ts';
import type { Ledger, ResourceState } from './ledger.ts';
import type { Collections, KeptDocument } from './schema.ts';

/** What the lists find. */
export type State = Pick<Ledger, 'resources' | 'kept' | 'keptBefore' | 'lastRow'>;

/** Newest versions and kept values that the lists rely on or write; bodies only of those that become former versions. */
export async function readState(
  { resource, kept, audit }: Collections,
  lists: readonly List[],
  session: ClientSession,
  isCareful: boolean,
): Promise<State> {
  const whole = new Set<string>();
  const bare = new Set<string>();
  const values = new Set<string>();
  for (const { steps } of lists) for (const step of steps) note(step, whole, bare, values, isCareful);
  for (const reference of whole) bare.delete(reference);
  const resources = new Map<string, ResourceState>();
  for (const [references, body] of [
    [whole, { b: 1 }],
    [bare, {}],
  ] as const) {
    if (references.size === 0) continue;
    const projection = { s: 1, p: 1, v: 1, u: 1, m: 1, ...body };
    const found = resource.find<ResourceState>(
      { _id: { $in: [...references] } },
      { session, projection, batchSize: references.size + 1 },
    );
    for (const state of await found.toArray()) resources.set(state._id, state);
  }
  const keptNow = new Map<string, KeptDocument>();
  if (values.size > 0) {
    const asked = { session, batchSize: values.size + 1 };
    for (const document of await kept.find({ _id: { $in: [...values] } }, asked).toArray()) {
      keptNow.set(document._id, document);
    }
  }
  let lastRow = 0;
  if (lists.some(({ steps }) => steps.some(({ op }) => op === 'restore-row'))) {
    const asked = { session, projection: { _id: 1 }, sort: { _id: -1 } } as const;
    lastRow = (await audit.findOne({ _id: { $gte: 0 } }, asked))?._id ?? 0;
  }
  return { resources, kept: keptNow, keptBefore: new Set(keptNow.keys()), lastRow };
}

function note(step: Step, whole: Set<string>, bare: Set<string>, values: Set<string>, isCareful: boolean): void {
  switch (step.op) {
    case 'write':
      // What is to be created is nearly always not there: if it is, the insertion fails, and the next try is careful.
      if (isCareful || step.expect !== 'absent') whole.add(step.reference);
      return;
    case 'restore':
      whole.add(step.reference);
      return;
    case 'restore-kept':
      values.add(step.id);
      return;
    case 'expect-resource':
    case 'reindex':
      bare.add(step.reference);
      return;
    case 'expect-query':
      for (const reference of step.matches) bare.add(reference);
      return;
    case 'expect-kept':
      values.add(step.id);
      return;
    case 'put':
    case 'drop':
      values.add(step.id);
      if (step.fence) values.add(step.fence.id);
  }
}

/** More resources with the identifiers asked for than this, and each condition is searched for by itself. */
const MOST_TAKEN = 1_000;

/**
 * Where several lists ask for identifiers: the guards of those that some resource has, in one round trip. Most have none,
 * and need no search. Undefined where it does not pay.
 */
export async function takenIdentifiers(
  { resource }: Collections,
  lists: readonly List[],
  session: ClientSession,
): Promise<ReadonlySet<string> | undefined> {
  const asked = lists.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.op === 'expect-query' && step.identifiers ? [step.identifiers] : [])),
  );
  if (asked.length < 2) return undefined;
  const options = { session, projection: { ix: 1 }, promoteLongs: false, limit: MOST_TAKEN, batchSize: MOST_TAKEN + 1 };
  const found = await resource.find({ ix: { $in: asked.flat() } }, options).toArray();
  return found.length < MOST_TAKEN ? new Set(found.flatMap(({ ix }) => ix.map(guardOf))) : undefined;
}
