/** Pages for people and what they live on, on one page: who looks, live events, files. Stands beside core.ts; docs/decisions/0011-two-pages-of-wiring.md */
import { fileURLToPath } from 'node:url';
import type { RequestHandler } from 'express';
import type { AccessRooms } from './access-rooms.ts';
import { createStoredLimits } from './alerts/stored-limits.ts';
import type { Limits } from './alerts/thresholds.ts';
import type { Config } from './config.ts';
import { assetsRouter } from './console/assets.ts';
import { cardiacApi } from './console/cardiac/api.ts';
import { cardiacPages } from './console/cardiac/pages.ts';
import { feedsPage, quarantinePage } from './console/feeds/pages.ts';
import { createLive } from './console/live/router.ts';
import { pushWorkerRouter } from './console/push-worker.ts';
import { administratorSessions } from './console/session/administrator.ts';
import { createPages, type IdentifyPage } from './console/session/identify-page.ts';
import { sessionRouter } from './console/session/router.ts';
import { documentAt } from './console/shell.ts';
import { startRouter } from './console/start.ts';
import type { Core } from './core.ts';
import { identified } from './http/app.ts';
import { loadMapping } from './ingest/mapping.ts';
import type { Dispatch } from './interactions/interaction.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';
import type { Engine } from './store/engine.ts';

export interface ConsoleParts {
  readonly store: Engine;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  readonly config: Config;
  /** Shipped limits of alerts. */
  readonly limits: Limits;
  /** Public URL without a path, and the FHIR base below it. */
  readonly url: string;
  readonly base: string;
  readonly adminToken: string;
  readonly access: Pick<AccessRooms, 'identify' | 'users'>;
  readonly core: Pick<Core, 'access'>;
  readonly log: Log;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

export interface ConsoleRooms {
  readonly rooms: readonly { readonly path: string; readonly room: RequestHandler }[];
  /** For rooms that pages ask: `identified(identifyPage, room)`. */
  readonly identifyPage: IdentifyPage;
  /** Ends what would go on for ever, so that a server that stops need not wait for it. */
  close(): void;
  /** After the signal. */
  readonly stopped: () => Promise<void>;
}

export function openConsole(parts: ConsoleParts): ConsoleRooms {
  const { store, runtime, config, url, base, adminToken, access, core, log, signal } = parts;
  const { sessions, cookie } = access.users;
  const limits = { idle: config.sessionIdleMinutes * 60_000, absolute: config.sessionHours * 3_600_000 };
  const administrators = administratorSessions({ store, runtime, adminToken, url, idle: limits.idle });
  const pages = createPages({
    identify: access.identify,
    accessFor: core.access.accessFor,
    sessions,
    limits,
    cookie,
    administrators,
    runtime,
  });
  const { canonical } = config;
  const mapping = loadMapping(fileURLToPath(new URL('../mappings/iot-vitals', import.meta.url)));
  const storedFor = createStoredLimits(parts.limits);
  const limitsOf = async (patient: string) => [...(await storedFor(patient, [], store)), parts.limits];
  const live = createLive({ store, runtime, base, canonical, log, signal, again: pages.again });
  return {
    close: live.close,
    stopped: () => live.stopped,
    identifyPage: pages.identifyPage,
    rooms: [
      { path: '/events', room: identified(pages.identifyPage, live.room) },
      { path: '/console/assets', room: assetsRouter() },
      { path: '/console/push', room: pushWorkerRouter() },
      { path: '/cardiac', room: cardiacPages() },
      { path: '/feeds', room: documentAt(feedsPage) },
      { path: '/quarantine', room: documentAt(quarantinePage) },
      {
        path: '/console/api',
        room: identified(pages.identifyPage, cardiacApi({ ...parts, canonical, mapping, limitsOf })),
      },
      { path: '/console', room: startRouter() },
      {
        path: '/console',
        room: sessionRouter({
          pages,
          store,
          runtime,
          adminToken,
          administrators,
          sessions,
          cookie,
          hasSignIn: config.oauth,
          hasPush: config.pushContact !== undefined,
          idle: limits.idle,
        }),
      },
    ],
  };
}
