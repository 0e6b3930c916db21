/** What was looked up a moment ago, for so long that nobody minds, and never what was known before something changed here. */
import type { Runtime } from '../runtime.ts';

export interface Remembered<T> {
  get(key: string, look: () => Promise<T>): Promise<T>;
  /** Called when something changed on this server. */
  forget(): void;
}

/** `most` bounds memory; the oldest goes first. Times count from before the look, so that nothing is known for longer than that. */
export function createRemembered<T>(runtime: Pick<Runtime, 'now'>, milliseconds: number, most: number): Remembered<T> {
  let known = new Map<string, { readonly value: T; readonly until: number }>();
  return {
    async get(key, look) {
      const now = runtime.now();
      const before = known.get(key);
      if (before && before.until > now) return before.value;
      // A look that began before a change must not be remembered after it.
      const book = known;
      const value = await look();
      book.delete(key);
      if (book.size >= most) book.delete(book.keys().next().value!);
      book.set(key, { value, until: now + milliseconds });
      return value;
    },
    forget: () => {
      known = new Map();
    },
  };
}
