/** The core on one page: all that stands between the doors and an opened store, behind one gate. Who builds it hands in what the world is. */

import type { Trail } from './audit/trail.ts';
import { ownAlong } from './audit/trail-along.ts';
import { readTrail, searchTrail } from './audit/trail-search.ts';
import { relativeTo } from './fhir/own-base.ts';
import { batch } from './interactions/batch.ts';
import { capabilities } from './interactions/capabilities.ts';
import { create } from './interactions/create.ts';
import { remove } from './interactions/delete.ts';
import { createDispatch } from './interactions/dispatch.ts';
import { history } from './interactions/history.ts';
import type { Derive, Dispatch } from './interactions/interaction.ts';
import { read } from './interactions/read.ts';
import { searchSystem, searchType } from './interactions/search.ts';
import { createLine } from './interactions/settle.ts';
import { transaction } from './interactions/transaction.ts';
import { update } from './interactions/update.ts';
import { vread } from './interactions/vread.ts';
import { createWritePath, type WriteRules } from './interactions/write.ts';
import type { Log } from './log.ts';
import { openOperations } from './operations/open.ts';
import { CAPABILITY_DATE, capabilityStatement, declared, promisedOperations } from './publish/capability.ts';
import type { Runtime } from './runtime.ts';
import { extractorAt } from './search/extract.ts';
import { createPageTokens } from './search/page-token.ts';
import type { IndexEntries } from './search/query.ts';
import type { ConsentRoom } from './smart/consents/room.ts';
import type { Offered } from './smart/discovery.ts';
import type { Consents } from './smart/policies/parts.ts';
import { type Policies, readPolicies } from './smart/policies/policy.ts';
import { type AccessRoom, createAccessRoom, watchedBy } from './smart/policies/room.ts';
import type { Engine } from './store/engine.ts';
import type { Leases } from './store/lease.ts';

export interface CoreParts extends Pick<WriteRules, 'canonical' | 'references' | 'prepare'> {
  readonly engine: Engine;
  readonly trail: Trail;
  readonly runtime: Runtime;
  /** Absolute URL of the FHIR base, without a trailing slash. */
  readonly base: string;
  /** Of this program, for the CapabilityStatement. */
  readonly version: string;
  /** The same of the authorization server, where there is one. */
  readonly offered?: Offered;
  /** 32 bytes. */
  readonly pageKey: Uint8Array;
  /** What follows from a write, by the type that is written; given what follows from a SearchParameter. */
  readonly derive: (followSearchParameter: Derive) => WriteRules['derive'];
  /** What the roles of callers open; by default what capability/access/ says. */
  readonly policies?: Policies;
  /** What Consents leave of it; by default all. */
  readonly consents?: (store: Engine) => Consents & Partial<Pick<ConsentRoom, 'watch'>>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly leases: Leases;
  readonly signal: AbortSignal;
}

export interface Core {
  /** The store for everybody above. */
  readonly store: Engine;
  readonly dispatch: Dispatch;
  /** What tokens and device keys open. */
  readonly access: AccessRoom;
  /** The index entries of a stored text. */
  extract(text: string): IndexEntries;
  /** See `OperationsRoom`. */
  registerStored(): Promise<void>;
  /** Resolves after the signal. */
  readonly stopped: Promise<void>;
}

/** Search knows the stored SearchParameters when this resolves. */
export async function openCore(parts: CoreParts): Promise<Core> {
  const { engine, trail, runtime, base, canonical, version, offered, log, leases, signal, references, prepare } = parts;
  const relative = relativeTo(base);
  const extract = extractorAt(base);
  const promised = promisedOperations();
  const why: AccessRoom['why'] = (asked) => access.why(asked);
  const opening = { engine, runtime, extract, relative, log, signal, leases, promised, why };
  const { store: opened, operations, followSearchParameter, registerStored, stopped } = await openOperations(opening);
  const { policies = readPolicies() } = parts;
  const consents = parts.consents?.(opened);
  const store = watchedBy(consents?.watch?.(opened, () => access.forget()) ?? opened, () => access);
  const access = createAccessRoom({ store, base, canonical, extract, runtime, policies, consents });
  const derive = parts.derive(followSearchParameter);
  const writes = createWritePath({ now: runtime.now, canonical, relative, references, prepare, derive });
  const line = createLine();
  const tokens = createPageTokens(parts.pageKey, runtime.random);
  const view = { canonical, server: new URL(base).hostname, runtime };
  const dispatch = createDispatch({
    store,
    trail,
    runtime,
    base,
    declared,
    interactions: [
      readTrail(read, view),
      vread,
      create(writes, runtime, line),
      update(writes, runtime, line),
      remove(writes, runtime, line),
      history,
      searchTrail(searchType(tokens, runtime.now, ownAlong(view)), tokens, view),
      searchSystem(tokens, runtime.now, ownAlong(view)),
      batch,
      transaction(writes, runtime, declared),
      capabilities((asked) => capabilityStatement({ base: asked, canonical, version, date: CAPABILITY_DATE, offered })),
    ],
    operations,
  });
  return { store, dispatch, access, extract, registerStored, stopped };
}
