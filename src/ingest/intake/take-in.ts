/** What a feed brings is stored in one transaction, with the rights of that feed and no more. https://hl7.org/fhir/R4/http.html#transaction */
import { insideRequest, type Origin, ofItself } from '../../interactions/inside.ts';
import type { Dispatch, Entry, FhirAnswer } from '../../interactions/interaction.ts';
import type { Change } from '../../store/store.ts';
import { feedAccess } from './access.ts';

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

export function createTakeIn({ dispatch, base }: { readonly dispatch: Dispatch; readonly base: string }): TakeIn {
  return (feed, entries, also = [], origin = {}) => {
    const asked = { interaction: 'transaction', type: '', entries } as const;
    const caller = { who: `System/${feed}`, access: feedAccess(feed) };
    return dispatch(insideRequest({ ...ofItself(base), ...origin }, asked), caller, also);
  };
}
