/** Takes a group through as many tries as it needs and answers each of its callers, whatever becomes of the others. */
import { isContested } from './error-codes.ts';
import { outcomeUnknown, unexpected } from './outcome.ts';
import type { Attempt, Try, WriterPlace } from './transaction.ts';
import { backOff, inTime, nothingSent, type Tries, type Waiting, watched } from './waiting.ts';

/** Failures after which the lists go one by one. */
const TOGETHER = 2;

/** Resolves when nothing of the group is under way any more. Never rejects. The place is asked for at each try: another server may take it. */
export async function runGroup(tries: Tries, place: () => WriterPlace, lists: readonly Waiting[]): Promise<void> {
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
async function oneByOne(tries: Tries, place: () => WriterPlace, lists: readonly Waiting[]): Promise<void> {
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
  place: () => WriterPlace,
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

type Decided = Exclude<Attempt, { is: 'unknown' }>;

/** The place is free again only when it is known what became of its transaction. */
async function attemptAndDecide(
  tries: Tries,
  place: WriterPlace,
  lists: readonly Waiting[],
  how: Try,
): Promise<Decided> {
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
