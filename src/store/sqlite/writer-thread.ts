/** Where groups are written: a worker thread with the write connection, or, for `:memory:`, the one connection there is. */
import { Worker } from 'node:worker_threads';
import { type Applied, untilFault } from './apply.ts';
import type { Connection, Opening } from './connection.ts';
import type { GroupMessage } from './group.ts';

export interface WriterThread {
  /** One after another, in the order of the calls; a second may be asked for before the first is done. Never rejects. */
  apply(message: GroupMessage): Promise<Applied>;
  /** Moves the log into the file, where no fault forbids it; call it when no reader is open any more. A second call does nothing. */
  close(): Promise<void>;
}

/** What the worker says: once when it has opened the file, then after every group. */
export type WriterWord = { readonly opened: true } | { readonly refused: string } | Applied;

/** Starts the worker. Rejects with its sentence when the file cannot be opened. */
export async function startWriterThread(opening: Omit<Opening, 'mode'>): Promise<WriterThread> {
  const worker = new Worker(new URL('./writer-worker.ts', import.meta.url), {
    workerData: opening,
    // What a group leaves behind is short-lived; room for more of it only makes the process larger.
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  const waiting: ((word: WriterWord) => void)[] = [];
  let died: string | undefined;
  const hear = (word: WriterWord) => {
    const settle = waiting.shift();
    if (waiting.length === 0) worker.unref();
    settle?.(word);
  };
  const die = (why: string) => {
    died = why;
    do hear({ fault: why });
    while (waiting.length > 0);
  };
  worker.on('message', hear);
  worker.on('error', (error) => die(`the writer ended: ${error.message}`));
  worker.on('exit', () => die('the writer ended'));
  const ask = (send: () => void) =>
    new Promise<WriterWord>((resolve) => {
      if (died !== undefined) return resolve({ fault: died });
      waiting.push(resolve);
      // An open store does not keep the process alive; a commit on its way does.
      worker.ref();
      send();
    });
  const first = await ask(() => {});
  if (!('opened' in first)) throw new Error('refused' in first ? first.refused : 'The writer did not start');
  return {
    apply: (message) =>
      ask(() =>
        worker.postMessage(message, [message.numbers.buffer as ArrayBuffer, message.bytes.buffer as ArrayBuffer]),
      ) as Promise<Applied>,
    async close() {
      if (died !== undefined) return;
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.ref();
      worker.postMessage('close');
      await exited;
    },
  };
}

/** The same on a connection of this thread. */
export function inProcess(connection: Connection, clock: () => number): WriterThread {
  const apply = untilFault(connection, clock);
  return { apply: async (message) => apply(message), close: async () => {} };
}
