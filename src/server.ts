/** The whole house on one page: what is built, in which order, and who gets what. */
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import { flagVitals, followFlag } from './alerts/flag.ts';
import { loadThresholds } from './alerts/thresholds.ts';
import { followDevice, followUse } from './assignments/assignment.ts';
import { createTrail } from './audit/trail.ts';
import { ownAlong } from './audit/trail-along.ts';
import { readTrail, searchTrail } from './audit/trail-search.ts';
import type { Config } from './config.ts';
import { problem } from './fhir/outcome.ts';
import { relativeTo } from './fhir/own-base.ts';
import { adminRouter, onlyAdministrator } from './http/admin.ts';
import { createApp, identified, type Observed } from './http/app.ts';
import { addressUrl, createListener } from './http/connection.ts';
import { healthRouter, type Phase } from './http/health.ts';
import { createMetrics, type Metrics, metricsRouter } from './http/metrics.ts';
import { portalRouter } from './http/portal.ts';
import { sendProblem } from './http/respond.ts';
import { loadMapping } from './ingest/mapping.ts';
import { batch } from './interactions/batch.ts';
import { capabilities } from './interactions/capabilities.ts';
import { create } from './interactions/create.ts';
import { remove } from './interactions/delete.ts';
import { createDispatch } from './interactions/dispatch.ts';
import { history } from './interactions/history.ts';
import { read } from './interactions/read.ts';
import { searchSystem, searchType } from './interactions/search.ts';
import { createLine } from './interactions/settle.ts';
import { transaction } from './interactions/transaction.ts';
import { update } from './interactions/update.ts';
import { vread } from './interactions/vread.ts';
import { createWritePath } from './interactions/write.ts';
import { createLog, type Log } from './log.ts';
import { openEngine } from './open-engine.ts';
import { openOperations } from './operations/open.ts';
import { guardedClient } from './outbound/guarded-client.ts';
import { createClosing } from './process/closing.ts';
import { inDataFolder } from './process/data-folder.ts';
import { trimWhenQuiet } from './process/memory.ts';
import { takeOwnership } from './process/owner.ts';
import { capabilityStatement, declared, promisedOperations } from './publish/capability.ts';
import { openApi } from './publish/openapi.ts';
import { type Runtime, systemRuntime } from './runtime.ts';
import { extract } from './search/extract.ts';
import { INDEX_VERSION } from './search/index-version.ts';
import { createPageTokens } from './search/page-token.ts';
import { parametersOf } from './search/parameters.ts';
import { accessOf, fullAccess } from './smart/access.ts';
import { adminToken } from './smart/admin-token.ts';
import { createIdentify } from './smart/identify.ts';
import { keepCanonical, pageKeyOf } from './store/facts.ts';
import { noLeases, startLeases } from './store/lease.ts';
import { forgetSubscription, prepareSubscription } from './subscriptions/prepare.ts';
import { startSubscriptions } from './subscriptions/subscriptions.ts';
import { demandWhole } from './transfer/demands.ts';
import { iotRouter } from './translators/iot.ts';

export interface House {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  readonly adminToken: string;
  /** Where the admin token is kept, when it was not configured. */
  readonly adminTokenFile: string | undefined;
  /** Not ready, no new connections, requests in flight finish, the store closes. */
  stop(): Promise<void>;
}

export interface Surroundings {
  /** The clock, random source and timers; the system's where left out. */
  readonly runtime?: Runtime;
  /** It is here for one command: work that other servers of the store do is left to them. */
  readonly isBrief?: boolean;
}

/** When capability/ was last changed. */
const CAPABILITY_DATE = '2026-11-24';
const profiles = fileURLToPath(new URL('../profiles/', import.meta.url));
const mappings = fileURLToPath(new URL('../mappings/', import.meta.url));

const observeWith = (metrics: Metrics, log: Log) => (seen: Observed) => {
  const { route, method, status, seconds, requestId, who, error } = seen;
  metrics.observeRequest(route, method, status, seconds);
  log.access({ route, method, status, ms: Math.round(seconds * 1_000_000) / 1_000, requestId, who });
  if (error !== undefined) log.error('request failed', error, { route, requestId, status });
};

/** Builds the house, opens its store and listens. Rejects with a sentence where that cannot be. */
export async function startHouse(config: Config, surroundings: Surroundings = {}): Promise<House> {
  const { runtime = systemRuntime, isBrief = false } = surroundings;
  const closing = createClosing();
  const ownership = inDataFolder(config.data, () => takeOwnership(config.data));
  closing.add(ownership.release);
  const log = createLog({ level: config.logLevel, runtime });
  const metrics = createMetrics();
  closing.add(metrics.close);
  let phase: Phase = 'starting';
  let app: RequestListener = (request, response) =>
    sendProblem(
      request,
      response,
      problem('transient', 'the server is starting', { headers: { 'Retry-After': '1' } }),
      '',
    );
  const listener = createListener((request, response) => app(request, response));
  try {
    // Listening first: a port that is taken must not cost an opened store, and links need the port.
    const { port } = await listener.listen(config.port, config.host);
    const { engine, isShared, owner } = await openEngine({
      config,
      runtime,
      log,
      onCommit: (lists, refused, seconds) => {
        metrics.observeCommit(lists, seconds);
        if (refused > 0) metrics.count('conflicts', refused);
      },
    });
    closing.add(engine.close);
    await demandWhole(engine);
    const { canonical } = config;
    await keepCanonical(engine, canonical);
    const url = config.baseUrl ?? addressUrl(config.host, port);
    const base = `${url}/fhir`;
    const admin = inDataFolder(config.data, () => adminToken(config.data, config.adminToken, runtime));
    const trail = createTrail(engine, runtime, config.auditReads);
    closing.add(trail.flush);
    const client = guardedClient({ allow: config.outboundAllow, runtime });
    closing.add(client.close);
    const tokens = createPageTokens(await pageKeyOf(engine, runtime), runtime.random);
    const view = { canonical, server: new URL(url).hostname, runtime };
    const line = createLine();
    const relative = relativeTo(base);
    const extractFrom = (text: string) => extract(JSON.parse(relative(text)));
    const stop = new AbortController();
    const { signal } = stop;
    const leases =
      isBrief && isShared ? noLeases : startLeases({ store: engine, runtime, owner, isShared, log, signal });
    closing.add(() => leases.stopped);
    closing.add(() => stop.abort());
    const { store, operations, followSearchParameter, registerStored, stopped } = await openOperations({
      engine,
      runtime,
      extract: extractFrom,
      relative,
      log,
      signal,
      leases,
      promised: promisedOperations(),
    });
    closing.add(() => stopped);
    closing.add(() => stop.abort());
    const thresholds = loadThresholds(profiles);
    const writes = createWritePath({
      now: runtime.now,
      canonical,
      relative,
      references: config.references,
      prepare: { Subscription: prepareSubscription({ client, runtime, base }) },
      derive: {
        Observation: [flagVitals(thresholds)],
        Flag: [followFlag],
        Device: [followDevice],
        DeviceUseStatement: [followUse],
        Subscription: [forgetSubscription],
        SearchParameter: [followSearchParameter],
      },
    });
    const { version } = packageJson;
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
        capabilities((asked) =>
          capabilityStatement({ base: asked, canonical, version, date: CAPABILITY_DATE, parametersOf }),
        ),
      ],
      operations,
    });
    const { identify, forget } = createIdentify({ store, runtime, adminToken: admin.token });
    const isAdmin = async (token: string) =>
      (await identify(`Bearer ${token}`).catch(() => undefined))?.access === fullAccess;
    const counters = { delivered: 0, failed: 0, waiting: 0 };
    metrics.counter('notificationsDelivered', () => counters.delivered);
    metrics.counter('notificationsFailed', () => counters.failed);
    metrics.gauge('notificationsWaiting', () => counters.waiting);
    metrics.counter('auditRows', async () => (await store.sizes()).auditRows);
    startSubscriptions({
      store,
      dispatch,
      runtime,
      base,
      log,
      accessOf,
      counters,
      signal,
      leases,
      extract,
      client,
    });
    let indexed = store.indexVersion() >= INDEX_VERSION ? 1 : 0;
    metrics.gauge('indexProgress', () => indexed);
    const upgrade = async (until: AbortSignal) => {
      const isDone = await store.upgradeIndex({
        indexVersion: INDEX_VERSION,
        extract: ({ text }) => extractFrom(text),
        signal: until,
        onProgress: (done, of) => {
          indexed = done / of;
        },
      });
      if (!isDone) return;
      indexed = 1;
      await registerStored();
    };
    if (indexed === 1) {
      const registered = upgrade(signal).catch((error: unknown) => log.error('index upgrade stopped', error));
      closing.add(() => registered);
    } else leases.hold('index-upgrade', (held) => upgrade(held.signal));
    // Before what they work with is closed.
    closing.add(() => leases.stopped);
    const observe = observeWith(metrics, log);
    let requests = 0;
    const trimmed = trimWhenQuiet(() => requests, runtime, stop.signal);
    closing.add(() => trimmed);
    closing.add(() => stop.abort());
    const isProduction = config.profile === 'production';
    app = createApp({
      dispatch,
      identify,
      trail,
      runtime,
      origin: url,
      hasVersions: (type) => declared('vread', type),
      observe: (seen) => {
        requests++;
        observe(seen);
      },
      rooms: [
        {
          path: '/api/iot',
          room: iotRouter({
            dispatch,
            store,
            runtime,
            canonical,
            base,
            thresholds,
            mapping: loadMapping(join(mappings, 'iot-vitals')),
            // Inside, so that a wrong key is refused in the devices' own words.
            guard: identified(identify, (_request, _response, next) => next()),
          }),
        },
        {
          path: '/admin',
          room: identified(identify, adminRouter({ store, base, runtime, forget, facts: store.sizes })),
        },
      ],
      publicRooms: [
        healthRouter({
          phase: () => phase,
          checks: () => ({
            store: { ok: store.fault() === undefined },
            notifier: { ok: !leases.isOver() },
            // Searches are refused meanwhile: they would miss what is not indexed yet.
            index: { ok: indexed === 1, progress: indexed },
          }),
        }),
        portalRouter({ openApi: () => openApi({ version, parametersOf }), admits: isProduction ? isAdmin : undefined }),
        ...(config.metrics ? [metricsRouter({ metrics, guard: identified(identify, onlyAdministrator) })] : []),
      ],
    });
    // Commands on this machine come this way, whatever the world calls the server.
    ownership.listensAt(addressUrl(config.host, port));
    phase = 'ready';
    log.info('server started', { port, version });
    return {
      url,
      adminToken: admin.token,
      adminTokenFile: admin.file,
      async stop() {
        phase = 'draining';
        log.info('server draining');
        await listener.drain(config.drainSeconds, runtime);
        await closing.all();
        log.info('server stopped');
        log.flush();
      },
    };
  } catch (error) {
    listener.cut();
    await closing.all().catch((failed: unknown) => log.error('start could not be undone', failed));
    throw error;
  }
}
