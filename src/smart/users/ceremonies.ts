/** What a sign-in remembers between two requests: under the hash of a random handle, for minutes, taken once. docs/security.md */
import type { Runtime } from '../../runtime.ts';
import type { Change, Kept, Store } from '../../store/store.ts';
import { freshWord, hashOf } from '../secrets.ts';

/** Five minutes: long enough to find the telephone. */
const SECONDS = 300;

export interface Ceremonies<T> {
  /** Keeps it and gives the handle: 256 random bits in 43 characters. */
  begin(value: T): Promise<string>;
  /** What is kept; undefined where that was taken or is over. */
  look(handle: string): Promise<Looked<T> | undefined>;
  /** Belongs into the commit of what came of it; a second taker's commit is a conflict. */
  taken(handle: string, looked: Pick<Looked<T>, 'revision'>): Change;
  /** Another value, which is over when the one before would be. */
  put(handle: string, value: T, looked: Looked<T>): Change;
}

interface Looked<T> {
  readonly value: T;
  readonly revision: number;
  readonly until: number;
}

/** `T` is any JSON value. */
export function createCeremonies<T>(
  kind: string,
  store: Pick<Store, 'get' | 'commit'>,
  runtime: Pick<Runtime, 'random' | 'now'>,
  expiresIn: number = SECONDS,
): Ceremonies<T> {
  /** The store takes it away some time after; that it is over is said here. */
  const put = (handle: string, value: T, until: number, expect: number | 'absent'): Change => ({
    op: 'put',
    kind,
    key: hashOf(handle),
    value: { value, until },
    expect,
    expiresIn,
  });
  return {
    async begin(value) {
      const handle = freshWord(runtime);
      await store.commit([put(handle, value, runtime.now() + expiresIn * 1_000, 'absent')]);
      return handle;
    },
    async look(handle) {
      const [kept]: readonly (Kept | undefined)[] = await store.get(kind, [hashOf(handle)]);
      if (!kept || kept.value.until <= runtime.now()) return undefined;
      const { value, until } = kept.value;
      return { value, until, revision: kept.revision };
    },
    taken: (handle, { revision }) => ({ op: 'drop', kind, key: hashOf(handle), expect: revision }),
    put: (handle, value, { revision, until }) => put(handle, value, until, revision),
  };
}
