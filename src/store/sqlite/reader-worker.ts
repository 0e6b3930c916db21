/** The worker thread for jobs that the main thread has no time for: a read-only connection of its own. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Issue, Problem, problem } from '../../fhir/outcome.ts';
import { openConnection } from './connection.ts';
import { type Job, type Result, runJob } from './jobs.ts';

export interface Errand {
  readonly number: number;
  readonly job: Job;
  /** Holds one number; not 0 once nobody waits for the answer any more. */
  readonly given: SharedArrayBuffer;
}
export type Answer = { readonly number: number } & (
  | { readonly result: Result }
  | { readonly late: true }
  | { readonly refused: readonly Issue[]; readonly status: number }
  | { readonly why: string }
);

const port = parentPort as MessagePort;
const connection = openConnection({ file: (workerData as { file: string }).file, mode: 'read' });

port.on('message', (errand: Errand | 'close') => {
  if (errand === 'close') {
    connection.close();
    port.close();
    return;
  }
  port.postMessage(answerTo(errand));
});

function answerTo({ number, job, given }: Errand): Answer {
  const flag = new Int32Array(given);
  try {
    const result = runJob(connection, job, () => {
      if (Atomics.load(flag, 0) !== 0) throw problem('timeout', 'nobody waits any more');
    });
    return { number, result };
  } catch (error) {
    if (!(error instanceof Problem)) return { number, why: (error as Error).message };
    return error.code === 'timeout' ? { number, late: true } : { number, refused: error.issues, status: error.status };
  }
}
