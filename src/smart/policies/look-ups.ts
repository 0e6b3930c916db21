/** What was looked up for one caller, remembered for five seconds at most: a right that ended opens nothing for longer. */
import type { Runtime } from '../../runtime.ts';
import { type Criterion, plainQuery } from '../../search/query.ts';
import type { Store } from '../../store/store.ts';
import { createShared } from '../remembered.ts';
import type { LookUp } from './hold.ts';

const MOST = 10_000;

/** What is not remembered is waited for, so nobody is let in on what was not looked up; what fails is forgotten. */
export function createLookUps(store: Pick<Store, 'search'>, runtime: Pick<Runtime, 'now'>): LookUp {
  const known = createShared<Promise<boolean>>(runtime, MOST);
  return (type, where) => known.get(`${type}?${JSON.stringify(where)}`, () => isOne(store, type, where)).value;
}

async function isOne(store: Pick<Store, 'search'>, type: string, where: Criterion): Promise<boolean> {
  const { matches } = await store.search(plainQuery(type, where, 1), undefined);
  return matches.length > 0;
}
