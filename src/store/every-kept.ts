/** All private state of one kind, or of one beginning of its keys. docs/storage.md */
import type { Kept, Store } from './store.ts';

const LISTED = 1_000;
/** Of a few among many, so that little is read beyond them. */
const LISTED_BELOW = 200;

/** In key order, those whose key begins so; for kinds, or beginnings, of which there are few. */
export async function everyKept(kind: string, store: Pick<Store, 'list'>, prefix = ''): Promise<readonly Kept[]> {
  const listed = prefix === '' ? LISTED : LISTED_BELOW;
  const all: Kept[] = [];
  for (let from = prefix; ; from = `${all[all.length - 1]!.key}\u0000`) {
    const page = (await store.list(kind, from, listed)).filter(({ key }) => key.startsWith(prefix));
    all.push(...page);
    if (page.length < listed) return all;
  }
}
