/** How long a message may take, and what may be said of it when it takes longer: what the commit said, where one was begun. docs/hl7v2.md */
import { type Problem, problem } from '../../../fhir/outcome.ts';
import type { Runtime } from '../../../runtime.ts';

/** Milliseconds after which a message that is not yet being stored is given up. */
const PATIENCE = 30_000;
/** How long a commit that was begun by then is waited for. */
const COMMIT = 60_000;

/** From this size on others have their turn between the steps of a message: bytes. */
const LARGE = 64 * 1024;
/** From this size on they have some of it. */
const LARGEST = 1024 * 1024;
const PAUSE = 25;

export interface Storing {
  /** A commit is under way, or ended in a way that does not say whether it happened. */
  isStoring: boolean;
  /** Nothing more is to be stored: its sender was told so. */
  isGivenUp: boolean;
}

const soon = { headers: { 'Retry-After': '5' } };

export const tookTooLong = (): Problem => problem('timeout', 'the message took too long', soon);

export const notKnown = (): Problem =>
  problem('timeout', 'it is not known whether the message was stored; send it again', soon);

/** What the work comes to. Throws where it took too long: then it stores nothing any more, unless it is storing. */
export async function inTime<T extends object>(
  work: Promise<T>,
  storing: Storing,
  runtime: Pick<Runtime, 'sleep'>,
): Promise<T> {
  const over = new AbortController();
  const timeIsUp = async (wait: number): Promise<undefined> => void (await runtime.sleep(wait, over.signal));
  try {
    let ended = await Promise.race([work, timeIsUp(PATIENCE)]);
    if (!ended && storing.isStoring) ended = await Promise.race([work, timeIsUp(COMMIT)]);
    if (ended) return ended;
    storing.isGivenUp = true;
    // Nobody listens any more when it throws.
    work.catch(() => undefined);
    throw tookTooLong();
  } finally {
    over.abort();
  }
}

/** Whoever sends little does not wait for all the steps of what is large, nor takes each of its own between two of them. */
export async function turn({ length }: Uint8Array, runtime: Pick<Runtime, 'sleep'>): Promise<void> {
  if (length > LARGEST) await runtime.sleep(PAUSE);
  else if (length > LARGE) await new Promise<void>((resolve) => setImmediate(resolve));
}
