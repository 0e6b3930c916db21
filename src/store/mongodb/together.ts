/** Reads that wait together are one question: a find for sixteen keys costs the database and the driver little more than one for a single key. docs/storage-mongodb.md */
import { createSlots } from './slots.ts';

/** Questions under way at a time; whoever asks meanwhile shares the next. */
const AT_ONCE = 2;
/** Ms after which a question holds nobody up any more. */
const SLOW = 250;
/** A question for more is one of its own. */
const FEW = 100;
const MOST = 1_000;

interface Waiting<T> {
  readonly ids: readonly string[];
  readonly resolve: (found: ReadonlyMap<string, T>) => void;
  readonly reject: (error: unknown) => void;
}

/** What is asked for after a write was acknowledged is looked for after it: nobody joins a question that is under way. */
export function together<T>(
  find: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (ids: readonly string[]) => Promise<ReadonlyMap<string, T>> {
  let waiting: Waiting<T>[] = [];
  let isCalled = false;
  const slots = createSlots(AT_ONCE, SLOW, () => sendMore());

  const ask = async (group: readonly Waiting<T>[]) => {
    const giveBack = slots.take();
    try {
      const found = await find([...new Set(group.flatMap(({ ids }) => ids))]);
      for (const { resolve } of group) resolve(found);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    giveBack();
  };

  /** At the end of this turn of the event loop, so that all that the turn asks for goes together. */
  const sendMore = () => {
    if (isCalled || waiting.length === 0 || !slots.isFree()) return;
    isCalled = true;
    setImmediate(() => {
      isCalled = false;
      let [count, at] = [0, 0];
      while (at < waiting.length && count < MOST) count += waiting[at++]!.ids.length;
      const group = waiting.slice(0, at);
      waiting = waiting.slice(at);
      void ask(group);
      sendMore();
    });
  };

  return (ids) => {
    if (ids.length > FEW) return find(ids);
    return new Promise((resolve, reject) => {
      waiting.push({ ids, resolve, reject });
      sendMore();
    });
  };
}
