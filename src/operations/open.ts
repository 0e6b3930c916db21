/** Puts the operations together with the custom search parameters that some of them look after. docs/search-parameters.md */
import type { Derive } from '../interactions/interaction.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import type { IndexEntries } from '../search/query.ts';
import type { Why } from '../smart/policies/why.ts';
import { fenced, type Leases } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import { createCustomParameters } from './custom-parameters.ts';
import type { Explain } from './explain-search.ts';
import { followSearchParameter } from './follow-parameter.ts';
import { demandPromised, type Operation, type OperationPlace } from './operation.ts';
import { createOperations } from './operations.ts';
import { startReindexing } from './reindex-work.ts';
import { registerStored } from './stored-parameters.ts';

/** How long a job that was asked for at another server may wait to be seen, in milliseconds. */
const jobsOfOthers = 2_000;
/** How long another server may take to hear of a SearchParameter and to store what it extracted before, in milliseconds. */
const newsTravel = 20_000;

export interface OperationsRoom<S extends Store> {
  /** The store for everybody; see `CustomParameters.guard`. */
  readonly store: S;
  readonly operations: readonly Operation[];
  /** What follows from a written SearchParameter. */
  readonly followSearchParameter: Derive;
  /** Takes on the SearchParameters that an older Watchfire stored; see stored-parameters.ts. Call it once the index is current. */
  registerStored(): Promise<void>;
  /** Resolves after the signal; the job under way ends with the leases. */
  readonly stopped: Promise<void>;
}

export interface OperationsRoomParts<S> {
  readonly engine: S;
  readonly runtime: Runtime;
  /** The index entries of a stored text. */
  readonly extract: (text: string) => IndexEntries;
  /** A stored text with references relative to this server. */
  readonly relative: (text: string) => string;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly signal: AbortSignal;
  readonly leases: Pick<Leases, 'hold' | 'isShared' | 'isAlone'>;
  readonly why: Why;
  /** What capability/ promises: all of it must be there, and nothing else. */
  readonly promised: readonly OperationPlace[];
}

/** Search knows the stored SearchParameters when this resolves, and jobs that were stopped go on. */
export async function openOperations<S extends Store & { readonly explain: Explain }>(
  parts: OperationsRoomParts<S>,
): Promise<OperationsRoom<S>> {
  const { engine, runtime, extract, relative, log, signal, leases, promised, why } = parts;
  const { explain } = engine;
  let wake = () => {};
  const custom = createCustomParameters({ store: engine, onRenewed: () => wake() });
  await custom.renew();
  leases.hold('reindex', async (held) => {
    const work = startReindexing({
      store: fenced(engine, held.fence),
      runtime,
      extract,
      renew: custom.renew,
      committed: custom.committed,
      log,
      signal: held.signal,
      ...(leases.isShared && { lookEvery: jobsOfOthers, beginAfter: () => (leases.isAlone() ? 0 : newsTravel) }),
    });
    wake = work.wake;
    await work.stopped;
  });
  const store = custom.guard(engine);
  const followed = custom.follow({ runtime, log, signal });
  return {
    store,
    operations: demandPromised(
      createOperations({ runtime, extract, explain, why, wake: () => wake(), renew: custom.renew }),
      promised,
    ),
    followSearchParameter: followSearchParameter(runtime),
    registerStored: () => registerStored({ store, runtime, relative, log, signal }),
    stopped: followed.catch((error: unknown) => log.error('search parameters are followed no longer', error)),
  };
}
