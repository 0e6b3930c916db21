/** What a page asks for by itself: soon, together with what comes meanwhile; and again, ever later, where that fails. docs/live-events.md */
import { Refused } from './ask.js';

/** Milliseconds until something is asked for again, at first and at most. */
const [FIRST, LONGEST] = [1_000, 30_000];

/**
 * `again(work, milliseconds)` does the work within that time, one after the other, so that no answer overtakes a newer one. `onFault` hears of what fails at the moment, or undefined
 * where nothing does.
 */
export function createAgain(onFault) {
  const jobs = new Map();
  let turn = Promise.resolve();
  let isOver = false;

  function again(work, milliseconds = 0) {
    const job = jobs.get(work) ?? { tries: 0 };
    jobs.set(work, job);
    if (job.isRunning) job.next = Math.min(job.next ?? milliseconds, milliseconds);
    // What failed waits for its turn: a server that is busy is not asked more often for it.
    else if (job.tries === 0) plan(work, job, milliseconds);
  }

  function plan(work, job, milliseconds) {
    const due = Date.now() + milliseconds;
    if (isOver || (job.timer !== undefined && job.due <= due)) return;
    clearTimeout(job.timer);
    job.due = due;
    job.timer = setTimeout(() => run(work, job), milliseconds);
  }

  async function run(work, job) {
    job.timer = undefined;
    job.isRunning = true;
    job.fault = undefined;
    try {
      const done = turn.then(() => isOver || work());
      turn = done.catch(() => undefined);
      await done;
    } catch (error) {
      job.fault = error;
    }
    job.isRunning = false;
    if (isOver) return;
    const { fault, next } = job;
    job.next = undefined;
    // Not all pages at the same moment.
    if (fault) plan(work, job, Math.min(LONGEST, FIRST * 2 ** job.tries++) * (1 - Math.random() / 2));
    else {
      job.tries = 0;
      if (next !== undefined) plan(work, job, next);
    }
    onFault([...jobs.values()].find((one) => one.fault)?.fault);
    if (fault && !(fault instanceof Refused)) throw fault;
  }

  return {
    again,
    close() {
      isOver = true;
      for (const { timer } of jobs.values()) clearTimeout(timer);
    },
  };
}
