/** A house on the real core, whose doorkeeper knows the callers that a test brings; nothing follows from its writes. */
import { createTrail } from '../../src/audit/trail.ts';
import { type CoreParts, openCore } from '../../src/core.ts';
import { createApp } from '../../src/http/app.ts';
import { createListener } from '../../src/http/connection.ts';
import type { Access, Caller } from '../../src/interactions/interaction.ts';
import { declared } from '../../src/publish/capability.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { INDEX_VERSION } from '../../src/search/index-version.ts';
import { administrator } from '../../src/smart/access.ts';
import type { ConsentMode } from '../../src/smart/consents/narrowing.ts';
import { createConsents } from '../../src/smart/consents/room.ts';
import type { Grant } from '../../src/smart/grant.ts';
import { createIdentify } from '../../src/smart/identify.ts';
import type { AccessRoom } from '../../src/smart/policies/room.ts';
import type { Engine } from '../../src/store/engine.ts';
import { startLeases } from '../../src/store/lease.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Answer } from './house.ts';
import { testStore } from './test-store.ts';

export interface AccessHouse {
  readonly base: string;
  /** The administrator asks, unless `as` names a caller; `path` below the base, or a whole link. */
  ask(method: string, path: string, options?: Asking): Promise<Answer>;
  /** What `Runtime.now` says from now on. */
  setClock(at: number): void;
  /** Callers by the name that `as` gives. */
  readonly callers: Map<string, Caller>;
  /** What a token would have been granted, by the name that `as` gives. */
  readonly grants: Map<string, Grant>;
  readonly access: AccessRoom;
  /** The store itself, beside every gate. */
  readonly engine: Engine;
  stop(): Promise<void>;
}

/** What a test may put in the place of the usual. */
export interface Built {
  /** By default the engine that the run is about. */
  readonly openEngine?: (runtime: Runtime) => Promise<{ engine: Engine; drop: () => Promise<void> }>;
  /** The store that the core works on, over the one that was opened. */
  readonly over?: (engine: Engine) => Engine;
  /** The Access that a grant opens, over what the policies make of it. */
  readonly opened?: (access: Access) => Access;
}

export interface Asking {
  readonly as?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const adminToken = 'administrator-of-the-test';

/** The embedded engine in memory, whose clock is the house's. */
export const inMemory: NonNullable<Built['openEngine']> = async (runtime) => ({
  engine: await openSqliteStore({ runtime, indexVersion: INDEX_VERSION, file: ':memory:' }),
  drop: async () => undefined,
});

/** The engine that the run is about. */
async function usualEngine(runtime: Runtime): Promise<{ engine: Engine; drop: () => Promise<void> }> {
  const { store: uri, mongodbAcceptRelease: acceptRelease, drop } = await testStore();
  if (uri === 'sqlite') return inMemory(runtime);
  const shared = { runtime, indexVersion: INDEX_VERSION };
  const { openMongoStore } = await import('../../src/store/mongodb/open.ts');
  return { engine: await openMongoStore({ ...shared, uri, acceptRelease, log: () => undefined }), drop };
}

/** Opened with the policies of capability/access/, and without Consents, unless a test brings its own. */
export async function openAccessHouse(
  begin: number,
  {
    consentMode,
    openEngine = usualEngine,
    over = (engine) => engine,
    opened = (access) => access,
    ...rules
  }: Partial<Pick<CoreParts, 'policies' | 'consents' | 'references'>> &
    Built & { readonly consentMode?: ConsentMode } = {},
): Promise<AccessHouse> {
  let clock = begin;
  const runtime: Runtime = { ...systemRuntime, now: () => clock };
  const { engine, drop } = await openEngine(runtime);
  let app: Parameters<typeof createListener>[0] = () => undefined;
  const listener = createListener((request, response) => app(request, response));
  const { port } = await listener.listen(0, '127.0.0.1');
  const origin = `http://127.0.0.1:${port}`;
  const base = `${origin}/fhir`;
  const stop = new AbortController();
  const log = { warn: () => undefined, error: () => undefined };
  const { signal } = stop;
  const leases = startLeases({ store: engine, runtime, owner: 'house', isShared: false, log, signal });
  const trail = createTrail(engine, runtime, 'prompt');
  const { store, dispatch, access, stopped } = await openCore({
    engine: over(engine),
    trail,
    runtime,
    base,
    canonical: 'https://house.example.org/fhir',
    version: '0.0.0',
    pageKey: runtime.random(32),
    references: 'open',
    ...(consentMode && {
      consents: (store: Engine) => createConsents({ store, base, runtime, mode: consentMode }),
    }),
    ...rules,
    prepare: {},
    derive: () => ({}),
    log,
    leases,
    signal,
  }).catch(async (error) => {
    stop.abort();
    await listener.drain(0, runtime);
    await engine.close();
    throw error;
  });
  const callers = new Map<string, Caller>([['admin', administrator]]);
  const grants = new Map<string, Grant>();
  const { identify } = createIdentify({ store, runtime, adminToken, deviceAccess: access.deviceAccess });
  async function known(name: string): Promise<Caller | undefined> {
    const grant = grants.get(name);
    return grant ? { who: grant.who, access: opened(await access.accessFor(grant)) } : callers.get(name);
  }
  app = createApp({
    dispatch,
    identify: async (authorization) =>
      (await known(authorization?.slice('Bearer '.length) ?? '')) ?? identify(authorization),
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
    grants,
    access,
    engine,
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
      await drop();
    },
  };
}
