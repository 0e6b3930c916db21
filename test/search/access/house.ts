/** A house from the real parts, as src/server.ts puts them together, whose doorkeeper knows the callers that a test brings. */
import { createTrail } from '../../../src/audit/trail.ts';
import { relativeTo } from '../../../src/fhir/own-base.ts';
import { createApp } from '../../../src/http/app.ts';
import { createListener } from '../../../src/http/connection.ts';
import { batch } from '../../../src/interactions/batch.ts';
import { create } from '../../../src/interactions/create.ts';
import { remove } from '../../../src/interactions/delete.ts';
import { createDispatch } from '../../../src/interactions/dispatch.ts';
import { history } from '../../../src/interactions/history.ts';
import type { Caller } from '../../../src/interactions/interaction.ts';
import { read } from '../../../src/interactions/read.ts';
import { searchSystem, searchType } from '../../../src/interactions/search.ts';
import { createLine } from '../../../src/interactions/settle.ts';
import { transaction } from '../../../src/interactions/transaction.ts';
import { update } from '../../../src/interactions/update.ts';
import { vread } from '../../../src/interactions/vread.ts';
import { createWritePath } from '../../../src/interactions/write.ts';
import { openOperations } from '../../../src/operations/open.ts';
import { declared, promisedOperations } from '../../../src/publish/capability.ts';
import { type Runtime, systemRuntime } from '../../../src/runtime.ts';
import { extract } from '../../../src/search/extract.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { createPageTokens } from '../../../src/search/page-token.ts';
import { administrator } from '../../../src/smart/access.ts';
import { createIdentify } from '../../../src/smart/identify.ts';
import { startLeases } from '../../../src/store/lease.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Answer } from '../../support/house.ts';

export interface AccessHouse {
  readonly base: string;
  /** The administrator asks, unless `as` names a caller; `path` below the base, or a whole link. */
  ask(method: string, path: string, options?: Asking): Promise<Answer>;
  /** What `Runtime.now` says from now on. */
  setClock(at: number): void;
  /** Callers by the name that `as` gives. */
  readonly callers: Map<string, Caller>;
  stop(): Promise<void>;
}

export interface Asking {
  readonly as?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const adminToken = 'administrator-of-the-test';

export async function openAccessHouse(begin: number): Promise<AccessHouse> {
  let clock = begin;
  const runtime: Runtime = { ...systemRuntime, now: () => clock };
  const engine = await openSqliteStore({ file: ':memory:', runtime, indexVersion: INDEX_VERSION });
  let app: Parameters<typeof createListener>[0] = () => undefined;
  const listener = createListener((request, response) => app(request, response));
  const { port } = await listener.listen(0, '127.0.0.1');
  const origin = `http://127.0.0.1:${port}`;
  const base = `${origin}/fhir`;
  const relative = relativeTo(base);
  const stop = new AbortController();
  const log = { warn: () => undefined, error: () => undefined };
  const { signal } = stop;
  const leases = startLeases({ store: engine, runtime, owner: 'house', isShared: false, log, signal });
  const { store, operations, stopped } = await openOperations({
    engine,
    runtime,
    extract: (text) => extract(JSON.parse(relative(text))),
    relative,
    log,
    signal,
    leases,
    promised: promisedOperations(),
  });
  const trail = createTrail(store, runtime, 'prompt');
  const tokens = createPageTokens(runtime.random(32), runtime.random);
  const line = createLine();
  const writes = createWritePath({
    now: runtime.now,
    canonical: 'https://house.example.org/fhir',
    relative,
    references: 'open',
    prepare: {},
    derive: {},
  });
  const dispatch = createDispatch({
    store,
    trail,
    runtime,
    base,
    declared,
    interactions: [
      read,
      vread,
      create(writes, runtime, line),
      update(writes, runtime, line),
      remove(writes, runtime, line),
      history,
      searchType(tokens, runtime.now, async () => []),
      searchSystem(tokens, runtime.now, async () => []),
      batch,
      transaction(writes, runtime, declared),
    ],
    operations,
  });
  const callers = new Map<string, Caller>([['admin', administrator]]);
  const { identify } = createIdentify({ store, runtime, adminToken });
  app = createApp({
    dispatch,
    identify: async (authorization) =>
      callers.get(authorization?.slice('Bearer '.length) ?? '') ?? identify(authorization),
    trail,
    runtime,
    origin,
    hasVersions: (type) => declared('vread', type),
    observe: () => undefined,
    rooms: [],
    publicRooms: [],
  });
  return {
    base,
    callers,
    setClock: (at) => {
      clock = at;
    },
    async ask(method, path, { as = 'admin', body, headers } = {}) {
      const isForm = typeof body === 'string';
      const response = await fetch(path.startsWith('http') ? path : `${base}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${as}`,
          ...(body !== undefined && {
            'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/fhir+json',
          }),
          ...headers,
        },
        body: body === undefined || isForm ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
    async stop() {
      await listener.drain(0, runtime);
      stop.abort();
      await stopped;
      await leases.stopped;
      await trail.flush();
      await engine.close();
    },
  };
}
