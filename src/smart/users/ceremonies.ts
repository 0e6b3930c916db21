/** What a sign-in remembers between two requests: under the hash of a random handle, for minutes, taken once. docs/storage.md */
import { hash } from 'node:crypto';
import type { Runtime } from '../../runtime.ts';
import type { Change, Kept, Store } from '../../store/store.ts';

/** Five minutes: long enough to find the telephone. */
const SECONDS = 300;

export interface Ceremonies<T> {
  /** Keeps it and gives the handle: 256 random bits in 43 characters. */
  begin(value: T): Promise<string>;
  /** What is kept; undefined where that was taken or is over. */
  look(handle: string): Promise<{ readonly value: T; readonly revision: number } | undefined>;
  /** Belongs into the commit of what came of it; a second taker's commit is a conflict. */
  taken(handle: string, revision: number): Change;
  put(handle: string, value: T, revision: number): Change;
}

/** `T` is any JSON value. */
export function createCeremonies<T>(
  kind: string,
  store: Pick<Store, 'get' | 'commit'>,
  runtime: Pick<Runtime, 'random'>,
  expiresIn: number = SECONDS,
): Ceremonies<T> {
  const keyOf = (handle: string) => hash('sha256', handle);
  return {
    async begin(value) {
      const handle = Buffer.from(runtime.random(32)).toString('base64url');
      await store.commit([{ op: 'put', kind, key: keyOf(handle), value, expect: 'absent', expiresIn }]);
      return handle;
    },
    async look(handle) {
      const [kept]: readonly (Kept | undefined)[] = await store.get(kind, [keyOf(handle)]);
      return kept && { value: kept.value as T, revision: kept.revision };
    },
    taken: (handle, revision) => ({ op: 'drop', kind, key: keyOf(handle), expect: revision }),
    put: (handle, value, revision) => ({ op: 'put', kind, key: keyOf(handle), value, expect: revision, expiresIn }),
  };
}
