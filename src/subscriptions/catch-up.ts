/** The notifier's place in the log when a store moves: it reaches the end of the old log, and begins at the end of the new one. docs/moving-stores.md */
import type { Contents } from '../store/engine.ts';
import type { Change, Store, Token } from '../store/store.ts';
import { inBatches } from './batches.ts';
import { loadFollowed } from './followed.ts';
import { kinds } from './kept.ts';
import { cursorKey, type Matching, mostPerCommit, readMark, rowsFor } from './notifier.ts';
import { createNumbers } from './numbers.ts';

export interface CatchUpParts extends Matching {
  readonly store: Pick<Store, 'get' | 'list' | 'vread' | 'commit'> & {
    readonly contents: Pick<Contents, 'changesSoFar'>;
  };
  /** Whether the log may hand over a version twice. */
  readonly isShared: boolean;
}

/** Numbers all that is stored and not matched yet; whom it is sent to waits in delivery rows. For a store that nobody serves. */
export async function catchUp(parts: CatchUpParts): Promise<void> {
  const { store, isShared, base } = parts;
  const { token, rung, revision } = await readMark(parts);
  const followed = await loadFollowed(store, base);
  const numbers = createNumbers(store, isShared);
  let expect = revision;
  for await (const batch of inBatches(store.contents.changesSoFar(token), mostPerCommit)) {
    const { changes } = await rowsFor(parts, followed, numbers, batch);
    const value = { token: batch[batch.length - 1]!.token, rung };
    await store.commit([...changes, { op: 'put', kind: kinds.cursor, key: cursorKey, value, expect }]);
    expect = (await readMark(parts)).revision;
  }
}

/** Has the notifier begin there, with nothing heard yet. */
export const startAtEnd = (token: Token): Change => ({
  op: 'put',
  kind: kinds.cursor,
  key: cursorKey,
  value: { token, rung: 0 },
});
