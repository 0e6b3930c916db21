/** In which order ADT happened: what is older than what was told before of the same person or visit changes nothing. docs/hl7v2-mapping.md */
import type { Change, Look } from '../../../store/store.ts';
import type { Identifier } from './drafts.ts';

const KIND = 'hl7v2-order';

export interface Order {
  readonly isNews: boolean;
  /** Goes into the same commit. */
  readonly also: readonly Change[];
}

/** `at`: EVN-2, else MSH-7, in milliseconds. A message without a time counts as news, and moves nothing. */
export async function orderOf(
  of: 'person' | 'visit',
  { system, value }: Identifier,
  at: number | undefined,
  store: Pick<Look, 'get'>,
): Promise<Order> {
  if (at === undefined) return { isNews: true, also: [] };
  const key = `${of}|${system}|${value}`;
  const [kept] = await store.get(KIND, [key]);
  const expect = kept?.revision ?? 'absent';
  if (kept !== undefined && kept.value.at > at) return { isNews: false, also: [] };
  if (kept?.value.at === at) return { isNews: true, also: [] };
  return { isNews: true, also: [{ op: 'put', kind: KIND, key, value: { at }, expect }] };
}
