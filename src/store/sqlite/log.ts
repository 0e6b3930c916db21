/** The version log: everything stored, in commit order, from any place on, and what comes next as soon as it is there. */
import type { StoredChange, Token } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import { versionOf } from './rows.ts';

export interface VersionLog {
  follow(after: Token | undefined, signal: AbortSignal): AsyncIterable<StoredChange>;
  end(): Token;
  /** Wakes everybody who waits for more. */
  ring(): void;
  /** Ends everybody who follows. */
  close(): void;
}

const BATCH = 200;
/** Characters of bodies after which a batch is enough. */
const BATCH_TEXT = 8 << 20;

export function createVersionLog(connection: Connection): VersionLog {
  const sleepers = new Set<() => void>();
  let closed = false;

  const batchAfter = (seq: number): StoredChange[] => {
    const statement = connection.sql(
      `SELECT v.seq, r.key, v.version, v.updated, v.method, v.body FROM version v CROSS JOIN resource r ON r.pk = v.resource
       WHERE v.seq > ? ORDER BY v.seq LIMIT ${BATCH}`,
    );
    const batch: StoredChange[] = [];
    let text = 0;
    for (const row of statement.iterate(seq) as Iterable<unknown>) {
      const version = versionOf(row as Row, 1);
      batch.push({ token: String((row as Row)[0]), version });
      if ((text += version.text.length) > BATCH_TEXT) break;
    }
    return batch;
  };

  const rung = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        sleepers.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      sleepers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });

  async function* follow(after: Token | undefined, signal: AbortSignal): AsyncGenerator<StoredChange> {
    let seq = after === undefined ? 0 : Number(after);
    if (!Number.isSafeInteger(seq)) throw new RangeError('this is no token of the version log');
    while (!signal.aborted && !closed) {
      const batch = batchAfter(seq);
      for (const change of batch) {
        if (signal.aborted || closed) return;
        yield change;
        seq = Number(change.token);
      }
      // Nothing can be stored between the look and the wait: both are in one turn.
      if (batch.length === 0) await rung(signal);
    }
  }

  return {
    follow,
    end() {
      const last = connection.sql('SELECT seq FROM version ORDER BY seq DESC LIMIT 1').get() as unknown as
        | Row
        | undefined;
      return String(last?.[0] ?? 0);
    },
    ring() {
      for (const wake of [...sleepers]) wake();
    },
    close() {
      closed = true;
      for (const wake of [...sleepers]) wake();
    },
  };
}
