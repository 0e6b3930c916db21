/** The version log: everything stored, in commit order, from any place on, and what comes next as soon as it is there. */
import type { StoredChange, Token } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import { versionOf } from './rows.ts';

export interface VersionLog {
  follow(after: Token | undefined, signal: AbortSignal, type?: string): AsyncIterable<StoredChange>;
  end(): Token;
  /** Wakes everybody who waits for more. */
  ring(): void;
  /** Ends everybody who follows. */
  close(): void;
}

const BATCH = 200;
/** Bytes of bodies after which a batch is enough. */
const BATCH_BYTES = 8 << 20;

export function createVersionLog(connection: Connection): VersionLog {
  const sleepers = new Set<() => void>();
  let closed = false;

  // Never `iterate`: a statement that failed under way would fail its next use too.
  const batchAfter = (seq: number, type: string | undefined): { last: number; changes: StoredChange[] } => {
    const sizes = connection.sql(
      `SELECT seq, coalesce(octet_length(body), 0) FROM version WHERE seq > ? ORDER BY seq LIMIT ${BATCH}`,
    );
    let [last, bytes] = [seq, 0];
    for (const [next, size] of sizes.all(seq) as unknown as [number, number][]) {
      last = next;
      if ((bytes += size) > BATCH_BYTES) break;
    }
    const statement = connection.sql(
      `SELECT v.seq, r.key, v.version, v.updated, v.method, v.body FROM version v CROSS JOIN resource r ON r.pk = v.resource
       WHERE v.seq > ? AND v.seq <= ? AND (? = '' OR r.key GLOB ? || '/*') ORDER BY v.seq`,
    );
    const rows = statement.all(seq, last, type ?? '', type ?? '') as unknown as Row[];
    return { last, changes: rows.map((row) => ({ token: String(row[0]), version: versionOf(row, 1) })) };
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

  async function* follow(after: Token | undefined, signal: AbortSignal, type?: string): AsyncGenerator<StoredChange> {
    let seq = after === undefined ? 0 : Number(after);
    if (!Number.isSafeInteger(seq)) throw new RangeError('this is no token of the version log');
    while (!signal.aborted && !closed) {
      const { last, changes } = batchAfter(seq, type);
      for (const change of changes) {
        if (signal.aborted || closed) return;
        yield change;
      }
      // Nothing can be stored between the look and the wait: both are in one turn.
      if (last === seq) await rung(signal);
      seq = last;
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
