/** Runs jobs on the main thread while they are short, and starts them again on a reader thread when they are not. */
import { Worker } from 'node:worker_threads';
import { Problem, problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { tooLong } from '../refusals.ts';
import type { Connection } from './connection.ts';
import { type Job, type Result, runJob } from './jobs.ts';
import type { Answer, Errand } from './reader-worker.ts';
import type { Snapshot } from './snapshot.ts';

export interface Reader {
  /** Throws timeout when the signal aborts or the time is up. */
  run(job: Job, signal?: AbortSignal): Promise<Result>;
  close(): Promise<void>;
}

export interface ReaderSettings {
  readonly file: string;
  readonly connection: Connection;
  readonly snapshot: Snapshot;
  readonly runtime: Runtime;
  /** Milliseconds that a job may hold the main thread. */
  readonly short: number;
  /** Milliseconds that a job may take at all. */
  readonly long: number;
}

export function createReader({ file, connection, snapshot, runtime, short, long }: ReaderSettings): Reader {
  // A store in memory can be read through its one connection only.
  const alone = file === ':memory:';
  let far: FarReader | undefined;
  const late = new Error('the main thread has no more time for this job');
  return {
    async run(job, signal) {
      if (signal?.aborted) throw tooLong();
      const end = runtime.now() + (alone ? long : short);
      try {
        // The audit log grows while a snapshot is held.
        if (job.is === 'audit') snapshot.drop();
        const isHeld = job.is !== 'audit' && snapshot.hold();
        const watch = () => {
          if (runtime.now() > end) throw late;
        };
        return runJob(connection, job, watch, isHeld);
      } catch (error) {
        if (error !== late) throw error;
        if (alone) throw tooLong();
      }
      far ??= startFarReader(file);
      return far.run(job, runtime, long, signal);
    },
    close: async () => far?.close(),
  };
}

interface FarReader {
  run(job: Job, runtime: Runtime, long: number, signal: AbortSignal | undefined): Promise<Result>;
  close(): Promise<void>;
}

function startFarReader(file: string): FarReader {
  const worker = new Worker(new URL('./reader-worker.ts', import.meta.url), { workerData: { file } });
  worker.unref();
  const waiting = new Map<number, (answer: Answer) => void>();
  let last = 0;
  let died = false;
  worker.on('message', (answer: Answer) => waiting.get(answer.number)?.(answer));
  const die = (why: string) => {
    died = true;
    for (const [number, settle] of waiting) settle({ number, why });
  };
  worker.on('error', (error) => die(error.message));
  worker.on('exit', () => die('the reader ended'));

  return {
    async run(job, runtime, long, signal) {
      if (died) throw problem('transient', 'The reader for long searches has ended');
      const number = ++last;
      const given = new SharedArrayBuffer(4);
      const over = new AbortController();
      const ended = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
      const answer = await Promise.race([
        new Promise<Answer>((resolve) => {
          waiting.set(number, resolve);
          worker.ref();
          worker.postMessage({ number, job, given } satisfies Errand);
        }),
        runtime.sleep(long, ended).then((): Answer => ({ number, late: true })),
      ]);
      waiting.delete(number);
      if (waiting.size === 0) worker.unref();
      Atomics.store(new Int32Array(given), 0, 1);
      over.abort();
      if ('result' in answer) return answer.result;
      if ('refused' in answer) throw new Problem(answer.refused, answer.status);
      throw 'late' in answer ? tooLong() : problem('transient', 'A long search failed on its reader');
    },
    async close() {
      if (died) return;
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.ref();
      worker.postMessage('close');
      await exited;
    },
  };
}
