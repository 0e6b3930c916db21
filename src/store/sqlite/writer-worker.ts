/** The worker thread that owns the write connection: writes group after group, and moves the log into the file between them. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemRuntime } from '../../runtime.ts';
import { untilFault } from './apply.ts';
import { type Connection, type Opening, openConnection, type Row } from './connection.ts';
import type { GroupMessage } from './group.ts';
import type { WriterWord } from './writer-thread.ts';

/** Pages in the log that are worth moving when nobody waits, and how long nobody must have asked. */
const SOME_PAGES = 1_000;
const QUIET = 20;
/** Pages at which somebody has to wait for it. */
const { manyPages = 16_000 } = workerData as Opening;
/** Pages of a log that did not begin anew although it was moved, because a reader was in the way. */
const LONG_LOG = 2 * manyPages;

const port = parentPort as MessagePort;
const say = (word: WriterWord) => port.postMessage(word);

function open(): Connection | undefined {
  try {
    return openConnection({ ...(workerData as Opening), mode: 'write' });
  } catch (error) {
    say({ refused: (error as Error).message });
    port.close();
    return undefined;
  }
}

/** Moves the log into the file and says how long it is. Only here: two connections that do so have damaged files before. */
function checkpointFrom(connection: Connection, least: number): number {
  const [, logged, moved] = connection.sql('PRAGMA wal_checkpoint(NOOP)').get() as unknown as Row;
  if (logged - moved < least) return logged;
  try {
    connection.sql('PRAGMA wal_checkpoint(PASSIVE)').get();
  } catch {
    // The log still holds everything; a failing disk shows itself at the next commit.
  }
  return logged;
}

/** Leaves the file alone as the whole store, also where a backup program reads it: closing would then leave the log. */
function emptyLog(connection: Connection): void {
  try {
    connection.sql('PRAGMA wal_checkpoint(TRUNCATE)').get();
  } catch {
    // As above: what the log holds is read at the next start.
  }
}

const connection = open();
if (connection) {
  const apply = untilFault(connection, systemRuntime.now);
  let quiet: NodeJS.Timeout | undefined;
  let isLong = false;
  let isFaulty = false;
  port.on('message', (message: GroupMessage | 'close') => {
    clearTimeout(quiet);
    if (message === 'close') {
      if (!isFaulty) emptyLog(connection);
      connection.close();
      port.close();
      return;
    }
    // When all of it is moved and nobody reads it, the commit that comes next begins the log anew.
    if (isLong) checkpointFrom(connection, 1);
    const applied = apply(message);
    say(applied);
    isFaulty = 'fault' in applied;
    if (isFaulty) return;
    isLong = checkpointFrom(connection, manyPages) > LONG_LOG;
    quiet = setTimeout(() => checkpointFrom(connection, SOME_PAGES), QUIET);
  });
  say({ opened: true });
}
