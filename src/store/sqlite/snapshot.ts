/**
 * Keeps the reads of the main thread in one read transaction while nothing but the audit log grows. Every commit of another
 * connection empties the page cache of the transaction that begins after it, and with strict audit every read brings a
 * commit. https://sqlite.org/wal.html#concurrency
 */
import type { Runtime } from '../../runtime.ts';
import type { Connection } from './connection.ts';

/** A transaction that stays open keeps the log from being moved into the file, so none does for longer. Milliseconds. */
const LONGEST = 100;
/** How often one group is written while no transaction is open, so that the log can begin anew. */
const REST_EVERY = 1_000;

export interface Snapshot {
  /** Before a read: true when it may run in the open transaction, false when it has to open its own. */
  hold(): boolean;
  /** When something is stored that reads must see, and before reads of the audit log: the next read begins anew. */
  drop(): void;
  /** After every group of commits; `changed` when it held more than audit rows. Call it before anybody is told of the group. */
  settle(changed: boolean): void;
}

/** For a connection that shares its file with a writer. */
export function createSnapshot(connection: Connection, runtime: Runtime): Snapshot {
  let isOpen = false;
  let isTimed = false;
  let isResting = false;
  let rested = runtime.now();

  const drop = () => {
    if (!isOpen) return;
    isOpen = false;
    connection.sql('COMMIT').run();
  };

  const endInTime = async () => {
    isTimed = true;
    await runtime.sleep(LONGEST);
    isTimed = false;
    drop();
  };

  return {
    hold() {
      if (isResting) return false;
      if (!isOpen) {
        connection.sql('BEGIN').run();
        isOpen = true;
        if (!isTimed) void endInTime();
      }
      return true;
    },
    drop,
    settle(changed) {
      if (changed) drop();
      isResting = runtime.now() - rested >= REST_EVERY;
      if (!isResting) return;
      rested = runtime.now();
      drop();
    },
  };
}

/** For a store in memory: its one connection writes too, so nothing is held. */
export const noSnapshot: Snapshot = { hold: () => false, drop: () => undefined, settle: () => undefined };
