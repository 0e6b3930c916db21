/** Takes a group through as many tries as it needs and answers each of its callers, whatever becomes of the others. */
import { type Collection, MongoBulkWriteError } from 'mongodb';
import type { Problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { renumbered } from './audit-numbers.ts';
import { DUPLICATE_KEY, isContested, isPassing } from './error-codes.ts';
import type { List } from './group-list.ts';
import { outcomeUnknown, tooBusy, unexpected } from './outcome.ts';
import type { AuditDocument } from './schema.ts';
import type { Stamps } from './stamps.ts';
import type { Answer, Attempt, Place, Try } from './transaction.ts';

export interface Waiting extends List {
  /** By performance.now(); nobody is kept waiting much longer. */
  readonly deadline: number;
  /** The first answer counts. */
  readonly answer: (answer: Answer) => void;
}

export interface Tries {
  readonly runtime: Runtime;
  readonly attempt: (place: Place, lists: readonly List[], how: Try) => Promise<Attempt>;
  readonly wasStored: (place: Place, id: string) => Promise<boolean | undefined>;
  readonly nextId: () => string;
  readonly stamps: Stamps;
  /** Told of what the database will never take, or why nobody knows. */
  readonly onRefused: (error: unknown) => void;
  /** Aborts when nobody is to wait any longer, since the store closes. */
  readonly end: AbortSignal;
}

/** Failures after which the lists go one by one. */
const TOGETHER = 2;

/** Resolves when nothing of the group is under way any more. Never rejects. The place is asked for at each try: another server may take it. */
export async function runGroup(tries: Tries, place: () => Place, lists: readonly Waiting[]): Promise<void> {
  let open = lists;
  for (let failures = 0; ; failures++) {
    const attempt = await tryOnce(tries, place, open, failures > 0);
    if (attempt.is === 'done') return;
    open = attempt.left;
    const isEnough = attempt.is === 'broken' || (failures + 1 >= TOGETHER && isContested(attempt.error));
    if (open.length > 1 && isEnough) return oneByOne(tries, place, open);
    await backOff(tries.runtime, failures + 1);
  }
}

/**
 * Each by itself, once; then those that did not come through again, from the first: one that fails again and again takes away
 * nobody else's time. What shares a key with one before it waits for that one.
 */
async function oneByOne(tries: Tries, place: () => Place, lists: readonly Waiting[]): Promise<void> {
  let open = lists;
  for (let rounds = 1; open.length > 0; rounds++) {
    const left: Waiting[] = [];
    const blocked = new Set<string>();
    for (const [i, list] of open.entries()) {
      if (!list.locks.some((lock) => blocked.has(lock))) {
        const others = [...left, ...open.slice(i + 1)];
        const attempt = await watched(tries, others, nothingSent(), () => tryOnce(tries, place, [list], true));
        if (attempt.is === 'done') continue;
      }
      for (const lock of list.locks) blocked.add(lock);
      left.push(list);
    }
    open = left;
    if (open.length > 0) await backOff(tries.runtime, rounds);
  }
}

type Tried =
  | { readonly is: 'done' }
  /** These are to be tried again: together, or, where it is `broken`, each by itself. */
  | { readonly is: 'again' | 'broken'; readonly left: readonly Waiting[]; readonly error: unknown };

/** One try, and another at once without each list that makes it fail. Answers whoever can be told. */
async function tryOnce(
  tries: Tries,
  place: () => Place,
  lists: readonly Waiting[],
  isCareful: boolean,
): Promise<Tried> {
  for (let open = inTime(lists, tries); open.length > 0; open = inTime(open, tries)) {
    const how: Try = { id: tries.nextId(), isCareful, ...nothingSent() };
    const attempt = await watched(tries, open, how, () => attemptAndDecide(tries, place(), open, how));
    switch (attempt.is) {
      case 'done':
        for (const [i, list] of open.entries()) list.answer(attempt.answers[i]!);
        return { is: 'done' };
      case 'blamed':
        for (const list of open) if (list === attempt.list) list.answer(attempt.why);
        open = open.filter((list) => list !== attempt.list);
        continue;
      case 'again':
        return { is: 'again', left: open, error: attempt.error };
      case 'broken':
        if (open.length > 1) return { is: 'broken', left: open, error: attempt.error };
        tries.onRefused(attempt.error);
        open[0]!.answer(unexpected(attempt.error));
        return { is: 'done' };
    }
  }
  return { is: 'done' };
}

/** How far a try is at its beginning; and others, as long as they wait for it. */
const nothingSent = () => ({ isOver: false, isCommitting: false });

/** Each caller is told at its own time, whatever the driver waits for: that nothing is stored, as long as that can be made true. */
async function watched<T>(
  { runtime, end }: Tries,
  lists: readonly Waiting[],
  how: Pick<Try, 'isOver' | 'isCommitting'>,
  work: () => Promise<T>,
): Promise<T> {
  const wake = new AbortController();
  const onEnd = () => wake.abort();
  end.addEventListener('abort', onEnd);
  let isDone = false;
  const watch = async () => {
    for (const list of lists) {
      // A timer may fire a little early; told then, a list could still be tried again, and stored.
      while (!isDone && !end.aborted && remainingOf(list) > 0) await runtime.sleep(remainingOf(list), wake.signal);
      if (isDone) return;
      if (!how.isCommitting) how.isOver = true;
      list.answer(how.isCommitting ? outcomeUnknown() : tooBusy());
    }
  };
  void watch();
  try {
    return await work();
  } finally {
    isDone = true;
    wake.abort();
    end.removeEventListener('abort', onEnd);
  }
}

type Decided = Exclude<Attempt, { is: 'unknown' }>;

/** The place is free again only when it is known what became of its transaction. */
async function attemptAndDecide(tries: Tries, place: Place, lists: readonly Waiting[], how: Try): Promise<Decided> {
  const attempt = await tries.attempt(place, lists, how);
  if (attempt.is !== 'unknown') return attempt;
  for (let failures = 1; ; failures++) {
    try {
      const answer = await tries.wasStored(place, attempt.id);
      if (answer === undefined) return { is: 'done', answers: lists.map(outcomeUnknown) };
      if (answer) return { is: 'done', answers: attempt.answers };
      return { is: 'again', error: new Error('the commit did not come through') };
    } catch {
      // Whoever closes waits no longer for what cannot be found out.
      if (tries.end.aborted) return { is: 'done', answers: lists.map(outcomeUnknown) };
    }
    await backOff(tries.runtime, failures);
  }
}

/** 5 to 500 ms, never the same as another's. */
async function backOff(runtime: Runtime, failures: number): Promise<void> {
  const most = Math.min(500, 5 * 2 ** Math.min(failures, 10));
  await runtime.sleep((most * (128 + runtime.random(1)[0]! / 2)) / 256);
}

const remainingOf = ({ deadline }: Waiting): number => deadline - performance.now();

/** Those whose time is not over; the others are told. */
function inTime(lists: readonly Waiting[], { end }: Tries, why: () => Problem = tooBusy): readonly Waiting[] {
  return lists.filter((list) => {
    if (remainingOf(list) > 0 && !end.aborted) return true;
    list.answer(why());
    return false;
  });
}

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
