/** Integers that are never given twice, leased from the store in blocks: unique over processes, gaps allowed. */
import { isConflict, type Store } from '../store/store.ts';

const KIND = 'sequence';

/** Calls give 1, 2, 3 ... within a block. What is left of a block is lost when the process ends. */
export function createSequence(store: Pick<Store, 'get' | 'commit'>, name: string, block = 256): () => Promise<number> {
  let next = 0;
  let end = 0;
  let leasing: Promise<void> | undefined;

  async function lease(): Promise<void> {
    for (;;) {
      const [kept] = await store.get(KIND, [name]);
      const from: number = kept?.value.next ?? 1;
      try {
        await store.commit([
          { op: 'put', kind: KIND, key: name, value: { next: from + block }, expect: kept?.revision ?? 'absent' },
        ]);
        next = from;
        end = from + block;
        return;
      } catch (error) {
        if (!isConflict(error)) throw error; // another process leased that block first
      }
    }
  }

  return async () => {
    while (next === end) {
      leasing ??= lease().finally(() => {
        leasing = undefined;
      });
      await leasing;
    }
    return next++;
  };
}
