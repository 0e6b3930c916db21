/** Keeps what search knows in step with the SearchParameters that are stored, and lets no search rely on one that is not indexed yet. */
import type { Problem } from '../fhir/outcome.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { type Fault, hearFaults } from '../search/evaluate.ts';
import { customDefinitionsOf, type Definition, setCustomDefinitions } from '../search/knowledge.ts';
import { formsOf } from '../search/parameter.ts';
import { parametersOf } from '../search/parameters.ts';
import type { Include, SearchQuery } from '../search/query.ts';
import { notIndexed, quote } from '../search/refusals.ts';
import { reliedOn } from '../search/relied-on.ts';
import { everyKept } from '../store/every-kept.ts';
import type { Change, Store, Token } from '../store/store.ts';
import { type Job, type KeptParameter, kinds } from './kept.ts';

export interface CustomParameters {
  /** The store for everybody: refuses searches by what is not indexed yet, and renews this after a SearchParameter was written. */
  guard<S extends Store>(engine: S): S;
  /** Tells search what is stored now. Call it before the first request. */
  renew(): Promise<void>;
  /** Resolves when no commit is under way any more that was when this was called: with it all that was extracted as search knew it before. */
  committed(): Promise<void>;
  /**
   * Renews this whenever a SearchParameter comes by in the version log, whoever on this store wrote it, and while another may
   * finish a job that is waited for. Resolves after the signal.
   */
  follow(setting: Following): Promise<void>;
}

export interface Following {
  readonly runtime: Pick<Runtime, 'sleep'>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly signal: AbortSignal;
}

export interface CustomParametersParts {
  readonly store: Pick<Store, 'list' | 'changes' | 'end'>;
  /** Called after something changed. */
  readonly onRenewed: () => void;
}

/** How long a job that is not done is left alone, and a log that could not be read, in milliseconds. */
const PAUSE = 5_000;

/** A parameter that older resources are not indexed with. */
interface Unready {
  readonly type: string;
  readonly code: string;
  /** The type of the parameter. */
  readonly kind: string;
  readonly job: string;
}

export function createCustomParameters({ store, onRenewed }: CustomParametersParts): CustomParameters {
  /** By `<Type>.<code>`: those whose job is not done. */
  let unready: ReadonlyMap<string, Unready> = new Map();
  const commits = new Set<Promise<unknown>>();
  /** Types whose index still has references of a parameter that went. */
  let leaving: ReadonlySet<string> = new Set();
  let known = '[[],[]]';

  // One after another: of two that overlap, the one that looked first could have the last word.
  let last: Promise<void> = Promise.resolve();
  const renew = () => {
    const mine = last.then(learn);
    last = mine.catch(() => undefined);
    return mine;
  };

  async function learn(): Promise<void> {
    const kept = await everyKept(kinds.parameter, store);
    const definitions = kept.map(({ value }) => definitionOf(value));
    const jobs: readonly Job[] = (await everyKept(kinds.job, store)).map(({ value }) => value);
    const left = jobs.flatMap((job) => (job.leaving !== undefined && job.state !== 'done' ? job.types : []));
    const told = JSON.stringify([definitions, left]);
    if (told === known) return;
    known = told;
    leaving = new Set(left);
    unready = new Map(
      definitions.flatMap(({ base, code, type: kind, indexing: job }) =>
        job === undefined ? [] : base.map((type) => [`${type}.${code}`, { type, code, job, kind }] as const),
      ),
    );
    setCustomDefinitions(definitions);
    onRenewed();
  }

  async function follow({ runtime, log, signal }: Following): Promise<void> {
    hearFaults((fault) => log.warn('search expression could not be evaluated', blamed(fault)));
    // Nothing can come between: what is stored after this place is told by the log, what was stored before by the kept state.
    let after: Token = await store.end();
    await renew();
    const attempt = async (work: () => Promise<void>) =>
      work().catch((error: unknown) => {
        if (!signal.aborted) log.error('search parameters could not be followed', error);
      });
    const waiting = async () => {
      for (;;) {
        await runtime.sleep(PAUSE, signal);
        if (signal.aborted) return;
        if (unready.size > 0 || leaving.size > 0) await attempt(renew); // the end of a job is no version in the log
      }
    };
    const reading = async () => {
      while (!signal.aborted) {
        await attempt(async () => {
          for await (const { token } of store.changes(after, signal, 'SearchParameter')) {
            await renew();
            after = token;
          }
        });
        await runtime.sleep(PAUSE, signal);
      }
    };
    await Promise.all([waiting(), reading()]);
  }

  async function demandIndexed(query: SearchQuery): Promise<void> {
    if (waitedFor(query) === undefined) return;
    await renew(); // its job may have ended, here or at another server
    const one = waitedFor(query);
    if (one !== undefined) throw notYet(one);
  }

  /** A parameter that the query relies on and that is not indexed yet, as far as is known here. */
  function waitedFor(query: SearchQuery): Unready | undefined {
    if (unready.size === 0) return undefined;
    for (const name of reliedOn(query)) {
      const one = unready.get(name);
      if (one !== undefined) return one;
    }
    const open = query.includes.filter(({ name }) => name === undefined);
    return [...unready.values()].find((it) => it.kind === 'reference' && open.some(({ type }) => type === it.type));
  }

  /** All that a type points to, under the names of the parameters that it has, where the index has others too. */
  const named = (include: Include): readonly Include[] => {
    if (include.way !== 'to' || include.name !== undefined || !leaving.has(include.type)) return [include];
    const followed = [...parametersOf(include.type).values()].filter((one) => one.followed);
    const names = new Set(followed.flatMap(formsOf).map(({ name }) => name));
    return [...names].map((name) => ({ ...include, name }));
  };

  // Whatever an earlier house in this process left there.
  setCustomDefinitions([]);
  return {
    renew,
    committed: async () => {
      await Promise.allSettled(commits);
    },
    follow,
    guard: (engine) => ({
      ...engine,
      async search(query, after, signal) {
        await demandIndexed(query);
        const { includes } = query;
        const asked = leaving.size === 0 ? query : { ...query, includes: includes.flatMap(named) };
        return engine.search(asked, after, signal);
      },
      async commit(changes) {
        const commit = engine.commit(changes);
        commits.add(commit);
        const written = await commit.finally(() => commits.delete(commit));
        if (changes.some(concerns)) await renew();
        return written;
      },
    }),
  };
}

const definitionOf = ({ definition, job, indexed }: KeptParameter): Definition =>
  indexed ? definition : { ...definition, indexing: job };

const concerns = (change: Change): boolean =>
  (change.op === 'put' || change.op === 'drop') && change.kind === kinds.parameter;

/** Whose expression failed, by its id and code: an expression may have words in it that no log should have. */
function blamed({ type: place, expression }: Fault): { type: string; id?: string; code?: string } {
  const [type] = place.split('.') as [string];
  const texts = ({ expression, component = [] }: Definition) => [expression, ...component.map((one) => one.expression)];
  const one = customDefinitionsOf(type).find((it) => texts(it).some((text) => text?.includes(expression)));
  return { type, ...(one && { id: one.id, code: one.code }) };
}

const notYet = ({ type, code, job }: Unready): Problem => notIndexed(`Search parameter ${quote(code)} of ${type}`, job);
