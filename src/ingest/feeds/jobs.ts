/** Runs that somebody asked for: once for a patient at a time, on whichever server holds the makers' leases, also after a restart. docs/feeds.md */
import { problem } from '../../fhir/outcome.ts';
import { settle } from '../../interactions/settle.ts';
import { freshId, type Runtime } from '../../runtime.ts';
import { check, type Held } from '../../store/lease.ts';
import { isConflict, type Store } from '../../store/store.ts';
import type { Counts, Job } from './feeds.ts';
import { feedKinds, type KeptJob, none, plus } from './state.ts';

type Parts = { readonly store: Pick<Store, 'get' | 'list' | 'commit'>; readonly runtime: Runtime };
type Part = KeptJob['parts'][string];

/** Ended jobs can be asked for so long, in seconds. */
const remembered = 7 * 86_400;

export async function askForJob({ store, runtime }: Parts, patient: string, makers: readonly string[]): Promise<Job> {
  if (makers.length === 0)
    throw problem('business-rule', 'No maker is set up to be asked: its base URL or its credential is missing', {
      status: 409,
    });
  return settle(runtime, async () => {
    const [running] = await store.get(feedKinds.underWay, [patient]);
    const job = running && (await readJob(store, running.value.job));
    if (job) return job;
    const id = freshId(runtime);
    const value: KeptJob = {
      patient,
      asked: new Date(runtime.now()).toISOString(),
      parts: Object.fromEntries(makers.map((maker): [string, Part] => [maker, { state: 'queued', counts: none }])),
    };
    await store.commit([
      { op: 'put', kind: feedKinds.job, key: id, value, expect: 'absent' },
      { op: 'put', kind: feedKinds.underWay, key: patient, value: { job: id }, expect: running?.revision ?? 'absent' },
    ]);
    return jobOf(id, value);
  });
}

export async function readJob(store: Pick<Store, 'get'>, id: string): Promise<Job | undefined> {
  const [kept] = await store.get(feedKinds.job, [id]);
  return kept && jobOf(id, kept.value as KeptJob);
}

function jobOf(id: string, { parts, ...job }: KeptJob): Job {
  const all = Object.values(parts);
  const is = (state: Part['state']) => all.some((part) => part.state === state);
  const isOver = !is('queued') && !is('running');
  return {
    id,
    ...job,
    state: isOver
      ? is('failed')
        ? 'failed'
        : 'completed'
      : all.every(({ state }) => state === 'queued')
        ? 'queued'
        : 'running',
    counts: all.reduce<Counts>((sum, { counts }) => plus(sum, counts), none),
    errors: all.flatMap(({ error }) => error ?? []),
  };
}

/** What a maker has to do of the jobs that are under way. */
export async function jobsFor(
  store: Pick<Store, 'get' | 'list'>,
  maker: string,
): Promise<readonly { id: string; patient: string }[]> {
  const running = await store.list(feedKinds.underWay, '', 100);
  if (running.length === 0) return [];
  const ids: readonly string[] = running.map(({ value }) => value.job);
  const jobs = await store.get(feedKinds.job, ids);
  return jobs.flatMap((kept, at) => {
    const job = kept?.value as KeptJob | undefined;
    const state = job?.parts[maker]?.state;
    return job && (state === 'queued' || state === 'running') ? [{ id: ids[at]!, patient: job.patient }] : [];
  });
}

/** Notes what became of a maker's part; with the last of them the job has ended. */
export async function notePart(
  { store, runtime }: Parts,
  id: string,
  maker: string,
  part: Part,
  held: Held,
): Promise<void> {
  await settle(
    runtime,
    async () => {
      const [kept] = await store.get(feedKinds.job, [id]);
      if (!kept) return;
      const before = kept.value as KeptJob;
      const parts = { ...before.parts, [maker]: part };
      const isOver = Object.values(parts).every(({ state }) => state === 'completed' || state === 'failed');
      const ended = isOver ? { ended: new Date(runtime.now()).toISOString() } : {};
      await store.commit([
        {
          op: 'put',
          kind: feedKinds.job,
          key: id,
          value: { ...before, parts, ...ended } satisfies KeptJob,
          expect: kept.revision,
          ...(isOver && { expiresIn: remembered }),
        },
        ...(isOver ? [{ op: 'drop', kind: feedKinds.underWay, key: before.patient } as const] : []),
        check(held.fence),
      ]);
    },
    { isOvertaken: (error) => isConflict(error) && !held.signal.aborted },
  );
}
