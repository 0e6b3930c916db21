/** In which order ADT happened: what is older than what was told before of the same person or visit changes nothing. docs/hl7v2-mapping.md */
import type { Change, Look } from '../../../store/store.ts';
import type { Identifier } from './identified.ts';

const KIND = 'hl7v2-order';

export interface Order {
  readonly isNews: boolean;
  /** Goes into the same commit. */
  readonly also: readonly Change[];
}

/** Clocks differ a little. */
const AHEAD = 5 * 60_000;
/** A time that names no zone may be of one that is 26 hours ahead. */
const ZONES_APART = 26 * 3_600_000;

/** A clock that runs ahead would make all that comes after it old news: such a time counts as now. */
export function timeInOrder(at: number, isZoneTold: boolean, now: number): { at: number; isAhead: boolean } {
  const isAhead = at > now + (isZoneTold ? AHEAD : ZONES_APART);
  return { at: Math.min(at, now), isAhead };
}

/** `at`: EVN-2, else MSH-7, in milliseconds. A message without a time counts as news, and moves nothing. */
export async function orderOf(
  of: 'person' | 'visit',
  { system, value }: Identifier,
  at: number | undefined,
  { store, now }: { readonly store: Pick<Look, 'get'>; readonly now: number },
): Promise<Order> {
  if (at === undefined) return { isNews: true, also: [] };
  const key = `${of}|${system}|${value}`;
  const [kept] = await store.get(KIND, [key]);
  const expect = kept?.revision ?? 'absent';
  // What stands there of a day that has not come is the fault of a clock.
  if (kept !== undefined && kept.value.at > at && kept.value.at <= now + ZONES_APART)
    return { isNews: false, also: [] };
  if (kept?.value.at === at) return { isNews: true, also: [] };
  return { isNews: true, also: [{ op: 'put', kind: KIND, key, value: { at }, expect }] };
}
