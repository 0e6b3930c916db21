/** One try of a group: everything in one transaction, and what became of it. https://www.mongodb.com/docs/manual/core/transactions/ */
import type { ClientSession, TransactionOptions } from 'mongodb';
import { Problem, problem } from '../../fhir/outcome.ts';
import { type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { SearchQuery } from '../../search/query.ts';
import type { Written } from '../store.ts';
import { applyList } from './apply.ts';
import { sendAll } from './apply-bulk.ts';
import { homeOfKey } from './document.ts';
import { isContested, isPassing, isTooLarge, isUnknown } from './error-codes.ts';
import { expectAll } from './expectations.ts';
import type { List, QueryStep, Step } from './group-list.ts';
import { guardOf } from './guards.ts';
import type { Ledger, ResourceState } from './ledger.ts';
import { unexpected } from './outcome.ts';
import type { Parts } from './parts.ts';
import { translated } from './reaching.ts';
import type { Collections, KeptDocument } from './schema.ts';

/** Keys of up to `query.count` matches, as the transaction of the session sees them. */
export type ExpectSearch = (
  session: ClientSession,
  query: SearchQuery,
  signal: AbortSignal,
) => Promise<readonly string[]>;

/** What the lists pass through one transaction after another; see WriterDocument. */
export interface Place {
  readonly id: string;
  /** Stands there as long as it is this server's. */
  readonly taken: string;
  readonly session: ClientSession;
}

export type Answer = readonly Written[] | Problem;
export type Attempt =
  | { readonly is: 'done'; readonly answers: readonly Answer[] }
  /** Nothing is stored; what was in the way may be gone next time. */
  | { readonly is: 'again'; readonly error: unknown }
  /** Nothing is stored: this one list makes the transaction fail. */
  | { readonly is: 'blamed'; readonly list: List; readonly why: Problem }
  /** Nothing is stored, and trying the same again will not help. */
  | { readonly is: 'broken'; readonly error: unknown }
  /** The answers are true if the transaction of this id is stored. */
  | { readonly is: 'unknown'; readonly id: string; readonly answers: readonly Answer[] };

export interface Try {
  readonly id: string;
  /** Takes nothing for granted: what is to be created is looked for first, instead of trusting that it is not there. */
  readonly isCareful: boolean;
  /** Set by whoever waits no longer: a transaction that has not come to its commit then must not. */
  isOver: boolean;
  /** Set by the transaction: from now on nobody can say that nothing is stored. */
  isCommitting: boolean;
}

const options: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', journal: true },
  readPreference: 'primary',
};
/** A conditional may hold the others of its group up for so long. */
const PATIENCE = 1_000;
const COMMITS = 3;
const tooLong = () =>
  problem('timeout', 'The condition of a write took too long to check', { headers: { 'Retry-After': '1' } });

type Revisions = Ledger['nextRevision'];

/** `wasAwaySince`: whether there was no primary at some time after that moment, by performance.now(). */
export function createTransactions(
  parts: Parts,
  look: ExpectSearch,
  nextRevision: Revisions,
  wasAwaySince: (moment: number) => boolean,
) {
  const { collections, hashing, isSharded, stamps } = parts;
  const homeOf = (key: ResourceKey) => homeOfKey(referenceTo(key), hashing);

  const fill = async (ledger: Ledger, lists: readonly List[], session: ClientSession): Promise<readonly Answer[]> => {
    const answers: Answer[] = [];
    const taken = await takenIdentifiers(collections, lists, session);
    for (const list of lists) {
      const found = async ({ query, identifiers, guards }: QueryStep) => {
        if (taken && identifiers && !guards.some((guard) => taken.has(guard))) return [];
        const signal = AbortSignal.timeout(PATIENCE);
        const begun = performance.now();
        return look(session, query, signal).catch((error) => {
          if (signal.aborted) throw wasAwaySince(begun) ? new PrimaryGone() : new Blamed(list, tooLong());
          throw mayPass(error) ? error : new Blamed(list, translated(error));
        });
      };
      try {
        await expectAll(ledger, list, found);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        answers.push(error);
        continue;
      }
      answers.push(applyList(ledger, list));
    }
    return answers;
  };

  return async function attempt(place: Place, lists: readonly List[], how: Try): Promise<Attempt> {
    const { session } = place;
    const { id, isCareful } = how;
    const abandon = () => session.abortTransaction().catch(() => undefined);
    let answers: readonly Answer[];
    try {
      session.startTransaction(options);
      if (lists.some(({ isWide }) => isWide)) await takeAllPlaces(collections, session);
      const state = await readState(collections, lists, session, isCareful || isSharded);
      const ledger = emptyLedger({ ...state, now: parts.now(), id, isSharded, stamps, nextRevision, homeOf });
      answers = await fill(ledger, lists, session);
      if (answers.every((answer) => answer instanceof Problem)) {
        await abandon();
        return { is: 'done', answers };
      }
      await sendAll(collections, ledger, session);
      // Last, so that a condition that takes all places at its beginning has to wait for nobody.
      const mine = { _id: place.id, taken: place.taken };
      const { matchedCount } = await collections.writer.updateOne(mine, { $set: { last: id } }, { session });
      if (matchedCount !== 1) throw new PlaceGone();
    } catch (error) {
      await abandon();
      if (error instanceof Blamed) return { is: 'blamed', list: error.list, why: error.why };
      return { is: mayPass(error) || error instanceof Gone ? 'again' : 'broken', error };
    }
    if (how.isOver) {
      await abandon();
      return { is: 'again', error: new Error('it took too long') };
    }
    how.isCommitting = true;
    let isOpen = false;
    for (let commits = 0; commits < COMMITS; commits++) {
      try {
        await session.commitTransaction();
        return { is: 'done', answers };
      } catch (error) {
        if (!isOpen && isTooLarge(error)) return { is: 'broken', error };
        if (!isOpen && !isUnknown(error)) return { is: 'again', error };
        // Once a reply was lost, only the store itself can say no.
        isOpen = true;
        if (!isUnknown(error)) break;
      }
    }
    return { is: 'unknown', id, answers };
  };
}

/** Trying again may do. */
const mayPass = (error: unknown): boolean => isPassing(error) || isContested(error);

/** What this try needs is not there; the next may find it. */
class Gone extends Error {}
/** Another server has the place of this one, which was silent; it gets a new one with its next sign of life. */
class PlaceGone extends Gone {}
class PrimaryGone extends Gone {}

class Blamed extends Error {
  readonly list: List;
  readonly why: Problem;
  constructor(list: List, error: unknown) {
    super('a list makes its transaction fail');
    this.list = list;
    this.why = error instanceof Problem ? error : unexpected(error);
  }
}

/**
 * Whether the transaction of the id was stored. The write that asks waits for, or ends, a transaction that is still in the air, and
 * once a majority has it, what it found cannot change any more. Undefined when another server has the place: nobody can tell any more.
 */
export async function wasStored(collections: Collections, place: Place, id: string): Promise<boolean | undefined> {
  const asked = await collections.writer.findOneAndUpdate(
    { _id: place.id, taken: place.taken },
    { $inc: { n: 1 } },
    {
      session: place.session,
      writeConcern: { w: 'majority', journal: true },
      returnDocument: 'after',
    },
  );
  return asked ? asked.last === id : undefined;
}

/** Every transaction of every server writes the document of its place: none that is under way now can be stored beside this one. */
async function takeAllPlaces({ writer }: Collections, session: ClientSession): Promise<void> {
  await writer.updateMany({ _id: { $gte: '' } }, { $inc: { n: 1 } }, { session });
}

type State = Pick<Ledger, 'resources' | 'kept' | 'keptBefore' | 'lastRow'>;

/** Newest versions and kept values that the lists rely on or write; bodies only of those that become former versions. */
async function readState(
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
async function takenIdentifiers(
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

const emptyLedger = (
  known: State & Pick<Ledger, 'now' | 'id' | 'isSharded' | 'stamps' | 'nextRevision' | 'homeOf'>,
): Ledger => ({
  ...known,
  creations: [],
  replacements: [],
  moves: [],
  former: [],
  written: new Set(),
  keptWritten: new Set(),
  audit: [],
  reliedOn: new Set(),
  keptReliedOn: new Set(),
  guards: new Set(),
});
