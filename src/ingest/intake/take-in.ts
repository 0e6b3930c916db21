/** What a feed brings is stored in one transaction, with the rights of that feed and no more. https://hl7.org/fhir/R4/http.html#transaction */
import { insideRequest, type Origin, ofItself } from '../../interactions/inside.ts';
import type { Dispatch, Entry, FhirAnswer } from '../../interactions/interaction.ts';
import type { Change } from '../../store/store.ts';
import { feedAccess } from './access.ts';
import { isOvertaken } from './overtaken.ts';
import type { ToldOf } from './unusable.ts';

/**
 * All of the entries and of the private changes, or none. Throws what the write path throws; 409 and 412 mean that somebody else was
 * faster (see `isOvertaken`): look again at what is there.
 */
export type TakeIn = (
  feed: string,
  entries: readonly Entry[],
  also?: readonly Change[],
  origin?: Partial<Origin>,
) => Promise<FhirAnswer>;

export interface TakeInParts {
  readonly dispatch: Dispatch;
  readonly base: string;
  /** What could not be used is told to those who look after feeds; left out: it is kept and nobody is told. */
  readonly told?: ToldOf;
}

export function createTakeIn({ dispatch, base, told }: TakeInParts): TakeIn {
  return async (feed, entries, also = [], origin = {}) => {
    const caller = { who: `System/${feed}`, access: feedAccess(feed) };
    const take = (all: readonly Entry[], changes: readonly Change[]) =>
      dispatch(
        insideRequest({ ...ofItself(base), ...origin }, { interaction: 'transaction', type: '', entries: all }),
        caller,
        changes,
      );
    const more = await told?.(also);
    if (!more || more.also.length === 0) return take(entries, also);
    try {
      return await take([...entries, ...more.entries], [...also, ...more.also]);
    } catch (error) {
      // Somebody else may have told of it a moment ago: that is no reason to lose what came.
      if (!isOvertaken(error)) throw error;
      return take(entries, also);
    }
  };
}
