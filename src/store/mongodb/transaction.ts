/** One try of a group: everything in one transaction, and what became of it. https://www.mongodb.com/docs/manual/core/transactions/ */
import type { ClientSession, TransactionOptions } from 'mongodb';
import { Problem, problem } from '../../fhir/outcome.ts';
import { type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { SearchQuery } from '../../search/query.ts';
import type { Written } from '../store.ts';
import { applyList } from './apply.ts';
import { sendAll } from './apply-bulk.ts';
import { isContested, isPassing, isTooLarge, isUnknown } from './error-codes.ts';
import { expectAll } from './expectations.ts';
import type { List, QueryStep } from './group-list.ts';
import { readState, type State, takenIdentifiers } from './group-state.ts';
import { homeOfKey } from './homes.ts';
import type { Ledger } from './ledger.ts';
import { unexpected } from './outcome.ts';
import type { Parts } from './parts.ts';
import { translated } from './reaching.ts';
import type { Collections } from './schema.ts';

/** Keys of up to `query.count` matches, as the transaction of the session sees them. */
export type ExpectSearch = (
  session: ClientSession,
  query: SearchQuery,
  signal: AbortSignal,
) => Promise<readonly string[]>;

/** What the lists pass through one transaction after another; see WriterDocument. */
export interface WriterPlace {
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

  return async function attempt(place: WriterPlace, lists: readonly List[], how: Try): Promise<Attempt> {
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
export async function wasStored(
  collections: Collections,
  place: WriterPlace,
  id: string,
): Promise<boolean | undefined> {
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
