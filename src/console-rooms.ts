/** Pages for people and what they live on, on one page: who looks, live events, files. Stands beside core.ts; docs/decisions/0011-two-pages-of-wiring.md */
import type { RequestHandler } from 'express';
import type { AccessRooms } from './access-rooms.ts';
import type { Config } from './config.ts';
import { assetsRouter } from './console/assets.ts';
import { administratorSessions } from './console/session/administrator.ts';
import { createPages, type IdentifyPage } from './console/session/identify-page.ts';
import { sessionRouter } from './console/session/router.ts';
import type { Core } from './core.ts';
import type { Dispatch } from './interactions/interaction.ts';
import type { Runtime } from './runtime.ts';
import type { Store } from './store/store.ts';

export interface ConsoleParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  readonly config: Config;
  /** Public URL without a path, and the FHIR base below it. */
  readonly url: string;
  readonly base: string;
  readonly adminToken: string;
  readonly access: Pick<AccessRooms, 'identify' | 'users'>;
  readonly core: Pick<Core, 'access' | 'extract'>;
}

export interface ConsoleRooms {
  readonly rooms: readonly { readonly path: string; readonly room: RequestHandler }[];
  /** For rooms that pages ask: `identified(identifyPage, room)`. */
  readonly identifyPage: IdentifyPage;
}

export function openConsole(parts: ConsoleParts): ConsoleRooms {
  const { store, runtime, config, url, adminToken, access, core } = parts;
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
  });
  return {
    identifyPage: pages.identifyPage,
    rooms: [
      { path: '/console/assets', room: assetsRouter() },
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
        }),
      },
    ],
  };
}
