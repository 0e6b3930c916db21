/** What was looked up for one caller, remembered for five seconds at most: a right that ended opens nothing for longer. */
import type { Runtime } from '../../runtime.ts';
import { type Criterion, plainQuery } from '../../search/query.ts';
import type { Store } from '../../store/store.ts';
import type { LookUp } from './hold.ts';

/** In milliseconds, from when the look-up began. */
export const REMEMBERED = 5_000;
const MOST = 10_000;

/**
 * What is not remembered is waited for, so nobody is let in on what was not looked up; what fails is forgotten. Entries never
 * change: a later look-up is a new one.
 */
export function createLookUps(store: Pick<Store, 'search'>, runtime: Pick<Runtime, 'now'>): LookUp {
  const known = new Map<string, { readonly until: number; readonly isThere: Promise<boolean> }>();
  return (type, where) => {
    const now = runtime.now();
    const name = `${type}?${JSON.stringify(where)}`;
    const found = known.get(name);
    if (found && found.until > now) return found.isThere;
    const isThere = isOne(store, type, where);
    const entry = { until: now + REMEMBERED, isThere };
    known.delete(name);
    if (known.size >= MOST) known.delete(known.keys().next().value!);
    known.set(name, entry);
    isThere.catch(() => known.get(name) === entry && known.delete(name));
    return isThere;
  };
}

async function isOne(store: Pick<Store, 'search'>, type: string, where: Criterion): Promise<boolean> {
  const { matches } = await store.search(plainQuery(type, where, 1), undefined);
  return matches.length > 0;
}
