/** Which of the lists that wait go together next: one transaction, in the order in which they came, per key first come first served. */
import { looksElsewhere, matches } from '../../search/match.ts';
import type { Criterion, SearchQuery } from '../../search/query.ts';
import type { List, QueryStep, RestoreStep, WriteStep } from './group-list.ts';

const MOST_LISTS = 500;
const MOST_STEPS = 2_000;
const MOST_BYTES = 8 << 20;
/** So many are looked through for some that may go. */
const MOST_LOOKED_AT = 2_000;

/**
 * Takes out of `waiting` what may go now. `held` are the locks of the groups under way. A list whose key is held, or that
 * relies on what an earlier list of the group may change, stays, and whatever shares a key with it stays behind it.
 */
export function takeGroup<L extends List>(waiting: L[], held: ReadonlySet<string>, isAnyUnderWay: boolean): L[] {
  const group: L[] = [];
  const writes: (WriteStep | RestoreStep)[] = [];
  const blocked = new Set<string>();
  const staying: L[] = [];
  let [steps, bytes, at] = [0, 0, 0];
  for (; at < waiting.length && at < MOST_LOOKED_AT; at++) {
    const list = waiting[at]!;
    // Nothing overtakes a list that needs everything still: it would wait for ever.
    if (list.isWide && isAnyUnderWay) break;
    const isFull = steps + list.steps.length > MOST_STEPS || bytes + list.bytes > MOST_BYTES;
    if (group.length === MOST_LISTS || (isFull && group.length > 0)) break;
    if (
      list.locks.some((lock) => held.has(lock) || blocked.has(lock)) ||
      (writes.length > 0 && list.steps.some((step) => step.op === 'expect-query' && mayDependOn(step, writes)))
    ) {
      for (const lock of list.locks) blocked.add(lock);
      staying.push(list);
      if (list.isWide) {
        at++;
        break;
      }
      continue;
    }
    group.push(list);
    steps += list.steps.length;
    bytes += list.bytes;
    for (const step of list.steps) if (step.op === 'write' || step.op === 'restore') writes.push(step);
  }
  waiting.splice(0, at, ...staying);
  return group;
}

/** Whether the writes may change what the query finds; true when unsure. */
function mayDependOn({ query }: QueryStep, writes: readonly (WriteStep | RestoreStep)[]): boolean {
  const asked = [query, ...(query.also ?? [])];
  if (asked.some(({ where }) => looksElsewhere(where) || asksForTime(where))) return true;
  return writes.some((write) => {
    const { key } = write.op === 'write' ? write : write.version;
    if (!asked.some(({ type }) => type === key.type)) return false;
    // A version that this one follows may have matched.
    return write.op === 'restore' || write.expect !== 'absent' || isMatch(query, write);
  });
}

const isMatch = (query: SearchQuery, { text, index, key }: WriteStep): boolean =>
  text !== undefined && matches(query, index, key);

/** lastUpdated is not known before the write. */
function asksForTime(criterion: Criterion): boolean {
  switch (criterion.is) {
    case 'range':
      return criterion.name.endsWith('._lastUpdated');
    case 'all':
    case 'any':
    case 'together':
      return criterion.of.some(asksForTime);
    case 'not':
      return asksForTime(criterion.of);
    default:
      return false;
  }
}
