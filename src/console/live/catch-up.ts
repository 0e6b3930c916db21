/** What happened while somebody was away: from memory where that is enough, else out of the version log, within bounds. */
import type { Runtime } from '../../runtime.ts';
import type { Engine } from '../../store/engine.ts';
import type { Token } from '../../store/store.ts';
import type { Place, Reader } from './reader.ts';

export interface CatchUpParts {
  readonly reader: Pick<Reader, 'since' | 'placeOf'>;
  readonly contents: Pick<Engine['contents'], 'changesSoFar'>;
  readonly runtime: Pick<Runtime, 'now'>;
}

/**
 * Hands over, in order, what came after the token and before now. False where it is too long ago, or the token is none of this
 * store: all is to be asked for then.
 */
export type CatchUp = (after: Token, signal: AbortSignal, take: (place: Place) => void) => Promise<boolean>;

/** Versions that are read again for one stream, those that are told, and milliseconds that it may take. */
const MOST = 20_000;
const MOST_TOLD = 4_000;
const LONGEST = 5_000;
/** Streams that read at the same time: after a restart all come back at once. */
const AT_ONCE = 4;

export function createCatchUp({ reader, contents, runtime }: CatchUpParts): CatchUp {
  let running = 0;
  const queue: (() => void)[] = [];

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) await new Promise<void>((go) => queue.push(go));
    else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  }

  async function readAgain(after: Token, signal: AbortSignal, take: (place: Place) => void): Promise<boolean> {
    const deadline = runtime.now() + LONGEST;
    let [count, told] = [0, 0];
    try {
      for await (const change of contents.changesSoFar(after)) {
        if (signal.aborted || ++count > MOST || runtime.now() > deadline) return false;
        const place = await reader.placeOf(change);
        if (place.happenings.length > 0 && ++told > MOST_TOLD) return false;
        take(place);
      }
      return true;
    } catch {
      return false;
    }
  }

  return async (after, signal, take) => {
    const known = reader.since(after);
    if (!known) return inTurn(() => readAgain(after, signal, take));
    for (const place of known) take(place);
    return true;
  };
}
