/** How long a file has been as it is: half written files are left until they are quiet, and given up where they stay half. docs/file-drop.md */
import type { Buffer } from 'node:buffer';
import { type Identity, isUnchanged } from './dropped.ts';

/** Milliseconds without a change after which a writer is taken to be done, if what it wrote is whole. */
export const QUIET = 2_000;
/** Milliseconds without a change after which nobody is taken to write any more. */
export const GIVEN_UP = 600_000;
/** Milliseconds between two tries of a file that the store could not take. */
const AGAIN = [1_000, 2_000, 5_000, 15_000, 60_000] as const;

export interface Patience {
  /** Milliseconds for which the file has been as it is, as far as anybody knows. */
  unchangedFor(name: Buffer, identity: Identity): number;
  /** Milliseconds until a file that was put off is due again; 0 for others. */
  untilDue(name: Buffer): number;
  putOff(name: Buffer): void;
  /** Forgets all but these. */
  keep(names: readonly Buffer[]): void;
}

interface Known {
  readonly identity: Identity;
  readonly since: number;
  readonly tries: number;
  readonly due: number;
}

export function createPatience(now: () => number): Patience {
  let known = new Map<string, Known>();
  const keyOf = (name: Buffer) => name.toString('latin1');

  return {
    unchangedFor(name, identity) {
      const at = now();
      const was = known.get(keyOf(name));
      const isAsBefore = was !== undefined && isUnchanged(was.identity, identity);
      if (!isAsBefore) known.set(keyOf(name), { identity, since: at, tries: 0, due: 0 });
      // What the system says tells also what was before we looked; a clock that was set back tells nothing.
      const told = at - Number(identity.changed / 1_000_000n);
      return Math.max(told, isAsBefore ? at - was.since : 0);
    },
    untilDue: (name) => Math.max(0, (known.get(keyOf(name))?.due ?? 0) - now()),
    putOff(name) {
      const was = known.get(keyOf(name));
      if (!was) return;
      const wait = AGAIN[Math.min(was.tries, AGAIN.length - 1)]!;
      known.set(keyOf(name), { ...was, tries: was.tries + 1, due: now() + wait });
    },
    keep(names) {
      const kept = new Map<string, Known>();
      for (const name of names) {
        const was = known.get(keyOf(name));
        if (was) kept.set(keyOf(name), was);
      }
      known = kept;
    },
  };
}
