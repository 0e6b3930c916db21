/** What was looked up a moment ago, for five seconds at most, and never what was known before something changed here. docs/security.md */
import type { Runtime } from '../runtime.ts';

export interface Remembered<T> {
  get(key: string, look: () => Promise<T>): Promise<T>;
  /** Called when something changed on this server. */
  forget(): void;
}

/** Milliseconds, from before the look: whatever ended on another server opens nothing for longer. */
export const REMEMBERED = 5_000;

/** Milliseconds since 1970 `until` which it is known. */
export interface Known<T> {
  readonly value: T;
  readonly until: number;
}

/** `most` bounds memory; the oldest goes first. */
export function createRemembered<T>(runtime: Pick<Runtime, 'now'>, most: number): Remembered<T> {
  let known = new Map<string, Known<T>>();
  return {
    async get(key, look) {
      const now = runtime.now();
      const before = known.get(key);
      if (before && before.until > now) return before.value;
      // A look that began before a change must not be remembered after it.
      const book = known;
      const value = await look();
      keep(book, key, { value, until: now + REMEMBERED }, most);
      return value;
    },
    forget: () => {
      known = new Map();
    },
  };
}

/** The same where all who ask meanwhile wait for one look: what is known may be a promise, and one that fails is forgotten. */
export function createShared<T>(runtime: Pick<Runtime, 'now'>, most: number) {
  const known = new Map<string, Known<T>>();
  return {
    get(key: string, look: () => T): Known<T> {
      const now = runtime.now();
      const before = known.get(key);
      if (before && before.until > now) return before;
      const fresh = { value: look(), until: now + REMEMBERED };
      keep(known, key, fresh, most);
      if (fresh.value instanceof Promise)
        fresh.value.catch(() => {
          if (known.get(key) === fresh) known.delete(key);
        });
      return fresh;
    },
    forget: (): void => known.clear(),
  };
}

function keep<T>(book: Map<string, Known<T>>, key: string, known: Known<T>, most: number): void {
  book.delete(key);
  if (book.size >= most) book.delete(book.keys().next().value!);
  book.set(key, known);
}
