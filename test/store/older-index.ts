/** What the tests of both engines need to have an older index made anew. */

import type { Criterion } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { entries, save, tombstone } from './drafts.ts';

export const tagged = (first: string) => ({ index: entries({ keys: [{ name: 'Task.tag', first, second: '' }] }) });
export const tag = (first: string): Criterion => ({ is: 'key', name: 'Task.tag', first, second: '' });

/** 250 Tasks tagged `old`, of which the last is deleted. */
export async function fillOlder(store: Pick<Engine, 'commit'>): Promise<void> {
  const names = Array.from({ length: 250 }, (_, i) => `Task/${String(i).padStart(3, '0')}`);
  await store.commit(names.map((name) => save(name, tagged('old'))));
  await store.commit([tombstone('Task/249')]);
}

/** An upgrade to version 2, which tags everything `new` and counts what it extracts. */
export function countingUpgrade() {
  let extracted = 0;
  return {
    extracted: () => extracted,
    upgrade: {
      indexVersion: 2,
      extract: () => {
        extracted++;
        return tagged('new').index;
      },
    },
  };
}
