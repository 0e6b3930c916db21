/** The whole house on one page: what is built, in which order, and who gets what. */
import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import { type AccessRooms, offeredBy, openAccess } from './access-rooms.ts';
import { openAlerts } from './alert-rooms.ts';
import { followAcceptance } from './alerts/acknowledge/follow-task.ts';
import { followQueue } from './alerts/data-quality.ts';
import { flagVitals } from './alerts/flag.ts';
import { followFlag } from './alerts/follow-flag.ts';
import { prepareFlag } from './alerts/prepare-flag.ts';
import { followAnswer, followTask } from './alerts/process/follow.ts';
import { preparePlan } from './alerts/process/plan.ts';
import { createAlertBells } from './alerts/process/room.ts';
import { followLimits } from './alerts/stored-limits.ts';
import { loadLimits } from './alerts/thresholds.ts';
import { followDevice, followUse } from './assignments/assignment.ts';
import { createTrail } from './audit/trail.ts';
import type { Config } from './config.ts';
import { openConsole } from './console-rooms.ts';
import { openCore } from './core.ts';
import { openFeeds } from './feed-rooms.ts';
import { problem } from './fhir/outcome.ts';
import { adminRouter } from './http/admin.ts';
import { onlyAdministrator } from './http/admin-desk.ts';
import { createApp, identified, type Observed } from './http/app.ts';
import { addressUrl, createListener } from './http/connection.ts';
import { healthRouter, type Phase } from './http/health.ts';
import { createMetrics, type Metrics, metricsRouter } from './http/metrics.ts';
import { portalRouter } from './http/portal.ts';
import { sendProblem } from './http/respond.ts';
import { tellMakerOfTask } from './ingest/feeds/follow-task.ts';
import { createLog, type Log } from './log.ts';
import { openEngine } from './open-engine.ts';
import { startIndexUpgrade } from './operations/index-upgrade.ts';
import { guardedClient } from './outbound/guarded-client.ts';
import { createClosing } from './process/closing.ts';
import { inDataFolder } from './process/data-folder.ts';
import { trimWhenQuiet } from './process/memory.ts';
import { takeOwnership } from './process/owner.ts';
import { declared } from './publish/capability.ts';
import { openApi } from './publish/openapi.ts';
import { type Runtime, systemRuntime } from './runtime.ts';
import { extract } from './search/extract.ts';
import { adminToken } from './smart/admin-token.ts';
import { keepPortalClient } from './smart/clients/portal-client.ts';
import { type ConsentRoom, createConsents } from './smart/consents/room.ts';
import { keepCanonical, pageKeyOf } from './store/facts.ts';
import { noLeases, startLeases } from './store/lease.ts';
import { forgetSubscription, prepareSubscription } from './subscriptions/prepare.ts';
import { startSubscriptions } from './subscriptions/subscriptions.ts';
import { demandWhole } from './transfer/demands.ts';

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
  /** Another way to tell who asks, given the house's own. No setting leads here: bench/open-house.ts shows what access costs. */
  readonly identifying?: (own: AccessRooms['identify']) => AccessRooms['identify'];
}

const profiles = fileURLToPath(new URL('../profiles/', import.meta.url));

const observeWith = (metrics: Metrics, log: Log) => (seen: Observed) => {
  const { route, method, status, seconds, requestId, who, error } = seen;
  metrics.observeRequest(route, method, status, seconds);
  log.access({ route, method, status, ms: Math.round(seconds * 1_000_000) / 1_000, requestId, who });
  if (error !== undefined) log.error('request failed', error, { route, requestId, status });
};

/** Builds the house, opens its store and listens. Rejects with a sentence where that cannot be. */
export async function startHouse(config: Config, surroundings: Surroundings = {}): Promise<House> {
  const { runtime = systemRuntime, isBrief = false, identifying = (own) => own } = surroundings;
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
    const stop = new AbortController();
    const { signal } = stop;
    const leases =
      isBrief && isShared ? noLeases : startLeases({ store: engine, runtime, owner, isShared, log, signal });
    closing.add(() => leases.stopped);
    closing.add(() => stop.abort());
    const limits = loadLimits(profiles);
    const { version } = packageJson;
    const bells = createAlertBells();
    let consents!: ConsentRoom;
    const core = await openCore({
      engine: bells.watch(engine),
      trail,
      runtime,
      base,
      canonical,
      version,
      offered: offeredBy(config, url),
      pageKey: await pageKeyOf(engine, runtime),
      references: config.references,
      consents: (store) => (consents = createConsents({ store, base, runtime, mode: config.consent })),
      prepare: {
        Subscription: prepareSubscription({ client, runtime, base }),
        PlanDefinition: preparePlan,
        Flag: prepareFlag,
      },
      derive: (followSearchParameter) => ({
        Observation: [flagVitals(limits, config.alertFlood)],
        ObservationDefinition: [followLimits],
        Flag: [followFlag],
        Task: [followTask, followAcceptance, followQueue, tellMakerOfTask],
        Communication: [followAnswer],
        Device: [followDevice],
        DeviceUseStatement: [followUse],
        Subscription: [forgetSubscription],
        SearchParameter: [followSearchParameter],
      }),
      log,
      leases,
      signal,
    });
    closing.add(() => core.stopped);
    closing.add(() => stop.abort());
    const { store, dispatch } = core;
    const access = openAccess({
      store,
      runtime,
      url,
      base,
      config,
      adminToken: admin.token,
      client,
      trail,
      access: core.access,
      dispatch,
      log,
    });
    if (config.oauth && !isBrief) await keepPortalClient(store, runtime, url);
    const { accessOf } = access;
    const identify = identifying(access.identify);
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
    const pages = openConsole({
      store,
      limits,
      dispatch,
      runtime,
      config,
      url,
      base,
      adminToken: admin.token,
      access,
      core,
      log,
      signal,
    });
    closing.add(pages.stopped);
    const alerts = await openAlerts({
      store,
      dispatch,
      runtime,
      config,
      url,
      base,
      // Pages ask these rooms too.
      identify: pages.identifyPage,
      client,
      metrics,
      log,
      leases,
      bells,
      limits,
      consents,
      isBrief,
    });
    const feeds = await openFeeds({
      store,
      dispatch,
      runtime,
      config,
      base,
      thresholds: limits.vital,
      identify: pages.identifyPage,
      client,
      metrics,
      log,
      leases,
      signal,
      isBrief,
    });
    closing.add(() => feeds.stopped);
    const index = startIndexUpgrade({ ...core, leases, log, signal });
    metrics.gauge('indexProgress', index.progress);
    closing.add(() => index.settled);
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
        ...access.rooms,
        ...alerts.rooms,
        // Documents first: those below /cardiac need nobody, and what they do not answer goes on.
        ...pages.rooms,
        ...feeds.rooms,
        {
          path: '/admin',
          room: identified(
            identify,
            adminRouter({
              store,
              base,
              runtime,
              forget: access.forget,
              facts: store.sizes,
              rooms: [...access.adminRooms, ...feeds.adminRooms],
            }),
          ),
        },
      ],
      publicRooms: [
        ...access.publicRooms,
        ...alerts.publicRooms,
        healthRouter({
          phase: () => phase,
          checks: () => ({
            store: { ok: store.fault() === undefined },
            notifier: { ok: !leases.isOver() },
            index: { ok: index.progress() === 1, progress: index.progress() },
          }),
        }),
        portalRouter({
          openApi: () => openApi(version, config.oauth),
          admits: isProduction ? (token) => access.isAdministrator(`Bearer ${token}`) : undefined,
        }),
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
        pages.close();
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
