/** All private state of one kind. docs/storage.md */
import type { Kept, Store } from './store.ts';

const LISTED = 1_000;

/** In key order; for kinds of which there are few. */
export async function everyKept(kind: string, store: Pick<Store, 'list'>): Promise<readonly Kept[]> {
  const all: Kept[] = [];
  for (let from = ''; ; from = `${all[all.length - 1]!.key}\u0000`) {
    const page = await store.list(kind, from, LISTED);
    all.push(...page);
    if (page.length < LISTED) return all;
  }
}
