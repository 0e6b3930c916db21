/** Writes a store out as lines, to a pipe as one stream. docs/moving-stores.md */
import type { Writable } from 'node:stream';
import type { Engine } from '../store/engine.ts';
import type { Tallies } from './lines.ts';
import { type EndLine, FORMAT, type Header } from './lines.ts';
import { type Place, type RecordAt, recordsOf } from './records.ts';
import { createTallying } from './tally.ts';

export interface ExportParts {
  readonly engine: Engine;
  /** The canonical base that the store was begun with. */
  readonly canonical: string;
  readonly now: () => number;
  /** Of this program. */
  readonly version: string;
  readonly onProgress: (done: number, of: number) => void;
  readonly signal: AbortSignal;
}

export async function headerOf({ engine, canonical, now, version }: ExportParts): Promise<Header> {
  const { versions, auditRows } = await engine.sizes();
  return {
    is: 'watchfire-export',
    format: FORMAT,
    version,
    at: new Date(now()).toISOString(),
    canonical,
    records: versions + auditRows,
  };
}

/** What of a store goes along now, from a place on: what has expired does not. */
export async function* goingAlong({ engine, now, signal }: ExportParts, from?: Place): AsyncGenerator<RecordAt> {
  for await (const record of recordsOf(engine.contents, from)) {
    signal.throwIfAborted();
    const { line } = record;
    if (line.is !== 'kept' || line.expires === undefined || line.expires > now()) yield record;
  }
}

/** Bytes that are written at a time. */
const CHUNK = 1 << 18;

/** One stream: a header, the records, and at the end what they come to. */
export async function exportTo(out: Writable, parts: ExportParts): Promise<Tallies> {
  const header = await headerOf(parts);
  const tallying = createTallying();
  let failed: Error | undefined;
  let wake = () => {};
  for (const event of ['drain', 'close'] as const) out.on(event, () => wake());
  out.on('error', (error: NodeJS.ErrnoException) => {
    failed ??= error.code === 'EPIPE' ? new Error('whoever read the export has stopped') : error;
    wake();
  });
  let chunk = `${JSON.stringify(header)}\n`;
  const write = async () => {
    if (failed) throw failed;
    const isReady = out.write(chunk);
    chunk = '';
    if (!isReady) await new Promise<void>((resolve) => (wake = resolve));
    if (failed) throw failed;
  };
  let done = 0;
  for await (const { line } of goingAlong(parts)) {
    const text = JSON.stringify(line);
    tallying.add(line, text);
    chunk += `${text}\n`;
    done++;
    if (chunk.length < CHUNK) continue;
    await write();
    parts.onProgress(done, header.records);
  }
  const tallies = tallying.tallies();
  chunk += `${JSON.stringify({ is: 'end', tallies } satisfies EndLine)}\n`;
  await write();
  return tallies;
}
