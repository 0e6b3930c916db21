/** What a store holds after an import, beside what the export said: read back from the store, counted and summed up anew. */
import type { Engine } from '../store/engine.ts';
import { type Tallied, type Tallies, tallied } from './lines.ts';
import { recordsOf } from './records.ts';
import { createTallying, isSame } from './tally.ts';

export interface Expected {
  readonly tallies: Tallies;
  /** By `[kind,key]`: checksum of the line of each value that is kept for a time, and when it expires. */
  readonly expiring: Map<string, { readonly digest: string; readonly expires: number }>;
}

export interface Row {
  readonly of: Tallied;
  readonly exported: number;
  readonly stored: number;
  readonly isSame: boolean;
}

export interface Comparison {
  readonly rows: readonly Row[];
  /** What was kept for a time that is over now. */
  readonly expired: number;
  readonly isSame: boolean;
}

export interface ReadBackParts {
  readonly engine: Pick<Engine, 'contents'>;
  readonly now: () => number;
  readonly onProgress: (what: 'compared', done: number, of: number) => void;
  readonly signal: AbortSignal;
}

/** Ms by which the clock of the store may be ahead of this machine's. */
const CLOCKS = 60_000;
const STEP = 1_000;

export async function readBack(parts: ReadBackParts, records: number, expected: Expected): Promise<Comparison> {
  const { engine, now, onProgress, signal } = parts;
  const tallying = createTallying();
  const waited = new Map(expected.expiring);
  let strangers = 0;
  let done = 0;
  for await (const { line } of recordsOf(engine.contents)) {
    signal.throwIfAborted();
    const digest = tallying.add(line, JSON.stringify(line));
    if (line.is === 'kept' && line.expires !== undefined) {
      const name = JSON.stringify([line.kind, line.key]);
      if (waited.get(name)?.digest !== digest) strangers++;
      waited.delete(name);
    }
    if (++done % STEP === 0) onProgress('compared', done, records);
  }
  const stored = tallying.tallies();
  const missing = [...waited.values()].filter(({ expires }) => expires > now() + CLOCKS);
  const rows = tallied.map(
    (of): Row => ({
      of,
      exported: expected.tallies[of].count,
      stored: stored[of].count,
      isSame: of === 'expiring' ? strangers + missing.length === 0 : isSame(expected.tallies[of], stored[of]),
    }),
  );
  return { rows, expired: waited.size - missing.length, isSame: rows.every((row) => row.isSame) };
}
