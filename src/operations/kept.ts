/** The private state behind custom search parameters and reindex jobs: what is kept under which kind and key. docs/storage.md */
import type { Definition } from '../search/knowledge.ts';
import type { Change, Cursor, Store } from '../store/store.ts';

export const kinds = {
  /** One per active SearchParameter that is ours to index, by its id: {@link KeptParameter}. */
  parameter: 'search-parameter',
  /** Whose a code is, by `<base>.<code>`: {@link KeptCode}. */
  code: 'search-parameter-code',
  /** By the job's id: {@link Job}. */
  job: 'reindex',
} as const;

export interface KeptParameter {
  readonly definition: Definition;
  /** The job that indexes what was stored before it. */
  readonly job: string;
  /** Everything stored is indexed with it. */
  readonly indexed: boolean;
}

export interface KeptCode {
  /** Id of the SearchParameter. */
  readonly id: string;
}

export interface Job {
  readonly state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
  /** Resource types that are gone through, in this order. */
  readonly types: readonly string[];
  /** Id of the SearchParameter that waits for it. */
  readonly parameter?: string;
  /** Id of the SearchParameter that went, whose references it takes out of the index. */
  readonly leaving?: string;
  /** Milliseconds since 1970. */
  readonly requested: number;
  readonly started?: number;
  readonly ended?: number;
  /** The type it is at, as a position in `types`, and where its next resources begin. */
  readonly at: number;
  readonly after?: Cursor;
  /** Resources gone through, and those there were when it began. */
  readonly done: number;
  readonly of: number;
  /** Index entries of the parameter that were found in them; without one, all their entries. */
  readonly entries: number;
}

export const newJob = (types: readonly string[], requested: number, parameter?: string): Job => ({
  state: 'waiting',
  types,
  ...(parameter !== undefined && { parameter }),
  requested,
  at: 0,
  done: 0,
  of: 0,
  entries: 0,
});

export const isOver = ({ state }: Job): boolean => state !== 'waiting' && state !== 'running';

/** How long the state of a job that is over can still be asked for, in seconds. */
const REMEMBERED = 30 * 24 * 3_600;

export const putJob = (id: string, job: Job, expect?: number | 'absent'): Change => ({
  op: 'put',
  kind: kinds.job,
  key: id,
  value: job,
  ...(expect !== undefined && { expect }),
  ...(isOver(job) && { expiresIn: REMEMBERED }),
});

/** The change that cancels a job, where it is not over yet. */
export async function cancelled(id: string, look: Pick<Store, 'get'>, now: number): Promise<readonly Change[]> {
  const [kept] = await look.get(kinds.job, [id]);
  const job = kept?.value as Job | undefined;
  if (job === undefined || isOver(job)) return [];
  return [putJob(id, { ...job, state: 'cancelled', ended: now }, kept!.revision)];
}
