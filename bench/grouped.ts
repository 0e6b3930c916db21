/** What waits together goes together: whatever is asked for while enough is under way shares the next round trip. */

/** `lock`s of a job; one whose lock is held by another that is under way, or that goes right before it, waits. */
export interface Grouping<Job, Result> {
  /** Resolves with one result per job, in their order. */
  run(jobs: readonly Job[]): Promise<readonly Result[]>;
  locksOf?(job: Job): readonly string[];
  /** Groups under way at a time. */
  readonly most: number;
}

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly locks: readonly string[];
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export function grouped<Job, Result>({ run, locksOf = () => [], most }: Grouping<Job, Result>) {
  let waiting: Waiting<Job, Result>[] = [];
  const held = new Set<string>();
  let underWay = 0;
  let isPlanned = false;

  async function send(): Promise<void> {
    isPlanned = false;
    if (underWay >= most) return;
    const group: Waiting<Job, Result>[] = [];
    const staying: Waiting<Job, Result>[] = [];
    for (const one of waiting) {
      const isFree = !one.locks.some((lock) => held.has(lock));
      (isFree ? group : staying).push(one);
      if (isFree) for (const lock of one.locks) held.add(lock);
    }
    waiting = staying;
    if (group.length === 0) return;
    underWay++;
    try {
      const results = await run(group.map(({ job }) => job));
      for (const [i, { resolve }] of group.entries()) resolve(results[i]!);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    for (const { locks } of group) for (const lock of locks) held.delete(lock);
    underWay--;
    plan();
  }

  function plan(): void {
    if (isPlanned || waiting.length === 0 || underWay >= most) return;
    isPlanned = true;
    setImmediate(send);
  }

  return (job: Job): Promise<Result> =>
    new Promise((resolve, reject) => {
      waiting.push({ job, locks: locksOf(job), resolve, reject });
      plan();
    });
}
