/** The work of reindex jobs: one after another goes through the resources of its types and has the index of each made anew, in steps that a restart goes on from. docs/search-parameters.md */
import { Problem } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { isEntryOf } from '../search/parameter.ts';
import { type IndexEntries, plainQuery } from '../search/query.ts';
import { everyKept } from '../store/every-kept.ts';
import { type Change, isConflict, type Store } from '../store/store.ts';
import { isOver, type Job, type KeptParameter, kinds, putJob } from './kept.ts';

export interface ReindexParts {
  readonly store: Pick<Store, 'list' | 'get' | 'search' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now' | 'sleep'>;
  /** The index entries of a stored text. */
  readonly extract: (text: string) => IndexEntries;
  /** Has search know the SearchParameters that are stored now. */
  readonly renew: () => Promise<void>;
  readonly log: Pick<Log, 'error'>;
  readonly signal: AbortSignal;
  /** Resolves when nothing is on its way into the store from here that was extracted before. */
  readonly committed: () => Promise<void>;
  /** Milliseconds after which it looks for jobs unasked; for where others ask for them. */
  readonly lookEvery?: number;
  /** Milliseconds that a job is left alone, in which other servers hear of the parameter and store what they extracted without it. */
  readonly beginAfter?: () => number;
}

export interface ReindexWork {
  /** Something may be to do. */
  wake(): void;
  /** Resolves when the signal has aborted and nothing is under way. */
  readonly stopped: Promise<void>;
}

/** Resources that are indexed in one commit. */
const STEP = 100;
/** How long a store that cannot answer now is left alone, in milliseconds. */
const PAUSE = 1_000;

interface Taken {
  readonly id: string;
  readonly job: Job;
  readonly revision: number;
}

/** Works until the signal aborts. A job whose parameter was changed or deleted is cancelled by that commit, and ends here. */
export function startReindexing(parts: ReindexParts): ReindexWork {
  const { store, runtime, extract, renew, committed, log, signal, lookEvery, beginAfter = () => 0 } = parts;
  let isAwake = true;
  let ring: () => void = () => undefined;
  const wake = () => {
    isAwake = true;
    ring();
  };
  signal.addEventListener('abort', wake, { once: true });

  const taken = async (id: string): Promise<Taken | undefined> => {
    const [kept] = await store.get(kinds.job, [id]);
    const job = kept?.value as Job | undefined;
    return job === undefined || isOver(job) ? undefined : { id, job, revision: kept!.revision };
  };

  const saved = async ({ id, revision }: Taken, job: Job, more: readonly Change[] = []): Promise<Taken | undefined> => {
    await store.commit([...more, putJob(id, job, revision)]);
    return taken(id);
  };

  async function countOf(types: readonly string[]): Promise<number> {
    let count = 0;
    for (const type of types) {
      const everything = { ...plainQuery(type, { is: 'all', of: [] }, 0), total: 'accurate' } as const;
      count += (await store.search(everything, undefined, signal)).total ?? 0;
    }
    return count;
  }

  async function begun(now: Taken): Promise<Taken | undefined> {
    // In this order: what was extracted without the parameter is in the store before the first step looks.
    await renew();
    const { job } = now;
    if (job.state === 'running') return saved(now, job);
    await committed();
    // From now on, not from when it was asked for: that is another's clock, and what waits for a primary waits here too.
    const wait = beginAfter();
    if (wait > 0) await runtime.sleep(wait, signal);
    return saved(now, { ...job, state: 'running', started: runtime.now(), of: await countOf(job.types) });
  }

  async function step(now: Taken): Promise<Taken | undefined> {
    const { job } = now;
    const type = job.types[job.at];
    if (type === undefined) return ended(now);
    const page = await store.search(plainQuery(type, { is: 'all', of: [] }, STEP), job.after, signal);
    const parameter = job.parameter === undefined ? undefined : await codeOf(job.parameter);
    let entries = 0;
    const changes = page.matches.map(({ key, versionId, text }): Change => {
      const index = extract(text);
      entries += counted(index, parameter && `${type}.${parameter}`);
      return { op: 'reindex', key, versionId, index };
    });
    const { after: _passed, ...rest } = job;
    const place = page.next ? { after: page.next } : { at: job.at + 1 };
    const done = job.done + page.matches.length;
    return saved(now, { ...rest, ...place, done, entries: job.entries + entries }, changes);
  }

  async function codeOf(parameter: string): Promise<string | undefined> {
    const [kept] = await store.get(kinds.parameter, [parameter]);
    return (kept?.value as KeptParameter | undefined)?.definition.code;
  }

  async function ended(now: Taken): Promise<undefined> {
    const { id, job } = now;
    const more: Change[] = [];
    if (job.parameter !== undefined) {
      const [kept] = await store.get(kinds.parameter, [job.parameter]);
      const value = kept?.value as KeptParameter | undefined;
      if (kept && value?.job === id) {
        const { kind, key, revision } = kept;
        more.push({ op: 'put', kind, key, value: { ...value, indexed: true }, expect: revision });
      }
    }
    await saved(now, { ...job, state: 'done', of: job.done, ended: runtime.now() }, more);
    await renew();
  }

  async function work(id: string): Promise<void> {
    let isBegun = false;
    let now = await taken(id);
    while (now !== undefined && !signal.aborted) {
      const at: Taken = now;
      try {
        now = isBegun ? await step(at) : await begun(at);
        isBegun = true;
      } catch (error) {
        if (signal.aborted) return;
        if (isConflict(error)) now = await taken(id);
        else if (error instanceof Problem && error.status === 503) await runtime.sleep(PAUSE, signal);
        else {
          log.error('reindex job failed', error, { id });
          now = await saved(at, { ...at.job, state: 'failed', ended: runtime.now() });
        }
      }
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      isAwake = false;
      const next = (await everyKept(kinds.job, store)).find(({ value }) => !isOver(value as Job));
      if (next) await work(next.key);
      else if (!isAwake) {
        const rung = new AbortController();
        ring = () => rung.abort();
        if (lookEvery !== undefined) await runtime.sleep(lookEvery, rung.signal);
        else await new Promise<void>((resolve) => rung.signal.addEventListener('abort', () => resolve()));
      }
    }
  }

  return { wake, stopped: run() };
}

/** The entries of one parameter and those that stand beside it; of all parameters where none is named. */
function counted({ keys, references, ranges, texts, words, groups }: IndexEntries, name: string | undefined): number {
  const all = [keys, references, ranges, texts, words, groups];
  if (name === undefined) return all.reduce((sum, list) => sum + list.length, 0);
  const isIts = (entry: { readonly name: string }) => isEntryOf(name, entry.name);
  return all.reduce((sum, list) => sum + list.filter(isIts).length, 0);
}
