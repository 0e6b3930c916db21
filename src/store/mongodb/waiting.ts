/** Callers who wait for their lists to be stored: how long, and what they are told when their time is over. */
import type { Problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import type { List } from './group-list.ts';
import { outcomeUnknown, tooBusy } from './outcome.ts';
import type { Stamps } from './stamps.ts';
import type { Answer, Attempt, Try, WriterPlace } from './transaction.ts';

export interface Waiting extends List {
  /** By performance.now(); nobody is kept waiting much longer. */
  readonly deadline: number;
  /** The first answer counts. */
  readonly answer: (answer: Answer) => void;
}

export interface Tries {
  readonly runtime: Runtime;
  readonly attempt: (place: WriterPlace, lists: readonly List[], how: Try) => Promise<Attempt>;
  readonly wasStored: (place: WriterPlace, id: string) => Promise<boolean | undefined>;
  readonly nextId: () => string;
  readonly stamps: Stamps;
  /** Told of what the database will never take, or why nobody knows. */
  readonly onRefused: (error: unknown) => void;
  /** Aborts when nobody is to wait any longer, since the store closes. */
  readonly end: AbortSignal;
}

/** How far a try is at its beginning; and others, as long as they wait for it. */
export const nothingSent = () => ({ isOver: false, isCommitting: false });

/** Each caller is told at its own time, whatever the driver waits for: that nothing is stored, as long as that can be made true. */
export async function watched<T>(
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

/** 5 to 500 ms, never the same as another's. */
export async function backOff(runtime: Runtime, failures: number): Promise<void> {
  const most = Math.min(500, 5 * 2 ** Math.min(failures, 10));
  await runtime.sleep((most * (128 + runtime.random(1)[0]! / 2)) / 256);
}

const remainingOf = ({ deadline }: Waiting): number => deadline - performance.now();

/** Those whose time is not over; the others are told. */
export function inTime(lists: readonly Waiting[], { end }: Tries, why: () => Problem = tooBusy): readonly Waiting[] {
  return lists.filter((list) => {
    if (remainingOf(list) > 0 && !end.aborted) return true;
    list.answer(why());
    return false;
  });
}
